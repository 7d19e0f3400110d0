"""How far a database is: what is done, what is not, how fast it went and how long the rest will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from storage import open_database, poses, recordings, runs, schema_version
from storage.database import Database
from storage.errors import StorageError
from storage.failures import Failure, list_failures
from storage.poses import Stretch
from storage.recordings import Recording
from storage.runs import Current, Run

State = Literal["done", "unfinished", "waiting", "failed"]
STATES: tuple[State, ...] = ("done", "unfinished", "waiting", "failed")
_AT_ONCE = 200
"""Recordings that are asked about in one go."""
_NOTHING = Stretch(0, 0.0, 0.0)


@dataclass(frozen=True)
class RecordingStatus:
    """How far one recording is.

    Attributes:
        recording: its name.
        state: `done`: what the last command asked for is there; `unfinished`: a stage was begun, and is at work or was
            stopped; `waiting`: entered, and nothing begun; `failed`: a source that could not be opened.
        frames: stored, of all runs of people that count or were begun last.
        expected: frames that the source should have by its container; None where that is not known, or only a part of
            it was asked for.
        video_s: the time that these frames cover, seconds of the source's clock.
        seconds: what finding the people took.
        age_s: since the last stage was begun (waiting: since it was entered; failed: since then), seconds.
        device: that found the people.
        skipped: frames that could not be decoded.
        broke_off: whether the source ended before its end.
        parts, parts_done: into how many parts several workers have it cut, and how many of these are done; None, 0
            where it is not cut, or joined again.
        reason: why the last attempt failed; None where it did not.
        failed: when, ISO 8601; None where it did not.
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
    parts: int | None = None
    parts_done: int = 0
    reason: str | None = None
    failed: str | None = None

    @property
    def remaining(self) -> int | None:
        """Frames to be looked at yet; None where nobody knows."""
        if self.state in ("done", "failed"):
            return 0
        return None if self.expected is None else max(0, self.expected - self.frames)


def status(where: str) -> dict[str, Any]:
    """How far each recording of a database is, and all together; plain JSON, as `posescribe status --json` prints it.

    What workers are at lies in databases of their own, in `parts/` beside a file: these count, too.

    `frames_per_second` is of the stored frames by what their runs took, each on its own device; `remaining_s` is the
    rest at this pace by one process. Both are None where nothing tells.
    """
    with open_database(where, create=False) as database:
        with database.reading() as tx:
            known = recordings.list_recordings(tx)
            failures = {one.uri: one for one in list_failures(tx)}
        each = zip(known, statuses_of(database, known), strict=True)
        found = [_with_failure(told, failures.pop(one.uri, None)) for one, told in each]
        if database.url.startswith("sqlite"):
            at_work = _at_work(Path(where).expanduser().parent / "parts")
            found = [one for stored, one in zip(known, found, strict=True) if stored.sha256 not in at_work]
            found += at_work.values()
        found += [_failed(one) for one in failures.values()]
        counts = {state: sum(one.state == state for one in found) for state in STATES}
        frames, seconds = sum(one.frames for one in found), sum(one.seconds for one in found)
        pace = frames / seconds if frames and seconds > 0 else None
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


def _with_failure(one: RecordingStatus, failure: Failure | None) -> RecordingStatus:
    return one if failure is None else replace(one, reason=failure.reason, failed=failure.failed.isoformat())


def _failed(one: Failure) -> RecordingStatus:
    age_s = _since(one.failed)
    found = RecordingStatus(one.uri, "failed", 0, None, 0.0, 0.0, age_s, None, 0, broke_off=False)
    return _with_failure(found, one)


def _since(moment: datetime) -> float:
    """Seconds; 0 where a clock was set back."""
    return max(0.0, round((datetime.now(UTC) - moment).total_seconds(), 1))


def statuses_of(database: Database, known: Sequence[Recording]) -> list[RecordingStatus]:
    """How far each of some recordings is."""
    found = []
    for at in range(0, len(known), _AT_ONCE):
        with database.reading() as tx:
            some = known[at : at + _AT_ONCE]
            listed = runs.runs_of(tx, [one.id for one in some])
            now = runs.current_of(tx, [one.id for one in some])
            poses_of = {one.id: _pose_of(listed[one.id], now.get(one.id)) for one in some}
            cut = [run.id for each in listed.values() for run in each if run.stage == "part"]
            stored = poses.stretches(tx, [*cut, *(run.id for run in poses_of.values() if run is not None)])
            for one in some:
                whole, pose = [run for run in listed[one.id] if run.stage != "part"], poses_of[one.id]
                moment = max((run.started for run in whole), default=None) or recordings.added(tx, one.id)
                stretch = _NOTHING if pose is None else stored.get(pose.id, _NOTHING)
                told = _status(one, whole, now.get(one.id), pose, stretch, moment)
                parts = _parts_of(listed[one.id], stored)
                found.append(_in_parts(told, parts.values()) if parts and pose is None else told)
    return found


