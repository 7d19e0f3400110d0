"""How scores over time become bouts, learnt from what a human coded and answers of classifiers that had not seen it.

Each action gets its own price of leaving it (from how long its bouts last) and its own shortest bout. How dear a change
is on the whole is chosen by the F1 of frames. Thresholds are chosen with the temperature, by `calibrate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from behavior.evaluation.agreement import presence
from behavior.labels import UNKNOWN, actions_of, all_actions
from behavior.recognition.model import ActionModel, Decoding
from behavior.recognition.recognise import RecogniseSettings, decode
from behavior.training.cut import CodedClips, CodedPerson, clip_of_frames, not_known_at
from storage.bouts import Bout

PRICES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""How dear a change may be: shares of what the lengths of bouts suggest."""
SHORT_BOUTS = 0.1
"""Bouts shorter than half the length that this share of the coded ones does not reach are dropped."""


def learn_decoding(
    model: ActionModel,
    people: Sequence[CodedPerson],
    clips: CodedClips,
    scores: NDArray[np.float64],
    rows: NDArray[np.bool_],
) -> Decoding:
    """The decoding that suits the labels best.

    Args:
        model: gives the actions and their thresholds.
        people: who was coded.
        clips: cut from them.
        scores: (S, C) calibrated scores of `model.info.classes` for the clips, by classifiers that saw no clip of the
            same group; NaN for clips that were never tested.
        rows: (S,) clips to learn from; frames and bouts of the others are not looked at.
    """
    lengths = bout_lengths(clips.durations_s(rows))
    shortest = {
        action: round(float(np.clip(0.5 * np.quantile(lengths[action], SHORT_BOUTS), 0.1, 2)), 3)
        for action in model.info.classes
        if action in lengths
    }
    best, found = -1.0, Decoding()
    for share in PRICES:
        price = {
            name: round(float(share * clips.window_s * np.log1p(np.median(some) / clips.window_s)), 4)
            for name, some in lengths.items()
        }
        decoding = Decoding(model.decoding.unknown_below, price, shortest)
        said = held_frames(replace(model, decoding=decoding), people, clips, scores, rows)
        counts = frame_counts(model.info.classes, people, said)
        reached = mean_f1(counts)
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


Held = tuple[int, NDArray[np.bool_], list[Bout]]
"""Place of a person, (n,) which of the person's frames are judged, and the bouts that a model says there."""


def held_frames(
    model: ActionModel,
    people: Sequence[CodedPerson],
    clips: CodedClips,
    scores: NDArray[np.float64],
    rows: NDArray[np.bool_],
) -> Iterator[Held]:
    """What the model says of the frames of some clips; arguments as of `learn_decoding`.

    A frame has the scores of the clip nearest to it, and is judged where that clip is one of `rows`; where nothing is
    known of time without a label, only if it has one. People without such frames are left out.
    """
    for place, person in enumerate(people):
        clip = clip_of_frames(clips, place, person.track.time_s)
        judged = (clip >= 0) & rows[clip] & ~not_known_at(person, person.track.time_s)
        if not clips.unlabelled:
            named = list({label.action for label in person.labels})
            judged &= presence(person.track.time_s, person.labels, named).any(axis=1)
        if judged.any():
            of_frames = np.where(clip[:, None] >= 0, np.nan_to_num(scores[clip]), 0.0)
            yield place, judged, decode(person.track, of_frames, model, RecogniseSettings())


def frame_counts(actions: Sequence[str], people: Sequence[CodedPerson], found: Iterable[Held]) -> NDArray[np.int64]:
    """(3, C) judged frames that show each action by both, by the model, by the human."""
    counts = np.zeros((3, len(actions)), dtype=np.int64)
    for place, judged, bouts in found:
        person, time_s = people[place], people[place].track.time_s
        said, shown = np.zeros((2, len(time_s), len(actions)), dtype=bool)
        for spans, out in ((bouts, said), (person.labels, shown)):
            for span in spans:
                if span.action in actions:
                    first, stop = np.searchsorted(time_s, [span.start_s, span.stop_s])
                    out[first:stop, actions.index(span.action)] = True
        said, shown = said[judged], shown[judged]
        counts += [(said & shown).sum(axis=0), said.sum(axis=0), shown.sum(axis=0)]
    return counts


def frame_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(C,) F1 of the actions out of `frame_counts`; NaN for one that no human coded there."""
    both, claimed, coded = counts
    return np.where(coded > 0, 2 * both / np.maximum(claimed + coded, 1), np.nan)


def mean_f1(counts: NDArray[np.int64]) -> float:
    """Mean of `frame_f1` over the actions that were coded; 0 where none was."""
    f1 = frame_f1(counts)
    return float(f1[np.isfinite(f1)].mean()) if np.isfinite(f1).any() else 0.0
