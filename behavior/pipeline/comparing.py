"""Recordings, people or groups of a database compared: tables, and a page with figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.errors import DataError
from behavior.evaluation.units import DRAWS, FEW, ROW, difference_table, group_table, unit_values
from behavior.pipeline.believed import believe
from behavior.pipeline.commands import all_current
from behavior.pipeline.describe import Parts, Rows, describe
from behavior.pipeline.progress import Narrator
from behavior.pipeline.scale import Measured
from behavior.pipeline.scaling import kept_scale
from behavior.pipeline.stages import VERSION, plain
from behavior.pipeline.told import SCALE, WORDS
from behavior.report.comparison import Comparison, write_comparison
from behavior.report.course import Course
from behavior.report.tables import frame_interval, length, on_screen, summary_table, write_table
from features.catalog import CATALOGUE
from features.clean import CleanSettings
from features.metric import LEFT_OUT
from features.plane import Plane
from storage import bouts as stored_bouts
from storage import open_database, poses, runs, skeletons, tracks
from storage.bouts import Bout
from storage.database import Database
from storage.files import make_folder, write_bytes
from storage.formats.labels.media import called
from storage.formats.labels.sheets import Sheet, decode, delimited, find_header
from storage.formats.labels.sheets import plain as plain_name
from storage.recordings import Recording
from storage.runs import Current

FEATURES = (
    "centre_speed", "quantity_of_motion", "left_wrist_speed", "right_wrist_speed", "left_knee_angle",
    "right_knee_angle",
)  # fmt: skip
"""Compared unless others are named, those that the layout allows."""
TIMES = {"count": "bouts", "count_per_min": "bouts/min", "total_s": "s", "share": "1", "mean_s": "s"}
"""What is compared of each action, and its unit."""


@dataclass(frozen=True)
class Groups:
    """Which group and which unit each member belongs to, out of a file."""

    sheet: Sheet
    by: str
    unit: str | None

    def of(self, recording: Recording, folder: str, track_id: int, name: str) -> tuple[str, str] | None:
        """Group and unit of a person in a recording; None when the file leaves it out.

        Raises `DataError` when rows say different things of it.
        """
        sheet = self.sheet
        fitting = [
            (sheet.get(row, self.by), folder if self.unit is None else sheet.get(row, self.unit))
            for row in self._rows(recording, folder, track_id, name)
        ]
        said = {one for one in fitting if all(one)}
        if len(said) > 1:
            places = " and as ".join(" of ".join(one) for one in sorted(said))
            raise DataError(f"{sheet.path}: {folder}, {name} stands in it as {places}; leave one")
        return said.pop() if said else None

    def variables(self, recording: Recording, folder: str, track_id: int, name: str) -> dict[str, str]:
        """What the other columns say of a person in a recording; nothing where rows contradict each other."""
        sheet = self.sheet
        rows = self._rows(recording, folder, track_id, name)
        others = (column for column in sheet.columns if column not in ("recording", "person", self.by, self.unit))
        return {column: _agreed(sheet.get(row, column) for row in rows) for column in others}

    def _rows(self, recording: Recording, folder: str, track_id: int, name: str) -> list[tuple[int, list[str]]]:
        sheet, wanted = self.sheet, {recording.name, folder, str(recording.id)}
        has_person = sheet.has("person")
        return [
            row
            for row in sheet.rows
            if sheet.get(row, "recording") in wanted
            and (not has_person or sheet.get(row, "person") in ("", name, str(track_id)))
        ]

    def repeated(self) -> list[str]:
        """Recordings that fill several rows and say nothing new, as windows of one recording do."""
        cells = Counter(
            (self.sheet.get(row, "recording"), self.sheet.get(row, "person") if self.sheet.has("person") else "")
            for row in self.sheet.rows
        )
        return sorted({recording for (recording, _), count in cells.items() if count > 1})


def read_groups(path: Path, by: str | None, unit: str | None) -> Groups:
    """A table with a column `recording` (name, folder or number), a column of groups, and, where people of a recording
    are of different groups, `person` (name or number).

    Raises:
        OSError: it can't be read.
        DataError: a column is not there, or it has to be said which one is meant.
    """
    text = decode(path, path.read_bytes())
    sheets = (find_header(path, rows, [["recording"]]) for rows in delimited(path, text))
    sheet = next((found for found in sheets if found is not None), None)
    if sheet is None:
        raise DataError(f"{path}: no column `recording`; give each recording's name and its group, with a header")
    columns = sorted(sheet.columns, key=sheet.columns.__getitem__)
    others = [name for name in columns if name not in ("recording", "person", plain_name(unit or ""))]
    if by is None and len(others) != 1:
        raise DataError(f"{path}: which column has the groups? --by {' or --by '.join(others) or 'COLUMN'}")
    for wanted in (by, unit):
        if wanted is not None and not sheet.has(plain_name(wanted)):
            raise DataError(f"{path}: no column {wanted!r}; it has {', '.join(columns)}")
    return Groups(sheet, plain_name(by) if by else others[0], plain_name(unit) if unit else None)


@dataclass(frozen=True)
class Headings:
    """Groups and units out of the lines "Name: value" of reports' headings.

    Attributes:
        fields: of each recording, by its key.
        by, unit: which of them; no unit is the recording.
    """

    fields: Mapping[int, Mapping[str, str]]
    by: str
    unit: str | None

    def of(self, recording: Recording, folder: str) -> tuple[str, str] | None:
        """Group and unit of a recording; None where its heading leaves one out."""
        own = self.fields.get(recording.id, {})
        place = own.get(self.by, ""), folder if self.unit is None else own.get(self.unit, "")
        return place if all(place) else None


def read_heading(database: str, folder: str) -> dict[str, str]:
    """The fields of a recording's heading, names as `plain` has them, where its report lies beside the database."""
    path = Path(database).parent / folder / WORDS
    if "://" in database or not path.is_file():
        return {}
    lines = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {plain_name(name): value.strip() for name, _, value in lines if value.strip()}


