"""Faults of recognition and evaluation: rules switched off, thresholds moved, borders of bouts."""

from __future__ import annotations

from fault import Fault

_SMOOTHING = ("tests/test_behavior/test_smoothing.py",)
_RECOGNISE = ("tests/test_behavior/test_recognise.py", "tests/test_behavior/test_smoothing.py")
_RULES = ("tests/test_behavior/test_rules.py",)
_AGREEMENT = ("tests/test_behavior/test_agreement.py",)

_SUGGEST = "behavior/training/suggest.py"
_NEXT = ("tests/test_behavior/test_suggest.py",)

_HELD_OUT = "behavior/training/held_out.py"
_WRONG = ("tests/test_behavior/test_held_out.py",)

_EXAMPLES = "behavior/recognition/examples.py"
_LIKE = ("tests/test_behavior/test_examples.py",)

_NETWORK = "behavior/recognition/classifiers/network.py"
_GOES_ON = ("tests/test_behavior/test_networks.py::test_a_killed_training_goes_on_with_the_same_command",)

_PARTS = ("tests/test_behavior/test_rules_of_parts.py",)

FAULTS = (
    Fault(
        _NETWORK,
        "                torch.manual_seed(seed + number + 1)\n",
        "",
        "what is dropped in a round depends on the rounds before",
        _GOES_ON,
    ),
    Fault(
        _NETWORK,
        "checkpoint.restore(file, networks, {}, optimiser)",
        "checkpoint.restore(file, networks, {}, torch.optim.AdamW(networks.parameters()))",
        "the optimiser of a network begins anew",
        _GOES_ON,
    ),
    Fault(
        "behavior/recognition/smoothing.py",
        "left = best - price",
        "left = best - 0 * price",
        "changes of action cost nothing",
        _SMOOTHING,
    ),
    Fault(
        "behavior/recognition/smoothing.py",
        "- np.log(unknown_below)) * weight[rows]",
        "- np.log(unknown_below))",
        "frames count alike however long they last",
        _SMOOTHING,
    ),
    Fault(
        "behavior/recognition/smoothing.py",
        "stop_s=float(ends_s[last])",
        "stop_s=float(time_s[last])",
        "bouts end a frame early",
        _RECOGNISE,
    ),
    Fault(
        "behavior/recognition/smoothing.py",
        "            labels[first : last + 1] = only\n",
        "            pass\n",
        "short gaps within an action stay",
        _SMOOTHING,
    ),
    Fault(
        "behavior/recognition/recognise.py",
        "enough = share >= settings.min_seen",
        "enough = share >= 0",
        "windows without joints are named",
        _RECOGNISE,
    ),
    Fault(
        "behavior/recognition/recognise.py",
        "MIN_BOUT_S = 0.5",
        "MIN_BOUT_S = 0.05",
        "bouts of two frames are kept",
        _RECOGNISE,
    ),
    Fault(
        "behavior/recognition/recognise.py",
        "SWITCH_S = 0.25",
        "SWITCH_S = 2.5",
        "changes of action cost ten times",
        _RECOGNISE,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "(lower > _ARMS.over_shoulders)",
        "(lower > -0.2)",
        "hands above the hips are raised",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "lower[first:stop].max() >= _ARMS.highest",
        "True",
        "hands at the shoulders are raised",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "& (motion.lean <= _ARMS.lean)",
        "",
        "who lies raises the arms",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "sideways & (np.diff(",
        "(np.diff(",
        "a hand that nods waves",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/postures.py",
        " & (thigh <= own.upright_thigh * more)",
        "",
        "whoever sits behind a table is upright",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "np.isfinite(lower) & (motion.lean < 90)",
        "np.isfinite(lower)",
        "a body upside down raises its arms",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/gestures.py",
        "if fastest >= _FALL.speed and drop",
        "if drop",
        "whoever lies down slowly falls",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/locomotion.py",
        "_steps(motion) & _displaced(motion) & ~_runs(motion)",
        "_displaced(motion) & ~_runs(motion)",
        "a body that slides along walks",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/locomotion.py",
        "_steps(motion) & _displaced(motion) & ~_runs(motion)",
        "_steps(motion) & ~_runs(motion)",
        "steps on the spot are a walk",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/locomotion.py",
        " | (np.abs(motion.growth) >= LIMITS.growth)\n",
        "\n",
        "whoever comes nearer goes nowhere",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/locomotion.py",
        "rests & ~(motion.gait[0] >= LIMITS.steps))",
        "rests & ~rests)",
        "a model may say walk of whoever rests",
        _RECOGNISE,
    ),
    Fault(
        "behavior/recognition/rules/motion.py",
        "passes = np.minimum(before, after) >=",
        "passes = np.maximum(before, after) >=",
        "feet that part make steps",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/motion.py",
        "min_rate_hz: float = 6.5",
        "min_rate_hz: float = 2.0",
        "steps are read off five frames a second",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/postures.py",
        "lie &= ~(propped >= own.lie_propped * more)",
        "lie &= True",
        "push-ups are lying",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        "if value <= sign * rest:",
        "if value <= sign * (rest + 4 * turn) / 5:",
        "half a repetition counts",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/locomotion.py",
        " & ~motion.zooms",
        "",
        "whoever marches on the spot walks while the camera zooms",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/postures.py",
        "<= own.lie_moves * more",
        "<= 99",
        "a somersault is lying",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        "not reached < _SQUAT.hands",
        "True",
        "whoever picks things up squats",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        "if amplitude >= least and",
        "if",
        "whatever trembles about a threshold is a repetition",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        "if len(row) >= 2 for one",
        "if len(row) >= 1 for one",
        "one repetition alone is an exercise",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        " >= _JACK.together",
        " >= -2",
        "feet out of step with the hands make a jumping jack",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/exercises.py",
        "_moves(motion, place, one) <= _PULL_UP.hands and ",
        "",
        "hands that go up with the body hang",
        _RULES,
    ),
    Fault(
        "behavior/recognition/rules/motion.py",
        "points -= background[:, None, :2]",
        "pass",
        "the camera's shift stays in the joints",
        _RULES,
    ),
    Fault(
        "pose/tracking/camera.py",
        "mask=mask",
        "mask=None",
        "people are background",
        ("tests/test_pose/test_camera_motion.py",),
    ),
    Fault(
        "behavior/recognition/rules/parts.py",
        "opening: float = limit(0.04",
        "opening: float = limit(0.004",
        "lips at rest talk",
        _PARTS,
    ),
    Fault(
        "behavior/recognition/rules/parts.py",
        "slowest: float = limit(2.0",
        "slowest: float = limit(0.2",
        "a yawn is talking",
        _PARTS,
    ),
    Fault(
        "behavior/recognition/rules/parts.py",
        "SMALLEST_FACE = 40.0",
        "SMALLEST_FACE = 4.0",
        "faces too small to read are read",
        _PARTS,
    ),
    Fault(
        "behavior/recognition/rules/parts.py",
        "touch: float = limit(0.25",
        "touch: float = limit(9.0",
        "every hand is at the face",
        _PARTS,
    ),
    Fault(
        "behavior/evaluation/agreement.py",
        "ROUNDING_S = 5.1e-4",
        "ROUNDING_S = 0.0",
        "a millisecond's rounding moves a frame",
        _AGREEMENT,
    ),
    Fault(
        "behavior/evaluation/agreement.py",
        "THRESHOLDS = (0.1, 0.25, 0.5)",
        "THRESHOLDS = (0.1, 0.25, 0.9)",
        "bouts must agree to nine tenths",
        _AGREEMENT,
    ),
    Fault(
        "pose/layouts.py",
        '"left_eye", "right_eye", "left_ear", "right_ear")',
        '"left_eye", "left_ear")',
        "the head leans to the left",
        ("tests/test_behavior/test_clips.py",),
    ),
    Fault(_SUGGEST, "gain = (far - near) *", "gain = far *", "what is alone comes first", _NEXT),
    Fault(_SUGGEST, "free &= ~moments.overlapping(row)", "free[row] = False", "moments overlap", _NEXT),
    Fault(_SUGGEST, "np.maximum(others, 1 - scores.sum(axis=1))", "others", "unknown is no doubt", _NEXT),
    Fault(_SUGGEST, "taken = any(first", "taken = not any(first", "labelled moments are asked again", _NEXT),
    Fault(
        "behavior/training/cut.py",
        "if settings.unlabelled or run.labelled]",
        "if settings.unlabelled]",
        "labels that are kept alone are left out",
        _NEXT,
    ),
    Fault(_HELD_OUT, "said[own] = presence(", "said |= presence(", "folds answer for each other", _WRONG),
    Fault(_HELD_OUT, "max(1, 2 - len(", "max(0, 1 - len(", "one recording is enough", _WRONG),
    Fault(_HELD_OUT, "max(0, FEW - tested)", "max(0, FEW - int(shows.sum()) - 99)", "few bouts are enough", _WRONG),
    Fault(
        "behavior/training/decoding.py",
        "        if not clips.unlabelled:",
        "        if False:",
        "time that nobody looked at is judged",
        _WRONG,
    ),
    Fault(
        "behavior/recognition/explain.py",
        "key=lambda joint: -losses[joint])",
        "key=lambda joint: losses[joint])",
        "the joints that matter least are told",
        _RECOGNISE,
    ),
    Fault(_EXAMPLES, "np.argsort(away, kind", "np.argsort(-away, kind", "the farthest examples are told", _LIKE),
    Fault(
        "behavior/recognition/classifiers/ensemble.py",
        "if agree:",
        "if False:",
        "members need not agree",
        ("tests/test_behavior/test_left_out.py",),
    ),
)
