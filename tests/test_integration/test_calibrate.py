"""`posescribe calibrate` on boards filmed by cameras of which everything is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from behavior.cli import main
from pose.multiview import Camera, read_cameras
from pose.multiview.boards import Board
from pose.multiview.calibration import Seen, place_all
from tests.test_pose.boards import draw, film, lens, poses

BOARD = Board(6, 5, 0.04)
CHARUCO = Board(6, 4, 0.04, 0.03)


def rig() -> list[Camera]:
    """Two cameras half a metre apart that look at one place; the first is the world."""
    turn = Rotation.from_euler("y", 35, degrees=True)
    right = replace(lens("right", 2), rotation=turn.as_rotvec(), translation=np.array([-0.4, 0.0, 0.1]))
    return [lens("left", 1), right]


def shot(path: Path, camera: Camera, board: Board, place: tuple[np.ndarray, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), film(camera, board, *place))


@pytest.fixture(scope="module", params=[BOARD, CHARUCO], ids=["chessboard", "charuco"])
def filmed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Board]:
    board, folder = request.param, tmp_path_factory.mktemp("boards")
    for camera in rig():
        alone = replace(camera, rotation=np.zeros(3), translation=np.zeros(3))
        for number, place in enumerate(poses(board, 9, seed=3)):
            shot(folder / "intrinsics" / camera.name / f"{number}.png", alone, board, place)
        for number, place in enumerate(poses(board, 3, seed=4)):
            shot(folder / "extrinsics" / camera.name / f"{number}.png", camera, board, place)
    return folder, board


def options(board: Board) -> list[str]:
    marker = [] if board.marker_m is None else ["--marker", f"{board.marker_m * 1000:g}"]
    return ["--corners", f"{board.columns}x{board.rows}", "--square", f"{board.square_m * 1000:g}", *marker]


def test_lenses_and_places_come_out_as_they_are(
    filmed: tuple[Path, Board], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, board = filmed
    out = tmp_path / "cameras.toml"
    assert main(["calibrate", str(folder), *options(board), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cameras"] == ["left", "right"]
    assert all(row["rms_px"] < 0.2 for row in told["figures"])
    found = read_cameras(out).cameras
    edge = np.array([[150.0, 120], [480, 360], [820, 600], [150, 600]])
    for one, true in zip(found, rig(), strict=True):
        assert one.size == true.size
        assert one.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=0.005)
        rays = np.concatenate([true.undistort(edge), np.ones((4, 1))], axis=1)
        alone = replace(one, rotation=np.zeros(3), translation=np.zeros(3))
        assert np.linalg.norm(alone.project(rays) - edge, axis=1).max() < 1.5
    (left, right), true = found, rig()[1]
    turn = right.world_to_camera @ left.world_to_camera.T
    move = right.translation - turn @ left.translation
    off = Rotation.from_matrix(turn @ true.world_to_camera.T).magnitude()
    assert np.rad2deg(off) < 0.2
    assert move == pytest.approx(true.translation, abs=0.004)
    table = pd.read_csv(tmp_path / "cameras_views.csv")
    assert table.groupby(["camera", "of"]).size().to_dict() == {
        ("left", "lens"): 9, ("left", "place"): 3, ("right", "lens"): 9, ("right", "place"): 3,
    }  # fmt: skip


def test_known_points_of_the_scene_tell_places_too(filmed: tuple[Path, Board], tmp_path: Path) -> None:
    folder, board = filmed
    points = np.random.default_rng(0).uniform([-0.3, -0.2, 0.8], [0.3, 0.2, 1.4], (8, 3))
    rows = [
        {"camera": camera.name, "x_px": x, "y_px": y, "x_m": a, "y_m": b, "z_m": c}
        for camera in rig()
        for (x, y), (a, b, c) in zip(camera.project(points), points, strict=True)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "points.csv", index=False)
    command = ["calibrate", str(folder), *options(board), "--points", str(tmp_path / "points.csv")]
    assert main([*command, "--out", str(tmp_path / "c.toml"), "--limit", "2"]) == 0
    for one, true in zip(read_cameras(tmp_path / "c.toml").cameras, rig(), strict=True):
        assert one.centre == pytest.approx(true.centre, abs=0.02)


def test_what_is_not_good_enough_is_refused_and_nothing_written(
    filmed: tuple[Path, Board], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, board = filmed
    out = tmp_path / "c.toml"

    def refused(*command: str) -> str:
        assert main(["calibrate", *command, "--out", str(out)]) == 1
        assert not out.exists()
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "expected 0.01 at most; the worst picture is" in refused(str(folder), *options(board), "--limit", "0.01")
    if board is BOARD:
        told = refused(str(folder), "--corners", "5x4", "--square", "40")
        assert "inner corners is seen in 0 pictures" in told or "off by" in told
    few = tmp_path / "few"
    (few / "intrinsics" / "left").mkdir(parents=True)
    for number in range(2):
        cv2.imwrite(
            str(few / "intrinsics" / "left" / f"{number}.png"), film(rig()[0], board, *poses(board, 2, 3)[number])
        )
    assert "is seen in 2 pictures, expected 3 at least" in refused(str(few), *options(board))
    assert "no such folder" in refused(str(tmp_path / "nothing"), *options(board))
    (tmp_path / "p.csv").write_text("camera,x_px,y_px\nleft,1,2\n")
    assert "lacks x_m, y_m, z_m" in refused(str(folder), *options(board), "--points", str(tmp_path / "p.csv"))
    assert main(["calibrate", str(folder), "--corners", "six", "--square", "40", "--out", str(out)]) == 2


def test_a_board_without_a_top_tells_no_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = Board(5, 5, 0.04)
    for number, place in enumerate(poses(board, 4, seed=3)):
        shot(tmp_path / "intrinsics" / "left" / f"{number}.png", rig()[0], board, place)
    command = ["calibrate", str(tmp_path), *options(board), "--out", str(tmp_path / "c.toml")]
    assert main(command) == 1
    assert "turned by half looks the same" in capsys.readouterr().err


@pytest.mark.parametrize("turned", [0, 2])
def test_a_chessboard_upside_down_starts_at_its_own_corner(turned: int) -> None:
    picture = np.rot90(draw(BOARD), turned)
    found = BOARD.find(np.ascontiguousarray(np.pad(picture, 100, constant_values=235)))
    assert found is not None
    first = found.pixels[0] - 100
    width, height = picture.shape[1], picture.shape[0]
    assert first == pytest.approx([159.5, 159.5] if turned == 0 else [width - 160.5, height - 160.5], abs=0.5)


def test_a_wrong_corner_pulls_little_and_places_go_from_view_to_view() -> None:
    """Three cameras, of which no two neighbours' views are shared by all; without noise to the micrometre."""
    step = np.array([-0.3, 0, 0.02])
    cameras = [replace(lens(f"c{n}", n), rotation=n * np.array([0, 0.3, 0.05]), translation=n * step) for n in range(3)]
    seen = []
    for view, pair in enumerate([(0, 1), (1, 2), (0, 1), (1, 2)]):
        turn, move = poses(BOARD, 4, seed=7)[view]
        world = BOARD.points @ turn.T + move
        seen += [Seen(k, view, BOARD.points, cameras[k].project(world)) for k in pair]
    alone = [replace(one, rotation=np.zeros(3), translation=np.zeros(3)) for one in cameras]
    placed, errors = place_all(alone, seen)
    assert max(float(off.max()) for off in errors) < 1e-4
    turn, move = poses(BOARD, 4, seed=7)[0]
    for one, true in zip(placed, cameras, strict=True):
        assert one.centre == pytest.approx(turn.T @ (true.centre - move), abs=1e-6)
    spoilt = [replace(seen[0], pixels=seen[0].pixels + np.eye(len(BOARD.points))[:, :1] * 40), *seen[1:]]
    again, _ = place_all(alone, spoilt)
    for one, true in zip(again, placed, strict=True):
        assert one.centre == pytest.approx(true.centre, abs=0.005)
