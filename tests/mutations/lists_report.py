"""Planted faults of what the report counts."""

from __future__ import annotations

from fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "behavior/report/sequence.py",
        "HAND_OVER_S = 1.0",
        "HAND_OVER_S = 2.0",
        "what comes two seconds later follows, too",
        ("tests/test_behavior/test_sequence.py",),
    ),
    Fault(
        "behavior/report/sequence.py",
        "near = near[[seen_throughout(seen, end, starts[i]) for i in near]] if len(near) else near",
        "pass",
        "what was done out of sight counts as unseen",
        ("tests/test_behavior/test_sequence.py",),
    ),
    Fault(
        "behavior/report/sequence.py",
        "(starts > bout.start_s + _MOMENT_S) & (stops > end + _MOMENT_S)",
        "(starts > bout.start_s + _MOMENT_S)",
        "what is over before the bout is follows it",
        ("tests/test_behavior/test_sequence.py",),
    ),
    Fault(
        "behavior/report/sequence.py",
        "both[a, b] / both[b, b]",
        "both[a, b] / both[a, a]",
        "both shares are of the first",
        ("tests/test_behavior/test_sequence.py",),
    ),
    Fault(
        "behavior/report/tables.py",
        "np.std(values, ddof=1)",
        "np.std(values)",
        "the spread is that of a population",
        ("tests/test_behavior/test_tables.py",),
    ),
    Fault(
        "behavior/report/tables.py",
        "_pauses(merged(begun), presence)",
        "_pauses(begun, presence)",
        "bouts that overlap have a pause between them",
        ("tests/test_behavior/test_tables.py",),
    ),
    Fault(
        "behavior/report/tables.py",
        "if seen_throughout(presence, start, stop)])",
        "])",
        "a pause goes on out of sight",
        ("tests/test_behavior/test_tables.py",),
    ),
    Fault(
        "behavior/report/places.py",
        "lasts[-1:] = frame_s",
        "lasts[-1:] = 0",
        "a last frame takes no time",
        ("tests/test_behavior/test_places.py",),
    ),
    Fault(
        "behavior/report/places.py",
        "max(BRIDGE_S, frame_s))",
        "9.0)",
        "time out of sight is spent in the picture",
        ("tests/test_behavior/test_places.py",),
    ),
    Fault(
        "behavior/report/places.py",
        "(one.torso + two.torso) / 2",
        "one.torso",
        "distances are in the first one's torso",
        ("tests/test_behavior/test_places.py",),
    ),
    Fault(
        "behavior/report/certainty.py",
        "bout.action not in RULES and ",
        "",
        "rules have probabilities",
        ("tests/test_behavior/test_certainty.py",),
    ),
    Fault(
        "behavior/report/certainty.py",
        ") - seen if len(spans)",
        ") if len(spans)",
        "time on screen is out of sight",
        ("tests/test_behavior/test_certainty.py",),
    ),
    Fault(
        "behavior/report/course.py",
        "len(keypoints) * len(own)",
        "len(own)",
        "missing joints are of one frame",
        ("tests/test_behavior/test_certainty.py",),
    ),
    Fault(
        "behavior/report/understand.py",
        "if math.isnan(share) else",
        "if False else",
        "who was not to be seen did nothing",
        ("tests/test_behavior/test_understand.py",),
    ),
    Fault(
        "behavior/report/understand.py",
        "and a != b}",
        "}",
        "what follows itself has an arrow",
        ("tests/test_behavior/test_understand.py",),
    ),
    Fault(
        "behavior/pipeline/repeat.py",
        '("--every", part.get("every", 1), 1)',
        '("--every", 1, 1)',
        "the command forgets which frames",
        ("tests/test_behavior/test_repeat.py",),
    ),
)
