"""Overlay, plain video and stills of a report: those that are there, or new ones out of the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from behavior.pipeline.believed import Believed
from behavior.pipeline.progress import Narrator
from behavior.pipeline.provenance import source_shown
from behavior.pipeline.stages import Recording
from behavior.pipeline.told import hashes, read_told
from behavior.report.overlay import Overlay, write_overlay, write_overlay_image
from behavior.report.page import ALGORITHM as REPORT
from behavior.report.stills import Stills
from pose.errors import SourceError
from pose.people import FramePeople
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, open_source
from storage import runs, tracks
from storage.bouts import Bout
from storage.database import Database
from storage.formats.keypoints.store import KIND as KEYPOINTS
from storage.runs import Run

STILLS = "stills"
"""Folder of the report's pictures of people and scene, beside it: for a report again without the source."""
OLDER = "overlay.mp4 is an older one; posescribe report writes it anew."
VIDEO = "video.mp4"
"""What was filmed, as browsers play it: the page draws over it."""


@dataclass(frozen=True)
class Drawn:
    """An overlay beside the report: its clock is 0 at `start_s`, `tracks` and `shows` are digests of what it shows.

    `video` is what was filmed, on the same clock, and `of` the fingerprint of the run that looked at its frames; both
    None for a picture, and where an older version wrote them.
    """

    file: str
    start_s: float
    tracks: str
    shows: str
    video: str | None = None
    of: str | None = None


def drawn_or_kept(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    skeleton: Skeleton,
    believed: Believed,
    stills: Stills,
    total: int,
    kept: Drawn | None,
    notes: list[str],
    narrator: Narrator,
    redraw: bool,
) -> Drawn | None:
    """The overlay and the stills: those that are there where they show what is to be shown, else new ones.

    Where the source is gone those that are there stay; `notes` hears it.
    """
    bouts = [(bout.track_id, bout.action, bout.start_frame, bout.stop_frame) for bout in believed.bouts]
    with database.reading() as tx:
        who = tracks.identity_digest(tx, track_run.id)
    coded = sorted(bout for bout, one in zip(bouts, believed.bouts, strict=True) if one.source == "human")
    shows = runs.fingerprint(stage="overlay", algorithm=REPORT, parent=who, bouts=sorted(bouts), coded=coded)
    folder = recording.folder
    filmed = kept is not None and kept.video is not None and kept.of == pose_run.fingerprint
    complete = filmed or recording.stored.kind == "image"
    if kept is not None and kept.shows == shows and complete and stills.load(folder / STILLS):
        return kept
    if kept is not None and complete and not redraw:
        stills.load(folder / STILLS)
        if kept.tracks != who:
            stills.people.clear()
        notes.append(OLDER)
        return kept
    try:
        made = draw(
            database, recording, pose_run, track_run, skeleton, believed.bouts, stills, total, narrator,
            plain=None if filmed else folder / VIDEO,
        )  # fmt: skip
    except SourceError as error:
        reason = str(error).replace(recording.stored.uri, source_shown(recording.stored))
        if kept is not None and kept.tracks == who:
            stills.load(folder / STILLS)
        if kept is None:
            notes.append(f"There is no overlay: {reason}")
        elif kept.shows != shows:
            notes.append(f"The overlay is an older one, its actions and numbers may differ: {reason}")
        narrator.say(f"There is no new overlay: {error}")
        return kept
    if made is None:
        return None
    stills.save(folder / STILLS)
    is_picture = made.path.suffix != ".mp4"
    return Drawn(
        made.path.name, made.start_s, who, shows, *((None, None) if is_picture else (VIDEO, pose_run.fingerprint))
    )


def kept_drawing(folder: Path) -> Drawn | None:
    """The overlay of an earlier report in this folder."""
    known = read_told(folder)
    try:
        drawn = Drawn(**known["overlay"])
    except (KeyError, TypeError):
        return None

    def there(name: str) -> bool:
        return Path(name).name == name and (folder / name).is_file()

    def whole(name: str) -> bool:
        """Whether it is as it was written, and not damaged, or another that browsers may not play."""
        return there(name) and hashes(folder, [name])[name] == known.get("files", {}).get(name)

    if drawn.video is not None and not whole(drawn.video):
        drawn = replace(drawn, video=None, of=None)
    return drawn if there(drawn.file) else None


def draw(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    skeleton: Skeleton,
    bouts: Sequence[Bout],
    stills: Stills,
    total: int,
    narrator: Narrator,
    *,
    plain: Path | None = None,
) -> Overlay | None:
    """The source again, frame by frame, with everyone drawn in; shows each frame to `stills`, and writes `plain`, too.

    Raises `SourceError` when there are no pictures, the source was live, or is not what was analysed any more.
    """
    if recording.stored.kind == KEYPOINTS:
        raise SourceError(f"{recording.stored.name} was imported as keypoints, without pictures")

    def kept_pairs(source: FrameSource) -> Iterator[tuple[Frame, FramePeople]]:
        for done, people in enumerate(tracks.iter_tracked_frames(database, track_run.id), start=1):
            picture = next(source, None)
            if picture is None:
                return
            yield Frame(people.index, people.time_s, picture.image), people
            narrator.step("overlay", done, total)

    def pairs(source: FrameSource) -> Iterator[tuple[Frame, FramePeople]]:
        known = tracks.iter_tracked_frames(database, track_run.id)
        people = next(known, None)
        for done, frame in enumerate(source, start=1):
            while people is not None and people.index < frame.index:
                people = next(known, None)
            if people is not None and people.index == frame.index:
                yield frame, people
            narrator.step("overlay", done, total)

    with _open_again(recording, pose_run) as source:
        drawn = pairs(source) if recording.stored.sha256 else kept_pairs(source)
        if recording.stored.kind == "image":
            picture = recording.folder / "overlay.jpg"
            return write_overlay_image(*next(drawn), picture, skeleton=skeleton, bouts=bouts, stills=stills)
        film = recording.folder / "overlay.mp4"
        return write_overlay(drawn, film, skeleton=skeleton, bouts=bouts, stills=stills, plain=plain)


def _open_again(recording: Recording, pose_run: Run) -> FrameSource:
    """The pictures that were analysed: the source itself or, of one that is over, those that were kept."""
    stored = recording.stored
    if stored.sha256 is None:
        kept = pose_run.extra.get("pictures")
        if kept is None or not Path(kept).is_file():
            raise SourceError(f"{stored.uri} was live, its pictures were not kept")
        return open_source(kept)
    if not recording.is_unchanged:
        raise SourceError(f"{stored.uri} is not the file that was analysed any more")
    return open_source(recording.place, **pose_run.settings["part"])
