"""Where in the image: zones, per frame and per window. The zone's joint decides (see `features.zones`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features import zones
from features.body import Body
from features.registry import feature
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
    duration = zones.frame_durations(body.time_s, body.max_step_s)
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
    where = inside(body, zone)
    return windows.sum(np.where(np.isfinite(where), zones.crossings(where)[0], np.nan))


@feature(
    name="exits", unit="1", level="zone_window", dimensions=(2,), formula="changes from inside to outside", nan=NEVER,
    reference="own", note="Counted at the first frame outside.",
)  # fmt: skip
def exits(body: Body, zone: Zone, windows: Windows) -> Array:
    where = inside(body, zone)
    return windows.sum(np.where(np.isfinite(where), zones.crossings(where)[1], np.nan))


@feature(
    name="latency", unit="s", level="zone_window", dimensions=(2,),
    formula="time of the first frame inside − start of the window",
    nan="no frame of the window is inside", reference="own",
)  # fmt: skip
def latency(body: Body, zone: Zone, windows: Windows) -> Array:
    return windows.min(np.where(inside(body, zone) == 1, body.time_s, np.nan)) - windows.start_s
