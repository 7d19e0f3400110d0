"""Temporal convolution network on joint distances and motions at two speeds.

After DD-Net (Yang et al., "Make Skeleton-based Action Recognition Model Smaller, Faster and Better", 2019,
https://arxiv.org/abs/1907.09658): distances between joints don't depend on place and view angle in the plane, motions
at two time scales tell slow from fast. Here with residual blocks, masks for missing joints and clips of any length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from behavior.recognition.classifiers.network import NetworkClassifier
from behavior.recognition.clips import Clips
from features.clips import normalise
from features.geometry import length


class Block(nn.Module):
    """Two convolutions and a shortcut; halves the frames if asked."""

    def __init__(self, inputs: int, outputs: int, kernel: int, halve: bool) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.first_norm = nn.BatchNorm1d(outputs)
        self.second = nn.Conv1d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm1d(outputs)
        self.shortcut = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.dropout = nn.Dropout1d(0.1)
        self.halve = halve

    def forward(self, x: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        y = functional.relu(self.first_norm(self.first(x))) * inside
        y = self.second_norm(self.second(y))
        x = self.dropout(functional.relu(y + self.shortcut(x)) * inside)
        if self.halve:
            x, inside = functional.max_pool1d(x, 2, ceil_mode=True), functional.max_pool1d(inside, 2, ceil_mode=True)
        return x, inside


class TemporalNetwork(nn.Module):
    """(B, F, T) series and their lengths to (B, C) logits."""

    def __init__(self, n_joints: int, n_classes: int, embed: int, width: int, dropout: float) -> None:
        super().__init__()
        self.streams = stream_sizes(n_joints)
        self.embed = nn.ModuleList(
            nn.Sequential(nn.Conv1d(size, embed, 1), nn.BatchNorm1d(embed), nn.ReLU(), nn.Dropout1d(0.1))
            for size in self.streams
        )
        self.blocks = nn.ModuleList(
            [
                Block(4 * embed, width, 5, halve=True),
                Block(width, width, 3, halve=True),
                Block(width, 2 * width, 3, halve=False),
            ]
        )
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(4 * width, n_classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        inside = (torch.arange(x.shape[2], device=x.device)[None] < lengths[:, None]).to(x.dtype)[:, None]  # (B, 1, T)
        streams = torch.split(x, self.streams, dim=1)
        x = torch.cat([embed(s) for embed, s in zip(self.embed, streams, strict=True)], dim=1) * inside  # (B, 4E, T)
        for block in self.blocks:
            x, inside = block(x, inside)
        mean = (x * inside).sum(dim=2) / inside.sum(dim=2)
        peak = (x - (1 - inside) * 1e4).amax(dim=2)
        logits: Tensor = self.classify(self.dropout(torch.cat([mean, peak], dim=1)))  # (B, C)
        return logits


def stream_sizes(n_joints: int) -> list[int]:
    """Channels of postures, distances, quick motion, slow motion (with the trunk's path and what was seen)."""
    return [4 * n_joints, n_joints * (n_joints - 1) // 2, 2 * n_joints, 3 * n_joints + 2]


@dataclass(eq=False, repr=False, kw_only=True)
class TemporalClassifier(NetworkClassifier):
    """`TemporalNetwork` on postures, distances and motions."""

    embed: int = 48
    """Channels of each of the four streams."""
    width: int = 96
    """Channels of the first blocks; the last has twice as many."""

    def _build(self) -> nn.Module:
        return TemporalNetwork(len(self.joints_), len(self.classes_), self.embed, self.width, self.dropout)

    def _series(self, clips: Clips) -> Tensor:
        body = normalise(clips.points, clips.lengths, clips.joints, self.smooth)
        n, longest, n_joints, _ = body.points.shape
        local = body.points - body.centre[:, :, None]
        first, second = np.triu_indices(n_joints, 1)
        distance = length(body.points[:, :, first] - body.points[:, :, second]) - 0.9
        quick, slow = 2.5 * motion(body.points, 2), motion(body.points, 6)
        parts = [local, body.points, distance, quick, slow, body.centre, body.seen]
        x = np.concatenate([part.reshape(n, longest, -1).astype(np.float32) for part in parts], axis=2)
        x = np.nan_to_num(x).clip(-4, 4) * body.inside[..., None]  # a joint never seen is 0
        return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 1), dtype=np.float32))


def motion(points: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """(S, T, K, 2) displacement over `lag` frames around each frame; 0 where the clip is too short for it."""
    moved = np.zeros_like(points)
    if points.shape[1] > lag:
        moved[:, lag // 2 : points.shape[1] - lag // 2] = points[:, lag:] - points[:, :-lag]
    return moved
