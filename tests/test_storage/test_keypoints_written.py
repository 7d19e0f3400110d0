"""Each file that is written, read by the library whose format it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pose.skeleton import COCO_17
from pose.tables import tracks_to_xarray
from storage import Database, runs, tracks
from storage.errors import ExchangeError
from storage.formats.keypoints import READERS, WRITERS
from storage.formats.keypoints.writing import Tracked
from storage.frames import PoseArray, keypoints, pose_array

pytest.importorskip("h5py", reason="the extra `exchange` is not installed")


@pytest.fixture
def truth(database: Database, tracked: runs.Run) -> PoseArray:
    """The world of conftest.py, whose second person is called Ada."""
    with database.transaction() as tx:
        tracks.name_track(tx, tracked.id, 2, "Ada")
    return pose_array(database, tracked.id)


def positions(truth: PoseArray) -> np.ndarray:
    """(time, space, keypoint, individual), as movement has it."""
    return truth.keypoints[..., :2].transpose(0, 3, 2, 1)


def confidences(truth: PoseArray) -> np.ndarray:
    return truth.keypoints[..., 2].transpose(0, 2, 1)


def test_openpose_json(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    assert WRITERS["openpose-json"](database, tracked.id, tmp_path / "json") == [tmp_path / "json"]
    files = sorted((tmp_path / "json").iterdir())
    assert [file.name for file in files] == [f"walk.mp4_{frame:012d}_keypoints.json" for frame in range(10)]
    people = json.loads(files[3].read_text())["people"]
    assert [person["person_id"] for person in people] == [[1], [2]]
    assert people[0]["pose_keypoints_2d"][:6] == [103, 0, 0.5, 103, 1, 0.5]
    assert people[1]["pose_keypoints_2d"][:3] == [0, 0, 0]


def test_coco_by_pycocotools(
    database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pycocotools = pytest.importorskip("pycocotools.coco")
    [path] = WRITERS["coco"](database, tracked.id, tmp_path / "walk.json")
    coco = pycocotools.COCO(str(path))
    [kind] = coco.loadCats(coco.getCatIds())
    assert kind["keypoints"] == list(COCO_17.joints)
    assert kind["other_keypoints"] == ["neck"]
    assert [kind["keypoints"][end - 1] for end in kind["skeleton"][0]] == ["left_ankle", "left_knee"]
    assert [image["time_s"] for image in coco.loadImgs(sorted(coco.getImgIds()))] == truth.time_s.tolist()
    [ada] = (item for item in coco.imgToAnns[2] if item["track_id"] == 2)
    found = np.array(ada["keypoints"]).reshape(17, 3)
    assert found[0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(found[1:, 0], 198)
    assert ada["num_keypoints"] == 16
    assert ada["bbox"] == [198, 1, 0, 16]
    detections = coco.loadRes([dict(item) for item in coco.dataset["annotations"]])
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval(coco, detections, "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert len(evaluation.stats) == 10
    capsys.readouterr()


def test_long_tables(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    expected = keypoints(database, tracked.id)
    WRITERS["parquet"](database, tracked.id, tmp_path / "walk.parquet")
    pd.testing.assert_frame_equal(pq.read_table(tmp_path / "walk.parquet").to_pandas(), expected)
    WRITERS["csv"](database, tracked.id, tmp_path / "walk.csv")
    text = pd.read_csv(tmp_path / "walk.csv").astype({"x": "float32", "y": "float32", "confidence": "float32"})
    assert list(text) == list(expected)
    pd.testing.assert_frame_equal(text, expected.assign(keypoint=expected.keypoint.astype(text.keypoint.dtype)),
                                  check_dtype=False)  # fmt: skip


@pytest.mark.parametrize(("format", "suffix"), [("dlc-csv", ".csv"), ("dlc-h5", ".h5")])
def test_deeplabcut_by_pandas(
    database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path, format: str, suffix: str
) -> None:
    if format == "dlc-h5":
        pytest.importorskip("tables", reason="the extra `exchange` is not installed")
    [path] = WRITERS[format](database, tracked.id, tmp_path / f"walk{suffix}")
    table = pd.read_csv(path, header=[0, 1, 2, 3], index_col=0) if suffix == ".csv" else pd.read_hdf(path)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    assert table.index.tolist() == list(range(10))
    for column, name in enumerate(("person_1", "Ada")):
        own = table["posescribe"][name].to_numpy(np.float32).reshape(10, 18, 3)
        np.testing.assert_array_equal(own, truth.keypoints[:, column])


@pytest.mark.parametrize(("format", "suffix"), [("dlc-csv", ".csv"), ("dlc-h5", ".h5"), ("sleap-h5", ".h5")])
def test_read_by_movement(
    database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path, format: str, suffix: str
) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses", reason="movement is not installed")
    [path] = WRITERS[format](database, tracked.id, tmp_path / f"walk{suffix}")
    dataset = load_poses.from_sleap_file(path) if format == "sleap-h5" else load_poses.from_dlc_file(path)
    assert dataset[dataset.position.dims[3]].values.tolist() == ["person_1", "Ada"]
    assert dataset[dataset.position.dims[2]].values.tolist() == list(truth.joints)
    np.testing.assert_array_equal(dataset.position.values.astype(np.float32), positions(truth))
    confidence = confidences(truth)
    if format == "sleap-h5":
        confidence = np.where(np.isnan(positions(truth)[:, 0]), np.nan, confidence)
    np.testing.assert_array_equal(dataset.confidence.values.astype(np.float32), confidence)


def test_sleap_by_sleap_io(database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed")
    [path] = WRITERS["sleap-h5"](database, tracked.id, tmp_path / "walk.h5")
    labels = sleap_io.load_analysis_h5(str(path))
    assert [track.name for track in labels.tracks] == ["person_1", "Ada"]
    assert labels.skeletons[0].node_names == list(truth.joints)
    assert ("neck", "nose") in {(edge.source.name, edge.destination.name) for edge in labels.skeletons[0].edges}
    assert {"left_hip", "right_hip"} in [{node.name for node in pair.nodes} for pair in labels.skeletons[0].symmetries]
    assert [frame.frame_idx for frame in labels] == [0, 1, 2, 3, 6, 7, 8, 9]
    ada = labels[3].instances[1]
    assert (ada.track.name, ada.score) == ("Ada", 0.25)
    np.testing.assert_array_equal(ada.numpy(), truth.keypoints[3, 1, :, :2])


def test_movement_dataset(database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="the extra `exchange` is not installed")
    [path] = WRITERS["movement-nc"](database, tracked.id, tmp_path / "walk.nc")
    with xarray.open_dataset(path) as dataset:
        assert dataset.position.dims == ("time", "space", "keypoint", "individual")
        assert dataset.confidence.dims == ("time", "keypoint", "individual")
        np.testing.assert_array_equal(dataset.position, positions(truth))
        np.testing.assert_array_equal(dataset.confidence, confidences(truth))
        np.testing.assert_array_equal(dataset.time, truth.time_s)
        np.testing.assert_array_equal(dataset.frame, truth.frames)
        assert dataset.individual.values.tolist() == ["person_1", "Ada"]
        assert {key: dataset.attrs[key] for key in ("ds_type", "time_unit")} == {
            "ds_type": "poses", "time_unit": "seconds"
        }  # fmt: skip
        assert "fps" not in dataset.attrs  # the times of this world are uneven
        with database.reading() as tx:
            ours = tracks_to_xarray([tracks.read_track(tx, tracked.id, track_id) for track_id in (2, 1)])
        assert ours.attrs.items() <= {**dataset.attrs, "source_software": "posescribe"}.items()
        found = dataset.load().drop_attrs().assign_coords(individual=["person_1", "person_2"])
        xarray.testing.assert_equal(ours.drop_attrs(), found.isel(time=np.isin(found.frame, ours.frame)))
        inputs = pytest.importorskip(
            "movement.validators.datasets", reason="movement is not installed"
        ).ValidPosesInputs
        names = dict(zip(dataset.position.dims, inputs.DIM_NAMES, strict=True))  # before 0.17 two were in the plural
        inputs.validate(dataset.rename({old: new for old, new in names.items() if old != new}))


def test_nwb(database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="the extra `exchange` is not installed")
    pytest.importorskip("ndx_pose", reason="the extra `exchange` is not installed")
    files = WRITERS["nwb"](database, tracked.id, tmp_path / "walk.nwb")
    assert [file.name for file in files] == ["walk_person_1.nwb", "walk_Ada.nwb"]
    assert sorted(tmp_path.glob("walk*.nwb")) == sorted(files)
    with pynwb.NWBHDF5IO(str(files[1]), "r") as io:
        file = io.read()
        estimation = file.processing["behavior"]["PoseEstimation"]
        assert list(estimation.skeleton.nodes) == list(truth.joints)
        assert estimation.skeleton.edges[0].tolist() == [1, 2]
        assert file.subject.subject_id == "Ada"
        for number, joint in enumerate(truth.joints):
            series = estimation.pose_estimation_series[joint]
            np.testing.assert_array_equal(series.data[:], truth.keypoints[:, 1, number, :2])
            np.testing.assert_array_equal(series.confidence[:], truth.keypoints[:, 1, number, 2])
            np.testing.assert_array_equal(series.timestamps[:], truth.time_s)
    assert pynwb.validate(path=str(files[0])) == []


def test_nwb_by_movement(database: Database, tracked: runs.Run, truth: PoseArray, tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses", reason="movement is not installed")
    files = WRITERS["nwb"](database, tracked.id, tmp_path / "walk.nwb")
    dataset = load_poses.from_nwb_file(files[1])
    own = dataset.sel({dataset.position.dims[2]: list(truth.joints)})
    np.testing.assert_array_equal(own.position.values[..., 0], positions(truth)[..., 1])
    assert dataset[dataset.position.dims[3]].values.tolist() == ["Ada"]


@pytest.mark.parametrize("format", ["dlc-csv", "dlc-h5", "sleap-h5", "movement-nc", "nwb"])
def test_nobody_is_no_file(database: Database, stored: runs.Run, tmp_path: Path, format: str) -> None:
    with database.transaction() as tx:
        run = runs.start_run(tx, stored.recording_id, "track", "e" * 64, settings={}, version="1", parent_id=stored.id)
        tracks.apply_identity(tx, run.id, {})
    with pytest.raises(ExchangeError, match=r"no person in walk\.mp4"):
        WRITERS[format](database, run.id, tmp_path / "walk.x")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("posescribe")] == []


@pytest.mark.parametrize(
    "format",
    ["openpose-json", "coco", "coco-wholebody", "coco-wholebody-results", "mmpose-json", "csv", "parquet"],
)
def test_nobody_is_an_empty_file(database: Database, stored: runs.Run, tmp_path: Path, format: str) -> None:
    with database.transaction() as tx:
        run = runs.start_run(tx, stored.recording_id, "track", "e" * 64, settings={}, version="1", parent_id=stored.id)
        tracks.apply_identity(tx, run.id, {})
    [path] = WRITERS[format](database, run.id, tmp_path / "walk.x")
    assert path.exists()


@pytest.mark.parametrize("format", [name for name in WRITERS if name != "face-mesh"])
def test_an_unwritable_place_is_one_line(database: Database, tracked: runs.Run, tmp_path: Path, format: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Exception, match="can't be written") as caught:
        WRITERS[format](database, tracked.id, tmp_path / "file" / "walk.x")
    assert "\n" not in str(caught.value)


def test_too_many_people_for_pandas(
    database: Database, tracked: runs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tables", reason="the extra `exchange` is not installed")
    monkeypatch.setattr("storage.formats.keypoints.deeplabcut.MAX_H5_COLUMNS", 100)
    with pytest.raises(ExchangeError, match=r"108 columns \(2 people\)"):
        WRITERS["dlc-h5"](database, tracked.id, tmp_path / "walk.h5")


def test_every_reader_has_a_writer() -> None:
    assert set(READERS) - set(WRITERS) == {"slp"}


@pytest.mark.parametrize(("given", "expected"), [
    ((None, None), ("person_1", "person_2")), (("Ada", "Ada"), ("Ada_1", "Ada_2")),
    (("person_2", None), ("person_2_1", "person_2_2")),
])  # fmt: skip
def test_names_are_unique(
    database: Database, tracked: runs.Run, given: tuple[str | None, str | None], expected: tuple[str, str]
) -> None:
    with database.transaction() as tx:
        for number, name in enumerate(given, start=1):
            tracks.name_track(tx, tracked.id, number, name)
    assert Tracked.load(database, tracked.id).names == expected
