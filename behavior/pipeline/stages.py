"""The stages that are kept in the database.

    find_people    source -> people of each frame, stored as they come (of a part of it: see `cutting.py`)
    follow_people  people -> tracks
    name_actions   tracks -> bouts

Each is a run, found again by a fingerprint of everything that decides its result: one that is done is not done again,
`find_people` goes on where it was killed, the others are one transaction each.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.loading import Models
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.recognition.examples import named_in
from behavior.recognition.model import ActionModel
from behavior.recognition.recognise import ALGORITHM as RECOGNITION
from behavior.recognition.recognise import RecogniseSettings, recognise, rules_of
from behavior.report.drawing import FrameLike
from behavior.report.encoding import EncoderSettings, VideoWriter
from pose.engine import ALGORITHM as POSE
from pose.engine import PoseStream
from pose.errors import PoseError, SourceError
from pose.people import FramePeople
from pose.sources import FrameSource, Stamp, open_source, source_hash, source_stamp
from pose.tracking import ResolveSettings, Tracker, TrackerSettings, resolve
from pose.tracking.appearance import CLOTHING_SIZE, clothing
from pose.tracking.camera import UNKNOWN, CameraMotion, Shift
from pose.tracking.identity import ALGORITHM as IDENTITY
from pose.tracking.tracker import ALGORITHM as TRACKER
from storage import bouts as stored_bouts
from storage import poses, runs, skeletons, tracks
from storage.database import Database
from storage.files import make_folder
from storage.probabilities import Probabilities, write_probabilities
from storage.recordings import Recording as StoredRecording
from storage.recordings import list_recordings
from storage.runs import Run

VERSION = version("posescribe")

Stage = Literal["pose", "part"]
"""Of `find_people`: on a whole source, or on a part of a long one."""

COMMIT_EVERY_S = 5.0
"""Work that a kill can lose, seconds."""


PICTURES = "pictures.mp4"
"""What a live source showed, in the folder of its results."""


@dataclass(frozen=True)
class Recording:
    """A source in the database, and the folder of its results.

    Attributes:
        stored: its row.
        folder: where its results go.
        opened: the source at its beginning, for who reads it first. One that can't be opened twice, such as a camera,
            has no hash; what it shows is kept as `PICTURES`.
        stamp: sizes and times of its files when it was hashed, see `is_unchanged`.
        spec: what the user typed, for an address whose password or key is not stored.
    """

    stored: StoredRecording
    folder: Path
    opened: FrameSource | None = None
    stamp: Stamp = ()
    spec: str | None = None

    @property
    def place(self) -> str:
        """Where the source is opened."""
        return self.spec or self.stored.uri

    @property
    def id(self) -> int:
        return self.stored.id

    @property
    def is_unchanged(self) -> bool:
        """Whether the source still is what was hashed. Files of the same size and time of change are taken as the same.

        Raises `SourceError` when it can't be read.
        """
        if self.stamp and source_stamp(self.place) == self.stamp:
            return True
        return source_hash(self.place) == self.stored.sha256


_hashes: dict[tuple[str, Stamp], str | None] = {}


def hash_of(source: str, stamp: Stamp) -> str | None:
    """`source_hash`, read once for files of the same `source_stamp`; see `take_hash`."""
    if not stamp:
        return source_hash(source)
    key = _key(source), stamp
    if key not in _hashes:
        _hashes[key] = source_hash(source)
    return _hashes[key]


def take_hash(source: str, stamp: Stamp, sha256: str | None) -> None:
    """Another process has hashed these files; they are not read again as long as they are as they were then."""
    _hashes[_key(source), stamp] = sha256


def _key(source: str) -> str:
    return source if "://" in source else str(Path(source).absolute())


def forget(database: Database, recording: Recording, models: Models, settings: Settings) -> None:
    """Deletes what an earlier run of the same command stored; raises `DataError` when that holds work of a human."""
    with database.transaction() as tx:
        run = known_people(tx, recording, models, settings)
        if run is None:
            return
        if _changed_by_hand(tx, run):
            raise DataError(
                f"{recording.stored.name}: people were changed by hand, and --restart would lose that; "
                "keep it with `posescribe tracks list DB --edits FILE`, then `posescribe tracks undo DB --all`"
            )
        runs.delete_run(tx, run.id)


def is_known(database: Database, sha256: str | None, models: Models, settings: Settings) -> bool:
    """Whether the people of a source of this hash were found with these models and settings, to its end."""
    with database.transaction() as tx:
        for stored in list_recordings(tx):
            if sha256 is not None and stored.sha256 == sha256:
                run = known_people(tx, Recording(stored, Path()), models, settings)
                if run is not None and run.done and not run.extra.get("broke_off"):
                    return True
    return False


def find_people(
    database: Database,
    recording: Recording,
    models: Models,
    settings: Settings,
    narrator: Narrator,
    part_of: Mapping[str, Any] | None = None,
) -> Run:
    """Source -> people of each frame. Goes on behind the last stored frame; keeps what is done when it is stopped.

    A camera has no end: a keyboard interrupt is its regular one. `part_of`: the range of the settings is a part of a
    whole; what `cutting.py` keeps of that.
    """
    stage: Stage = "pose" if part_of is None else "part"
    with database.transaction() as tx:
        run = known_people(tx, recording, models, settings, stage)
        if run is not None and run.done and not run.extra.get("broke_off"):
            return run
        last = poses.last_frame(tx, run.id) if run is not None else None
        done = poses.count_frames(tx, run.id) if run is not None else 0
    if run is not None and run.done and not _has_more(database, recording, run, settings, last, narrator):
        return run
    if last is not None:
        narrator.say(f"{recording.stored.name}: going on after frame {last[0]} ({last[1]:.2f} s)")
    engine = models.engine(settings.engine)
    if run is None:
        with database.transaction() as tx:
            run = runs.start_run(
                tx, recording.id, stage, people_fingerprint(recording, models, settings, stage), version=VERSION,
                settings=pose_settings(settings),
                skeleton=engine.skeleton, model_name=engine.model.name,
                model_sha256=engine.model.sha256, device=engine.device,
                extra={"skipped": 0, "seconds": 0.0, "notes": [], "runtime": engine.runtime}
                | {"licence": engine.model.licence}
                | ({} if part_of is None else {"part_of": dict(part_of)})
                | _other_networks(models, settings)
                | ({"pictures": str(recording.folder / PICTURES)} if _must_be_kept(recording, settings) else {}),
            )  # fmt: skip
    chunk: list[FramePeople] = []
    looks: list[NDArray[np.float64]] = []
    shifts: list[Shift] = []
    skipped: list[int] = []
    camera = CameraMotion()
    net_heights = set(run.extra.get("net_heights", ()))
    saved = begin = time.monotonic()
    skipped_stored = 0
    ended = False

    def save(stream: PoseStream, n: int) -> None:
        """Stores the first `n` frames of the chunk; of the skipped ones those before them count, since reading goes on
        behind them."""
        nonlocal saved, skipped_stored
        source = stream.source
        skipped_stored = source.skipped if ended else skipped[n - 1] if n else skipped_stored
        with database.transaction() as tx:
            poses.append_frames(tx, run.id, chunk[:n])
            poses.append_camera(tx, run.id, chunk[:n], shifts[:n])
            if settings.face_mesh:
                poses.append_face_meshes(tx, run.id, chunk[:n])
            if settings.clothes:
                poses.append_clothing(tx, run.id, chunk[:n], looks[:n])
            extra = {
                "skipped": run.extra["skipped"] + skipped_stored,
                "seconds": round(run.extra["seconds"] + time.monotonic() - begin, 3),
                "notes": list(dict.fromkeys([*run.extra["notes"], *source.notes, *_dropped(source)])),
                "load": asdict(stream.load),
                "net_heights": sorted(net_heights),
            }
            runs.update_run(tx, run.id, device=engine.device, extra=extra)
        del chunk[:n], looks[:n], shifts[:n], skipped[:n]
        saved = time.monotonic()

    source = recording.opened if last is None else None
    if source is None:
        source = open_source(recording.place, **asdict(settings.part), after=last)
    if last is not None and source.info.consecutive:
        _look_again(database, recording, run, settings, last, camera)
    for note in source.notes:
        narrator.say(note)
    with engine.open(source) as stream, _pictures(recording, settings) as keep:
        expected = stream.source.expected_frames
        total = None if expected is None else done + expected
        narrator.step("people", done, total)
        whole = 0  # frames of the chunk whose clip is whole: going on behind them finds the same people
        try:
            for frame in stream:
                if chunk and chunk[-1].index // stream.clip != frame.index // stream.clip:
                    whole = len(chunk)
                    if whole >= poses.CHUNK or time.monotonic() - saved > COMMIT_EVERY_S:
                        save(stream, whole)
                        whole = 0
                net_heights.add(engine.net_height(frame.image.shape[:2]))
                chunk.append(FramePeople(frame.index, frame.time_s, frame.people))
                in_turn = stream.source.info.consecutive
                shifts.append(camera.shift(frame.image, frame.people) if in_turn else UNKNOWN)
                skipped.append(frame.skipped)
                if settings.clothes:
                    looks.append(clothing(frame.image, frame.people, engine.skeleton))
                keep(frame)
                done += 1
                narrator.step("people", done, total)
            whole, ended = len(chunk), True
        except KeyboardInterrupt:
            if not stream.source.live:
                raise
            whole, ended = len(chunk), True
        except PoseError:
            whole = len(chunk)
            raise
        finally:
            save(stream, whole)
    changed = recording.stored.sha256 is not None and not recording.is_unchanged
    with database.transaction() as tx:
        if not changed:
            runs.delete_parts(tx, recording.id, run.fingerprint)
            return runs.finish_run(tx, run.id, extra={"broke_off": source.broke_off})
        runs.delete_run(tx, run.id)
    raise SourceError(f"{recording.stored.uri}: changed while it was read; run again when it is whole")


def _look_again(
    database: Database,
    recording: Recording,
    run: Run,
    settings: Settings,
    last: tuple[int, float],
    camera: CameraMotion,
) -> None:
    """Shows the camera's follower the last frame that is stored, so that it goes on as if it had never stopped."""
    people = next(iter(poses.iter_frames(database, run.id, after=last[0] - 1))).people
    with open_source(recording.place, **asdict(replace(settings.part, start_s=last[1]))) as source:
        for frame in source:
            if frame.index == last[0]:
                camera.shift(frame.image, people)
            break


