"""The catalogue put to work: tables of features, and its page for the docs.

    table = feature_table(sequence)                  # one row per frame
    table = window_table(sequence, 1.0, 0.5)         # one row per second, every half second
    table = bout_table(sequence, [(2.0, 3.5)])       # one row per interval
    table = pair_table(a, b)                         # one row per frame that two people share

The columns depend on the layout and the number of dimensions alone, never on the data. `table.attrs` tells the rest:
`units` of the columns, `unit` of the sequence and the `steps` by which it was cleaned. A table can be told to work on a
`Body` instead of a `PoseSequence`; what one table computed is then there for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.body import Body, FeatureSettings, Pair
from features.clock import frame_durations
from features.entries import face, gait, hands, joints, motion, pairs, places, posture
from features.errors import FeatureError
from features.normalize import body_scale
from features.registry import CATALOGUE, Catalogue, Feature, Level, feature
from features.sequence import PoseSequence, Whole
from features.windows import STATISTICS, Windows, intervals, wrapped
from features.zones import Zone

__all__ = [
    "CATALOGUE", "Body", "Catalogue", "Feature", "FeatureSettings", "Pair", "Zone",
    "bout_table", "catalogue_json", "catalogue_markdown", "column_description", "feature", "feature_names",
    "feature_table", "pair_table",
    "pair_window_table", "window_table",
]  # fmt: skip

Array = NDArray[np.float64]
DEFAULT_STATISTICS = ("mean", "std", "min", "max")
_AT_ONCE = 16  # series whose statistics are taken together: few calls, little memory
_ENTRIES = (posture, joints, motion, gait, hands, face, pairs, places)  # imported for what they enter


def feature_names(
    joint_names: tuple[str, ...], dimensions: int = 2, level: Level = "frame", catalogue: Catalogue = CATALOGUE
) -> list[str]:
    """The features of a level that a layout allows, in the order of the table's columns."""
    return [entry.name for entry in catalogue.of(level, joint_names, dimensions)]


