from __future__ import annotations

import numpy as np
import pytest

from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import COCO_18

TIME_S = np.array([0.0, 0.1, 0.3])
POINTS = np.zeros((3, 2, 2))
CONFIDENCE = np.ones((3, 2))
NAMES = ("nose", "neck")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"points": np.zeros((3, 2, 4))}, r"expected points of shape \(3, 2, 2 or 3\), got \(3, 2, 4\)"),
        ({"points": np.zeros((2, 2, 2))}, r"got \(2, 2, 2\)"),
        ({"confidence": np.ones((3, 1))}, r"expected confidence of shape \(3, 2\), got \(3, 1\)"),
        ({"joint_names": ("nose", "nose")}, "unique"),
        ({"time_s": np.array([0.0, 0.2, 0.2])}, "rise strictly"),
        ({"time_s": np.array([0.0, np.nan, 0.2])}, "rise strictly"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, object], message: str) -> None:
    good = {"points": POINTS, "confidence": CONFIDENCE, "joint_names": NAMES, "time_s": TIME_S}
    with pytest.raises(ValueError, match=message):
        PoseSequence(**{**good, **wrong})  # type: ignore[arg-type]  # wrong on purpose


def test_found_and_filled() -> None:
    points, confidence = POINTS.copy(), CONFIDENCE.copy()
    points[0, 0], confidence[0, 0] = np.nan, 0
    confidence[1, 1] = 0
    sequence = PoseSequence(points, confidence, NAMES, TIME_S)
    assert np.argwhere(~sequence.found).tolist() == [[0, 0]]
    assert np.argwhere(sequence.filled).tolist() == [[1, 1]]
    assert sequence.has("nose", "neck")
    assert not sequence.has("left_ear")
    with pytest.raises(ValueError, match="no joint 'left_ear' in this sequence; it has nose, neck"):
        sequence.joint("left_ear")


def test_from_track() -> None:
    keypoints = np.full((2, 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0
    keypoints[1, 3] = 5, 6, 0.5
    track = Track(
        1, np.array([4, 9]), np.array([0.16, 0.36]), keypoints, np.ones(2, dtype=np.float32), skeleton=COCO_18
    )
    sequence = PoseSequence.from_track(track)
    assert sequence.points.dtype == np.float64
    assert np.argwhere(sequence.found).tolist() == [[1, 3]]
    assert sequence.confidence[1, 3] == 0.5
    assert (sequence.unit, sequence.joint_names) == ("px", COCO_18.joints)
