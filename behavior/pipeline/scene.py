"""People in space as tables: cleaned positions, how well the cameras agree, how long the bones are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.clean import CleanSettings, clean
from features.sequence import PoseSequence
from pose.multiview import Camera, CameraGroup, Triangulated, lag_errors, placed_by_others, triangulate_robustly
from pose.skeleton import Skeleton
from storage.files import write_bytes
from storage.formats.keypoints import c3d, movement, trc
from storage.scenes import ScenePerson

Array = NDArray[np.float64]
HELD_OUT = 2000
"""Frames in which each camera is held out: of a longer recording so many, evenly; it costs three times the rest."""
LAG_S = 1.0
"""How far off clocks are tried, seconds."""
LATE_SHARE, LATE_PX = 0.5, 3.0
FORMATS = ("c3d", "movement-nc")
"""Files besides the tables and TRC; they need the extra `exchange`."""
ERRORS = ("seen", "used", "median_px", "p95_px", "held_out", "held_out_px", "held_out_p95_px", "mm_per_px")


@dataclass(frozen=True, eq=False)
class Solved:
    """One person.

    Attributes:
        stored: as the database keeps it.
        found: (T, K) points, metres, and (C, T, K) their errors, px.
        held_out: (C, T, K) px between what a camera sees and where the others alone put it; NaN where they don't,
            and in frames beyond `HELD_OUT`.
        lags: (C, L) px, median of that if the camera's recording were so many frames late, see `lag_errors`.
        cleaned: T frames and K joints, metres, gaps filled and smoothed; its confidence is the mean of the views that
            count, 0 where missing or filled.
    """

    stored: ScenePerson
    found: Triangulated
    held_out: Array
    lags: Array
    cleaned: PoseSequence


@dataclass(frozen=True, eq=False)
class SceneCamera:
    """A camera, as its recording's pixels need it, and what it recorded."""

    camera: Camera
    recording: str


