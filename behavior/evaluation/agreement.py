"""Agreement of two coders of the same people: the machine and a human, or two humans.

Frames are compared at their own timestamps, each counted once: a frame shows an action when its timestamp lies in
[start, stop) of one of its intervals. Label files round times to the millisecond, so borders are taken half a
millisecond earlier on both sides. Several actions at once are allowed: for the overall kappa a frame's category is the
set of its actions.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

ROUNDING_S = 5.1e-4
"""Label files round times to the millisecond."""

THRESHOLDS = (0.1, 0.25, 0.5)
"""Intersections over unions from which on two bouts are the same (Lea et al., 2017, https://arxiv.org/abs/1611.05267)."""


class TimedAction(Protocol):
    """An interval of one person, such as a `Bout` or a stored `Annotation`."""

    @property
    def action(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def stop_s(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Coded:
    """One person with what both coders say.

    Attributes:
        recording, track_id, person: who it is; `person` for the reader.
        frames: (n,) int64 numbers of the frames that are judged, rising.
        time_s: (n,) float64 their timestamps, seconds.
        ends_s: (n,) float64 when they leave the screen, seconds.
        human, machine: in any order; overlapping intervals of one action count as one.
    """

    recording: str
    track_id: int
    person: str
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    human: Sequence[TimedAction]
    machine: Sequence[TimedAction]

    def __post_init__(self) -> None:
        if not len(self.frames) == len(self.time_s) == len(self.ends_s):
            raise ValueError(f"{self.person}: frames, times and ends differ in length")


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far human and machine agree, over all frames and bouts of all people.

    Attributes:
        kappa: Cohen's, of the set of actions in each frame; NaN without frames, or when both say one thing throughout.
        observed: share of frames with the same set of actions; NaN without frames.
        n_frames: frames judged, each person's counted.
        n_people: people judged.
        bout_f1: threshold of the intersection over union -> F1 of the bouts of all actions; NaN without bouts.
        per_action: one row per action: `action`; `human_s`, `machine_s`, `both_s` seconds of the frames; `precision`,
            `recall`, `f1`, `kappa` of the machine by frame; `human_bouts`, `machine_bouts`; for each threshold
            `bout_precision_50`, `bout_recall_50`, `bout_f1_50` (in per cent). NaN where nothing is divided.
        disagreements: one row per stretch of frames in which they differ in the same way: `recording, track_id, person,
            start_s, stop_s, duration_s, start_frame, stop_frame, human, machine`; several actions joined by ` + `,
            empty for none. Both frames are inside.
        notes: what was left out, a line each.
    """

    kappa: float
    observed: float
    n_frames: int
    n_people: int
    bout_f1: Mapping[float, float]
    per_action: pd.DataFrame
    disagreements: pd.DataFrame
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, NaN as None."""
        return {
            "kappa": _plain(self.kappa),
            "observed": _plain(self.observed),
            "frames": self.n_frames,
            "people": self.n_people,
            "bout_f1": {f"{threshold:g}": _plain(value) for threshold, value in self.bout_f1.items()},
            "per_action": records(self.per_action),
            "disagreements": records(self.disagreements),
            "notes": list(self.notes),
        }


def agreement(
    people: Sequence[Coded],
    *,
    actions: Collection[str] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    min_s: float = 0.0,
) -> Agreement:
    """Kappa, figures per action, F1 of bouts and the list of disagreements.

    Args:
        people: everyone to be judged.
        actions: only these; None: all that either coder names.
        thresholds: of the intersection over union of two bouts.
        min_s: leave shorter disagreements out of the list (not out of the figures), seconds.
    """
    named = {one.action for person in people for one in (*person.human, *person.machine)}
    names = sorted(named if actions is None else set(actions))
    human = [presence(person.time_s, person.human, names) for person in people]
    machine = [presence(person.time_s, person.machine, names) for person in people]
    both = (np.concatenate([np.zeros((0, len(names)), dtype=bool), *side]) for side in (human, machine))
    one, other = both
    length = np.concatenate([np.zeros(0), *(person.ends_s - person.time_s for person in people)])
    rows, hits = [], np.zeros((len(names), len(thresholds), 3), dtype=np.int64)
    for place, action in enumerate(names):
        for person in people:
            spans = (merged_spans(person.human, action), merged_spans(person.machine, action))
            hits[place] += [[_matches(*spans, threshold), len(spans[0]), len(spans[1])] for threshold in thresholds]
        shown, said = one[:, place], other[:, place]
        row: dict[str, Any] = {
            "action": action,
            "human_s": float(length[shown].sum()),
            "machine_s": float(length[said].sum()),
            "both_s": float(length[shown & said].sum()),
            **_scores("", int((shown & said).sum()), int(shown.sum()), int(said.sum())),
            "kappa": cohen_kappa(shown, said),
            "human_bouts": int(hits[place, 0, 1]),
            "machine_bouts": int(hits[place, 0, 2]),
        }
        for threshold, (same, true, found) in zip(thresholds, hits[place].tolist(), strict=True):
            scores = _scores("bout_", same, true, found)
            row |= {f"{name}_{round(100 * threshold)}": value for name, value in scores.items()}
        rows.append(row)
    totals = zip(thresholds, hits.sum(axis=0).tolist(), strict=True)
    return Agreement(
        kappa=cohen_kappa(*_sets(one, other)),
        observed=float((one == other).all(axis=1).mean()) if len(one) else float("nan"),
        n_frames=len(one),
        n_people=len(people),
        bout_f1={threshold: _scores("", *counts)["f1"] for threshold, counts in totals},
        per_action=pd.DataFrame(rows),
        disagreements=_disagreements(people, human, machine, names, min_s),
    )


def cohen_kappa(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Cohen's kappa (1960) of two (n,) arrays of categories.

    κ = (p_o - p_e) / (1 - p_e); NaN without rows, or when both use the same single category.
    """
    if len(one) == 0:
        return float("nan")
    categories = np.unique(np.concatenate([one, other]))
    shares = [np.array([np.mean(side == category) for category in categories]) for side in (one, other)]
    expected = float(shares[0] @ shares[1])
    observed = float(np.mean(one == other))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def presence(time_s: NDArray[np.float64], actions: Iterable[TimedAction], names: Sequence[str]) -> NDArray[np.bool_]:
    """(n_frames, n_actions) which actions each frame shows, by the frames' timestamps."""
    shown = np.zeros((len(time_s), len(names)), dtype=bool)
    for one in actions:
        if one.action in names:
            first, last = np.searchsorted(time_s, [one.start_s - ROUNDING_S, one.stop_s - ROUNDING_S])
            shown[first:last, names.index(one.action)] = True
    return shown


def _sets(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_frames,) a number for the set of actions in each frame, the same set the same number on both sides."""
    if one.shape[1] == 0:
        return np.zeros(len(one), dtype=np.int64), np.zeros(len(other), dtype=np.int64)
    # Sets of more than 62 actions don't fit into the bits of one number.
    _, numbers = np.unique(np.packbits(np.concatenate([one, other]), axis=1), axis=0, return_inverse=True)
    numbers = np.asarray(numbers, dtype=np.int64).reshape(-1)
    return numbers[: len(one)], numbers[len(one) :]


def merged_spans(actions: Iterable[TimedAction], name: str) -> NDArray[np.float64]:
    """(n, 2) start and stop of the bouts of one action, overlapping ones merged."""
    merged: list[list[float]] = []
    for start, stop in sorted((one.start_s, one.stop_s) for one in actions if one.action == name):
        if merged and start < merged[-1][1] - ROUNDING_S:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array(merged, dtype=np.float64).reshape(-1, 2)


def _matches(one: NDArray[np.float64], other: NDArray[np.float64], threshold: float) -> int:
    """How many bouts find a partner of at least this intersection over union, each bout used once."""
    if len(one) == 0 or len(other) == 0:
        return 0
    starts = np.maximum(one[:, None, 0], other[None, :, 0])
    stops = np.minimum(one[:, None, 1], other[None, :, 1])
    both = np.clip(stops - starts, 0, None)
    union = (one[:, 1] - one[:, 0])[:, None] + (other[:, 1] - other[:, 0])[None] - both
    with np.errstate(invalid="ignore"):
        close = both / union >= threshold
    rows, columns = linear_sum_assignment(close, maximize=True)
    return int(close[rows, columns].sum())


def _scores(prefix: str, same: int, true: int, found: int) -> dict[str, float]:
    """Precision, recall and F1 of the machine out of counts."""
    return {
        f"{prefix}precision": same / found if found else float("nan"),
        f"{prefix}recall": same / true if true else float("nan"),
        f"{prefix}f1": 2 * same / (true + found) if true + found else float("nan"),
    }


def _disagreements(
    people: Sequence[Coded],
    human: Sequence[NDArray[np.bool_]],
    machine: Sequence[NDArray[np.bool_]],
    names: Sequence[str],
    min_s: float,
) -> pd.DataFrame:
    def text(shown: NDArray[np.bool_]) -> str:
        return " + ".join(name for name, there in zip(names, shown, strict=True) if there)

    rows: list[dict[str, Any]] = []
    for person, one, other in zip(people, human, machine, strict=True):
        state = np.concatenate([one, other], axis=1)
        # A stretch ends where the answers change, and where frames were not judged.
        breaks = (state[1:] != state[:-1]).any(axis=1) | (person.time_s[1:] > person.ends_s[:-1] + 1e-9)
        edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(state)]
        for first, stop in itertools.pairwise(edges):
            if first == stop or np.array_equal(one[first], other[first]):
                continue
            start_s, stop_s = float(person.time_s[first]), float(person.ends_s[stop - 1])
            if stop_s - start_s >= min_s:
                rows.append(
                    {
                        "recording": person.recording, "track_id": person.track_id, "person": person.person,
                        "start_s": start_s, "stop_s": stop_s, "duration_s": stop_s - start_s,
                        "start_frame": int(person.frames[first]), "stop_frame": int(person.frames[stop - 1]),
                        "human": text(one[first]), "machine": text(other[first]),
                    }
                )  # fmt: skip
    columns = {
        "recording": "str", "track_id": "int64", "person": "str", "start_s": "float64", "stop_s": "float64",
        "duration_s": "float64", "start_frame": "int64", "stop_frame": "int64", "human": "str", "machine": "str",
    }  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain JSON, NaN as None."""
    return [
        {str(name): _plain(value) if isinstance(value, float) else value for name, value in record.items()}
        for record in table.to_dict("records")
    ]


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
