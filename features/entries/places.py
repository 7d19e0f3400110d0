"""Where in the image: zones, per frame and per window. The zone's joint decides (see `features.zones`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features import zones
from features.body import Body
from features.registry import feature
from features.sequence import Crossings
from features.windows import Windows
from features.zones import Zone

Array = NDArray[np.float64]

MISSING = "the zone's joint is missing"
NEVER = "no frame of the window shows the zone's joint"


@feature(
    name="inside", unit="1", level="zone", dimensions=(2,), formula="1 inside the polygon, 0 outside", nan=MISSING,
    reference="even-odd rule",
)  # fmt: skip
def inside(body: Body, zone: Zone) -> Array:
    return body.once(("inside", zone), lambda: zone.contains(body.joint(zone.joint)))


@feature(
    name="border_distance", unit="length", level="zone", dimensions=(2,),
    formula="distance to the border; + inside, − outside",
    nan=MISSING, reference="own", invariant=("shift",),
)  # fmt: skip
def border_distance(body: Body, zone: Zone) -> Array:
    return zone.depth(body.joint(zone.joint))


def _time(body: Body, zone: Zone, windows: Windows) -> tuple[Array, Array]:
    """Seconds inside and seconds seen, in each window."""
    where = inside(body, zone)
    duration = body.frame_durations
    return windows.sum(where * duration), windows.sum(np.where(np.isfinite(where), duration, np.nan))


@feature(
    name="time_in", unit="s", level="zone_window", dimensions=(2,), formula="Σ of the durations of the frames inside",
    nan=NEVER, reference="own", note="A frame lasts until the next; holes are not counted.",
)  # fmt: skip
def time_in(body: Body, zone: Zone, windows: Windows) -> Array:
    return _time(body, zone, windows)[0]


@feature(
    name="share_in", unit="1", level="zone_window", dimensions=(2,),
    formula="time_in / time in which the joint is seen",
    nan=NEVER, reference="own",
)  # fmt: skip
def share_in(body: Body, zone: Zone, windows: Windows) -> Array:
    within, seen = _time(body, zone, windows)
    return within / np.where(seen > 0, seen, np.nan)


@feature(
    name="entries", unit="1", level="zone_window", dimensions=(2,), formula="changes from outside to inside", nan=NEVER,
    reference="own", note="Counted at the first frame inside; a window's first frame may bring one over from before.",
)  # fmt: skip
def entries(body: Body, zone: Zone, windows: Windows) -> Array:
    return _count(body, zone, windows, crossings(body, zone).entries_s)


@feature(
    name="exits", unit="1", level="zone_window", dimensions=(2,), formula="changes from inside to outside", nan=NEVER,
    reference="own", note="Counted at the first frame outside.",
)  # fmt: skip
def exits(body: Body, zone: Zone, windows: Windows) -> Array:
    return _count(body, zone, windows, crossings(body, zone).exits_s)


def crossings(body: Body, zone: Zone) -> Crossings:
    """Entries and exits in the (whole) sequence."""
    whole = body.sequence.whole
    if whole is not None and zone in whole.crossings:
        return whole.crossings[zone]
    return body.once(("crossings", zone), lambda: zones.crossings(inside(body, zone), body.time_s))


def _count(body: Body, zone: Zone, windows: Windows, times: Array) -> Array:
    count = Windows(times, windows.start_s, windows.stop_s).n_frames.astype(np.float64)
    return np.where(windows.count(inside(body, zone)) > 0, count, np.nan)


@feature(
    name="latency", unit="s", level="zone_window", dimensions=(2,),
    formula="time of the first frame inside − start of the window",
    nan="no frame of the window is inside", reference="own",
)  # fmt: skip
def latency(body: Body, zone: Zone, windows: Windows) -> Array:
    return windows.min(np.where(inside(body, zone) == 1, body.time_s, np.nan)) - windows.start_s
