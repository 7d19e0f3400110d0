"""The time between recordings of one scene: tracks -> speeds up and down -> offsets, stored and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.progress import Narrator
from behavior.pipeline.stages import VERSION
from features.clean import clean
from features.clock import largest_steps
from features.kinematics import velocity
from features.normalize import body_size
from features.sequence import PoseSequence
from pose.layouts import BODY_13, to_body
from pose.multiview import Offset, find_offset
from storage import offsets, open_database, poses, recordings, runs, tracks
from storage.errors import MissingError
from storage.files import make_folder, write_bytes
from storage.recordings import Recording

Array = NDArray[np.float64]

LEAST = 0.3
"""Correlation below which two recordings are said to have nothing in common."""
RIVAL = 0.95
"""Share of the best correlation that no offset elsewhere may reach."""


@dataclass(frozen=True, eq=False)
class Moving:
    """How fast the joints of a recording's people move up and down.

    Attributes:
        recording: whose.
        time_s: (F,) seconds of its own clock.
        speed: (F, 13) of `BODY_13`, mean over the people of |vertical velocity|, body sizes a second; NaN where nobody
            shows the joint.
    """

    recording: Recording
    time_s: Array
    speed: Array


def synchronise(
    database: str, out: Path, narrator: Narrator, *, names: Sequence[str], reference: str | None, longest_s: float
) -> dict[str, Any]:
    """Offsets to the clock of a reference, stored and written to a folder.

    Args:
        database: file or URL.
        out: folder for `offsets.csv`, `correlation.csv`, `offsets.svg` and `run.json`.
        names: of the recordings; none: all of the database.
        reference: whose clock it is; None: the first.
        longest_s: offsets up to this are tried, either way.

    Returns:
        The summary that `posescribe synchronise --json` prints.

    Raises:
        MissingError: a recording is not there or was not analysed.
        DataError: fewer than two recordings, one without motion, nothing in common, or several offsets as good as each
            other. Nothing is stored then.
    """
    with open_database(database, create=False) as opened:
        with opened.reading() as tx:
            chosen = _chosen(tx, opened.where, names, reference)
            moving = []
            for number, recording in enumerate(chosen, start=1):
                moving.append(_moving(tx, recording))
                narrator.step("speeds", number, len(chosen))
        first, others = moving[0], moving[1:]
        found = []
        for number, one in enumerate(others, start=1):
            found.append(find_offset(first.time_s, first.speed, one.time_s, one.speed, longest_s=longest_s))
            narrator.step("offsets", number, len(others))
        table = _table(first, others, found)
        settings = {"longest_s": longest_s, "reference": first.recording.name}
        make_folder(out)
        write_bytes(out / "offsets.csv", table.to_csv(index=False).encode())
        write_bytes(out / "correlation.csv", _curves(others, found).to_csv(index=False).encode())
        write_bytes(out / "offsets.svg", _drawing(others, found).encode())
        origin = {"posescribe": VERSION, "db": database, "settings": settings,
                  "recordings": {one.recording.name: one.recording.sha256 for one in moving}}  # fmt: skip
        write_bytes(out / "run.json", json.dumps(origin, indent=2).encode())
        for one, offset in zip(others, found, strict=True):
            _refuse_doubtful(first.recording.name, one.recording.name, offset, longest_s, out)
        rows = [
            offsets.StoredOffset(one.recording.id, offset.seconds, offset.error_s, offset.correlation)
            for one, offset in zip(others, found, strict=True)
        ]
        with opened.transaction() as tx:
            offsets.write_offsets(tx, first.recording.id, settings, VERSION, rows)
    for one, offset in zip(others, found, strict=True):
        narrator.say(
            f"{one.recording.name}: {offset.seconds:+.3f} ± {offset.error_s:.3f} s gives the time of "
            f"{first.recording.name} (correlation {offset.correlation:.2f})"
        )
    return {"reference": first.recording.name, "offsets": table.to_dict("records"), "out": str(out), "db": database}


def _chosen(tx: Connection, where: str, names: Sequence[str], reference: str | None) -> list[Recording]:
    """The recordings, that of the reference first."""
    known = recordings.list_recordings(tx)
    wanted = list(dict.fromkeys([*names, *([reference] if reference and names else [])])) or [one.name for one in known]
    found = []
    for name in wanted:
        own = recordings.select_recordings(tx, name)
        if len(own) != 1:
            told = ", ".join(one.name for one in known)
            raise MissingError(f"{where}: {len(own)} recordings {name!r}; it has {told}")
        found.append(own[0])
    if len(found) < 2:
        raise DataError(f"{where}: expected at least two recordings, found {', '.join(wanted) or 'none'}")
    if reference is not None and reference not in wanted:
        raise MissingError(f"{where}: no recording {reference!r}; it has {', '.join(one.name for one in known)}")
    return sorted(found, key=lambda one: one.name != (reference or wanted[0]))


def _moving(tx: Connection, recording: Recording) -> Moving:
    now = runs.current(tx, recording.id)
    if now is None:
        raise MissingError(f"{recording.name}: was not analysed; run posescribe analyze first")
    frames, time_s = poses.frame_times(tx, now.pose.id)
    total, people = np.zeros((len(frames), len(BODY_13))), np.zeros((len(frames), len(BODY_13)))
    for info in tracks.list_tracks(tx, now.track.id):
        track = tracks.read_track(tx, now.track.id, info.track_id)
        sequence = clean(PoseSequence.from_track(track))
        height = to_body(sequence.points, sequence.joint_names)[..., 1].astype(np.float64)
        speed = np.abs(velocity(height, sequence.time_s, largest_steps(sequence.time_s))) / body_size(sequence)
        rows, seen = np.searchsorted(frames, track.frames), np.isfinite(speed)
        total[rows] += np.where(seen, speed, 0)
        people[rows] += seen
    if not people.any():
        raise DataError(f"{recording.name}: nobody moves in it for three frames; its offset can't be found")
    return Moving(recording, time_s, np.where(people > 0, total / np.maximum(people, 1), np.nan))


def _refuse_doubtful(reference: str, name: str, offset: Offset, longest_s: float, out: Path) -> None:
    if not np.isfinite(offset.seconds):
        raise DataError(
            f"{name} and {reference}: at no offset within {longest_s:g} s do both show motion for two seconds; "
            "try a larger --max-offset"
        )
    if offset.correlation < LEAST:
        raise DataError(
            f"{name} and {reference}: expected a correlation of speeds of {LEAST:g} at least, found "
            f"{offset.correlation:.2f} (at {offset.seconds:+.2f} s); are they of one scene? See {out / 'offsets.svg'}"
        )
    if offset.rival >= RIVAL * offset.correlation:
        raise DataError(
            f"{name} and {reference}: {offset.seconds:+.2f} s (correlation {offset.correlation:.2f}) and "
            f"{offset.rival_s:+.2f} s ({offset.rival:.2f}) fit alike, as steps do; narrow --max-offset, or film a jump"
        )


def _table(first: Moving, others: Sequence[Moving], found: Sequence[Offset]) -> pd.DataFrame:
    rows = []
    for one, offset in zip(others, found, strict=True):
        figures = {key: value for key, value in asdict(offset).items() if key not in ("tried_s", "correlations")}
        figures = {("offset_s" if key == "seconds" else key): value for key, value in figures.items()}
        rows.append({"recording": one.recording.name, "reference": first.recording.name, **figures})
    return pd.DataFrame(rows)


def _curves(others: Sequence[Moving], found: Sequence[Offset]) -> pd.DataFrame:
    """A row per recording and offset tried."""
    return pd.concat(
        pd.DataFrame({"recording": one.recording.name, "offset_s": offset.tried_s, "correlation": offset.correlations})
        for one, offset in zip(others, found, strict=True)
    )


def _drawing(others: Sequence[Moving], found: Sequence[Offset]) -> str:
    """An SVG of the correlation at each offset, a panel for each recording, the best marked."""
    wide, high, left, gap = 720, 110, 60, 46
    parts = []
    for number, (one, offset) in enumerate(zip(others, found, strict=True)):
        top = number * (high + gap) + 26
        low, span = float(offset.tried_s[0]), max(float(np.ptp(offset.tried_s)), 1e-9)
        x = left + (offset.tried_s - low) / span * wide
        y = top + (1 - (np.nan_to_num(offset.correlations) + 1) / 2) * high
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        best = left + (offset.seconds - low) / span * wide
        told = f"{escape(one.recording.name)}: {offset.seconds:+.3f} ± {offset.error_s:.3f} s"
        parts.append(
            f'<text x="{left}" y="{top - 8}" font-weight="600">{told}</text>'
            f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>'
            f'<line x1="{left}" x2="{left + wide}" y1="{top + high / 2}" y2="{top + high / 2}" stroke="#ccc"/>'
            f'<polyline points="{line}" fill="none" stroke="#0b5fa5"/>'
            + (f'<line x1="{best:.1f}" x2="{best:.1f}" y1="{top}" y2="{top + high}" stroke="#b3261e"/>'
               if np.isfinite(best) else "")
            + f'<text x="{left}" y="{top + high + 14}">{low:+.1f} s</text>'
            f'<text x="{left + wide}" y="{top + high + 14}" text-anchor="end">{low + span:+.1f} s</text>'
            f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">1</text>'
            f'<text x="{left - 6}" y="{top + high / 2 + 4}" text-anchor="end">0</text>'
            f'<text x="{left - 6}" y="{top + high}" text-anchor="end">−1</text>'
        )  # fmt: skip
    height = len(found) * (high + gap) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + wide + 20} {height}" font-size="12" '
        f'font-family="sans-serif"><title>Correlation of speeds at each offset</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
