"""Hands and faces in other programs' files: every point at its place, there and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.layouts import mirror_name
from pose.parts import FACE_70, HANDS_42, hand_joints, whole_body
from pose.people import FramePeople, Person
from pose.skeleton import COCO_17, COCO_18, COCO_23, CPM_9, HALPE_26, Skeleton
from storage import Database, open_database, poses, recordings, runs, tracks
from storage.errors import ExchangeError
from storage.formats.keypoints import READERS, WRITERS, detect
from storage.formats.keypoints.content import Keypoints, clock_of, layout
from storage.formats.keypoints.wholebody import COCO_133, FACE_68, HALPE_136, MMPOSE_133

pytest.importorskip("h5py", reason="the extra `exchange` is not installed")

Put = Callable[[Database, Skeleton, Sequence[FramePeople]], int]

CLOCK = clock_of(25.0, None)
WHOLE = whole_body(COCO_18)
COCO_WHOLE = whole_body(COCO_23)
FILES = {
    "openpose-json": "json", "coco": "walk.json", "dlc-csv": "walk.csv", "dlc-h5": "walk.h5", "sleap-h5": "walk.h5",
    "movement-nc": "walk.nc",
}  # fmt: skip
"""Formats that take any joints."""
_ROUNDED = {"openpose-json": 5.1e-4}
"""How far numbers may be off, pixels and confidence."""
ONLY_133 = ("coco-wholebody", "coco-wholebody-results", "mmpose-json")


def somebody(track_id: int, skeleton: Skeleton = WHOLE, without: Sequence[str] = ()) -> Person:
    """Joint k of person i at (100 i + 3 k, 50 + 2 k + 1/8), confidence (k + 1) / 256: no two alike."""
    places = np.arange(len(skeleton))
    points = np.column_stack([100 * track_id + 3 * places, 50.125 + 2 * places, (places + 1) / 256]).astype(np.float32)
    points[[joint in without for joint in skeleton.joints]] = np.nan, np.nan, 0
    return Person(points, 0.5, track_id, skeleton=skeleton)


def world(skeleton: Skeleton = WHOLE) -> list[FramePeople]:
    """Ann, whose face is missing in frame 1; Ben without a left hand, who comes back in frame 4 with his body alone."""
    left, face = hand_joints("left"), FACE_70.joints
    return [
        FramePeople(0, 0.0, (somebody(1, skeleton), somebody(2, skeleton, left))),
        FramePeople(1, 0.04, (somebody(1, skeleton, face),)),
        FramePeople(2, 0.08, ()),
        FramePeople(4, 0.16, (somebody(2, skeleton, (*HANDS_42, *face)), somebody(1, skeleton, ("nose",)))),
    ]


def written(put: Put, folder: Path, format: str, skeleton: Skeleton, frames: Sequence[FramePeople], name: str) -> Path:
    with open_database(folder / "w.db") as database:
        [path] = WRITERS[format](database, put(database, skeleton, frames), folder / name)
    return path


def read(path: Path) -> tuple[Keypoints, dict[int, dict[int | None, Person]]]:
    content = READERS[detect(path)](path, CLOCK)
    return content, {frame.index: {person.track_id: person for person in frame.people} for frame in content.frames}


def same(found: Person, expected: Person, joints: Sequence[str], lost: Sequence[str] = ()) -> None:
    """`joints` of the two agree; those that the format can't hold are missing."""
    for joint in joints:
        if joint in lost or joint not in expected.skeleton.joints:
            np.testing.assert_array_equal(found[joint], [np.nan, np.nan, 0], joint)
        else:
            np.testing.assert_array_equal(found[joint], expected[joint], joint)


# --- the orders ----------------------------------------------------------------------------------------------------

MIRRORED_FACE = {i: 16 - i for i in range(8)} | {i: 43 - i for i in range(17, 22)} | {
    31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 48: 54, 49: 53, 50: 52, 55: 59, 56: 58, 60: 64,
    61: 63, 65: 67,
}  # fmt: skip
"""Pairs of iBUG's points as published with MMPose's configuration of COCO-WholeBody; the others lie in the middle."""


