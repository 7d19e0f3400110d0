"""What every entry of the feature catalogue promises: units, invariance, mirror, exchange of two people, NaN rule."""

from __future__ import annotations

import re
import runpy
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.body import Body, FeatureSettings, Pair
from features.catalog import CATALOGUE, Feature, Zone, feature_names, feature_table, pair_table, window_table
from features.registry import powers
from features.sequence import PoseSequence
from features.windows import Windows, wrapped
from pose import layouts
from pose.layouts import FACE, mirror_indices, mirror_name
from pose.parts import FACE_70, whole_body
from pose.skeleton import COCO_18, SKELETONS

Array = NDArray[np.float64]

REST = {
    "nose": (8, -96), "eye": (6, -100), "ear": (0, -98), "head_top": (0, -112), "head": (1, -111),
    "neck": (0, -80), "shoulder": (0, -79), "elbow": (2, -45),
    "wrist": (8, -14), "hip": (0, 0), "mid_hip": (0, 0), "chest": (1, -40), "knee": (4, 45), "ankle": (0, 90),
    "big_toe": (14, 96), "small_toe": (12, 95), "heel": (-4, 94),
}  # fmt: skip


LAYOUTS = {**SKELETONS, "coco_18_hands_face": whole_body(COCO_18)}
SCENE = runpy.run_path(str(Path(__file__).parents[1] / "test_features" / "golden.py"))


@dataclass(frozen=True)
class World:
    """Two people, a zone, windows: all that a feature may ask for."""

    a: PoseSequence
    b: PoseSequence
    zone: Zone
    window_s: tuple[float, float]
    settings: FeatureSettings

    @cached_property
    def arguments(self) -> dict[str, tuple[object, ...]]:
        body = Body(self.a, self.settings)
        windows = Windows.sliding(self.a.time_s, *self.window_s)
        return {
            "frame": (body,),
            "window": (body, windows),
            "pair": (Pair(body, Body(self.b, self.settings)),),
            "zone": (body, self.zone),
            "zone_window": (body, self.zone, windows),
        }

    def values(self, entry: Feature) -> Array:
        return entry.function(*self.arguments[entry.level])

    def entries(self) -> list[Feature]:
        return [entry for entry in CATALOGUE if entry.fits(self.a.joint_names, self.a.dimensions)]

    def with_people(self, a: PoseSequence, b: PoseSequence) -> World:
        return replace(self, a=a, b=b)


def walker(rng: np.random.Generator, time_s: Array, names: tuple[str, ...], dims: int, missing: float) -> PoseSequence:
    """Somebody who walks, waves a little and jitters; some joints are missing here and there."""
    n = len(time_s)
    rate, size = rng.uniform(2, 6), rng.uniform(0.5, 2)
    points = np.zeros((n, len(names), dims))
    spread = np.full(len(names), 2.0)
    for i, name in enumerate(names):
        part = name.removeprefix("left_").removeprefix("right_")
        if part in SCENE["HAND"] or name in FACE_70.joints:
            on_face = name in FACE_70.joints
            turn = 0.3 * np.sin(rate * time_s)
            sign = -1 if name.startswith("right") and not on_face else 1
            x, y, z = (12 * value for value in SCENE["FACE"][name]) if on_face else (*SCENE["HAND"][part], 0)
            there = np.stack([sign * (x * np.cos(turn) - z * np.sin(turn)), y + 0 * turn, z + x * np.sin(turn)], axis=1)
            at = points[:, names.index("nose" if on_face else f"{name.partition('_')[0]}_wrist")]
            points[:, i] = at + there[:, :dims]
            spread[i] = 0.1
            continue
        side = 1 if name.startswith("left") else -1 if name.startswith("right") else 0
        swing = {"ankle": 35, "knee": 15, "wrist": 25, "elbow": 10}.get(part, 2)
        phase = rate * time_s + (np.pi if side > 0 else 0) + rng.uniform(0, 0.5)
        points[:, i, 0] = REST[part][0] + 6 * side + swing * np.sin(phase) + 40 * time_s
        points[:, i, 1] = REST[part][1] + 0.4 * swing * np.cos(phase)
        if dims == 3:
            points[:, i, 2] = 15 * side + swing * np.cos(1.3 * phase)
    points = points * size + rng.uniform(100, 400, dims) + rng.normal(0, 1, points.shape) * spread[:, None]
    gone = rng.random((n, len(names))) < missing
    points[gone] = np.nan
    return PoseSequence(points, np.where(gone, 0, rng.uniform(0.2, 1, gone.shape)), names, time_s)


