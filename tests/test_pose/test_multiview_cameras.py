"""Cameras: what they see against OpenCV, and their files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pose.errors import CalibrationError
from pose.multiview import Camera, CameraGroup, read_cameras, write_cameras
from tests.test_pose.multiview_scenes import ring

LENSES = [(-0.3, 0.1, 1e-3, -2e-3), (-0.3, 0.1, 1e-3, -2e-3, 0.05), (0.2, -0.1, 1e-3, 1e-3, 0.01, 0.3, -0.05, 0.01)]


@pytest.mark.parametrize("lens", LENSES, ids=len)
def test_pixels_are_those_of_opencv(lens: tuple[float, ...]) -> None:
    camera = replace(ring(1).cameras[0], distortion=np.array(lens))
    points = np.random.default_rng(1).uniform([-1, -1, 0], [1, 1, 2], (3, 50, 3))
    wanted, _ = cv2.projectPoints(
        points.reshape(-1, 3), camera.rotation_vector, camera.translation, camera.matrix, camera.distortion
    )
    assert camera.project(points) == pytest.approx(wanted.reshape(3, 50, 2), abs=1e-9)


@pytest.mark.parametrize("lens", LENSES, ids=len)
def test_distortion_is_taken_back(lens: tuple[float, ...]) -> None:
    camera = replace(ring(1).cameras[0], distortion=np.array(lens))
    corners = np.stack(np.meshgrid(np.linspace(0, 1279, 30), np.linspace(0, 719, 20)), axis=-1)
    assert camera.pixels(camera.undistort(corners)) == pytest.approx(corners, abs=1e-8)


def test_what_can_not_be_taken_back_is_missing() -> None:
    camera = replace(ring(1).cameras[0], distortion=np.array([-0.5, 0.0, 0, 0]))
    assert np.isnan(camera.undistort(np.array([[4000.0, 360], [np.nan, 5]]))).all()


@pytest.mark.parametrize("lens", LENSES, ids=len)
def test_slopes_are_the_differences_of_pixels(lens: tuple[float, ...]) -> None:
    camera = replace(ring(1).cameras[0], distortion=np.array(lens))
    point = np.array([0.4, -0.3, 1.6])
    step = 1e-6 * np.eye(3)
    wanted = (camera.project(point + step) - camera.project(point - step)).T / 2e-6
    assert camera.slope(point)[1] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_a_point_behind_a_camera_is_not_seen() -> None:
    camera = ring(1).cameras[0]
    assert np.isnan(camera.project(camera.centre + 2 * camera.centre)).all()


def test_crops_and_smaller_pictures() -> None:
    camera = ring(1).cameras[0]
    points = np.random.default_rng(1).uniform([-1, -1, 0], [1, 1, 2], (50, 3))
    cut = camera.cropped(100, 20, 1000, 600)
    assert cut.size == (1000, 600)
    assert cut.project(points) == pytest.approx(camera.project(points) - [100, 20])
    half = camera.resized(640, 360)
    # The corner between four pixels stays one: (-0.5, -0.5) is the corner of both pictures.
    assert half.project(points) + 0.5 == pytest.approx((camera.project(points) + 0.5) / 2)


def same(one: Camera, two: Camera) -> bool:
    fields = ("matrix", "rotation", "translation")
    count = min(len(one.distortion), len(two.distortion))
    return (
        (one.name, one.size) == (two.name, two.size)
        and all(np.array_equal(getattr(one, name), getattr(two, name)) for name in fields)
        and np.array_equal(one.distortion[:count], two.distortion[:count])
        and not one.distortion[count:].any()
        and not two.distortion[count:].any()
    )


NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)


@pytest.mark.parametrize(
    ("format", "name"), [("pose2sim", "a.toml"), ("anipose", "a.toml"), ("openpose", "a"), ("panoptic", "a.json")]
)
@given(
    place=arrays(np.float64, 3, elements=NUMBERS),
    vector=arrays(np.float64, 3, elements=st.floats(-1.5, 1.5)),
    lens=arrays(np.float64, 5, elements=st.floats(-1, 1)),
    focal=st.floats(1, 1e4),
)
def test_files_give_back_every_bit(
    tmp_path_factory: pytest.TempPathFactory, format: str, name: str, place: np.ndarray, vector: np.ndarray,
    lens: np.ndarray, focal: float,
) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("cameras") / name
    matrix = np.array([[focal, 0, 320.1], [0, focal / 3, 240.7], [0, 0, 1]])
    turned = Camera("x", (640, 480), matrix, lens, vector, place)
    given_as = vector if format in ("pose2sim", "anipose") else turned.world_to_camera
    group = CameraGroup(tuple(replace(turned, name=own, rotation=given_as) for own in ("left", "right side")))
    write_cameras(group, path, format=format)
    read = read_cameras(path)
    assert read.names == group.names
    assert all(same(one, two) for one, two in zip(group.cameras, read.cameras, strict=True))


def test_files_of_the_programs_themselves(tmp_path: Path) -> None:
    """As Pose2Sim, Anipose, OpenPose and the Panoptic Studio write them, and again as they were."""
    toml = (
        '[{key}]\nname = "A"\nsize = [ 1088.0, 1920.0]\nmatrix = [ [ 1681.2, 0.0, 532.9], [ 0.0, 1681.0, 948.1], '
        "[ 0.0, 0.0, 1.0]]\ndistortions = [ -0.0007, 0.002, 9.5e-06, 1.07e-05]\nrotation = [ 1.21, -0.4, 0.3]\n"
        "translation = [ 0.3, -1.62, 4500.123]\nfisheye = false\n\n[metadata]\nadjusted = false\nerror = 0.0\n"
    )
    for key, metres in (("A", 4500.123), ("cam_0", 4.500123)):
        file = tmp_path / f"{key}.toml"
        file.write_text(toml.format(key=key))
        (read,) = read_cameras(file).cameras
        assert (read.name, read.size) == ("A", (1088, 1920))
        assert read.translation[2] == metres
        assert read.distortion[2] == 9.5e-06
    assert read_cameras(tmp_path / "A.toml", unit="mm").cameras[0].translation[2] == 4.500123
    panoptic = {
        "calibDataSource": "160906_calib_norm",
        "cameras": [
            {
                "name": "00_00", "type": "hd", "resolution": [1920, 1080], "panel": 0, "node": 0,
                "K": [[1397.0, 0, 950.6], [0, 1393.8, 541.0], [0, 0, 1]],
                "distCoef": [-0.27, 0.17, -3.2e-05, 3.2e-05, 0.0], "R": np.eye(3).tolist(),
                "t": [[-48.21], [140.17], [288.6]],
            }
        ],
    }  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps(panoptic))
    assert read_cameras(tmp_path / "p.json").cameras[0].translation.tolist() == [-0.4821, 1.4017, 2.886]
    write_cameras(read_cameras(tmp_path / "p.json"), tmp_path / "q.json", format="panoptic")
    again = json.loads((tmp_path / "q.json").read_text())["cameras"][0]
    assert all(again[key] == panoptic["cameras"][0][key] for key in ("name", "resolution", "K", "distCoef", "R", "t"))
    storage = cv2.FileStorage(str(tmp_path / "17.xml"), cv2.FILE_STORAGE_WRITE)
    storage.write("CameraMatrix", np.column_stack([np.eye(3), [0.5, 0, 3]]))
    storage.write("Intrinsics", np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]]))
    storage.write("Distortion", np.array([[-0.1], [0.01], [0], [0], [0.2], [0], [0], [0]]))
    storage.release()
    (read,) = read_cameras(tmp_path / "17.xml").cameras
    assert (read.name, read.size, read.translation.tolist()) == ("17", None, [0.5, 0, 3])
    write_cameras(CameraGroup((read,)), tmp_path / "again", format="openpose")
    storage = cv2.FileStorage(str(tmp_path / "again" / "17.xml"), cv2.FILE_STORAGE_READ)
    assert storage.getNode("CameraMatrix").mat()[:, 3].tolist() == [0.5, 0, 3]
    storage.release()


QUALISYS = """<?xml version='1.0' encoding='ASCII'?>
<calibration><cameras><camera serial="cam" viewrotation="0">
<fov_video bottom="1919" left="0" right="1087" top="0"/>
<transform r11="0" r12="-1" r13="0" r21="0" r22="0" r23="1" r31="-1" r32="0" r33="0" x="-3000" y="0" z="1500"/>
<intrinsic centerPointU="34816" centerPointV="61440" focalLengthU="102400" focalLengthV="102400"
 radialDistortion1="0" radialDistortion2="0" radialDistortion3="0" tangentalDistortion1="0" tangentalDistortion2="0"/>
