"""Temporal convolution network on three streams: joints, bones and motion.

After DD-Net (Yang et al., "Make Skeleton-based Action Recognition Model Smaller, Faster and Better", 2019,
https://arxiv.org/abs/1907.09658): distances between joints don't depend on place and view angle in the plane, motions
at two time scales tell slow from fast; and after the streams of 2s-AGCN (Shi et al., 2019,
https://arxiv.org/abs/1805.07694), here of one network. Clips of any length are looked at at `MOMENTS` moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from behavior.recognition.bodies import body_of
from behavior.recognition.classifiers.network import NetworkClassifier
from behavior.recognition.clips import RATE_HZ, Clips
from features.clips import evenly
from pose.layouts import inner_joints

MOMENTS = 32
"""Moments, evenly over its length, at which a clip is looked at."""


class Block(nn.Module):
    """Two convolutions and a shortcut; takes every `step`-th moment."""

    def __init__(self, inputs: int, outputs: int, step: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, outputs, 3, stride=step, padding=1, bias=False)
        self.first_norm = nn.BatchNorm1d(outputs)
        self.second = nn.Conv1d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm1d(outputs)
        same = inputs == outputs and step == 1
        self.shortcut = nn.Identity() if same else nn.Conv1d(inputs, outputs, 1, stride=step)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class TemporalNetwork(nn.Module):
    """(B, 3 K + 2, MOMENTS) series and lengths to (B, C) logits."""

    def __init__(self, joints: tuple[str, ...], n_classes: int, embed: int, width: int, dropout: float) -> None:
        super().__init__()
        self.n_joints = len(joints)
        self.inner = inner_joints(joints)
        self.pairs = [torch.from_numpy(side) for side in np.triu_indices(self.n_joints, 1)]
        sizes = (5 * self.n_joints + 3, 2 * self.n_joints + len(self.pairs[0]), 4 * self.n_joints)
        self.embed = nn.ModuleList(
            nn.Sequential(nn.Conv1d(size, embed, 4, stride=2, padding=1), nn.BatchNorm1d(embed), nn.ReLU())
            for size in sizes
        )
        self.blocks = nn.Sequential(
            nn.Dropout1d(0.1), Block(3 * embed, width), Block(width, width, step=2), Block(width, 2 * width)
        )
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(4 * width, n_classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        streams = self.streams(x, lengths)
        x = self.blocks(torch.cat([embed(s) for embed, s in zip(self.embed, streams, strict=True)], dim=1))
        logits: Tensor = self.classify(self.dropout(torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)))  # (B, C)
        return logits

    def streams(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, F, MOMENTS) each.

        Joints: in the body's frame and in the clip's, the trunk's path, what was seen, and the clip's length. Bones,
        and the distances of all joints. Motion: over about two and six frames, in torso lengths.
        """
        n = self.n_joints
        whole, centre, seen = torch.split(x, [2 * n, 2, n], dim=1)
        points = whole.reshape(-1, n, 2, MOMENTS) - centre[:, None]
        bones = 2 * (points - points[:, self.inner]).flatten(1, 2)
        apart = points[:, self.pairs[0]] - points[:, self.pairs[1]]
        distances = (apart.square().sum(dim=2) + 1e-6).sqrt() - 0.9
        seconds = (lengths / RATE_HZ).to(x.dtype)[:, None, None]
        frames = RATE_HZ * seconds / MOMENTS  # between two moments
        quick, slow = (
            (gain * _moved(whole, step) / (2 * step * frames)).clamp(-4, 4) for step, gain in ((1, 5.0), (3, 6.0))
        )
        length = (seconds / 2).expand(-1, 1, x.shape[2])
        joints = torch.cat([points.flatten(1, 2), whole, centre, seen, length], dim=1)
        return joints, torch.cat([bones, distances], dim=1), torch.cat([quick, slow], dim=1)


def _moved(x: Tensor, step: int) -> Tensor:
    """How far each series moves from `step` moments before to `step` after; what lies outside holds."""
    held = functional.pad(x, (step, step), mode="replicate")
    return held[..., 2 * step :] - held[..., : -2 * step]


@dataclass(eq=False, repr=False, kw_only=True)
class TemporalClassifier(NetworkClassifier):
    """`TemporalNetwork` on joints, bones and motion."""

    embed: int = 32
    """Channels of each of the three streams."""
    width: int = 64
    """Channels of the first blocks; the last has twice as many."""

    def _build(self) -> nn.Module:
        return TemporalNetwork(self.joints_, len(self.classes_), self.embed, self.width, self.dropout)

    def _series(self, clips: Clips) -> Tensor:
        body = body_of(clips, self.smooth)
        parts = [body.points.reshape(*body.inside.shape, -1), body.centre, body.seen]
        x = evenly(np.concatenate(parts, axis=2, dtype=np.float32), clips.lengths, MOMENTS)
        x = np.nan_to_num(x).clip(-4, 4)  # a joint never seen is 0
        return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 1)))
