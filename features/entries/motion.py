"""Motion: speeds, accelerations, angular velocities, kinetic measures, per frame; paths and smoothness, per window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features import geometry, kinematics
from features.body import Body
from features.entries.posture import ANGLES, AXES, SIDES, FrameFunction
from features.registry import feature
from features.windows import Windows

Array = NDArray[np.float64]
WindowFunction = Callable[[Body, Windows], Array]

MOVING = (
    "head", "neck", "mid_hip",
    *(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in SIDES),
)  # fmt: skip
ENDS = tuple(f"{side}_{joint}" for joint in ("wrist", "ankle") for side in SIDES)
FORNBERG = "three-point derivative for uneven steps, Fornberg 1988, https://doi.org/10.1090/S0025-5718-1988-0935077-0"
ALONE = "a joint is missing there or in a neighbouring frame, or a hole is next to it"
NEIGHBOURS = ALONE + ", or the trunk is never seen"
NEIGHBOURS_2 = "a joint is missing within two frames, a hole is as near, or the trunk is never seen"

# Share of the body's mass in each segment and where its centre lies on the way from its first to its second end:
# table 4.1 of Winter 2009, from Dempster 1955; the head's centre is taken at the head joint.
SEGMENTS: tuple[tuple[str, str, float, float], ...] = (
    ("head", "head", 0.081, 0.0),
    ("neck", "mid_hip", 0.497, 0.5),
    *(
        (f"{side}_{start}", f"{side}_{end}", mass, place)
        for side in SIDES
        for start, end, mass, place in (
            ("shoulder", "elbow", 0.028, 0.436),
            ("elbow", "wrist", 0.022, 0.682),
            ("hip", "knee", 0.100, 0.433),
            ("knee", "ankle", 0.061, 0.606),
        )
    ),
)
SEGMENT_JOINTS = tuple(dict.fromkeys(joint for segment in SEGMENTS for joint in segment[:2]))
WINTER = "segment masses and centres: Winter 2009, Biomechanics and Motor Control of Human Movement, table 4.1"


def _speed(joint: str) -> FrameFunction:
    return lambda body: body.speed(joint) / body.scale


def _acceleration(joint: str) -> FrameFunction:
    return lambda body: geometry.length(body.acceleration(joint)) / body.scale


def _jerk(joint: str) -> FrameFunction:
    return lambda body: geometry.length(kinematics.jerk(body.joint(joint), body.time_s, body.max_step_s)) / body.scale


def _local_speed(joint: str) -> FrameFunction:
    return lambda body: body.local_speed(joint) / body.scale


def _rate(a: str, b: str, c: str) -> FrameFunction:
    return lambda body: body.rate(body.angle(a, b, c))


def _velocity(axis: int) -> FrameFunction:
    return lambda body: body.velocity("mid_hip")[:, axis] / body.scale


def _short(joint: str) -> str:
    return "centre" if joint == "mid_hip" else joint


for _joint in MOVING:
    feature(
        name=f"{_short(_joint)}_speed", unit="torso/s", formula=f"|d {_joint} / dt| / torso", joints=(_joint,),
        nan=NEIGHBOURS, reference=FORNBERG,
    )(_speed(_joint))  # fmt: skip
for _axis, _name in enumerate(AXES):
    feature(
        name=f"centre_velocity_{_name}", unit="torso/s", formula=f"d mid_hip.{_name} / dt / torso", joints=("mid_hip",),
        dimensions=(3,) if _name == "z" else (2, 3), nan=NEIGHBOURS, reference=FORNBERG,
        mirror=-1 if _name == "x" else 1,
    )(_velocity(_axis))  # fmt: skip
for _joint in MOVING:
    if _joint.removeprefix("left_").removeprefix("right_") in ("hip", "shoulder"):
        continue
    feature(
        name=f"{_short(_joint)}_acceleration", unit="torso/s²", formula=f"|d² {_joint} / dt²| / torso",
        joints=(_joint,),
        nan=NEIGHBOURS, reference=FORNBERG,
    )(_acceleration(_joint))  # fmt: skip
for _joint in ("mid_hip", *ENDS):
    feature(
        name=f"{_short(_joint)}_jerk", unit="torso/s³", formula=f"|d³ {_joint} / dt³| / torso", joints=(_joint,),
        nan=NEIGHBOURS_2, reference=FORNBERG,
    )(_jerk(_joint))  # fmt: skip
for _joint in (*ENDS, "left_knee", "right_knee", "left_elbow", "right_elbow", "head"):
    feature(
        name=f"{_joint}_local_speed", unit="torso/s", formula=f"|d ({_joint} − mid_hip) / dt| / torso",
        joints=(_joint, "mid_hip"), nan=NEIGHBOURS, reference=FORNBERG,
    )(_local_speed(_joint))  # fmt: skip
for _name, _joints in ANGLES.items():
    feature(
        name=f"{_name}_velocity", unit="deg/s", formula=f"d {_name} / dt; + opening", joints=_joints,
        nan=ALONE, reference=FORNBERG,
    )(_rate(*_joints))  # fmt: skip


@feature(
    name="trunk_inclination_velocity", unit="deg/s", formula="d trunk_inclination / dt, the short way round",
    joints=("mid_hip", "neck"), dimensions=(2,),
    nan=ALONE, reference=FORNBERG,
    mirror=-1,
)  # fmt: skip
def trunk_inclination_velocity(body: Body) -> Array:
    return body.rate(geometry.inclination(body.joint("mid_hip"), body.joint("neck")))


def _segment_velocities(body: Body) -> Array:
    """(n_segments, n_frames, D) velocities of the segments' centres, sequence unit per second."""
    return np.stack(
        [(1 - place) * body.velocity(start) + place * body.velocity(end) for start, end, _, place in SEGMENTS]
    )


