"""Hands and faces through the whole chain: real networks, database, features, report, files."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from pose.errors import PoseError
from pose.parts import whole_body
from pose.skeleton import COCO_18
from pose.wholebody.mesh import TO_68
from storage import poses
from storage.formats.keypoints import READERS

PART = ["--start", "2.1", "--end", "2.35", "--no-overlay"]


@pytest.fixture(scope="module")
def analysed(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same frames with hands and faces (`whole`) and without (`body`)."""
    folders = {}
    for name, options in (("body", []), ("whole", ["--hands", "--face", "--face-mesh"])):
        folders[name] = tmp_path_factory.mktemp(name)
        assert main(["analyze", str(sample_video), "--out", str(folders[name]), *PART, *options]) == 0
    return folders


def test_the_body_is_as_without_them(analysed: dict[str, Path]) -> None:
    body, whole = (pd.read_parquet(analysed[name] / "demo" / "tracks.parquet") for name in ("body", "whole"))
    assert whole.keypoint.nunique() == 130
    same = whole[whole.keypoint.isin(COCO_18.joints)].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, body, check_categorical=False)
    one, two = (pd.read_parquet(analysed[name] / "demo" / "features.parquet") for name in ("body", "whole"))
    pd.testing.assert_frame_equal(two[list(one)], one)


def test_features_of_a_face_and_of_hands(analysed: dict[str, Path]) -> None:
    """Somebody who looks into the camera, lips closed, eyes open, in a quarter of a second."""
    table = pd.read_parquet(analysed["whole"] / "demo" / "features.parquet")
    seen = table[table.head_yaw.notna()]
    assert len(seen) >= 5
    assert (seen[["head_yaw", "head_roll"]].abs() < 15).all().all()
    assert (seen.head_pitch.abs() < 25).all()
    assert seen.mouth_opening.between(0, 0.1).all()
    assert seen.eye_openness.between(0.7, 1.3).all()
    hands = table[[f"{side}_{finger}_flexion" for side in ("left", "right") for finger in ("index", "middle")]]
    assert hands.notna().any().all()
    assert (hands.isna() | ((hands >= 0) & (hands < 360))).all().all()
    assert (table.left_hand_touches_face.isna() == table.left_hand_to_face.isna()).all()
    touching = table[["left_hand_touches_face", "right_hand_touches_face"]]
    assert not (touching == 1).any().any()


def test_hands_are_there_and_plain_sql_reaches_them(analysed: dict[str, Path]) -> None:
    tracks = pd.read_parquet(analysed["whole"] / "demo" / "tracks.parquet")
    tips = tracks[tracks.keypoint.isin(["left_index_tip", "right_index_tip"])]
    assert 0.2 < tips.x.notna().mean() < 1  # some are behind a body or blurred, and said to be missing
    assert (tips.x.isna() == (tips.confidence == 0)).all()
    with sqlite3.connect(analysed["whole"] / "posescribe.db") as connection:
        found = connection.execute(
            "SELECT count(right_index_tip_x) FROM keypoints_coco_18_hands_face WHERE right_index_tip_x > 0"
        ).fetchone()[0]
    connection.close()
    assert found > 0


