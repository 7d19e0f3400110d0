"""Tables of where and how people went, out of the features: zones and gait."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from behavior.pipeline.describe import BoutLike, Parts, Rows, describe
from features.clean import CleanSettings
from features.zones import Zone

GAITS = ("walk", "run")
"""Actions that have steps."""
GAIT = ("step_count", "cadence", "step_time", "step_time_variability", "step_length", "step_time_asymmetry")
ZONE = ("entries", "exits", "time_in", "share_in", "latency")


def zone_times(
    people: Sequence[Parts], settings: CleanSettings, zones: Sequence[Zone], start_s: float, stop_s: float
) -> pd.DataFrame:
    """Each person and zone: `track_id`, `zone`, `entries`, `exits`, `time_in_s`, `share_in`, `latency_s`.

    Over all that was seen of the person, as docs/features.md defines them; the latency counts from the person's first
    frame. NaN where the zone's joint was never seen, the latency where it was never inside.

    Args:
        people: the parts of each.
        settings: of the cleaning.
        zones: areas of the image.
        start_s, stop_s: of the recording, seconds.
    """
    columns = ["track_id", "zone", *ZONE]
    rows: list[tuple[object, ...]] = []
    for parts in people if zones else ():
        whole = stop_s - start_s + 1
        table = pd.concat(describe(parts, settings, Rows((whole, whole), zones=zones, names=[])))
        for row in table.to_dict("records"):
            rows += [(row["track_id"], zone.name, *(row[f"{zone.column}_{name}"] for name in ZONE)) for zone in zones]
    found = pd.DataFrame(rows, columns=columns).astype({"track_id": "int64", "zone": "str"})
    return found.astype(dict.fromkeys(ZONE, "float64")).rename(columns={"time_in": "time_in_s", "latency": "latency_s"})


def gait(people: Sequence[tuple[int, Parts]], settings: CleanSettings, bouts: Sequence[BoutLike]) -> pd.DataFrame:
    """Each bout of walking or running (`GAITS`): `track_id`, `action`, `start_s`, `stop_s`, then `GAIT`.

    As docs/features.md defines them, lengths in torso lengths of the image.

    Args:
        people: track id and parts of each.
        settings: of the cleaning.
        bouts: of these people, of any action.
    """
    stepping = [bout for bout in bouts if bout.action in GAITS and bout.stop_s > bout.start_s]
    who = {bout.track_id for bout in stepping}
    tables = [
        pd.concat(describe(parts, settings, Rows(bouts=stepping, names=list(GAIT))))
        for track_id, parts in people
        if track_id in who
    ]
    columns = ["track_id", "action", "start_s", "stop_s", *GAIT]
    if not tables:
        empty = pd.DataFrame(columns=columns)
        return empty.astype({"track_id": "int64", "action": "str"} | dict.fromkeys(columns[2:], "float64"))
    return pd.concat(tables, ignore_index=True).reindex(columns=columns)
