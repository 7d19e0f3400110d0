"""Classifiers of public sets, judged on sets that they did not learn from.

A model's accuracy on new people of a set that it
knows says little about one that it does not know, so each set is left out whole, people and camera and all; sets that a
published model may not learn from only judge. Actions that one set alone shows can't be left out so: half of that set's
groups are, and nothing shows that they are recognised elsewhere.

An action is claimed from the lowest score at which `CLAIMS_RIGHT` of its claims on left-out sets are right, named and
unnamed windows of each set counting alike; an action for which there is no such score is learnt, but not claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN
from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.classifiers.ensemble import together
from behavior.recognition.model import claimed
from behavior.recognition.temperature import apply_temperature, fit_temperature
from behavior.recognition.vocabulary import ACTIONS
from behavior.training.public_sets import PUBLIC_SETS, SetClips, load_public_set
from behavior.training.windows import Windows, draw_windows

CLAIMS_RIGHT = 0.9
"""Share of an action's claims on left-out sets that must be right."""
LOWEST = 0.3
"""No threshold is lower."""
FEW = 12
"""An action that would be claimed less often than this on all left-out sets is not claimed."""
FOUND = 0.2
"""Share of an action's windows that must be claimed on at least two of the sets that show it, or on the only one."""


@dataclass(frozen=True)
class DrawSettings:
    """How many windows are drawn."""

    per_action: int = 120
    """To learn from, of each action and set."""
    per_kind: int = 40
    """To learn from, of each other label of a set."""
    judged: int = 30
    """To judge by, of each action and set; a third as many of each other label."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers to windows by classifiers that saw nothing of their set, or of their group where `within`.

    Attributes:
        names: C learnt actions, without `unknown`.
        clean, noisy: (N, C + 1) probabilities of them and of `unknown`, last; 0 for what the classifier did not learn.
        truth: (N,) actions, or `unknown`.
        sources: (N,) sets.
        within: (N,) True where other people of the same set were learnt from; judges only the actions of one set.
    """

    names: tuple[str, ...]
    clean: NDArray[np.float64]
    noisy: NDArray[np.float64]
    truth: NDArray[np.str_]
    sources: NDArray[np.str_]
    within: NDArray[np.bool_]


def load_all(folder: Path) -> list[SetClips]:
    """Every set that is there; raises `DataError` where one that the model learns from is not."""
    there = [name for name, one in PUBLIC_SETS.items() if one.shippable or (folder / name).is_dir()]
    return [load_public_set(folder, name) for name in there]


