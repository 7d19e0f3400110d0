"""An embedding of clips in which other people and cameras lie close together, and other actions far apart.

Random convolutions (`behavior.recognition.classifiers.rocket`) projected to the directions of linear discriminant
analysis: of all that differs between clips, what differs between actions weighs, and what differs within one action
(people, cameras, speed, noise) is divided out. It is learnt once, from many actions of public sets, and says something
about actions that none of them shows. Source: R. A. Fisher, 1936, https://doi.org/10.1111/j.1469-1809.1936.tb02137.x;
the shrunken covariance: J. H. Friedman, 1989, https://doi.org/10.1080/01621459.1989.10478752.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from behavior.errors import ActionModelError
from behavior.recognition.augment import AugmentSettings, augment
from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.rocket import draw_kernels, kernel_statistics
from behavior.recognition.clips import Clips
from pose.layouts import BODY_13

SMOOTH = 1.0
"""Smoothing before the convolutions, frames."""
_SHIPPED = "embedding.safetensors"


@dataclass(frozen=True, eq=False)
class Embedding:
    """Random kernels and a projection of what they find, in plain arrays.

    Attributes:
        arrays: `kernels`, `channels`, `limits` of the convolutions; `projection` (F, D) float16 and `offset` (D,).
    """

    arrays: Parts

    @property
    def size(self) -> int:
        """D, numbers of each clip."""
        return int(self.arrays["projection"].shape[1])

    def of(self, clips: Clips) -> NDArray[np.float32]:
        """(S, D) places of clips of `BODY_13`, within-action deviations; raises `ValueError` for other joints."""
        if clips.joints != BODY_13:
            raise ValueError(f"the embedding knows clips of {', '.join(BODY_13)}, got {', '.join(clips.joints)}")
        found = kernel_statistics(clips, self.arrays, SMOOTH)
        return np.asarray(found @ self.arrays["projection"].astype(np.float32) - self.arrays["offset"])


def learn_embedding(
    clips: Clips, names: Sequence[str] | NDArray[np.str_], *, kernels: int = 600, shrink: float = 0.3, seed: int = 0
) -> Embedding:
    """The embedding in which clips of one name lie close together.

    Learnt from the clips, their mirror images and a changed copy of each; of n names it has n - 1 directions.

    Args:
        clips: S clips of `BODY_13`.
        names: (S,) what they show; of several sets, one name for each action of each set, so that what differs between
            sets is not taken for what differs within an action.
        kernels: number of random convolutions.
        shrink: share of the mean variance that is added to every variance within names.
        seed: of every random step.
    """
    rng = np.random.default_rng(seed)
    drawn = draw_kernels(clips, kernels, SMOOTH, rng)
    versions = (clips, clips.mirrored, augment(clips, rng, AugmentSettings()))
    x = np.concatenate([kernel_statistics(version, drawn, SMOOTH) for version in versions]).astype(np.float64)
    _, label = np.unique(np.tile(names, len(versions)), return_inverse=True)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    x = (x - mean) / scale
    centres = np.stack([x[label == one].mean(axis=0) for one in range(label.max() + 1)])
    inner = x - centres[label]
    within = inner.T @ inner / len(inner)
    within[np.diag_indices_from(within)] += shrink * np.trace(within) / len(within)
    root = cholesky(within, lower=True)
    spread = solve_triangular(root, (centres - centres.mean(axis=0)).T, lower=True)
    directions = np.linalg.svd(spread, full_matrices=False)[0][:, : len(centres) - 1]
    projection = (solve_triangular(root, directions, lower=True, trans="T") / scale[:, None]).astype(np.float16)
    offset = (mean @ projection.astype(np.float64)).astype(np.float32)
    return Embedding({**drawn, "projection": projection, "offset": offset})


@cache
def shipped_embedding() -> Embedding:
    """The embedding in the package; made by `python -m behavior.pipeline.default_model`.

    Raises:
        ActionModelError: it is not there or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return Embedding(load((resources.files("behavior") / "models" / _SHIPPED).read_bytes()))
    except (OSError, SafetensorError) as error:
        raise ActionModelError(f"{_SHIPPED} of the package: {error}; install posescribe again") from None


def save_embedding(embedding: Embedding, path: Path) -> str:
    """Write the arrays; returns the file's sha256."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(value) for name, value in embedding.arrays.items()})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
