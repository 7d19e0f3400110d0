"""Tables of where and how people went, out of the features: movement, zones, what was done in them, and gait."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from behavior.pipeline.describe import BoutLike, Parts, Rows, describe
from features.clean import CleanSettings
from features.plane import Plane
from features.registry import CATALOGUE
from features.zones import Zone

GAITS = ("walk", "run")
"""Actions that have steps."""
GAIT = ("step_count", "cadence", "step_time", "step_time_variability", "step_length", "step_time_asymmetry")
ZONE = ("entries", "exits", "time_in", "share_in", "latency")
MOVEMENT = {
    "path": "centre_path_length", "displacement": "centre_displacement", "speed": "centre_speed_mean",
    "speed_std": "centre_speed_std", "speed_max": "centre_speed_max",
}  # fmt: skip
"""Columns of the table, and of the features which."""


def length_unit(plane: Plane | None) -> str:
    """`m` where a scale is known, else `torso`."""
    return "torso" if plane is None or plane.metres_per_px is None else "m"


def whole_tables(
    people: Sequence[Parts],
    settings: CleanSettings,
    zones: Sequence[Zone],
    start_s: float,
    stop_s: float,
    joints: tuple[str, ...],
    plane: Plane | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of each person over all that was seen of them: how they moved, and when they were in which zone.

    Args:
        people: the parts of each.
        settings: of the cleaning.
        zones: areas of the image.
        start_s, stop_s: of the recording, seconds.
        joints: of the layout; where the hips are not among them nothing is known of movement.
        plane: in which lengths are measured.

    Returns:
        `track_id` and `MOVEMENT`, as docs/features.md defines them, in `unit` (`torso` or `m`) and that per second, NaN
        where the hips were never seen. And for each zone `track_id`, `zone`, `entries`, `exits`, `time_in_s`,
        `share_in`, `latency_s` from the person's first frame; NaN where the zone's joint was never seen, the latency
        where it was never inside.
    """
    whole = stop_s - start_s + 1
    names = [
        name
        for name in ("centre_path_length", "centre_displacement", "centre_speed")
        if CATALOGUE[name].fits(joints, 2)
    ]
    moved: list[tuple[object, ...]] = []
    placed: list[tuple[object, ...]] = []
    for parts in people:
        table = pd.concat(describe(parts, settings, Rows((whole, whole), zones=zones, names=names, plane=plane)))
        for row in table.to_dict("records"):
            moved.append((row["track_id"], *(row.get(name, math.nan) for name in MOVEMENT.values())))
            placed += [(row["track_id"], zone.name, *(row[f"{zone.column}_{name}"] for name in ZONE)) for zone in zones]
    movement = _table(moved, ("track_id",), tuple(MOVEMENT)).assign(unit=length_unit(plane))
    times = _table(placed, ("track_id", "zone"), ZONE)
    return movement, times.rename(columns={"time_in": "time_in_s", "latency": "latency_s"})


def zone_actions(
    people: Sequence[tuple[int, Parts]], settings: CleanSettings, zones: Sequence[Zone], bouts: Sequence[BoutLike]
) -> pd.DataFrame:
    """What was done where: `track_id`, `zone`, `action`, `count` of its bouts that were partly in the zone, `total_s`
    of their time in it, `share` of the action's time.

    A row for each action that the person did, zeros too; NaN where the zone's joint was never seen in it.
    """
    rows: list[tuple[object, ...]] = []
    for track_id, parts in people if zones else ():
        own = [bout for bout in bouts if bout.track_id == track_id and bout.stop_s > bout.start_s]
        if not own:
            continue
        table = pd.concat(describe(parts, settings, Rows(bouts=own, zones=zones, names=[])))
        for action, done in table.groupby("action"):
            lasted = float((done.stop_s - done.start_s).sum())
            for zone in zones:
                inside = done[f"{zone.column}_time_in"]
                total = float(inside.sum(min_count=1))
                rows.append((track_id, zone.name, action, int((inside > 0).sum()), total, total / lasted))
    found = _table(rows, ("track_id", "zone", "action"), ("count", "total_s", "share"))
    return found.astype({"count": "int64"})


def gait(
    people: Sequence[tuple[int, Parts]],
    settings: CleanSettings,
    bouts: Sequence[BoutLike],
    plane: Plane | None = None,
) -> pd.DataFrame:
    """Each bout of walking or running (`GAITS`): `track_id`, `action`, `start_s`, `stop_s`, `GAIT`, `speed`, `unit`.

    As docs/features.md defines them; the step length is in `unit` (`torso` or `m`), the speed, the mean of
    `centre_speed`, in that per second.

    Args:
        people: track id and parts of each.
        settings: of the cleaning.
        bouts: of these people, of any action.
        plane: in which lengths are measured.
    """
    stepping = [bout for bout in bouts if bout.action in GAITS and bout.stop_s > bout.start_s]
    who = {bout.track_id for bout in stepping}
    tables = [
        pd.concat(describe(parts, settings, Rows(bouts=stepping, names=[*GAIT, "centre_speed"], plane=plane)))
        for track_id, parts in people
        if track_id in who
    ]
    columns = ["track_id", "action", "start_s", "stop_s", *GAIT, "speed"]
    if not tables:
        empty = pd.DataFrame(columns=columns)
        found = empty.astype({"track_id": "int64", "action": "str"} | dict.fromkeys(columns[2:], "float64"))
    else:
        found = pd.concat(tables, ignore_index=True).rename(columns={"centre_speed_mean": "speed"})
    return found.reindex(columns=columns).assign(unit=length_unit(plane))


def _table(rows: Sequence[tuple[object, ...]], names: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """A table of `track_id`, other names, and numbers."""
    found = pd.DataFrame(rows, columns=[*names, *numbers])
    return found.astype({"track_id": "int64"} | dict.fromkeys(names[1:], "str") | dict.fromkeys(numbers, "float64"))
