"""Keypoint files as the programs of the field really write them, and values that can't be what they seem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, HALPE_26
from storage import Database, runs
from storage.errors import ExchangeError
from storage.formats.keypoints import READERS, WRITERS, detect
from storage.formats.keypoints.content import Keypoints, clock_of, frame_numbers, in_pixels
from storage.frames import pose_array

CLOCK = clock_of(10.0, None)


def flat(joints: int, x: float = 10.0) -> list[float]:
    """Joint k at (x + k, 2 k + 1), confidence 1/2."""
    return [value for k in range(joints) for value in (x + k, 2.0 * k + 1, 0.5)]


def read(path: Path) -> tuple[Keypoints, dict[int, list[Person]]]:
    content = READERS[detect(path)](path, CLOCK)
    return content, {frame.index: list(frame.people) for frame in content.frames}


def noses(found: dict[int, list[Person]]) -> dict[int, list[float]]:
    return {frame: [float(person.keypoints[0, 0]) for person in people] for frame, people in found.items()}


# --- OpenPose ------------------------------------------------------------------------------------------------------


def openpose(folder: Path, names: list[str], joints: int = 25, key: str = "pose_keypoints_2d") -> None:
    for place, name in enumerate(names):
        (folder / name).write_text(json.dumps({"version": 1.1, "people": [{key: flat(joints, place)}]}))


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["1_keypoints.json", "2_keypoints.json", "10_keypoints.json"], [1, 2, 10]),
        (["frame_0000_keypoints.json", "frame_0005_keypoints.json"], [0, 5]),
        (["beach_keypoints.json", "city 2_keypoints.json", "city 10_keypoints.json"], [0, 1, 2]),
        (["cam01_000003.json", "cam01_000004.json"], [3, 4]),
    ],
    ids=str,
)
def test_openpose_of_images_and_of_pose2sim(tmp_path: Path, names: list[str], frames: list[int]) -> None:
    openpose(tmp_path, names)
    (tmp_path / f"._{names[0]}").write_bytes(b"\0\5\x16\7 left behind by macOS")
    (tmp_path / "._vid_000000000000_keypoints.json").write_bytes(b"\0")
    content, found = read(tmp_path)
    assert content.skeleton == BODY_25
    assert noses(found) == {frame: [place] for place, frame in enumerate(frames)}
    assert bool(content.notes) == ("beach" in names[0])


def test_several_series_in_a_folder_are_asked_for(tmp_path: Path) -> None:
    openpose(tmp_path, [f"cam{camera}_{frame:06d}.json" for camera in (1, 2) for frame in range(2)])
    with pytest.raises(ExchangeError, match=r"several videos \(cam1, cam2\); choose one with --name"):
        read(tmp_path)


def test_openpose_1_1_calls_the_body_otherwise(tmp_path: Path) -> None:
    openpose(tmp_path, ["a_000000000000_keypoints.json"], 18, "pose_keypoints")
    content, found = read(tmp_path)
    assert content.skeleton == COCO_18
    np.testing.assert_array_equal(found[0][0].keypoints, np.array(flat(18, 0)).reshape(18, 3))


def test_halpe_26(tmp_path: Path) -> None:
    openpose(tmp_path, ["cam_000000.json"], 26)
    content, found = read(tmp_path)
    assert content.skeleton == HALPE_26
    person = found[0][0].keypoints
    for joint, place in (("left_wrist", 9), ("head_top", 17), ("neck", 18), ("mid_hip", 19), ("right_heel", 25)):
        assert person[HALPE_26.index(joint), 0] == place


# --- COCO, AlphaPose, PoseTrack ------------------------------------------------------------------------------------


def annotations(path: Path, names: list[str], **more: list[Any]) -> Path:
    """Image k (in this order) is the one whose nose is at its number."""
    images = [
        {"id": 7 + k, "file_name": name, **{key: values[k] for key, values in more.items()}}
        for k, name in enumerate(names)
    ]
    items = [{"image_id": 7 + k, "keypoints": [100 + k, 5, 2]} for k in range(len(names))]
    path.write_text(
        json.dumps({"images": images, "annotations": items, "categories": [{"id": 1, "keypoints": ["nose"]}]})
    )
    return path


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["frame_000000.PNG", "frame_000010.PNG", "frame_000020.PNG"], [0, 10, 20]),
        (["frame_000020.PNG", "frame_000000.PNG"], [20, 0]),
        (["f_3_jpg.rf.0a1b2c9d.jpg", "f_1_jpg.rf.77aa12.jpg"], [3, 1]),
        (["b.png", "a.png"], [0, 1]),
    ],
    ids=str,
)
def test_coco_frames_are_those_of_the_names(tmp_path: Path, names: list[str], frames: list[int]) -> None:
    content, found = read(annotations(tmp_path / "c.json", names))
    assert noses(found) == {frame: [100 + place] for place, frame in enumerate(frames)}
    assert list(found) == sorted(frames)
    order = "Images have no frame number; they were taken in the order of the file."
    assert (order in content.notes) == (names[0] == "b.png")


def test_posetrack_numbers_are_no_frames(tmp_path: Path) -> None:
    large = [10003420000, 10003420004]
    names = [f"images/000342_mpii/{number:06d}.jpg" for number in (0, 4)]
    _, found = read(annotations(tmp_path / "a.json", names, frame_id=large))
    assert list(found) == [0, 4]
    content, found = read(annotations(tmp_path / "b.json", ["x.jpg", "y.jpg"], frame_id=large))
    assert list(found) == [0, 4]
    assert "Frames are counted from 10003420000, the first one's number." in content.notes


def alphapose(path: Path, ids: list[Any]) -> Path:
    items = [
        {"image_id": f"{frame}.jpg", "category_id": 1, "keypoints": flat(17, frame), "score": 2.9, "idx": number}
        for frame in (2, 10)
        for number in ids
    ]
    path.write_text(json.dumps(items))
    return path


def test_alphapose(tmp_path: Path) -> None:
    content, found = read(alphapose(tmp_path / "alphapose-results.json", [[1.0], 3]))
    assert {frame: [person.track_id for person in people] for frame, people in found.items()} == {2: [1, 3], 10: [1, 3]}
    assert found[2][0].score == 0.5
    assert "Scores of people above 1 are sums; the mean confidence of their joints was taken." in content.notes
    content, found = read(alphapose(tmp_path / "untracked.json", [[0.0], [0.0]]))
    assert [person.track_id for person in found[2]] == [None, None]
    assert any("idx" in note for note in content.notes)


def test_numbers_of_names() -> None:
    assert frame_numbers(["img010.png", "img9.PNG"]) == [10, 9]
    assert frame_numbers(["a1.png", "b2.png"]) is None
    assert frame_numbers(["1.png", "01.png"]) is None
    assert frame_numbers(["1714739415123.png", "1714739415156.png"]) is None  # a moment, not a frame


# --- tables --------------------------------------------------------------------------------------------------------

HEADING = "scorer,n,n,n,n,n,n\nbodyparts,a,a,a,b,b,b\ncoords,x,y,likelihood,x,y,likelihood\n"


def test_rows_that_spreadsheets_leave_and_short_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(HEADING + "0,1,2,0.5,3,4,0.5\n1,5,6,0.5\n2,1,2,0.5,3,4,0.5,,\n,,,,,,\n,,,,,,\n")
    content, found = read(path)
    assert list(found) == [0, 1, 2]
    assert found[1][0].keypoints[0].tolist() == [5, 6, 0.5]
    assert np.isnan(found[1][0].keypoints[1, 0])
    assert content.notes == ["Rows shorter than the heading were filled up with missing joints."]


# --- values --------------------------------------------------------------------------------------------------------


def test_the_corner_is_no_joint_whatever_its_confidence(tmp_path: Path) -> None:
    items = []
    for frame in range(3):
        points = np.array(flat(17, 50)).reshape(17, 3)
        points[[9, 15]] = 0, 0, 0.37
        items.append({"image_id": frame, "category_id": 1, "keypoints": points.ravel().tolist(), "score": 0.9})
    path = tmp_path / "results.json"
    path.write_text(json.dumps(items))
    content, found = read(path)
    for people in found.values():
        np.testing.assert_array_equal(people[0].keypoints[[9, 15]], [[np.nan, np.nan, 0]] * 2)
        assert people[0].box[0] == 50
    assert "6 joints at exactly (0, 0) were taken as missing, whatever their confidence." in content.notes


def people_at(*points: tuple[float, float], **size: int) -> Keypoints:
    body = np.column_stack([np.tile(points, (17, 1))[:17], np.ones(17)]).astype(np.float32)
    person = Person(body, 0.9, skeleton=COCO_17)
    frames = (FramePeople(index, index / 10, (person,)) for index in range(5))
    return Keypoints("x", COCO_17, frames, **size)


def test_shares_of_the_picture_need_its_size(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"are no pixels; .*--size WIDTHxHEIGHT"):
        list(in_pixels(people_at((0.25, 0.5)), None, tmp_path).frames)
    content = in_pixels(people_at((0.25, 0.5)), (640, 480), tmp_path)
    assert (content.width, content.height) == (640, 480)
    for frame in content.frames:
        np.testing.assert_array_equal(frame.people[0].keypoints[0], [160, 240, 1])
    [first, *_] = in_pixels(people_at((100.5, 200)), (640, 480), tmp_path).frames
    np.testing.assert_array_equal(first.people[0].keypoints[0], [100.5, 200, 1])


def test_positions_far_outside_the_picture(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="most joints lie far outside the picture of 64x48"):
        list(in_pixels(people_at((900, 20), width=64, height=48), None, tmp_path).frames)
    near = in_pixels(people_at((-20, 20), (70, 50), width=64, height=48), None, tmp_path)
    assert len(list(near.frames)) == 5
    assert near.notes == []


# --- TRC, MOTChallenge, SLEAP --------------------------------------------------------------------------------------


def test_trc_there_and_back(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    truth = pose_array(database, tracked.id)
    paths = WRITERS["trc"](database, tracked.id, tmp_path / "walk.trc")
    assert [path.name for path in paths] == ["walk_person_1.trc", "walk_person_2.trc"]
    lines = paths[0].read_text().splitlines()
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", "walk_person_1.trc"]
    told = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert (told["NumFrames"], told["NumMarkers"], told["Units"]) == ("10", "18", "px")
    assert {len(line.split("\t")) for line in (lines[3], lines[4], *lines[6:])} == {2 + 3 * 18}
    for column, path in enumerate(paths):
        assert detect(path) == "trc"
        content = READERS["trc"](path, None)
        assert content.skeleton == COCO_18
        frames = list(content.frames)
        assert [frame.time_s for frame in frames] == truth.time_s.tolist()
        for row, frame in enumerate(frames):
            expected = truth.keypoints[row, column, :, :2]
            found = frame.people[0].keypoints[:, :2] if frame.people else np.full((18, 2), np.nan)
            np.testing.assert_array_equal(found, expected)


def test_trc_in_space_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "space.trc"
    heading = "PathFileType\t4\t(X/Y/Z)\tspace.trc\nDataRate\tNumFrames\tUnits\n60\t1\t{}\n"
    heading += "Frame#\tTime\tHip\t\t\n\t\tX1\tY1\tZ1\n\n"
    for unit, row, expected in (
        ("m", "1\t0.0\t0.1\t0.2\t0.3", "positions in space"),
        ("px", "1\t0.0\t10\t20\t30", "Z is not 0"),
        ("px", "1\t0.0\t10\tten\t0", "line 7"),
        ("px", "", "has 0 frames, the heading says 1; is it cut off?"),
    ):
        path.write_text(heading.format(unit) + row + "\n")
        with pytest.raises(ExchangeError, match=expected):
            list(READERS["trc"](path, None).frames)


def test_mot_holds_the_boxes(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    truth = pose_array(database, tracked.id)
    [path] = WRITERS["mot"](database, tracked.id, tmp_path / "gt.txt")
    rows = np.loadtxt(path, delimiter=",")
    assert len(rows) == int((truth.keypoints[..., 2] > 0).any(axis=2).sum())
    for frame, track_id, left, top, width, height, *_ in rows:
        seen = truth.keypoints[truth.frames.tolist().index(frame - 1), truth.track_ids.index(int(track_id))]
        low, high = np.nanmin(seen[:, :2], axis=0), np.nanmax(seen[:, :2], axis=0)
        np.testing.assert_allclose([left, top, left + width, top + height], [*low, *high], atol=0.02)


def test_slp_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sleap_io", None)
    path = tmp_path / "a.slp"
    path.touch()
    assert detect(path) == "slp"
    with pytest.raises(ExchangeError, match="pip install sleap-io"):
        READERS["slp"](path, CLOCK)