def test_the_order_is_the_published_one() -> None:
    assert (len(COCO_133), len(HALPE_136)) == (133, 136)
    pairs = MIRRORED_FACE | {b: a for a, b in MIRRORED_FACE.items()}
    for number, joint in enumerate(FACE_68):
        assert mirror_name(joint) == FACE_68[pairs.get(number, number)]
    known = {
        0: "nose", 16: "right_ankle", 17: "left_big_toe", 19: "left_heel", 22: "right_heel", 23: "face-0",
        90: "face-67", 91: "left_hand_root", 92: "left_thumb1", 98: "left_forefinger3", 103: "left_middle_finger4",
        104: "left_ring_finger1", 111: "left_pinky_finger4", 112: "right_hand_root", 118: "right_forefinger2",
        132: "right_pinky_finger4",
    }  # fmt: skip
    assert {number: MMPOSE_133[number] for number in known} == known
    assert [COCO_133[number] for number in (98, 118, 132)] == ["left_index_dip", "right_index_pip", "right_little_tip"]
    assert COCO_133[31] == "chin"
    assert HALPE_136[25:27] == ("right_heel", "right_jaw_1")
    assert HALPE_136[94] == "left_hand_wrist"
    assert HALPE_136[115] == "right_hand_wrist"


@pytest.mark.parametrize("body", [COCO_17, COCO_18, COCO_23, HALPE_26, CPM_9], ids=lambda body: body.name)
@pytest.mark.parametrize(("hands", "face"), [(True, False), (False, True), (True, True)])
def test_a_known_body_with_parts_in_any_order_is_that_layout(body: Skeleton, hands: bool, face: bool) -> None:
    whole = whole_body(body, hands, face)
    names = whole.joints[::-1]
    skeleton, order = layout(names, (), Path("x"))
    assert skeleton == whole
    assert [names[place] for place in order] == list(whole.joints)


def test_a_face_may_lack_its_pupils_and_any_body_may_have_parts() -> None:
    skeleton, order = layout(["tail", "snout", *FACE_68, *HANDS_42], [("tail", "snout"), ("snout", "chin")], Path("x"))
    assert skeleton.joints == ("tail", "snout", *HANDS_42, *FACE_70.joints)
    assert skeleton.limbs[0] == ("tail", "snout")
    assert skeleton.limbs[1:] == whole_body(COCO_17).limbs[len(COCO_17.limbs) :]
    assert order.tolist() == [0, 1, *range(70, 112), *range(2, 70), -1, -1]


@pytest.mark.parametrize(
    "names",
    [("nose", "chin", "left_ear"), ("nose", *hand_joints("left")), ("nose", *HANDS_42, "chin")],
    ids=["a chin", "one hand", "hands and a chin"],
)
def test_some_joints_of_a_part_are_joints_like_others(names: tuple[str, ...]) -> None:
    skeleton, order = layout(names, (), Path("x"))
    assert skeleton.joints == names
    assert order.tolist() == list(range(len(names)))
    person = somebody(1, skeleton)
    assert person.hands is None
    assert person.face is None


# --- COCO-WholeBody and MMPose -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ONLY_133)
@pytest.mark.parametrize("skeleton", [WHOLE, COCO_WHOLE, whole_body(COCO_17, face=False)], ids=lambda s: s.name)
def test_there_and_back_in_133(put: Put, tmp_path: Path, format: str, skeleton: Skeleton) -> None:
    frames = world(skeleton)
    content, found = read(written(put, tmp_path, format, skeleton, frames, "walk.json"))
    assert content.skeleton == COCO_WHOLE
    assert list(found) == [frame.index for frame in frames if frame.people or format != "coco-wholebody-results"]
    for frame in frames:
        assert found.get(frame.index, {}).keys() == {person.track_id for person in frame.people}
        for person in frame.people:
            same(found[frame.index][person.track_id], person, COCO_WHOLE.joints, ("right_pupil", "left_pupil"))


