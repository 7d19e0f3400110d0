"""From a database with human labels to a model, and the model against such labels: what `train`, `evaluate` and
`predict` do on a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.agreement import Coded, agreement
from behavior.evaluation.human_labels import coded_recordings, judged
from behavior.evaluation.sequences import evaluation
from behavior.labels import UNKNOWN, actions_of
from behavior.recognition.classifiers.base import Progress
from behavior.recognition.clips import LabelledSequences, to_clips
from behavior.recognition.model import ActionModel, Decoding, save_action_model
from behavior.recognition.recognise import RecogniseSettings, recognise
from behavior.recognition.smoothing import Times
from behavior.recognition.temperature import apply_temperature
from behavior.training.cut import SPLITS, CodedClips, CodedPerson, CutSettings, coded_people, cut_clips
from behavior.training.decoding import Held, frame_counts, frame_f1, held_frames, learn_decoding, mean_f1
from behavior.training.held_out import HeldOut, held_out
from behavior.training.train import Calibration, CrossValidation, TrainSettings, set_scores, train, unknown_last
from storage import recordings, runs, skeletons, tracks
from storage.bouts import Bout, read_bouts
from storage.database import Database
from storage.errors import MissingError
from storage.recordings import Recording


@dataclass(frozen=True, eq=False)
class Trained:
    """A model out of human labels.

    Attributes:
        model: trained, calibrated, with its decoding.
        cv: its cross-validation; None where it was left out.
        clips: what it was trained on.
        held_out: what went wrong, and what each action lacks; None without cross-validation.
        notes: what the user must know.
    """

    model: ActionModel
    cv: CrossValidation | None
    clips: CodedClips
    held_out: HeldOut | None
    notes: tuple[str, ...]


def train_coded(
    database: Database,
    classifier: str,
    out: Path | None = None,
    *,
    cut: CutSettings | None = None,
    settings: TrainSettings | None = None,
    classifier_settings: dict[str, Any] | None = None,
    recording: str | None = None,
    coder: str | None = None,
    name: str = "custom",
    data_name: str = "",
    licence: str = "as the data it was trained on",
    prior: Mapping[str, float] | None = None,
    rules: Sequence[str] = (),
    before: Callable[[LabelledSequences], None] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Cut the coded people into clips, train on them as `train` does, and learn how scores become bouts.

    `before` is told of the clips before the training starts.

    Raises:
        MissingError: no labels of people with a track.
        DataError: labels that nothing can be learned from.
        OutputError: the folder can't be written.
    """
    notes: list[str] = []
    people = coded_people(database, notes, recording=recording, coder=coder)
    clips = cut_clips(people, cut)
    notes += clips.notes
    settings = replace(settings or TrainSettings(), own_thresholds=True)
    if settings.folds > 1 and clips.data.groups is not None and np.ptp(clips.data.groups) == 0:
        raise DataError(
            f"{database.where}: {'; '.join(clips.notes)}; label more, best in another recording, or train without"
            " figures (--folds 0)"
        )
    if before is not None:
        before(clips.data)
    model, cv = train(
        clips.data, classifier, settings=settings, classifier_settings=classifier_settings, name=name,
        data_name=data_name, licence=licence, prior=prior, rules=rules, progress=progress,
        origins=[
            f"{people[place].recording}, {people[place].person}, {middle_s:.1f} s"
            for place, middle_s in zip(clips.people, clips.middle_s, strict=True)
        ],
    )  # fmt: skip
    coded = {person.sha256: person.recording for person in people}
    data = model.info.data | {"recordings": coded, "people": len(people), "split": clips.group_by}
    figures = dict(model.info.figures)
    told: HeldOut | None = None
    if cv is not None and cv.calibration is not None:
        figures["protocol"] += f"; {SPLITS[clips.group_by]}"
        model, figures["frames"], found = _decoded(model, database, people, clips, cv, cv.calibration)
        told = held_out(model.info.classes, people, clips, cv, found, settings.claims_right)
        figures["bouts"] = {"f1": told.to_dict()["bout_f1"]}
    model = replace(model, info=replace(model.info, data=data, figures=figures), window_s=clips.window_s)
    if out is not None:
        model = replace(model, info=save_action_model(model, out))
    return Trained(model, cv, clips, told, tuple(notes))