def _has_more(
    database: Database,
    recording: Recording,
    run: Run,
    settings: Settings,
    last: tuple[int, float] | None,
    narrator: Narrator,
) -> bool:
    """Whether a source that broke off has more frames now; what was made of those before is then forgotten."""
    with open_source(recording.place, **asdict(settings.part), after=last) as source:
        if next(source, None) is None:
            return False
    with database.transaction() as tx:
        if _changed_by_hand(tx, run):
            narrator.say(f"{recording.stored.name}: has more frames now, left out: people were changed by hand")
            return False
        for other in runs.list_runs(tx, recording.id):
            if other.parent_id == run.id:
                runs.delete_run(tx, other.id)
    return True


def _changed_by_hand(tx: Connection, pose_run: Run) -> bool:
    listed = runs.list_runs(tx, pose_run.recording_id)
    return any(one.parent_id == pose_run.id and tracks.AUTOMATIC in one.extra for one in listed)


def _must_be_kept(recording: Recording, settings: Settings) -> bool:
    return recording.opened is not None and recording.stored.sha256 is None and settings.overlay


@contextmanager
def _pictures(recording: Recording, settings: Settings) -> Iterator[Callable[[FrameLike], None]]:
    """What keeps each frame of a source that can't be opened again, for the overlay; else nothing is kept."""
    if recording.opened is None or not _must_be_kept(recording, settings):
        yield lambda _: None
        return
    info, path = recording.opened.info, recording.folder / PICTURES
    make_folder(path.parent)
    width, height = info.width // 2 * 2, info.height // 2 * 2
    with VideoWriter(path, path, (width, height), EncoderSettings(quality=20, readable_at_once=True)) as writer:
        yield lambda frame: writer.add(frame.image[:height, :width], frame.time_s)