def _energies(body: Body) -> tuple[Array, Array]:
    """Kinetic energy per body mass of the segments, all of it, and that of the common motion."""

    def compute() -> tuple[Array, Array]:
        mass = np.array([mass for _, _, mass, _ in SEGMENTS])
        mass = mass / mass.sum()
        velocities = _segment_velocities(body)
        total = np.einsum("s,snd,snd->n", mass, velocities, velocities) / 2
        common = np.einsum("s,snd->nd", mass, velocities)
        return total / body.scale**2, np.einsum("nd,nd->n", common, common) / 2 / body.scale**2

    return body.once("energies", compute)


@feature(
    name="kinetic_energy", unit="torso²/s²", formula="Σ mᵢ|vᵢ|² / 2M over the segments' centres of mass",
    joints=SEGMENT_JOINTS, nan=NEIGHBOURS, reference=WINTER,
    note="Per body mass; hands and feet go with the limbs' ends.",
)  # fmt: skip
def kinetic_energy(body: Body) -> Array:
    return _energies(body)[0]


@feature(
    name="kinetic_energy_translation", unit="torso²/s²", formula="|Σ mᵢvᵢ / M|² / 2, that of the centre of mass",
    joints=SEGMENT_JOINTS, nan=NEIGHBOURS, reference=WINTER,
)  # fmt: skip
def kinetic_energy_translation(body: Body) -> Array:
    return _energies(body)[1]


@feature(
    name="kinetic_energy_internal", unit="torso²/s²", formula="kinetic_energy − kinetic_energy_translation",
    joints=SEGMENT_JOINTS, nan=NEIGHBOURS, reference=WINTER + "; König's theorem",
)  # fmt: skip
def kinetic_energy_internal(body: Body) -> Array:
    total, common = _energies(body)
    return np.maximum(total - common, 0)


@feature(
    name="quantity_of_motion", unit="torso/s", formula="mean over the joints found of |d joint / dt| / torso",
    nan="no joint is found in three neighbouring frames, or the trunk is never seen",
    reference="after Camurri et al. 2003, https://doi.org/10.1016/S1071-5819(03)00050-8",
)  # fmt: skip
def quantity_of_motion(body: Body) -> Array:
    return mean_speed(body) / body.scale


