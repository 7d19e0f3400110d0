from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from behavior.errors import DataError
from behavior.recognition.classifiers.tree import FEATURES, RulesClassifier
from behavior.recognition.clips import Clips, LabelledSequences, to_clips
from behavior.recognition.model import ActionModel, load_action_model, save_action_model
from behavior.recognition.rules import RULES, definition, known_rules, motion_of, rule_bouts, vocabulary
from behavior.recognition.rules.exercises import repetitions
from behavior.training.train import TrainSettings, train
from features.errors import FeatureError
from pose.layouts import BODY_13
from pose.people import Track
from pose.skeleton import COCO_18, Skeleton
from storage.bouts import Bout

Figure = Callable[..., NDArray[np.float32]]
WRISTS = [BODY_13.index("right_wrist"), BODY_13.index("left_wrist")]
ELBOWS = [BODY_13.index("right_elbow"), BODY_13.index("left_elbow")]


def jumping_jacks(figure: Figure, n_frames: int = 120) -> NDArray[np.float32]:
    """(n, 13, 2) arms up in every second second of 30 frames, down in the others."""
    body = figure("still", n_frames)
    up = np.arange(n_frames) // 30 % 2 == 1
    body[np.ix_(up, WRISTS, [1])] = -170
    body[np.ix_(up, ELBOWS, [1])] = -142
    return body


def as_track(body: NDArray[np.float32], rate: float = 30.0) -> Track:
    keypoints = np.full((len(body), 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0.9
    for place, joint in enumerate(BODY_13):
        keypoints[:, COCO_18.index("nose" if joint == "head" else joint), :2] = body[:, place]
    frames = np.arange(len(body), dtype=np.int64)
    return Track(3, frames, frames / rate, keypoints, np.ones(len(body), dtype=np.float32), skeleton=COCO_18)


def spans(body: NDArray[np.float32]) -> list[tuple[str, int, int]]:
    return [(bout.action, bout.start_frame, bout.stop_frame) for bout in bouts_of(body, "arms_raised")]


def bouts_of(body: NDArray[np.float32], *rules: str, rate: float = 30.0) -> list[Bout]:
    track = as_track(body, rate)
    return rule_bouts(track, motion_of(track, COCO_18), rules)


def test_each_raising_is_a_bout(figure: Figure) -> None:
    assert spans(jumping_jacks(figure)) == [("arms_raised", 30, 59), ("arms_raised", 90, 119)]


def test_one_hand_is_not_enough(figure: Figure) -> None:
    assert spans(figure("wave", 60)) == []


def test_hands_at_the_height_of_the_shoulders_are_not_raised(figure: Figure) -> None:
    """A dancer with the arms to the sides, somebody who lies and holds a ball: both were called so in real videos."""
    body = jumping_jacks(figure)
    height = np.ptp(body[0, :, 1])
    shoulders = body[:, [BODY_13.index("right_shoulder"), BODY_13.index("left_shoulder")], 1].mean(axis=1)
    at = np.arange(30, 60)
    body[np.ix_(at, WRISTS, [1])] = (shoulders[at] - 0.06 * height)[:, None, None]
    body[np.ix_(at, ELBOWS, [1])] = shoulders[at][:, None, None]
    assert spans(body) == [("arms_raised", 90, 119)]
    half = body.copy()
    half[38:52, WRISTS, 1] = -170  # but once they reach the head, it is a raising
    assert len(spans(half)) == 2
    lying = jumping_jacks(figure)
    turn = np.deg2rad(60)
    lying = lying @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], dtype=np.float32)
    lying[:, WRISTS, 1] = lying[:, BODY_13.index("head"), 1][:, None] - 90  # over the shoulders as the picture shows it
    assert spans(lying) == []