def _dropped(source: FrameSource) -> list[str]:
    return [f"{source.dropped} frames of the camera came too fast to be analysed."] if source.dropped else []


def follow_people(database: Database, pose_run: Run, settings: Settings, narrator: Narrator) -> Run:
    """People -> tracks: frame by frame first, then over the whole recording. All or nothing.

    Where a human has changed who is who since, the run with these changes.
    """
    own = {"tracker": plain(settings.tracker), "resolve": plain(settings.resolve)}
    usual = {"tracker": plain(TrackerSettings()), "resolve": plain(ResolveSettings())}
    fingerprint = runs.fingerprint(
        stage="track", algorithm=[TRACKER, IDENTITY], parent=pose_run.fingerprint, settings=unusual(own, usual)
    )
    with database.transaction() as tx:
        run = runs.find_run(tx, pose_run.recording_id, "track", fingerprint)
        if run is not None:
            return runs.choose(tx, (tracks.changed_run(tx, run) or run).id)
        if _changed_by_hand(tx, pose_run):
            narrator.say(
                "people were changed by hand on tracks of other settings or of an older version; these are new ones, "
                "without the changes"
            )
        run = runs.start_run(
            tx, pose_run.recording_id, "track", fingerprint, settings=own, version=VERSION, parent_id=pose_run.id
        )
        total = poses.count_frames(tx, pose_run.id)
        size = CLOTHING_SIZE if pose_run.settings.get("clothes") else 0
        tracker = Tracker(skeletons.skeleton_of(tx, pose_run.id), settings.tracker, appearance_size=size)
        looks = poses.iter_clothing(database, pose_run.id, size) if size else itertools.repeat(None)
        chunk: list[FramePeople] = []
        frames = zip(poses.iter_frames(database, pose_run.id), looks, strict=False)
        for done, (frame, look) in enumerate(frames, start=1):
            chunk.append(tracker.update(frame, look))
            if len(chunk) == poses.CHUNK or done == total:
                tracks.append_memberships(tx, run.id, chunk)
                chunk.clear()
                narrator.step("tracks", done, total)
        found = resolve(tracker.finish(), settings.resolve)
        tracks.apply_identity(tx, run.id, found.identity)
        tracks.write_decisions(
            tx,
            run.id,
            (
                tracks.Decision(d.kind, d.tracklets, found.identity[d.tracklets[0]], d.reason, d.numbers)
                for d in found.decisions
            ),
        )
        return runs.finish_run(tx, run.id)


