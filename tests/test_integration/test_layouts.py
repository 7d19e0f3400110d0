"""Every body layout through the whole chain: ideal maps -> people -> tracks -> features -> actions -> report, files."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from behavior.cli import main
from behavior.pipeline import loading
from pose.backends.base import ModelInfo, Precision
from pose.maps import OPENPOSE_BODY_25, OPENPOSE_COCO, OPENPOSE_MPI, AnyMaps, Layout, MapLayout
from pose.parsing import encode
from pose.people import Person
from storage.formats.keypoints import READERS, WRITERS

HEIGHT, WIDTH, N_FRAMES = 368, 496, 30
BODY = {
    "nose": (0, -60), "neck": (0, -40), "right_shoulder": (-16, -40), "right_elbow": (-22, -14),
    "right_wrist": (-24, 10), "left_shoulder": (16, -40), "left_elbow": (22, -14), "left_wrist": (24, 10),
    "right_hip": (-10, 8), "right_knee": (-11, 44), "right_ankle": (-12, 80), "left_hip": (10, 8),
    "left_knee": (11, 44), "left_ankle": (12, 80), "right_eye": (-5, -65), "left_eye": (5, -65),
    "right_ear": (-10, -61), "left_ear": (10, -61), "mid_hip": (0, 8), "head": (0, -78), "chest": (0, -16),
    "left_big_toe": (22, 86), "left_small_toe": (29, 84), "left_heel": (10, 88),
    "right_big_toe": (-22, 86), "right_small_toe": (-29, 84), "right_heel": (-10, 88),
}  # fmt: skip
"""A standing person, pixels."""


def scene(index: int, layout: MapLayout) -> list[NDArray[np.float32]]:
    """(K, 2) joints of two people: one walks 4 pixels a frame to the right, one stands."""
    body = np.array([BODY[joint] for joint in layout.skeleton.joints], dtype=np.float32)
    return [body + np.float32((60 + 4 * index, 180)), body + np.float32((420, 170))]


class Drawn:
    """Draws the maps of the scene whose number is the grey value of the image."""

    model = ModelInfo("drawn", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def __init__(self, layout: MapLayout) -> None:
        self.layout: Layout = layout
        self._layout = layout

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        return [self._draw(int(image[0, 0, 0])) for image in batch]

    def _draw(self, index: int) -> AnyMaps:
        people = [
            Person(np.column_stack([xy, np.ones(len(xy), np.float32)]), 1.0, skeleton=self._layout.skeleton)
            for xy in scene(index, self._layout)
        ]
        return encode(people, self._layout, HEIGHT, WIDTH)


LAYOUTS = {layout.skeleton.name: layout for layout in (OPENPOSE_COCO, OPENPOSE_BODY_25, OPENPOSE_MPI)}


@pytest.fixture(scope="module", params=LAYOUTS)
def analysed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[MapLayout, Path]:
    """A layout, and the folder of the results of `analyze` on thirty frames of the scene."""
    layout = LAYOUTS[request.param]
    folder = tmp_path_factory.mktemp("frames") / "scene"
    folder.mkdir()
    for index in range(N_FRAMES):
        cv2.imwrite(str(folder / f"{index:03d}.png"), np.full((HEIGHT, WIDTH, 3), index, dtype=np.uint8))
    out = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "load_networks", lambda *_, **__: (Drawn(layout), None))
        command = ["analyze", str(folder), "--out", str(out), "--fps", "25", "--model", "mobilenet_thin"]
        assert main([*command, "--refine", "none"]) == 0
    return layout, out


def test_people_are_where_they_are(analysed: tuple[MapLayout, Path]) -> None:
    layout, out = analysed
    tracks = pd.read_parquet(out / "scene" / "tracks.parquet")
    assert tracks.keypoint[: len(layout.skeleton)].tolist() == list(layout.skeleton.joints)
    assert tracks.track_id.nunique() == 2
    for index in (0, 17, N_FRAMES - 1):
        people = tracks[tracks.frame == index].groupby("track_id")
        found = sorted((one[["x", "y"]].to_numpy() for _, one in people), key=lambda xy: float(xy[0, 0]))
        np.testing.assert_allclose(found, scene(index, layout), atol=2)


def test_everything_behind_it_knows_its_joints(analysed: tuple[MapLayout, Path]) -> None:
    layout, out = analysed
    features = pd.read_parquet(out / "scene" / "features.parquet")
    assert features.left_knee_angle.median() == pytest.approx(179, abs=3)
    assert ("left_ankle_angle" in features) == ("left_big_toe" in layout.skeleton.joints)
    assert ("left_foot_pitch" in features) == ("left_big_toe" in layout.skeleton.joints)
    page = (out / "scene" / "report.html").read_text(encoding="utf-8")
    assert "drawn (weights SHA-256 000000000000)" in page
    with sqlite3.connect(out / "posescribe.db") as connection:
        (name,) = connection.execute("SELECT DISTINCT skeleton FROM run WHERE stage = 'pose'").fetchone()
    connection.close()
    assert name == layout.skeleton.name
    assert (out / "scene" / "overlay.mp4").stat().st_size > 0


@pytest.mark.parametrize("format", sorted((WRITERS.keys() & READERS.keys()) - {"trc"}))
def test_every_format_brings_the_joints_back(analysed: tuple[MapLayout, Path], format: str, tmp_path: Path) -> None:
    """But trc, which has a file for each person."""
    if format in ("dlc-h5", "sleap-h5", "movement-nc", "nwb"):
        pytest.importorskip("pynwb", reason="the extra `exchange` is not installed")
    layout, out = analysed
    suffix = {"dlc-csv": ".csv", "csv": ".csv", "coco": ".json", "parquet": ".parquet"}.get(format, ".x")
    path = tmp_path / f"out{suffix}"
    assert main(["export", str(out / "posescribe.db"), "--format", format, "--out", str(path)]) == 0
    content = READERS[format](path, lambda frame: frame / 25)
    assert set(layout.skeleton.joints) == set(content.skeleton.joints)
    frames = {frame.index: frame for frame in content.frames}
    people = sorted(frames[17].people, key=lambda person: float(person.keypoints[2, 0]))
    for person, truth in zip(people, scene(17, layout), strict=True):
        for joint, xy in zip(layout.skeleton.joints, truth, strict=True):
            np.testing.assert_allclose(person[joint][:2], xy, atol=2, err_msg=joint)


def test_openpose_json_has_openposes_order(analysed: tuple[MapLayout, Path], tmp_path: Path) -> None:
    layout, out = analysed
    path = tmp_path / "json"
    assert main(["export", str(out / "posescribe.db"), "--format", "openpose-json", "--out", str(path)]) == 0
    files = sorted(path.glob("*_keypoints.json"))
    assert len(files) == N_FRAMES
    content: dict[str, Any] = json.loads(files[17].read_text())
    people = [np.reshape(person["pose_keypoints_2d"], (-1, 3))[:, :2] for person in content["people"]]
    np.testing.assert_allclose(sorted(people, key=lambda xy: float(xy[0, 0])), scene(17, layout), atol=2)