def test_coco_wholebody_as_its_page_describes_it(put: Put, tmp_path: Path) -> None:
    path = written(put, tmp_path, "coco-wholebody", COCO_WHOLE, world(COCO_WHOLE), "walk.json")
    content = json.loads(path.read_text())
    [kind] = content["categories"]
    assert kind["keypoints"] == list(COCO_17.joints)
    ann, ben = (item for item in content["annotations"] if item["image_id"] == 0)
    assert ann["foot_kpts"] == [v for k in range(17, 23) for v in (100 + 3 * k, 50.125 + 2 * k, (k + 1) / 256)]
    first = COCO_WHOLE.index("right_jaw_1")
    jaw = [100 + 3 * first, 50.125 + 2 * first]
    assert ann["face_kpts"][:2] == jaw
    assert len(ann["face_kpts"]) == 3 * 68
    assert ann["face_box"] == [*jaw, 3 * 67, 2 * 67]
    assert ann["keypoints"][:6] == [100, 50.125, 2, 103, 52.125, 2]
    assert all(ann[f"{part}_valid"] is True for part in ("face", "foot", "lefthand", "righthand"))
    assert ben["lefthand_kpts"] == [0] * 63
    assert ben["lefthand_box"] == [0] * 4
    assert ben["lefthand_valid"] is False
    root = COCO_WHOLE.index("right_hand_wrist")
    assert ben["righthand_box"] == [200 + 3 * root, 50.125 + 2 * root, 60, 40]
    assert "foot_box" not in ann


def test_results_are_a_bare_list(put: Put, tmp_path: Path) -> None:
    path = written(put, tmp_path, "coco-wholebody-results", WHOLE, world(), "results.json")
    results = json.loads(path.read_text())
    assert [result["image_id"] for result in results] == [0, 0, 1, 4, 4]
    assert set(results[0]) == {
        "image_id", "category_id", "keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts", "score",
        "track_id",
    }  # fmt: skip
    assert results[0]["foot_kpts"] == [0] * 18  # the body has no feet
    assert results[0]["keypoints"][2] == 1 / 256