def name_actions(database: Database, track_run: Run, model: ActionModel, settings: Settings, narrator: Narrator) -> Run:
    """Tracks -> bouts. All or nothing."""
    fingerprint = runs.fingerprint(
        stage="actions", algorithm=RECOGNITION, parent=track_run.fingerprint, model=model.info.sha256,
        settings=unusual(plain(settings.recognise), plain(RecogniseSettings())),
    )  # fmt: skip
    with database.transaction() as tx:
        run = runs.find_run(tx, track_run.recording_id, "actions", fingerprint)
        if run is not None:
            return runs.choose(tx, run.id)
        run = runs.start_run(
            tx, track_run.recording_id, "actions", fingerprint, settings=plain(settings.recognise), version=VERSION,
            model_name=model.info.name, model_sha256=model.info.sha256, parent_id=track_run.id,
            extra={"classes": list(dict.fromkeys((*model.info.classes, *rules_of(model)))), "trust": _trust(model)},
        )  # fmt: skip
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        total = len(tracks.list_tracks(tx, track_run.id))
        camera = poses.camera_path(tx, track_run.parent_id) if track_run.parent_id is not None else None
        like: set[str] = set()
        for done, track in enumerate(tracks.iter_tracks(database, track_run.id), start=1):
            background = None if camera is None else camera[1][np.searchsorted(camera[0], track.frames)]
            found = recognise(track, skeleton, model, settings.recognise, background, explain=True)
            stored_bouts.write_bouts(tx, run.id, found.bouts)
            like.update(name for bout in found.bouts for name in named_in(bout.evidence or ""))
            step = np.floor((track.time_s - track.time_s[0]) / settings.recognise.step_s)
            kept = np.flatnonzero(np.diff(step, prepend=-1))
            said = Probabilities(track.track_id, found.classes, track.frames[kept], found.scores[kept])
            write_probabilities(tx, run.id, [said])
            narrator.step("actions", done, total)
        return runs.finish_run(
            tx, run.id, extra={"examples": model.examples.shown(sorted(like))} if like and model.examples else {}
        )


