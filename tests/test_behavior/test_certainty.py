"""What was seen and how likely it is, against what was worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from behavior.report.certainty import CERTAINTY_COLUMNS, bands, certainty
from behavior.report.course import PARTS, Course, missing_joints
from pose.people import Track
from pose.skeleton import COCO_18
from storage.bouts import Bout


def bout(track_id: int, action: str, start_s: float, stop_s: float, score: float = 0.9) -> Bout:
    return Bout(track_id, action, start_s, stop_s, round(10 * start_s), round(10 * stop_s), score)


def test_missing_joints_by_part() -> None:
    """Of two frames one lacks a wrist, the other both ankles and an ear."""
    keypoints = np.ones((2, 18, 3), dtype=np.float32)
    for frame, joint in [(0, "left_wrist"), (1, "left_ankle"), (1, "right_ankle"), (1, "left_ear")]:
        keypoints[frame, COCO_18.joints.index(joint)] = (np.nan, np.nan, 0)
    found = dict(zip(PARTS, missing_joints(keypoints, COCO_18.joints).tolist(), strict=True))
    assert found == {"head": [1, 10], "trunk": [0, 10], "arms": [1, 8], "legs": [2, 8]}


def test_what_was_seen_of_a_person() -> None:
    """Seen from 0 to 2 s and from 4 to 5 s; walks from 1 s to 4.5 s, upright throughout."""
    frames = np.array([*range(20), *range(40, 50)])
    keypoints = np.ones((30, 18, 3), dtype=np.float32)
    keypoints[:15, COCO_18.joints.index("left_knee")] = (np.nan, np.nan, 0)
    track = Track(1, frames, frames / 10, keypoints, np.full(30, 0.75, dtype=np.float32), skeleton=COCO_18)
    table = certainty([Course.of([track], COCO_18)], [bout(1, "walk", 1, 4.5), bout(1, "upright", 0, 5)])
    assert tuple(table.columns) == CERTAINTY_COLUMNS
    (row,) = table.itertuples(index=False)
    assert row[:6] == pytest.approx((1, 3.0, 1.5, 1.5, 2.0, 0.75))
    assert row[6:] == pytest.approx((0, 0, 0, 15 / 120))


def test_bands_of_what_a_model_named() -> None:
    bouts = [bout(1, "swing", 0, 2, 0.9), bout(1, "swing", 3, 4, 1.0), bout(2, "swing", 0, 1, 0.75)]
    bouts += [bout(1, "walk", 0, 9), replace(bout(3, "swing", 0, 1), source="human")]
    bouts += [replace(bout(3, "swing", 1, 2), source="both")]
    table = bands(bouts)
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        ("swing", 0.7, 0.8, 1, 1.0),
        ("swing", 0.9, 1.0, 2, 3.0),
    ]
    assert bands([]).dtypes.equals(table.dtypes)
