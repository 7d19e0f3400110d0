"""What follows what, and what happens at the same time. Being upright is no action here.

Times are seconds of the source's own clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from behavior.recognition.rules import UPRIGHT
from behavior.report.tables import Spans, seen_throughout
from storage.bouts import Bout

HAND_OVER_S = 1.0
"""A bout that begins within this time of another's end, seconds, follows it."""
NOTHING = "(not named)"
GONE = "(no longer seen)"
TRANSITION_COLUMNS = ("track_id", "action", "next", "count", "share")
TOGETHER_COLUMNS = ("track_a", "action_a", "track_b", "action_b", "total_s", "share_a", "share_b")
_MOMENT_S = 1e-6


def transitions(bouts: Sequence[Bout], presence: Mapping[int, Spans], hand_over_s: float = HAND_OVER_S) -> pd.DataFrame:
    """How often each person went from one action to which.

    After a bout comes the one of the same person that begins first within `hand_over_s` of its end, before or after,
    later than it, and ends later than it; of several that begin at that moment each. The person must have been on
    screen all the while in between. Where there is none, `next` is

    - left out, with the whole row, while another action that had begun before goes on: nothing was changed to,
    - `(no longer seen)` when the person leaves the screen, or the recording ends, within `hand_over_s`,
    - `(not named)` otherwise.

    Args:
        bouts: of any people.
        presence: when each of them was on screen, by track id.
        hand_over_s: seconds.

    Returns:
        By person, action and next: `count`, and `share`, its part of all that followed that action of that person.
    """
    counts: Counter[tuple[int, str, str]] = Counter()
    of_person: dict[int, list[Bout]] = {}
    for bout in sorted(bouts, key=lambda bout: (bout.start_s, bout.stop_s)):
        if bout.action != UPRIGHT:
            of_person.setdefault(bout.track_id, []).append(bout)
    for track_id, own in of_person.items():
        seen = presence[track_id]
        starts, stops = (np.array([getattr(bout, end) for bout in own]) for end in ("start_s", "stop_s"))
        for bout in own:
            end = bout.stop_s
            later = (starts > bout.start_s + _MOMENT_S) & (stops > end + _MOMENT_S)
            near = np.flatnonzero(later & (abs(starts - end) <= hand_over_s + _MOMENT_S))
            near = near[[seen_throughout(seen, end, starts[i]) for i in near]] if len(near) else near
            if len(near):
                first = starts[near].min()
                counts.update((track_id, bout.action, own[i].action) for i in near if starts[i] - first <= _MOMENT_S)
            elif np.any((starts < end - _MOMENT_S) & (stops > end + _MOMENT_S)):
                continue
            elif seen_throughout(seen, end, end + hand_over_s):
                counts[track_id, bout.action, NOTHING] += 1
            else:
                counts[track_id, bout.action, GONE] += 1
    table = pd.DataFrame([(*key, n) for key, n in sorted(counts.items())], columns=list(TRANSITION_COLUMNS[:4]))
    table = table.astype({"track_id": "int64", "action": "str", "next": "str", "count": "int64"})
    return table.assign(share=table["count"] / table.groupby(["track_id", "action"])["count"].transform("sum"))


def together(bouts: Sequence[Bout]) -> pd.DataFrame:
    """How long two actions held at the same time, of one person or of two.

    Returns:
        A row for each two actions that did, the first by person and name before the second: `total_s`, and `share_a`,
        `share_b`, its part of all the time of the one and of the other. Bouts of one action of one person that overlap
        count once.
    """
    known = [bout for bout in bouts if bout.action != UPRIGHT and bout.stop_s > bout.start_s]
    series = sorted({(bout.track_id, bout.action) for bout in known})
    edges = np.unique([time for bout in known for time in (bout.start_s, bout.stop_s)])
    holds = np.zeros((len(edges), len(series)), dtype=np.float32)
    rank = {each: place for place, each in enumerate(series)}
    for bout in known:
        first, last = np.searchsorted(edges, (bout.start_s, bout.stop_s))
        holds[first:last, rank[bout.track_id, bout.action]] = 1
    seconds = np.diff(edges, append=edges[-1:])
    both = (holds * seconds[:, None]).astype(np.float64).T @ holds
    rows = [
        (*series[a], *series[b], both[a, b], both[a, b] / both[a, a], both[a, b] / both[b, b])
        for a, b in zip(*np.nonzero(np.triu(both > _MOMENT_S, 1)), strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(TOGETHER_COLUMNS))
    kinds = {"track_a": "int64", "action_a": "str", "track_b": "int64", "action_b": "str"}
    return table.astype(kinds | dict.fromkeys(TOGETHER_COLUMNS[4:], "float64"))