def test_a_hand_that_swings_over_the_shoulders_waves(figure: Figure) -> None:
    body = figure("wave", 90)  # 1.5 times a second, there and back
    (bout,) = bouts_of(body, "wave")
    assert bout.start_frame <= 15
    assert bout.stop_frame >= 75
    assert "turns in a row (at least 4)" in bout.evidence
    assert "3.0 turns/s" in bout.evidence
    assert bouts_of(body[::-1], "wave")
    assert not bouts_of(body[:20], "wave")  # one turn and back is none
    low = body.copy()
    low[:, WRISTS[0], 1] += 80  # at the height of the belly
    assert not bouts_of(low, "wave")
    nodding = body.copy()
    nodding[:, WRISTS[0]] = body[:, [WRISTS[0]], ::-1][:, 0] * [1, 1] + [95, -95]  # up and down instead of to and fro
    nodding[:, ELBOWS[0], 1] -= 60
    assert not bouts_of(nodding, "wave")
    assert not bouts_of(body[::5], "wave", rate=6.0)  # too few frames a second
    assert not bouts_of(jumping_jacks(figure), "wave")
    assert not bouts_of(figure("still", 60), "wave")


def test_whose_thighs_lie_aslant_is_not_upright(figure: Figure) -> None:
    """A pianist at a keyboard that hides his legs: hips high, knees nearly straight in the picture, but seated."""
    seated = figure("still", 60)
    for side in ("left", "right"):
        hip = seated[:, BODY_13.index(f"{side}_hip")]
        seated[:, BODY_13.index(f"{side}_knee")] = hip + np.array((39, 53))
        seated[:, BODY_13.index(f"{side}_ankle")] = hip + np.array((44, 124))
    assert bouts_of(figure("still", 60), "upright")
    assert not bouts_of(seated, "upright")


def test_missing_hands_are_judged_by_the_elbows(figure: Figure) -> None:
    body = jumping_jacks(figure)
    body[:, WRISTS[0]] = np.nan
    assert len(spans(body)) == 2
    body[:, ELBOWS[0]] = np.nan
    assert spans(body) == []
    motion = motion_of(as_track(body), COCO_18)
    assert motion is not None
    assert np.isnan(RULES["arms_raised"].score(motion)).all()


def test_flicker_and_upside_down(figure: Figure) -> None:
    body = jumping_jacks(figure)
    body[40:44, WRISTS + ELBOWS] = np.nan  # an interruption of 4 frames is closed
    assert spans(body)[0] == ("arms_raised", 30, 59)
    flash = figure("still", 60)
    flash[20:25, WRISTS, 1] = -170
    assert spans(flash) == []
    assert spans(-jumping_jacks(figure)) == []


def test_no_human_no_bouts() -> None:
    mouse = Skeleton("mouse", ("nose", "tail"), (), (0.1, 0.1))
    track = Track(
        1, np.arange(3), np.arange(3) / 30, np.zeros((3, 2, 3), np.float32), np.ones(3, np.float32), skeleton=mouse
    )
    assert rule_bouts(track, motion_of(track, mouse), ("arms_raised",)) == []
    with pytest.raises(DataError, match="unknown rule fly; known: upright"):
        known_rules(("fly",))
    assert known_rules(("raise_arms", "walk")) == ("arms_raised", "walk")


def test_a_model_keeps_its_rules(small_world: LabelledSequences, tmp_path: Path) -> None:
    model: ActionModel = train(
        small_world, "rules", settings=TrainSettings(folds=0), classifier_settings={"min_rows": 4}
    )[0]
    save_action_model(replace(model, rules=("arms_raised",)), tmp_path / "model")
    assert load_action_model(tmp_path / "model").rules == ("arms_raised",)


ALL = tuple(RULES)
LEGS = [BODY_13.index(f"{side}_{joint}") for side in ("right", "left") for joint in ("knee", "ankle")]
POSES = {
    "chair": {"head": (10, -140), "shoulder": (0, -100), "elbow": (10, -58), "wrist": (45, -40), "hip": (0, 0),
              "knee": (84, 5), "ankle": (80, 90)},
    "crouch": {"head": (45, -120), "shoulder": (35, -90), "elbow": (60, -50), "wrist": (70, -10), "hip": (0, 0),
               "knee": (70, -35), "ankle": (35, 35)},
    "bed": {"head": (-140, 0), "shoulder": (-100, 4), "elbow": (-60, 10), "wrist": (-20, 12), "hip": (0, 6),
            "knee": (84, 4), "ankle": (169, 8)},
    "plank": {"head": (-135, -55), "shoulder": (-95, -40), "elbow": (-95, 8), "wrist": (-95, 48), "hip": (0, 0),
              "knee": (82, 25), "ankle": (165, 50)},
    "handstand": {"head": (0, 140), "shoulder": (0, 100), "elbow": (0, 145), "wrist": (0, 190), "hip": (0, 0),
                  "knee": (0, -84), "ankle": (0, -169)},
}  # fmt: skip


