"""Writes `golden.csv`: every feature of the catalogue on one made-up scene, cleaned by default.

    python tests/test_features/golden.py

A change of any constant or formula in `features/` shows there as a difference that somebody must explain. The scene is
built so that no feature is trivial: two people who walk, turn, wave and bend, some joints missing, a hole, a change of
the frame rate, a zone that both cross; once in two dimensions with all joints of the body, once in three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalog import CATALOGUE, bout_table, feature_table, pair_table, window_table
from features.clean import SWAP_PENALTY, CleanSettings, clean, drop_unsure
from features.filters import FILTERS
from features.head import HEAD
from features.sequence import PoseSequence
from features.windows import STATISTICS
from features.zones import Zone
from pose.parts import FACE_70, whole_body
from pose.skeleton import BODY_25

FILE = Path(__file__).with_name("golden.csv")
ZONE = Zone("door", np.array([[430.0, 260], [720, 240], [700, 620], [560, 480], [420, 640]]), "mid_hip")
BOUTS = [(0.3, 2.9), (3.0, 7.9), (5.0, 6.4)]
FRAMES = (20, 90, 140)  # of 185


def person(seed: int, start: float, speed: float, dimensions: int) -> PoseSequence:
    """Somebody who walks to one side and back, upper body leaning, arms waving unevenly; jitter of 1 % of the trunk."""
    rng = np.random.default_rng(seed)
    time_s = np.concatenate([np.arange(60) / 25, 2.4 + np.arange(20) / 12.5, 4.3 + np.arange(105) / 30])
    rest = {
        "nose": (9, -98, -12), "eye": (6, -104, -9), "ear": (1, -100, 0), "neck": (0, -82, 0),
        "shoulder": (0, -80, 0), "elbow": (4, -48, 3), "wrist": (12, -18, -9), "hip": (0, 0, 0), "mid_hip": (0, 0, 0),
        "knee": (5, 42, -4), "ankle": (-3, 88, 4), "big_toe": (13, 95, -13), "small_toe": (11, 94, -11),
        "heel": (-7, 93, 8),
    }  # fmt: skip
    swing = {"wrist": 26, "elbow": 12, "knee": 14, "ankle": 30, "big_toe": 31, "small_toe": 30, "heel": 30}
    points = np.empty((len(time_s), len(BODY_25), dimensions))
    for i, joint in enumerate(BODY_25.joints):
        part = joint.removeprefix("left_").removeprefix("right_")
        side = 1.0 if joint.startswith("left") else -1.0 if joint.startswith("right") else 0.0
        phase = 2 * np.pi * (0.95 if part in swing else 0.4) * time_s + 0.3 * len(part)
        if part in ("wrist", "elbow") and side > 0:
            phase = 1.31 * phase + 0.4
        x, y, z = rest[part]
        width = {"shoulder": 19, "hip": 11, "eye": 4, "ear": 7}.get(part, 14)
        points[:, i, 0] = x + side * width + swing.get(part, 2) * np.sin(phase) * (side or 1)
        points[:, i, 1] = y + 0.35 * swing.get(part, 3) * np.cos(phase + side) - max(0.0, side) * (part == "wrist") * 40
        if dimensions == 3:
            points[:, i, 2] = z + 6 * side + 0.6 * swing.get(part, 2) * np.cos(1.2 * phase)
    bend = np.radians(14 * np.sin(1.1 * time_s))[:, None]
    upper = np.minimum(points[..., 1], 0)
    points[..., 0] -= upper * np.sin(bend)
    points[..., 0] += (start + speed * np.sin(0.75 * time_s) * 100)[:, None]
    points[..., 1] += (400 + 60 * np.cos(0.5 * time_s) + 12 * np.sin(12 * time_s))[:, None]
    points += rng.normal(0, 0.8, points.shape)
    gone = rng.random(points.shape[:2]) < 0.02
    gone[[*FRAMES]] = False
    points[gone] = np.nan
    confidence = np.where(gone, 0.0, rng.uniform(0.3, 1, gone.shape))
    return PoseSequence(points, confidence, BODY_25.joints, time_s)


HAND = {
    "hand_wrist": (0, 0),
    "thumb_cmc": (-6, -4), "thumb_mcp": (-11, -9), "thumb_ip": (-15, -15), "thumb_tip": (-17, -21),
    "index_mcp": (-6, -18), "index_pip": (-8, -26), "index_dip": (-9, -31), "index_tip": (-9, -36),
    "middle_mcp": (-1, -19), "middle_pip": (-2, -28), "middle_dip": (-1, -34), "middle_tip": (-1, -39),
    "ring_mcp": (4, -18), "ring_pip": (6, -26), "ring_dip": (7, -31), "ring_tip": (7, -35),
    "little_mcp": (8, -15), "little_pip": (11, -21), "little_dip": (13, -24), "little_tip": (14, -28),
}  # fmt: skip
"""A left hand held up, its palm to the camera, pixels."""

_HALF_A_FACE = {
    **{f"jaw_{i}": (0.74 * np.cos((i - 1) * np.pi / 16), 1.19 * np.sin((i - 1) * np.pi / 16)) for i in range(1, 9)},
    **{f"brow_{i}": (0.75 - 0.125 * i, -0.2 - 0.07 * np.sin(i)) for i in range(1, 6)},
    "nostril_2": (0.07, 0.48), "pupil": (0.35, 0.01), "eye_upper_outer": (0.4, -0.05), "eye_upper_inner": (0.28, -0.05),
    "eye_lower_inner": (0.28, 0.05), "eye_lower_outer": (0.41, 0.04), "lip_corner": (0.35, 0.75),
    "lip_upper_outer": (0.22, 0.68), "lip_upper_inner": (0.08, 0.66), "lip_lower_inner": (0.08, 0.9),
    "lip_lower_outer": (0.22, 0.87), "mouth_corner": (0.3, 0.76), "mouth_upper": (0.1, 0.72), "mouth_lower": (0.1, 0.8),
}  # fmt: skip
FACE = {
    **{f"{side}_{part}": (sign * x, y, 0.0) for part, (x, y) in _HALF_A_FACE.items()
       for side, sign in (("left", 1), ("right", -1))},
    "chin": (0, 1.19, 0), "upper_lip": (0, 0.67, 0), "lower_lip": (0, 0.91, 0), "mouth_upper": (0, 0.72, 0),
    "mouth_lower": (0, 0.8, 0), **HEAD,
}  # fmt: skip
"""A face that looks into the camera, widths from outer corner to outer corner of the eyes, as `features.head`'s."""


