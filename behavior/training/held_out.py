"""What went wrong where a model had not learnt, what was labelled, and what each action lacks: what to do next.

Each person is judged on the frames of the clips that were held out, by the bouts of the fold that held them out. A bout
ends where such frames end, and where the person was out of sight.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.evaluation.agreement import Agreement, Coded, TimedAction, agreement, merged_spans, presence, records
from behavior.labels import UNKNOWN, actions_of
from behavior.recognition.recognise import RecogniseSettings
from behavior.recognition.smoothing import Times
from behavior.training.cut import UNSURE, CodedClips, CodedPerson, identity
from behavior.training.decoding import Held
from behavior.training.train import FEW, CrossValidation
from storage.bouts import Bout

UNITS = {"recording": "recordings", "person": "people", "time": "blocks of time", "none": "clips"}
"""What a split holds out, in the plural."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a user needs to know to go on; times in seconds of each recording's own clock.

    Attributes:
        agreement: kappa, F1 of bouts, figures per action and each stretch that went wrong, on held-out frames.
        actions: a row per action: `action`, `labelled_s`, `bouts`, `recordings`, `people` that were labelled;
            `tested_clips`; `said_s`, `right_s` of held-out frames, `claims_right` their ratio, `recall`, `kappa`,
            `bout_f1_50`, NaN where nothing is divided; `can_be_claimed`; what it lacks, as numbers (`more_bouts`,
            `more_recordings`, or what else was held out, as `more_groups`; `more_people`) and as words, `lacks`.
        people: a row per person judged, the longest wrong first: `recording, track_id, person, judged_s, wrong_s,
            wrong_share, most` (what was taken for what for longest).
        labelled: a row per recording and action: `recording, action, labelled_s, bouts, people`.
        unit: what was held out, in the plural.
    """

    agreement: Agreement
    actions: pd.DataFrame
    people: pd.DataFrame
    labelled: pd.DataFrame
    unit: str

    @property
    def mistakes(self) -> pd.DataFrame:
        """`Agreement.disagreements`, the longest first."""
        return self.agreement.disagreements.sort_values("duration_s", ascending=False, kind="stable", ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, NaN as None."""
        whole = self.agreement.to_dict()
        return {key: whole[key] for key in ("kappa", "observed", "frames", "people", "bout_f1")} | {
            "held_out": self.unit,
            "actions": records(self.actions),
            "each_person": records(self.people),
            "labelled": records(self.labelled),
        }


def held_out(
    actions: Sequence[str],
    people: Sequence[CodedPerson],
    clips: CodedClips,
    cv: CrossValidation,
    found: Sequence[Held],
    claims_right: float,
) -> HeldOut:
    """What there is to know of a cross-validation.

    Args:
        actions: of the model.
        people: who was coded.
        clips: cut from them.
        cv: the answers for the clips.
        found: what each fold says of the frames that it held out.
        claims_right: share of what an action claims that must be right.
    """
    people = [replace(one, labels=tuple(label for label in one.labels if label.comment != UNSURE)) for one in people]
    pairs = [_judged(place, people[place], actions, found) for place in sorted({place for place, *_ in found})]
    against = agreement(pairs, actions=actions)
    return HeldOut(
        agreement=against,
        actions=_actions(actions, people, clips, cv, against, claims_right),
        people=_people(pairs, against.disagreements),
        labelled=_labelled(people),
        unit=UNITS[clips.group_by],
    )


def _judged(place: int, person: CodedPerson, actions: Sequence[str], found: Sequence[Held]) -> Coded:
    """A person with what human and machine say of the frames that any fold held out."""
    track, names = person.track, list(actions)
    ends_s = Times.of(track.time_s, RecogniseSettings.max_gap_s).ends_s
    rows = np.zeros(len(track), dtype=bool)
    said = np.zeros((len(track), len(names)), dtype=bool)
    for _, own, bouts in (one for one in found if one[0] == place):
        said[own] = presence(track.time_s, bouts, names)[own]
        rows |= own
    sides = (presence(track.time_s, person.labels, names)[rows], said[rows])
    frames, time_s, ends_s = track.frames[rows], track.time_s[rows], ends_s[rows]
    human, machine = (_bouts(side, names, frames, time_s, ends_s, track.track_id) for side in sides)
    return Coded(person.recording, track.track_id, person.person, frames, time_s, ends_s, human, machine)


def _bouts(
    shown: NDArray[np.bool_],
    names: Sequence[str],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
    ends_s: NDArray[np.float64],
    track_id: int,
) -> list[TimedAction]:
    """The bouts behind (n, A) what each frame shows; frames that don't touch end one."""
    apart = np.append(time_s[1:] > ends_s[:-1] + 1e-9, True)[: len(time_s)]
    bouts: list[TimedAction] = []
    for name, column in zip(names, shown.T, strict=True):
        last = column & (apart | ~np.append(column[1:], False))
        first = column & np.append(True, apart[:-1] | ~column[:-1])[: len(column)]
        for a, b in zip(np.flatnonzero(first).tolist(), np.flatnonzero(last).tolist(), strict=True):
            bouts.append(Bout(track_id, name, float(time_s[a]), float(ends_s[b]), int(frames[a]), int(frames[b]), 1.0))
    return bouts