def judge(
    classifier: ActionClassifier,
    sets: Sequence[SetClips],
    settings: DrawSettings,
    *,
    progress: Progress | None = None,
    checkpoints: Path | None = None,
) -> tuple[ActionClassifier, Windows, Judged]:
    """A classifier of all that a published model may learn from, the windows it learnt, answers to left-out ones.

    `progress` and `checkpoints` as of `ActionClassifier.fit`.
    """
    own = [one for one in sets if one.of.shippable]
    learnt = draw_windows(own, settings.per_action, settings.per_kind, np.random.default_rng(settings.seed))
    asked = draw_windows(sets, settings.judged, settings.judged // 3, np.random.default_rng(settings.seed + 1))
    shown_by = {name: sorted(set(learnt.sources[learnt.names == name])) for name in set(learnt.names)}
    single = sorted({shown[0] for name, shown in shown_by.items() if len(shown) == 1 and name != UNKNOWN})
    parts, tests, within = (
        [np.ones(len(learnt), dtype=bool)],
        [~np.isin(asked.sources, [s.of.name for s in own])],
        [False],
    )
    for one in own:
        parts.append(learnt.sources != one.of.name)
        tests.append(asked.sources == one.of.name)
        within.append(False)
    for source in single:
        for half in (0, 1):
            parts.append((learnt.sources != source) | (learnt.groups % 2 != half))
            tests.append((asked.sources == source) & (asked.groups % 2 == half))
            within.append(True)
    fitted = classifier.fit_parts(learnt.clips, learnt.names, parts, progress=progress, checkpoints=checkpoints)
    names = tuple(name for name in ACTIONS if name in shown_by)
    clean: list[NDArray[np.float64]] = []
    noisy: list[NDArray[np.float64]] = []
    for one_fitted, test in zip(fitted, tests, strict=True):
        clips = asked.clips[test]
        for out, source in ((clean, clips), (noisy, spoil_evenly(clips, np.random.default_rng(settings.seed)))):
            answer = np.zeros((int(test.sum()), len(names) + 1))
            columns = [(*names, UNKNOWN).index(name) for name in one_fitted.classes_.tolist()]
            answer[:, columns] = one_fitted.predict_proba(source)
            out.append(answer)
    judged = Judged(
        names,
        np.concatenate(clean),
        np.concatenate(noisy),
        np.concatenate([asked.names[test] for test in tests]),
        np.concatenate([asked.sources[test] for test in tests]),
        np.concatenate([np.full(int(test.sum()), inside) for test, inside in zip(tests, within, strict=True)]),
    )
    singles = {name for name, shown in shown_by.items() if len(shown) == 1 and name != UNKNOWN}
    return fitted[0], learnt, _once(judged, singles)


def _once(judged: Judged, singles: set[str]) -> Judged:
    """Windows of the actions of one set are judged within it, all others without it: each window once."""
    mine = np.isin(judged.truth, sorted(singles))
    kept = ~np.isin(judged.sources, judged.sources[judged.within]) | (mine == judged.within)
    return Judged(
        judged.names, judged.clean[kept], judged.noisy[kept], judged.truth[kept], judged.sources[kept],
        judged.within[kept],
    )  # fmt: skip


def asked_together(members: Sequence[Judged], *, agree: bool) -> Judged:
    """The answers of an ensemble whose members were judged on the same windows; `agree` as of `Ensemble`."""
    first = members[0]
    if any(one.names != first.names or not np.array_equal(one.truth, first.truth) for one in members):
        raise ValueError("the members were asked about different windows, or learnt different actions")
    classes = np.array((*first.names, UNKNOWN))
    clean, noisy = (
        together(np.stack([getattr(one, kind) for one in members]), classes, agree=agree) for kind in ("clean", "noisy")
    )
    return replace(first, clean=clean, noisy=noisy)


def weights(judged: Judged) -> NDArray[np.float64]:
    """(N,) by which the windows of each set count alike, those that show an action and those that show none."""
    out = np.zeros(len(judged.truth))
    for source in np.unique(judged.sources):
        for named in (True, False):
            rows = (judged.sources == source) & ((judged.truth != UNKNOWN) == named)
            out[rows] = 1 / max(int(rows.sum()), 1)
    return out


def thresholds(judged: Judged, temperature: float, rows: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Action -> the lowest score from which on it may be claimed; an action that may not is left out.

    `rows` (N,) are the windows that choose; None: all.
    """
    rows = np.ones(len(judged.truth), dtype=bool) if rows is None else rows
    weight = np.tile(weights(judged)[rows], 2)
    truth, sources = np.tile(judged.truth[rows], 2), np.tile(judged.sources[rows], 2)
    both = apply_temperature(np.concatenate([judged.clean[rows], judged.noisy[rows]]), temperature)[:, :-1]
    chosen = dict.fromkeys(judged.names, 0.0)
    while True:
        columns = [judged.names.index(name) for name in chosen]
        best = both[:, columns].argmax(axis=1)
        found = {}
        for place, name in enumerate(chosen):
            own = np.flatnonzero(best == place)
            score = both[own, columns[place]]
            order = np.argsort(-score, kind="stable")
            own, score = own[order], score[order]
            right = np.cumsum(weight[own] * (truth[own] == name)) / np.cumsum(weight[own])
            last = np.append(score[1:], -1) < score  # of those with one score
            enough = np.flatnonzero((right >= CLAIMS_RIGHT) & (score >= LOWEST) & last)
            if not len(enough) or enough[-1] + 1 < FEW:
                continue
            hit = own[: enough[-1] + 1]
            shares = [np.mean(np.isin(np.flatnonzero(there), hit)) for there in _by_set(truth == name, sources)]
            if sum(share >= FOUND for share in shares) >= min(2, len(shares)):
                found[name] = float(np.floor(1000 * score[enough[-1]]) / 1000)
        if found.keys() == chosen.keys() or not found:
            return found
        chosen = found  # an action that is not claimed can't be the best one


def _by_set(rows: NDArray[np.bool_], sources: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
    """The rows of each set that has some."""
    return [rows & (sources == source) for source in np.unique(sources[rows])]


def collapse(answers: NDArray[np.float64], names: Sequence[str], kept: Sequence[str]) -> NDArray[np.float64]:
    """(N, K + 1) of the kept actions, all else `unknown`, last."""
    own = answers[:, [names.index(name) for name in kept]]
    return np.concatenate([own, 1 - own.sum(axis=1, keepdims=True)], axis=1)


def left_out(judged: Judged, temperature: float) -> list[dict[str, str | float]]:
    """For each set, what is claimed on it with the thresholds that the others choose; shares of windows.

    `balanced accuracy` is the mean recall of the actions that the set shows and the classifier learnt elsewhere, when
    one of the learnt actions must be named.
    """
    rows: list[dict[str, str | float]] = []
    for source in dict.fromkeys(judged.sources.tolist()):
        own = judged.sources == source
        below = thresholds(judged, temperature, ~own | judged.within)
        row: dict[str, str | float] = {"set": source, "windows": int(own.sum())}
        for kind in ("clean", "noisy"):
            answers = apply_temperature(getattr(judged, kind)[own], temperature)
            truth, outside = judged.truth[own], ~judged.within[own]
            named = np.array(judged.names)[answers[:, :-1].argmax(axis=1)]
            recalls = [
                (named[rows_] == name).mean()
                for name in judged.names
                if (rows_ := outside & (truth == name)).any() and answers[rows_][:, judged.names.index(name)].any()
            ]
            kept = tuple(below)
            scores = collapse(answers, judged.names, kept)[:, :-1]
            told = (
                claimed(scores, np.array([below[name] for name in kept]), True) if kept else np.zeros((len(truth), 0))
            )
            said = np.array([*kept, UNKNOWN])[np.where(told.any(axis=1), told.argmax(axis=1) if kept else 0, len(kept))]
            claims = said != UNKNOWN
            unnamed = ~np.isin(truth, kept)
            row[f"balanced accuracy, {kind}"] = 100 * float(np.mean(recalls)) if recalls else float("nan")
            row[f"claimed, {kind}"] = 100 * float(claims.mean())
            row[f"claims right, {kind}"] = 100 * float((said == truth)[claims].mean()) if claims.any() else float("nan")
            row[f"unnamed claimed, {kind}"] = 100 * float(claims[unnamed].mean()) if unnamed.any() else float("nan")
        rows.append(row)
    return rows


def recalls(judged: Judged, temperature: float, below: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Action -> set -> share of its left-out windows that are claimed, clean."""
    kept = tuple(below)
    scores = collapse(apply_temperature(judged.clean, temperature), judged.names, kept)[:, :-1]
    told = claimed(scores, np.array([below[name] for name in kept]), True)
    out: dict[str, dict[str, float]] = {}
    for place, name in enumerate(kept):
        for source in dict.fromkeys(judged.sources[judged.truth == name].tolist()):
            rows = (judged.truth == name) & (judged.sources == source)
            out.setdefault(name, {})[source] = float(told[rows, place].mean())
    return out


def fitted_temperature(judged: Judged) -> float:
    """The temperature of least log-loss on left-out windows of what the classifiers learnt."""
    place = {name: column for column, name in enumerate((*judged.names, UNKNOWN))}
    labels = np.array([place.get(name, -1) for name in judged.truth], dtype=np.int64)
    fit = (labels >= 0) & (judged.clean[np.arange(len(labels)), labels] > 0)
    return fit_temperature(np.concatenate([judged.clean[fit], judged.noisy[fit]]), np.tile(labels[fit], 2))
