"""Half-broken files of every format: one line that says where, and nothing of it in the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pose.skeleton import COCO_17
from storage import Database, open_database, recordings, runs
from storage.errors import ExchangeError
from storage.formats import optional
from storage.formats.keypoints import READERS, detect
from storage.formats.keypoints.content import Clock, clock_of
from storage.formats.keypoints.store import content_hash, store_keypoints

h5py = pytest.importorskip("h5py", reason="the extra `exchange` is not installed")

CLOCK = clock_of(25.0, None)


def attempt(database: Database, path: Path, format: str, clock: Clock | None) -> None:
    content = READERS[format](path, clock)
    store_keypoints(database, content, path, name="walk", sha256=content_hash(path), settings={}, version="1")


def refused(path: Path, format: str, folder: Path, expected: str, times: Path | None = None) -> None:
    """Importing fails with one line of `expected`, and the database stays as it was."""
    with open_database(folder / "w.db") as database:
        with pytest.raises(ExchangeError) as caught:
            attempt(database, path, format, clock_of(None, times) if times else CLOCK)
        message = str(caught.value)
        assert expected in message, message
        assert "\n" not in message
        assert str(times if times and str(times) in message else path) in message
        with database.reading() as tx:
            assert recordings.list_recordings(tx) == []
            assert runs.list_runs(tx, 1) == []


def person(joints: int = 18, **changes: Any) -> dict[str, Any]:
    return {"pose_keypoints_2d": [1.0, 2.0, 0.5] * joints} | changes


def broken(values: list[float], place: int, value: Any) -> list[Any]:
    return [*values[:place], value, *values[place + 1 :]]


GOOD = [1.0, 2.0, 0.5] * 18


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"people": [', "no whole JSON"),
        ("[1, 2]", 'has no list "people"'),
        ('{"people": [3]}', 'has no list "people"'),
        (b'{"people": "\xe9t\xe9"}', "byte 12 is not UTF-8"),
        ("[" * 100_000, "no JSON that can be read"),
        ({"people": [person(16)]}, "16 joints, expected 17 (COCO), 18 or 25 (OpenPose), 26"),
        ({"people": [person(), person(25)]}, "person 1: has 25 joints, expected 18"),
        ({"people": [{}]}, "pose_keypoints_2d is None, expected numbers in groups of 3"),
        ({"people": [{"pose_keypoints_2d": GOOD[:-1]}]}, "has 53 numbers, expected numbers in groups of 3"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 4, "x")}]}, "holds 'x'"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 4, True)}]}, "holds True"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 4, 10**400)}]}, "a number that is too large"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 4, 1e30)}]}, "person 0: joint 1 is 1, 1e+30, expected a pixel"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 5, 99)}]}, "joint 1 is 99, expected a confidence from 0 to 1"),
        ({"people": [{"pose_keypoints_2d": broken(GOOD, 5, -1)}]}, "joint 1 is -1, expected a confidence from 0 to 1"),
        ({"people": [person(person_id=["a"])]}, "person_id is 'a', expected a whole number"),
        ({"people": [person(person_id=[3]), person(person_id=[3])]}, "frame 0 has two people with identity 3"),
    ],
)
def test_openpose(tmp_path: Path, content: Any, expected: str) -> None:
    path = tmp_path / "json"
    path.mkdir()
    raw = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
    (path / "a_000000000000_keypoints.json").write_bytes(raw if raw is not None else json.dumps(content).encode())
    refused(path, "openpose-json", tmp_path, expected)


def test_openpose_folders(tmp_path: Path) -> None:
    path = tmp_path / "json"
    path.mkdir()
    refused(path, "openpose-json", tmp_path, "holds no file called")
    (path / "a_000000000000_keypoints.json").write_text('{"people": []}')
    (path / "b_000000000000_keypoints.json").write_text('{"people": []}')
    refused(path, "openpose-json", tmp_path, "several videos (a, b)")
    (path / "b_000000000000_keypoints.json").unlink()
    (path / "a_000000000000_keypoints_1.json").write_text('{"people": []}')
    refused(path, "openpose-json", tmp_path, "second camera")


def coco(**changes: Any) -> dict[str, Any]:
    good = {
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 1, "keypoints": ["a", "b"], "skeleton": [[1, 2]]}],
        "annotations": [{"image_id": 1, "keypoints": [1, 2, 2, 3, 4, 2]}],
    }
    return good | changes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (3, "expected COCO's annotations (an object) or results (a list)"),
        ([], "holds no result"),
        ([{"image_id": 0.5, "keypoints": GOOD}], "result 0: image_id is 0.5, expected a whole number"),
        ([{"image_id": 1, "keypoints": GOOD[:6]}], "result 0 has 2 joints, expected 17"),
        ([{"image_id": 1, "keypoints": GOOD}, {"image_id": 1, "keypoints": GOOD[:51]}], "result 1: keypoints has 17"),
        ([{"image_id": -1, "keypoints": GOOD}], "frame -1, expected numbers from 0"),
        ([{"image_id": 1, "keypoints": GOOD, "score": "high"}], "result 0: score is 'high'"),
        (coco(images=None), "expected a list of objects in images"),
        (coco(categories=[]), "expected one list of keypoint names in categories, found 0"),
        (coco(categories=[{"keypoints": ["a", "a"]}]), "joint 'a' is there twice"),
        (coco(categories=[{"keypoints": ["a", "b"], "skeleton": [[1, 3]]}]), "pair [1, 3] names unknown joints"),
        (coco(annotations=[{"image_id": 9, "keypoints": []}]), "annotation 0: image_id 9 is not among the images"),
        (coco(annotations=[{"image_id": [1], "keypoints": []}]), "image_id [1] is not among the images"),
        (coco(annotations=[{"image_id": 1, "keypoints": [1, 2, 2]}]), "keypoints has 1 joints, expected 2"),
        (coco(annotations=[{"image_id": 2, "keypoints": [1, 2, 2, 3, 1e9, 2]}]), "annotation 0: joint 1 is 3, 1e+09"),
        (coco(images=[{"id": 1}, {"id": 1}]), "image 1: id 1 is missing or there twice"),
        (coco(images=[{"id": 1, "frame_id": 4}, {"id": 2, "frame_id": 4}]), "frame 4 is there twice"),
        (coco(images=[{"id": 1, "width": "wide"}, {"id": 2}]), "image 0: width is 'wide'"),
        (coco(images=[], annotations=[]), "holds no frame"),
    ],
)
def test_coco(tmp_path: Path, content: Any, expected: str) -> None:
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))
    refused(path, "coco", tmp_path, expected)


def mmpose(**changes: Any) -> dict[str, Any]:
    return {"keypoints": [[1, 2]] * 17, "keypoint_scores": [0.5] * 17} | changes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"instances": []}, "expected MMPose's list of frames"),
        ([{"frame_id": 0, "instances": 3}], "expected an object with frame_id and a list of instances"),
        ([{"frame_id": 0, "instances": [mmpose(keypoints=[[1, 2]] * 21)]}], "entry 0 has 21 joints, expected 17"),
        ([{"frame_id": 0, "instances": [mmpose(), mmpose(keypoints=[[1, 2]] * 16)]}], "instance 1: has 16 joints"),
        ([{"frame_id": 0, "instances": [mmpose(keypoints=[[1, 2, 3]] * 17)]}], "groups of 2"),
        ([{"frame_id": 0, "instances": [mmpose(keypoint_scores=[1])]}], "keypoint_scores has 1 numbers, expected 17"),
        ([{"frame_id": 0.5, "instances": []}], "frame_id is 0.5, expected a whole number"),
        ([{"frame_id": 0, "instances": []}, {"frame_id": 0, "instances": []}], "frame 0 is there twice"),
        ([{"frame_id": 3, "instances": []}, {"frame_id": 1, "instances": []}], "frame 1 comes after frame 3"),
        ({"meta_info": {"keypoint_id2name": {"0": "a", "2": "b"}}, "instance_info": []}, "lacks joint '1'"),
    ],
)
def test_mmpose(tmp_path: Path, content: Any, expected: str) -> None:
    path = tmp_path / "mmpose.json"
    path.write_text(json.dumps(content))
    refused(path, "mmpose-json", tmp_path, expected)


HEADING = "scorer,n,n,n,n,n,n\nbodyparts,a,a,a,b,b,b\ncoords,x,y,likelihood,x,y,likelihood\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "heading lines begin with nothing"),
        ("time,x,y\n0,1,2\n", "heading lines begin with time, 0"),
        (f'scorer,"{"x" * 140_000}"\n', "line 1: field larger than field limit"),
        ("scorer,n,n\nbodyparts,a\n", "line 2 has 2 cells, expected 3"),
        ("scorer,n\nbodyparts,a\ncoords,x\n0,1\n", "a has no y"),
        ("scorer,n,n\nbodyparts,a,a\ncoords,x,z\n0,1,2\n", "coordinate 'z' of a"),
        (HEADING.replace("b,b,b", "a,a,a"), "a x is there twice"),
        (HEADING, "holds no frame"),
        (HEADING + "0,1,2,0.5,3,4,0.5\n1,1,2,0.5,3", "line 5 has 5 cells, expected 7; is it cut off?"),
        (HEADING + "0,1,2,0.5,3,4,0.5,9\n", "line 4 has 8 cells, expected 7"),
        (HEADING + "0,1,2,0.5,3,4,0.5\n0,1,2,0.5,3,4,0.5\n", "frame 0 is there twice"),
        (HEADING + "first,1,2,0.5,3,4,0.5\n", "line 4: 'first' is no frame"),
        (HEADING + "-1,1,2,0.5,3,4,0.5\n", "line 4: '-1' is no frame"),
        (HEADING + "0,1,2,0.5,3,four,0.5\n", "frame 0, b y is 'four', expected a number"),
        (HEADING + "0,1,2,0.5,3,1e99,0.5\n", "frame 0, the animal, b is 3, 1e+99, expected a pixel"),
        (HEADING + "0,1,2,0.5,3,inf,0.5\n", "frame 0, the animal, b is 3, inf, expected a pixel"),
        (HEADING + "0,1,2,0.5,3,4,50\n", "b is 50, expected a confidence"),
        (HEADING.encode("utf-16"), "byte 0 is not UTF-8"),
        (HEADING.replace("a,a,a", "é,é,é").encode("latin-1"), "is not UTF-8; save the file as UTF-8"),
    ],
)
def test_deeplabcut_csv(tmp_path: Path, content: str | bytes, expected: str) -> None:
    path = tmp_path / "clip.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(path, "dlc-csv", tmp_path, expected)


def test_an_error_at_the_end_leaves_nothing_of_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(HEADING + "".join(f"{k},1,2,0.5,3,4,0.5\n" for k in range(2500)) + "2500,1,2,0.5")
    refused(path, "dlc-csv", tmp_path, "line 2504 has 4 cells")


def dlc_table(names: tuple[str, ...] = ("scorer", "bodyparts", "coords"), **values: Any) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples([("n", "a", part) for part in ("x", "y", "likelihood")], names=names)
    return pd.DataFrame([[1.0, 2.0, 0.5], [3.0, 4.0, 0.5]], columns=columns, **values)


@pytest.mark.parametrize("form", ["table", "fixed"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.set_axis([3, 1]), "frame 1 comes after frame 3"),
        (lambda table: table * 1e9, "frame 0, the animal, a is 1e+09, 2e+09, expected a pixel"),
        (lambda table: table.rename(columns={"y": "z"}), "coordinate 'z' of a"),
        (lambda table: table.droplevel(0, axis=1), "2 levels, expected scorer, (individuals,) bodyparts, coords"),
        (lambda table: table.iloc[:, :1], "a has no y"),
    ],
)
def test_deeplabcut_h5(
    tmp_path: Path, form: Any, change: Callable[[pd.DataFrame], pd.DataFrame], expected: str
) -> None:
    pytest.importorskip("tables", reason="the extra `exchange` is not installed")
    path = tmp_path / "clip.h5"
    change(dlc_table()).to_hdf(path, key="df_with_missing", format=form, mode="w")
    refused(path, "dlc-h5", tmp_path, expected)


def test_other_h5(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = [1, 2]
    refused(path, "dlc-h5", tmp_path, "expected one table of pandas (df_with_missing), found none")
    refused(path, "sleap-h5", tmp_path, "no whole analysis file of SLEAP")
    refused(path, "movement-nc", tmp_path, "")
    path.write_bytes(path.read_bytes()[:500])
    for format in ("dlc-h5", "sleap-h5", "movement-nc"):
        refused(path, format, tmp_path, "is it cut off?")
    path.write_text("this is text")
    for format in ("dlc-h5", "sleap-h5", "movement-nc"):
        refused(path, format, tmp_path, "is it cut off?")


def sleap_file(path: Path, **changes: Any) -> Path:
    arrays = {
        "tracks": np.ones((1, 2, 2, 3)), "track_occupancy": np.ones((3, 1)), "point_scores": np.ones((1, 2, 3)),
        "node_names": [b"nose", b"tail"], "track_names": [b"one"],
    } | changes  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            if value is not None:
                file[name] = value
    return path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tracks": None}, "no whole analysis file of SLEAP"),
        ({"node_names": None}, "no whole analysis file of SLEAP"),
        ({"node_names": [b"nose", b"nose"]}, "joint 'nose' is there twice"),
        ({"node_names": [b"nose"]}, "tracks holds 1 tracks of 2 nodes"),
        ({"track_names": [b"one", b"two"]}, "expected 2 (track_names)"),
        ({"tracks": np.ones((1, 3, 2, 3))}, "in 3 coordinates"),
        ({"tracks": np.ones((1, 2, 2))}, "dimensions track, xy, node, frame"),
        ({"tracks": np.ones((1, 2, 2, 0))}, "holds no frame"),
        ({"point_scores": np.ones((1, 2, 2))}, "point_scores has shape (1, 2, 2), expected (1, 2, 3)"),
        ({"tracks": np.full((1, 2, 2, 3), 1e20)}, "frame 0, one, nose is 1e+20, 1e+20, expected a pixel"),
        ({"point_scores": np.full((1, 2, 3), 70)}, "frame 0, one, nose is 70, expected a confidence"),
    ],
)
def test_sleap(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    refused(sleap_file(tmp_path / "walk.h5", **changes), "sleap-h5", tmp_path, expected)


def netcdf(path: Path, **changes: Any) -> Path:
    h5netcdf = pytest.importorskip("h5netcdf", reason="the extra `exchange` is not installed")
    given: dict[str, Any] = {
        "dims": ("time", "space", "keypoint", "individual"), "space": ["x", "y"], "keypoint": ["nose"],
        "individual": ["id_0"], "time": [0.0, 0.1], "value": 1.0, "ds_type": "poses", "time_unit": "seconds",
    } | changes  # fmt: skip
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {name: len(given[name]) for name in ("time", "space", "keypoint", "individual")}
        for name in ("space", "keypoint", "individual"):
            file.create_variable(name, (name,), h5py.string_dtype(), data=np.array(given[name], dtype=object))
        file.create_variable("time", ("time",), np.float64, data=np.array(given["time"]))
        if given["dims"]:
            shape = tuple(len(given[name]) for name in given["dims"])
            file.create_variable("position", given["dims"], np.float64, data=np.full(shape, given["value"]))
        file.attrs["ds_type"], file.attrs["time_unit"] = given["ds_type"], given["time_unit"]
    return path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dims": None}, "has no variable position"),
        ({"dims": ("time", "space", "keypoint")}, "position has dimensions time, space, keypoint, expected"),
        ({"ds_type": "bboxes"}, "holds bboxes, expected poses"),
        ({"space": ["x", "y", "z"]}, "space is x, y, z, expected x, y"),
        ({"keypoint": ["nose", "nose"]}, "joint 'nose' is there twice"),
        ({"individual": ["a", "a"]}, "individual 'a' is there twice"),
        ({"value": -1e7}, "frame 0, id_0, nose is -1e+07, -1e+07, expected a pixel"),
        ({"time": [0.5, 1.5], "time_unit": "frames"}, "frame numbers (time) have fractions"),
        ({"time": []}, "holds no frame"),
    ],
)
def test_movement(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    path = netcdf(tmp_path / "walk.nc", **changes)
    refused(path, "movement-nc", tmp_path, expected)


def test_movement_whose_times_fall(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "walk.nc", time=[0.2, 0.1])
    with open_database(tmp_path / "w.db") as database, pytest.raises(ExchangeError, match="expected rising times"):
        attempt(database, path, "movement-nc", None)


@pytest.mark.parametrize("format", [name for name in READERS if name not in ("coco", "movement-nc", "trc")])
def test_a_format_without_time_needs_a_clock(tmp_path: Path, format: str) -> None:
    with pytest.raises(ExchangeError, match="has no time stamps; give --fps N or --times FILE"):
        READERS[format](tmp_path, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0\n", "has 1 times, none for frame 1"),
     ("0.5\n0.25\n", "expected rising times")],
)  # fmt: skip
def test_times(tmp_path: Path, text: str, expected: str) -> None:
    times, path = tmp_path / "times.txt", tmp_path / "clip.csv"
    times.write_text(text)
    path.write_text(HEADING + "0,1,2,0.5,3,4,0.5\n1,1,2,0.5,3,4,0.5\n")
    refused(path, "dlc-csv", tmp_path, expected, times)


def test_times_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("time\n0\nx\n")
    with pytest.raises(ExchangeError, match=r"times\.txt: time 1 is 'x', expected seconds"):
        clock_of(None, tmp_path / "times.txt")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.h5", None, "no such file or folder"), ("a.txt", b"x", "of no known format; say which with --format"),
        ("a.csv", b"x,y\n", "of no known format"), ("a.json", b"{}", "of no known format"),
        ("a.h5", b"text", "no whole HDF5 file"), ("folder", "", "of no known format"),
    ],
)  # fmt: skip
def test_unknown_files(tmp_path: Path, name: str, content: Any, expected: str) -> None:
    path = tmp_path / name
    if content == "":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ExchangeError, match=expected):
        detect(path)


def test_a_library_that_is_not_installed() -> None:
    with pytest.raises(ExchangeError, match=r"needs nolibrary, .* pip install 'posescribe\[exchange\]'"):
        optional.load("nolibrary.part")


def test_too_many_joints(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    names = [f"j{k}" for k in range(700)]
    path.write_text(json.dumps(coco(categories=[{"keypoints": names}], annotations=[])))
    refused(path, "coco", tmp_path, "has 700 joints, expected 600 at most")
    assert len(COCO_17) < 600
