"""Hands and faces: squares of the frame, and what is believed of what networks of landmarks say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.backends.base import ModelInfo, Precision
from pose.engine import EngineSettings, PoseEngine, parts_wanted
from pose.errors import ModelError
from pose.maps import (
    FACE_LANDMARKS,
    HAND_LANDMARKS,
    IRIS_LANDMARKS,
    OPENPOSE_FACE,
    OPENPOSE_HAND,
    AnyMaps,
    BeliefLayout,
    BeliefMaps,
    LandmarkLayout,
    Landmarks,
    Layout,
    pixels_to_cells,
)
from pose.networks import cpm_vgg
from pose.parts import FACE_70, HAND_21, body_of, whole_body
from pose.people import Person
from pose.skeleton import BODY_25, COCO_18, CPM_9, Skeleton
from pose.weights.export import to_onnx
from pose.wholebody import PartFinder, finder
from pose.wholebody.mesh import TO_68
from pose.wholebody.regions import (
    Region,
    eye_of_landmarks,
    face_of_body,
    face_of_landmarks,
    hand_of_body,
    hand_of_landmarks,
    openpose_face,
    openpose_hand,
)

regions = st.builds(
    Region,
    x=st.floats(-50, 400),
    y=st.floats(-50, 400),
    side=st.floats(5, 900),
    angle=st.floats(-np.pi, np.pi),
    mirrored=st.booleans(),
)


@given(regions, st.floats(-100, 500), st.floats(-100, 500), st.integers(16, 256))
def test_there_and_back(region: Region, x: float, y: float, size: int) -> None:
    np.testing.assert_allclose(region.to_frame(region.to_crop([x, y], size), size), [x, y], atol=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0, np.pi])
@pytest.mark.parametrize("side", [40.0, 130.0, 400.0, 1500.0])
def test_a_mark_is_where_the_square_says(side: float, angle: float, mirrored: bool) -> None:
    """Also where a large square is shrunk a lot."""
    image = np.zeros((1200, 1600, 3), dtype=np.uint8)
    region = Region(800.3, 590.8, side, angle, mirrored)
    place = region.to_frame([120.0, 50.0], 192)
    radius = max(round(side / 40), 2)
    cv2.circle(image, tuple(round(float(v) * 16) for v in place), radius * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    crop = region.cut(image, 192)[:, :, 0].astype(float)
    rows, columns = np.mgrid[:192, :192]
    found = [(crop * axis).sum() / crop.sum() for axis in (columns, rows)]
    np.testing.assert_allclose(found, [120, 50], atol=0.5)


def test_a_square_outside_the_image_is_black() -> None:
    image = np.full((100, 100, 3), 200, dtype=np.uint8)
    for side in (20.0, 3000.0):
        assert not Region(5000, -7000, side).cut(image, 64).any()


BODY = {
    "nose": (0, -60), "neck": (0, -40), "right_shoulder": (-16, -40), "right_elbow": (-36, -20),
    "right_wrist": (-56, -40), "left_shoulder": (16, -40), "left_elbow": (24, -14), "left_wrist": (26, 14),
    "right_hip": (-10, 8), "right_knee": (-11, 44), "right_ankle": (-12, 80), "left_hip": (10, 8),
    "left_knee": (11, 44), "left_ankle": (12, 80), "right_eye": (-4, -64), "left_eye": (4, -64),
    "right_ear": (-9, -62), "left_ear": (9, -62),
}  # fmt: skip


def somebody(x: float = 300, y: float = 300, scale: float = 3.0, skeleton: Skeleton = COCO_18) -> Person:
    keypoints = np.full((len(skeleton), 3), (np.nan, np.nan, 0), dtype=np.float32)
    for joint, (dx, dy) in BODY.items():
        if joint in skeleton.joints:
            keypoints[skeleton.index(joint)] = x + scale * dx, y + scale * dy, 0.9
    return Person(keypoints, 0.9, skeleton=skeleton)


def joints_of(person: Person) -> dict[str, NDArray[np.float64]]:
    return dict(zip(person.skeleton.joints, person.keypoints[:, :2].astype(np.float64), strict=True))


def test_a_hand_lies_beyond_the_wrist_and_points_up() -> None:
    joints = joints_of(somebody())
    region = hand_of_body(joints, "right")
    assert region is not None
    elbow, wrist = (region.to_crop(joints[f"right_{name}"], 224) for name in ("elbow", "wrist"))
    assert wrist[1] > 130  # below the middle
    assert elbow[1] > wrist[1]
    assert abs(elbow[0] - 111.5) < 1e-6
    assert abs(wrist[0] - 111.5) < 1e-6


def test_a_face_is_in_the_middle_with_the_eyes_level() -> None:
    for turn in (0.0, 0.5, -1.2, np.pi):
        cos, sin = np.cos(turn), np.sin(turn)
        joints = {name: np.array([[cos, -sin], [sin, cos]]) @ xy for name, xy in joints_of(somebody(0, 0)).items()}
        region = face_of_body(joints)
        assert region is not None
        right, left, nose = (region.to_crop(joints[name], 192) for name in ("right_eye", "left_eye", "nose"))
        assert abs(right[1] - left[1]) < 1e-6
        assert right[0] < 95.5 < left[0]
        assert 60 < right[1] < nose[1] < 130


def test_without_the_joints_there_is_no_square() -> None:
    joints = joints_of(somebody())
    joints["left_elbow"] = np.full(2, np.nan)
    assert hand_of_body(joints, "left") is None
    assert face_of_body({name: np.full(2, np.nan) for name in joints}) is None


# ----------------------------------------------------------------------------------------------------------------------

HAND = np.array(
    [(0, 30), (10, 24), (17, 16), (21, 8), (25, 2), (9, 2), (10, -10), (11, -18), (12, -25), (2, 0), (2, -13), (2, -22),
     (2, -30), (-5, 1), (-6, -11), (-7, -19), (-8, -26), (-11, 5), (-13, -5), (-15, -12), (-17, -18)],
    dtype=np.float64,
)  # fmt: skip
"""An open right hand seen from behind, wrist below, pixels."""


class Knowing:
    """Answers with the landmarks of the true hands or faces that lie nearest to the square's middle.

    It finds out where the square lies by its picture: red and green of a frame are its columns and rows.
    """

    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def __init__(
        self, layout: LandmarkLayout | BeliefLayout, truth: list[NDArray[np.float64]], presence: float = 0.9
    ) -> None:
        self.layout: Layout = layout
        self.model = ModelInfo("knowing", "0" * 64, "this test", "Apache-2.0")
        self._layout, self.truth, self.presence = layout, truth, presence
        self.asked: list[int] = []
        self.mirrored: list[bool] = []

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        self.asked.append(len(batch))
        return [self._answer(crop) for crop in batch]

    def _answer(self, crop: NDArray[np.uint8]) -> Landmarks:
        rows, columns = np.nonzero(crop[:, :, 0] == 255)  # blue: inside the frame
        there = crop[rows, columns, 2:0:-1].astype(np.float64) * 4  # x, y of the frame
        design = np.column_stack([columns, rows, np.ones(len(rows))])
        to_frame = np.linalg.lstsq(design, there, rcond=None)[0]
        middle = np.array([self._layout.size / 2 - 0.5] * 2 + [1]) @ to_frame
        points = min(self.truth, key=lambda points: float(np.hypot(*(points.mean(axis=0) - middle))))
        inside = (points - to_frame[2]) @ np.linalg.inv(to_frame[:2])
        self.mirrored.append(bool(np.linalg.det(to_frame[:2]) < 0))
        if isinstance(self._layout, BeliefLayout):
            return self._beliefs(inside)
        rows3 = np.column_stack([inside, np.zeros(len(inside))]).astype(np.float32)
        near = np.hypot(*(points.mean(axis=0) - middle)) < 60
        return Landmarks(rows3, self.presence if near else 0.0, self._layout)

    def _beliefs(self, inside: NDArray[np.float64]) -> BeliefMaps:
        """A Gaussian around each point; every third is believed in less."""
        assert isinstance(self._layout, BeliefLayout)
        side = self._layout.size // self._layout.stride
        rows, columns = np.mgrid[:side, :side]
        maps = np.zeros((len(inside) + 1, side, side), dtype=np.float32)
        for i, (x, y) in enumerate(pixels_to_cells(inside, self._layout.stride)):
            belief = self.presence * (0.1 if i % 3 == 2 else 1)
            maps[i] = belief * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.5**2))
        return BeliefMaps(maps, self._layout)


def frame() -> NDArray[np.uint8]:
    """(800, 1000, 3): red is a quarter of the column, green of the row, blue is full."""
    rows, columns = np.mgrid[:800, :1000]
    return np.stack([np.full((800, 1000), 255), rows / 4, columns / 4], axis=2).round().astype(np.uint8)


def true_hand(person: Person, side: str) -> NDArray[np.float64]:
    wrist, elbow = (person[f"{side}_{name}"][:2].astype(np.float64) for name in ("wrist", "elbow"))
    up = (wrist - elbow) / np.hypot(*(wrist - elbow))
    across = np.array([-up[1], up[0]]) * (1 if side == "right" else -1)
    return wrist + (HAND[:, :1] - HAND[0, 0]) * across - (HAND[:, 1:] - HAND[0, 1]) * up


@pytest.mark.parametrize("consecutive", [False, True])
def test_hands_come_back_to_the_frame(consecutive: bool) -> None:
    person = somebody()
    hands = [true_hand(person, side) for side in ("left", "right")]
    network = Knowing(HAND_LANDMARKS, hands)
    images = [frame()] * 3
    people = PartFinder(network, None).find(images, [[person]] * 3, consecutive)
    for (found,) in people:
        assert found.skeleton.name == "coco_18_hands"
        assert found.face is None
        assert found.hands is not None
        np.testing.assert_allclose(found.hands[:, :, :2], hands, atol=2)
        np.testing.assert_allclose(found.hands[:, :, 2], 0.9)
        np.testing.assert_array_equal(found.keypoints[:18], person.keypoints)
        np.testing.assert_allclose(found["left_index_tip"][:2], hands[0][8], atol=2)
    # A guess and a closer look at both hands together; then, in a video, one look at where they were.
    assert network.asked == ([2, 2, 2, 2] if consecutive else [2, 2] * 3)


def test_what_is_not_sure_is_missing() -> None:
    person = somebody()
    hands = [true_hand(person, side) for side in ("left", "right")]
    ((found,),) = PartFinder(Knowing(HAND_LANDMARKS, hands, presence=0.4), None).find([frame()], [[person]])
    assert found.hands is not None
    assert np.isnan(found.hands[:, :, :2]).all()
    assert not found.hands[:, :, 2].any()


def test_a_hand_far_from_the_wrist_is_somebody_elses() -> None:
    person = somebody()
    far = [true_hand(person, "right") + np.array([45, 0]), true_hand(person, "left")]
    ((found,),) = PartFinder(Knowing(HAND_LANDMARKS, far), None).find([frame()], [[person]])
    assert found.hands is not None
    assert np.isfinite(found.hands[0, :, 0]).all()
    assert np.isnan(found.hands[1, :, 0]).all()


def test_a_hand_that_two_wrists_claim_goes_to_the_nearer() -> None:
    person = somebody()
    keypoints = person.keypoints.copy()
    for joint in ("elbow", "wrist"):  # the right arm lies beside the left one
        keypoints[COCO_18.index(f"right_{joint}")] = keypoints[COCO_18.index(f"left_{joint}")] + (8, 3, 0)
    both = Person(keypoints, 0.9)
    hand = true_hand(both, "left")
    ((found,),) = PartFinder(Knowing(HAND_LANDMARKS, [hand]), None).find([frame()], [[both]])
    assert found.hands is not None
    np.testing.assert_allclose(found.hands[0, :, :2], hand, atol=2)
    assert np.isnan(found.hands[1, :, 0]).all()


def true_face(person: Person) -> NDArray[np.float64]:
    """468 points of which the tip of the nose, the corners of the eyes and the outline are where they should be."""
    rng = np.random.default_rng(0)
    points = rng.uniform((-20, -24), (20, 24), (468, 2))
    points[4] = 0, 6
    points[[33, 133, 362, 263], 0] = -17, -7, 7, 17
    points[[33, 133, 362, 263], 1] = -8
    points[10], points[152], points[234], points[454] = (0, -30), (0, 32), (-24, 0), (24, 0)
    return points - (0, 6) + person["nose"][:2]


def test_faces_come_back_to_the_frame() -> None:
    person = somebody()
    mesh = true_face(person)
    pupils = [mesh[corners].mean(axis=0) + np.array([1, 0.5]) for corners in ([33, 133], [362, 263])]
    eyes = [np.tile(pupil, (5, 1)) for pupil in pupils]
    searcher = PartFinder(None, Knowing(FACE_LANDMARKS, [mesh]), Knowing(IRIS_LANDMARKS, eyes, presence=1.0))
    ((found,),) = searcher.find([frame()], [[person]])
    assert found.skeleton.name == "coco_18_face"
    assert found.hands is None
    assert found.face is not None
    np.testing.assert_allclose(found.face[:68, :2], mesh[TO_68], atol=2)
    np.testing.assert_allclose(found["right_pupil"][:2], pupils[0], atol=1.5)
    np.testing.assert_allclose(found["left_pupil"][:2], pupils[1], atol=1.5)
    np.testing.assert_allclose(found["right_eye_outer"][:2], mesh[33], atol=2)


def test_a_face_that_two_bodies_claim_goes_to_the_nearer() -> None:
    person = somebody()
    ghost = Person(person.keypoints + np.array([5, 2, 0], dtype=np.float32), 0.8)
    mesh = true_face(person)
    ((ghostly, found),) = PartFinder(None, Knowing(FACE_LANDMARKS, [mesh])).find([frame()], [[ghost, person]])
    assert found.face is not None
    assert ghostly.face is not None
    np.testing.assert_allclose(found.face[:68, :2], mesh[TO_68], atol=2)
    assert np.isnan(ghostly.face[:, 0]).all()
    faint = replace(ghost, keypoints=person.keypoints, score=0.35)
    slightly_off = replace(person, keypoints=person.keypoints + np.array([2, 0, 0], dtype=np.float32))
    mesh[4] += (0.8, 0)
    finder_of_both = PartFinder(None, Knowing(FACE_LANDMARKS, [mesh]))
    ((faintly, found),) = finder_of_both.find([frame()], [[faint, slightly_off]])
    assert found.face is not None
    assert faintly.face is not None
    assert np.isfinite(found.face[:68, 0]).all()
    assert np.isnan(faintly.face[:, 0]).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_openpose_is_shown_upright_right_hands(side: str) -> None:
    """As handDetector.cpp and handExtractorCaffe.cpp have it: a third of a forearm beyond the wrist, 1.5 wide."""
    person = somebody()
    joints = joints_of(person)
    region = openpose_hand(joints, side)  # type: ignore[arg-type]
    assert region is not None
    wrist, elbow, shoulder = (joints[f"{side}_{name}"] for name in ("wrist", "elbow", "shoulder"))
    np.testing.assert_allclose((region.x, region.y), wrist + 0.33 * (wrist - elbow))
    longer = max(np.hypot(*(wrist - elbow)), 0.9 * np.hypot(*(elbow - shoulder)))
    assert region.side == pytest.approx(1.5 * longer)
    assert region.angle == 0
    assert region.mirrored == (side == "left")


def test_openpose_looks_for_a_face_around_neck_nose_eyes_and_ears() -> None:
    """As faceDetector.cpp has it."""
    joints = joints_of(somebody(x=0, y=0, scale=1.0))
    region = openpose_face(joints)
    assert region is not None
    np.testing.assert_allclose((region.x, region.y), (0, (-50 - 64 - 62) / 3))
    assert region.side == pytest.approx((2 * 20 + 3 * 8 + 2 * 18) / 3, abs=1e-4)
    for hidden, x in (("left", -13 / 3), ("right", 13 / 3)):
        region = openpose_face(joints | {f"{hidden}_{part}": np.full(2, np.nan) for part in ("eye", "ear")})
        assert region is not None
        np.testing.assert_allclose((region.x, region.y), (x, (-64 - 62 - 60) / 3), atol=1e-4)
        assert region.side == pytest.approx(0.85 * (np.hypot(4, 4) + np.hypot(9, 2) + 20), abs=1e-4)
    assert openpose_face({name: np.full(2, np.nan) for name in joints}) is None


@pytest.mark.parametrize("consecutive", [False, True])
def test_hands_and_faces_of_belief_maps(consecutive: bool) -> None:
    """One look each, where the body is; each joint by its own belief, those below the threshold missing."""
    person = somebody()
    hands = [true_hand(person, side) for side in ("left", "right")]
    face = np.random.default_rng(0).uniform((-20, -24), (20, 24), (70, 2)) + person["nose"][:2]
    face[30] = person["nose"][:2]
    network, faces = Knowing(OPENPOSE_HAND, hands), Knowing(OPENPOSE_FACE, [face])
    for (found,) in PartFinder(network, faces).find([frame()] * 2, [[person]] * 2, consecutive):
        assert found.hands is not None
        assert found.face is not None
        for rows, truth in ((found.hands[0], hands[0]), (found.hands[1], hands[1]), (found.face, face)):
            faint = np.arange(len(truth)) % 3 == 2
            assert np.isnan(rows[faint, :2]).all()
            assert not rows[faint, 2].any()
            np.testing.assert_allclose(rows[~faint, :2], truth[~faint], atol=1)
            np.testing.assert_allclose(rows[~faint, 2], 0.9, atol=0.05)
    assert network.asked == [2, 2]
    assert faces.asked == [1, 1]
    assert network.mirrored == [True, False] * 2
    assert faces.mirrored == [False] * 2


def test_thresholds_decide_what_is_there() -> None:
    person = somebody()
    hands = [true_hand(person, side) for side in ("left", "right")]
    for layout, presence, threshold, there in (
        (HAND_LANDMARKS, 0.4, None, False), (HAND_LANDMARKS, 0.4, 0.3, True), (HAND_LANDMARKS, 0.6, 0.7, False),
        (OPENPOSE_HAND, 0.15, None, False), (OPENPOSE_HAND, 0.15, 0.1, True), (OPENPOSE_HAND, 0.3, 0.4, False),
    ):  # fmt: skip
        searcher = PartFinder(Knowing(layout, hands, presence), None, hand_threshold=threshold)
        ((found,),) = searcher.find([frame()], [[person]])
        assert found.hands is not None
        assert np.isfinite(found.hands[:, 0, 0]).all() == there, (layout.skeleton.name, presence, threshold)


def test_squares_of_landmarks_hold_them() -> None:
    hand = true_hand(somebody(), "right")
    inside = hand_of_landmarks(hand).to_crop(hand, 224)
    assert ((inside > 0) & (inside < 223)).all()
    assert inside[0, 1] == inside[:, 1].max()  # the wrist below
    mesh = true_face(somebody())
    inside = face_of_landmarks(mesh).to_crop(mesh, 192)
    assert ((inside > 0) & (inside < 191)).all()
    for side, corners in (("left", (362, 263)), ("right", (133, 33))):
        inner, outer = eye_of_landmarks(mesh, side).to_crop(mesh[list(corners)], 64)  # type: ignore[arg-type]
        assert inner[0] < 31.5 < outer[0]  # the right eye as if it were a left one


@pytest.mark.parametrize("skeleton", [CPM_9, BODY_25], ids=lambda skeleton: skeleton.name)
def test_any_body_will_do(skeleton: Skeleton) -> None:
    person = somebody(skeleton=skeleton)
    hands, face = Knowing(HAND_LANDMARKS, [true_hand(person, "left")]), Knowing(FACE_LANDMARKS, [true_face(somebody())])
    ((found,),) = PartFinder(hands, face).find([frame()], [[person]])
    assert len(found.keypoints) == len(skeleton) + 2 * 21 + 70
    assert body_of(found.skeleton) is skeleton
    assert found.face is not None
    assert np.isfinite(found.face[:68, 0]).all() == ("nose" in skeleton.joints)
    assert np.isnan(found.face[68:, 0]).all()  # pupils, for which nobody looked


def test_people_who_are_hardly_there_or_small_are_not_looked_at() -> None:
    network = Knowing(HAND_LANDMARKS, [true_hand(somebody(), "left")])
    faint = Person(somebody().keypoints, 0.2)
    ((one,), (two,)) = PartFinder(network, None).find([frame(), frame()], [[faint], [somebody(scale=0.6)]])
    assert network.asked == []
    for person in (one, two):
        assert person.hands is not None
        assert np.isnan(person.hands[:, :, 0]).all()


def test_layouts_of_whole_bodies() -> None:
    whole = whole_body(COCO_18)
    assert len(whole) == 130
    assert whole.joints[18:20] == ("left_hand_wrist", "left_thumb_cmc")
    assert whole.joints[39] == "right_hand_wrist"
    assert whole.joints[60:] == FACE_70.joints
    assert len(whole.limbs) == len(COCO_18.limbs) + 2 * len(HAND_21.limbs) + len(FACE_70.limbs)
    assert whole_body(COCO_18, hands=False, face=False) is COCO_18
    swap = whole.mirror_indices
    assert whole.joints[swap[18]] == "right_hand_wrist"
    assert body_of(whole) is COCO_18
    own = Skeleton("own", ("a", "b"), (("a", "b"),), (0.1, 0.1))
    again = body_of(whole_body(own))
    assert (again.joints, again.limbs, again.sigmas) == (own.joints, own.limbs, own.sigmas)


# --- the real networks ------------------------------------------------------------------------------------------------


def test_real_hands_are_found_where_they_are(sample_video: Path) -> None:
    """The man with his arms up, and the woman's hands: at least half of the four that are to be seen."""
    video = cv2.VideoCapture(str(sample_video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 65)
    image = np.asarray(video.read()[1], dtype=np.uint8)
    video.release()
    engine = PoseEngine(device="cpu", settings=EngineSettings(hands=True, face=True))
    assert set(engine.parts) == {"hands", "face", "iris"}
    assert len(engine.skeleton) == 130
    (people,) = engine.detect([image])
    n = 0
    for person in people:
        if person.score < 0.5:
            continue
        assert person.hands is not None
        for side, hand in zip(("left", "right"), person.hands, strict=True):
            if np.isfinite(hand[0, 0]):
                n += 1
                size = np.ptp(hand[:, :2], axis=0).max()
                forearm = np.hypot(*(person[f"{side}_wrist"] - person[f"{side}_elbow"])[:2])
                assert np.hypot(*(hand[0] - person[f"{side}_wrist"])[:2]) < size
                assert 0.2 * forearm < size < 1.5 * forearm
    assert n >= 2


def test_networks_of_ones_own_find_hands(sample_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that believe in anything a little, anywhere; a network of bodies is told that it is none of hands."""
    monkeypatch.setattr(finder, "_AT_THE_WRIST", np.inf)
    torch.manual_seed(0)
    network = cpm_vgg.CpmVgg(replace(cpm_vgg.HAND, n_stages=2, hidden=4)).eval()
    *_, last = (layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
    torch.nn.init.constant_(last.bias, 0.3)  # type: ignore[arg-type]
    file = tmp_path / "hand.onnx"
    file.write_bytes(to_onnx(network).SerializeToString())
    settings = EngineSettings(hands=True, accuracy="fast", hand_threshold=0.1)
    engine = PoseEngine(device="cpu", settings=settings, hand_network=str(file))
    assert engine.parts["hands"].name == "hand"
    video = cv2.VideoCapture(str(sample_video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 65)
    image = np.asarray(video.read()[1], dtype=np.uint8)[:500, 300:900]
    video.release()
    (people,) = engine.detect([image])
    assert people[0].hands is not None
    assert np.isfinite(people[0].hands[..., 0]).any()
    confidence = people[0].hands[..., 2]
    assert 0.2 < np.median(confidence[confidence > 0]) < 0.4
    for part, other in (("hand", "mobilenet_thin"), ("face", str(file)), ("hand", "mediapipe_face")):
        wanted = {f"{part}_network": other}
        with pytest.raises(ModelError, match=rf"no {part}; give mediapipe_{part} or openpose_{part} as --{part}-"):
            PoseEngine(device="cpu", settings=EngineSettings(hands=True, face=True), **wanted)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="openpose_face: its weights are not imported"):
        parts_wanted(EngineSettings(face=True), face="openpose_face")


def test_pupils_are_looked_for_in_a_mesh_only(tmp_path: Path) -> None:
    file = tmp_path / "face.onnx"
    file.write_bytes(to_onnx(cpm_vgg.CpmVgg(replace(cpm_vgg.FACE, n_stages=2, hidden=4)).eval()).SerializeToString())
    own = parts_wanted(EngineSettings(face=True), face=str(file))
    assert {role: part.threshold for role, part in own.items()} == {"face": 0.4}
    usual = parts_wanted(EngineSettings(hands=True, face=True, face_threshold=0.6))
    assert {role: part.threshold for role, part in usual.items()} == {"hand": 0.5, "face": 0.6, "iris": None}
    assert parts_wanted(EngineSettings()) == {}
