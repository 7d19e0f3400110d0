"""What the rules claim on labelled sequences: seconds per rule, and the share of them that the labels agree with.

`python benchmarks/rules.py SET.npz [SET.npz ...] [--per 20]`, files of labelled sequences (docs/labels.md). `RIGHT`
says for which labels a claim is right. A clip has one label throughout, so its first and last moments may be something
else. `upright` and `arms_raised` are left out: no label says that somebody is or isn't.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402

from behavior.recognition.clips import load_sequences  # noqa: E402
from behavior.recognition.rules import RULES, motion_of, rule_bouts  # noqa: E402
from pose.people import Track  # noqa: E402
from pose.skeleton import Skeleton  # noqa: E402

RIGHT: dict[str, set[str]] = {
    "sit": {"sit_down", "stand_up", "sit_to_stand", "stand_to_sit", "situp", "strum_guitar", "sit_and_clap"},
    "crouch": {
        "squat", "crouch", "pick_up_one_hand", "pick_up_two_hands", "pickup_and_throw", "clean_and_jerk", "bowl",
        "lunge",
    },
    "lie": {"lie", "fall", "situp", "bench_press"},
    "walk": {"walk", "walk_around", "carry", "bowl", "bowling", "drop_trash", "right_left_step", "right_left_8_step"},
    "run": {"run", "dash", "jog", "jogging"},
    "walk_in_place": {"walk", "jog", "jogging", "jump_rope"},
    "bend": {"bend", "pick_up_one_hand", "pick_up_two_hands", "pickup_and_throw", "lower_back", "bowl", "bowling",
             "clean_and_jerk", "right_left_waist_stretch"},
    "fall": {"fall"},
    "sit_down": {"sit_down", "stand_to_sit"},
    "stand_up": {"stand_up", "sit_to_stand"},
    "squat": {"squat", "clean_and_jerk", "crouch"},
    "push_up": {"pushup"},
    "sit_up": {"situp"},
    "pull_up": {"pullup"},
    "jumping_jack": {"jumping_jacks", "jumping_jack"},
}  # fmt: skip
RIGHT["wave"] = {"wave", "high_arm_wave", "horizontal_arm_wave", "two_hand_wave"}
SHOWN = {
    "gtu_action3d": {
        "walk": "squat", "bend_leg_b": "sit_and_clap", "stand_on_toes": "wave", "right_hand_shake": "wave",
        "bend_leg_a": "sit_to_stand",
    }
}  # fmt: skip
"""What clips show whose labels don't fit them, looked at as stick figures; the set's other labels name nothing."""
ONCE = {"squat", "pushup", "situp", "pullup", "jumping_jacks"}
"""Actions of which most clips hold one repetition, from rest to rest."""
RIGHT["walk"] |= {"pick_up_one_hand", "pick_up_two_hands"}  # these clips begin with the walk to the thing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--per", type=int, default=20, help="clips of each action that are looked at")
    parser.add_argument(
        "--times", type=int, default=1, help="play each clip so often, forth and back in turns: repetitions in a row"
    )
    parser.add_argument("--rules", default=",".join(RULES), help="those that are asked, with commas")
    asked = parser.parse_args()
    rules = tuple(asked.rules.split(","))
    print(
        "| set | rule | claimed, s | right, % | clips of its own actions in which it speaks | other clips in which it "
        "speaks | counts that are exact |\n|---|---|---|---|---|---|---|"
    )
    for path in asked.sets:
        data = load_sequences(path)
        skeleton = Skeleton("set", data.joint_names, (), (0.1,) * len(data.joint_names))
        claimed, right = defaultdict(float), defaultdict(float)
        spoke, own, beside = defaultdict(int), defaultdict(int), defaultdict(int)
        counts: dict[str, list[int]] = defaultdict(list)
        for label, called in enumerate(data.classes):
            name = SHOWN.get(path.parent.name, {called: called}).get(called, "")
            clips = np.random.default_rng(0).permutation(np.flatnonzero(data.labels == label))[: asked.per]
            for clip in clips:
                points = data.joints[data.offsets[clip] : data.offsets[clip + 1]].astype(np.float32)
                if points.shape[2] == 2:
                    points = np.concatenate([points, np.isfinite(points[..., :1]).astype(np.float32)], axis=2)
                points = np.concatenate([points[:: 1 - 2 * (k % 2)] for k in range(asked.times)])
                n = len(points)
                track = Track(
                    1, np.arange(n), np.arange(n) / data.fps[clip], points, np.ones(n, np.float32), skeleton=skeleton
                )
                bouts = rule_bouts(track, motion_of(track, skeleton), rules)
                for bout in bouts:
                    claimed[bout.action] += bout.duration_s
                    right[bout.action] += bout.duration_s * (name in RIGHT.get(bout.action, ()))
                for action in RIGHT:
                    if name in RIGHT[action]:
                        own[action] += 1
                        spoke[action] += any(bout.action == action for bout in bouts)
                    else:
                        beside[action] += any(bout.action == action for bout in bouts)
                    count = sum(len(bout.repetitions) for bout in bouts if bout.action == action)
                    if count and name in ONCE and name in RIGHT[action]:
                        counts[action].append(count)
        for action in RIGHT:
            if claimed[action]:
                share = f"{100 * right[action] / claimed[action]:.0f}"
                told = f"{spoke[action]} of {own[action]}" if own[action] else "–"
                exact = sum(count == asked.times for count in counts[action])
                counted = f"{exact} of {len(counts[action])}" if counts[action] else "–"
                row = (path.parent.name, action, f"{claimed[action]:.1f}", share, told, str(beside[action]), counted)
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
