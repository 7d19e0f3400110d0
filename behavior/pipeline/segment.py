"""A database of tracks -> syllables: tables, and a page with stick figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.pipeline.commands import all_current, way_to_report
from behavior.pipeline.progress import Narrator
from behavior.recognition.syllables import Sample, SegmentSettings, Syllables, Windows, track_windows
from behavior.report.sequence import transitions
from behavior.report.syllables import Example, Segmented, syllables_table, write_syllables_page
from behavior.report.tables import bouts_table, frame_interval, on_screen, told, write_table
from behavior.training.cut import shared_joints
from features.clips import normalise
from pose.layouts import BODY_13, LIMBS_13
from pose.people import Track
from storage import bouts as stored_bouts
from storage import open_database, skeletons, tracks
from storage.bouts import Bout
from storage.files import make_folder
from storage.formats.labels.media import called


def segment(
    database: str, out: Path, narrator: Narrator, settings: SegmentSettings, *, recording: str | None = None
) -> dict[str, Any]:
    """Cuts the tracks of all recordings, or of one, into syllables, and writes what was found to `out`.

    Returns:
        The summary that `posescribe segment --json` prints.

    Raises:
        MissingError: no recording has tracks.
        DataError: too little is seen, or the recordings have different joints.
        OutputError: the files can't be written.
    """
    with open_database(database, create=False) as opened:
        found = all_current(opened, recording)
        with opened.reading() as tx:
            layouts = [skeletons.skeleton_of(tx, now.track.id) for *_, now in found]
        joints = shared_joints([(stored.name, one) for (stored, *_), one in zip(found, layouts, strict=True)])
        sample = Sample(joints, settings)
        for done, ((stored, _, now), skeleton) in enumerate(zip(found, layouts, strict=True)):
            narrator.step(f"looking at {stored.name}", done, len(found))
            for track in tracks.iter_tracks(opened, now.track.id):
                for windows in track_windows(track, skeleton, joints, settings):
                    sample.add(windows)
        narrator.say(f"finding what recurs in {len(sample.clips)} windows of {settings.window_s:g} s")
        syllables = Syllables(sample, settings)
        parts: list[Segmented] = []
        for done, ((stored, folder, now), skeleton) in enumerate(zip(found, layouts, strict=True)):
            narrator.step(f"naming {stored.name}", done, len(found))
            with opened.reading() as tx:
                known = tracks.list_tracks(tx, now.track.id)
                automatic = stored_bouts.read_bouts(tx, now.actions.id) if now.actions else []
            names = called([one.track_id for one in known], {one.track_id: one.name for one in known if one.name})
            bouts: list[Bout] = []
            examples: list[Example] = []
            presence = {}
            for track in tracks.iter_tracks(opened, now.track.id):
                presence[track.track_id] = on_screen(track, frame_interval([track]))
                for windows in track_windows(track, skeleton, joints, settings):
                    some, typical = syllables.bouts(track, windows)
                    bouts += some
                    examples += [
                        _example(bout, how, windows, track, stored.name)
                        for bout, how in zip(some, typical, strict=True)
                        if np.isfinite(how)
                    ]
            parts.append(
                Segmented(
                    stored.name, way_to_report(database, out, folder), names, presence, bouts, automatic, examples
                )
            )
    make_folder(out)
    rows = [told(bouts_table(part.bouts), recording=part.recording, names=part.names) for part in parts]
    after = [told(transitions(part.bouts, part.presence), recording=part.recording, names=part.names) for part in parts]
    table = syllables_table(syllables.names, parts)
    write_table(pd.concat(rows).drop(columns="evidence"), out / "segments.csv")
    write_table(pd.concat(after), out / "transitions.csv")
    write_table(table, out / "syllables.csv")
    limbs = LIMBS_13 if joints == BODY_13 else [(joints[a], joints[b]) for a, b in layouts[0].limb_indices]
    write_syllables_page(
        parts, table, pd.concat(after), joints, limbs, syllables.agreement, settings, out / "segments.html"
    )
    narrator.say(f"{len(table)} syllables in {sum(map(len, rows))} bouts: {out / 'segments.html'}")
    return {
        "recordings": [part.recording for part in parts],
        "syllables": len(table),
        "bouts": sum(map(len, rows)),
        "seconds": round(float(table["total_s"].sum()), 3),
        "agreement": syllables.agreement,
        "page": str(out / "segments.html"),
    }


def _example(bout: Bout, typical: float, windows: Windows, track: Track, recording: str) -> Example:
    """The window in the middle of a bout, in torso lengths around the body's middle."""
    times = windows.time_s[windows.seen]
    place = int(np.abs(times - (bout.start_s + bout.stop_s) / 2).argmin())
    clip = windows.clips[np.array([place])]
    points = normalise(clip.points, clip.lengths, clip.joints).points[0]
    return Example(bout.action, recording, track.track_id, float(times[place]), typical, points)
