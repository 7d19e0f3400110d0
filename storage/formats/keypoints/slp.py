"""SLEAP's own project and prediction files (.slp), read by SLEAP's library sleap-io."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pose.people import FramePeople, Person
from storage.errors import ExchangeError
from storage.formats.guard import open_hdf5
from storage.formats.keypoints.content import Clock, Keypoints, Values, identities, layout, needed, person_of
from storage.formats.optional import DAMAGE

INSTALL = "this format needs sleap-io, which is not installed; pip install sleap-io, or export an analysis file (.h5)"


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """The instances of a file of one video and one skeleton; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    try:
        sleap_io: Any = import_module("sleap_io")
    except ImportError as error:
        raise ExchangeError(INSTALL) from error
    try:
        with open_hdf5(path):
            labels = sleap_io.load_slp(str(path), open_videos=False)
    except DAMAGE as error:
        raise ExchangeError(f"{path}: can't be read ({' '.join(str(error).split())[:120]}); is it cut off?") from error
    if len(labels.videos) > 1 or len(labels.skeletons) != 1:
        raise ExchangeError(
            f"{path}: holds {len(labels.videos)} videos and {len(labels.skeletons)} skeletons, expected one of each; "
            "export an analysis file (.h5) of each video"
        )
    joints = [node.name for node in labels.skeletons[0].nodes]
    limbs = [(edge.source.name, edge.destination.name) for edge in labels.skeletons[0].edges]
    skeleton, order = layout(joints, limbs, path)
    ids, names = identities([track.name for track in labels.tracks], path)
    number_of_track = {id(track): number for track, number in zip(labels.tracks, ids, strict=True)}
    notes: list[str] = []
    values = Values(skeleton, order, notes)

    def one(instance: Any, where: str) -> Person | None:
        certain = hasattr(instance, "score")
        table = np.asarray(instance.numpy(scores=True) if certain else instance.numpy(), dtype=np.float64)
        keypoints = values.people(
            table[:, :2], table[:, 2] if certain else None, lambda _, joint: f"{where}, {joints[joint]}"
        )
        score = values.score(instance.score) if certain else None
        return person_of(keypoints, score, number_of_track.get(id(instance.track)), skeleton)

    def walk() -> Iterator[FramePeople]:
        for labelled in sorted(labels.labeled_frames, key=lambda labelled: labelled.frame_idx):
            frame = int(labelled.frame_idx)
            people = (one(instance, f"{path}: frame {frame}") for instance in labelled.instances)
            yield FramePeople(frame, clock(frame), tuple(person for person in people if person is not None))

    return Keypoints("SLEAP", skeleton, walk(), names=names, notes=notes)