def _actions(
    actions: Sequence[str],
    people: Sequence[CodedPerson],
    clips: CodedClips,
    cv: CrossValidation,
    against: Agreement,
    claims_right: float,
) -> pd.DataFrame:
    groups = np.arange(len(clips.data)) if clips.data.groups is None else clips.data.groups
    figures = {row["action"]: row for row in against.per_action.to_dict("records")}
    unit = UNITS[clips.group_by]
    rows = []
    for action in actions:
        spans = [(one, merged_spans(one.labels, action)) for one in people]
        spans = [(one, own) for one, own in spans if len(own)]
        shows = np.array([action in actions_of(name) for name in clips.data.classes])[clips.data.labels]
        tested = int((shows & cv.tested).sum())
        each = max(1.0, int(shows.sum()) / max(1, len(np.unique(clips.bouts[shows]))))
        seen = figures[action]
        right = seen["precision"] if tested else math.nan
        # Of an action whose groups fell into one fold a further one is needed as well.
        more_groups = 0 if tested else max(1, 2 - len(np.unique(groups[shows])))
        more_bouts = math.ceil(max(0, FEW - tested) / each)
        persons = len({identity(one) for one, _ in spans})
        lacks = []
        if more_groups:
            lacks.append(f"it is in one part of the {unit} only: label it in {more_groups} more of the {unit}")
        if more_bouts:
            lacks.append(
                f"{tested} of {FEW} clips that a threshold of its own needs: about {more_bouts} more"
                f" {'bout' if more_bouts == 1 else 'bouts'}"
            )
        if tested and seen["machine_s"] == 0:
            lacks.append("it was never claimed where it was held out")
        elif tested and right < claims_right:
            lacks.append(f"claims were right for {right:.0%} of the time, {claims_right:.0%} are asked for")
        can = not lacks
        if persons < 2:
            lacks.append("it is of one person only: nothing shows that it holds for others")
        rows.append(
            {
                "action": action,
                "labelled_s": sum(float(np.diff(own, axis=1).sum()) for _, own in spans),
                "bouts": sum(len(own) for _, own in spans),
                "recordings": len({one.sha256 for one, _ in spans}),
                "people": persons,
                "tested_clips": tested,
                "said_s": seen["machine_s"],
                "right_s": seen["both_s"],
                "claims_right": right,
                "recall": seen["recall"] if tested else math.nan,
                "kappa": seen["kappa"] if tested else math.nan,
                "bout_f1_50": seen["bout_f1_50"] if tested else math.nan,
                "can_be_claimed": can,
                "more_bouts": more_bouts,
                "more_groups": more_groups,
                "more_people": max(0, 2 - persons),
                "lacks": "; ".join(lacks),
            }
        )
    return pd.DataFrame(rows)


def _people(pairs: Sequence[Coded], wrong: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for one in pairs:
        own = wrong[(wrong["recording"] == one.recording) & (wrong["track_id"] == one.track_id)]
        judged_s = float((one.ends_s - one.time_s).sum())
        kinds: dict[str, float] = {}
        for human, machine, seconds in zip(own["human"], own["machine"], own["duration_s"], strict=True):
            kind = f"{human or UNKNOWN} taken for {machine or UNKNOWN}"
            kinds[kind] = kinds.get(kind, 0.0) + seconds
        most = max(kinds, key=lambda kind: kinds[kind], default="")
        wrong_s = float(own["duration_s"].sum())
        rows.append(
            (one.recording, one.track_id, one.person, judged_s, wrong_s, wrong_s / judged_s if judged_s else 0.0, most)
        )
    columns = ["recording", "track_id", "person", "judged_s", "wrong_s", "wrong_share", "most"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("wrong_s", ascending=False, kind="stable", ignore_index=True)


def _labelled(people: Sequence[CodedPerson]) -> pd.DataFrame:
    rows = []
    for (recording, _), some in itertools.groupby(
        sorted(people, key=lambda one: (one.recording, one.sha256)), key=lambda one: (one.recording, one.sha256)
    ):
        own = list(some)
        for action in sorted({label.action for one in own for label in one.labels}):
            spans = [merged_spans(one.labels, action) for one in own]
            seconds = sum(float(np.diff(each, axis=1).sum()) for each in spans)
            rows.append((recording, action, seconds, sum(map(len, spans)), sum(len(each) > 0 for each in spans)))
    return pd.DataFrame(rows, columns=["recording", "action", "labelled_s", "bouts", "people"])