def posed(name: str, n_frames: int = 60) -> NDArray[np.float32]:
    """(n, 13, 2) a body from the side, at rest but for 1 px of jitter."""
    pose = [POSES[name][joint.split("_")[-1]] for joint in BODY_13]
    jitter = np.random.default_rng(0).normal(0, 1, (n_frames, 13, 2))
    return (np.array(pose, dtype=np.float32) + jitter).astype(np.float32)


def walker(n_frames: int, *, speed: float, rate: float = 30.0, steps_per_s: float = 2.0) -> NDArray[np.float32]:
    """(n, 13, 2) a body of 347 px from the side that goes `speed` px/s to the right."""
    body = np.repeat(np.array([_SIDE[joint] for joint in BODY_13], dtype=np.float32)[None], n_frames, axis=0)
    time_s = np.arange(n_frames) / rate
    for side, sign in (("right", 1), ("left", -1)):
        swing = sign * np.sin(np.pi * steps_per_s * time_s)
        body[:, BODY_13.index(f"{side}_ankle"), 0] += 50 * swing
        body[:, BODY_13.index(f"{side}_knee"), 0] += 25 * swing
    body[..., 0] += (speed * time_s)[:, None]
    return body


_SIDE = {
    joint: ({"head": (8, -140), "shoulder": (0, -100), "elbow": (-2, -45), "wrist": (6, 0), "hip": (0, 0),
             "knee": (3, 84), "ankle": (0, 169)}[joint.split("_")[-1]])
    for joint in BODY_13
}  # fmt: skip


def actions(body: NDArray[np.float32], *, rate: float = 30.0, rules: tuple[str, ...] = ALL) -> set[str]:
    return {bout.action for bout in bouts_of(body, *rules, rate=rate)}


@pytest.mark.parametrize(
    ("pose", "named"),
    [("chair", {"sit"}), ("crouch", {"crouch"}), ("bed", {"lie"}), ("plank", set()), ("handstand", set())],
)
def test_postures(pose: str, named: set[str]) -> None:
    assert actions(posed(pose)) == named
    half = posed(pose)
    half[:, LEGS] = np.nan
    assert actions(half) == set()


def test_a_walk_needs_steps_and_displacement() -> None:
    """The same legs that go, run, stay on the spot; and a body that slides along without a step."""
    assert actions(walker(120, speed=200)) == {"upright", "walk"}
    assert actions(walker(120, speed=700, steps_per_s=2.8)) == {"upright", "run"}
    assert actions(walker(150, speed=0)) == {"upright", "walk_in_place"}
    sliding = walker(120, speed=200)
    sliding[:, LEGS] = sliding[:, LEGS][:1] + (sliding[:, [7]] - sliding[:1, [7]])
    assert actions(sliding) == {"upright"}


def test_a_camera_that_moves_is_taken_away() -> None:
    """Whoever it follows walks; who marches on the spot in a panned picture does not, nor who stands there."""
    time_s = np.arange(120) / 30
    pan = np.stack([-200 * time_s, 3 * np.sin(9 * time_s), 0 * time_s], axis=1)

    def seen(body: NDArray[np.float32], background: NDArray[np.float64]) -> set[str]:
        track = as_track((body + background[:, None, :2]).astype(np.float32))
        return {one.action for one in rule_bouts(track, motion_of(track, COCO_18, background), ALL)}

    assert seen(walker(120, speed=200), pan) == {"upright", "walk"}
    assert seen(walker(120, speed=0), pan) == {"upright", "walk_in_place"}
    assert seen(np.repeat(walker(1, speed=0), 120, axis=0), pan) == {"upright"}
    followed = walker(120, speed=200) + pan[:, None, :2].astype(np.float32)
    assert "walk" not in actions(followed)
    assert "walk" in actions((walker(120, speed=0) + pan[:, None, :2]).astype(np.float32))