def _decoded(
    model: ActionModel,
    database: Database,
    people: Sequence[CodedPerson],
    clips: CodedClips,
    cv: CrossValidation,
    found: Calibration,
) -> tuple[ActionModel, dict[str, Any], list[Held]]:
    """The model with its decoding, how right each fold is on frames with what the others chose, as JSON, and what it
    said of them.

    `f1` is the mean of `per_action`; `accuracy` the share of frames that have the same actions as the human said, and
    `kappa`; `now` the same of the bouts that count in the database, on the same frames (None where there are none).
    """
    sets = unknown_last(clips.data).classes
    sets = sets if UNKNOWN in sets else (*sets, UNKNOWN)
    actions = model.info.classes
    said: list[Held] = []
    for fold, choice in {**found.by_fold, -1: found.chosen}.items():
        scores = set_scores(apply_temperature(np.nan_to_num(cv.clean), choice.temperature), sets)
        scores[~cv.tested] = np.nan
        held = cv.folds.test_fold == fold
        learning = np.ones_like(held) if fold < 0 else cv.tested & ~held
        chosen = replace(
            model, temperature=choice.temperature, unknown_below=choice.unknown_below,
            decoding=Decoding(unknown_below=choice.own),
        )  # fmt: skip
        chosen = replace(chosen, decoding=learn_decoding(chosen, people, clips, scores, learning))
        if fold >= 0:
            said += held_frames(chosen, people, clips, scores, held)
    tested = {action for label in np.unique(clips.data.labels[cv.tested]) for action in actions_of(sets[label])}
    frames = _on_frames(actions, people, said, tested)
    now = _counting(database, people)
    counting = [(place, rows, now.bouts[place]) for place, rows, _ in said] if now else []
    frames["now"] = _on_frames(actions, people, counting, tested) | now.about if now else None
    return chosen, frames, said


def _on_frames(
    actions: tuple[str, ...], people: Sequence[CodedPerson], found: Sequence[Held], tested: set[str]
) -> dict[str, Any]:
    counts = frame_counts(actions, people, found)
    counts[2, [action not in tested for action in actions]] = 0  # coded beside clips of other actions only
    f1 = [_number(value) for value in frame_f1(counts)]
    both = []
    for place, rows, bouts in found:
        one, track = people[place], people[place].track
        ends_s = Times.of(track.time_s, RecogniseSettings.max_gap_s).ends_s
        both.append(
            Coded(
                one.recording, track.track_id, one.person, track.frames[rows], track.time_s[rows], ends_s[rows],
                one.labels, bouts,
            )
        )  # fmt: skip
    against = agreement(both, actions=actions)
    return {
        "f1": round(mean_f1(counts), 4),
        "per_action": dict(zip(actions, f1, strict=True)),
        "accuracy": _number(against.observed),
        "kappa": _number(against.kappa),
    }


@dataclass(frozen=True)
class _Counting:
    """The automatic bouts that count of each person, by place, and of which models they are."""

    bouts: list[list[Bout]]
    about: dict[str, Any]


def _counting(database: Database, people: Sequence[CodedPerson]) -> _Counting | None:
    """None where no actions are named of any of the people."""
    found: list[list[Bout]] = []
    models: dict[str, str] = {}
    learnt_here = False
    with database.reading() as tx:
        now = {_key(one): runs.current(tx, one.id) for one in recordings.list_recordings(tx)}
        for person in people:
            current = now[person.recording, person.sha256]
            run = current.actions if current else None
            found.append([])
            if run is not None:
                found[-1] = [one for one in read_bouts(tx, run.id) if one.track_id == person.track.track_id]
                models[run.model_sha256 or ""] = run.model_name or "unknown"
                learnt_here |= person.sha256 in run.extra.get("trust", {}).get("learnt_from", ())
    return _Counting(found, {"models": sorted(models.values()), "learnt_here": learnt_here}) if models else None


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _key(stored: Recording) -> tuple[str, str]:
    return stored.name, stored.sha256 or f"live {stored.id}"


