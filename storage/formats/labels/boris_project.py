"""BORIS projects: one JSON, `.boris` or zipped `.boris.gz`, with ethogram, subjects and observations.

An event is `[time, subject, code, modifiers, comment, frame]`; the frame came with version 8. A state begins and ends
with an event of the same subject, code and modifiers. Times count from the first file of player 1 and contain the
observation's time offset. Reference: https://www.boris.unito.it, `config.py`, `project_functions.py`.
"""

from __future__ import annotations

import gzip
import json
import math
import string
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from storage.bouts import Bout
from storage.errors import ExchangeError
from storage.files import write_bytes
from storage.formats.labels.boris_tables import Playlist
from storage.formats.labels.intervals import NOBODY, Interval, LabelFile, Mark, overlaps, pair, with_modifiers
from storage.formats.labels.media import MediaInfo, played


def read_boris_project(path: Path, text: str) -> LabelFile:
    """All observations of a project.

    Raises `ExchangeError` when it is no project, or an event can't be read.
    """
    try:
        project = json.loads(text)
    except json.JSONDecodeError as error:
        raise ExchangeError(f"{path}, line {error.lineno}: no JSON ({error.msg}); expected a BORIS project") from error
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{path}: no JSON that can be read ({error}); expected a BORIS project") from error
    if not (isinstance(project, dict) and isinstance(project.get("observations"), dict)):
        raise ExchangeError(f"{path}: JSON without observations; expected a BORIS project")
    kinds = _behaviours(path, project)
    found: list[Interval] = []
    problems: list[str] = []
    for name, observation in project["observations"].items():
        if not isinstance(observation, dict):
            raise ExchangeError(f"{path}, observation {name!r}: expected an object")
        playlist = _playlist(path, name, observation)
        paired, unpaired = pair(_marks(path, name, observation, kinds, problems))
        problems += unpaired
        found += [part for interval in paired for part in playlist.cut(path, interval)]
    problems += overlaps(found)
    return LabelFile("boris-project", tuple(found), tuple(problems))


def _behaviours(path: Path, project: dict[str, Any]) -> dict[str, str]:
    """Code -> type of each behaviour of the ethogram."""
    conf = project.get("behaviors_conf", {})
    if not isinstance(conf, dict) or not all(isinstance(one, dict) for one in conf.values()):
        raise ExchangeError(f"{path}, key 'behaviors_conf': expected an object of behaviours")
    return {str(one.get("code", "")): str(one.get("type", "")) for one in conf.values()}


def _playlist(path: Path, name: str, observation: dict[str, Any]) -> Playlist:
    where = f"{path}, observation {name!r}"
    files = observation.get("file") or {}
    info = observation.get("media_info") or {}
    if not isinstance(files, (dict, list)) or not isinstance(info, dict):
        raise ExchangeError(f"{where}: expected objects under 'file' and 'media_info'")
    own = (files.get("1") or []) if isinstance(files, dict) else []
    begun, lengths = info.get("media_creation_time") or {}, info.get("length") or {}
    if not isinstance(own, list) or not all(isinstance(file, str) for file in own):
        raise ExchangeError(f"{where}: expected a list of names under 'file'")
    if not isinstance(begun, dict) or not isinstance(lengths, dict):
        raise ExchangeError(f"{where}: expected objects of files under 'media_info'")
    offset = _number(f"{where}, key 'time offset'", observation.get("time offset") or 0.0)
    if observation.get("media_creation_date_as_offset") and own:
        offset += _number(f"{where}, media_creation_time", begun.get(own[0], 0.0))
    known = [(file, _number(f"{where}, length of {file}", lengths.get(file, math.nan))) for file in own]
    return Playlist(tuple(known), offset)


