from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.errors import DataError
from behavior.recognition.clips import (
    LabelledSequences,
    data_hash,
    grouped_folds,
    load_sequences,
    make_sequences,
    resample,
    save_sequences,
    to_clips,
)
from pose.errors import LayoutError
from pose.layouts import BODY_13, mirror_indices, standard_name, standard_names, to_body
from pose.skeleton import BODY_25, COCO_17, COCO_18, Skeleton


def test_file_round_trip(small_world: LabelledSequences, tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    save_sequences(path, small_world)
    again = load_sequences(path)
    assert data_hash(again) == data_hash(small_world)
    assert again.classes == small_world.classes
    np.testing.assert_array_equal(again.joints, small_world.joints)


def test_fps_and_groups_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    joints = np.zeros((4, 13, 2))
    np.savez(path, joints=joints, offsets=[0, 1, 4], labels=[0, 1], classes=["a", "b"], joint_names=list(BODY_13))
    data = load_sequences(path)
    assert data.groups is None
    np.testing.assert_array_equal(data.fps, [25, 25])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offsets": [0, 3, 9]}, "offsets must run from 0 to 4"),
        ({"offsets": [0, 0, 4]}, "clip 0 has no frames"),
        ({"offsets": [0.0, 1.0, 4.0]}, "whole numbers"),
        ({"labels": [0, 2]}, "labels must lie in 0..1"),
        ({"labels": [0]}, "expected 2 labels"),
        ({"labels": [0.0, 1.0]}, "labels must be whole numbers"),
        ({"joint_names": ["a", "b"]}, "expected 2 joints"),
        ({"joint_names": ["head"] * 13}, "unique"),
        ({"groups": [1]}, "expected 2 groups"),
        ({"fps": [25.0, 0.0]}, "fps must be positive"),
        ({"joints": np.zeros((4, 13))}, "shape \\(N, K, 2 or 3\\)"),
        ({"joints": np.full((4, 13, 2), "x")}, "joints must be numbers"),
    ],
)
def test_files_that_do_not_fit_name_the_fault(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    good = {
        "joints": np.zeros((4, 13, 2)),
        "offsets": [0, 1, 4],
        "labels": [0, 1],
        "classes": ["a", "b"],
        "joint_names": list(BODY_13),
    }
    np.savez(path, **(good | change))  # type: ignore[arg-type]  # numpy's stubs take the keywords for allow_pickle
    with pytest.raises(DataError, match=message) as caught:
        load_sequences(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        load_sequences(tmp_path / "none.npz")
    text = tmp_path / "text.npz"
    text.write_text("hello")
    with pytest.raises(DataError, match="not a readable"):
        load_sequences(text)
    pickled = tmp_path / "pickle.npz"
    np.savez(pickled, joints=np.array([None, {}], dtype=object))
    with pytest.raises(DataError, match="pickled objects, which are never loaded"):
        load_sequences(pickled)
    single = tmp_path / "single.npy"
    np.save(single, np.zeros(3))
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load_sequences(single)


@pytest.mark.parametrize("skeleton", [COCO_18, COCO_17, BODY_25], ids=lambda skeleton: skeleton.name)
def test_every_known_layout_gives_the_same_body(skeleton: Skeleton) -> None:
    rng = np.random.default_rng(1)
    known = {joint: rng.normal(size=2) for joint in BODY_25.joints}
    points = np.array([[known[joint] for joint in skeleton.joints]])
    body = to_body(points, skeleton.joints)
    expected = np.mean([known[j] for j in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")], axis=0)
    np.testing.assert_allclose(body[0, 0], expected, rtol=1e-5)
    for place, joint in enumerate(BODY_13[1:], start=1):
        np.testing.assert_allclose(body[0, place], known[joint], rtol=1e-6)


def test_head_is_the_mean_of_what_is_seen() -> None:
    points = np.full((1, 18, 2), np.nan)
    points[0, COCO_18.index("nose")] = (0, 0)
    points[0, COCO_18.index("left_ear")] = (4, 2)
    np.testing.assert_array_equal(to_body(points, COCO_18.joints)[0, 0], (2, 1))
    assert np.isnan(to_body(np.full((1, 18, 2), np.nan), COCO_18.joints)).all()


def test_a_layout_without_the_body_is_refused_by_name() -> None:
    with pytest.raises(LayoutError, match="right_hip"):
        to_body(np.zeros((1, 2, 2)), ("nose", "tail"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("LShoulder", "left_shoulder"), ("left_shoulder", "left_shoulder"), ("shoulder_l", "left_shoulder"),
        ("Left Hip", "left_hip"), ("l_hip", "left_hip"), ("LEFT_HIP", "left_hip"), ("Hip.Right", "right_hip"),
        ("leftAnkle", "left_ankle"), ("LeftAnkle", "left_ankle"), ("Left-Knee", "left_knee"),
        ("R.Wrist", "right_wrist"), ("rightWrist", "right_wrist"), ("RElbow", "right_elbow"),
        ("RBigToe", "right_big_toe"), ("LSmallToe", "left_small_toe"), ("MidHip", "mid_hip"), ("Nose", "nose"),
        ("face", "head"), ("Tail Base", "tail_base"), ("earTip_R", "right_ear_tip"), ("L", "l"), ("snout2", "snout2"),
        ("尾", "尾"), ("…", "…"),
    ],
)  # fmt: skip
def test_one_spelling_of_joints(given: str, expected: str) -> None:
    assert standard_name(given) == expected
    assert standard_name(expected) == expected


def test_names_that_would_become_one_stay() -> None:
    assert standard_names(("LHip", "Knee")) == ("left_hip", "knee")
    assert standard_names(("LHip", "hip_l")) == ("LHip", "hip_l")


def test_mirror_twice_is_nothing() -> None:
    swap = mirror_indices(BODY_13)
    np.testing.assert_array_equal(swap[swap], np.arange(13))
    assert BODY_13[swap[BODY_13.index("left_knee")]] == "right_knee"


def test_resampling_keeps_straight_motion_and_gaps() -> None:
    time = np.array([0.0, 0.1, 0.35, 0.4])
    points = np.stack([10 * time, -time], axis=1)[:, None].astype(np.float32)
    at = np.linspace(0, 0.4, 9)
    np.testing.assert_allclose(resample(points, time, at)[:, 0, 0], 10 * at, atol=1e-5)
    points[2] = np.nan
    again = resample(points, time, np.array([0.12, 0.34]))
    assert again[0, 0, 0] == pytest.approx(1.0)
    assert np.isnan(again[1]).all()


def test_clips_of_another_rate_last_as_long() -> None:
    joints = np.random.default_rng(0).normal(size=(50, 13, 2))
    data = make_sequences(
        joints, np.array([0, 25, 50]), np.array([0, 1]), ["a", "b"], BODY_13, fps=np.array([15.0, 30])
    )
    clips = to_clips(data)
    np.testing.assert_array_equal(clips.lengths, [49, 25])
    assert np.isnan(clips.points[1, 25:]).all()


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7)), min_size=4, max_size=60),
    st.integers(2, 5),
)
def test_folds_keep_groups_whole(pairs: list[tuple[int, int]], n_folds: int) -> None:
    labels, groups = np.array(pairs).T
    if len(np.unique(groups)) < 2:
        with pytest.raises(DataError, match="one group"):
            grouped_folds(labels, groups, n_folds)
        return
    folds = grouped_folds(labels, groups, n_folds)
    for group in np.unique(groups):
        tested = set(folds.test_fold[groups == group].tolist()) - {-1}
        assert len(tested) <= 1
    for fold in range(folds.n_folds):
        train, test = folds.split(fold)
        assert not set(train) & set(test)
        assert set(labels[test]) <= set(labels[train])
    assert all(folds.test_fold[i] == -1 for i in range(len(labels)) if labels[i] in folds.never_tested)


def test_every_class_is_tested_where_its_groups_allow() -> None:
    labels = np.repeat([0, 1, 2], 6)
    groups = np.tile([0, 0, 1, 1, 2, 2], 3)
    folds = grouped_folds(labels, groups, 4)
    assert folds.n_folds == 3
    assert folds.never_tested == ()
    assert (folds.test_fold >= 0).all()