def with_parts(body: PoseSequence, seed: int) -> PoseSequence:
    """The same person with hands that open, close and turn, and a face that turns, talks and blinks."""
    rng = np.random.default_rng(seed)
    time_s, dimensions = body.time_s, body.dimensions
    columns = []
    for side, sign in (("left", 1), ("right", -1)):
        bent, turn = 0.5 + 0.4 * np.sin(2.1 * time_s + sign), 0.7 * np.sin(1.3 * time_s + sign)
        for x, y in HAND.values():
            up = np.where(y < -18, -18 + (y + 18) * bent, y)
            point = np.stack(
                [sign * x * np.cos(turn) - up * np.sin(turn), sign * x * np.sin(turn) + up * np.cos(turn)], 1
            )
            depth = 6 * np.sin(x + 1.7 * time_s)[:, None]
            columns.append(body.joint(f"{side}_wrist") + np.concatenate([point, depth], axis=1)[:, :dimensions])
    shut = np.sum([np.clip(1 - np.abs(time_s - at) / 0.13, 0, 1) for at in (1.5, 5.5, 6.1)], axis=0)
    open_ = 0.6 + 0.4 * np.sin(9 * time_s)
    yaw, nod = 0.5 * np.sin(time_s), 0.2 * np.sin(1.4 * time_s)
    for name in FACE_70.joints:
        x, y, z = (np.full(len(time_s), value) for value in FACE[name])
        if "eye_upper" in name or "eye_lower" in name:
            y = y * (1 - 0.9 * shut)
        if "brow" in name:
            y = y - 0.03 * np.sin(1.9 * time_s)
        if "lower" in name or name == "chin":
            y = y + 0.15 * open_ * ("eye" not in name)
        if "pupil" in name:
            x, y = x + 0.06 * np.sin(2 * time_s), y + 0.02 * np.cos(3 * time_s)
        x, z = x * np.cos(yaw) - z * np.sin(yaw), x * np.sin(yaw) + z * np.cos(yaw)
        y, z = y * np.cos(nod) + z * np.sin(nod), z * np.cos(nod) - y * np.sin(nod)
        columns.append(body.joint("nose") + 12 * np.stack([x, y - 0.4, z + 0.4], axis=1)[:, :dimensions])
    parts = np.stack(columns, axis=1)
    parts += rng.normal(0, 0.05, parts.shape)
    names = whole_body(BODY_25).joints
    points = np.concatenate([body.points, parts], axis=1)
    confidence = np.concatenate([body.confidence, np.isfinite(parts[..., 0]) * 0.9], axis=1)
    return PoseSequence(points, confidence, names, time_s)


