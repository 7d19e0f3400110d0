"""Rules on made-up videos: motion capture, seen by a camera, through the whole chain from maps to bouts.

    python benchmarks/mocap.py DATA [--set bandai_namco] [--per 12] [--rate 30] [--jitter 0.03] [--lost 0.05]

`DATA` holds the sets of `behavior.training.public_sets` (one with `train3d.npz`). Each clip is projected by a pinhole
camera that stands anywhere around the person, 4 to 8 m away, 0.8 to 2.4 m high, 60 degrees wide; its joints tremble and
whole frames go missing as `benchmarks/noise.py` measures them on real videos; the ideal maps of what is left are drawn,
parsed and tracked by the project's own parts, and all rules run. Nothing of these sets was learnt or chosen from
`bandai_namco`. Per rule: seconds claimed, the share of them in clips whose action it is, and the share of the time of
these clips that it claims.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import Row, print_table, write
from numpy.typing import NDArray

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.recognition.clips import RATE_HZ
from behavior.recognition.rules import RULES, UPRIGHT, motion_of, rule_bouts
from behavior.training.public_sets import load_public_set
from pose.layouts import BODY_13
from pose.maps import OPENPOSE_COCO
from pose.parsing import encode, parse
from pose.people import FramePeople, Person, Track, tracks_of
from pose.skeleton import COCO_18
from pose.tracking import track_people

HEIGHT, WIDTH = 368, 656
FOCAL = WIDTH / 2 / np.tan(np.deg2rad(30))
ALSO_RIGHT = {"arms_raised": ("raise-up-both-hands", "byebye", "wave-both-hands"), "bend": ("bow",)}
"""Labels of the sets that show a rule's action under another name of the vocabulary."""


def projected(points: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """(T, 13, 2) pixels of (T, 13, 3) metres."""
    middle, floor = np.nanmean(points, axis=(0, 1)), np.nanpercentile(points[..., 1], 1)
    turn, away, high = rng.uniform(0, 2 * np.pi), rng.uniform(4, 8), rng.uniform(0.8, 2.4)
    camera = np.array([middle[0] + away * np.sin(turn), floor + high, middle[2] + away * np.cos(turn)])
    forward = np.array([middle[0], floor + 0.9, middle[2]]) - camera
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    seen = points - camera
    depth = seen @ forward
    return np.stack(
        [
            WIDTH / 2 + FOCAL * (seen @ right) / depth,
            HEIGHT / 2 - FOCAL * (seen @ np.cross(right, forward)) / depth,
        ],
        axis=-1,
    )


def disturbed(body: NDArray[np.float64], rng: np.random.Generator, jitter: float, lost: float) -> NDArray[np.float64]:
    """(T, 13, 2) joints that tremble by `jitter` torso lengths, a share `lost` of the frames missing."""
    torso = np.nanmedian(np.linalg.norm(body[:, 1:3] - body[:, 7:9], axis=2))
    body = body + rng.normal(0, jitter * torso, body.shape)
    body[np.convolve(rng.random(len(body)) < lost / 3, np.ones(3), "same") > 0] = np.nan
    return body


def as_coco(body: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 18, 2) of the joints of `BODY_13`; eyes and ears stay NaN."""
    out = np.full((len(body), len(COCO_18), 2), np.nan)
    for place, joint in enumerate(BODY_13):
        out[:, COCO_18.index("nose" if joint == "head" else joint)] = body[:, place]
    shoulders = [COCO_18.index(f"{side}_shoulder") for side in ("left", "right")]
    out[:, COCO_18.index("neck")] = out[:, shoulders].mean(axis=1)
    return out


def tracked(points: NDArray[np.float64], rate: float) -> Track | None:
    """The longest track that is found in the ideal maps of (T, 18, 2) joints; frames that are all NaN show nobody."""
    frames = []
    for index, joints in enumerate(points):
        inside = (joints >= 0).all(axis=1) & (joints < (WIDTH, HEIGHT)).all(axis=1)
        shown = np.where(inside[:, None], joints, np.nan)
        person = Person(np.column_stack([shown, np.ones(len(shown))]).astype(np.float32), 1.0, skeleton=COCO_18)
        people = [person] if inside.any() else []
        frames.append(FramePeople(index, index / rate, tuple(parse(encode(people, OPENPOSE_COCO, HEIGHT, WIDTH)))))
    return max(tracks_of(track_people(frames, COCO_18)), key=len, default=None)


def clips(asked: argparse.Namespace) -> Iterator[tuple[str, str, float, Track | None]]:
    """The set's own label, the vocabulary's name, seconds, and what the chain sees."""
    every = round(RATE_HZ / asked.rate)
    data = load_public_set(asked.data, asked.set)
    rng = np.random.default_rng(asked.seed)
    for label in np.unique(data.own):
        for clip in rng.permutation(np.flatnonzero(data.own == label))[: asked.per]:
            body = disturbed(projected(data.points[clip][::every], rng), rng, asked.jitter, asked.lost)
            yield str(label), str(data.names[clip]), len(body) * every / RATE_HZ, tracked(as_coco(body), asked.rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="bandai_namco")
    parser.add_argument("--per", type=int, default=12, help="clips of each of the set's labels")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="frames/s")
    parser.add_argument("--jitter", type=float, default=0.03, help="torso lengths")
    parser.add_argument("--lost", type=float, default=0.05, help="share of frames")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    claimed: defaultdict[str, float] = defaultdict(float)
    right: defaultdict[str, float] = defaultdict(float)
    own: defaultdict[str, float] = defaultdict(float)
    wrong: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for label, name, seconds, track in clips(asked):
        mine = [rule for rule in RULES if rule == name or label in ALSO_RIGHT.get(rule, ())]
        for rule in mine:
            own[rule] += seconds
        for bout in rule_bouts(track, motion_of(track, COCO_18), tuple(RULES)) if track is not None else ():
            claimed[bout.action] += bout.duration_s
            right[bout.action] += bout.duration_s * (bout.action in mine)
            if bout.action not in mine:
                wrong[bout.action][label] += bout.duration_s
    rows: list[Row] = [
        {
            "rule": rule, "shown, s": own[rule], "claimed, s": claimed[rule],
            "right": right[rule] / claimed[rule] if claimed[rule] else np.nan,
            "found": right[rule] / own[rule] if own[rule] else np.nan,
            "elsewhere": ", ".join(f"{label} {s:.1f} s" for label, s in wrong[rule].items()),
        }
        for rule in RULES
        if rule != UPRIGHT and (own[rule] or claimed[rule])
    ]  # fmt: skip
    print_table(rows, {"rule": "", "shown, s": ".1f", "claimed, s": ".1f", "right": ".0%", "found": ".0%",
                       "elsewhere": ""})  # fmt: skip
    write(rows, asked.json)


if __name__ == "__main__":
    main()
