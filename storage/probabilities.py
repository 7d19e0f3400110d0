"""How likely an action model thought each action of a person, step by step: one small row per person and run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select

from storage import schema

_PER_UNIT = 1000
_MISSING = -1


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What a model said of one person.

    Attributes:
        track_id: the person, as in `pose.people.Track`.
        actions: C names, those that the model learnt.
        frames: (n,) int64 numbers of the frames at the steps, rising.
        values: (n, C) float32 in [0, 1], stored to a thousandth; NaN where the model could say nothing.
    """

    track_id: int
    actions: tuple[str, ...]
    frames: NDArray[np.int64]
    values: NDArray[np.float32]


def write_probabilities(tx: Connection, run_id: int, found: Iterable[Probabilities]) -> None:
    """Add what a model said of some people to a run; each person once."""
    rows = [
        {
            "run_id": run_id,
            "track_id": one.track_id,
            "actions": list(one.actions),
            "frames": _packed(one.frames.astype("<i4")),
            "thousandths": _packed(_thousandths(one.values).T),
        }
        for one in found
    ]
    if rows:
        tx.execute(insert(schema.probability), rows)


def read_probabilities(tx: Connection, run_id: int) -> list[Probabilities]:
    """What a model said in a run, by person; empty for a run of a version that did not keep it."""
    table = schema.probability.c
    query = select(table.track_id, table.actions, table.frames, table.thousandths).where(table.run_id == run_id)
    found = []
    for track_id, actions, frames, thousandths in tx.execute(query.order_by(table.track_id)):
        steps = _unpacked(frames, "<i4").astype(np.int64)
        whole = _unpacked(thousandths, "<i2", len(actions), len(steps)).T
        values = np.where(whole == _MISSING, np.nan, whole / _PER_UNIT).astype(np.float32)
        found.append(Probabilities(track_id, tuple(actions), steps, values))
    return found


def _thousandths(values: NDArray[np.float32]) -> NDArray[np.int16]:
    known = np.isfinite(values)
    return np.where(known, np.round(_PER_UNIT * np.where(known, values, 0)), _MISSING).astype("<i2")


def _packed(numbers: NDArray[np.signedinteger]) -> bytes:
    """Rows of numbers, each as its difference from the one before, deflated."""
    return zlib.compress(np.diff(numbers, axis=-1, prepend=numbers.dtype.type(0)).tobytes())


def _unpacked(data: bytes, kind: str, *shape: int) -> NDArray[np.signedinteger]:
    steps = np.frombuffer(zlib.decompress(data), dtype=kind).reshape(shape or -1)
    return np.asarray(np.cumsum(steps, axis=-1, dtype=kind))