def test_nobody_walks_while_the_camera_zooms() -> None:
    """Who marches on the spot grows in the picture as the background does; that is no way towards the camera."""
    time_s = np.arange(150) / 30
    larger = 0.12 * time_s
    body = (walker(150, speed=0) * np.exp(larger)[:, None, None]).astype(np.float32)
    track = as_track(body)

    def said(zoom: NDArray[np.float64]) -> set[str]:
        background = np.stack([0 * time_s, 0 * time_s, zoom], axis=1)
        return {one.action for one in rule_bouts(track, motion_of(track, COCO_18, background), ALL)}

    assert "walk" in said(0 * time_s)
    assert said(larger) == {"upright"}


def test_nobody_walks_at_five_frames_a_second_or_without_ankles() -> None:
    assert actions(walker(40, speed=200, rate=5.0), rate=5.0) == {"upright"}
    assert actions(walker(50, speed=200, rate=7.0), rate=7.0) == {"upright", "walk"}
    body = walker(120, speed=200)
    body[:, LEGS] = np.nan
    assert actions(body) == set()


def test_towards_the_camera_is_displacement() -> None:
    """The body grows by a fifth a second about its hips, the ankles rise in turn."""
    body = walker(120, speed=0)
    time_s = np.arange(120) / 30
    for side, sign in (("right", 1), ("left", -1)):
        ankle = BODY_13.index(f"{side}_ankle")
        body[:, ankle, 0] = 16 * sign
        body[:, ankle, 1] -= 24 * (1 + sign * np.sin(2 * np.pi * time_s))
    assert "walk" in actions(body * np.exp(0.2 * time_s)[:, None, None].astype(np.float32))
    assert "walk" not in actions(body)


def test_feet_that_part_make_no_steps() -> None:
    """Jumping jacks and a boxer's stance: the ankles swing regularly and never pass each other."""
    time_s = np.arange(150) / 30
    body = walker(150, speed=0)
    for side, sign in (("right", -1), ("left", 1)):
        body[:, BODY_13.index(f"{side}_ankle"), 0] = sign * (40 + 30 * np.sin(2 * np.pi * time_s))
    assert actions(body) == {"upright"}


