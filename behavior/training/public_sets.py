"""Public sets of labelled skeletons in one vocabulary: which label means what, and what may be made of each set.

The sets themselves are not part of this project. Each is a folder `DATA/<name>/` that holds `train3d.npz`, clips in
metres (y up, a person's right at -x when they face +z), or `train.npz`, a labelled-sequences file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.labels import UNKNOWN
from behavior.recognition.clips import RATE_HZ, load_sequences, resample
from pose.layouts import BODY_13, to_body
from storage.errors import ExchangeError
from storage.formats.guard import read_npz


@dataclass(frozen=True)
class PublicSet:
    """A set and what its labels mean.

    Attributes:
        name: of its folder.
        cite: what to cite.
        licence: of the data, in short.
        shippable: whether a published model may learn from it; the others judge only.
        labels: its label -> an action of `behavior.recognition.vocabulary.ACTIONS`, `unknown` where it shows none of
            them, None where a clip holds several or it can't be told.
    """

    name: str
    cite: str
    licence: str
    shippable: bool
    labels: Mapping[str, str | None]


def _unknown(labels: str) -> dict[str, str | None]:
    return dict.fromkeys(labels.split(), UNKNOWN)


def _none(labels: str) -> dict[str, str | None]:
    return dict.fromkeys(labels.split())


PUBLIC_SETS = {
    one.name: one
    for one in (
        PublicSet(
            "jhmdb",
            "Jhuang et al., Towards understanding action recognition, ICCV 2013",
            "research",
            True,
            {
                "catch": UNKNOWN, "clap": "clap", "golf": "swing", "jump": "jump", "kick_ball": "kick",
                "pick": "bend_or_pick_up", "pullup": "pull_up", "run": "run", "sit": "sit_down", "stand": "stand_up",
                "swing_baseball": "swing", "throw": "throw", "walk": "walk", "wave": "wave",
            } | _unknown("brush_hair pour push shoot_ball shoot_bow shoot_gun") | _none("climb_stairs"),
        ),
        PublicSet(
            "penn_action",
            "Zhang, Zhu, Derpanis, From actemes to action, ICCV 2013",
            "research; labels as in a repository under Apache-2.0",
            True,
            {
                "baseball_pitch": "throw", "baseball_swing": "swing", "golf_swing": "swing", "jump_rope": "jump",
                "jumping_jacks": "jumping_jack", "pullup": "pull_up", "pushup": "push_up", "situp": "sit_up",
                "squat": "squat", "tennis_forehand": "swing", "tennis_serve": "swing",
            } | _unknown("bench_press bowl clean_and_jerk strum_guitar"),
        ),
        PublicSet(
            "utd_mhad",
            "Chen, Jafari, Kehtarnavaz, UTD-MHAD, ICIP 2015",
            "research",
            True,
            {
                "wave": "wave", "clap": "clap", "throw": "throw", "boxing": "punch", "baseball_swing": "swing",
                "tennis_swing": "swing", "tennis_serve": "swing", "jog": "run", "walk": "walk",
                "sit_to_stand": "stand_up", "stand_to_sit": "sit_down", "squat": "squat",
            }
            | _unknown(
                "swipe_left swipe_right cross_arms basketball_shoot draw_x draw_circle_cw draw_circle_ccw draw_triangle"
                " bowling arm_curl push knock catch lunge"
            ) | _none("pickup_and_throw"),
        ),
        PublicSet(
            "msr_action3d",
            "Li, Zhang, Liu, Action recognition based on a bag of 3D points, CVPR Workshops 2010",
            "research",
            True,
            {
                "high_arm_wave": "wave", "horizontal_arm_wave": "wave", "two_hand_wave": "wave", "hand_clap": "clap",
                "forward_punch": "punch", "side_boxing": "punch", "high_throw": "throw", "bend": "bend_or_pick_up",
                "forward_kick": "kick", "side_kick": "kick", "jogging": "run", "tennis_swing": "swing",
                "tennis_serve": "swing", "golf_swing": "swing",
            } | _unknown("hammer hand_catch draw_x draw_tick draw_circle") | _none("pickup_and_throw"),
        ),
        PublicSet(
            "gtu_action3d",
            "GTU Action 3D, in seymayucer/ActionDatasetLoader",
            "none stated",
            False,
            # The names in this copy don't belong to the clips; this is what stick figures of them show.
            {"walk": "squat", "bend_leg_b": "clap", "stand_on_toes": "wave", "right_hand_shake": "wave"}
            | _unknown("open_close_arms crouch sit_and_clap")
            | _none("bend_leg_a left_hand_shake lower_back neck_relax right_left_step right_left_8_step")
            | _none("right_left_waist_stretch"),
        ),
        PublicSet(
            "nw_ucla",
            "Wang et al., Cross-view action modeling, learning and recognition, CVPR 2014",
            "research; this copy CC BY-NC",
            False,
            {
                "pick_up_one_hand": "bend_or_pick_up", "pick_up_two_hands": "bend_or_pick_up", "walk_around": "walk",
                "sit_down": "sit_down", "stand_up": "stand_up", "throw": "throw", "carry": "walk",
            } | _unknown("donning doffing") | _none("drop_trash"),
        ),
        PublicSet(
            "bandai_namco",
            "Kobayashi et al., Motion capture dataset for practical use of AI-based motion editing, 2023",
            "CC BY-NC 4.0",
            False,
            {
                "bye": "wave", "byebye": "wave", "kick": "kick", "punch": "punch", "raise-up-both-hands": "raise_arms",
                "raise-up-left-hand": "raise_arms", "raise-up-right-hand": "raise_arms", "run": "run", "dash": "run",
                "walk": "walk", "walk-back": "walk", "walk-left": "walk", "walk-right": "walk",
                "walk-turn-left": "walk", "walk-turn-right": "walk", "wave-both-hands": "wave",
                "wave-left-hand": "wave", "wave-right-hand": "wave",
            } | _unknown("bow call dance-short guide respond") | _none("slash"),
        ),
        PublicSet(
            "ur_fall_alphapose",
            "Kwolek, Kepski, Human fall detection on embedded platform, 2014",
            "CC BY-NC-SA",
            False,
            {"fall": "fall", "lie": "lie", "not_fall": UNKNOWN},
        ),
    )
}  # fmt: skip
"""Every set by the name of its folder."""


@dataclass(frozen=True, eq=False)
class SetClips:
    """The clips of one set that mean something.

    Attributes:
        of: the set.
        points: of each clip (T, 13, 2 or 3) float32 at `RATE_HZ`, joints of `BODY_13`: image coordinates (y down) or
            metres (y up); NaN where missing.
        names: (S,) actions of the vocabulary, or `unknown`.
        own: (S,) the set's own labels.
        groups: (S,) int64 people or videos.
    """

    of: PublicSet
    points: list[NDArray[np.float32]]
    names: NDArray[np.str_]
    own: NDArray[np.str_]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.points)


def load_public_set(folder: Path, name: str) -> SetClips:
    """The clips of `folder/name`, from `train3d.npz` where it is there, else `train.npz`.

    Raises:
        DataError: no such file, not of this form, or with a label that `PUBLIC_SETS` does not list.
    """
    of = PUBLIC_SETS[name]
    file = folder / name / "train3d.npz"
    if file.exists():
        try:
            arrays = read_npz(file)
            joints, offsets = arrays["joints"].astype(np.float32), arrays["offsets"]
            classes, labels = arrays["classes"].tolist(), arrays["labels"]
            groups, fps = arrays["groups"], np.broadcast_to(arrays["fps"], labels.shape)
            if tuple(arrays["joint_names"]) != BODY_13 or joints.shape[1:] != (len(BODY_13), 3):
                raise ValueError(f"expected the joints {', '.join(BODY_13)} in 3-D")
        except (ExchangeError, KeyError, ValueError) as error:
            raise DataError(f"{file}: no clips in 3-D ({error})") from None
    else:
        data = load_sequences(folder / name / "train.npz")
        joints, offsets, classes, labels = (
            to_body(data.joints, data.joint_names),
            data.offsets,
            data.classes,
            data.labels,
        )
        groups, fps = np.arange(len(data)) if data.groups is None else data.groups, data.fps
    if strange := sorted(set(classes) - set(of.labels)):
        raise DataError(f"{folder / name}: nothing is said of the labels {', '.join(strange)}; add them to PUBLIC_SETS")
    points, names, own, kept = [], [], [], []
    for clip, label in enumerate(labels):
        action = of.labels[classes[label]]
        if action is None:
            continue
        piece = joints[offsets[clip] : offsets[clip + 1]]
        if len(piece) > 1:
            time_s = np.arange(len(piece)) / fps[clip]
            piece = resample(piece, time_s, np.arange(0, time_s[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ))
        points.append(piece)
        names.append(action)
        own.append(classes[label])
        kept.append(clip)
    return SetClips(of, points, np.array(names), np.array(own), np.asarray(groups[kept], dtype=np.int64))
