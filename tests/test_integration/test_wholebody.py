"""Hands and faces through the whole chain: real networks, database, features, report, files."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from pose.parts import whole_body
from pose.skeleton import COCO_18
from storage.formats.keypoints import READERS

PART = ["--start", "2.1", "--end", "2.35", "--no-overlay"]


@pytest.fixture(scope="module")
def analysed(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same frames with hands and faces (`whole`) and without (`body`)."""
    folders = {}
    for name, options in (("body", []), ("whole", ["--hands", "--face"])):
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
