"""Public sets in one vocabulary, and windows drawn out of them, on sets that are made up here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.labels import UNKNOWN
from behavior.recognition.vocabulary import ACTIONS
from behavior.training.public_sets import PUBLIC_SETS, load_public_set
from behavior.training.windows import REST_KIND, cut, draw_windows, motion, project, rest
from pose.layouts import BODY_13

STANDING = np.array(
    [(0, 0.7), (-0.2, 0.5), (0.2, 0.5), (-0.25, 0.2), (0.25, 0.2), (-0.25, 0), (0.25, 0), (-0.1, 0), (0.1, 0),
     (-0.1, -0.4), (0.1, -0.4), (-0.1, -0.8), (0.1, -0.8)], dtype=np.float32,
)  # fmt: skip
"""(13, 2) metres, y up: somebody who faces us."""


def clip_3d(n_frames: int = 120, moves: slice = slice(50, 70)) -> NDArray[np.float32]:
    """Standing still but for the right hand, which goes up and down once in the frames of `moves`."""
    points = np.repeat(np.append(STANDING, np.zeros((13, 1), dtype=np.float32), axis=1)[None], n_frames, axis=0)
    count = len(points[moves])
    points[moves, BODY_13.index("right_wrist"), 1] += np.sin(np.linspace(0, np.pi, count))
    return points


def write(folder: Path, name: str, labels: list[str], pieces: list[NDArray[np.float32]], fps: float = 30.0) -> None:
    (folder / name).mkdir()
    classes = sorted(set(labels))
    file = "train3d.npz" if pieces[0].shape[2] == 3 else "train.npz"
    np.savez(
        folder / name / file, joints=np.concatenate(pieces), offsets=np.cumsum([0, *map(len, pieces)]),
        labels=np.array([classes.index(label) for label in labels]), classes=np.array(classes),
        joint_names=np.array(BODY_13), groups=np.arange(len(labels)), fps=np.float64(fps),
    )  # fmt: skip


def test_every_label_means_an_action_of_the_vocabulary_or_nothing() -> None:
    meant = {action for one in PUBLIC_SETS.values() for action in one.labels.values()}
    assert meant - {None, UNKNOWN} <= set(ACTIONS)
    for name, one in PUBLIC_SETS.items():
        assert name == one.name
    assert {name for name, one in PUBLIC_SETS.items() if one.shippable} == {
        "jhmdb", "penn_action", "utd_mhad", "msr_action3d",
    }  # fmt: skip


def test_sitting_down_of_jhmdb_is_not_sitting() -> None:
    """Its clips `sit` and `stand` are of the way down and up."""
    labels = PUBLIC_SETS["jhmdb"].labels
    assert (labels["sit"], labels["stand"]) == ("sit_down", "stand_up")


def test_a_set_is_read_in_the_vocabulary_at_30_hz(tmp_path: Path) -> None:
    write(tmp_path, "utd_mhad", ["clap", "push", "pickup_and_throw"], [clip_3d(30)] * 3, fps=15.0)
    found = load_public_set(tmp_path, "utd_mhad")
    assert found.names.tolist() == ["clap", UNKNOWN]
    assert found.own.tolist() == ["clap", "push"]
    assert [one.shape for one in found.points] == [(59, 13, 3)] * 2


def test_a_label_that_nobody_decided_about_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "penn_action", ["squat", "juggle"], [clip_3d(30)[:, :, :2]] * 2)
    with pytest.raises(DataError, match="nothing is said of the labels juggle"):
        load_public_set(tmp_path, "penn_action")
    with pytest.raises(DataError, match="utd_mhad"):
        load_public_set(tmp_path, "utd_mhad")


def test_windows_hold_the_motion_or_none_of_it() -> None:
    rng = np.random.default_rng(0)
    points = clip_3d(300, slice(140, 160))
    for _ in range(20):
        piece = cut(points, rng, whole=False)
        assert 30 <= len(piece) <= 90
        assert np.ptp(piece[:, BODY_13.index("right_wrist"), 1]) > 0.9
        quiet = rest(points, rng)
        assert quiet is not None
        assert np.ptp(quiet[:, BODY_13.index("right_wrist"), 1]) < 0.6
    assert motion(points).sum() == pytest.approx(1)
    assert rest(points[140:160], rng) is None


def test_sources_count_alike(tmp_path: Path) -> None:
    write(tmp_path, "utd_mhad", ["throw"] * 9 + ["push"], [clip_3d()] * 10)
    write(tmp_path, "msr_action3d", ["high_throw", "hammer"], [clip_3d()] * 2)
    sets = [load_public_set(tmp_path, name) for name in ("utd_mhad", "msr_action3d")]
    drawn = draw_windows(sets, 6, 3, np.random.default_rng(0))
    for source, other in (("utd_mhad", "push"), ("msr_action3d", "hammer")):
        kinds = drawn.kinds[drawn.sources == source].tolist()
        counts = {kind: kinds.count(kind) for kind in kinds}
        assert counts == {"throw": 6, f"{UNKNOWN}: {other}": 3, REST_KIND: 3 if source == "utd_mhad" else 1}
    assert set(drawn.names) == {"throw", UNKNOWN}
    assert len(set(drawn.groups[(drawn.names == "throw") & (drawn.sources == "utd_mhad")])) == 6


@given(st.integers(0, 2**32 - 1))
def test_cameras_see_people_upright_and_as_large_as_they_are_near(seed: int) -> None:
    seen = project(clip_3d(8), np.random.default_rng(seed))
    assert seen[:, 0, 1].max() < seen[:, -2:, 1].min()  # y down
    height = float(np.ptp(seen[0, :, 1]))
    assert 1.5 * np.cos(np.deg2rad(35)) / 7.6 < height < 1.7 / 1.5


def test_most_cameras_stand_before_the_person() -> None:
    rng = np.random.default_rng(0)
    seen = np.array([project(clip_3d(1), rng)[0, 1:3, 0] for _ in range(200)])
    assert 0.8 < (seen[:, 0] < seen[:, 1]).mean() < 1
