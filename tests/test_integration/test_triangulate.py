"""`posescribe triangulate` as a user runs it, on recordings of synthetic cameras of which everything is known."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import c3d
import ezc3d
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from behavior.cli import main
from pose.multiview import CameraGroup, write_cameras
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import open_database, poses, recordings, runs, tracks
from tests.test_pose.multiview_scenes import ring

GROUP = ring(3, 4)
TIMES = np.arange(30) / 25
BODIES = np.random.default_rng(0).normal(size=(2, 18, 3)) * [0.2, 0.2, 0.35] + [[[-0.6, 0, 1]], [[0.6, 0.3, 1]]]


def at(time_s: float) -> np.ndarray:
    """(2, 18, 3) both people, who walk past each other at 1 m/s."""
    return BODIES + np.array([[[time_s, 0, 0]], [[-time_s, 0, 0]]])


Spoil = Callable[[int, int, np.ndarray], None]
"""What is done to the (2, 18, 2) pixels that a camera sees of both people in a frame."""


def film(path: Path, *, offset: float = 0.0, width: int = 1280, spoil: Spoil | None = None) -> Path:
    """A database of what the cameras see; the clock of the last is `offset` behind, and its picture `width` wide."""
    with open_database(path) as database, database.transaction() as tx:
        for number, camera in enumerate(GROUP.cameras):
            last = number == len(GROUP) - 1
            key = recordings.ensure_recording(
                tx, name=camera.name, uri=f"/{camera.name}.mp4", kind="video", sha256=str(number) * 64,
                width=width if last else 1280, height=720, fps=25.0,
            )  # fmt: skip
            frames = []
            for index, time_s in enumerate(TIMES.tolist()):
                pixels = camera.project(at(time_s + (offset if last else 0.0)))
                if spoil is not None:
                    spoil(number, index, pixels)
                order = (0, 1) if number % 2 else (1, 0)
                found = np.isfinite(pixels).all(axis=-1) * 0.9
                cells = [np.column_stack([pixels[k], found[k]]).astype(np.float32) for k in order]
                people = tuple(Person(one, 0.9, k + 1, skeleton=COCO_18) for k, one in enumerate(cells))
                frames.append(FramePeople(index, time_s, people))
            pose = runs.start_run(tx, key, "pose", f"p{number}", settings={}, version="1", skeleton=COCO_18)
            poses.append_frames(tx, pose.id, frames)
            runs.finish_run(tx, pose.id)
            track = runs.start_run(tx, key, "track", f"t{number}", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
            runs.finish_run(tx, track.id)
    return path


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "cameras.toml"
    write_cameras(GROUP, path, format="pose2sim")
    return path


def error_of(table: pd.DataFrame) -> float:
    """The largest distance to the truth, metres; who is who may be either way round."""
    worst = []
    for person, rows in table.groupby("person"):
        truth = np.array(
            [at(time_s)[:, COCO_18.index(joint)] for time_s, joint in zip(rows.time_s, rows.keypoint, strict=True)]
        )
        off = np.linalg.norm(rows[["x", "y", "z"]].to_numpy()[:, None] - truth, axis=-1).max(axis=0)
        worst.append(off.min())
        assert person in (1, 2)
    return float(max(worst))


def test_people_stand_where_they_stood(tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, out = film(tmp_path / "a.db"), tmp_path / "out"
    command = ["triangulate", str(db), "--calibration", str(calibration), "--out", str(out), "--synchronised"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["people"], told["frames"]) == (2, 30)
    table = pd.read_parquet(out / "positions.parquet")
    assert len(table) == 2 * 30 * 18
    assert error_of(table) < 1e-3  # pixels are stored as 32-bit floats
    assert (table.n_views == 3).all()
    assert pd.read_csv(out / "positions.csv").shape == table.shape
    errors = pd.read_csv(out / "reprojection.csv")
    assert len(errors) == 6
    assert errors.median_px.max() < 0.01
    assert errors.used.tolist() == [1.0] * 6
    assert errors.mm_per_px.between(3.5, 7).all()  # 5 m away at a focal length of 1000 px
    assert errors.held_out_px.max() < 0.02
    assert errors.held_out.tolist() == [30 * 18] * 6
    joints = pd.read_csv(out / "reprojection_joints.csv")
    assert len(joints) == 6 * 18
    assert set(joints.seen) == {30}
    bones = pd.read_csv(out / "bones.csv")
    assert bones[["cv", "raw_cv"]].max().max() < 1e-3
    assert len(bones) == 2 * len(COCO_18.limbs)
    ranges = pd.read_csv(out / "joint_ranges.csv").set_index(["person", "angle"])
    knee = pd.read_csv(out / "features.csv").query("person == 2").left_knee_flexion
    assert ranges.loc[(2, "left_knee_flexion"), "median_deg"] == pytest.approx(knee.median(), abs=1e-6)
    assert ranges.loc[(2, "left_knee_flexion"), "beyond"] == pytest.approx((knee > 135).mean())
    assert list(pd.read_csv(out / "bouts.csv"))[:4] == ["person", "action", "start_s", "stop_s"]
    assert json.loads((out / "run.json").read_text())["actions"]["model"] == "default"
    lines = (out / "person_1.trc").read_text().splitlines()
    assert lines[2].split("\t")[:5] == ["25", "25", "30", "18", "m"]
    row = np.array(lines[6].split("\t"), dtype=float)
    cleaned = pd.read_parquet(out / "cleaned.parquet")
    assert error_of(cleaned) < 1e-3
    first = cleaned[(cleaned.person == 1) & (cleaned.frame == 0)].set_index("keypoint").loc[list(COCO_18.joints)]
    assert row[2:] == pytest.approx(first[["x", "y", "z"]].to_numpy().ravel())
    assert main(command) == 0
    with sqlite3.connect(db) as connection:
        stored = connection.execute("SELECT count(*) FROM position").fetchone()
        views = connection.execute("SELECT camera, track_run_id, offset_s FROM scene_view ORDER BY camera").fetchall()
        scenes = connection.execute("SELECT calibration_sha256 FROM scene").fetchall()
        members = connection.execute("SELECT camera, track_id FROM scene_member WHERE person = 1").fetchall()
    connection.close()
    assert stored == (2 * 30 * 18,)
    assert views == [("cam1", 2, 0.0), ("cam2", 4, 0.0), ("cam3", 6, 0.0)]
    assert len(scenes) == 1
    assert sorted(members) in ([("cam1", 1), ("cam2", 2), ("cam3", 1)], [("cam1", 2), ("cam2", 1), ("cam3", 2)])


def joint_of(table: pd.DataFrame, joint: str) -> pd.DataFrame:
    """Rows of one joint of who stands at the negative x in the first frame: the first of `BODIES`."""
    first = table[(table.frame == 0) & (table.keypoint == "neck")].set_index("person").x.idxmin()
    return table[(table.person == first) & (table.keypoint == joint)].set_index("frame")


def test_what_is_missing_is_filled_and_what_jumps_is_left_out(tmp_path: Path, calibration: Path) -> None:
    """A wrist is unseen for four frames, an elbow is seen elsewhere by all in one, and a nose is gone."""
    wrist, elbow, nose = (COCO_18.index(joint) for joint in ("left_wrist", "left_elbow", "nose"))

    def spoil(camera: int, frame: int, pixels: np.ndarray) -> None:
        if 10 <= frame < 14:
            pixels[0, wrist] = np.nan
        if frame == 20:
            aside = at(TIMES[frame])[0, elbow] + [0.5, 0, 0]
            pixels[0, elbow] = GROUP.cameras[camera].project(aside)
        if frame >= 15:
            pixels[0, nose] = np.nan

    db = film(tmp_path / "a.db", spoil=spoil)
    command = ["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out"]
    assert main([*command, str(tmp_path / "out")]) == 0
    raw, table = (pd.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("positions", "cleaned"))
    assert not joint_of(raw, "left_wrist").index.isin(range(10, 14)).any()
    filled = joint_of(table, "left_wrist").filled
    assert filled[filled].index.tolist() == [10, 11, 12, 13]
    assert joint_of(raw, "left_elbow").x[20] - joint_of(table, "left_elbow").x[20] == pytest.approx(0.5, abs=0.01)
    assert joint_of(table, "nose").index.max() == 14
    assert error_of(table) < 0.01
    told = json.loads((tmp_path / "out" / "run.json").read_text())["cleaning"]
    assert [step.partition("(")[0] for step in told] == ["drop_unsure", "drop_outliers", "fill_gaps", "kalman"]
    off = ["--min-confidence", "0", "--outlier-window", "0", "--max-gap", "0", "--smoothing", "none"]
    assert main([*command, str(tmp_path / "raw"), *off]) == 0
    same = pd.read_parquet(tmp_path / "raw" / "cleaned.parquet")
    assert not same.filled.any()
    axes = ["person", "frame", "keypoint", "x", "y", "z"]
    by = ["person", "frame", "keypoint"]
    pd.testing.assert_frame_equal(
        same[axes].sort_values(by, ignore_index=True), raw[axes].sort_values(by, ignore_index=True)
    )


def test_a_camera_that_is_off_is_told_by_joint(tmp_path: Path, calibration: Path) -> None:
    """The knee that one camera sees 12 pixels aside, and no other figure of the table, is that far from the others."""
    knee = COCO_18.index("right_knee")

    def spoil(camera: int, _: int, pixels: np.ndarray) -> None:
        if camera == 1:
            pixels[:, knee, 0] += 12

    db, out = film(tmp_path / "a.db", spoil=spoil), tmp_path / "out"
    assert main(["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out", str(out)]) == 0
    table = pd.read_csv(out / "reprojection_joints.csv")
    off = table[(table.camera == "cam2") & (table.keypoint == "right_knee")]
    assert off.held_out_px.tolist() == pytest.approx([12, 12], abs=0.05)
    assert off.held_out_p95_px.tolist() == pytest.approx([12, 12], abs=0.05)
    assert table[table.keypoint != "right_knee"].p95_px.max() < 0.05


def test_features_are_in_metres(tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, out = film(tmp_path / "a.db"), tmp_path / "out"
    command = ["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out"]
    assert main([*command, str(out)]) == 0
    assert "up is z" in capsys.readouterr().err
    table, units = pd.read_parquet(out / "features.parquet"), pd.read_csv(out / "features.units.csv", index_col=0)
    assert pd.read_csv(out / "features.csv").shape == table.shape
    assert table.person.value_counts().to_dict() == {1: 30, 2: 30}
    inner = table[table.frame.between(3, 26)]
    for name in ("centre_speed", "left_wrist_speed"):
        assert inner[name].to_numpy() == pytest.approx(1, abs=0.01)
        assert units.unit[name] == "m/s"
    assert sorted(inner.centre_velocity_x.round().unique()) == [-1, 1]
    hip, knee = (COCO_18.index(joint) for joint in ("left_hip", "left_knee"))
    thighs = np.linalg.norm(BODIES[:, hip] - BODIES[:, knee], axis=-1)
    assert sorted(inner.groupby("person").left_thigh_length.mean()) == pytest.approx(sorted(thighs), abs=1e-3)
    # How far the wrist is above the shoulder, z up, whichever axis the catalogue has down.
    wrist, shoulder = (COCO_18.index(joint) for joint in ("left_wrist", "left_shoulder"))
    above = BODIES[:, wrist, 2] - BODIES[:, shoulder, 2]
    assert sorted(inner.groupby("person").left_wrist_above_shoulder.mean()) == pytest.approx(sorted(above), abs=1e-3)
    pairs = pd.read_parquet(out / "pairs.parquet")
    assert pairs[["person_a", "person_b"]].drop_duplicates().to_numpy().tolist() == [[1, 2]]
    middle = BODIES[:, [COCO_18.index(f"{side}_hip") for side in ("left", "right")]].mean(axis=1)
    apart = [np.linalg.norm(middle[1] - middle[0] - [2 * t, 0, 0]) for t in TIMES.tolist()]
    assert pairs.pair_distance.to_numpy() == pytest.approx(apart, abs=2e-3)
    assert json.loads((out / "run.json").read_text())["up"] == [0, 0, 1]
    assert main([*command, str(tmp_path / "down"), "--up=-z"]) == 0
    down = pd.read_parquet(tmp_path / "down" / "features.parquet")
    assert down.left_wrist_above_shoulder.to_numpy() == pytest.approx(-table.left_wrist_above_shoulder.to_numpy())


def gone(camera: int, frame: int, pixels: np.ndarray) -> None:
    """One wrist unseen for four frames, another for half of all, a knee by the first; an elbow elsewhere once."""
    if frame == 20:
        elbow = COCO_18.index("left_elbow")
        pixels[0, elbow] = GROUP.cameras[camera].project(at(float(TIMES[frame]))[0, elbow] + [0.5, 0, 0])
    if 10 <= frame < 14:
        pixels[:, COCO_18.index("left_wrist")] = np.nan
    if frame < 15:
        pixels[:, COCO_18.index("right_wrist")] = np.nan
    if camera == 0:
        pixels[:, COCO_18.index("left_knee")] = np.nan


def points_in(folder: Path, person: int) -> np.ndarray:
    """(30, 18, 3) cleaned positions as Parquet has them, metres; NaN where missing."""
    table = pd.read_parquet(folder / "cleaned.parquet")
    points = np.full((30, 18, 3), np.nan)
    for row in table[table.person == person].itertuples():
        points[row.frame, COCO_18.index(row.keypoint)] = row.x, row.y, row.z
    return points


def test_other_programs_read_what_is_written(tmp_path: Path, calibration: Path) -> None:
    db, out = film(tmp_path / "a.db", spoil=gone), tmp_path / "out"
    command = ["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out", str(out)]
    assert main([*command, "--export", "c3d", "--export", "movement-nc"]) == 0
    wrist, other, knee, nose = map(COCO_18.index, ("left_wrist", "right_wrist", "left_knee", "nose"))
    elbows = []
    for person in (1, 2):
        expected = points_in(out, person)
        assert np.isnan(expected[:15, other]).all()
        assert np.isfinite(expected[:, wrist]).all()
        file = ezc3d.c3d(str(out / f"person_{person}.c3d"))
        assert file["parameters"]["POINT"]["LABELS"]["value"] == list(COCO_18.joints)
        assert file["parameters"]["POINT"]["UNITS"]["value"] == ["mm"]
        assert file["parameters"]["POINT"]["RATE"]["value"] == [25]
        assert "calibration" in file["parameters"]["POSESCRIBE"]["ORIGIN"]["value"][0]
        np.testing.assert_allclose(file["data"]["points"][:3].transpose(2, 1, 0), 1000 * expected, atol=1e-3)
        with (out / f"person_{person}.c3d").open("rb") as handle, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No analog data")
            rows = [points for _, points, _ in c3d.Reader(handle).read_frames(camera_sum=False)]
        residual, cameras = np.stack(rows)[..., 3], np.stack(rows)[..., 4]
        assert residual[:15, other].tolist() == [-1] * 15
        assert residual[9:15, wrist].tolist() == [1, 0, 0, 0, 0, 1]  # mm, filled in between
        assert set(cameras[:, knee]) == {0b110}
        assert set(cameras[:, nose]) == {0b111}
        elbows.append((residual[20, COCO_18.index("left_elbow")], cameras[20, COCO_18.index("left_elbow")]))
        # TRC, read as a table by whoever knows its heading.
        table = pd.read_csv(out / f"person_{person}.trc", sep="\t", skiprows=6, header=None)
        np.testing.assert_allclose(table.iloc[:, 2:].to_numpy().reshape(30, 18, 3), expected)
        np.testing.assert_allclose(table[1], TIMES)
    assert sorted(elbows) == [(0, 0), (1, 0b111)]  # of one the outlier is filled in
    with xr.open_dataset(out / "people.nc", engine="h5netcdf") as data:
        assert data.position.dims == ("time", "space", "keypoint", "individual")
        assert data.space.values.tolist() == ["x", "y", "z"]
        assert (data.attrs["ds_type"], data.attrs["time_unit"], data.attrs["fps"]) == ("poses", "seconds", 25)
        assert data.attrs["space_unit"] == "m"
        for person in (1, 2):
            own = data.sel(individual=f"person_{person}")
            np.testing.assert_array_equal(own.position.transpose("time", "keypoint", "space"), points_in(out, person))
        confidence = data.confidence.sel(keypoint="left_wrist", individual="person_1").values
        assert confidence[9:15] == pytest.approx([0.9, 0, 0, 0, 0, 0.9])
        np.testing.assert_allclose(data.time, TIMES)


def test_c3d_has_no_uneven_times(
    tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = TIMES.copy()
    times[15:] += 0.1
    monkeypatch.setattr(sys.modules[__name__], "TIMES", times)
    db, out = film(tmp_path / "a.db"), tmp_path / "out"
    command = ["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out", str(out)]
    assert main([*command, "--export", "c3d"]) == 1
    assert "C3D has one frame rate" in capsys.readouterr().err
    assert not list(out.glob("*.c3d"))
    assert main([*command, "--export", "movement-nc"]) == 0
    with xr.open_dataset(out / "people.nc", engine="h5netcdf") as data:
        assert "fps" not in data.attrs
        np.testing.assert_allclose(data.time, times)


def test_of_a_long_recording_some_frames_are_held_out(
    tmp_path: Path, calibration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("behavior.pipeline.scene.HELD_OUT", 6)
    db, out = film(tmp_path / "a.db"), tmp_path / "out"
    assert main(["triangulate", str(db), "--calibration", str(calibration), "--synchronised", "--out", str(out)]) == 0
    errors = pd.read_csv(out / "reprojection.csv")
    assert errors.held_out.tolist() == [6 * 18] * 6
    assert errors.seen.tolist() == [30 * 18] * 6
    assert errors.held_out_px.max() < 0.02


def test_offsets_are_asked_for_and_applied(
    tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a frame and more: joints are interpolated between frames."""
    db = film(tmp_path / "a.db", offset=0.1)
    command = ["triangulate", str(db), "--calibration", str(calibration), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert main([*command, "--offset", "cam3=0.1"]) == 0
    table = pd.read_parquet(tmp_path / "out" / "positions.parquet")
    assert error_of(table) < 2e-3
    assert (table[table.time_s < 0.09].n_views == 2).all()
    assert (table[table.time_s > 0.11].n_views == 3).all()
    assert "one clock?" not in capsys.readouterr().err
    assert main([*command, "--synchronised"]) == 0
    assert error_of(pd.read_parquet(tmp_path / "out" / "positions.parquet")) > 0.01
    told = capsys.readouterr().err
    advice = re.search(r"(cam\d): what it sees .* of one clock\? --offset (cam\d)=(\S+) would", told)
    assert advice is not None
    assert advice[1] == advice[2] == "cam3"
    assert float(advice[3]) == pytest.approx(0.1, abs=0.021)  # to half a frame


def test_pictures_of_another_size_are_refused_until_told(
    tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = film(tmp_path / "a.db", width=1272)
    command = [
        "triangulate",
        str(db),
        "--calibration",
        str(calibration),
        "--out",
        str(tmp_path / "o"),
        "--synchronised",
    ]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "cam3: the recording is 1272×720 px, the calibration of 1280×720; say how" in said
    assert main([*command, "--fit", "cam3=crop"]) == 0
    assert error_of(pd.read_parquet(tmp_path / "o" / "positions.parquet")) < 1e-3
    assert main([*command, "--fit", "cam3=crop-left"]) == 0
    assert error_of(pd.read_parquet(tmp_path / "o" / "positions.parquet")) > 0.01


def test_swapped_cameras_are_told(tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two views alone agree on people who are not there; a third does not."""
    command = ["triangulate", str(film(tmp_path / "a.db")), "--calibration", str(calibration), "--synchronised"]
    command += ["--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "no three agree" not in capsys.readouterr().err
    swapped = [word for pair in ("cam1=cam2", "cam2=cam1", "cam3=cam3") for word in ("--camera", pair)]
    assert main([*command, *swapped]) == 0
    assert "of 3 cameras no three agree on any joint" in capsys.readouterr().err


def test_what_does_not_fit_is_told_in_one_line(
    tmp_path: Path, calibration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db, out = film(tmp_path / "a.db"), tmp_path / "out"
    up, down, _ = GROUP.cameras
    others = CameraGroup((up.cropped(0, 300, 1280, 720), down.cropped(0, -300, 1280, 720)))
    strange = tmp_path / "strange.toml"
    text = calibration.read_text()
    strange.write_text(text.replace("cam", "kamera"))
    one_place = tmp_path / "one_place.toml"
    write_cameras(CameraGroup((up, replace(up, name="cam2"))), one_place, format="pose2sim")
    write_cameras(others, tmp_path / "others.toml", format="pose2sim")
    command = ["triangulate", str(db), "--out", str(out), "--synchronised", "--calibration"]
    for arguments, message in (
        ([str(strange)], "expected recordings of at least two of the cameras kamera1, kamera2, kamera3, found none"),
        ([str(calibration), "--camera", "cam1=cam1"], "found cam1 among"),
        ([str(calibration), "--camera", "cam1=cam1", "--camera", "cam2=cam1"], "one recording is given for two"),
        ([str(calibration), "--camera", "cam1=gone", "--camera", "cam2=cam1"], "0 recordings 'gone'"),
        ([str(tmp_path / "others.toml")], "share no person"),
        ([str(one_place)], "at one place"),
        ([str(calibration), "--fit", "cam9=crop"], "--fit cam9"),
        ([str(tmp_path / "gone.toml")], "no such file"),
    ):
        assert main([*command, *arguments]) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert message in said
    assert not out.exists()
    assert main([*command, str(calibration), "--fit", "cam1=stretch"]) == 2
    assert main([*command, str(calibration), "--camera", "cam1"]) == 2