def test_coco_wholebody_by_pycocotools(put: Put, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pycocotools = pytest.importorskip("pycocotools.coco")
    evaluate = pytest.importorskip("pycocotools.cocoeval").COCOeval
    (tmp_path / "results").mkdir()
    frames = [FramePeople(k, k / 25, (somebody(1, COCO_WHOLE), somebody(2, COCO_WHOLE))) for k in range(3)]
    truth = written(put, tmp_path, "coco-wholebody", COCO_WHOLE, frames, "walk.json")
    results = written(put, tmp_path / "results", "coco-wholebody-results", COCO_WHOLE, frames, "results.json")
    coco = pycocotools.COCO(str(truth))
    found = coco.loadRes(str(results))
    for part, n in (("keypoints", 17), ("lefthand_kpts", 21), ("face_kpts", 68), ("foot_kpts", 6)):
        for side in (coco, found):  # each part judged as COCO-WholeBody's own evaluation does
            for item in side.anns.values():
                item["keypoints"], item["num_keypoints"] = item[part], sum(v > 0 for v in item[part][2::3])
        judge = evaluate(coco, found, "keypoints")
        judge.params.kpt_oks_sigmas = np.full(n, 0.05)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        assert judge.stats[0] == pytest.approx(1), part
        for side in (coco, found):
            side.anns = {key: dict(item) for key, item in side.anns.items()}
    capsys.readouterr()


def test_mmpose_as_its_demo_scripts_write_it(put: Put, tmp_path: Path) -> None:
    path = written(put, tmp_path, "mmpose-json", WHOLE, world(), "walk.json")
    content = json.loads(path.read_text())
    meta = content["meta_info"]
    assert meta["dataset_name"] == "coco_wholebody"
    assert meta["num_keypoints"] == 133
    assert [meta["keypoint_id2name"][str(k)] for k in range(133)] == list(MMPOSE_133)
    link = [MMPOSE_133.index(name) for name in ("left_forefinger1", "left_forefinger2")]
    assert link in meta["skeleton_links"]
    assert [frame["frame_id"] for frame in content["instance_info"]] == [1, 2, 3, 5]
    [ann, ben] = content["instance_info"][0]["instances"]
    assert len(ann["keypoints"]) == len(ann["keypoint_scores"]) == 133
    assert (ben["keypoints"][91], ben["keypoint_scores"][91]) == ([0, 0], 0)
    assert ann["bbox"] == [somebody(1).box.tolist()]


def mmpose_instance(x: float = 0.0) -> dict[str, Any]:
    return {"keypoints": [[x + k + 1, 2 * k + 1] for k in range(133)], "keypoint_scores": [0.5] * 133,
            "bbox": [[1, 1, 133, 265]], "bbox_score": 0.75}  # fmt: skip


@pytest.mark.parametrize("form", ["video", "image", "images", "demo"])
def test_mmpose_of_133_joints_in_each_of_its_forms(tmp_path: Path, form: str) -> None:
    path = tmp_path / "predictions" / "walk.json"
    path.parent.mkdir()
    video: list[dict[str, Any]] = [
        {"frame_id": k, "instances": [mmpose_instance(k)] if k != 1 else []} for k in range(3)
    ]
    if form == "video":
        path.write_text(json.dumps(video))
    elif form == "demo":
        names = {"dataset_name": "coco_wholebody", "keypoint_id2name": dict(enumerate(MMPOSE_133))}
        one_based = [{**frame, "frame_id": frame["frame_id"] + 1} for frame in video]
        path.write_text(json.dumps({"meta_info": names, "instance_info": one_based}))
    elif form == "image":
        path.write_text(json.dumps(video[0]["instances"]))
    else:
        path = path.parent
        for frame in video:
            (path / f"img_{frame['frame_id']:04d}.json").write_text(json.dumps(frame["instances"]))
    assert detect(path) == "mmpose-json"
    content = READERS["mmpose-json"](path, CLOCK)
    assert content.skeleton == COCO_WHOLE
    frames = list(content.frames)
    assert [(frame.index, len(frame.people)) for frame in frames] == ([(0, 1)] if form == "image" else
                                                                      [(0, 1), (1, 0), (2, 1)])  # fmt: skip
    person = frames[0].people[0]
    for number, joint in enumerate(COCO_133):
        assert person[joint].tolist() == [number + 1, 2 * number + 1, 0.5]
    assert np.isnan(person["left_pupil"][0])
    assert content.notes == []


def test_136_joints_are_halpe(tmp_path: Path) -> None:
    path = tmp_path / "alphapose-results.json"
    flat = [value for k in range(136) for value in (k + 1, 2 * k + 1, 0.5)]
    path.write_text(json.dumps([{"image_id": "3.jpg", "category_id": 1, "keypoints": flat, "score": 0.9}]))
    content, found = read(path)
    assert content.skeleton == whole_body(HALPE_26)
    [person] = found[0].values() if 0 in found else found[3].values()
    for number, joint in enumerate(HALPE_136):
        assert person[joint].tolist() == [number + 1, 2 * number + 1, 0.5]


def test_133_joints_in_openpose_json_are_no_body_of_133(tmp_path: Path) -> None:
    """As RTMPose's tools write them."""
    flat = [value for k in range(133) for value in (k + 1, 2 * k + 1, 0.5)]
    (tmp_path / "a_000000000000_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": flat}]}))
    content, found = read(tmp_path)
    assert content.skeleton == COCO_WHOLE
    assert found[0][None]["right_little_tip"].tolist() == [133, 265, 0.5]


# --- files of others, whole and broken -----------------------------------------------------------------------------


