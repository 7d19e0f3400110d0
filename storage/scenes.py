"""People in space: what came out of several recordings and a calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from storage import schema
from storage.bulk import insert_rows


@dataclass(frozen=True)
class SceneView:
    """One camera of a scene.

    Attributes:
        camera: its name in the calibration.
        track_run_id: whose people it shows.
        offset_s: what is added to the recording's own time, seconds.
        fit: how its picture differs from the calibration's; None where it does not.
    """

    camera: str
    track_run_id: int
    offset_s: float
    fit: str | None


@dataclass(frozen=True, eq=False)
class ScenePerson:
    """One person in space.

    Attributes:
        person: number, from 1.
        members: camera and track of each view.
        points: (T, K, 3) metres; NaN where missing.
        errors: (T, K) px, mean over the views that count; NaN where missing.
        n_views: (T, K) views that count.
    """

    person: int
    members: tuple[tuple[str, int], ...]
    points: NDArray[np.float64]
    errors: NDArray[np.float64]
    n_views: NDArray[np.int64]


def write_scene(
    tx: Connection,
    fingerprint: str,
    *,
    calibration: tuple[str, str],
    settings: Mapping[str, Any],
    version: str,
    views: Sequence[SceneView],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
    joints: Sequence[str],
    people: Sequence[ScenePerson],
) -> int:
    """Store a scene in place of one of the same fingerprint; gives its key.

    Args:
        calibration: where its file was, and its sha256.
        frames, time_s: (T,) numbers and common times, seconds.
        joints: K names.
    """
    scene = schema.scene
    tx.execute(delete(scene).where(scene.c.fingerprint == fingerprint))
    values = {
        "fingerprint": fingerprint, "calibration_uri": calibration[0], "calibration_sha256": calibration[1],
        "settings": dict(settings), "version": version, "made": datetime.now(UTC),
    }  # fmt: skip
    key = int(tx.execute(insert(scene).values(values).returning(scene.c.id)).scalar_one())
    insert_rows(tx, schema.scene_view, [(key, one.camera, one.track_run_id, one.offset_s, one.fit) for one in views])
    members = [(key, one.person, *member) for one in people for member in one.members]
    insert_rows(tx, schema.scene_member, members)
    for one in people:
        rows = [
            (key, one.person, int(frames[t]), joints[k], float(time_s[t]), *one.points[t, k].tolist(),
             float(one.errors[t, k]), int(one.n_views[t, k]))
            for t, k in np.argwhere(np.isfinite(one.points).all(axis=-1)).tolist()
        ]  # fmt: skip
        insert_rows(tx, schema.position, rows)
    return key


def read_positions(tx: Connection, scene_id: int) -> list[dict[str, Any]]:
    """Every joint of a scene: person, frame, time_s, keypoint, x, y, z (metres), error_px, n_views; in this order."""
    table = schema.position.c
    columns = (
        table.person, table.frame, table.time_s, table.joint.label("keypoint"), table.x, table.y, table.z,
        table.error_px, table.n_views,
    )  # fmt: skip
    query = select(*columns).where(table.scene_id == scene_id).order_by(table.person, table.frame, table.joint)
    return [dict(row._mapping) for row in tx.execute(query)]