def ladders() -> dict[str, tuple[PoseSequence, CleanSettings]]:
    """Somebody whose walk grows from nothing, and disturbances that grow so finely that any threshold decides."""
    rng = np.random.default_rng(5)
    n = 1200
    names = ("neck", "mid_hip", "left_ankle", "right_ankle", "left_hip", "right_hip", "left_knee", "right_knee")
    time_s = np.arange(n) / 30
    points = np.tile(np.array([[0, -100], [0, 0], [5, 90], [-5, 90], [9, 0], [-9, 0], [7, 45], [-7, 45.0]]), (n, 1, 1))
    swing = 60 * time_s / time_s[-1] * np.sin(2 * np.pi * 0.9 * time_s)
    points[:, 2:4, 0] += np.stack([swing, -swing], axis=1)
    points[:, 6:8, 0] += np.stack([swing, -swing], axis=1) / 2
    points[..., 0] += (75 * time_s**2 / time_s[-1])[:, None]  # to 150 px/s, 1.5 trunk lengths/s
    walk = PoseSequence(points, rng.uniform(0, 1, (n, len(names))), names, time_s)
    nothing = CleanSettings(min_confidence=None, outlier_window_s=None, max_gap_s=None, smoothing=None)

    def events(length: Callable[[int], int]) -> list[tuple[int, slice]]:
        starts = range(30, n - 40, 40)
        return [(k, slice(at, at + length(k))) for k, at in enumerate(starts, start=1)]

    outliers, noisy, gaps, swapped = points.copy(), points.copy(), points.copy(), points.copy()
    noisy[:, 0] += rng.normal(0, 4, (n, 2))
    holes, runs = np.full(n, 1 / 30), np.full(n, 1 / 30)
    for k, rows in events(lambda _: 1):
        outliers[rows, 0] += 2 * k
        noisy[rows, 0] += 3 * k
        holes[rows] *= 0.25 * k
    for _, rows in events(lambda k: k):
        gaps[rows, 0] = np.nan
        swapped[rows, 2:] = points[rows][:, [3, 2, 5, 4, 7, 6]]
        runs[rows] *= 5
    only_outliers = replace(nothing, outlier_window_s=CleanSettings().outlier_window_s)
    return {
        "steps": (walk, nothing),
        "confidence": (walk, replace(nothing, min_confidence=CleanSettings().min_confidence)),
        "outliers at rest": (replace(walk, points=outliers), only_outliers),
        "outliers in noise": (replace(walk, points=noisy), only_outliers),
        "gaps": (replace(walk, points=gaps), replace(nothing, max_gap_s=CleanSettings().max_gap_s)),
        "swaps": (replace(walk, points=swapped), replace(nothing, swap_penalty=SWAP_PENALTY)),
        "holes": (replace(walk, time_s=np.cumsum(holes)), nothing),
        "slow runs": (replace(walk, time_s=np.cumsum(runs)), nothing),
    }


