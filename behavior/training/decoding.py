"""How scores over time become bouts, learnt from what a human coded and answers of classifiers that had not seen it.

Each action gets its own threshold (best F1 of its clips), its own price of leaving it (from how long its bouts last)
and its own shortest bout. How dear a change is on the whole is chosen by the F1 of frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN, actions_of, all_actions
from behavior.recognition.model import ActionModel, Decoding
from behavior.recognition.recognise import RecogniseSettings, decode
from behavior.training.cut import CodedClips, CodedPerson, clip_of_frames

PRICES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""How dear a change may be: shares of what the lengths of bouts suggest."""
BELOW = (0.2, 0.9)
"""Lowest and highest threshold."""
FEW = 8
"""An action of fewer clips keeps the threshold of the model."""
SHORT_BOUTS = 0.1
"""Bouts shorter than half the length that this share of the coded ones does not reach are dropped."""


def learn_decoding(
    model: ActionModel,
    people: Sequence[CodedPerson],
    clips: CodedClips,
    held_out: NDArray[np.float64],
    settings: RecogniseSettings | None = None,
) -> Decoding:
    """The decoding that suits the labels best.

    Args:
        model: gives the actions, and the threshold of actions with few clips.
        people: who was coded.
        clips: cut from them.
        held_out: (S, C) calibrated scores of `model.info.classes` for the clips, by classifiers that saw no clip of
            the same group; NaN for clips that were never tested.
        settings: of `recognise`.
    """
    settings = settings or RecogniseSettings()
    actions = model.info.classes
    sets = [actions_of(name) for name in clips.data.classes]
    truth = np.array([[action in held for action in actions] for held in sets])[clips.data.labels]
    tested = np.isfinite(held_out[:, 0])
    below = {
        action: best_threshold(held_out[tested, place], truth[tested, place])
        for place, action in enumerate(actions)
        if FEW <= truth[tested, place].sum() < tested.sum()
    }
    lengths = bout_lengths(clips.durations_s)
    shortest = {
        action: round(float(np.clip(0.5 * np.quantile(lengths[action], SHORT_BOUTS), 0.1, 2)), 3)
        for action in actions
        if action in lengths
    }
    best, found = -1.0, Decoding()
    for share in PRICES:
        price = {
            name: round(float(share * clips.window_s * np.log1p(np.median(some) / clips.window_s)), 4)
            for name, some in lengths.items()
        }
        decoding = Decoding(below, price, shortest)
        reached = _frame_f1(replace(model, decoding=decoding), people, clips, held_out, settings)
        if reached > best:
            best, found = reached, decoding
    return found


def bout_lengths(durations_s: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Seconds of the bouts of each action, and of `unknown`, out of those of sets of actions."""
    lengths: dict[str, list[float]] = {}
    for name in (*all_actions(list(durations_s)), UNKNOWN):
        own = [one for held, some in durations_s.items() if name in (actions_of(held) or (UNKNOWN,)) for one in some]
        if own:
            lengths[name] = own
    return lengths


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The threshold of best F1, within `BELOW`: halfway between the last score to claim and the next."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    last = int(f1.argmax())
    following = min(last + 1, len(order) - 1)
    return round(float(np.clip((scores[order[last]] + scores[order[following]]) / 2, *BELOW)), 3)


def _frame_f1(
    model: ActionModel,
    people: Sequence[CodedPerson],
    clips: CodedClips,
    held_out: NDArray[np.float64],
    settings: RecogniseSettings,
) -> float:
    """Mean F1 of the actions over the frames of all people, decoded from the held-out scores."""
    actions = model.info.classes
    counts = np.zeros((3, len(actions)))
    for place, person in enumerate(people):
        time_s = person.track.time_s
        clip = clip_of_frames(clips, place, time_s)
        scores = np.where(clip[:, None] >= 0, np.nan_to_num(held_out[clip]), 0.0)
        said, shown = np.zeros((2, len(time_s), len(actions)), dtype=bool)
        for spans, out in ((decode(person.track, scores, model, settings), said), (person.labels, shown)):
            for span in spans:
                if span.action in actions:
                    first, stop = np.searchsorted(time_s, [span.start_s, span.stop_s])
                    out[first:stop, actions.index(span.action)] = True
        counts += [(said & shown).sum(axis=0), said.sum(axis=0), shown.sum(axis=0)]
    both, claimed, coded = counts
    return float(np.mean(2 * both / np.maximum(claimed + coded, 1)))