def annotated(path: Path, *people: dict[str, Any]) -> Path:
    body = {"image_id": 7, "category_id": 1, "keypoints": [5, 6, 2] * 17}
    kind = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "skeleton": [[16, 14]]}
    content = {"images": [{"id": 7, "file_name": "000000000007.jpg"}], "categories": [kind]}
    path.write_text(json.dumps(content | {"annotations": [body | person for person in people]}))
    return path


def test_whoever_has_no_hands_has_missing_ones(tmp_path: Path) -> None:
    path = annotated(
        tmp_path / "a.json",
        {"track_id": 1, "lefthand_kpts": [8, 9, 2] * 21, "lefthand_valid": True, "righthand_kpts": [0.0] * 63,
         "righthand_valid": False, "face_kpts": [8, 9, 0.25] * 68},
        {"track_id": 2},
        {"track_id": 3, "lefthand_kpts": [8, 9, 1] * 21, "lefthand_valid": False, "face_kpts": None},
    )  # fmt: skip
    content, found = read(path)
    assert content.skeleton == whole_body(COCO_17)  # the file has no feet
    one, two, three = found[7].values()
    assert one.hands is not None
    assert one.hands[0].tolist() == [[8, 9, 1]] * 21
    assert np.isnan(one.hands[1, :, :2]).all()
    assert one["chin"].tolist() == [8, 9, 0.25]
    for person in (two, three):
        assert np.isnan(person.keypoints[17:, :2]).all()
        assert person["nose"].tolist() == [5, 6, 1]
    assert content.notes == ["1 hands, faces or feet with points, but marked as not valid, were taken as missing."]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"lefthand_kpts": [1, 2, 2] * 20}, r"annotation 0: lefthand_kpts has 20 joints, expected 21"),
        ({"face_kpts": [1, 2, 2] * 70}, r"annotation 0: face_kpts has 70 joints, expected 68"),
        ({"foot_kpts": [1, 2]}, r"annotation 0: foot_kpts has 2 numbers, expected numbers in groups of 3"),
        ({"righthand_kpts": "none"}, r"annotation 0: righthand_kpts is 'none', expected numbers"),
        ({"face_kpts": [1, 2, 50] * 68}, r"annotation 0: joint 17 is 50, expected a confidence from 0 to 1"),
    ],
)
def test_broken_parts_are_one_line(tmp_path: Path, part: dict[str, Any], expected: str) -> None:
    with pytest.raises(ExchangeError, match=expected) as caught:
        read(annotated(tmp_path / "a.json", part))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"frame_id": 0, "instances": [{"keypoints": [[1, 2]] * 132}]}], "has 132 joints, expected .*133"),
        ([{"frame_id": 0, "instances": [mmpose_instance(), {"keypoints": [[1, 2]] * 17}]}], "17 joints, expected 133"),
        ([{"frame_id": 0, "instances": [mmpose_instance() | {"keypoint_scores": [1]}]}], "keypoint_scores has 1 numb"),
        ({"instance_info": [], "meta_info": {"keypoint_id2name": {"0": "nose", "2": "chin"}}}, "lacks joint '1'"),
        ({"instance_info": [{"frame_id": 1, "instances": {}}]}, "entry 0: expected an object with frame_id and a list"),
    ],
)  # fmt: skip
def test_broken_predictions_are_one_line(tmp_path: Path, content: Any, expected: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ExchangeError, match=expected) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["coco-wholebody", "coco-wholebody-results"])
def test_a_layout_without_any_joint_of_a_body_is_refused(put: Put, tmp_path: Path, format: str) -> None:
    mouse, _ = layout(["snout", "tail"], (), Path("x"))
    with open_database(tmp_path / "w.db") as database:
        run = put(database, mouse, [FramePeople(0, 0.0, (somebody(1, mouse),))])
        with pytest.raises(ExchangeError, match=r"no joint of COCO-WholeBody \(custom_2_\w+\); export it as coco"):
            WRITERS[format](database, run, tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("format", ONLY_133)
def test_a_body_without_head_and_wrists_is_mostly_missing(put: Put, tmp_path: Path, format: str) -> None:
    legs, _ = layout(["left_hip", "left_knee", "tail"], (), Path("x"))
    skeleton = whole_body(legs)
    frames = [FramePeople(0, 0.0, (somebody(1, skeleton),))]
    _, found = read(written(put, tmp_path, format, skeleton, frames, "x.json"))
    lost = [joint for joint in COCO_WHOLE.joints if joint not in skeleton.joints]
    same(found[0][1], frames[0].people[0], COCO_WHOLE.joints, [*lost, "right_pupil", "left_pupil"])
    assert np.isfinite(found[0][1].keypoints[:, 0]).sum() == 2 + 42 + 68


# --- formats of any joints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("skeleton", [WHOLE, whole_body(CPM_9)], ids=lambda skeleton: skeleton.name)
def test_130_joints_there_and_back(put: Put, tmp_path: Path, format: str, skeleton: Skeleton) -> None:
    if format == "openpose-json" and skeleton != WHOLE:
        pytest.skip("tells layouts by their number of joints")
    frames = world(skeleton)
    content, found = read(written(put, tmp_path, format, skeleton, frames, FILES[format]))
    assert content.skeleton == skeleton
    for frame in frames:
        assert found[frame.index].keys() == {person.track_id for person in frame.people}
        for person in frame.people:
            one = found[frame.index][person.track_id].keypoints
            np.testing.assert_allclose(one, person.keypoints, rtol=0, atol=_ROUNDED.get(format, 0))


def test_130_joints_in_trc(put: Put, tmp_path: Path) -> None:
    with open_database(tmp_path / "w.db") as database:
        paths = WRITERS["trc"](database, put(database, WHOLE, world()), tmp_path / "walk.trc")
    for track_id, path in enumerate(paths, start=1):
        content = READERS["trc"](path, None)
        assert content.skeleton == WHOLE
        for found, frame in zip(content.frames, world(), strict=True):
            expected = [person for person in frame.people if person.track_id == track_id]
            assert len(found.people) == len(expected)
            for one, other in zip(found.people, expected, strict=True):
                np.testing.assert_array_equal(one.keypoints[:, :2], other.keypoints[:, :2])


def test_130_joints_in_the_long_table(put: Put, tmp_path: Path) -> None:
    with open_database(tmp_path / "w.db") as database:
        [path] = WRITERS["parquet"](database, put(database, WHOLE, world()), tmp_path / "walk.parquet")
    table = pd.read_parquet(path)
    rows = table[(table.frame == 0) & (table.track_id == 2)]
    assert rows.keypoint.tolist() == list(WHOLE.joints)
    np.testing.assert_array_equal(rows[["x", "y", "confidence"]], somebody(2, without=hand_joints("left")).keypoints)


def test_130_joints_in_nwb(put: Put, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="the extra `exchange` is not installed")
    pytest.importorskip("ndx_pose", reason="the extra `exchange` is not installed")
    with open_database(tmp_path / "w.db") as database:
        _, path = WRITERS["nwb"](database, put(database, WHOLE, world()), tmp_path / "walk.nwb")
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        estimation = io.read().processing["behavior"]["PoseEstimation"]
        assert list(estimation.skeleton.nodes) == list(WHOLE.joints)
        edges = [(WHOLE.joints[a], WHOLE.joints[b]) for a, b in estimation.skeleton.edges[:]]
        assert tuple(edges) == WHOLE.limbs
        for joint, point in zip(WHOLE.joints, somebody(2, without=hand_joints("left")).keypoints, strict=True):
            series = estimation.pose_estimation_series[joint]
            np.testing.assert_array_equal([*series.data[0], series.confidence[0]], point)
            assert np.isnan(series.data[1]).all()


def test_nwb_counts_joints_in_a_byte(put: Put, tmp_path: Path) -> None:
    pytest.importorskip("ndx_pose", reason="the extra `exchange` is not installed")
    many, _ = layout([f"m{i}" for i in range(257)], (), Path("x"))
    with open_database(tmp_path / "w.db") as database:
        run = put(database, many, [FramePeople(0, 0.0, (somebody(1, many),))])
        with pytest.raises(ExchangeError, match="257 joints are more than the 256 that nwb can hold"):
            WRITERS["nwb"](database, run, tmp_path / "walk.nwb")


def test_edges_of_hands_and_faces_by_sleap_io(put: Put, tmp_path: Path) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed")
    path = written(put, tmp_path, "sleap-h5", WHOLE, world(), "walk.h5")
    labels = sleap_io.load_analysis_h5(str(path))
    skeleton = labels.skeletons[0]
    assert skeleton.node_names == list(WHOLE.joints)
    assert {(edge.source.name, edge.destination.name) for edge in skeleton.edges} == set(WHOLE.limbs)
    pairs = [{node.name for node in pair.nodes} for pair in skeleton.symmetries]
    assert {"left_thumb_tip", "right_thumb_tip"} in pairs
    assert {"left_jaw_3", "right_jaw_3"} in pairs
    np.testing.assert_array_equal(labels[0].instances[0].numpy(), somebody(1).keypoints[:, :2])
    sleap_io.save_slp(labels, str(tmp_path / "walk.slp"))
    content, found = read(tmp_path / "walk.slp")
    assert content.skeleton == WHOLE
    same(found[0][2], somebody(2, without=hand_joints("left")), WHOLE.joints)


@pytest.mark.parametrize("format", ["dlc-csv", "dlc-h5", "sleap-h5", "nwb"])
def test_130_joints_by_movement(put: Put, tmp_path: Path, format: str) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses", reason="movement is not installed")
    suffix = {"dlc-csv": "csv", "nwb": "nwb"}.get(format, "h5")
    with open_database(tmp_path / "w.db") as database:
        *_, path = WRITERS[format](database, put(database, WHOLE, world()), tmp_path / f"walk.{suffix}")
    load = {"sleap-h5": load_poses.from_sleap_file, "nwb": load_poses.from_nwb_file}.get(
        format, load_poses.from_dlc_file
    )
    dataset = load(path)
    keypoint, individual = dataset.position.dims[2:]
    own = dataset.isel({individual: -1, "time": 0}).sel({keypoint: list(WHOLE.joints)})  # Ben
    expected = somebody(2, without=hand_joints("left")).keypoints
    np.testing.assert_array_equal(own.position.values.T.astype(np.float32), expected[:, :2])
    missing = np.nan if format == "sleap-h5" else 0
    np.testing.assert_array_equal(
        own.confidence.values.astype(np.float32), np.where(expected[:, 2] > 0, expected[:, 2], np.float32(missing))
    )


@st.composite
def people(draw: st.DrawFn, skeleton: Skeleton) -> list[FramePeople]:
    """One to three people in one to three frames, some joints and some whole parts missing."""
    frames = []
    seed = np.random.default_rng(draw(st.integers(0, 2**31)))
    for number in draw(st.lists(st.integers(0, 40), min_size=1, max_size=3, unique=True).map(sorted)):
        found = []
        for track_id in draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True)):  # dlc-h5 holds three
            points = np.column_stack(
                [seed.integers(-8000, 64000, (len(skeleton), 2)) / 8, seed.integers(1, 257, len(skeleton)) / 256]
            ).astype(np.float32)
            gone = seed.random(len(skeleton)) < draw(st.sampled_from([0.0, 0.3]))
            for part in draw(st.sets(st.sampled_from([hand_joints("left"), hand_joints("right"), FACE_70.joints]))):
                gone |= np.isin(skeleton.joints, part)
            gone[skeleton.index("nose")] = False
            gone |= (points[:, :2] == 0).all(axis=1)
            points[gone] = np.nan, np.nan, 0
            found.append(Person(points, 0.5, track_id, skeleton=skeleton))
        frames.append(FramePeople(number, number * 0.04, tuple(found)))
    return frames