def test_what_found_them_is_told(analysed: dict[str, Path]) -> None:
    parts = json.loads((analysed["whole"] / "demo" / "run.json").read_text())["pose"]["parts"]
    assert {part: info["model"] for part, info in parts.items()} == {
        "hand": "mediapipe_hand", "face": "mediapipe_face", "iris": "mediapipe_iris",
    }  # fmt: skip
    assert parts["hand"]["sha256"] == "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3"
    assert json.loads((analysed["body"] / "demo" / "run.json").read_text())["pose"]["parts"] == {}
    page = (analysed["whole"] / "demo" / "report.html").read_text(encoding="utf-8")
    assert "hands by mediapipe_hand (at least 0.5 sure), faces by mediapipe_face and mediapipe_iris (at least" in page
    assert {part: info["threshold"] for part, info in parts.items()} == {"hand": 0.5, "face": 0.5, "iris": None}


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--hand-network", "mediapipe_hand"], 2, "--hand-network needs --hands"),
        (["--hands", "--face-threshold", "0.4"], 2, "--face-threshold needs --face"),
        (
            ["--hands", "--hand-network", "mobilenet_thin"],
            1,
            "mobilenet_thin finds people and no hand; give mediapipe_",
        ),
        (["--face", "--face-network", "openpose_face"], 1, "openpose_face: its weights are not imported; get pose_"),
    ],
)
def test_a_wrong_choice_is_one_line(
    options: list[str], status: int, told: str, sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pose", str(sample_video), "--out", str(tmp_path / "out"), "--end", "0.1", *options]) == status
    shown = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert told in shown
    assert "Traceback" not in shown


def test_openpose_json_has_them_beside_the_body(analysed: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "json"
    database = str(analysed["whole"] / "posescribe.db")
    assert main(["export", database, "--format", "openpose-json", "--out", str(out)]) == 0
    person = json.loads(next(iter(sorted(out.glob("*.json")))).read_text())["people"][0]
    sizes = {key: len(values) for key, values in person.items() if key.endswith("_2d")}
    assert sizes == {
        "pose_keypoints_2d": 54, "hand_left_keypoints_2d": 63, "hand_right_keypoints_2d": 63, "face_keypoints_2d": 210,
    }  # fmt: skip
    content = READERS["openpose-json"](out, lambda frame: frame / 30)
    assert content.skeleton == whole_body(COCO_18)
    stored = pd.read_parquet(analysed["whole"] / "demo" / "tracks.parquet")
    for frame in content.frames:
        for one in frame.people:
            rows = stored[(stored.frame == frame.index) & (stored.track_id == one.track_id)]
            if len(rows):
                np.testing.assert_allclose(one.keypoints[:, :2], rows[["x", "y"]].to_numpy(), atol=1e-3)


def rows_of(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with sqlite3.connect(database) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    return found


def test_the_mesh_is_kept_and_written(analysed: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "mesh.parquet"
    assert main(["export", str(analysed["whole"] / "posescribe.db"), "--format", "face-mesh", "--out", str(out)]) == 0
    mesh = pd.read_parquet(out)
    stored = pd.read_parquet(analysed["whole"] / "demo" / "tracks.parquet")
    eyes = stored[(stored.keypoint == "right_eye_outer") & stored.x.notna()]
    corners = mesh[mesh.vertex == TO_68[36]].merge(eyes, on=["track_id", "frame"], suffixes=("", "_eye"))
    assert len(corners) == len(eyes) > 0
    assert len(mesh) == 468 * len(mesh[mesh.vertex == 0])
    np.testing.assert_array_equal(corners[["x", "y", "presence"]], corners[["x_eye", "y_eye", "confidence"]])


def test_what_is_stopped_goes_on_with_its_meshes(
    sample_video: Path, analysed: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["pose", str(sample_video), "--out", str(tmp_path), *PART, "--hands", "--face", "--face-mesh"]
    append, calls = poses.append_face_meshes, []

    def stop_at_the_second(*arguments: Any) -> None:
        calls.append(arguments)
        append(*arguments)
        if len(calls) == 2:
            raise PoseError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr("behavior.pipeline.stages.COMMIT_EVERY_S", -1.0)
        patch.setattr(poses, "append_face_meshes", stop_at_the_second)
        assert main(command) == 1
    broken = rows_of(tmp_path / "posescribe.db")["face_mesh"]
    assert main(command) == 0
    whole, again = (rows_of(folder / "posescribe.db")["face_mesh"] for folder in (analysed["whole"], tmp_path))
    assert 0 < len(broken) < len(whole)
    assert again == whole


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--face-mesh"], "needs --face"),
        (["--face", "--face-network", "openpose_face", "--face-mesh"], "mediapipe_face"),
    ],
)
def test_a_mesh_needs_a_network_that_has_one(
    sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: str
) -> None:
    for command in ("analyze", "pose"):
        assert main([command, str(sample_video), "--out", str(tmp_path), *options]) == 2
        assert expected in capsys.readouterr().err


def test_meshes_that_were_not_kept_are_one_line(
    analysed: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = str(analysed["body"] / "posescribe.db")
    assert main(["export", database, "--format", "face-mesh", "--out", str(tmp_path / "mesh.parquet")]) == 1
    assert "no meshes of faces were kept of demo" in capsys.readouterr().err


def test_hands_are_added_to_a_database_from_before_hands(sample_video: Path, tmp_path: Path) -> None:
    """What was there stays, row by row; the hands of the same recording come beside it."""
    database = tmp_path / "old.db"
    dump = Path(__file__).parents[1] / "test_storage" / "schema_5.sql"
    with sqlite3.connect(database) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    before = rows_of(database)
    assert main(["analyze", str(sample_video), "--out", str(tmp_path / "out"), "--db", str(database), *PART,
                 "--hands"]) == 0  # fmt: skip
    after = rows_of(database)
    later = {"scene", "scene_view", "scene_member", "position", "synchrony", "clock_offset", "repetition"}
    later |= {"probability", "failure"}
    assert after.keys() - before.keys() - later == {"keypoints_coco_18_hands", "face_mesh", "camera_shift"}
    assert len(after["recording"]) == 1  # the same file
    for name in before.keys() - {"recording"}:
        wide = max(map(len, before[name]), default=0)  # a later step may have added columns
        assert set(before[name]) <= {row[:wide] for row in after[name]}, name
    assert before["keypoints_coco_18"] == after["keypoints_coco_18"]
    assert {len(row) for row in after["keypoints_coco_18_hands"]} == {4 + 3 * (18 + 42)}
    table = pd.read_parquet(tmp_path / "out" / "demo" / "tracks.parquet")
    assert table.keypoint.nunique() == 60
    with sqlite3.connect(database) as connection:
        [(hands,)] = connection.execute("SELECT count(left_index_tip_x) FROM keypoints_coco_18_hands")
        [(current,)] = connection.execute("SELECT skeleton FROM current_run JOIN run ON run.id = pose_run_id")
    connection.close()
    assert hands > 0
    assert current == "coco_18_hands"


@pytest.mark.parametrize("format", ["coco-wholebody", "mmpose-json"])
def test_a_whole_body_of_another_program_goes_through_the_chain(
    analysed: dict[str, Path], tmp_path: Path, format: str
) -> None:
    """Features and report of imported whole bodies; the same features as from our own body where it is the same."""
    out, database = tmp_path / "walk.json", str(tmp_path / "other.db")
    assert main(["export", str(analysed["whole"] / "posescribe.db"), "--format", format, "--out", str(out)]) == 0
    assert main(["import", str(out), "--db", database, "--fps", "30"]) == 0
    assert main(["features", database, "--out", str(tmp_path / "features.parquet")]) == 0
    assert main(["report", database, "--out", str(tmp_path / "report")]) == 0
    tracks = pd.read_parquet(tmp_path / "report" / "walk" / "tracks.parquet")
    assert tracks.keypoint.nunique() == 135
    features = pd.read_parquet(tmp_path / "features.parquet")
    assert features.filter(like="knee").notna().any(axis=None)