def exercise(name: str, count: int = 3, rate: float = 30.0, period_s: float = 1.5) -> NDArray[np.float32]:
    """(n, 13, 2) a body of 347 px that does an exercise, with a second of rest before and after; 1 px of jitter."""
    time_s = np.arange(round(rate * (count * period_s + 2))) / rate
    phase = np.clip((time_s - 1) / period_s, 0, count)
    way = (1 - np.cos(2 * np.pi * phase)) / 2  # 0 at rest, 1 in between
    body = np.zeros((len(time_s), 13, 2))

    def put(joint: str, x: ArrayLike, y: ArrayLike, apart: ArrayLike = 0.0) -> None:
        for side, sign in (("right", -1), ("left", 1)):
            place = body[:, BODY_13.index(f"{side}_{joint}")]
            place[:, 0], place[:, 1] = x + sign * np.asarray(apart), y

    if name == "squat":
        bent = np.deg2rad(100 * way)
        put("knee", 28 - 85 * np.sin(-bent / 3) - 28, 85 - 85 * np.cos(bent / 3))
        knee = body[:, BODY_13.index("left_knee")]
        hip = knee - 84 * np.stack([np.sin(bent), np.cos(bent)], axis=1)
        put("ankle", 0, 85)
        for joint, up in (("hip", 0), ("shoulder", 100), ("elbow", 55), ("wrist", 5)):
            put(joint, hip[:, 0], hip[:, 1] - up)
        body[:, 0] = hip - np.array([0, 140])
    elif name == "push_up":
        ankle, shoulder = np.array([165.0, 50.0]), np.stack([np.full(len(way), -95.0), -40 + 48 * way], axis=1)
        for joint, share in (("knee", 0.32), ("hip", 0.62), ("shoulder", 1.0)):
            put(joint, *(ankle + share * (shoulder - ankle)).T)
        put("ankle", *ankle)
        put("wrist", -95, 48)
        put("elbow", -95 + np.sqrt(np.maximum(44**2 - ((48 - shoulder[:, 1]) / 2) ** 2, 0)), (48 + shoulder[:, 1]) / 2)
        body[:, 0] = shoulder - np.array([40, 15])
    elif name == "sit_up":
        lean = np.deg2rad(85 - 60 * way)
        for joint, far in (("hip", 0), ("shoulder", 100), ("elbow", 120), ("wrist", 140)):
            put(joint, -far * np.sin(lean), -far * np.cos(lean))
        put("knee", 60, -58)
        put("ankle", 110, 10)
        body[:, 0] = body[:, BODY_13.index("left_wrist")]
    else:
        raised = np.deg2rad(15 + 150 * way)
        lift = 75 * way if name == "pull_up" else 0 * way
        for joint, y, apart in (("shoulder", -100, 35), ("hip", 0, 22), ("knee", 84, 22), ("ankle", 169, 22)):
            spread = 45 * way * (y / 169) if y > 0 and name == "jumping_jack" else 0
            put(joint, 0, y - lift, apart + spread)
        body[:, 0] = np.stack([0 * way, -140 - lift], axis=1)
        if name == "pull_up":
            put("wrist", 0, -195, 50)
            put("elbow", 0, -148 - lift / 2, 50 + 40 * way)
        else:  # arms through the sides, as in jumping jacks
            put("elbow", 0, -100 + 55 * np.cos(raised), 35 + 55 * np.sin(raised))
            put("wrist", 0, -100 + 100 * np.cos(raised), 35 + 100 * np.sin(raised))
    return (body + np.random.default_rng(0).normal(0, 1, body.shape)).astype(np.float32)


EXERCISES = [name for name, rule in RULES.items() if rule.repetitions]


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("rate", [12.0, 30.0])
def test_repetitions_are_counted(name: str, rate: float) -> None:
    (found,) = bouts_of(exercise(name, rate=rate), *EXERCISES, rate=rate)
    assert found.action == name
    assert len(found.repetitions) == 3
    begins = np.array([one.start_s for one in found.repetitions])
    assert begins == pytest.approx([1.0, 2.5, 4.0], abs=0.45)
    assert np.diff(begins) == pytest.approx([1.5, 1.5], abs=0.1)
    assert all(0.4 < one.stop_s - one.start_s < 1.6 for one in found.repetitions)
    assert re.match(r"rule: 3 repetitions, one every 1\.(4[6-9]|5[0-4]) s, ", found.evidence or "")
    expected = {"squat": 0.32, "push_up": 120, "jumping_jack": 0.55, "sit_up": 60, "pull_up": 0.22}[name]
    assert [one.amplitude for one in found.repetitions] == pytest.approx([expected] * 3, rel=0.2)
    assert {one.unit for one in found.repetitions} == {RULES[name].unit}


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_is_counted_that_cannot_be_seen(name: str) -> None:
    body = exercise(name)
    assert bouts_of(exercise(name, count=1), *EXERCISES) == []  # one alone may be anything
    assert bouts_of(exercise(name, rate=5.0), *EXERCISES, rate=5.0) == []
    assert bouts_of(-body, *EXERCISES) == []  # upside down
    upper = body.copy()
    upper[:, 7:] = np.nan  # hips and legs out of the picture
    assert bouts_of(upper, *EXERCISES) == []
    assert bouts_of(body[:, :, ::-1], *EXERCISES) == []  # lying on its side


