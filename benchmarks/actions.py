"""All classifiers of actions on one grouped cross-validation: accuracy clean and noisy, time of one fit, size.

    python benchmarks/actions.py [DATA.npz] [--without ACTION,...] [--only NAME,...] [--quick] [--json FILE]
    python benchmarks/actions.py [DATA.npz] --clips N --only NAME        (one fit to N clips: time and memory)

DATA.npz is a labelled-sequences file; no clip is judged by a classifier that saw its group. Noisy: 20 % of the joints
missing at random, the others moved by 5 % of the torso. Times are those of the processor, summed over its cores.
`--without` adds the accuracy on the other actions alone, from the same classifiers: clips of those actions left out,
answers among the rest.
With `--clips`, nothing is judged: the clips are repeated, each time jittered, until there are N, and a classifier is
fitted to them once: seconds by the clock, processor seconds, and the peak of the process's memory.

Without DATA a made-up world of stick figures is used, which only shows that the script runs.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Row, print_table, write
from numpy.typing import NDArray

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.registry import CLASSIFIERS, make_classifier
from behavior.recognition.clips import LabelledSequences, grouped_folds, load_sequences, make_sequences, to_clips
from features.clips import body_scale
from pose.layouts import BODY_13

QUICK: dict[str, dict[str, Any]] = {
    "forest": {"trees": 20},
    "rocket": {"kernels": 200},
    "temporal": {"epochs": 10},
    "graph": {"epochs": 10},
    "ensemble": {"rocket": {"kernels": 200}},
}
COLUMNS = {"classifier": "", "clips": "", "fit, s": ".0f", "size, kB": ".0f", "ask, ms a clip": ".1f"}


def stick_figures() -> LabelledSequences:
    """Five actions of four made-up people, six clips each."""
    rng = np.random.default_rng(0)
    rest = [(0, -140)] + [(s * x, y) for x, y in ((28, -100), (32, -58), (34, -18), (16, 0), (17, 66), (18, 126))
                          for s in (-1, 1)]  # fmt: skip
    moves = {"wave": ("right_wrist", 0), "punch": ("left_wrist", 0), "kick": ("right_ankle", 0), "nod": ("head", 1),
             "march": ("left_knee", 1)}  # fmt: skip
    pieces, labels, groups = [], [], []
    for group in range(4):
        for label, (joint, axis) in enumerate(moves.values()):
            for _ in range(6):
                n = int(rng.integers(24, 41))
                points = np.repeat(np.array(rest, dtype=np.float32)[None], n, axis=0)
                points[:, BODY_13.index(joint), axis] += 40 * np.sin(np.arange(n) * rng.uniform(0.2, 0.4))
                pieces.append((1 + group) * (points + rng.normal(0, 2, points.shape)) + rng.uniform(0, 900, 2))
                labels.append(label)
                groups.append(group)
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    return make_sequences(
        np.concatenate(pieces), offsets, np.array(labels), tuple(moves), BODY_13, np.array(groups), 30.0
    )


def judge(data: LabelledSequences, name: str, settings: dict[str, Any] | None, without: frozenset[str]) -> Row:
    clips = to_clips(data)
    sources = {"clean": clips, "noisy": spoil_evenly(clips, np.random.default_rng(0))}
    answers = {source: np.full((len(data), len(data.classes)), np.nan) for source in sources}
    folds = grouped_folds(data.labels, data.groups)
    fit_s, size, ask_s = [], 0, 0.0
    for fold in range(folds.n_folds):
        train, test = folds.split(fold)
        if len(test) == 0:
            continue
        start = time.process_time()
        classifier = make_classifier(name, settings).fit(clips[train], data.labels[train], data.classes)
        fit_s.append(time.process_time() - start)
        size = max(size, sum(part.nbytes for part in classifier.parts().values()))
        for source, changed in sources.items():
            start = time.process_time()
            answers[source][test] = classifier.predict_proba(changed[test])
            ask_s += time.process_time() - start
    tested = np.isfinite(answers["clean"][:, 0])
    row: Row = {
        "classifier": name,
        "fit, s": statistics.median(fit_s),
        "size, kB": size / 1024,
        "ask, ms a clip": 1e3 * ask_s / (2 * tested.sum()),
    }
    kept = np.array([action not in without for action in data.classes])
    for source, answer in answers.items():
        row[source] = accuracy(answer, data.labels, tested, np.ones_like(kept))
        if without:
            row[f"{source}, {kept.sum()} actions"] = accuracy(answer, data.labels, tested, kept)
    return row


def scale(data: LabelledSequences, name: str, settings: dict[str, Any] | None, count: int) -> Row:
    """One fit to `count` clips."""
    clips = to_clips(data)
    rows = np.arange(count) % len(clips)
    rng = np.random.default_rng(0)
    many = clips[rows]
    size = body_scale(many.points, many.joints)[:, None, None, None]
    many.points[:] += 0.03 * size * rng.normal(size=many.points.shape)
    wall, used = time.perf_counter(), time.process_time()
    classifier = make_classifier(name, settings).fit(many, data.labels[rows], data.classes)
    return {
        "classifier": name,
        "clips": count,
        "fit, s": time.perf_counter() - wall,
        "processor, s": time.process_time() - used,
        "peak, GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "size, MB": sum(part.nbytes for part in classifier.parts().values()) / 2**20,
    }


def accuracy(
    answer: NDArray[np.float64], labels: NDArray[np.int64], tested: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> float:
    """Percent of the tested clips of the kept actions that are named right, answers among the kept ones."""
    rows = tested & kept[labels]
    return float(100 * (np.where(kept, answer[rows], -1).argmax(axis=1) == labels[rows]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--without", type=lambda text: frozenset(text.split(",")), default=frozenset())
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(CLASSIFIERS))
    parser.add_argument("--clips", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if asked.data is None:
        print("No data given: made-up stick figures, whose figures mean nothing but that everything runs.\n")
    data = stick_figures() if asked.data is None else load_sequences(asked.data)
    settings = QUICK if asked.quick else {}
    if asked.clips:
        rows = [scale(data, name, settings.get(name), asked.clips) for name in asked.only]
    else:
        rows = [judge(data, name, settings.get(name), asked.without) for name in asked.only]
    print_table(rows, COLUMNS | {key: ".1f" for key in rows[0] if key not in COLUMNS})
    write(rows, asked.json)


if __name__ == "__main__":
    main()
