"""Tables of bouts: one row per bout, and summaries per person and action, over all or per time bin.

Times are seconds of the source's own clock. A person is on screen from a frame in which they were found to the end of
the next such frame, as long as no more than `bridge_s` lies between the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.recognition.rules import UPRIGHT
from storage.bouts import Bout, Source
from storage.coded import ALWAYS, Span
from storage.files import write_bytes
from storage.formats.labels.sheets import harmless

BOUT_COLUMNS = (
    "track_id", "action", "start_s", "stop_s", "duration_s", "start_frame", "stop_frame", "score", "evidence",
)  # fmt: skip
SUMMARY_COLUMNS = (
    "track_id", "action", "count", "total_s", "mean_s", "share", "latency_s", "std_s", "first_s", "last_s",
    "interval_s", "interval_std_s",
)  # fmt: skip
TOLD_COLUMNS = ("person", "recording", "source")
"""Behind the columns of each table of a report: the person's name, the recording's, and who says so: `human`,
`automatic`, or `both` where each says a part."""
REPETITION_COLUMNS = (
    "track_id", "action", "repetition", "start_s", "stop_s", "duration_s", "amplitude", "unit",
)  # fmt: skip
BIN_COLUMNS = ("bin_start_s", "bin_stop_s")

BRIDGE_S = 0.5
"""Gap in detection, seconds, over which a person still counts as on screen."""

Spans = NDArray[np.float64]
"""(n, 2) start and stop of each interval, seconds; sorted and disjoint."""


class Seen(Protocol):
    """One person and the frames that show them: a `pose.people.Track`, or what is left of one."""

    @property
    def track_id(self) -> int: ...
    @property
    def time_s(self) -> NDArray[np.float64]: ...


def frame_interval(tracks: Sequence[Seen]) -> float:
    """Median time between neighbouring frames of the tracks, seconds; 0 when no track has two frames."""
    steps = [np.diff(track.time_s) for track in tracks if len(track.time_s) > 1]
    return float(np.median(np.concatenate(steps))) if steps else 0.0


def on_screen(track: Seen, frame_s: float, bridge_s: float = BRIDGE_S) -> Spans:
    """When the person was on screen: (n, 2) seconds; each interval ends `frame_s` after its last frame."""
    if len(track.time_s) == 0:
        return np.empty((0, 2))
    breaks = np.flatnonzero(np.diff(track.time_s) > max(bridge_s, 1.5 * frame_s))
    starts = track.time_s[np.concatenate([[0], breaks + 1])]
    stops = track.time_s[np.concatenate([breaks, [len(track.time_s) - 1]])] + frame_s
    return np.stack([starts, stops], axis=1)


def merged(spans: Spans) -> Spans:
    """Union of intervals in any order: (n, 2), sorted and disjoint."""
    if len(spans) == 0:
        return np.empty((0, 2))
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.concatenate([[True], spans[1:, 0] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return np.stack([spans[first, 0], reach[last]], axis=1)


def length(spans: Spans, start: float = -np.inf, stop: float = np.inf) -> float:
    """Seconds of the intervals that lie between `start` and `stop`."""
    return float(np.clip(np.minimum(spans[:, 1], stop) - np.maximum(spans[:, 0], start), 0, None).sum())


def overlap(a: Spans, b: Spans) -> float:
    """Seconds that two sets of sorted, disjoint intervals share."""
    return length(a) + length(b) - length(merged(np.concatenate([a, b])))


def _in_order(bouts: Sequence[Bout]) -> list[Bout]:
    return sorted(bouts, key=lambda bout: (bout.track_id, bout.start_s, bout.action))


def bout_sources(bouts: Sequence[Bout]) -> list[Source]:
    """Who says each bout, in the order of `bouts_table`."""
    return [bout.source for bout in _in_order(bouts)]


def source_of(spans: Sequence[Span] | None) -> Source:
    """Whose word counts of a person of whom humans coded these spans."""
    return "automatic" if not spans else "human" if ALWAYS in spans else "both"


def bouts_table(bouts: Sequence[Bout]) -> pd.DataFrame:
    """One row per bout, by person and start; columns as in `BOUT_COLUMNS`, frames with both ends inside."""
    rows = _in_order(bouts)
    return pd.DataFrame(
        {
            "track_id": np.array([bout.track_id for bout in rows], dtype=np.int64),
            "action": pd.Series([bout.action for bout in rows], dtype="str"),
            "start_s": np.array([bout.start_s for bout in rows], dtype=np.float64),
            "stop_s": np.array([bout.stop_s for bout in rows], dtype=np.float64),
            "duration_s": np.array([bout.duration_s for bout in rows], dtype=np.float64),
            "start_frame": np.array([bout.start_frame for bout in rows], dtype=np.int64),
            "stop_frame": np.array([bout.stop_frame for bout in rows], dtype=np.int64),
            "score": np.array([bout.score for bout in rows], dtype=np.float64),
            "evidence": pd.Series([bout.evidence or "" for bout in rows], dtype="str"),
        }
    )


def repetitions_table(bouts: Sequence[Bout]) -> pd.DataFrame:
    """One row per repetition of a counted exercise, by person, start and action; numbered from 1 within each bout."""
    rows = [
        (bout.track_id, bout.action, number, one.start_s, one.stop_s, one.stop_s - one.start_s, one.amplitude, one.unit)
        for bout in _in_order(bouts)
        for number, one in enumerate(bout.repetitions, start=1)
    ]
    numbers = dict.fromkeys(("start_s", "stop_s", "duration_s", "amplitude"), "float64")
    kinds = {"track_id": "int64", "action": "str", "repetition": "int64", **numbers, "unit": "str"}
    return pd.DataFrame(rows, columns=list(REPETITION_COLUMNS)).astype(kinds)


def repetition_sums(bouts: Sequence[Bout]) -> pd.DataFrame:
    """One row per bout with repetitions: `track_id`, `action`, `start_s`, `stop_s`, their `count`, and mean and sample
    standard deviation of durations, seconds, and amplitudes, in `unit`; deviations NaN below two."""
    rows = []
    for bout in sorted(bouts, key=lambda bout: (bout.track_id, bout.start_s, bout.action)):
        if bout.repetitions:
            each = repetitions_table([bout])
            durations, amplitudes = each.duration_s, each.amplitude
            rows.append((
                bout.track_id, bout.action, bout.start_s, bout.stop_s, len(each), durations.mean(), durations.std(),
                amplitudes.mean(), amplitudes.std(), each.unit.iloc[0],
            ))  # fmt: skip
    columns = ("mean_s", "std_s", "amplitude", "amplitude_std")
    return pd.DataFrame(rows, columns=["track_id", "action", "start_s", "stop_s", "count", *columns, "unit"])


def with_repetitions(summary: pd.DataFrame, bouts: Sequence[Bout]) -> pd.DataFrame:
    """A summary with `repetitions`: how many each person did of each action, in all; 0 for what is not counted."""
    counts: dict[tuple[int, str], int] = {}
    for bout in bouts:
        key = bout.track_id, bout.action
        counts[key] = counts.get(key, 0) + len(bout.repetitions)
    keys = zip(summary.track_id, summary.action, strict=True)
    return summary.assign(repetitions=np.array([counts.get(key, 0) for key in keys], dtype=np.int64))


def summary_table(
    bouts: Sequence[Bout],
    tracks: Sequence[Seen],
    *,
    actions: Sequence[str] | None = None,
    bin_s: float | None = None,
    bridge_s: float = BRIDGE_S,
) -> pd.DataFrame:
    """How often, how long and how soon each person did each action.

    Args:
        bouts: of any of the tracks.
        tracks: the people, also those without a bout.
        actions: list these for every person, with zeros where there was none; None lists what each person did.
        bin_s: width of time bins in seconds, counted from 0 of the source's clock; None for the whole recording.
        bridge_s: gap in detection over which a person still counts as on screen, seconds.

    Returns:
        One row per person and action. With bins one per bin too (`bin_start_s`, `bin_stop_s`), for every bin from the
        person's first to last moment on screen:

        - count: bouts that begin in the bin.
        - total_s: time the action took within the bin, seconds.
        - mean_s: mean duration of the bouts counted, seconds; NaN without one.
        - share: of the person's time on screen within the bin, 0 to 1; NaN when there was none.
        - latency_s: start of the first bout counted, since the person's first frame or since the bin began, whichever
          is later, seconds; NaN without a bout.
        - std_s: sample standard deviation (divisor n - 1) of the durations of the bouts counted; NaN below two.
        - first_s, last_s: start of the first and stop of the last of them by the source's clock; NaN without a bout.
        - interval_s, interval_std_s: mean and sample standard deviation of the times from the end of a bout counted to
          the beginning of the next, those left out in which the person was out of sight for a while; NaN without one,
          or below two.

    Raises:
        ValueError: a bout of a person that has no track, or a bin that is not positive.
    """
    if bin_s is not None and not bin_s > 0:
        raise ValueError(f"expected bins longer than 0 s, got {bin_s}")
    strangers = {bout.track_id for bout in bouts} - {track.track_id for track in tracks}
    if strangers:
        raise ValueError(f"bouts of people without a track: {sorted(strangers)}")
    frame_s = frame_interval(tracks)
    of_person: dict[int, dict[str, list[Bout]]] = {}
    for bout in sorted(bouts, key=lambda bout: bout.start_s):
        of_person.setdefault(bout.track_id, {}).setdefault(bout.action, []).append(bout)
    rows: list[tuple[int | str | float, ...]] = []
    for track in sorted(tracks, key=lambda track: track.track_id):
        presence = on_screen(track, frame_s, bridge_s)
        done = of_person.get(track.track_id, {})
        for action in sorted(done) if actions is None else actions:
            spans = np.array([(bout.start_s, bout.stop_s) for bout in done.get(action, [])]).reshape(-1, 2)
            for start, stop in _bins(presence, bin_s):
                figures = _figures(spans, presence, start, stop)
                rows.append((track.track_id, action, *(() if bin_s is None else (start, stop)), *figures))
    bins = () if bin_s is None else BIN_COLUMNS
    table = pd.DataFrame(rows, columns=[*SUMMARY_COLUMNS[:2], *bins, *SUMMARY_COLUMNS[2:]])
    numbers = dict.fromkeys((*SUMMARY_COLUMNS[3:], *bins), "float64")
    return table.astype({"track_id": "int64", "action": "str", "count": "int64", **numbers})


def _bins(presence: Spans, bin_s: float | None) -> list[tuple[float, float]]:
    if bin_s is None:
        return [(-np.inf, np.inf)]
    if len(presence) == 0:
        return []
    first, last = int(presence[0, 0] // bin_s), int(np.ceil(presence[-1, 1] / bin_s))
    return [(k * bin_s, (k + 1) * bin_s) for k in range(first, max(last, first + 1))]


def _figures(spans: Spans, presence: Spans, start: float, stop: float) -> tuple[float, ...]:
    """`SUMMARY_COLUMNS` from count on, of one action of one person between two times."""
    begun = spans[(spans[:, 0] >= start) & (spans[:, 0] < stop)]
    lengths, pauses = begun[:, 1] - begun[:, 0], _pauses(merged(begun), presence)
    seen = length(presence, start, stop)
    shared = overlap(np.clip(merged(spans), start, stop), np.clip(presence, start, stop))
    return (
        len(begun),
        length(spans, start, stop),
        _mean(lengths),
        shared / seen if seen > 0 else np.nan,
        float(begun[0, 0] - max(start, presence[0, 0])) if len(begun) and len(presence) else np.nan,
        _std(lengths),
        float(begun[0, 0]) if len(begun) else np.nan,
        float(begun[:, 1].max()) if len(begun) else np.nan,
        _mean(pauses),
        _std(pauses),
    )


def _pauses(spans: Spans, presence: Spans) -> NDArray[np.float64]:
    """Seconds from the end of each interval to the beginning of the next, where the person was seen throughout."""
    between = np.stack([spans[:-1, 1], spans[1:, 0]], axis=1)
    return np.array([stop - start for start, stop in between if seen_throughout(presence, start, stop)])


def seen_throughout(presence: Spans, start: float, stop: float) -> bool:
    """Whether the person was on screen all the while between two times, to the microsecond."""
    return length(presence, start, stop) >= stop - start - 1e-6


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _std(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def told(
    table: pd.DataFrame,
    *,
    recording: str,
    names: Mapping[int, str],
    coded: Mapping[int, Sequence[Span]] | None = None,
) -> pd.DataFrame:
    """A table by `track_id` with `TOLD_COLUMNS` behind its own.

    Args:
        table: of bouts, or a summary.
        recording: its name.
        names: what to call each person.
        coded: people of whom a human said something, and from when to when.
    """
    source = [source_of((coded or {}).get(track_id)) for track_id in table.track_id]
    return table.assign(
        person=table.track_id.map(dict(names)).astype("str"),
        recording=pd.Series(recording, index=table.index, dtype="str"),
        source=pd.Series(source, index=table.index, dtype="str"),
    )


def told_pairs(table: pd.DataFrame, *, recording: str, names: Mapping[int, str]) -> pd.DataFrame:
    """A table of two people each, by `track_a` and `track_b`, with `person_a`, `person_b` and `recording` behind."""
    called = {f"person_{end}": table[f"track_{end}"].map(dict(names)).astype("str") for end in "ab"}
    return table.assign(**called, recording=pd.Series(recording, index=table.index, dtype="str"))


def with_time_on_screen(
    summary: pd.DataFrame, bouts: Sequence[Bout], tracks: Sequence[Seen], bridge_s: float = BRIDGE_S
) -> pd.DataFrame:
    """A summary with `on_screen_s`, each person's time on screen, and `unnamed_s`, the part without any action.

    Being upright is no action.
    """
    frame_s = frame_interval(tracks)
    seen, rest = {}, {}
    for track in tracks:
        presence = on_screen(track, frame_s, bridge_s)
        own = [(b.start_s, b.stop_s) for b in bouts if b.track_id == track.track_id and b.action != UPRIGHT]
        seen[track.track_id] = length(presence)
        rest[track.track_id] = length(presence) - overlap(merged(np.array(own).reshape(-1, 2)), presence)
    numbers = {"on_screen_s": summary.track_id.map(seen), "unnamed_s": summary.track_id.map(rest)}
    return summary.assign(**{name: values.astype("float64") for name, values in numbers.items()})


def bins_table(bouts: Sequence[Bout], tracks: Sequence[Seen], bin_s: float) -> pd.DataFrame:
    """`summary_table` in bins, with `on_screen_s`, the time in each that the person was on screen, seconds.

    Every action that occurred is listed for everyone and every bin, zeros too; the share of a bin in which the person
    was never on screen is NaN.
    """
    table = summary_table(bouts, tracks, actions=sorted({bout.action for bout in bouts}), bin_s=bin_s)
    frame_s = frame_interval(tracks)
    presence = {track.track_id: on_screen(track, frame_s) for track in tracks}
    ends = table[["track_id", *BIN_COLUMNS]].itertuples(index=False)
    return table.assign(on_screen_s=[length(presence[track_id], start, stop) for track_id, start, stop in ends])


def tick_step(span_s: float, most: int = 10) -> float:
    """The smallest round step, seconds, that cuts a span into at most `most` parts."""
    steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200]
    return next((step for step in steps if span_s / step <= most), math.ceil(span_s / most / 86400) * 86400.0)


def bin_widths(span_s: float, wanted_s: float | None = None) -> list[float]:
    """Widths of time bins that a report offers, seconds: the one to write down first, then wider and narrower ones.

    Args:
        span_s: length of the recording, seconds.
        wanted_s: the first; None is the smallest round number that makes at most ten bins.
    """
    first, *others = (tick_step(span_s, most) for most in (10, 5, 20))
    return list(dict.fromkeys([first if wanted_s is None else wanted_s, *others, first]))


def write_table(table: pd.DataFrame, path: Path) -> None:
    """The table as UTF-8 CSV, times to the microsecond; an interrupted write leaves the old file.

    Text that a spreadsheet would run as a formula has an apostrophe before it, see `harmless`.

    Raises:
        OutputError: the folder or file can't be written.
    """

    def safe(cell: object) -> object:
        return harmless(cell) if isinstance(cell, str) else cell

    table = table.copy()
    for name in table.select_dtypes(["object", "str"]):
        table[name] = table[name].map(safe)
    write_bytes(path, table.round(6).to_csv(index=False, lineterminator="\n").encode())