def test_what_looks_like_an_exercise(figure: Figure) -> None:
    for body in (walker(180, speed=200), walker(180, speed=0), figure("wave", 180), jumping_jacks(figure)):
        assert bouts_of(body, *EXERCISES) == []
    arms = exercise("jumping_jack")
    arms[:, LEGS] = arms[:1, LEGS]  # the feet stay
    assert bouts_of(arms, *EXERCISES) == []
    press = exercise("pull_up")
    press[..., 1] += (75 * (press[:, [1], 1] - press[:1, [1], 1]) / -75).astype(np.float32)  # a weight goes up instead
    assert bouts_of(press, *EXERCISES) == []
    astride = exercise("jumping_jack")
    astride[:, LEGS] = np.roll(astride[:, LEGS], 22, axis=0)  # the feet part when the hands are down
    assert bouts_of(astride, *EXERCISES) == []
    carried = exercise("pull_up")
    carried[..., 1] += carried[:, [7], 1]  # the bar goes up with the body
    assert bouts_of(carried, *EXERCISES) == []
    follows = exercise("squat") + np.linspace(0, 400, 195, dtype=np.float32)[:, None, None] * np.float32([1, 0])
    assert bouts_of(follows, *EXERCISES) == []  # the feet go somewhere


def test_squats_from_the_front_and_by_somebody_who_comes_nearer() -> None:
    front = exercise("squat")
    front[..., 0] = 20.0 * np.sign(np.arange(13) % 2 - 0.5)  # all depth is lost: no knee is seen to bend
    (found,) = bouts_of(front, "squat")
    assert len(found.repetitions) == 3
    nearer = (exercise("squat") + np.float32([2500, 0])) * np.linspace(1, 1.15, 195, dtype=np.float32)[:, None, None]
    nearer -= nearer[:, [12]] - nearer[:1, [12]]  # the feet stay, far from the picture's corner, while the body grows
    (found,) = bouts_of(nearer, "squat")
    assert len(found.repetitions) == 3


def test_squats_beside_what_looks_like_them() -> None:
    picks = exercise("squat")
    for side in ("left", "right"):
        picks[:, BODY_13.index(f"{side}_wrist"), 1] += 90  # the hands reach the floor
    assert bouts_of(picks, "squat") == []
    sits = exercise("squat")
    upper = [place for place, joint in enumerate(BODY_13) if not joint.endswith(("knee", "ankle"))]
    sits[:, upper, 0] -= 0.6 * (sits[:, [7], 1] - sits[:1, [7], 1])  # the weight goes behind the feet, onto a chair
    assert bouts_of(sits, "squat") == []


def test_elbows_that_go_out_make_no_push_up() -> None:
    plank, down = np.repeat(exercise("push_up")[:1], 195, axis=0), exercise("push_up")
    for side in ("left", "right"):
        elbow = BODY_13.index(f"{side}_elbow")
        plank[:, elbow, 0] += 1.2 * (down[:, elbow, 0] - down[0, elbow, 0])
    assert "push_up" not in actions(plank)


def test_a_signal_must_pass_both_thresholds() -> None:
    time_s, everywhere = np.arange(121) / 30, np.ones(121, dtype=np.bool_)
    half = np.concatenate([[160.0], 115 + 15 * np.cos(np.arange(120) / 5)])  # never straight in between
    assert repetitions(half, time_s, 145, 110, 0, 6, everywhere) == []
    full = 130 + 30 * np.cos(2 * np.pi * np.arange(121) / 30)
    assert len(repetitions(full, time_s, 145, 110, 0, 6, everywhere)) == 4
    assert len(repetitions(-full, time_s, -145, -110, 0, 6, everywhere)) == 4
    assert len(repetitions(full, time_s, 145, 110, 50, 6, everywhere)) == 4
    assert repetitions(full, time_s, 145, 110, 70, 6, everywhere) == []  # it goes by 60
    assert repetitions(full, time_s, 145, 110, 0, 0.5, everywhere) == []
    assert repetitions(full, time_s, 145, 110, 0, 6, np.arange(121) % 3 > 0) == []
    hidden = np.where(np.arange(121) % 30 < 8, full, np.where(np.arange(121) % 30 > 13, np.nan, full))
    assert repetitions(hidden, time_s, 145, 110, 0, 6, everywhere) == []


