"""Rules of hands and faces on people whose parts move as told."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.recognition.rules import RULES, motion_of, rule_bouts
from pose.parts import FACE_70, HAND_21, hand_joints, whole_body
from pose.people import Track
from pose.skeleton import COCO_18, Skeleton
from storage.bouts import Bout

Array = NDArray[np.float64]

FEATURES = Path(__file__).parents[1] / "test_features"
SCENE = runpy.run_path(str(FEATURES / "golden.py"))
STANDING = runpy.run_path(str(FEATURES / "conftest.py"))["STANDING"]
PARTS = ("hand_to_face", "talking", "blink")
RATE = 30.0
N = 180
TIME_S = np.arange(N) / RATE


def person(face_px: float = 60.0, skeleton: Skeleton | None = None, **moved: Array) -> Track:
    """Six seconds of somebody whose eyes are `face_px` wide; `moved` are (n, 2) pixels added to joints."""
    skeleton = skeleton or whole_body(COCO_18)
    size = face_px / 20
    at = {name: np.array(xy, dtype=float) * size for name, xy in STANDING.items()}
    for side, sign in (("left", 1), ("right", -1)):
        for joint, name in zip(HAND_21.joints, hand_joints(side), strict=True):
            x, y = SCENE["HAND"]["hand_wrist" if joint == "wrist" else joint]
            at[name] = at[f"{side}_wrist"] + size * np.array([sign * x, y])
    at |= {name: at["nose"] + face_px * (np.array(SCENE["FACE"][name])[:2] - [0, 0.36]) for name in FACE_70.joints}
    jitter = np.random.default_rng(2).normal(0, 0.004 * face_px, (N, len(skeleton), 2))
    keypoints = np.full((N, len(skeleton), 3), 0.9, dtype=np.float32)
    for i, name in enumerate(skeleton.joints):
        keypoints[:, i, :2] = at[name] + moved.get(name, 0) + jitter[:, i]
    frames = np.arange(N, dtype=np.int64)
    return Track(1, frames, TIME_S, keypoints, np.ones(N, dtype=np.float32), skeleton=skeleton)


def bouts(track: Track, *rules: str) -> list[Bout]:
    return rule_bouts(track, motion_of(track, track.skeleton), rules or PARTS)


def down(values: Array) -> Array:
    return np.stack([np.zeros(N), values], axis=1)


def speech(face_px: float, hz: float, share: float) -> Array:
    """The lower lip opens from 2 to 4 s, by a share of the mouth's width, 0.7 of the eyes'."""
    inside = (TIME_S >= 2) & (TIME_S < 4)
    return down(np.where(inside, share * 0.7 * face_px * (1 - np.cos(2 * np.pi * hz * (TIME_S - 2))) / 2, 0))


def lids(face_px: float, starts: tuple[float, ...], lasts: float) -> dict[str, Array]:
    shut = np.any([(at <= TIME_S) & (at + lasts > TIME_S) for at in starts], axis=0)
    moved = {}
    for side in ("left", "right"):
        for lid, sign in (("upper", 1), ("lower", -1)):
            for place in ("outer", "inner"):
                moved[f"{side}_eye_{lid}_{place}"] = down(sign * 0.045 * face_px * shut)
    return moved


def test_somebody_at_rest_does_none_of_it() -> None:
    assert bouts(person()) == []


@pytest.mark.parametrize(
    ("hz", "share", "talks"), [(3, 0.2, True), (5, 0.2, True), (0.5, 0.6, False), (4, 0.05, False)]
)
def test_talking_is_fast_and_wide_enough(hz: float, share: float, talks: bool) -> None:
    """A yawn is too slow, a mouth that hardly opens too still."""
    found = bouts(person(mouth_lower=speech(60, hz, share)))
    assert [bout.action for bout in found] == ["talking"] * talks
    for bout in found:
        assert bout.start_s == pytest.approx(2, abs=0.5)
        assert bout.stop_s == pytest.approx(4, abs=0.5)


def test_a_blink_is_a_bout_and_a_nap_is_none() -> None:
    found = bouts(person(**lids(60, (1.0, 3.0), 0.15)))
    assert [bout.action for bout in found] == ["blink", "blink"]
    assert [bout.start_s for bout in found] == pytest.approx([1.0, 3.0], abs=0.05)
    assert bouts(person(**lids(60, (2.0,), 1.0))) == []


@pytest.mark.parametrize("face", [True, False])
def test_a_hand_at_the_face(face: bool) -> None:
    """The whole right hand goes to the nose from 2 to 4 s."""
    still = person()
    tip, nose = (still.keypoints[0, still.skeleton.index(name), :2] for name in ("right_index_tip", "nose"))
    way = ((TIME_S >= 2) & (TIME_S < 4))[:, None] * (nose - tip)[None].astype(float)
    moved = dict.fromkeys((*hand_joints("right"), "right_wrist"), way)
    (bout,) = bouts(person(skeleton=whole_body(COCO_18, face=face), **moved))
    assert bout.action == "hand_to_face"
    assert bout.start_s == pytest.approx(2, abs=0.2)
    assert bout.stop_s == pytest.approx(4, abs=0.2)


def test_they_are_silent_where_there_is_nothing_to_see() -> None:
    """A body alone, hands alone, a face that is too small: neither a bout nor a frame that is said not to hold."""
    moved = {"mouth_lower": speech(60, 4, 0.3), **lids(60, (1.0,), 0.15)}
    assert {bout.action for bout in bouts(person(**moved))} == {"talking", "blink"}
    small = {name: by / 2 for name, by in moved.items()}
    assert bouts(person(30, **small)) == []
    for skeleton, unseen in ((COCO_18, PARTS), (whole_body(COCO_18, face=False), ("talking", "blink"))):
        track = person(skeleton=skeleton)
        motion = motion_of(track, skeleton)
        assert motion is not None
        for name in unseen:
            assert np.isnan(RULES[name].score(motion)).all(), name
