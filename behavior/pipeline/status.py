"""How far a database is: what is done, what is not, how fast it went and how long the rest will take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from storage import open_database, poses, recordings, runs, schema_version
from storage.database import Database
from storage.recordings import Recording

State = Literal["done", "unfinished", "waiting"]


@dataclass(frozen=True)
class RecordingStatus:
    """How far one recording is.

    Attributes:
        recording: its name.
        state: `done`: what the last command asked for is there; `unfinished`: a stage was begun, and is at work or was
            stopped; `waiting`: entered, and nothing begun.
        frames: stored, of all runs of people that count or were begun last.
        expected: frames that the source should have by its container; None where that is not known, or only a part of
            it was asked for.
        video_s: the time that these frames cover, seconds of the source's clock.
        seconds: what finding the people took.
        age_s: since the last stage was begun (waiting: since it was entered), seconds.
        device: that found the people.
        skipped: frames that could not be decoded.
        broke_off: whether the source ended before its end.
    """

    recording: str
    state: State
    frames: int
    expected: int | None
    video_s: float
    seconds: float
    age_s: float
    device: str | None
    skipped: int
    broke_off: bool

    @property
    def remaining(self) -> int | None:
        """Frames to be looked at yet; None where nobody knows."""
        if self.state == "done":
            return 0
        return None if self.expected is None else max(0, self.expected - self.frames)


def status(where: str) -> dict[str, Any]:
    """How far each recording of a database is, and all together; plain JSON, as `posescribe status --json` prints it.

    `frames_per_second` is of the stored frames by what their runs took, each on its own device; `remaining_s` is the
    rest at this pace by one process. Both are None where nothing tells.
    """
    with open_database(where, create=False) as database:
        with database.reading() as tx:
            known = recordings.list_recordings(tx)
        found = [status_of(database, one) for one in known]
        counts = {state: sum(one.state == state for one in found) for state in ("done", "unfinished", "waiting")}
        frames, seconds = sum(one.frames for one in found), sum(one.seconds for one in found)
        pace = frames / seconds if seconds > 0 else None
        rest = [one.remaining for one in found]
        known_rest = [number for number in rest if number is not None]
        return {
            "database": database.where,
            "schema": schema_version(database),
            "recordings": {"all": len(found), **counts},
            "broke_off": sum(one.broke_off for one in found),
            "skipped_frames": sum(one.skipped for one in found),
            "frames": frames,
            "video_s": round(sum(one.video_s for one in found), 3),
            "frames_per_second": None if pace is None else round(pace, 2),
            "remaining_frames": None if len(known_rest) < len(rest) else sum(known_rest),
            "remaining_s": None if pace is None or len(known_rest) < len(rest) else round(sum(known_rest) / pace, 1),
            "each": [asdict(one) for one in found],
        }


def status_of(database: Database, recording: Recording) -> RecordingStatus:
    """How far one recording is."""
    with database.reading() as tx:
        listed = runs.list_runs(tx, recording.id)
        now = runs.current(tx, recording.id)
        begun = [run for run in listed if not run.done]
        pose = next((run for run in reversed(begun) if run.stage == "pose"), None) or (now.pose if now else None)
        pose = pose or next((run for run in reversed(listed) if run.stage == "pose"), None)
        frames = 0 if pose is None else poses.count_frames(tx, pose.id)
        last = None if pose is None else poses.last_frame(tx, pose.id)
        first = None if pose is None else poses.page_of_frames(tx, pose.id, None, 1)
        moment = max((run.started for run in listed), default=None) or recordings.added(tx, recording.id)
    state: State = "waiting" if not listed else "unfinished" if begun or now is None else "done"
    extra = {} if pose is None else pose.extra
    whole = pose is None or not any((pose.settings.get("part") or {}).get(name) for name in ("start_s", "end_s"))
    step = 1 if pose is None else (pose.settings.get("part") or {}).get("every") or 1
    expected = None if recording.n_frames is None or not whole else -(-recording.n_frames // step)
    return RecordingStatus(
        recording=recording.name,
        state=state,
        frames=frames,
        expected=expected,
        video_s=round(last[1] - first[0][1], 3) if last and first else 0.0,
        seconds=float(extra.get("seconds", 0.0)),
        age_s=round((datetime.now(UTC) - moment).total_seconds(), 1),
        device=None if pose is None else pose.device,
        skipped=int(extra.get("skipped", 0)),
        broke_off=bool(extra.get("broke_off")),
    )