def test_who_flies_level_does_not_lie() -> None:
    body = posed("bed", 60)
    assert actions(body, rules=("lie",)) == {"lie"}
    body[..., 1] += 0.6 * 347 * np.arange(60, dtype=np.float32)[:, None] / 30  # a somersault, or a dive
    assert actions(body, rules=("lie",)) == set()


def test_a_fall_is_fast_and_stays() -> None:
    down, up = posed("bed", 90), walker(60, speed=0)
    up[:] = up[:1]
    down[..., 1] += 160
    between = np.linspace(0, 1, 20, dtype=np.float32)[:, None, None]
    fallen = np.concatenate([up, up[-1] * (1 - between) + down[0] * between, down])
    found = bouts_of(fallen, "fall", "lie")
    assert [bout.action for bout in sorted(found, key=lambda bout: bout.start_s)] == ["fall", "lie"]
    assert "body heights/s (at least 0.5), by 0.4" in (found[0].evidence or "")
    for n in (35, 45, 90):  # frames of somebody who lies down at 0.42, 0.33 and 0.17 body heights/s
        slow = np.linspace(0, 1, n, dtype=np.float32)[:, None, None]
        assert actions(np.concatenate([up, up[-1] * (1 - slow) + down[0] * slow, down]), rules=("fall",)) == set()


def test_a_bout_says_what_spoke_for_it() -> None:
    body = walker(120, speed=200)
    body[60:] -= body[60:61] - body[59:60]
    body[60:, :, 0] -= 200 * np.arange(60, dtype=np.float32)[:, None] / 30  # on the spot from 2 s on
    said = {bout.action: bout.evidence for bout in bouts_of(body, "walk", "upright", "walk_in_place")}
    found = re.fullmatch(
        r"rule: hips and feet (\S+) body heights/s \(at least 0.15\), size in the picture changes by \d% a second \(or "
        r"at least 8%\), (\d+) steps in a row \(at least 2; 1 from 0.4 body heights/s on\), (\S+) steps/s",
        said["walk"] or "",
    )
    assert found is not None, said["walk"]
    speed, steps, rate = (float(number) for number in found.groups())
    assert speed == pytest.approx(200 / 347, abs=0.03)
    assert (steps, rate) == (pytest.approx(7, abs=1), pytest.approx(2.0, abs=0.1))
    assert "trunk 0 deg from the vertical (at most 35), hips 0.48 body heights" in (said["upright"] or "")


def test_every_rule_has_numbers() -> None:
    track = as_track(posed("chair"))
    motion = motion_of(track, COCO_18)
    assert motion is not None
    for name, rule in RULES.items():
        numbers = rule.numbers(motion)
        assert numbers, name
        assert all(series.shape == (len(track),) for series in numbers.values())
        assert "{" not in rule.evidence(motion, slice(0, len(track)))


def test_definitions_name_their_thresholds() -> None:
    for name, rule in RULES.items():
        assert "{" not in definition(name)
        assert all(unit for _, unit in rule.thresholds.values())
    assert "0.15 body heights/s" in definition("walk")
    page = (Path(__file__).parents[2] / "docs" / "actions.md").read_text(encoding="utf-8")
    assert vocabulary() in page, "run: python -m behavior.recognition.rules"


# The classifier of thresholds


def test_rules_can_be_read(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    names = np.array(small_world.classes)[small_world.labels]
    classifier = RulesClassifier(copies=1, min_rows=4).fit(clips, names)
    sentences = classifier.sentences()
    assert {sentence.split(" ")[0] for sentence in sentences} == set(small_world.classes)
    assert all(any(f"{feature}_" in sentence for feature in FEATURES) for sentence in sentences)


def test_other_joints_have_no_rules() -> None:
    clips = Clips(np.ones((2, 5, 2, 2), np.float32), np.array([5, 5]), ("nose", "tail"))
    with pytest.raises(FeatureError, match="needs left_wrist"):
        RulesClassifier().fit(clips, ["sleep", "eat"])