def _agreed(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def compare(
    database: str,
    out: Path,
    narrator: Narrator,
    *,
    groups: Path | None = None,
    by: str | None = None,
    unit: str | None = None,
    features: Sequence[str] | None = None,
    settings: CleanSettings | None = None,
) -> dict[str, Any]:
    """Writes `units.csv`, `groups.csv`, `differences.csv`, `compare.html` and `compare.json` into a folder.

    Args:
        database: file or URL.
        out: the folder.
        narrator: hears what is done.
        groups: see `read_groups`; None compares recordings, people if `by` is `person`, or goes by the headings.
        by: its column of groups, or a field of the headings; or `recording` or `person`.
        unit: column or field of what was sampled independently; None: each recording.
        features: of the catalogue, per frame, no directions; None: `FEATURES`.
        settings: of the cleaning.

    Returns:
        The provenance that `compare.json` has.

    Raises:
        DataError: the groups don't fit the database, or a feature can't be averaged.
        UnknownFeature: the catalogue does not have it.
        MissingError: nothing was analysed.
    """
    settings = settings or CleanSettings()
    for name in features or ():
        if CATALOGUE[name].level != "frame" or CATALOGUE[name].period:
            raise DataError(f"{name}: only features of single frames that are no directions have a mean to compare")
    file = None if groups is None else read_groups(groups, by, unit)
    notes: list[str] = []
    members: list[pd.DataFrame] = []
    made: list[dict[str, Any]] = []
    models: set[str | None] = set()
    variables: list[dict[str, str]] = []
    with open_database(database, create=False) as opened:
        found = all_current(opened, None)
        fields = {stored.id: read_heading(database, folder) for stored, folder, _ in found}
        grouping = file or _headings(fields, by, unit)
        taken = [_Taken.of(opened, stored, folder, now) for stored, folder, now in found]
        actions = sorted({bout.action for one in taken for bout in one.bouts})
        left_out: list[str] = []
        placed_of: list[tuple[_Taken, dict[int, tuple[str, str]]]] = []
        for one in taken:
            placed = {
                track_id: place
                for track_id, name in one.names.items()
                if (place := _place(grouping, by, one, track_id, name)) is not None
            }
            left_out += [f"{one.folder}, {name}" for track_id, name in one.names.items() if track_id not in placed]
            placed_of += [(one, placed)] if placed else []
        measured = _scales(opened, database, [one for one, _ in placed_of], features or FEATURES, settings, notes)
        for done, (one, placed) in enumerate(placed_of, start=1):
            narrator.step("compare", done, len(placed_of))
            scale = measured.get(one.stored.id)
            with opened.reading() as tx:
                by_run = runs.provenance(tx, one.now.actions.id if one.now.actions else one.now.track.id)
            made.append(by_run if scale is None else by_run | {"scale": scale.provenance})
            if one.now.actions is not None:
                models.add(one.now.actions.model_name)
            elif not one.named:
                notes.append(f"{one.folder}: no actions were named, so it counts for features alone.")
            for track_id, (group, own) in placed.items():
                said = {} if file is None else file.variables(one.stored, one.folder, track_id, one.names[track_id])
                variables.append({**fields[one.stored.id], **said, "group": group, "unit": own})
            plane = None if scale is None else scale.plane
            members.append(_members(opened, one, placed, actions, features, settings, plane))
    if not members:
        raise DataError(f"{groups}: none of its recordings and people are in {database}")
    if left_out:
        notes.append(f"In no group, so left out: {', '.join(left_out[:20])}{' and more' if left_out[20:] else ''}.")
    if len(models) > 1:
        notes.append(f"Different models named the actions ({', '.join(sorted(map(str, models)))}): compare with care.")
    if file is not None and (again := file.repeated()):
        notes.append(
            f"{file.sheet.path.name} has several rows of {', '.join(again[:20])}: windows of one recording are not "
            "independent; each recording counts once."
        )
    everyone = pd.concat(members, ignore_index=True)
    units = _with_variables(unit_values(everyone), variables)
    compared, apart = group_table(units), difference_table(units)
    notes += _about_units(everyone)
    about = {
        "posescribe": VERSION,
        "database": database,
        "groups": None if groups is None else groups.name,
        "by": grouping.by if grouping else by or "recording",
        "unit": (grouping.unit if grouping else None) or "recording",
        "n_units": {str(group): int(own.unit.nunique()) for group, own in everyone.groupby("group", sort=False)},
        "clean": plain(settings),
        "intervals": f"95 %, percentile bootstrap over units, {DRAWS} draws, seed 0",
        "notes": notes,
        "recordings": made,
    }
    make_folder(out)
    for table, name in ((units, "units.csv"), (compared, "groups.csv"), (apart, "differences.csv")):
        write_table(table, out / name)
    write_comparison(Comparison(units, compared, apart, about), out / "compare.html")
    write_bytes(out / "compare.json", json.dumps(about, indent=2, ensure_ascii=False).encode())
    for note in notes:
        narrator.say(note)
    return about


@dataclass(frozen=True)
class _Taken:
    """A recording: what counts of it, what its people are called, what they did, and whether anybody named actions."""

    stored: Recording
    folder: str
    now: Current
    names: dict[int, str]
    bouts: tuple[Bout, ...]
    coded: frozenset[int]

    @property
    def named(self) -> bool:
        return self.now.actions is not None or bool(self.coded)

    @classmethod
    def of(cls, database: Database, stored: Recording, folder: str, now: Current) -> _Taken:
        with database.reading() as tx:
            known = tracks.list_tracks(tx, now.track.id)
            automatic = stored_bouts.read_bouts(tx, now.actions.id) if now.actions else []
            believed = believe(tx, now.track.id, automatic, *poses.frame_times(tx, now.pose.id))
        names = called([one.track_id for one in known], {one.track_id: one.name for one in known if one.name})
        return cls(stored, folder, now, names, believed.bouts, frozenset(believed.words))


def _headings(fields: Mapping[int, Mapping[str, str]], by: str | None, unit: str | None) -> Headings | None:
    """Groups out of headings, where `by` is one of their fields; None for recordings and people themselves."""
    if unit is None and by in (None, "recording", "person"):
        return None
    known = sorted({name for own in fields.values() for name in own})
    for option, name in (("by", by), ("unit", unit)):
        if name is None or plain_name(name) not in known:
            raise DataError(
                f"--{option} {name or 'COLUMN'} needs --groups FILE, or headings with such a line (posescribe report "
                f"--heading); they have {', '.join(known) or 'none'}"
            )
        if unit is None:
            break
    return Headings(fields, plain_name(by or ""), None if unit is None else plain_name(unit))


def _with_variables(units: pd.DataFrame, variables: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The table of units with what is known of each besides; empty where members of a unit differ."""
    known = pd.DataFrame(variables).fillna("")
    others = [name for name in known.columns if name not in units.columns]
    if not others:
        return units
    each = known.groupby(["group", "unit"], as_index=False)[others].agg(_agreed)
    return units.merge(each, on=["group", "unit"], how="left")


def _place(
    grouping: Groups | Headings | None, by: str | None, one: _Taken, track_id: int, name: str
) -> tuple[str, str] | None:
    if isinstance(grouping, Headings):
        return grouping.of(one.stored, one.folder)
    if grouping is not None:
        return grouping.of(one.stored, one.folder, track_id, name)
    return (name if by == "person" else one.folder, one.folder)


def _members(
    database: Database,
    one: _Taken,
    placed: dict[int, tuple[str, str]],
    actions: Sequence[str],
    features: Sequence[str] | None,
    settings: CleanSettings,
    plane: Plane | None,
) -> pd.DataFrame:
    """A row per person and measure: `ROW`, `group`, `unit`, `value`, `recording`, `track_id`."""
    with database.reading() as tx:
        skeleton = skeletons.skeleton_of(tx, one.now.track.id)
    each = {k: partial(tracks.iter_track_parts, database, one.now.track.id, k) for k in one.names}
    courses = [Course.of((part.track for part in parts(0)), skeleton) for parts in each.values()]
    rows: list[tuple[Any, ...]] = []
    seen = {course.track_id: length(on_screen(course, frame_interval(courses))) for course in courses}
    for row in summary_table(one.bouts, courses, actions=actions).to_dict("records"):
        track_id = row["track_id"]
        if track_id in placed and (one.now.actions is not None or track_id in one.coded):
            row["count_per_min"] = 60 * row["count"] / seen[track_id] if seen[track_id] else np.nan
            rows += [("action", row["action"], name, unit, row[name], track_id) for name, unit in TIMES.items()]
    names = [name for name in features or FEATURES if CATALOGUE[name].fits(skeleton.joints, 2)]
    for track_id in placed:
        for name, unit, mean, std in _moments(each[track_id], settings, Rows(names=names, plane=plane)):
            rows += [
                ("feature", name, measure, unit, value, track_id) for measure, value in (("mean", mean), ("std", std))
            ]
    table = pd.DataFrame(rows, columns=[*ROW, "value", "track_id"])
    for place, column in enumerate(("group", "unit")):
        table[column] = [placed[track_id][place] for track_id in table.track_id]
    return table.assign(recording=one.folder, value=table.value.astype("float64"))


def _scales(
    opened: Database, database: str, taken: Sequence[_Taken], features: Sequence[str], settings: CleanSettings,
    notes: list[str],
) -> dict[int, Measured]:  # fmt: skip
    """The scale of each recording by its key, where all have metres and all features a meaning in them; else none.

    A scale lies in the folder of a recording's report, beside the database. `notes` hears why there are no metres
    where some recording has a scale.
    """
    if "://" in database or not any((Path(database).parent / one.folder / SCALE).is_file() for one in taken):
        return {}
    if trunks := [name for name in features if name in LEFT_OUT]:
        notes.append(f"Lengths are not in metres: {', '.join(trunks)} has no meaning in them.")
        return {}
    found, lacking = {}, []
    for one in taken:
        people = {k: partial(tracks.iter_track_parts, opened, one.now.track.id, k) for k in one.names}
        folder = Path(database).parent / one.folder
        measured = kept_scale(folder, people, one.names, settings, one.folder, notes)
        if measured is None or measured.plane.metres_per_px is None:
            lacking.append(one.folder)
        else:
            found[one.stored.id] = measured
    if not lacking:
        return found
    notes.append(
        f"Lengths are in torso lengths, not in metres: {', '.join(lacking[:20])}{' and more' if lacking[20:] else ''} "
        f"{'has' if len(lacking) == 1 else 'have'} no scale (posescribe report --recording NAME --scale)."
    )
    return {}


def _moments(parts: Parts, settings: CleanSettings, rows: Rows) -> Iterator[tuple[str, str, float, float]]:
    """Each feature's unit, mean and sample standard deviation over the frames that have it; NaN without, or below two.

    In one pass (Chan, Golub & LeVeque 1983, https://doi.org/10.1080/00031305.1983.10483115).
    """
    names = rows.names or ()
    count, mean, squares = (np.zeros(len(names)) for _ in range(3))
    for table in describe(parts, settings, rows):
        values = table[list(names)].to_numpy(np.float64)
        known = np.isfinite(values)
        more = known.sum(axis=0)
        middle = np.where(known, values, 0).sum(axis=0) / np.maximum(more, 1)
        spread = (np.where(known, values - middle, 0) ** 2).sum(axis=0)
        total = np.maximum(count + more, 1)
        squares += spread + (middle - mean) ** 2 * count * more / total
        mean += (middle - mean) * more / total
        count += more
    for k, name in enumerate(names):
        yield (
            name,
            table.attrs["units"][name],
            float(mean[k]) if count[k] else np.nan,
            float(np.sqrt(squares[k] / (count[k] - 1))) if count[k] > 1 else np.nan,
        )


def _about_units(everyone: pd.DataFrame) -> list[str]:
    """How many independent units each group has, and what follows from it."""
    notes = []
    counts = {str(group): (own.unit.nunique(), own) for group, own in everyone.groupby("group", sort=False)}
    for group, (n, own) in counts.items():
        if n == 1 and (people := len(own[["recording", "track_id"]].drop_duplicates())) > 1:
            notes.append(
                f"{group} rests on one independent unit: its {people} people, their bouts and windows are not "
                "independent of each other, so there is no interval."
            )
    if all(n == 1 for n, _ in counts.values()):
        notes.append("Each group has one independent unit: nothing can be inferred from the differences.")
    elif few := [f"{group} ({n})" for group, (n, _) in counts.items() if n < FEW]:
        notes.append(f"Fewer than {FEW} independent units: {', '.join(few)}. Intervals of so few are too narrow.")
    return notes
