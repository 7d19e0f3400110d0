"""Two people with four joints each, a body 100 pixels long: who gets which place can be said beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.refine.claims import Claim, Sight, share_out

FRONT = np.array([[100, 50, 0.9], [100, 80, 0.9], [100, 110, 0.9], [100, 150, 0.9]])
BEHIND = np.array([[130, 50, 0.6], [130, 80, 0.6], [130, 110, 0.6], [130, 150, 0.6]])


def sight(joints: NDArray[np.float64], places: NDArray[np.float64], score: float) -> Sight:
    """One look; (K, C, 3) places."""
    return Sight(Claim(joints, 100.0), score, (places,))


def at(joints: NDArray[np.float64], belief: float = 0.8) -> NDArray[np.float64]:
    """(K, 1, 3) a place for each joint, where it is."""
    places = joints[:, None].copy()
    places[..., 2] = belief
    return places


def either(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([first, second], axis=1)


def test_who_is_alone_has_the_best_place_of_each_joint() -> None:
    [[joints]] = share_out([sight(BEHIND, either(at(FRONT), at(BEHIND)), 0.5)])  # type: ignore[misc] # nobody is missing
    np.testing.assert_array_equal(joints, at(FRONT)[:, 0])


def test_a_joint_of_who_stands_in_front_is_not_taken_for_that_of_who_is_behind() -> None:
    """Of his upper joints the network sees the other's first; each has its own behind."""
    places = either(at(BEHIND), at(FRONT))
    places[:2] = either(at(FRONT), at(BEHIND, 0.5))[:2]
    front, behind = share_out([sight(FRONT, at(FRONT), 0.9), sight(BEHIND, places, 0.5)])
    assert front is not None
    assert behind is not None
    np.testing.assert_array_equal(front[0], at(FRONT)[:, 0])
    np.testing.assert_array_equal(behind[0][:, :2], BEHIND[:, :2])
    np.testing.assert_allclose(behind[0][:, 2], [0.5, 0.5, 0.8, 0.8])


def test_of_a_hidden_joint_remains_what_was_known() -> None:
    """Nothing but the other's joint is seen of the first one, and hardly anything else of the second."""
    places = either(at(BEHIND), np.full((4, 1, 3), (np.nan, np.nan, 0)))
    places[0, 0] = at(FRONT)[0, 0]
    places[1] = [[*FRONT[1, :2], 0.8], [300, 300, 0.1]]
    _, behind = share_out([sight(FRONT, at(FRONT), 0.9), sight(BEHIND, places, 0.5)])
    assert behind is not None
    np.testing.assert_array_equal(behind[0][:2], BEHIND[:2])


def test_what_was_known_is_no_surer_than_what_is_seen() -> None:
    places = at(BEHIND)
    places[0, 0] = [*FRONT[0, :2], 0.3]
    _, behind = share_out([sight(FRONT, at(FRONT), 0.9), sight(BEHIND, places, 0.5)])
    assert behind is not None
    assert behind[0][0, 2] == pytest.approx(0.3)


def test_who_is_surer_to_be_there_gives_nothing_to_who_is_less_sure() -> None:
    """The one in front is seen at the other's place, and stays so, however near that is to the other."""
    front, behind = share_out([sight(FRONT, at(BEHIND), 0.9), sight(BEHIND, at(BEHIND), 0.5)])
    assert front is not None
    np.testing.assert_array_equal(front[0], at(BEHIND)[:, 0])
    assert behind is not None


def test_who_has_nothing_of_his_own_is_the_other_again() -> None:
    again = FRONT + np.array([4, 0, -0.3])
    front, nobody = share_out([sight(FRONT, at(FRONT), 0.9), sight(again, at(FRONT), 0.8)])
    assert front is not None
    np.testing.assert_array_equal(front[0], at(FRONT)[:, 0])
    assert nobody is None


def test_those_beside_claim_their_joints_too() -> None:
    assert share_out([sight(FRONT + np.array([4, 0, -0.3]), at(FRONT), 0.9)], [Claim(FRONT, 100.0)]) == [None]


def test_a_joint_nobody_knew_goes_to_whom_it_is_close_to() -> None:
    """The body network had no idea where his first two joints are; the first is seen at the other's, the second not."""
    unknown = BEHIND.copy()
    unknown[:2] = np.nan, np.nan, 0
    places = at(BEHIND)
    places[0, 0, :2] = FRONT[0, :2]
    _, behind = share_out([sight(FRONT, at(FRONT), 0.9), sight(unknown, places, 0.5)])
    assert behind is not None
    np.testing.assert_allclose(behind[0][:, 2], [0, 0.8, 0.8, 0.8])
    np.testing.assert_array_equal(behind[0][1], at(BEHIND)[1, 0])


def test_nobody_in_view() -> None:
    assert share_out([], [Claim(FRONT, 100.0)]) == []
