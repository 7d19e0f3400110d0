"""The register of features: what is known of each, and the decorator that enters one.

A feature is a function of a `Body` (and of `Windows`, a `Pair` or a zone, by its level) that returns one number per
frame or window:

    @feature(
        name="reach", unit="torso", formula="|left_wrist − right_shoulder|", joints=("left_wrist", "right_shoulder"),
        nan="a joint is missing", reference="own",
    )
    def reach(body: Body) -> Array:
        return body.distance("left_wrist", "right_shoulder")

Units: `torso` (trunk lengths, median over the sequence), `head_width` (see `features.normalize.TYPICAL`),
`length` (the sequence's own: px, m, mm), `deg`, `s`, `Hz`, `1` (dimensionless) and their products, e.g. `torso/s²`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from features.errors import UnknownFeature
from features.normalize import TYPICAL, has_joint
from pose.layouts import mirror_name

Array = NDArray[np.float64]
Level = Literal["frame", "window", "pair", "zone", "zone_window"]
Invariance = Literal["shift", "scale"]
Function = TypeVar("Function", bound=Callable[..., Array])

_POWERS = {"length": (1, 0), "s": (0, 1), "Hz": (0, -1)}
_EXPONENTS = {"": 1.0, "½": 0.5, "²": 2.0, "³": 3.0}


@dataclass(frozen=True, eq=False)
class Feature:
    """One entry of the catalogue.

    Attributes:
        name: column name, lower case with underscores; `left` and `right` are the person's own.
        function: computes it; takes (Body), (Body, Windows), (Pair), (Body, Zone) or (Body, Zone, Windows) by level.
        unit: see the module docstring.
        formula: how it is computed, in one line.
        joints: joints it needs (derived ones allowed); a layout without them has no such column. Empty: it takes
            whatever joints were found. A unit or formula with `torso` needs neck and mid_hip besides, one with
            `head_width` the nose and both ears, but not in every frame.
        dimensions: of the points it works on, (2,), (3,) or (2, 3).
        nan: when it is NaN.
        reference: paper or standard, or `own`.
        level: `frame`, `window`, `pair`, `zone` (per frame) or `zone_window`.
        invariant: under which changes of the image it stays the same: `shift` of the origin, `scale` of the lengths.
        mirror: value of its partner (left and right exchanged) in the mirror: 1 the same, -1 the negative.
        period: degrees after which an angle is the same again: 360, 180 for a line without a direction, 0 for what does
            not wrap. Statistics over windows go by it (see `features.windows.Windows.unwrapped`).
        swap: for pairs, value of its partner (`a` and `b` exchanged) when the two change places: 1 or -1.
        note: anything a user must know besides.
    """

    name: str
    function: Callable[..., Array]
    unit: str
    formula: str
    joints: tuple[str, ...]
    dimensions: tuple[int, ...]
    nan: str
    reference: str
    level: Level
    invariant: tuple[Invariance, ...]
    mirror: int
    swap: int
    period: float
    note: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.name):
            raise ValueError(f"feature {self.name!r}: a name is lower case words joined by underscores")
        if self.level not in get_args(Level):
            raise ValueError(
                f"feature {self.name}: level must be one of {', '.join(get_args(Level))}, got {self.level!r}"
            )
        if not self.dimensions or not set(self.dimensions) <= {2, 3}:
            raise ValueError(f"feature {self.name}: dimensions must be (2,), (3,) or (2, 3), got {self.dimensions}")
        if self.mirror not in (1, -1) or self.swap not in (1, -1):
            raise ValueError(f"feature {self.name}: mirror and swap must be 1 or -1")
        if self.period not in (0, 180, 360):
            raise ValueError(f"feature {self.name}: period must be 0, 180 or 360 degrees, got {self.period}")
        for field in ("unit", "formula", "nan", "reference"):
            if not getattr(self, field).strip():
                raise ValueError(f"feature {self.name}: {field} must be given")
        if ("scale" in self.invariant) != (powers(self.unit)[0] == 0):
            raise ValueError(f"feature {self.name}: unit {self.unit!r} and `scale` in invariant contradict each other")

    @property
    def mirrored(self) -> str:
        """Name of its partner in the mirror."""
        return mirror_name(self.name)

    @property
    def needs(self) -> tuple[str, ...]:
        """The joints that a layout must have for it."""
        stated = self.unit + self.formula
        trunk = ("neck", "mid_hip") if "torso" in stated else ()
        head = TYPICAL["head_width"].joints if "head_width" in stated else ()
        return tuple(dict.fromkeys((*self.joints, *trunk, *head)))

    def fits(self, joint_names: tuple[str, ...], dimensions: int) -> bool:
        """Whether a layout has what the feature needs."""
        return dimensions in self.dimensions and all(has_joint(joint_names, joint) for joint in self.needs)


def powers(unit: str) -> tuple[float, float]:
    """Powers of the sequence's length and of time in a unit; raises `ValueError` on one that is not understood.

    >>> powers("length/s²")
    (1.0, -2.0)
    """
    length = time = 0.0
    for place, part in enumerate(unit.split("/")):
        for factor in part.split("·"):
            match = re.fullmatch(r"(length|torso|head_width|deg|steps|s|Hz|min|1)([½²³]?)", factor)
            if match is None:
                raise ValueError(f"unit {unit!r} is not understood: {factor!r}; see features.registry")
            base, exponent = match.groups()
            a, b = _POWERS.get("s" if base == "min" else base, (0, 0))
            sign = (-1 if place else 1) * _EXPONENTS[exponent]
            length, time = length + sign * a, time + sign * b
    return length, time


class Catalogue:
    """Features by name, in the order in which they were entered."""

    def __init__(self, features: Iterable[Feature] = ()) -> None:
        self._features: dict[str, Feature] = {}
        for entry in features:
            self.add(entry)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self._features.values())

    def __len__(self) -> int:
        return len(self._features)

    def __contains__(self, name: object) -> bool:
        return name in self._features

    def __getitem__(self, name: str) -> Feature:
        """The feature of that name; raises `UnknownFeature`."""
        try:
            return self._features[name]
        except KeyError:
            close = difflib.get_close_matches(name, self._features, n=3)
            hint = (
                f"did you mean {', '.join(close)}?" if close else "`posescribe features --list` shows those there are"
            )
            raise UnknownFeature(f"no feature {name!r}; {hint}") from None

    def add(self, entry: Feature) -> None:
        """Enter a feature; raises `ValueError` when the name is taken."""
        if entry.name in self._features:
            raise ValueError(f"there is already a feature {entry.name!r}; choose another name")
        self._features[entry.name] = entry

    def remove(self, name: str) -> None:
        """Take a feature out; raises `UnknownFeature`."""
        del self._features[self[name].name]

    def of(self, level: Level, joint_names: tuple[str, ...], dimensions: int) -> list[Feature]:
        """The features of a level that a layout allows: the same set whatever the data."""
        return [entry for entry in self if entry.level == level and entry.fits(joint_names, dimensions)]

    def feature(
        self,
        *,
        name: str,
        unit: str,
        formula: str,
        nan: str,
        reference: str,
        joints: tuple[str, ...] = (),
        dimensions: tuple[int, ...] = (2, 3),
        level: Level = "frame",
        invariant: tuple[Invariance, ...] = ("shift", "scale"),
        mirror: int = 1,
        swap: int = 1,
        period: float = 0,
        note: str = "",
    ) -> Callable[[Function], Function]:
        """Decorator that enters a function as a feature; the arguments are `Feature`'s."""

        def enter(function: Function) -> Function:
            self.add(
                Feature(
                    name=name, function=function, unit=unit, formula=formula, joints=joints, dimensions=dimensions,
                    nan=nan, reference=reference, level=level, invariant=invariant, mirror=mirror, swap=swap,
                    period=period, note=note,
                )
            )  # fmt: skip
            return function

        return enter


CATALOGUE = Catalogue()
"""The catalogue that the tables use unless they are handed another."""

feature = CATALOGUE.feature
"""`Catalogue.feature` of the default catalogue: the decorator that users add their own features with.

The commands describe a track of more than a minute in parts, 200 frames of its surroundings with each, so that an hour
fits into memory: a feature that compares a frame with the whole sequence takes the whole's figures from
`body.sequence.whole` (trunk, height), or sees its part alone.
"""