def golden() -> pd.DataFrame:
    """`table, row, column, value` of all tables, and of each filter alone."""
    parts = []

    def note(name: str, table: pd.DataFrame, rows: list[int]) -> None:
        chosen = table.iloc[rows].reset_index(names="row").melt("row", var_name="column")
        parts.append(chosen.assign(table=name, value=chosen["value"].astype(float)))

    for dimensions in (2, 3):
        raw, other = person(1, 500, 1.6, dimensions), person(2, 640, -1.1, dimensions)
        a, b = clean(raw), clean(other)
        zones = [ZONE] if dimensions == 2 else []
        note(f"frames {dimensions}d", feature_table(a, zones=zones), list(FRAMES))
        note(f"bouts {dimensions}d", bout_table(a, BOUTS, statistics=(), zones=zones), [0, 1, 2])
        note(f"pair {dimensions}d", pair_table(a, b), list(FRAMES))
        names = {e.name: e.level for e in CATALOGUE.of("frame", whole_body(BODY_25).joints, dimensions)
                 + CATALOGUE.of("window", whole_body(BODY_25).joints, dimensions)
                 if not e.fits(BODY_25.joints, dimensions)}  # fmt: skip
        whole = clean(with_parts(raw, 4))
        note(f"parts {dimensions}d", feature_table(whole, [n for n in names if names[n] == "frame"]), list(FRAMES))
        windows = [n for n in names if names[n] == "window"]
        note(f"parts bouts {dimensions}d", bout_table(whole, BOUTS, windows), [0, 1, 2])
    some = ["left_forearm_inclination", "shoulder_tilt", "centre_speed"]
    note("statistics", bout_table(clean(person(1, 500, 1.6, 2)), BOUTS, some, statistics=tuple(STATISTICS)), [0, 1])
    raw = person(3, 500, 1.0, 2)
    raw = replace(raw, time_s=np.arange(len(raw)) / 30)
    raw.points[70, 4] += 60  # an outlier
    swapped = raw.points.copy()
    legs = [[BODY_25.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")] for side in ("left", "right")]
    swapped[100:103, legs[0] + legs[1]] = raw.points[100:103, legs[1] + legs[0]]
    raw = replace(raw, points=swapped)
    nothing = CleanSettings(min_confidence=None, outlier_window_s=None, max_gap_s=None, smoothing=None)
    settings = {
        "default": CleanSettings(),
        "outliers": replace(nothing, outlier_window_s=0.5),
        "gaps": replace(nothing, max_gap_s=0.1),
        "swaps": replace(nothing, swap_penalty=0.15),
        **{name: replace(nothing, smoothing=name) for name in FILTERS},  # type: ignore[arg-type]  # its literals
    }
    for name, each in settings.items():
        done = clean(raw, each)
        flat = pd.DataFrame(
            {f"{joint}_{axis}": done.points[:, BODY_25.index(joint), k]
             for joint in ("left_ankle", "right_wrist", "nose") for k, axis in enumerate("xy")}
        )  # fmt: skip
        flat["found"] = done.found.sum()
        note(f"clean {name}", flat, [2, 70, 101, 150])
    for name, (sequence, settings) in ladders().items():
        done = clean(sequence, settings)
        row = window_table(done, 1e4, 1e4, ["step_count", "step_length"], statistics=())[["step_count", "step_length"]]
        frames = feature_table(done, ["centre_speed", "heading_sine"])
        row = row.assign(speeds=frames["centre_speed"].count(), headings=frames["heading_sine"].count())
        row = row.assign(found=done.found.sum(), ankle=np.nanmean(np.abs(done.joint("left_ankle"))))
        note(f"ladder {name}", row, [0])
    note("unsure", pd.DataFrame({"found": [drop_unsure(raw, 0.5).found.sum()]}), [0])
    return pd.concat(parts)[["table", "row", "column", "value"]].reset_index(drop=True)


if __name__ == "__main__":
    golden().to_csv(FILE, index=False, float_format="%.9g", lineterminator="\n")