def mean_speed(body: Body) -> Array:
    """(n_frames,) mean speed of the joints found, sequence unit per second."""

    def compute() -> Array:
        speed = geometry.length(kinematics.velocity(body.points, body.time_s, body.max_step_s))
        found = np.isfinite(speed)
        n = found.sum(axis=1)
        return np.where(n > 0, np.where(found, speed, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)

    return body.once("mean_speed", compute)


_RESTS = ALONE + ", the trunk is never seen, or it is slower than that"


@feature(
    name="heading_sine", unit="1", joints=("mid_hip",), dimensions=(2,), nan=_RESTS, reference="own",
    formula="−v.y / |v| of mid_hip from 0.5 torso/s on; 1 moving up the image, −1 down",
    note="Given by sine and cosine, so that means over windows are right where degrees would jump. "
    "Slowest speed: FeatureSettings.",
)  # fmt: skip
def heading_sine(body: Body) -> Array:
    return np.sin(np.radians(kinematics.heading(body.course)))


@feature(
    name="heading_cosine", unit="1", joints=("mid_hip",), dimensions=(2,), nan=_RESTS, reference="own", mirror=-1,
    formula="v.x / |v| of mid_hip from 0.5 torso/s on; 1 moving to the image's right, −1 to the left",
)  # fmt: skip
def heading_cosine(body: Body) -> Array:
    return np.cos(np.radians(kinematics.heading(body.course)))


@feature(
    name="path_curvature", unit="1/torso", joints=("mid_hip",), dimensions=(2,), nan=_RESTS, mirror=-1,
    formula="torso · (vₓaᵧ − vᵧaₓ) / |v|³ of mid_hip from 0.5 torso/s on; + clockwise as seen",
    reference="plane curvature",
)  # fmt: skip
def path_curvature(body: Body) -> Array:
    return kinematics.curvature(body.course, body.acceleration("mid_hip")) * body.scale


@feature(
    name="turning_rate", unit="deg/s", joints=("mid_hip",), dimensions=(2,), nan=_RESTS, mirror=-1,
    formula="(vₓaᵧ − vᵧaₓ) / |v|² of mid_hip from 0.5 torso/s on; + clockwise as seen",
    reference="derivative of the heading",
)  # fmt: skip
def turning_rate(body: Body) -> Array:
    return kinematics.turning_rate(body.course, body.acceleration("mid_hip"))


def _found(body: Body, joint: str) -> tuple[Array, Array]:
    """Positions of the frames that show the joint, in the sequence's unit, and their times."""

    def compute() -> tuple[Array, Array]:
        points = body.joint(joint)
        found = geometry.found_joints(points)
        return points[found], body.time_s[found]

    return body.once(("found", joint), compute)


def _path_length(body: Body, windows: Windows, joint: str) -> Array:
    points, time_s = _found(body, joint)
    return Windows(time_s, windows.start_s, windows.stop_s).sum_of_steps(kinematics.steps(points))


def _displacement(body: Body, windows: Windows, joint: str) -> Array:
    points, time_s = _found(body, joint)
    inside = Windows(time_s, windows.start_s, windows.stop_s)
    return geometry.distance(inside.first_value(points), inside.last_value(points))


def _path(joint: str) -> WindowFunction:
    return lambda body, windows: _path_length(body, windows, joint) / body.scale


_ONCE = "fewer than two frames of the window show the joint"

for _joint in ("mid_hip", "head", *ENDS):
    feature(
        name=f"{_short(_joint)}_path_length", unit="torso", level="window", joints=(_joint,),
        nan=_ONCE + ", or the trunk is never seen",
        formula=f"Σ |{_joint}(tᵢ) − {_joint}(tᵢ₋₁)| / torso over the frames that show it", reference="own",
        note="A hole is crossed in a straight line. Jitter adds length: smooth first.",
    )(_path(_joint))  # fmt: skip


@feature(
    name="centre_displacement", unit="torso", level="window", joints=("mid_hip",), reference="own",
    formula="|mid_hip(last) − mid_hip(first)| / torso over the frames that show it",
    nan="no frame of the window shows the joint, or the trunk is never seen",
)  # fmt: skip
def centre_displacement(body: Body, windows: Windows) -> Array:
    return _displacement(body, windows, "mid_hip") / body.scale


def _straightness(joint: str) -> WindowFunction:
    def straightness(body: Body, windows: Windows) -> Array:
        path = _path_length(body, windows, joint)
        return _displacement(body, windows, joint) / np.where(path > 0, path, np.nan)

    return straightness


for _joint in ("mid_hip", *ENDS):
    feature(
        name=f"{_short(_joint)}_straightness", unit="1", level="window", joints=(_joint,), nan=_ONCE + ", or it rests",
        formula="displacement / path length; 1 a straight line, 0 back at the start",
        reference="Batschelet 1981, Circular Statistics in Biology",
    )(_straightness(_joint))  # fmt: skip


@feature(
    name="centre_sinuosity", unit="1/torso½", level="window", joints=("mid_hip",), dimensions=(2,),
    formula="2 / √(p·((1 + c)/(1 − c) + b²)): p mean step, b its coefficient of variation, c mean cosine of the turns",
    nan="fewer than three frames of the window show it, it is slower than 0.5 torso/s, or the trunk is never seen",
    reference="Benhamou 2004, eq. 8, https://doi.org/10.1016/j.jtbi.2004.03.016",
    note="Depends on the frame rate and on jitter: compare only within one set-up, smoothed.",
)  # fmt: skip
def centre_sinuosity(body: Body, windows: Windows) -> Array:
    points, time_s = _found(body, "mid_hip")
    points = points / body.scale
    inside = Windows(time_s, windows.start_s, windows.stop_s)
    size = kinematics.steps(points)
    n = np.maximum(inside.n_frames - 1, 1)
    mean = inside.sum_of_steps(size) / n
    took = inside.last_value(time_s) - inside.first_value(time_s)
    mean = np.where(inside.sum_of_steps(size) >= body.settings.slowest * took, mean, np.nan)
    variance = np.maximum(inside.sum_of_steps(size**2) / n - mean**2, 0)
    turn = kinematics.turn_cosines(points)
    # A turn belongs to the middle one of its three frames; those at the window's first and last frame reach outside.
    cosine = inside.mean_of_inner(turn)
    mean = np.where(mean > 0, mean, np.nan)
    variation = variance / mean**2
    return 2 * np.sqrt((1 - cosine) / (mean * ((1 + cosine) + variation * (1 - cosine))))


def _range(a: str, b: str, c: str) -> WindowFunction:
    return lambda body, windows: windows.range(body.angle(a, b, c))


for _name, _joints in ANGLES.items():
    feature(
        name=f"{_name.removesuffix('_angle')}_range_of_motion", unit="deg", level="window", joints=_joints,
        formula=f"max − min of {_name} over the window", nan="no frame of the window has the angle", reference="own",
    )(_range(*_joints))  # fmt: skip


def _smoothness(joint: str) -> WindowFunction:
    def smoothness(body: Body, windows: Windows) -> Array:
        jerk = geometry.length(kinematics.jerk(body.joint(joint), body.time_s, body.max_step_s))
        peak = windows.max(body.speed(joint))
        squares = windows.mean(jerk**2) * windows.duration_s**4
        known = geometry.found_joints(body.joint(joint))
        full = windows.share(known, body.frame_durations) >= 1 - kinematics.MAX_MISSING
        usable = (peak > 0) & (squares > 0) & full
        ratio: Array = np.where(usable, squares, 1.0) / np.where(usable, peak, np.nan) ** 2
        return -np.log(ratio)

    return smoothness


for _joint in ("mid_hip", "left_wrist", "right_wrist"):
    feature(
        name=f"{_short(_joint)}_smoothness", unit="1", level="window", joints=(_joint,),
        formula="−ln(T⁴ · mean|jerk|² / max|v|²), T the window's length; nearer 0 is smoother",
        nan="over a fifth of the window doesn't show the joint, no frame has a jerk, or it rests",
        reference="log dimensionless jerk, Balasubramanian et al. 2015, https://doi.org/10.1186/s12984-015-0090-9",
    )(_smoothness(_joint))  # fmt: skip


def _frequency(joint: str) -> WindowFunction:
    def frequency(body: Body, windows: Windows) -> Array:
        points = body.joint(joint)
        if joint != "mid_hip":
            points = points - body.joint("mid_hip")
        return kinematics.dominant_frequency(points, windows)

    return frequency


for _joint in ("mid_hip", "head", *ENDS, "left_knee", "right_knee", "left_elbow", "right_elbow"):
    feature(
        name=f"{_short(_joint)}_dominant_frequency", unit="Hz", level="window",
        joints=(_joint,) if _joint == "mid_hip" else (_joint, "mid_hip"),
        formula="frequency of the highest peak of the power spectrum of the position"
        + (" in the image" if _joint == "mid_hip" else " from mid_hip") + ", summed over the axes",
        nan="over a fifth of the window lies in holes, it has under 8 frames, nothing moves, or no peak is in the band",
        reference="Hann window, detrended, quadratic peak: Smith 2011, Spectral Audio Signal Processing",
    )(_frequency(_joint))  # fmt: skip


def _coordination(a: str, b: str) -> WindowFunction:
    def coordination(body: Body, windows: Windows) -> Array:
        return windows.correlation(body.local_speed(a), body.local_speed(b))

    return coordination


for _name, _a, _b in (
    ("arms", "left_wrist", "right_wrist"), ("legs", "left_ankle", "right_ankle"),
    ("left_wrist_right_ankle", "left_wrist", "right_ankle"), ("right_wrist_left_ankle", "right_wrist", "left_ankle"),
):  # fmt: skip
    feature(
        name=f"{_name}_coordination", unit="1", level="window", joints=(_a, _b, "mid_hip"),
        formula=f"Pearson correlation of the speeds of {_a} and {_b} relative to mid_hip",
        nan="fewer than three frames of the window have both, or one does not change",
        reference="own",
    )(_coordination(_a, _b))  # fmt: skip