def _trust(model: ActionModel) -> dict[str, Any]:
    """What a report says of how right an action model was, its licence, and the hashes of what it learnt from."""
    figures = model.info.figures or {}
    clean = {name: figures.get("clean", {}).get(name) for name in ("coverage", "claims_right", "reliability")}
    learnt = {"learnt_from": list(known)} if (known := model.info.data.get("recordings")) else {}
    return {"licence": model.info.licence, "protocol": figures.get("protocol"), **clean, **learnt}


def _other_networks(models: Models, settings: Settings) -> dict[str, Any]:
    refiner = models.refiner(settings.engine.accuracy)
    parts = {
        role: part.info.provenance() | {"threshold": part.threshold}
        for role, part in models.parts(settings.engine).items()
    }
    return ({} if refiner is None else {"refiner": refiner.provenance()}) | ({"parts": parts} if parts else {})


def people_fingerprint(recording: Recording, models: Models, settings: Settings, stage: Stage = "pose") -> str:
    """Of a run of `find_people`: source, networks, settings, algorithm."""
    # A live source has no hash: each session of a camera is its own recording.
    source = recording.stored.sha256 or f"live {recording.id}"
    own = unusual(pose_settings(settings), pose_settings(Settings()))
    refiner = models.refiner(settings.engine.accuracy)
    parts = [part.info.sha256 for part in models.parts(settings.engine).values()]
    others = [*([] if refiner is None else [refiner.sha256]), *parts]
    shas = [models.pose.sha256, *others] if others else models.pose.sha256
    return runs.fingerprint(stage=stage, algorithm=POSE, source=source, model=shas, settings=own)


def pose_settings(settings: Settings) -> dict[str, Any]:
    """What is kept of the settings with a run of `find_people`."""
    kept = {name: True for name in ("clothes", "face_mesh") if getattr(settings, name)}
    part = {name: value for name, value in plain(settings.part).items() if (name, value) != ("fps", None)}
    return plain(settings.engine) | {"part": part} | kept


def known_people(
    tx: Connection, recording: Recording, models: Models, settings: Settings, stage: Stage = "pose"
) -> Run | None:
    """The run, done or not, that this command would repeat.

    Version 0.1.0 had its own number in the fingerprint; what it did is `POSE` 1. Its run of the same model and settings
    is taken over, but of a source without a clock: it had another idea of that.
    """
    fingerprint = people_fingerprint(recording, models, settings, stage)
    run = runs.find_run(tx, recording.id, stage, fingerprint)
    if run is not None or POSE != 1 or recording.stored.clock != "source":
        return run
    usual = pose_settings(Settings())
    wanted = unusual(pose_settings(settings), usual)
    for old in runs.list_runs(tx, recording.id):
        mine = (old.stage, old.version, old.model_sha256) == ("pose", "0.1.0", models.pose.sha256)
        if mine and unusual(old.settings, usual) == wanted:
            return runs.rename_run(tx, old.id, fingerprint)
    return None


def unusual(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not the usual ones: what was done before a setting came to be, stays as it is."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        known = usual.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            if inner := unusual(value, known):
                found[name] = inner
        elif value != known:
            found[name] = value
    return found


def plain(settings: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain
