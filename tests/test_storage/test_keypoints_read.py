"""Keypoints of a file into the database: what we wrote, what other programs write, every variant of a format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, Skeleton
from storage import Database, open_database, poses, recordings, runs, tracks
from storage.formats.keypoints import READERS, WRITERS, detect
from storage.formats.keypoints.content import Keypoints, clock_of, layout
from storage.formats.keypoints.store import Imported, content_hash, store_keypoints
from storage.frames import pose_array
from storage.skeletons import skeleton_of

h5py = pytest.importorskip("h5py", reason="the extra `exchange` is not installed")

FILES = {
    "openpose-json": "json", "coco": "walk.json", "dlc-csv": "walk.csv", "dlc-h5": "walk.h5", "sleap-h5": "walk.h5",
    "movement-nc": "walk.nc",
}  # fmt: skip
TIMED = {"coco", "movement-nc"}
CLOCK = clock_of(25.0, None)


def bring_in(database: Database, path: Path, format: str | None = None, **changes: Any) -> Imported:
    chosen = format or detect(path)
    clock = changes.pop("clock", None if chosen in TIMED else CLOCK)
    content = READERS[chosen](path, clock)
    wanted = {"name": "walk", "sha256": content_hash(path), "settings": {"format": chosen}, "version": "1"} | changes
    return store_keypoints(database, content, path, **wanted)


def fresh(folder: Path) -> Database:
    return open_database(folder / "fresh.db")


# --- what we wrote -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FILES)
def test_a_database_through_a_file(database: Database, tracked: runs.Run, tmp_path: Path, format: str) -> None:
    with database.transaction() as tx:
        tracks.name_track(tx, tracked.id, 2, "Ada")
        before = tracks.list_tracks(tx, tracked.id)
    truth = pose_array(database, tracked.id)
    [path] = WRITERS[format](database, tracked.id, tmp_path / FILES[format])
    assert detect(path) == format
    with fresh(tmp_path) as other:
        found = bring_in(other, path)
        assert found.new
        assert found.track_run is not None
        result = pose_array(other, found.track_run.id)
        assert result.joints == truth.joints
        np.testing.assert_array_equal(result.keypoints, truth.keypoints)
        np.testing.assert_array_equal(result.frames, truth.frames)
        expected = truth.time_s if format in TIMED else truth.frames / 25
        np.testing.assert_array_equal(result.time_s, expected)
        with other.reading() as tx:
            after = tracks.list_tracks(tx, found.track_run.id)
            recording = recordings.get_recording(tx, found.recording_id)
            assert skeleton_of(tx, found.pose_run.id) == COCO_18
        assert recording.kind == "keypoints"
        assert recording.n_frames == 10
        if format == "coco":
            assert (recording.width, recording.height) == (640, 480)
        known = [None, None] if format in ("openpose-json", "coco") else [None, "Ada"]
        assert [track.name for track in after] == known
        if format in ("coco", "sleap-h5"):
            assert [track.mean_score for track in after] == [track.mean_score for track in before]
        again = bring_in(other, path)
        assert not again.new
        assert (again.pose_run.id, again.track_run) == (found.pose_run.id, found.track_run)


coordinate = st.floats(-2000, 8000, width=32, allow_nan=False)
confidence = st.floats(0.0078125, 1, width=32)
joint = st.one_of(
    st.tuples(coordinate, coordinate, confidence).filter(lambda j: j[:2] != (0, 0)), st.just((np.nan, np.nan, 0.0))
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Skeleton, list[FramePeople]]:
    names = draw(st.lists(st.text("abcABC xyz_-é9", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=4,
                          unique=True))  # fmt: skip
    skeleton, _ = layout(names, (), Path("x"))
    numbers = draw(st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True).map(sorted))
    ids = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
    frames = []
    for place, number in enumerate(numbers):
        people = []
        for track_id in ids:
            points = np.array([draw(joint) for _ in names], dtype=np.float32)
            first = place == 0 and not (points[:, 2] > 0).any()  # a track has somebody in it
            if first:
                points[0] = 1, 2, 0.5
            if (points[:, 2] > 0).any():
                people.append(Person(points, draw(st.floats(0, 1, width=32)), track_id, skeleton=skeleton))
        frames.append(FramePeople(number, number * 0.04 + place * 0.001, tuple(people)))
    return skeleton, frames


@pytest.mark.parametrize("format", ["coco", "dlc-csv", "dlc-h5", "sleap-h5", "movement-nc", "mmpose-json"])
@settings(max_examples=8, deadline=None)
@given(world=worlds())
def test_any_world_through_a_file(
    put: Callable[..., int],
    tmp_path_factory: pytest.TempPathFactory,
    format: str,
    world: tuple[Skeleton, list[FramePeople]],
) -> None:
    skeleton, frames = world
    folder = tmp_path_factory.mktemp("world")
    with open_database(folder / "w.db") as database:
        [path] = WRITERS[format](database, put(database, skeleton, frames), folder / FILES.get(format, "walk.json"))
    content = READERS[format](path, None if format in TIMED else CLOCK)
    assert content.skeleton.joints == skeleton.joints
    found = {frame.index: frame for frame in content.frames}
    if format != "sleap-h5":  # which has a row for every number
        assert list(found) == [frame.index for frame in frames]
    for frame in frames:
        if format in TIMED:
            assert found[frame.index].time_s == frame.time_s
        people = {person.track_id: person for person in found[frame.index].people}
        assert people.keys() == {person.track_id for person in frame.people}
        for person in frame.people:
            np.testing.assert_array_equal(people[person.track_id].keypoints, person.keypoints)
            if format in ("coco", "sleap-h5", "mmpose-json"):
                assert people[person.track_id].score == person.score


# --- what others write ---------------------------------------------------------------------------------------------


def points_of(content: Keypoints) -> dict[int, list[tuple[int | None, list[list[float]]]]]:
    return {
        frame.index: [(person.track_id, person.keypoints.tolist()) for person in frame.people]
        for frame in content.frames
    }


def person(joints: int, x: float = 10.0) -> list[float]:
    """Joint k at (x + k, 2 k), confidence 1/2."""
    return [value for k in range(joints) for value in (x + k, 2.0 * k, 0.5)]


@pytest.mark.parametrize(
    ("joints", "expected"), [(18, COCO_18.joints), (25, BODY_25.joints), (15, ("head", "neck"))], ids=str
)
def test_openpose_layouts_and_versions(tmp_path: Path, joints: int, expected: tuple[str, ...]) -> None:
    old = {"version": 1.1, "people": [{"pose_keypoints_2d": person(joints), "hand_left_keypoints_2d": [1, 1, 1]}]}
    new = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": person(joints, 20)}]}
    (tmp_path / "cam_000000000003_keypoints.json").write_text(json.dumps(old))
    (tmp_path / "cam_000000000007_keypoints.json").write_text(json.dumps(new))
    (tmp_path / "cam_000000000008_keypoints.json").write_text('{"people":[]}')
    (tmp_path / "notes.txt").write_text("not one of them")
    content = READERS["openpose-json"](tmp_path, CLOCK)
    assert content.skeleton.joints[: len(expected)] == expected
    found = points_of(content)
    assert list(found) == [3, 7, 8]
    assert found[3][0][0] is None
    assert found[7][0][1][1] == [21, 2, 0.5]
    (note,) = content.notes
    assert note.startswith("Hands and face were left out")


def test_openpose_of_several_videos(tmp_path: Path) -> None:
    from storage.formats.keypoints.openpose_json import read

    for name in ("left", "right"):
        (tmp_path / f"{name}_000000000000_keypoints.json").write_text(
            json.dumps({"people": [{"pose_keypoints_2d": person(18, 10 if name == "left" else 20)}]})
        )
    assert points_of(read(tmp_path, CLOCK, name="right"))[0][0][1][0] == [20, 0, 0.5]


def test_identities_may_come_late_and_count_from_zero(database: Database, tmp_path: Path) -> None:
    for frame, ids in enumerate([[-1], [0, 5], []]):
        people = [{"person_id": [number], "pose_keypoints_2d": person(18)} for number in ids]
        (tmp_path / f"a_{frame:012d}_keypoints.json").write_text(json.dumps({"people": people}))
    found = bring_in(database, tmp_path, "openpose-json")
    assert found.track_run is not None
    with database.reading() as tx:
        known = tracks.list_tracks(tx, found.track_run.id)
        size = recordings.get_recording(tx, found.recording_id)
    assert [(track.track_id, track.first_frame) for track in known] == [(1, 1), (6, 1)]
    assert (size.width, size.height) == (28, 35)  # the picture that holds all joints


def test_no_identity_is_no_track_run(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"image_id": 4, "category_id": 1, "keypoints": person(17), "score": 0.9}]))
    found = bring_in(database, path, clock=CLOCK)
    assert found.track_run is None
    assert found.n_frames == 1
    [frame] = poses.iter_frames(database, found.pose_run.id)
    assert (frame.index, frame.time_s, frame.people[0].score) == (4, 0.16, 0.9)


@pytest.mark.parametrize(
    ("flags", "expected"), [([2, 1, 0], [1, 1, 0]), ([0.25, 1, 0], [0.25, 1, 0])], ids=["v", "score"]
)
def test_coco_results_have_flags_or_confidences(tmp_path: Path, flags: list[float], expected: list[float]) -> None:
    points = np.array(person(17)).reshape(17, 3)
    points[:3, 2], points[3:, 2] = flags, 1
    points[2, :2] = -1  # as OpenPose marks what is not there
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 0, "category_id": 1, "keypoints": points.ravel().tolist(), "score": 3.2}]))
    content = READERS["coco"](path, CLOCK)
    assert content.skeleton == COCO_17
    [(_, found)] = points_of(content)[0]
    assert [joint[2] for joint in found[:3]] == expected
    assert np.isnan(found[2][0])


def test_coco_annotations_of_another_animal(tmp_path: Path) -> None:
    kind = {"id": 3, "name": "mouse", "keypoints": ["Snout", "left ear", "EarR"], "skeleton": [[1, 2], [1, 3]]}
    images = [{"id": 11, "file_name": "b.png", "width": 100, "height": 50}, {"id": 10, "file_name": "a.png"}]
    item = {"id": 1, "image_id": 10, "category_id": 3, "keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0]}
    crowd = {"id": 2, "image_id": 10, "category_id": 9, "bbox": [0, 0, 1, 1]}
    path = tmp_path / "mouse.json"
    path.write_text(json.dumps({"images": images, "annotations": [item, crowd], "categories": [kind, {"id": 9}]}))
    content = READERS["coco"](path, CLOCK)
    assert content.skeleton.joints == ("Snout", "left_ear", "right_ear")
    assert content.skeleton.limbs == (("Snout", "left_ear"), ("Snout", "right_ear"))
    assert (content.width, content.height) == (100, 50)
    found = points_of(content)
    assert found[0] == []
    assert found[1][0][1][:2] == [[1, 2, 1], [3, 4, 1]]


@pytest.mark.parametrize("demo", [False, True], ids=["inferencer", "demo script"])
def test_mmpose(tmp_path: Path, demo: bool) -> None:
    item = {"keypoints": [[k, 2 * k] for k in range(17)], "keypoint_scores": [0.5] * 16 + [1.2], "bbox_score": 0.75}
    frames = [{"frame_id": 1, "instances": [item]}, {"frame_id": 2, "instances": []}]
    meta = {"keypoint_id2name": {str(k): name for k, name in enumerate(COCO_17.joints)}, "skeleton_links": [[0, 1]]}
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps({"meta_info": meta, "instance_info": frames} if demo else frames))
    assert detect(path) == "mmpose-json"
    content = READERS["mmpose-json"](path, CLOCK)
    assert content.skeleton == COCO_17
    found = points_of(content)
    assert list(found) == ([0, 1] if demo else [1, 2])
    assert found[not demo][0][1][-1] == [16, 32, 1]
    corner = "1 joints at exactly (0, 0) were taken as missing, whatever their confidence."
    assert content.notes == [corner, "Confidences above 1 were taken as 1."]


SINGLE = """scorer,net,net,net,net,net,net
bodyparts,nose,nose,nose,tail,tail,tail
coords,x,y,likelihood,x,y,likelihood
0,1.5,2.5,0.5,3,4,0.25
1,,,,5,6,1.0
"""
LABELS = """scorer,,,me,me,me,me
individuals,,,a,a,b,b
bodyparts,,,nose,nose,nose,nose
coords,,,x,y,x,y
labeled-data,clip,img0012.png,1.5,2.5,,
labeled-data,clip,img0030.png,,,3,4
"""


def test_deeplabcut_of_one_animal(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(b"\xef\xbb\xbf" + SINGLE.replace("\n", "\r\n").encode())
    assert detect(path) == "dlc-csv"
    content = READERS["dlc-csv"](path, CLOCK)
    assert content.skeleton.joints == ("nose", "tail")
    assert content.names == {}
    found = points_of(content)
    assert found[0] == [(1, [[1.5, 2.5, 0.5], [3, 4, 0.25]])]
    assert found[1][0][1][1] == [5, 6, 1]


def test_deeplabcut_labels(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_me.csv"
    path.write_text(LABELS)
    content = READERS["dlc-csv"](path, CLOCK)
    assert content.names == {1: "a", 2: "b"}
    assert points_of(content) == {12: [(1, [[1.5, 2.5, 1]])], 30: [(2, [[3, 4, 1]])]}
    assert content.notes == ["The file holds no confidences; 1 was assumed for every joint."]


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_deeplabcut_h5_with_unique_bodyparts(tmp_path: Path, form: Any) -> None:
    pytest.importorskip("tables", reason="the extra `exchange` is not installed")
    columns = [("net", name, joint, part) for name, joint in [("m1", "nose"), ("m2", "nose"), ("single", "cage")]
               for part in ("x", "y", "likelihood")]  # fmt: skip
    names = ["scorer", "individuals", "bodyparts", "coords"]
    table = pd.DataFrame(
        np.arange(27.0).reshape(3, 9) / 100, columns=pd.MultiIndex.from_tuples(columns, names=names), index=[0, 2, 4]
    )
    path = tmp_path / "clip.h5"
    table.to_hdf(path, key="df_with_missing", format=form, mode="w")
    assert detect(path) == "dlc-h5"
    content = READERS["dlc-h5"](path, CLOCK)
    assert content.names == {1: "m1", 2: "m2", 3: "single"}
    assert content.skeleton.joints == ("nose", "cage")
    found = points_of(content)
    assert list(found) == [0, 2, 4]
    np.testing.assert_allclose(found[2][1][1][0], [0.12, 0.13, 0.14], rtol=1e-6)
    np.testing.assert_allclose(found[2][2][1][1], [0.15, 0.16, 0.17], rtol=1e-6)
    assert np.isnan(found[2][2][1][0][0])


def test_column_names_that_would_run_something_are_refused(tmp_path: Path) -> None:
    """pandas keeps column names as a pickle; one that names a function is not loaded."""
    import os
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    path = tmp_path / "evil.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        kind = np.dtype([("index", "<i8"), ("values_block_0", "<f8", (3,))])
        table = group.create_dataset("table", data=np.zeros(1, kind))
        table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps([Evil()], protocol=0))
    with pytest.raises(Exception, match="expected text"):
        READERS["dlc-h5"](path, CLOCK)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("preset", ["matlab", "standard"])
def test_sleap_in_any_order(database: Database, tracked: runs.Run, tmp_path: Path, preset: str) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed")
    truth = pose_array(database, tracked.id)
    [path] = WRITERS["sleap-h5"](database, tracked.id, tmp_path / "ours.h5")
    sleap_io.save_analysis_h5(sleap_io.load_analysis_h5(str(path)), str(tmp_path / "theirs.h5"), preset=preset)
    assert detect(tmp_path / "theirs.h5") == "sleap-h5"
    with fresh(tmp_path) as other:
        found = bring_in(other, tmp_path / "theirs.h5")
        assert found.track_run is not None
        np.testing.assert_array_equal(pose_array(other, found.track_run.id).keypoints, truth.keypoints)


def test_sleap_of_old(tmp_path: Path) -> None:
    """No `dims`, no names of tracks, no scores."""
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file["tracks"] = np.arange(12.0).reshape(1, 2, 2, 3)  # track, xy, node, frame
        file["track_occupancy"] = np.ones((3, 1))
        file["node_names"] = [b"nose", b"tail"]
        file["track_names"] = np.array([], dtype="S1")
    found = points_of(READERS["sleap-h5"](path, CLOCK))
    assert found[1] == [(1, [[1, 7, 1], [4, 10, 1]])]


@pytest.mark.parametrize("plural", [False, True], ids=["new", "before 0.17"])
@pytest.mark.parametrize("unit", ["seconds", "frames"])
def test_movement(tmp_path: Path, plural: bool, unit: str) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="the extra `exchange` is not installed")
    keypoint, individual = ("keypoints", "individuals") if plural else ("keypoint", "individual")
    position = np.arange(24.0).reshape(3, 2, 2, 2)
    dataset = xarray.Dataset(
        {
            "position": (("time", "space", keypoint, individual), position),
            "confidence": (("time", keypoint, individual), np.full((3, 2, 2), np.nan)),
        },
        coords={
            "time": [0.0, 0.1, 0.3] if unit == "seconds" else [5, 6, 8],
            "space": ["x", "y"], keypoint: ["nose", "tail"], individual: ["id_0", "id_1"],
        },
        attrs={"time_unit": unit, "ds_type": "poses", "source_software": "SLEAP"},
    )  # fmt: skip
    path = tmp_path / "poses.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    content = READERS["movement-nc"](path, None if unit == "seconds" else CLOCK)
    frames = list(content.frames)
    expected = [(0, 0.0), (1, 0.1), (2, 0.3)] if unit == "seconds" else [(5, 0.2), (6, 0.24), (8, 0.32)]
    assert [(frame.index, frame.time_s) for frame in frames] == expected
    assert content.names == {1: "id_0", 2: "id_1"}
    assert frames[1].people[1].keypoints.tolist() == [[9, 13, 1], [11, 15, 1]]
    assert content.software == "movement (SLEAP)"


def test_times_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("time_s\n0\n0.04\n0.11\n")
    clock = clock_of(None, tmp_path / "times.csv")
    path = tmp_path / "one.csv"
    path.write_text(SINGLE)
    assert [frame.time_s for frame in READERS["dlc-csv"](path, clock).frames] == [0, 0.04]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("LShoulder", "left_shoulder"), ("shoulder_l", "left_shoulder"), ("Right-Hip", "right_hip"),
        ("rightKnee", "right_knee"), ("MidHip", "mid_hip"), ("RBigToe", "right_big_toe"), ("Nose", "nose"),
        ("leftear", "leftear"), ("LSnout", "LSnout"), ("tail base", "tail base"), ("l", "l"),
    ],
)  # fmt: skip
def test_names_of_body_joints_are_brought_into_line(given: str, expected: str) -> None:
    skeleton, _ = layout([given, "something"], (), Path("x"))
    assert skeleton.joints == (expected, "something")


def test_a_known_layout_in_another_order_is_that_layout() -> None:
    skeleton, order = layout([*COCO_17.joints[::-1]], (), Path("x"))
    assert skeleton == COCO_17
    assert order.tolist() == list(range(16, -1, -1))


def test_float32_survives_text() -> None:
    from storage.formats.keypoints.writing import short

    bits = np.array([0x3E99999A, 0x7F7FFFFF, 0x00000001, 0x42F6E979], dtype=np.uint32)
    values = bits.view(np.float32)
    np.testing.assert_array_equal(short(values).astype(np.float32), values)
    assert short(values)[0] == 0.3
