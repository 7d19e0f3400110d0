"""What reads files of strangers: each reader by name, called as its command calls it."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Target = Callable[[Path], Any]


class Silent:
    """Hears everything and says nothing."""

    def say(self, text: str) -> None: ...

    def step(self, stage: str, done: int, total: int | None) -> None: ...


@cache
def _world() -> Path:
    """A database with one recording, `walk`, of two people."""
    from pose.people import FramePeople, Person
    from pose.skeleton import COCO_17
    from storage import open_database, poses, recordings, runs, tracks

    path = Path(tempfile.mkdtemp()) / "world.db"
    frames = []
    for k in range(50):
        people = [np.array([[x + k, 10 * j, 0.5] for j in range(17)], dtype=np.float32) for x in (100, 300)]
        frames.append(
            FramePeople(k, k / 25, tuple(Person(one, 0.5, n, skeleton=COCO_17) for n, one in enumerate(people, 1)))
        )
    with open_database(path) as database, database.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name="walk", uri="/videos/walk.mp4", kind="video", sha256="0" * 64, width=640, height=480, fps=25.0
        )
        pose = runs.start_run(tx, recording, "pose", "f" * 64, settings={}, version="1", skeleton=COCO_17)
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, recording, "track", "e" * 64, settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
        runs.choose(tx, runs.finish_run(tx, track.id).id)
    return path


def keypoints(path: Path) -> None:
    """`posescribe import`, tracker and all."""
    from behavior.pipeline.exchange import import_keypoints

    source = path.parent if path.name.endswith("_keypoints.json") else path
    with tempfile.TemporaryDirectory() as folder:
        import_keypoints(source, f"{folder}/new.db", Silent(), fps=25.0)


def times(path: Path) -> None:
    """`--times` of `posescribe import`."""
    from storage.formats.keypoints.content import clock_of

    clock = clock_of(None, path)
    assert clock is not None
    clock(0)


def labels(path: Path) -> None:
    """`posescribe labels import`, into a world without its tracks' names."""
    from behavior.evaluation.human_labels import import_labels
    from storage import open_database

    with open_database(_world()) as database:
        import_labels(database, path, recording="walk", unclosed="close", matches={})


def cameras(path: Path) -> None:
    """`--calibration` of `posescribe triangulate`."""
    from pose.multiview import read_cameras

    group = read_cameras(path)
    for camera in group.cameras:
        camera.project(np.array([[0.0, 0.0, 3.0]]))


def points(path: Path) -> None:
    """`--points` of `posescribe calibrate`."""
    from behavior.pipeline.calibration import _by_points
    from pose.multiview import Camera

    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    camera = Camera("a", (640, 480), matrix, np.zeros(5), np.zeros(3), np.zeros(3))
    _by_points({"a": camera}, path)


def zones(path: Path) -> None:
    """`--zones`: read, and somebody in and out of them."""
    from features.zones import read_zones

    for zone in read_zones(path):
        zone.depth(np.array([[1.0, 2.0], [np.nan, np.nan]]))


def edits(path: Path) -> None:
    """`posescribe tracks apply`."""
    from behavior.corrections.edit_files import read_edits

    read_edits(path)


def groups(path: Path) -> None:
    """`--groups` of `posescribe compare`."""
    from behavior.pipeline.comparing import read_groups

    read_groups(path, None, None)


def sequences(path: Path) -> None:
    """`posescribe train` on labelled clips."""
    from behavior.recognition.clips import load_sequences, to_clips

    to_clips(load_sequences(path))


def annotations(path: Path) -> None:
    """`posescribe train-pose` and `evaluate-pose`."""
    import cv2

    from pose.skeleton import COCO_17
    from pose.training.datasets import read_annotations

    cv2.imwrite(str(path.with_name("a.jpg")), np.zeros((48, 64, 3), np.uint8))
    read_annotations(path, path.parent, COCO_17)


def coco_truth(path: Path) -> None:
    """The images of `posescribe evaluate-pose`."""
    from pose.metrics import _read_images

    _read_images(path)


def weights(path: Path) -> None:
    """`posescribe models show FILE`: which network a file holds."""
    from behavior.pipeline.models import describe

    describe(str(path), False)


def convert(path: Path) -> None:
    """`posescribe models import` of Caffe's and PyTorch's files."""
    from pose.weights.imported import convert as to_ours

    to_ours(path)


def constants(path: Path) -> None:
    """A frozen graph of TensorFlow."""
    from pose.weights.graphdef import read_constants

    read_constants(path)


def tflite(path: Path) -> None:
    """A file of TensorFlow Lite."""
    from pose.weights.tflite import read_tflite

    read_tflite(path, ["points"])


def tfjs(path: Path) -> None:
    """A model of TensorFlow.js: its manifest."""
    from pose.weights.tfjs import read_weights

    (path.parent / "a.bin").write_bytes(bytes(24))
    read_weights(path)


def card(path: Path) -> None:
    """The card of a trained pose network, its weights being whole."""
    from pose.weights.imported import FOLDER_WEIGHTS, read_folder

    (path.parent / FOLDER_WEIGHTS).write_bytes(b"weights")
    read_folder(path.parent)


def checkpoint(path: Path) -> None:
    """What `train-pose` goes on from."""
    from pose.training.checkpoint import read_state

    read_state(path)


def action_model(path: Path) -> None:
    """An action model's zip, as it is."""
    from behavior.recognition.model import load_action_model

    load_action_model(path)


def action_weights(path: Path) -> None:
    """The same, its header being made true for its weights: what is in it has no hash to keep it."""
    folder = path.parent / "model"
    try:
        with zipfile.ZipFile(path) as file:
            parts = {name: file.read(name) for name in file.namelist()}
        header = json.loads(parts["model.json"])
        header["parts"]["weights.safetensors"] = hashlib.sha256(parts["weights.safetensors"]).hexdigest()
        parts["model.json"] = json.dumps(header).encode()
        names = [(folder / name).resolve() for name in parts]
        assert all(name.parent == folder.resolve() for name in names)
        folder.mkdir()
        for name, data in zip(names, parts.values(), strict=True):
            name.write_bytes(data)
    except Exception:
        return
    action_model(folder)


def database(path: Path) -> None:
    """`posescribe status` and `posescribe merge` of a damaged database."""
    from behavior.pipeline.merging import merge_all
    from behavior.pipeline.status import status

    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):  # the corpus holds it zipped
        return
    path = path.with_suffix("")
    path.write_bytes(data)
    status(str(path))
    merge_all(str(path.parent / "merged.db"), [str(path)], Silent())


def pictures(path: Path) -> None:
    """An image or a video, frame by frame."""
    from pose.sources import open_source

    with open_source(str(path)) as frames:
        for _ in zip(range(50), frames, strict=False):
            pass


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        keypoints, times, labels, cameras, points, zones, edits, groups, sequences, annotations, coco_truth, weights,
        convert, constants, tflite, tfjs, card, checkpoint, action_model, action_weights, database, pictures,
    )
}  # fmt: skip
"""By name, which is that of the folder of their corpus."""
