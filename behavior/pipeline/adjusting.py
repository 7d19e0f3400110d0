"""A calibration that is nearly right, adjusted to the people whom its cameras see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from behavior.pipeline.progress import Narrator
from behavior.pipeline.stages import VERSION
from behavior.pipeline.views import Rig, joined, watch
from pose.errors import CalibrationError
from pose.multiview import held_out, write_cameras
from pose.multiview.adjust import adjust
from pose.multiview.files import calibration_hash
from storage import open_database
from storage.files import write_bytes

SURE = 0.5
"""Confidence of a joint that cameras are adjusted to."""
LAST = 0.2
"""Share of the time, at its end, that the adjusted cameras are judged by and not adjusted to."""


def adjust_cameras(
    database: str,
    rig: Rig,
    out: Path,
    narrator: Narrator,
    *,
    written: str = "pose2sim",
) -> dict[str, Any]:
    """Writes a calibration of cameras moved to where the people fit, and beside it, as JSON, how much and how well.

    The cameras written are those of the recordings' pictures: where `rig.fits` says that these were changed, it
    need not be said again.

    Args:
        database: file or URL, with the tracks of all recordings.
        rig: the cameras as they were calibrated.
        out: the new calibration's file or folder.
        written: format of the new calibration, see `pose.multiview.write_cameras`.

    Returns:
        The summary that `posescribe adjust --json` prints: for each camera how far it was turned and moved, and the
        median distance in pixels between what it sees and where the others alone put it, before and after, at the
        end of the time.

    Raises:
        CalibrationError: fewer than three cameras, too few joints, or the adjusted cameras agree no better.
        MissingError: a recording is not there or was not analysed.
    """
    with open_database(database, create=False) as opened:
        scene = watch(opened, rig, narrator)
    group, time_s = scene.group, scene.clock.time_s
    if len(group) < 3:
        raise CalibrationError(f"{database}: two cameras always agree nearly; three at least can be adjusted")
    people = [joined(scene.views, nodes, len(group)) for nodes in scene.people()]
    pixels = np.concatenate([own for own, _ in people], axis=2)
    confidence = np.concatenate([own for _, own in people], axis=2)
    confidence = np.where(confidence >= SURE, confidence, 0.0)
    late = time_s >= time_s[0] + (1 - LAST) * (time_s[-1] - time_s[0])
    try:
        moved = adjust(group, pixels[:, ~late], confidence[:, ~late])
    except ValueError as error:
        raise CalibrationError(f"{database}: {error}; film people where three views meet, or for longer") from None
    before, after = (
        np.where(
            confidence[:, late] > 0,
            held_out(one, pixels[:, late], confidence[:, late], limit_px=scene.limit_px),
            np.nan,
        )
        for one in (group, moved)
    )
    both = np.isfinite(before) & np.isfinite(after)
    rows = [
        {"camera": old.name, "turned_deg": float(np.rad2deg(Rotation.from_matrix(
            new.world_to_camera @ old.world_to_camera.T).magnitude())),
         "moved_mm": float(np.linalg.norm(new.centre - old.centre) * 1000), "joints": int(known.sum()),
         "before_px": float(np.median(one[known])), "after_px": float(np.median(two[known]))}
        for old, new, one, two, known in zip(group.cameras, moved.cameras, before, after, both, strict=True)
        if known.any()
    ]  # fmt: skip
    if not rows:
        raise CalibrationError(
            f"{database}: in the last fifth of the time no joint is seen by three cameras that agree"
        )
    was, now = float(np.median(before[both])), float(np.median(after[both]))
    if now >= was:
        raise CalibrationError(
            f"{rig.calibration}: adjusted to the people it is no better ({was:.2f} px before, {now:.2f} px after, in "
            "the last fifth of the time); keep it as it is"
        )
    write_cameras(moved, out, format=written)
    for row in rows:
        narrator.say(
            f"{row['camera']}: {row['before_px']:.1f} px before, {row['after_px']:.1f} px after; turned by "
            f"{row['turned_deg']:.2f}°, moved by {row['moved_mm']:.0f} mm"
        )
    summary = {"posescribe": VERSION, "out": str(out), "db": database, "calibration": str(rig.calibration),
               "calibration_sha256": calibration_hash(rig.calibration), "before_px": was, "after_px": now,
               "cameras": rows,
               "recordings": {one.camera.name: {"sha256": one.recording.sha256, "tracks": one.run.fingerprint,
                                                "offset_s": one.offset_s, "fit": one.fit} for one in scene.seen},
              }  # fmt: skip
    write_bytes(out.with_name(f"{out.stem}_adjusted.json"), json.dumps(summary, indent=2).encode())
    return summary