def feature_table(
    sequence: PoseSequence | Body,
    names: Sequence[str] | None = None,
    *,
    frames: ArrayLike | None = None,
    zones: Sequence[Zone] = (),
    settings: FeatureSettings | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """Features of each frame.

    Args:
        sequence: one person over time; clean it first (`features.clean`), or raw jitter is what motion features show.
        names: frame features wanted, in this order; default all that the layout allows.
        frames: (n_frames,) frame numbers, for a first column `frame`.
        zones: areas of the image; each adds the zone features, `<zone>_inside` and so on.

    Returns:
        One row per frame: `frame` if given, `time_s`, then a float64 column per feature, NaN by the feature's own rule.

    Raises:
        UnknownFeature: a name that the catalogue does not have.
        FeatureError: a feature for other joints, dimensions or another table.
    """
    body = _body(sequence, settings)
    entries = _choose(body, names, "frame", catalogue)
    columns: dict[str, Any] = {} if frames is None else {"frame": np.asarray(frames)}
    columns["time_s"] = body.time_s
    units = {"time_s": "s"}
    for entry in entries:
        columns[entry.name], units[entry.name] = _frame_values(body, entry), _shown(entry.unit, body)
    for zone, entry in _zone_entries(body, zones, "zone", catalogue):
        column = f"{zone.column}_{entry.name}"
        columns[column], units[column] = _values(entry, len(body), body, zone), _shown(entry.unit, body)
    return _frame(columns, units, body)


def window_table(
    sequence: PoseSequence | Body,
    window_s: float,
    step_s: float,
    names: Sequence[str] | None = None,
    *,
    statistics: Sequence[str] = DEFAULT_STATISTICS,
    zones: Sequence[Zone] = (),
    settings: FeatureSettings | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """Statistics of the frame features, and the window features, in windows of `window_s` every `step_s` seconds.

    Args:
        names: frame and window features wanted; default all that the layout allows.
        statistics: of the frame features, out of `features.windows.STATISTICS`; columns `<feature>_<statistic>`.
        sequence, zones, settings, catalogue: as for `feature_table`.

    Returns:
        One row per window: `start_s`, `stop_s`, `n_frames`, `coverage` (the share of its time that frames of the
        person stand for, in [0, 1]), then the columns; NaN where no frame has a value. Sums such as path lengths and
        counts are of what was seen.
    """
    body = _body(sequence, settings)
    windows = Windows.sliding(body.time_s, window_s, step_s)
    return _windowed(body, windows, names, statistics, zones, catalogue)


def bout_table(
    sequence: PoseSequence | Body,
    bouts: Sequence[tuple[float, float]],
    names: Sequence[str] | None = None,
    *,
    statistics: Sequence[str] = DEFAULT_STATISTICS,
    zones: Sequence[Zone] = (),
    settings: FeatureSettings | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """The same as `window_table` for given intervals (start_s, stop_s), e.g. an action's bouts; rows in their order."""
    body = _body(sequence, settings)
    return _windowed(body, intervals(body.time_s, bouts), names, statistics, zones, catalogue)


def pair_table(
    a: PoseSequence,
    b: PoseSequence,
    names: Sequence[str] | None = None,
    *,
    settings: FeatureSettings | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """Features between two people at the timestamps that both have: `time_s`, then a column per pair feature."""
    pair = _pair(a, b, settings)
    columns: dict[str, Any] = {"time_s": pair.time_s}
    units = {"time_s": "s"}
    for entry in _choose(pair.a, names, "pair", catalogue):
        columns[entry.name] = _values(entry, len(pair.time_s), pair)
        units[entry.name] = _shown(entry.unit, pair.a)
    return _frame(columns, units, pair.a)


def pair_window_table(
    a: PoseSequence,
    b: PoseSequence,
    window_s: float,
    step_s: float,
    names: Sequence[str] | None = None,
    *,
    statistics: Sequence[str] = DEFAULT_STATISTICS,
    settings: FeatureSettings | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """Statistics of the pair features in sliding windows over the frames that both people share."""
    table = pair_table(a, b, names, settings=settings, catalogue=catalogue)
    time_s = table.pop("time_s").to_numpy()
    windows = Windows.sliding(time_s, window_s, step_s)
    columns, units = _window_columns(windows, frame_durations(time_s))
    values = {str(name): series for name, series in table.items()}
    periods = {name: catalogue[name].period for name in values}
    _add_statistics(columns, units, windows, values, table.attrs["units"], periods, statistics)
    result = pd.DataFrame(columns)
    result.attrs = {**table.attrs, "units": units}
    return result


def catalogue_markdown(catalogue: Catalogue = CATALOGUE) -> str:
    """The catalogue as a page for the docs."""
    titles: dict[Level, str] = {
        "frame": "Per frame: one person",
        "window": "Per window or bout: one person",
        "pair": "Per frame: two people",
        "zone": "Per frame: zones drawn on the image",
        "zone_window": "Per window or bout: zones drawn on the image",
    }
    lines = [_PAGE_HEAD.format(n=len(catalogue))]
    for level, title in titles.items():
        entries = [entry for entry in catalogue if entry.level == level]
        if not entries:
            continue
        lines += ["", f"## {title} ({len(entries)})", ""]
        lines += ["| feature | unit | formula | joints | D | NaN when | invariant | mirror | reference | note |"]
        lines += ["|" + "---|" * 10]
        for entry in entries:
            cells = (
                f"`{entry.name}`", entry.unit, entry.formula, ", ".join(entry.joints) or "those found",
                ", ".join(map(str, entry.dimensions)), entry.nan, ", ".join(entry.invariant) or "–", _mirror(entry),
                entry.reference, entry.note,
            )  # fmt: skip
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, _PAGE_FOOT])


def catalogue_json(catalogue: Catalogue = CATALOGUE) -> dict[str, list[dict[str, Any]]]:
    """The catalogue as plain values: each feature by the attributes of `Feature`, its function left out."""
    entries = [vars(entry) for entry in catalogue]
    return {"features": [{key: value for key, value in entry.items() if key != "function"} for entry in entries]}


_OTHER_COLUMNS = {
    "recording": "name of the recording",
    "track_id": "number of the person, from 1",
    "track_a": "number of the first person, from 1",
    "track_b": "number of the second person, from 1",
    "action": "name of the action",
    "frame": "number of the frame in the source, from 0",
    "time_s": "time of the frame, from the start of the source",
    "start_s": "begin of the window or bout",
    "stop_s": "end of the window or bout",
    "n_frames": "frames in the window or bout",
    "coverage": "share of its time that frames of the person cover",
}


def column_description(column: str, catalogue: Catalogue = CATALOGUE) -> str:
    """What a column of a table is: the feature's formula and, where it has them, its statistic and its zone."""
    if column in _OTHER_COLUMNS:
        return _OTHER_COLUMNS[column]
    for statistic in ("", *STATISTICS):
        name = column.removesuffix(f"_{statistic}") if statistic else column
        if statistic and name == column:
            continue
        of = f"{statistic} of " if statistic else ""
        if name in catalogue:
            return of + catalogue[name].formula
        for entry in catalogue:
            if entry.level.startswith("zone") and name.endswith(f"_{entry.name}"):
                return f"{of}{entry.formula}; zone {name.removesuffix(f'_{entry.name}')}"
    return ""


def _mirror(entry: Feature) -> str:
    sign = "" if entry.mirror == 1 else "−"
    return (
        f"{sign}`{entry.mirrored}`" if entry.mirrored != entry.name else ("same" if entry.mirror == 1 else "negative")
    )


def _body(sequence: PoseSequence | Body, settings: FeatureSettings | None) -> Body:
    if not isinstance(sequence, Body):
        return Body(sequence, settings)
    if settings is not None and settings != sequence.settings:
        raise ValueError("this Body has other settings; hand over its sequence instead")
    return sequence


def _pair(a: PoseSequence, b: PoseSequence, settings: FeatureSettings | None) -> Pair:
    if a.joint_names != b.joint_names or a.unit != b.unit or a.dimensions != b.dimensions:
        raise FeatureError("two people can be compared only with the same joints, unit and number of dimensions")
    _, in_a, in_b = np.intersect1d(a.time_s, b.time_s, assume_unique=True, return_indices=True)
    return Pair(Body(_shared(a, in_a), settings), Body(_shared(b, in_b), settings))


def _shared(sequence: PoseSequence, rows: NDArray[np.intp]) -> PoseSequence:
    """Some rows, the size that of the person in all of them: it doesn't depend on whom one is compared with."""
    whole = sequence.whole or Whole(trunk=body_scale(sequence))
    return replace(sequence, whole=whole).rows(rows)


def _choose(body: Body, names: Sequence[str] | None, level: Level, catalogue: Catalogue) -> list[Feature]:
    """The features of a level that are wanted; an error for a name that can't be had."""
    joint_names = body.sequence.joint_names
    if names is None:
        return catalogue.of(level, joint_names, body.dimensions)
    chosen = [catalogue[name] for name in names]
    for entry in chosen:
        if entry.level != level:
            raise FeatureError(
                f"feature {entry.name} is a {entry.level} feature, not a {level} feature: take the other table"
            )
        if not entry.fits(joint_names, body.dimensions):
            raise FeatureError(
                f"feature {entry.name} needs {', '.join(entry.needs) or 'joints'} in "
                f"{' or '.join(map(str, entry.dimensions))} dimensions; this sequence has "
                f"{body.dimensions} dimensions and {', '.join(joint_names)}"
            )
    return chosen


def _zone_entries(body: Body, zones: Sequence[Zone], level: Level, catalogue: Catalogue) -> list[tuple[Zone, Feature]]:
    if len({zone.column for zone in zones}) < len(zones):
        raise FeatureError("two zones have the same name, blanks and capitals aside; give each its own")
    for zone in zones:
        if not body.has(zone.joint):
            raise FeatureError(f"zone {zone.name} goes by the joint {zone.joint}, which this layout does not have")
    return [(zone, e) for zone in zones for e in catalogue.of(level, body.sequence.joint_names, body.dimensions)]


def _values(entry: Feature, n: int, *arguments: object) -> Array:
    try:
        values = np.asarray(entry.function(*arguments), dtype=np.float64)
    except FeatureError:
        raise
    except Exception as error:  # a user's own feature may do anything
        raise FeatureError(f"feature {entry.name}: {type(error).__name__}: {error}") from error
    if values.shape != (n,):
        raise FeatureError(f"feature {entry.name} gave an array of shape {values.shape}, expected ({n},)")
    return values


def _frame_values(body: Body, entry: Feature) -> Array:
    return body.once(("feature", entry.name, entry.function), lambda: _values(entry, len(body), body))


def _windowed(
    body: Body,
    windows: Windows,
    names: Sequence[str] | None,
    statistics: Sequence[str],
    zones: Sequence[Zone],
    catalogue: Catalogue,
) -> pd.DataFrame:
    of_window = None if names is None else [name for name in names if catalogue[name].level == "window"]
    of_frame = None if names is None else [name for name in names if name not in (of_window or ())]
    frame_entries = _choose(body, of_frame, "frame", catalogue)
    columns, units = _window_columns(windows, body.frame_durations)
    values = {entry.name: _frame_values(body, entry) for entry in frame_entries}
    shown = {entry.name: _shown(entry.unit, body) for entry in frame_entries}
    periods = {entry.name: entry.period for entry in frame_entries}
    for zone, entry in _zone_entries(body, zones, "zone", catalogue):
        values[f"{zone.column}_{entry.name}"] = _values(entry, len(body), body, zone)
        shown[f"{zone.column}_{entry.name}"] = _shown(entry.unit, body)
    _add_statistics(columns, units, windows, values, shown, periods, statistics)
    for entry in _choose(body, of_window, "window", catalogue):
        columns[entry.name], units[entry.name] = _values(entry, len(windows), body, windows), _shown(entry.unit, body)
    for zone, entry in _zone_entries(body, zones, "zone_window", catalogue):
        column = f"{zone.column}_{entry.name}"
        columns[column] = _values(entry, len(windows), body, zone, windows)
        units[column] = _shown(entry.unit, body)
    return _frame(columns, units, body)


def _window_columns(windows: Windows, durations: Array) -> tuple[dict[str, Any], dict[str, str]]:
    columns = {
        "start_s": windows.start_s,
        "stop_s": windows.stop_s,
        "n_frames": windows.n_frames,
        "coverage": windows.share(np.ones(len(durations), dtype=bool), durations),
    }
    return columns, {"start_s": "s", "stop_s": "s", "n_frames": "1", "coverage": "1"}


def _add_statistics(
    columns: dict[str, Any],
    units: dict[str, str],
    windows: Windows,
    values: dict[str, Any],
    shown: dict[str, str],
    periods: dict[str, float],
    statistics: Sequence[str],
) -> None:
    unknown = [name for name in statistics if name not in STATISTICS]
    if unknown:
        raise FeatureError(f"no statistic {unknown[0]!r}; there are {', '.join(STATISTICS)}")
    results: dict[str, dict[str, Array]] = {}
    for period in sorted({periods.get(name, 0) for name in values}):
        names = [name for name in values if periods.get(name, 0) == period]
        for begin in range(0, len(names), _AT_ONCE):
            part = names[begin : begin + _AT_ONCE]
            stacked = np.stack([np.asarray(values[name], dtype=np.float64) for name in part])
            of, stacked = windows.unwrapped(stacked, period) if period else (windows, stacked)
            for statistic in statistics:
                result = STATISTICS[statistic](of, stacked)
                if period and statistic not in ("std", "range"):  # these say how wide, the others where
                    result = wrapped(result, period)
                for row, name in enumerate(part):
                    results.setdefault(name, {})[statistic] = result[row]
    for name in values:
        for statistic in statistics:
            column = f"{name}_{statistic}"
            columns[column], units[column] = results[name][statistic], shown[name]


def _shown(unit: str, body: Body) -> str:
    """The unit with the sequence's own in place of `length`."""
    return unit.replace("length", body.sequence.unit)


def _frame(columns: dict[str, Any], units: dict[str, str], body: Body) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    table.attrs = {"units": units, "unit": body.sequence.unit, "steps": list(body.sequence.steps)}
    return table


_PAGE_FOOT = """
## Your own

One decorated function, and the tables have it; `features.registry.Feature` says what each argument means.

```python
from features import feature, feature_table

@feature(
    name="wrist_gap", unit="torso", formula="|left_wrist − right_wrist| / torso", joints=("left_wrist", "right_wrist"),
    nan="a joint is missing, or the trunk is never seen", reference="own",
)
def wrist_gap(body):
    return body.distance("left_wrist", "right_wrist")

table = feature_table(sequence, ["wrist_gap"])
```

The same functions in a file of yours: `posescribe features DB --out FILE --plugin mine.py`.

## From a database

```sh
posescribe features DB --out frames.parquet                          # a row per person and frame
posescribe features DB --out windows.csv --window 1 --step 0.5       # per second, every half second
posescribe features DB --out bouts.csv --bouts automatic             # per bout of an action; human: per label
posescribe features DB --out pairs.parquet --pairs                   # between each two people
posescribe features DB --out two.csv --features speed,width          # only these; units in two.units.csv
posescribe features DB --out frames.parquet --zones zones.json       # {"door": [[x, y], [x, y], [x, y]], ...}
posescribe features DB --out metres.parquet --scale 1=1.78           # person 1 is 1.78 m tall: metres
posescribe features DB --out raw.parquet --smoothing none --max-gap 0 --outlier-window 0 --min-confidence 0
```
"""

_PAGE_HEAD = """\
# Feature catalogue

Generated by `python -m features > docs/features.md`; do not edit.

{n} features. `torso` is the length of the trunk (neck to mid_hip), as its median over the sequence; `head_width` that
from ear to ear, or from the nose to an ear where that is more, as its 90th percentile; `length` is the sequence's own
unit (px, m, mm). With a known [scale](studio.md#metres) metres stand in place of `torso` and px. A layout without a
joint that a feature needs has no such column: those of hands and faces are in the tables of bodies that have them
(wholebody.md). Sources, formulas and NaN rules stand with each; the measures themselves, with worked examples, in
`features.geometry`, `features.kinematics`, `features.relations`, `features.head`, `features.windows`,
`features.zones` and `features.plane`.

**Time** is the source's own. What is usual holds around a frame (median of 15 steps), so a change of the frame rate
needs no setting; a step above 3.5 usual ones is a hole, and a derivative is NaN next to one: motion across a hole is
never made up. Below 0.5 torso/s a person has no heading: what goes by it is NaN.

**Cleaning** comes first. Filters are 3 dB down at the frequency they name as applied, at any frame rate: `kalman` (the
default) at 4 Hz, `butterworth` and `savitzky_golay` at 6 Hz; `median` takes 0.2 s; `one_euro` from 1 Hz on, more with
speed. `features.filters` has the sources. The points of a face are left unsmoothed, so that blinks and speech stay.

**Windows** tell how full they are: `n_frames`, and `coverage`, the share of their time that frames of the person stand
for. Sums (path lengths, steps, time in a zone) are of what was seen, so that windows add up; means, rates and shares
compare as they are; smoothness and dominant frequencies are NaN when more than a fifth is unseen. Mean, median, minimum
and maximum of inclinations and tilts go round the circle: 179° and −179° have the mean 180°.

x points right, y down, as in the image. Angles are in degrees: 180 is a straight joint (a straight finger has a flexion
of 0); inclinations are 0 upright (trunk, head) or hanging (limbs) and positive to the image's right. *Invariant* says
which changes of the image leave a feature as it is, *mirror* what it becomes in a mirrored image once left and right
have exchanged their names.

```
  inclination          hanging limb         angle at b             tilt
   0°   +30°             joint                  a                      ___ image's right: +
    |   /                  | \\                   \\                __--
    |  /                   |  \\                   \\ θ          --      level: 0°
    | /                    |   \\                   b-----c
   base                    0°   +30°            θ = 180° when straight
```"""