@pytest.mark.parametrize("format", [*FILES, *ONLY_133])
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_any_people_there_and_back(
    put: Put, tmp_path_factory: pytest.TempPathFactory, format: str, data: st.DataObject
) -> None:
    skeleton = WHOLE if format in FILES else COCO_WHOLE
    lost = () if format in FILES else ("right_pupil", "left_pupil")
    frames = data.draw(people(skeleton))
    folder = tmp_path_factory.mktemp("people")
    content, found = read(written(put, folder, format, skeleton, frames, FILES.get(format, "walk.json")))
    assert content.skeleton == skeleton
    for frame in frames:
        assert found[frame.index].keys() == {person.track_id for person in frame.people}
        for person in frame.people:
            one = found[frame.index][person.track_id]
            kept = [joint not in lost for joint in skeleton.joints]
            np.testing.assert_allclose(
                one.keypoints[kept], person.keypoints[kept], rtol=0, atol=_ROUNDED.get(format, 0)
            )


# --- meshes of faces -----------------------------------------------------------------------------------------------


def meshed(database: Database, kept: bool) -> tuple[int, list[FramePeople]]:
    """Two people in five frames, track 1 being the second of each frame; frame 2 shows nobody's face."""
    rng = np.random.default_rng(0)

    def person(number: int, seen: bool) -> Person:
        mesh = np.column_stack([rng.uniform(0, 600, (468, 2)), np.full(468, 0.5 + number / 8)]).astype(np.float32)
        return Person(somebody(3 - number).keypoints, 0.5, 3 - number, skeleton=WHOLE, face_mesh=mesh if seen else None)

    frames = [FramePeople(k, k / 25, (person(1, k != 2), person(2, k in (0, 4)))) for k in range(5)]
    with database.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name="walk", uri="walk.mp4", kind="video", sha256="0" * 64, width=640, height=480
        )
        chosen = {"face_mesh": True} if kept else {}
        pose = runs.start_run(tx, recording, "pose", "f", settings=chosen, version="1", skeleton=WHOLE)
        poses.append_frames(tx, pose.id, frames)
        poses.append_face_meshes(tx, pose.id, frames)
        track = runs.start_run(tx, recording, "track", "e", settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
    return track.id, frames


def test_every_vertex_of_every_face_is_written(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.formats.keypoints.tables.MESH_FRAMES", 2)
    run, frames = meshed(database, kept=True)
    [path] = WRITERS["face-mesh"](database, run, tmp_path / "mesh.parquet")
    table = pd.read_parquet(path)
    assert list(table) == ["track_id", "frame", "time_s", "vertex", "x", "y", "presence"]
    faces = {
        (f.index, p.track_id): (f.time_s, p.face_mesh) for f in frames for p in f.people if p.face_mesh is not None
    }
    assert set(zip(table.frame, table.track_id, strict=True)) == faces.keys()
    assert len(table) == 468 * len(faces)
    for (frame, track_id), (time_s, mesh) in faces.items():
        rows = table[(table.frame == frame) & (table.track_id == track_id)]
        assert rows.vertex.tolist() == list(range(468))
        assert (rows.time_s == time_s).all()
        np.testing.assert_array_equal(rows[["x", "y", "presence"]], mesh)
    made = json.loads(pq.read_schema(path).metadata[b"posescribe"])
    assert [stage["stage"] for stage in made["runs"]] == ["pose", "track"]
    with pytest.raises(ExchangeError, match="can't be written"):
        WRITERS["face-mesh"](database, run, path / "mesh.parquet")


def test_meshes_that_were_not_kept_are_asked_for(database: Database, tmp_path: Path) -> None:
    run, _ = meshed(database, kept=False)
    with pytest.raises(ExchangeError, match=r"no meshes of faces were kept of walk; run .* --face --face-mesh"):
        WRITERS["face-mesh"](database, run, tmp_path / "mesh.parquet")
    assert not (tmp_path / "mesh.parquet").exists()