</camera></cameras></calibration>"""


def test_a_camera_of_qualisys_stands_and_looks_where_it_says(tmp_path: Path) -> None:
    """3 m behind the origin along x, 1.5 m high, looking along x: left is y, up is z."""
    file = tmp_path / "c.qca.txt"
    file.write_text(QUALISYS)
    (read,) = read_cameras(file).cameras
    assert read.centre == pytest.approx([-3, 0, 1.5])
    assert read.size == (1088, 1920)
    assert read.project(np.array([[0.0, 0, 1.5], [0, 0.3, 1.5], [0, 0, 1.8]])) == pytest.approx(
        np.array([[544.0, 960], [544 - 160, 960], [544, 960 - 160]])
    )


def test_a_lens_of_qualisys_bends_as_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "c.qca.txt"
    bent = QUALISYS.replace('radialDistortion1="0"', 'radialDistortion1="-0.0475"')
    file.write_text(bent.replace('tangentalDistortion2="0"', 'tangentalDistortion2="0.0003"'))
    (read,) = read_cameras(file).cameras
    assert read.distortion.tolist() == [-0.0475, 0, 0, 0.0003, 0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "[a]\nsize = [4, 4]\n", "no matrix"),
        ("a.toml", "[a\n", "not as pose2sim says"),
        ("a.txt", "hello", "no calibration that is known"),
        ("a.json", "[]", "not as panoptic says"),
        ("a.json", '{"cameras": []}', "none"),
        ("a.qca.txt", QUALISYS.replace('viewrotation="0"', 'viewrotation="90"'), "viewrotation of 90"),
        ("a.qca.txt", QUALISYS.replace('x="-3000"', 'x="nan"'), "finite"),
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CalibrationError, match=message) as caught:
        read_cameras(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_fisheyes_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    write_cameras(ring(1), tmp_path / "a.toml", format="pose2sim")
    text = (tmp_path / "a.toml").read_text()
    (tmp_path / "a.toml").write_text(text.replace("fisheye = false", "fisheye = true"))
    with pytest.raises(CalibrationError, match="fisheye"):
        read_cameras(tmp_path / "a.toml")
    with pytest.raises(CalibrationError, match=r"without \.xml"):
        read_cameras(tmp_path)
    with pytest.raises(CalibrationError, match="no such file"):
        read_cameras(tmp_path / "b.toml")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("matrix", np.zeros((3, 3)), "focal"),
        ("distortion", np.zeros(3), "shape"),
        ("rotation", 2 * np.eye(3), "no rotation"),
        ("rotation", np.diag([1.0, 1, -1]), "no rotation"),
        ("translation", np.array([0, np.nan, 0]), "finite"),
    ],
)
def test_a_camera_that_can_not_be_is_refused(field: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ring(1).cameras[0], **{field: value})