@dataclass(frozen=True, eq=False)
class Scene:
    """What several cameras saw.

    Attributes:
        skeleton: of K joints.
        frames, time_s: (T,) of the recording that gives the times, seconds.
        people: in order of their numbers.
        cameras: C of them.
    """

    skeleton: Skeleton
    frames: NDArray[np.int64]
    time_s: Array
    people: Sequence[Solved]
    cameras: Sequence[SceneCamera]

    def errors(self) -> pd.DataFrame:
        """A row per person and camera, `ERRORS` of all joints that the camera sees and that have a point, px."""
        return pd.DataFrame(
            [
                {
                    "person": one.stored.person, "camera": own.camera.name, "recording": own.recording,
                    "tracks": " ".join(str(track) for name, track in one.stored.members if name == own.camera.name),
                    **figures,
                }
                for one in self.people
                for number, own in enumerate(self.cameras)
                for figures in _figures(one, number, own.camera)
            ]
        )  # fmt: skip

    def joint_errors(self) -> pd.DataFrame:
        """A row per person, joint and camera: `ERRORS`."""
        return pd.DataFrame(
            [
                {"person": one.stored.person, "keypoint": joint, "camera": own.camera.name, **figures}
                for one in self.people
                for k, joint in enumerate(self.skeleton.joints)
                for number, own in enumerate(self.cameras)
                for figures in _figures(one, number, own.camera, slice(k, k + 1))
            ]
        )

    def residuals(self, one: Solved) -> Array:
        """(T, K) metres by which a person's joints miss the rays of the views that count, on average; 0 where none."""
        total = np.zeros(one.stored.n_views.shape)
        for number, own in enumerate(self.cameras):
            apart = one.found.errors[number] * own.camera.before(one.found.points)[..., 2] / _focal(own.camera)
            total += np.where(one.found.used[number], apart, 0.0)
        return total / np.maximum(one.stored.n_views, 1)

    def doubtful_clock(self) -> tuple[str, float, float, float] | None:
        """The camera whose recording fits the others much better at another time, if there is one.

        Its name, by how much its clock is ahead, seconds, and the median error then and as it is, px: less than
        `LATE_SHARE` of it, and `LATE_PX` less, mean over the people.
        """
        lags = np.stack([one.lags for one in self.people])
        known = np.isfinite(lags)
        mean = np.where(known, lags, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        middle = mean.shape[1] // 2
        best = np.where(np.isfinite(mean), mean, np.inf).argmin(axis=1)
        then, now = mean[np.arange(len(mean)), best], mean[:, middle]
        late = (then < LATE_SHARE * now) & (now - then > LATE_PX)
        if not late.any():
            return None
        worst = int(np.where(late, then / np.where(now > 0, now, np.inf), np.inf).argmin())
        seconds = (best[worst] - middle) * float(np.median(np.diff(self.time_s)))
        return self.cameras[worst].camera.name, float(seconds), float(then[worst]), float(now[worst])

    def bones(self) -> pd.DataFrame:
        """A row per person and limb: how long it is, and how much that varies though it should not.

        `raw_cv` is of the positions before they were cleaned.
        """
        columns = ["person", "bone", "frames", "mean_m", "sd_m", "cv", "raw_cv"]
        rows = []
        for one in self.people:
            for (a, b), (i, j) in zip(self.skeleton.limbs, self.skeleton.limb_indices.tolist(), strict=True):
                n, mean, spread = _length(one.cleaned.points, i, j)
                _, raw, raw_spread = _length(one.found.points, i, j)
                if n > 1:
                    cv, raw_cv = spread / mean, raw_spread / raw
                    rows.append((one.stored.person, f"{a}-{b}", n, mean, spread, cv, raw_cv))
        return pd.DataFrame(rows, columns=columns)

    def cleaned(self) -> pd.DataFrame:
        """A row per person, frame and joint that has a position: `x`, `y`, `z` in metres, `filled` or seen."""
        tables = []
        for one in self.people:
            row, joint = np.nonzero(one.cleaned.found)
            points = one.cleaned.points[row, joint]
            tables.append(
                pd.DataFrame(
                    {
                        "person": one.stored.person, "frame": self.frames[row], "time_s": self.time_s[row],
                        "keypoint": np.array(self.skeleton.joints)[joint],
                        "x": points[:, 0], "y": points[:, 1], "z": points[:, 2],
                        "filled": one.cleaned.filled[row, joint],
                    }
                )
            )  # fmt: skip
        return pd.concat(tables, ignore_index=True)


def solve(
    group: CameraGroup, number: int, members: tuple[tuple[str, int], ...], pixels: Array, confidence: Array,
    limit_px: float, skeleton: Skeleton, time_s: Array, cleaning: CleanSettings,
) -> Solved:  # fmt: skip
    """One person out of (C, T, K, 2) pixels and (C, T, K) confidences, with joints of the skeleton at (T,) seconds."""
    found = triangulate_robustly(group, pixels, confidence, limit_px=limit_px)
    n_views = found.used.sum(axis=0)
    counted = np.maximum(n_views, 1)
    error = np.where(n_views > 0, np.where(found.used, found.errors, 0.0).sum(axis=0) / counted, np.nan)
    trust = np.where(found.used, confidence, 0.0).sum(axis=0) / counted
    some = np.unique(np.linspace(0, len(time_s) - 1, min(HELD_OUT, len(time_s))).astype(int))
    placed = np.full(pixels.shape, np.nan)
    placed[:, some] = placed_by_others(group, pixels[:, some], confidence[:, some], limit_px=limit_px)
    most = min(int(LAG_S / max(float(np.median(np.diff(time_s))), 1e-9)), len(time_s) // 2) if len(time_s) > 1 else 0
    raw = PoseSequence(found.points, trust, skeleton.joints, time_s, unit="m")
    return Solved(
        ScenePerson(number, members, found.points, error, n_views),
        found,
        np.linalg.norm(pixels - placed, axis=-1),
        np.stack([lag_errors(one, own, most) for one, own in zip(pixels, placed, strict=True)]),
        clean(raw, cleaning),
    )


def write_tables(scene: Scene, positions: pd.DataFrame, out: Path) -> None:
    """The tables of a scene and a TRC of each person into a folder; `positions` are those of the database."""
    tables = {
        "positions": positions, "cleaned": scene.cleaned(), "reprojection": scene.errors(),
        "reprojection_joints": scene.joint_errors(), "bones": scene.bones(),
    }  # fmt: skip
    for name, table in tables.items():
        write_bytes(out / f"{name}.csv", table.to_csv(index=False).encode())
        if name in ("positions", "cleaned"):
            write_bytes(out / f"{name}.parquet", table.to_parquet(index=False))
    for one in scene.people:
        path = out / f"person_{one.stored.person}.trc"
        trc.write_space(path, scene.skeleton.joints, scene.frames, scene.time_s, one.cleaned.points)


def export(scene: Scene, formats: Sequence[str], out: Path, origin: str) -> None:
    """The cleaned people in further `FORMATS`: a C3D file for each, one of movement for all. Raises `ExchangeError`."""
    joints, time_s = scene.skeleton.joints, scene.time_s
    if "c3d" in formats:
        for one in scene.people:
            path = out / f"person_{one.stored.person}.c3d"
            cleaned = one.cleaned
            residuals = np.where(cleaned.filled, 0.0, scene.residuals(one))
            used = one.found.used.transpose(1, 2, 0) & ~cleaned.filled[..., None]
            c3d.write_space(path, joints, time_s, cleaned.points, residuals, used, origin)
    if "movement-nc" in formats:
        movement.write_space(
            out / "people.nc", joints, [f"person_{one.stored.person}" for one in scene.people], scene.frames, time_s,
            np.stack([one.cleaned.points for one in scene.people], axis=1),
            np.stack([one.cleaned.confidence for one in scene.people], axis=1),
            {"source_software": origin},
        )  # fmt: skip


def _figures(one: Solved, number: int, camera: Camera, joints: slice = slice(None)) -> Iterator[dict[str, Any]]:
    """`ERRORS` of one camera, or nothing where it sees none of the joints that have a point."""
    errors, held = one.found.errors[number, :, joints], one.held_out[number, :, joints]
    known = np.isfinite(errors)
    if not known.any():
        return
    apart = held[np.isfinite(held)]
    depth = camera.before(one.found.points[:, joints][known])[:, 2]
    median, p95 = np.percentile(errors[known], [50, 95]).tolist()
    held_median, held_p95 = np.percentile(apart, [50, 95]).tolist() if len(apart) else (np.nan, np.nan)
    values = (
        int(known.sum()), float(one.found.used[number, :, joints][known].mean()), median, p95,
        len(apart), held_median, held_p95, float(np.median(depth) / _focal(camera) * 1000),
    )  # fmt: skip
    yield dict(zip(ERRORS, values, strict=True))


def _focal(camera: Camera) -> float:
    return float(np.sqrt(camera.matrix[0, 0] * camera.matrix[1, 1]))


def _length(points: Array, i: int, j: int) -> tuple[int, float, float]:
    """Frames that show a bone, and mean and standard deviation of its length, metres; NaN for fewer than two."""
    length = np.linalg.norm(points[:, i] - points[:, j], axis=-1)
    length = length[np.isfinite(length)]
    return len(length), *((float(length.mean()), float(length.std(ddof=1))) if len(length) > 1 else (np.nan, np.nan))
