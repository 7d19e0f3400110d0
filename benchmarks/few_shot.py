"""How few bouts of a new action are enough: `few_shot` beside kinds that learn from these bouts alone.

    python benchmarks/few_shot.py DATA [--only few_shot,svm,rocket,logistic] [--bouts 5,20,50] [--draws N] [--json FILE]
                                       [--sets NAME,...] [--windows N]

DATA holds the folders of `behavior.training.public_sets.PUBLIC_SETS`; none is part of this project. Each set that a
published model may learn from is left out of the embedding whole. Of it, actions are drawn; N windows of one, and of
what is not it three times as many and 60 at least, of half of the people, are learnt from; all windows of the other
half are asked about. Columns: mean average precision of the action's score (chance: its share of the windows, about
.08); of what is claimed (score above .5), the share that is right, and the share of the action that is found; seconds
of a fit.

`--sets` names others than those that a published model may learn from, `--windows` how many are drawn then of each
action. Where that is more than the set has clips, a clip gives several, each cut and, in 3-D, seen by a camera of its
own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from common import Row, print_table, write
from sklearn.metrics import average_precision_score

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.labels import UNKNOWN
from behavior.recognition.classifiers.few_shot import FewShotClassifier
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.classifiers.statistics import StatisticsClassifier
from behavior.recognition.embedding import Embedding, learn_embedding
from behavior.training.left_out import DrawSettings, load_all
from behavior.training.windows import REST_KIND, Windows, draw_windows

KINDS = ("few_shot", "svm", "rocket", "logistic")
SETTINGS = {"rocket": {"kernels": 600, "copies": 2}, "logistic": {"copies": 2}, "svm": {}, "few_shot": {}}


class _LeftOut(FewShotClassifier):
    """`few_shot` with an embedding that the action's set has no part in."""

    learnt: Embedding

    def _embedding(self) -> Embedding:
        return self.learnt


def spot(classifier: StatisticsClassifier, own: Windows, action: str, count: int, rng: np.random.Generator) -> Row:
    """One action of a set, learnt from `count` windows of half of its people; a row of figures, empty if impossible."""
    people = rng.permutation(np.unique(own.groups))
    known = np.isin(own.groups, people[: len(people) // 2 + 1])
    there = own.kinds == action
    shown, others = (rng.permutation(np.flatnonzero(known & rows)) for rows in (there, ~there))
    asked = np.flatnonzero(~known)
    if len(shown) < count or not there[asked].any() or len(asked) < 20:
        return {}
    learnt = np.concatenate([shown[:count], others[: max(60, 3 * count)]])
    before = perf_counter()
    classifier.fit(own.clips[learnt], (~there[learnt]).astype(np.int64), ("action", UNKNOWN))
    took = perf_counter() - before
    score = classifier.predict_proba(own.clips[asked])[:, 0]
    truth, claimed = there[asked], score > 0.5
    return {
        "average precision": float(average_precision_score(truth, score)),
        "claims right": float(truth[claimed].mean()) if claimed.any() else float("nan"),
        "found": float(claimed[truth].mean()),
        "fit, s": took,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--bouts", type=lambda text: [int(n) for n in text.split(",")], default=[5, 20, 50])
    parser.add_argument("--draws", type=int, default=8, help="actions of each set")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=[])
    parser.add_argument("--windows", type=int, default=DrawSettings().per_action)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    settings = DrawSettings()
    sets = load_all(asked.data)
    if absent := set(asked.sets) - {one.of.name for one in sets}:
        parser.error(f"--sets: {asked.data} has no {', '.join(sorted(absent))}")
    shippable = [one for one in sets if one.of.shippable]
    drawn = draw_windows(shippable, settings.per_action, settings.per_kind, np.random.default_rng(0))
    rows: list[Row] = []
    for of in [one for one in sets if one.of.name in asked.sets] or shippable:
        source = of.of.name
        mine = drawn.sources == source
        own = drawn[mine]
        if asked.sets:
            per_kind = max(settings.per_kind, asked.windows)
            own = draw_windows([of], asked.windows, per_kind, np.random.default_rng(0))
        embedding = learn_embedding(drawn[~mine].clips, drawn[~mine].of_source)
        actions = np.unique(own.kinds[own.kinds != REST_KIND])
        for count in asked.bouts:
            for draw, action in enumerate(np.random.default_rng(1).permutation(actions)[: asked.draws]):
                for kind in asked.only:
                    classifier = _LeftOut() if kind == "few_shot" else make_classifier(kind, SETTINGS[kind])
                    if isinstance(classifier, _LeftOut):
                        classifier.learnt = embedding
                    assert isinstance(classifier, StatisticsClassifier)
                    found = spot(classifier, own, action, count, np.random.default_rng(draw))
                    if found:
                        rows.append({"set": source, "action": action, "bouts": count, "kind": kind, **found})
    print_table(_means(rows), {"kind": "", "bouts": "", "set": "", "actions": ""} | dict.fromkeys(FIGURES, ".3f"))
    write(rows, asked.json)


FIGURES = ("average precision", "claims right", "found", "fit, s")


def _means(rows: list[Row]) -> list[Row]:
    """The mean over the actions of each set, and over the sets."""
    out: list[Row] = []
    for kind, count in sorted({(str(row["kind"]), int(str(row["bouts"]))) for row in rows}, key=lambda k: (k[1], k[0])):
        of = [row for row in rows if row["kind"] == kind and row["bouts"] == count]
        by_set: list[Row] = []
        for source in dict.fromkeys(str(row["set"]) for row in of):
            mine = [row for row in of if row["set"] == source]
            means = {f: float(np.nanmean([float(str(row[f])) for row in mine])) for f in FIGURES}
            by_set.append({"kind": kind, "bouts": count, "set": source, "actions": len(mine), **means})
        whole = {f: float(np.mean([float(str(row[f])) for row in by_set])) for f in FIGURES}
        out += [*by_set, {"kind": kind, "bouts": count, "set": "all", "actions": len(of), **whole}]
    return out


if __name__ == "__main__":
    main()