def evaluate_coded(
    model: ActionModel, database: Database, *, recording: str | None = None, coder: str | None = None
) -> dict[str, Any]:
    """Figures of the model against the human labels of a database, by clip, by frame and by bout; plain JSON.

    Raises:
        DataError: labels of actions that the model does not know.
        ActionModelError: joints that it does not know.
        MissingError: no labels of people with a track.
    """
    notes: list[str] = []
    people = coded_people(database, notes, recording=recording, coder=coder)
    strangers = sorted({label.action for one in people for label in one.labels} - {*model.info.classes, UNKNOWN})
    if strangers:
        raise DataError(f"{database.where}: actions {', '.join(strangers)} are not among the model's; import the labels"
                        " again with --rename, or evaluate another model")  # fmt: skip
    known = model.info.data.get("recordings", {})
    if seen := sorted({one.recording for one in people if one.sha256 in known}):
        notes.append(f"THE MODEL WAS TRAINED ON {', '.join(seen)}: these figures say how well it remembers;"
                     " trust those of its cross-validation")  # fmt: skip
    clips = cut_clips(people, CutSettings(window_s=model.window_s, group_by="none"))
    truth = [clips.data.classes[label] for label in clips.data.labels]
    answers = model.weighted_set_proba(to_clips(clips.data, model.info.joints))
    bouts = {
        (one.sha256, one.track.track_id): [
            bout for bout in recognise(one.track, one.skeleton, model).bouts if bout.action in model.info.classes
        ]
        for one in people
    }
    with database.reading() as tx:
        pairs = []
        for one in coded_recordings(database, tx, [], recording=recording, coder=coder):
            own: list[Bout] = [
                bout for (sha256, _), found in bouts.items() for bout in found
                if sha256 == (one.stored.sha256 or f"live {one.stored.id}")
            ]  # fmt: skip
            pairs += judged(tx, one, own, (None, None), [])
    against = agreement(pairs).to_dict()
    found = evaluation(model, answers, truth)
    return found | {key: against[key] for key in ("kappa", "bout_f1", "per_action")} | {"notes": found["notes"] + notes}


def predict_stored(model: ActionModel, database: Database, *, recording: str | None = None) -> pd.DataFrame:
    """One row per window of each track: `recording, track_id, start_s, stop_s, label, score, claim`, then the score of
    each action. Windows in which nothing can be said have score 0."""
    found = [_row(model, *window) for window in _windows(model, database, recording)]
    columns = ["recording", "track_id", "start_s", "stop_s", "label", "score", "claim", *model.info.classes]
    return pd.DataFrame(found, columns=columns)


_Window = tuple[str, int, float, float, NDArray[np.float64]]


def _row(
    model: ActionModel, name: str, track_id: int, start: float, stop: float, scores: NDArray[np.float64]
) -> tuple[Any, ...]:
    best, claim = int(scores.argmax()), model.claims(scores[None])[0]
    label = model.info.classes[best] if scores.any() else UNKNOWN
    return (name, track_id, start, stop, label, float(scores[best]), claim, *scores.tolist())


def _windows(model: ActionModel, database: Database, recording: str | None) -> Iterator[_Window]:
    """Each window of every track that counts with its mean scores, one track in memory at a time."""
    with database.reading() as tx:
        stored = recordings.select_recordings(tx, recording)
        tracked = [(one, now.track) for one in stored if (now := runs.current(tx, one.id))]
    if not tracked:
        of = f" of a recording {recording!r}" if recording else ""
        raise MissingError(f"{database.where}: no tracks{of}; run posescribe analyze")
    for one, run in tracked:
        with database.reading() as tx:
            skeleton = skeletons.skeleton_of(tx, run.id)
        for track in tracks.iter_tracks(database, run.id):
            scores = np.nan_to_num(recognise(track, skeleton, model, RecogniseSettings()).scores.astype(np.float64))
            length_s = float(track.time_s[-1] - track.time_s[0])
            n_windows = max(1, round(length_s / model.window_s))
            place = ((track.time_s - track.time_s[0]) / model.window_s).astype(np.int64).clip(max=n_windows - 1)
            for window in np.unique(place):
                rows = place == window
                start = float(track.time_s[0] + window * model.window_s)
                stop = float(track.time_s[-1]) if window == n_windows - 1 else start + model.window_s
                yield one.name, track.track_id, start, stop, scores[rows].mean(axis=0)
