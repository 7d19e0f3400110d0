"""Graph network: joints talk along the limbs, then in time, block after block.

After ST-GCN (Yan et al., 2018, https://arxiv.org/abs/1801.07455) and ST-GCN++ (Duan et al., "PYSKL", 2022,
https://arxiv.org/abs/2205.09443): the limbs are only where the learned weights between joints begin, and each block
looks at several time scales side by side. Here small, for hundreds of clips, with masks for clips of any length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from behavior.recognition.bodies import body_of
from behavior.recognition.classifiers.network import NetworkClassifier
from behavior.recognition.clips import Clips
from pose.layouts import LIMBS_13, inner_joints

STREAMS = 11
"""Numbers per joint and frame: posture, place, bone, quick and slow motion (two each), and whether it was seen."""


def limb_matrix(joints: tuple[str, ...]) -> Tensor:
    """(3, K, K) ways by which joints are mixed at the start: itself, its limbs' other ends, everyone."""
    n = len(joints)
    limbs = torch.zeros(n, n)
    for a, b in LIMBS_13:
        if a in joints and b in joints:
            limbs[joints.index(a), joints.index(b)] = limbs[joints.index(b), joints.index(a)] = 1
    ends = limbs.sum(dim=0)
    limbs = torch.where(ends > 0, limbs / ends.clamp(min=1), 1 / n)  # a joint of no known limb listens to everyone
    return torch.stack([torch.eye(n), limbs, torch.full((n, n), 1 / n)])


class GraphBlock(nn.Module):
    """Mixing of joints, then convolutions in time at two scales and a maximum, and a shortcut around both."""

    def __init__(self, inputs: int, outputs: int, ways: Tensor, halve: bool) -> None:
        super().__init__()
        self.ways = nn.Parameter(ways.clone())
        self.mix = nn.Conv2d(inputs, len(ways) * outputs, 1, bias=False)
        self.mix_norm = nn.BatchNorm2d(outputs)
        half = outputs // 2
        self.reduce = nn.Conv2d(outputs, 2 * half, 1, bias=False)
        self.reduce_norm = nn.BatchNorm2d(2 * half)
        self.near = nn.Conv2d(half, half, (5, 1), padding=(2, 0), bias=False)
        self.far = nn.Conv2d(half, half, (5, 1), padding=(4, 0), dilation=(2, 1), bias=False)
        self.time_norm = nn.BatchNorm2d(2 * half)
        self.expand = nn.Conv2d(2 * half, outputs, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.dropout = nn.Dropout1d(0.1)
        self.halve = halve

    def forward(self, x: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        n, _, frames, joints = x.shape
        mixed = self.mix(x).reshape(n, len(self.ways), -1, frames, joints)
        y = torch.einsum("nwctj,wjk->nctk", mixed, self.ways)
        y = functional.relu(self.mix_norm(y)) * inside
        y = functional.relu(self.reduce_norm(self.reduce(y))) * inside
        near, far = y.chunk(2, dim=1)
        y = functional.relu(self.time_norm(torch.cat([self.near(near), self.far(far)], dim=1)))
        y = self.expand_norm(self.expand(y))
        x = functional.relu(y + self.shortcut(x)) * inside
        x = self.dropout(x.flatten(2)).reshape(x.shape)
        if self.halve:
            x = functional.max_pool2d(x, (2, 1), ceil_mode=True)
            inside = functional.max_pool2d(inside, (2, 1), ceil_mode=True)
        return x, inside


class GraphNetwork(nn.Module):
    """(B, STREAMS * K, T) series and their lengths to (B, C) logits."""

    def __init__(self, joints: tuple[str, ...], n_classes: int, widths: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.n_joints = len(joints)
        ways = limb_matrix(joints)
        self.enter = nn.Conv2d(STREAMS, widths[0], 1)
        self.place = nn.Parameter(torch.zeros(1, widths[0], 1, self.n_joints))  # which joint it is
        self.blocks = nn.ModuleList(
            GraphBlock(inputs, outputs, ways, halve=outputs > inputs or number == 0)
            for number, (inputs, outputs) in enumerate(zip((widths[0], *widths[:-1]), widths, strict=True))
        )
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(self.n_joints * widths[-1], n_classes)  # an arm is no leg: joints stay apart

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        frames = x.shape[2]
        inside = (torch.arange(frames, device=x.device)[None] < lengths[:, None]).to(x.dtype)[:, None, :, None]
        x = x.reshape(len(x), STREAMS, self.n_joints, frames).transpose(2, 3)  # (B, STREAMS, T, K)
        x = functional.relu(self.enter(x) + self.place) * inside
        for block in self.blocks:
            x, inside = block(x, inside)  # (B, W, T', K)
        mean = (x * inside).sum(dim=2) / inside.sum(dim=2)  # (B, W, K)
        logits: Tensor = self.classify(self.dropout(mean.flatten(1)))  # (B, C)
        return logits


@dataclass(eq=False, repr=False, kw_only=True)
class GraphClassifier(NetworkClassifier):
    """`GraphNetwork` on postures, bones and motions."""

    widths: tuple[int, ...] = (24, 32, 48)
    """Channels of each block; frames are halved where they grow."""

    def _build(self) -> nn.Module:
        return GraphNetwork(self.joints_, len(self.classes_), self.widths, self.dropout)

    def _series(self, clips: Clips) -> Tensor:
        body = body_of(clips, self.smooth)
        local = body.points - body.centre[:, :, None]
        ends = inner_joints(clips.joints)
        bone = local - local[:, :, ends]
        quick, slow = 2.5 * motion(body.points, 2), motion(body.points, 6)
        x = np.concatenate([local, body.points, 2 * bone, quick, slow, body.seen[..., None]], axis=3)  # (S, T, K, 11)
        x = np.nan_to_num(x).clip(-4, 4) * body.inside[..., None, None]
        series = x.transpose(0, 3, 2, 1).reshape(len(clips), -1, x.shape[1])
        return torch.from_numpy(np.ascontiguousarray(series, dtype=np.float32))


def motion(points: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """(S, T, K, 2) displacement over `lag` frames around each frame; 0 where the clip is too short for it."""
    moved = np.zeros_like(points)
    if points.shape[1] > lag:
        moved[:, lag // 2 : points.shape[1] - lag // 2] = points[:, lag:] - points[:, :-lag]
    return moved