def _marks(
    path: Path, name: str, observation: dict[str, Any], kinds: dict[str, str], problems: list[str]
) -> Iterator[Mark]:
    events = observation.get("events", [])
    if not isinstance(events, list):
        raise ExchangeError(f"{path}, observation {name!r}: expected a list of events")
    for number, event in enumerate(events, start=1):
        where = f"observation {name!r}, event {number}"
        if not (isinstance(event, list) and len(event) >= 3 and all(isinstance(part, str) for part in event[1:3])):
            raise ExchangeError(
                f"{path}, {where}: expected [time, subject, code, modifiers, comment, frame], got {event!r}"
            )
        time = _number(f"{path}, {where}", event[0])
        if math.isnan(time):
            raise ExchangeError(f"{path}, {where}: only pictures, no time; expected a video or a live observation")
        subject, code = event[1:3]
        modifiers, comment = (str(event[place]) if len(event) > place else "" for place in (3, 4))
        interval = Interval(
            where=where,
            action=code,
            start_s=time,
            stop_s=time,
            subject=None if subject in ("", NOBODY) else subject,
            recording=name,
            comment=with_modifiers(modifiers.split("|"), comment),
        )
        if code not in kinds:
            problems.append(f"{interval}: not in the project's ethogram, taken for a state")
        yield Mark(interval, "POINT" if kinds.get(code, "").startswith("Point") else "TOGGLE", modifiers)


def _number(where: str, value: Any) -> float:
    """A number, also as a text; NaN for BORIS' `NA`."""
    if value in ("NA", None):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ExchangeError(f"{where}: expected a number, got {value!r}") from error


def write_boris_project(bouts: Sequence[Bout], info: MediaInfo, path: Path) -> None:
    """A project with one observation, one subject per person and one state event per action.

    Each bout is two events; score and evidence stand in the comment of the first. A path that ends in `.gz` is zipped.

    Raises `OutputError`.
    """
    bouts, info = played(bouts, info)
    marks = [(bout.start_s, bout, bout.comment) for bout in bouts]
    marks += [(bout.stop_s, bout, "") for bout in bouts]
    # By bout where times are equal, so that one stops before the next one of the same action starts.
    marks.sort(key=lambda mark: (round(mark[0], 3), mark[1].start_s))
    events = [
        [round(time, 3), info.person(bout.track_id), bout.action, "", comment, info.frame_at(time)]
        for time, bout, comment in marks
    ]
    media, when = info.media, info.when.isoformat(timespec="milliseconds").split("+")[0]
    keys = chain(string.ascii_lowercase, string.digits, repeat(""))
    behaviours = [
        {
            "type": "State event", "key": key, "code": action, "description": "", "color": "", "category": "",
            "modifiers": {}, "excluded": "", "coding map": "",
        }
        for key, action in zip(keys, info.ethogram(bouts), strict=False)
    ]  # fmt: skip
    subjects = [
        {"key": str(number) if number < 10 else "", "name": info.person(track), "description": f"track {track}"}
        for number, track in enumerate(info.everyone(bouts), start=1)
    ]
    project = {
        "time_format": "hh:mm:ss",
        "project_date": when,
        "project_name": info.recording,
        "project_description": "Automatic bouts of posescribe, to be corrected.",
        "project_format_version": "7.0",
        "subjects_conf": {str(number): subject for number, subject in enumerate(subjects)},
        "behaviors_conf": {str(number): behaviour for number, behaviour in enumerate(behaviours)},
        "observations": {
            info.recording: {
                "file": {str(player): [media] if player == 1 else [] for player in range(1, 9)},
                "type": "MEDIA",
                "date": when,
                "description": "",
                "time offset": 0.0,
                "events": events,
                "observation time interval": [0, 0],
                "independent_variables": {},
                "visualize_spectrogram": False,
                "visualize_waveform": False,
                "media_creation_date_as_offset": False,
                "media_scan_sampling_duration": 0,
                "image_display_duration": 1,
                "close_behaviors_between_videos": False,
                "media_info": {
                    "length": {media: round(info.length_s, 3)},
                    "fps": {media: round(info.rate, 3)},
                    "hasVideo": {media: True},
                    "hasAudio": {media: False},
                    "offset": {"1": 0.0},
                },
            }
        },
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    data = json.dumps(project, indent=1, ensure_ascii=False).encode()
    write_bytes(path, gzip.compress(data, mtime=0) if path.suffix.lower() == ".gz" else data)
