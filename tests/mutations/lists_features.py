"""Faults of features: constants, units, sides, borders."""

from __future__ import annotations

from fault import Fault

_GOLDEN = ("tests/test_features/test_golden.py", "tests/test_features/test_independent.py")
_CLEAN = ("tests/test_features/test_clean.py", "tests/test_features/test_golden.py")

_PARTS = ("tests/test_features/test_parts.py",)
_PLANE = ("tests/test_features/test_plane.py",)
_HEAD = ("tests/test_features/test_head.py",)

FAULTS = (
    Fault(
        "features/geometry.py",
        "return np.degrees(2 * half)\n\n\ndef inclination",
        "return 2 * half\n\n\ndef inclination",
        "joint angles in radians",
        _GOLDEN,
    ),
    Fault(
        "features/geometry.py",
        "return _direction(delta[..., 0], -delta[..., 1])",
        "return _direction(delta[..., 0], delta[..., 1])",
        "inclination measured from below",
        _GOLDEN,
    ),
    Fault(
        "features/kinematics.py",
        "    return np.degrees(cross / np.where(square > 0, square, np.nan))",
        "    return cross / np.where(square > 0, square, np.nan)",
        "turning rate in radians",
        _GOLDEN,
    ),
    Fault(
        "features/kinematics.py",
        "np.where(speed > 0, speed, np.nan) ** 3",
        "np.where(speed > 0, speed, np.nan) ** 2",
        "curvature of the wrong power",
        _GOLDEN,
    ),
    Fault(
        "features/kinematics.py",
        "MAX_MISSING = 0.2",
        "MAX_MISSING = 0.4",
        "spectra of windows that are mostly unseen",
        ("tests/test_features/test_kinematics.py",),
    ),
    Fault("features/clock.py", "HOLE_FACTOR = 3.5", "HOLE_FACTOR = 7.0", "derivatives across holes", _GOLDEN),
    Fault("features/body.py", "slowest: float = 0.5", "slowest: float = 0.05", "headings of people at rest", _GOLDEN),
    Fault(
        "features/body.py", "step_swing: float = 0.2", "step_swing: float = 0.4", "small steps are no steps", _GOLDEN
    ),
    Fault(
        "features/body.py", "min_step_s: float = 0.2", "min_step_s: float = 0.6", "quick steps are no steps", _GOLDEN
    ),
    Fault(
        "features/body.py",
        "synchrony_window_s: float = 2.0",
        "synchrony_window_s: float = 1.0",
        "synchrony over half the time",
        _GOLDEN,
    ),
    Fault(
        "features/entries/gait.py",
        "return 60 / step_time(body, windows)",
        "return 120 / step_time(body, windows)",
        "cadence in strides taken for steps",
        _GOLDEN,
    ),
    Fault("features/filters.py", "DETECTED_HZ = 4.0", "DETECTED_HZ = 5.0", "default smoothing of another band", _CLEAN),
    Fault("features/clean.py", "n_sigmas * 1.4826", "n_sigmas * 1.0", "outliers by the raw median deviation", _CLEAN),
    Fault("features/clean.py", "SWAP_PENALTY = 0.15", "SWAP_PENALTY = 0.6", "exchanged sides are left", _CLEAN),
    Fault(
        "features/clean.py",
        "max_gap_s: float | None = 0.25",
        "max_gap_s: float | None = 0.75",
        "longer gaps are filled",
        _CLEAN,
    ),
    Fault(
        "features/normalize.py",
        "np.percentile(found, 95)",
        "np.percentile(found, 50)",
        "a person's height as the median of the box",
        (*_GOLDEN, "tests/test_features/test_normalize.py"),
    ),
    Fault(
        "features/relations.py",
        "    line = target - origin\n",
        "    line = origin - target\n",
        "approaching is leaving",
        _GOLDEN,
    ),
    Fault(
        "features/relations.py",
        "return angle(nose, ears, target)",
        "return angle(ears, nose, target)",
        "gaze measured at the nose",
        _GOLDEN,
    ),
    Fault("features/body.py", "touch: float = 0.25", "touch: float = 0.5", "touches from afar", _PARTS),
    Fault("features/body.py", "eye_closed: float = 0.6", "eye_closed: float = 0.8", "narrowed eyes are closed", _PARTS),
    Fault(
        "features/body.py",
        "shortest_blink_s: float = 0.05",
        "shortest_blink_s: float = 0.001",
        "one frame gone wrong is a blink",
        _PARTS,
    ),
    Fault(
        "features/body.py",
        "longest_blink_s: float = 0.5",
        "longest_blink_s: float = 2.0",
        "eyes closed for a second are a blink",
        _PARTS,
    ),
    Fault(
        "features/clean.py",
        "_but_the_face(sequence, FILTERS[settings.smoothing])",
        "FILTERS[settings.smoothing](sequence)",
        "smoothing takes blinks away",
        _PARTS,
    ),
    Fault(
        "features/normalize.py",
        "        75,\n",
        "        25,\n",
        "open eyes by the lower quartile",
        _PARTS,
    ),
    Fault(
        "features/normalize.py",
        "np.fmax(distance(left, right), np.fmax(distance(nose, left), distance(nose, right)))",
        "distance(left, right)",
        "a head seen from the side is narrow",
        _PARTS,
    ),
    Fault(
        "features/survey.py",
        "TYPICAL[name].among(np.concatenate(values))",
        "TYPICAL[name].among(values[-1])",
        "what is typical of a person by the last part",
        _PARTS,
    ),
    Fault(
        "features/entries/hands.py",
        '(1 if side == "left" else -1)',
        '(-1 if side == "left" else 1)',
        "the back of a hand is its palm",
        _PARTS,
    ),
    Fault(
        "features/entries/face.py",
        "whole = broken[closing] == broken[opening + 1]",
        "whole = broken[closing] >= 0",
        "blinks of eyes that were not seen",
        _PARTS,
    ),
    Fault("features/head.py", "DISTANCE = 30.0", "DISTANCE = 5.0", "heads as seen from too near", _HEAD),
    Fault(
        "features/head.py", "np.arctan2(-r[0, 2], r[2, 2])", "np.arctan2(r[0, 2], r[2, 2])", "yaw the other way", _HEAD
    ),
    Fault(
        "features/plane.py",
        "along = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])",
        "along = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])",
        "a floor that rises is taken as one that falls",
        _PLANE,
    ),
    Fault(
        "features/plane.py",
        "(share - ANKLE), np.nan)",
        "share, np.nan)",
        "the height below the ankles is left out of a body's height",
        _PLANE,
    ),
    Fault(
        "features/plane.py",
        "down = ANKLE * tall * np.hypot(1, slope)",
        "down = 0.0 * tall * np.hypot(1, slope)",
        "the floor runs through ankles",
        _PLANE,
    ),
    Fault(
        "behavior/pipeline/describe.py",
        "survey = Survey(zones, SETTINGS, 1.0) if rows.metric else Survey(zones)",
        "survey = Survey(zones)",
        "of a long track in metres, steps are in trunk lengths",
        ("tests/test_integration/test_scale.py",),
    ),
)