def _pose_of(listed: Sequence[Run], now: Current | None) -> Run | None:
    """The people that are looked for; else those that count, or the last."""
    of_pose = [run for run in reversed(listed) if run.stage == "pose"]
    begun = [run for run in of_pose if not run.done]
    return next(iter(begun), None) or (now.pose if now else next(iter(of_pose), None))


def _status(
    recording: Recording,
    listed: Sequence[Run],
    now: Current | None,
    pose: Run | None,
    stretch: Stretch,
    moment: datetime,
) -> RecordingStatus:
    begun = [run for run in listed if not run.done]
    state: State = "waiting" if not listed else "unfinished" if begun or now is None else "done"
    extra = {} if pose is None else pose.extra
    whole = pose is None or not any((pose.settings.get("part") or {}).get(name) for name in ("start_s", "end_s"))
    step = 1 if pose is None else (pose.settings.get("part") or {}).get("every") or 1
    expected = None if recording.n_frames is None or not whole else -(-recording.n_frames // step)
    return RecordingStatus(
        recording=recording.name,
        state=state,
        frames=stretch.frames,
        expected=expected,
        video_s=round(stretch.last_s - stretch.first_s, 3),
        seconds=float(extra.get("seconds", 0.0)),
        age_s=_since(moment),
        device=None if pose is None else pose.device,
        skipped=int(extra.get("skipped", 0)),
        broke_off=bool(extra.get("broke_off")),
    )


@dataclass(frozen=True)
class _Part:
    """What is stored of a run of stage `part`."""

    run: Run
    frames: int
    video_s: float


def _parts_of(listed: Iterable[Run], stored: Mapping[int, Stretch]) -> dict[str, _Part]:
    """By the fingerprint of its run, each part of a recording that is cut."""
    found = {}
    for run in listed:
        if run.stage == "part":
            frames, first_s, last_s = stored.get(run.id, _NOTHING)
            found[run.fingerprint] = _Part(run, frames, last_s - first_s)
    return found


def _in_parts(whole: RecordingStatus, parts: Iterable[_Part]) -> RecordingStatus:
    """The state of a recording that is looked at in parts."""
    known = list(parts)
    begun = max(one.run.started for one in known)
    count = int(known[0].run.extra["part_of"]["count"])
    ranges = {one.run.extra["part_of"]["number"]: one.run.settings["part"] for one in known}
    whole_range = all(ranges.get(number, {}).get(end) is None for number, end in ((1, "start_s"), (count, "end_s")))
    every = next(iter(ranges.values()))["every"]
    return replace(
        whole,
        state="unfinished",
        frames=sum(one.frames for one in known),
        expected=None if whole.expected is None or not whole_range else -(-whole.expected // every),
        video_s=round(sum(one.video_s for one in known), 3),
        seconds=sum(float(one.run.extra.get("seconds", 0.0)) for one in known),
        age_s=_since(begun),
        device=", ".join(dict.fromkeys(one.run.device or "" for one in known)),
        skipped=sum(int(one.run.extra.get("skipped", 0)) for one in known),
        broke_off=any(one.run.extra.get("broke_off") for one in known),
        parts=count,
        parts_done=sum(one.run.done for one in known),
    )


def _at_work(folder: Path) -> Mapping[str | None, RecordingStatus]:
    """By hash, the recordings that workers are at, or were when they were stopped."""
    found: dict[str | None, RecordingStatus] = {}
    parts: dict[str | None, dict[str, _Part]] = {}
    for path in sorted(folder.glob("*.db")):
        try:
            with open_database(path, create=False) as database:
                with database.reading() as tx:
                    known = recordings.list_recordings(tx)
                    listed = runs.runs_of(tx, [one.id for one in known])
                    stored = poses.stretches(tx, [run.id for each in listed.values() for run in each])
                cut = {one.sha256: _parts_of(listed[one.id], stored) for one in known}
                told = {one.sha256: each for one, each in zip(known, statuses_of(database, known), strict=True)}
        except StorageError:  # merged meanwhile, or nothing is in it yet
            continue
        for sha256, one in told.items():
            if sha256 not in found or one.state != "waiting":
                found[sha256] = one
            parts.setdefault(sha256, {}).update(cut[sha256])
    return {
        sha256: _in_parts(one, parts[sha256].values()) if parts[sha256] and one.parts is not None else one
        for sha256, one in found.items()
    }