@st.composite
def worlds(draw: st.DrawFn, missing: tuple[float, ...] = (0.0, 0.05, 0.3)) -> World:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))].joints
    dims = draw(st.sampled_from([2, 3]))
    step = rng.uniform(0.02, 0.06, draw(st.integers(30, 60))) if draw(st.booleans()) else np.full(45, 0.04)
    if draw(st.booleans()):
        step[15] = 1.0  # a hole
    time_s = np.cumsum(step)
    share = draw(st.sampled_from(missing))
    a, b = (walker(rng, time_s, names, dims, share) for _ in range(2))
    middle = rng.uniform(100, 500, 2)
    corners = middle + 150 * np.array([[-1, -1], [1, -0.7], [0.3, 0.2], [1, 1], [-1, 0.8]]) * rng.uniform(
        0.5, 1, (5, 2)
    )
    return World(a, b, Zone("door", corners), (0.8, 0.37), FeatureSettings(synchrony_window_s=0.7))


def moved(sequence: PoseSequence, scale: float = 1.0, shift: Array | float = 0.0, time: float = 1.0) -> PoseSequence:
    return replace(sequence, points=sequence.points * scale + shift, time_s=sequence.time_s * time)


def mirror(sequence: PoseSequence) -> PoseSequence:
    """The sequence as a mirror would show it: x changes its sign, left and right joints exchange their names."""
    names = sequence.joint_names
    return replace(
        sequence,
        points=layouts.mirror(sequence.points, names),
        confidence=sequence.confidence[:, mirror_indices(names)],
    )


def assert_same(entry: Feature, got: Array, expected: Array) -> None:
    if entry.unit == "deg":  # −180 and 180 are one angle
        got = expected + wrapped(got - expected)
    least = 10.0 if entry.unit == "deg" else 1e-6  # a head's angles are found by steps that end
    size = float(np.max(np.abs(expected), initial=least, where=np.isfinite(expected)))
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7 * size, err_msg=entry.name)


def test_the_worlds_reach_every_entry() -> None:
    for entry in CATALOGUE:
        assert any(entry.fits(skeleton.joints, dims) for skeleton in LAYOUTS.values() for dims in (2, 3)), entry.name
        assert entry.mirrored in CATALOGUE, f"{entry.name} has no partner in the mirror"


@settings(max_examples=25, deadline=None)
@given(world=worlds(), shift=st.lists(st.floats(-1000, 1000), min_size=3, max_size=3))
def test_shift(world: World, shift: list[float]) -> None:
    by = np.array(shift[: world.a.dimensions])
    there = world.with_people(moved(world.a, shift=by), moved(world.b, shift=by))
    there = replace(there, zone=replace(world.zone, corners=world.zone.corners + by[:2]))
    for entry in world.entries():
        if "shift" in entry.invariant:
            assert_same(entry, there.values(entry), world.values(entry))


@settings(max_examples=25, deadline=None)
@given(world=worlds(), scale=st.floats(0.1, 20), time=st.floats(0.2, 5))
def test_units(world: World, scale: float, time: float) -> None:
    """Other units of length and time change each value by the powers that its unit states, and in no other way."""
    there = World(
        moved(world.a, scale=scale, time=time),
        moved(world.b, scale=scale, time=time),
        replace(world.zone, corners=world.zone.corners * scale),
        (world.window_s[0] * time, world.window_s[1] * time),
        replace(
            world.settings,
            synchrony_window_s=world.settings.synchrony_window_s * time,
            min_step_s=world.settings.min_step_s * time,
            slowest=world.settings.slowest / time,
            shortest_blink_s=world.settings.shortest_blink_s * time,
            longest_blink_s=world.settings.longest_blink_s * time,
        ),
    )
    for entry in world.entries():
        length, seconds = powers(entry.unit)
        assert_same(entry, there.values(entry), world.values(entry) * scale**length * time**seconds)


@settings(max_examples=25, deadline=None)
@given(world=worlds())
def test_mirror(world: World) -> None:
    there = world.with_people(mirror(world.a), mirror(world.b))
    there = replace(there, zone=replace(world.zone, corners=world.zone.corners * [-1, 1]))
    for entry in world.entries():
        assert_same(entry, there.values(CATALOGUE[entry.mirrored]), entry.mirror * world.values(entry))


@settings(max_examples=25, deadline=None)
@given(world=worlds())
def test_exchange_of_the_two_people(world: World) -> None:
    there = world.with_people(world.b, world.a)
    for entry in world.entries():
        if entry.level == "pair":
            partner = "_".join({"a": "b", "b": "a"}.get(word, word) for word in entry.name.split("_"))
            assert_same(entry, there.values(CATALOGUE[partner]), entry.swap * world.values(entry))


def parts(names: tuple[str, ...], joint: str) -> set[str]:
    """The joints of a layout by which a joint is missing or not."""
    if joint in names:
        return {joint}
    if joint == "head":
        return {"face"} if "face" in names else set(FACE) & set(names)
    part = "shoulder" if joint == "neck" else joint.removeprefix("mid_")
    return {f"left_{part}", f"right_{part}"}


def without(sequence: PoseSequence, joints: Set[str], frame: int | slice = slice(None)) -> PoseSequence:
    points = sequence.points.copy()
    points[frame, [i for i, name in enumerate(sequence.joint_names) if name in joints]] = np.nan
    return replace(sequence, points=points, confidence=np.where(np.isfinite(points[..., 0]), sequence.confidence, 0))


@settings(max_examples=8, deadline=None)
@given(world=worlds(missing=(0.0,)), frame=st.integers(1, 28))
def test_a_needed_joint_that_is_missing_gives_nan(world: World, frame: int) -> None:
    names = world.a.joint_names
    for joint in sorted({joint for entry in world.entries() for joint in entry.joints}):
        there = world.with_people(without(world.a, parts(names, joint), frame), world.b)
        for entry in world.entries():
            if entry.level == "frame" and joint in entry.joints and entry.name != "body_scale":
                assert np.isnan(there.values(entry)[frame]), f"{entry.name} without {joint}"
    worlds_without: dict[frozenset[str], World] = {}
    for entry in world.entries():
        if entry.joints:
            gone = frozenset().union(*(parts(names, joint) for joint in entry.joints))
            there = worlds_without.setdefault(gone, world.with_people(without(world.a, gone), without(world.b, gone)))
            assert np.isnan(there.values(entry)).all(), entry.name


@settings(max_examples=8, deadline=None)
@given(world=worlds())
def test_a_joint_that_is_not_needed_may_be_missing(world: World) -> None:
    names = world.a.joint_names
    worlds_with: dict[frozenset[str], World] = {}
    for entry in world.entries():
        # These reach for any joint of the other, or of the face.
        if entry.joints and not re.fullmatch("[ab]_hand_to_[ab]|(left|right)_hand_(to|touches)_face", entry.name):
            needed = frozenset().union(*(parts(names, joint) for joint in entry.needs))
            gone = set(names) - needed
            there = worlds_with.setdefault(needed, world.with_people(without(world.a, gone), without(world.b, gone)))
            np.testing.assert_array_equal(there.values(entry), world.values(entry), err_msg=entry.name)


@settings(max_examples=10, deadline=None)
@given(world=worlds(), n=st.integers(0, 4), empty=st.booleans())
def test_columns_do_not_depend_on_the_data(world: World, n: int, empty: bool) -> None:
    """However little there is, the tables keep their columns, say NaN and stay silent (a warning would be an error)."""

    def little(sequence: PoseSequence) -> PoseSequence:
        points = np.full_like(sequence.points[:n], np.nan) if empty else sequence.points[:n]
        confidence = np.zeros_like(sequence.confidence[:n]) if empty else sequence.confidence[:n]
        return replace(sequence, points=points, confidence=confidence, time_s=sequence.time_s[:n])

    zones = [world.zone] if world.a.dimensions == 2 else []
    for full, part in (
        (feature_table(world.a, zones=zones), feature_table(little(world.a), zones=zones)),
        (window_table(world.a, 0.5, 0.2, zones=zones), window_table(little(world.a), 0.5, 0.2, zones=zones)),
        (pair_table(world.a, world.b), pair_table(little(world.a), little(world.b))),
    ):
        assert list(full.columns) == list(part.columns)
        assert np.isfinite(full.to_numpy(dtype=float)).any()
        assert not np.isinf(full.to_numpy(dtype=float)).any()
        assert not np.isinf(part.to_numpy(dtype=float)).any()
    assert len(feature_table(little(world.a))) == n


@settings(max_examples=20, deadline=None)
@given(world=worlds())
def test_one_feature_alone_is_as_in_the_whole_table(world: World) -> None:
    table = feature_table(world.a)
    names = feature_names(world.a.joint_names, world.a.dimensions)
    for name in names[::17]:
        np.testing.assert_array_equal(feature_table(world.a, [name])[name], table[name])


@pytest.mark.parametrize("name", ["left_knee_angle", "trunk_inclination", "knee_angle_difference", "heading_cosine"])
def test_mirror_names(name: str) -> None:
    assert mirror_name(mirror_name(name)) == name
