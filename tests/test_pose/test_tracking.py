"""Tracking on small scenes with known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pose.people import FramePeople, Person
from pose.skeleton import COCO_17, COCO_18
from pose.tracking import (
    Edit,
    ResolveSettings,
    Segment,
    Tracker,
    TrackerSettings,
    apply_edit,
    names_after,
    resolve,
    take_back,
    track_people,
)
from pose.tracking.appearance import CLOTHING_SIZE, clothing
from pose.tracking.costs import BOX, body_scale, box_iou, boxes, oks, person_similarity
from pose.tracking.motion import Motion, MotionSettings

FPS = 30.0
# A standing figure, 1 high, feet at the origin.
FIGURE = np.array(
    [
        [0.05, -0.90], [0.0, -0.82], [-0.11, -0.82], [-0.13, -0.63], [-0.13, -0.47], [0.11, -0.82], [0.13, -0.63],
        [0.13, -0.47], [-0.07, -0.50], [-0.07, -0.27], [-0.07, -0.03], [0.07, -0.50], [0.07, -0.27], [0.07, -0.03],
        [0.03, -0.93], [0.06, -0.93], [-0.03, -0.92], [0.05, -0.92],
    ]
)  # fmt: skip


def figure(x: float, y: float, height: float = 200.0, score: float = 0.95, hide: tuple[int, ...] = ()) -> Person:
    keypoints = np.concatenate([np.array([x, y]) + height * FIGURE, np.full((18, 1), score)], axis=1)
    keypoints[list(hide)] = np.nan, np.nan, 0
    return Person(keypoints.astype(np.float32), score, skeleton=COCO_18)


def scene(*paths: dict[int, tuple[float, float]], n: int = 60, score: float = 0.95) -> list[FramePeople]:
    """Frames from one dict per person: frame number -> place of the feet."""
    return [
        FramePeople(t, t / FPS, tuple(figure(*path[t], score=score) for path in paths if t in path)) for t in range(n)
    ]


def line(start: tuple[float, float], step: tuple[float, float], frames: range) -> dict[int, tuple[float, float]]:
    return {t: (start[0] + step[0] * t, start[1] + step[1] * t) for t in frames}


def ids(frames: list[FramePeople]) -> list[list[int | None]]:
    return [[person.track_id for person in frame.people] for frame in frames]


def follow(frames: list[FramePeople], settings: TrackerSettings | None = None) -> tuple[list[FramePeople], Tracker]:
    tracker = Tracker(COCO_18, settings)
    return [tracker.update(frame) for frame in frames], tracker


# --- similarity -------------------------------------------------------------------------------------------------------


def test_oks_is_that_of_coco_and_leaves_out_missing_joints():
    points = FIGURE[None] * 200
    moved = points + np.array([3.0, 4.0])
    moved[0, :5] = np.nan
    sigmas = np.array(COCO_18.sigmas)
    scale = np.array([100.0])
    expected = np.exp(-25 / (2 * (2 * sigmas[5:] * 100) ** 2)).mean()
    assert oks(points, moved, scale, sigmas) == pytest.approx(expected)
    assert oks(points, np.full_like(points, np.nan), scale, sigmas) == 0


def test_boxes_and_their_overlap():
    points = np.array([[[0.0, 0.0], [10.0, 10.0]], [[5.0, 0.0], [15.0, 10.0]], [[np.nan] * 2] * 2])
    corners = boxes(points)
    assert corners[1].tolist() == [5, 0, 15, 10]
    assert np.isnan(corners[2]).all()
    np.testing.assert_allclose(box_iou(corners[0], corners), [1, 1 / 3, 0])


def test_scale_hardly_falls_when_the_legs_are_hidden():
    person = figure(0, 0).keypoints[None, :, :2].astype(float)
    upper = person.copy()
    upper[:, [9, 10, 12, 13]] = np.nan
    whole, half = body_scale(np.concatenate([person, upper]), COCO_18.limb_indices)
    assert half > 0.8 * whole


def test_boxes_decide_when_no_joint_is_common():
    person = figure(0, 0).keypoints[None, :, :2].astype(float)
    upper, lower = person.copy(), person.copy()
    upper[:, 8:14] = np.nan
    lower[:, :8] = lower[:, 14:] = np.nan
    scale, sigmas = np.array([100.0]), np.array(COCO_18.sigmas)
    alike = person_similarity(upper, lower, scale, sigmas, box_weight=2.0)
    np.testing.assert_allclose(alike[0], box_iou(boxes(upper), boxes(lower)))
    assert person_similarity(person, person, scale, sigmas, box_weight=2.0)[0, 0] == pytest.approx(1.0)


# --- motion -----------------------------------------------------------------------------------------------------------


def test_filter_learns_a_velocity_from_uneven_times():
    settings = MotionSettings()
    times = np.cumsum([0.0, *np.random.default_rng(0).uniform(0.01, 0.1, 60)])
    start, velocity = 200 * FIGURE[None], np.array([150.0, -30.0])
    motion = Motion.start(start, settings)
    for before, now in pairwise(times):
        motion.predict(now - before, settings)
        motion.update(np.array([0]), start + velocity * now, np.array([100.0]), settings)
    np.testing.assert_allclose(motion.body_velocity[0], velocity, rtol=0.02)
    motion.predict(0.2, settings)
    np.testing.assert_allclose(motion.position, start + velocity * (times[-1] + 0.2), atol=3.0)


def test_missing_joint_moves_with_the_body_until_it_is_forgotten():
    settings = MotionSettings()
    motion = Motion.start(200 * FIGURE[None], settings)
    for t in range(1, 60):
        motion.predict(1 / FPS, settings)
        points = 200 * FIGURE[None] + [5.0 * t, 0.0]
        if t > 20:
            points[:, 4] = np.nan
        motion.update(np.array([0]), points, np.array([100.0]), settings)
        if t == 40:
            np.testing.assert_allclose(motion.position[0, 4], 200 * FIGURE[4] + [5.0 * t, 0.0], atol=3.0)
    assert np.isnan(motion.position[0, 4]).all()


# --- first pass -------------------------------------------------------------------------------------------------------


def test_two_people_keep_their_ids_when_they_cross():
    frames = scene(line((100, 400), (8, 0), range(60)), line((600, 410), (-8, 0), range(60)))
    assert ids(follow(frames)[0]) == [[1, 2]] * 60


def test_people_keep_their_order_and_their_keypoints():
    frames = scene(line((100, 400), (8, 0), range(10)), line((600, 400), (0, 0), range(10)))
    for before, after in zip(frames, follow(frames)[0], strict=True):
        assert (before.index, before.time_s) == (after.index, after.time_s)
        for one, same in zip(before.people, after.people, strict=True):
            assert one.keypoints is same.keypoints
            assert one.score == same.score


def test_weak_detections_extend_a_tracklet_but_start_none():
    path = line((100, 400), (4, 0), range(40))
    frames = [replace(f, people=tuple(figure(*path[f.index], score=0.1) for _ in f.people)) for f in scene(path, n=40)]
    assert ids(follow(frames)[0]) == [[None]] * 40
    frames[0] = scene(path, n=1)[0]
    assert ids(follow(frames)[0]) == [[1]] * 40


def test_second_detection_of_one_person_starts_no_tracklet():
    frames = scene(line((100, 400), (4, 0), range(30)), n=30)
    for t in range(10, 20):
        frames[t] = replace(frames[t], people=(*frames[t].people, figure(103 + 4 * t, 402, score=0.9)))
    assert ids(follow(frames)[0]) == [[1]] * 10 + [[1, None]] * 10 + [[1]] * 10


def test_short_gap_is_bridged_and_a_long_one_ends_the_tracklet():
    path = line((100, 400), (4, 0), range(90))
    short = {t: p for t, p in path.items() if not 30 <= t < 40}
    assert [i for row in ids(follow(scene(short, n=90))[0]) for i in row] == [1] * 80
    long = {t: p for t, p in path.items() if not 30 <= t < 70}
    assert [i for row in ids(follow(scene(long, n=90))[0]) for i in row] == [1] * 30 + [2] * 20


def test_people_are_followed_at_one_frame_per_second_but_not_over_a_pause():
    path = line((100, 400), (5, 0), range(8))
    slow = [replace(f, time_s=float(f.index)) for f in scene(path, n=8)]
    assert ids(follow(slow)[0]) == [[1]] * 8
    paused = [replace(f, time_s=f.time_s + (10 if f.index > 4 else 0)) for f in scene(path, n=8)]
    assert ids(follow(paused)[0]) == [[1]] * 5 + [[2]] * 3


def test_who_stands_at_the_same_place_after_a_pause_is_another_tracklet():
    frames = scene(line((100, 400), (0, 0), range(8)), n=8)
    paused = [replace(f, time_s=f.time_s + (3 if f.index > 4 else 0)) for f in frames]
    assert ids(follow(paused)[0]) == [[1]] * 5 + [[2]] * 3


def test_nobody_grows_by_half_from_one_frame_to_the_next():
    """Around the same hips, so that the middle of the body is where it was."""
    frames = [FramePeople(t, t / FPS, (figure(300, 400, 200) if t < 30 else figure(300, 460, 320),)) for t in range(40)]
    assert ids(follow(frames)[0]) == [[1]] * 30 + [[2]] * 10


def test_people_of_a_single_frame_are_people():
    assert ids(track_people(scene({0: (100, 400)}, {0: (400, 400)}, n=1), COCO_18)) == [[1, 2]]


def test_boxes_without_keypoints_are_tracked():
    frames = []
    for t in range(30):
        corners = [np.array([[x, 100, 1], [x + 60, 260, 1]], dtype=np.float32) for x in (50 + 6 * t, 300 - 6 * t)]
        frames.append(FramePeople(t, t / FPS, tuple(Person(c, 1.0, skeleton=BOX) for c in corners)))
    assert ids(track_people(frames, BOX)) == [[1, 2]] * 30


def test_empty_frames_and_an_empty_recording():
    assert ids(track_people([], COCO_18)) == []
    frames = scene({}, n=3) + [replace(f, index=f.index + 3, time_s=f.time_s + 1) for f in scene({0: (100, 400)}, n=1)]
    assert ids(follow(frames)[0]) == [[], [], [], [1]]


def test_person_without_joints_belongs_to_nobody():
    nothing = Person(np.tile(np.array([np.nan, np.nan, 0], dtype=np.float32), (18, 1)), 0.9, skeleton=COCO_18)
    frames = [replace(f, people=(nothing, *f.people)) for f in scene(line((100, 400), (4, 0), range(5)), n=5)]
    assert ids(follow(frames)[0]) == [[None, 1]] * 5


@pytest.mark.parametrize("time_s", [1.0, 0.5, float("nan")])
def test_time_must_rise(time_s: float):
    tracker = Tracker(COCO_18)
    tracker.update(FramePeople(0, 1.0, ()))
    with pytest.raises(ValueError, match=r"frame 1 .* not later"):
        tracker.update(FramePeople(1, time_s, ()))


def test_other_layout_is_refused():
    with pytest.raises(ValueError, match=r"expected keypoints of shape \(18, 3\) .* got \(17, 3\)"):
        Tracker(COCO_18).update(
            FramePeople(0, 0.0, (Person(np.zeros((17, 3), dtype=np.float32), 1.0, skeleton=COCO_17),))
        )


def test_tracklet_says_what_was_seen():
    path = line((100, 400), (6, 0), range(5, 45))
    frames = [
        replace(f, people=tuple(figure(*path[f.index], hide=(4, 7) if f.index % 2 else ()) for _ in f.people))
        for f in scene(path, n=60)
    ]
    (tracklet,) = follow(frames)[1].finish()
    assert (tracklet.first_frame, tracklet.last_frame, tracklet.n) == (5, 44, 40)
    assert (tracklet.first_time_s, tracklet.last_time_s) == (5 / FPS, 44 / FPS)
    assert tracklet.mean_score == pytest.approx(0.95)
    assert tracklet.mean_joints == pytest.approx(17)
    assert tracklet.joints_seen[4] == pytest.approx(0.5)
    np.testing.assert_allclose(tracklet.last_velocity, [180, 0], atol=5)
    np.testing.assert_allclose(tracklet.last_pose[1], [100 + 6 * 44, 400 - 164], atol=3)
    thigh = COCO_18.limbs.index(("right_hip", "right_knee"))
    trunk = COCO_18.limbs.index(("neck", "right_hip"))
    ratio = np.exp(tracklet.limb_ratios[thigh] - tracklet.limb_ratios[trunk])
    assert ratio == pytest.approx(0.23 / np.hypot(0.07, 0.32), rel=0.01)


# --- second pass ------------------------------------------------------------------------------------------------------


def walk_with_gap() -> tuple[list[FramePeople], Tracker]:
    path = line((100, 400), (4, 0), range(120))
    return follow(scene({t: p for t, p in path.items() if not 40 <= t < 90}, n=120))


def test_tracklets_are_joined_over_a_gap_and_the_decision_says_why():
    frames, tracker = walk_with_gap()
    resolution = resolve(tracker.finish())
    assert resolution.identity == {1: 1, 2: 1}
    (decision,) = resolution.decisions
    assert (decision.kind, decision.tracklets) == ("join", (1, 2))
    assert decision.numbers["gap_s"] == pytest.approx(51 / FPS, abs=1e-3)
    assert decision.numbers["evidence"] > ResolveSettings().join_evidence
    assert {i for row in ids([resolution.apply(f) for f in frames]) for i in row} == {1}


def test_nobody_is_joined_who_appears_elsewhere():
    first = line((100, 400), (4, 0), range(40))
    second = line((900, 700), (4, 0), range(60, 100))
    tracklets = follow(scene(first, second, n=100))[1].finish()
    assert resolve(tracklets).identity == {1: 1, 2: 2}


def test_appearance_decides_between_equal_places():
    """Two people walk into one spot and out of it again: only their clothes tell who is who."""
    red, blue = np.array([1.0, 0.0]), np.array([0.0, 1.0])

    def run(colours: tuple[np.ndarray, np.ndarray]) -> dict[int, int | None]:
        tracker = Tracker(COCO_18, appearance_size=2)
        for t in range(150):
            if t < 40:
                people = (figure(300 + 3 * t, 400), figure(540 - 3 * t, 400))
                looks = np.array([red, blue])
            elif t < 90:
                people, looks = (), np.empty((0, 2))
            else:
                people = (figure(420 - 3 * (t - 90), 400), figure(426 + 3 * (t - 90), 400))
                looks = np.array(colours)
            tracker.update(FramePeople(t, t / FPS, people), looks)
        return resolve(tracker.finish()).identity

    assert run((red, blue)) == {1: 1, 2: 2, 3: 1, 4: 2}
    assert run((blue, red)) == {1: 1, 2: 2, 3: 2, 4: 1}


def test_ghosts_are_nobody():
    walker = line((100, 400), (4, 0), range(90))
    frames = scene(walker, n=90)
    shelf = tuple(i for i in range(18) if i not in (0, 1, 2, 5, 14))
    for t in range(10, 80, 2):  # a flickering background figure of few joints
        frames[t] = replace(frames[t], people=(*frames[t].people, figure(900, 300, score=0.4, hide=shelf)))
    frames[85] = replace(frames[85], people=(*frames[85].people, figure(500, 200)))  # one false frame
    resolution = resolve(follow(frames)[1].finish())
    assert resolution.identity[1] == 1
    assert {who for tracklet, who in resolution.identity.items() if tracklet != 1} == {None}
    assert {decision.kind for decision in resolution.decisions} == {"ghost"}


def test_person_found_twice_for_a_while_is_one():
    frames = scene(line((100, 400), (3, 0), range(90)), n=90)
    for t in range(30, 60):
        frames[t] = replace(frames[t], people=(*frames[t].people, figure(112 + 3 * t, 404, score=0.8)))
    settings = TrackerSettings(duplicate_similarity=1.0)
    tracklets = follow(frames, settings)[1].finish()
    (meeting,) = tracklets[0].meetings
    assert (meeting.a, meeting.b, meeting.n, meeting.first_frame, meeting.last_frame) == (1, 2, 30, 30, 59)
    assert meeting.shared_joints == 18
    resolution = resolve(tracklets)
    assert resolution.identity == {1: 1, 2: None}
    assert [(d.kind, d.tracklets) for d in resolution.decisions] == [("duplicate", (1, 2))]


def test_person_who_stands_still_is_no_ghost():
    frames = scene(line((300, 400), (0, 0), range(90)), n=90)
    assert resolve(follow(frames)[1].finish()).identity == {1: 1}


def test_people_are_counted_in_order_of_appearance():
    frames = scene(line((700, 400), (0, 0), range(5, 60)), line((100, 400), (0, 0), range(60)))
    ghost = replace(frames[0], people=(figure(400, 100), *frames[0].people))
    resolution = resolve(follow([ghost, *frames[1:]])[1].finish())
    assert resolution.identity == {1: None, 2: 1, 3: 2}


# --- evidence ---------------------------------------------------------------------------------------------------------


def person_at(x: float, rng: np.random.Generator, height: float = 200.0) -> Person:
    """With a pixel of noise."""
    person = figure(x, 400, height)
    person.keypoints[:, :2] += rng.normal(0, 1, (18, 2))
    return person


def identities(people_at: Callable[[float], dict[str, tuple[float, float]]], fps: float = FPS, n: int = 150) -> str:
    """The numbers that each person had, in order: `people_at` gives place and height of each at a time, by a letter.

    `a1 b2` is right for two people; `a1,3` was two, `a1 b1` was taken for one; a frame without a number counts as 0.
    """
    rng = np.random.default_rng(0)
    shown = [people_at(t / fps) for t in range(n)]
    frames = [
        FramePeople(t, t / fps, tuple(person_at(x, rng, height) for x, height in here.values()))
        for t, here in enumerate(shown)
    ]
    numbers: dict[str, list[int]] = {}
    for here, frame in zip(shown, track_people(frames, COCO_18), strict=True):
        for name, person in zip(here, frame.people, strict=True):
            seen = numbers.setdefault(name, [])
            if (person.track_id or 0) not in seen:
                seen.append(person.track_id or 0)
    return " ".join(f"{name}{','.join(map(str, seen))}" for name, seen in sorted(numbers.items()))


def at(**people: tuple[float | bool, ...]) -> dict[str, tuple[float, float]]:
    """People by letter as (is there, place) or (is there, place, height)."""
    return {name: (p[1], p[2] if len(p) > 2 else 200.0) for name, p in people.items() if p[0]}


SCENES: dict[str, tuple[Callable[[float], dict[str, tuple[float, float]]], str]] = {
    "walk on after a second": (lambda t: at(a=(not 1.5 < t < 2.5, 100 + 150 * t)), "a1"),
    "walk on after two seconds": (lambda t: at(a=(not 1.5 < t < 3.5, 100 + 150 * t), b=(True, 900)), "a1 b2"),
    "stand, lost for half a second": (lambda t: at(a=(not 2 < t < 2.5, 300)), "a1"),
    "somebody else on the seat two seconds later": (lambda t: at(a=(t < 1, 300), b=(t > 3, 305)), "a1 b2"),
    "somebody else by the door": (lambda t: at(a=(t < 1, 400 + 200 * t), b=(t > 3, 1200 - 200 * t)), "a1 b2"),
    "somebody else of another size": (lambda t: at(a=(t < 2, 300, 200), b=(t > 2.3, 300, 320)), "a1 b2"),
    "the camera jumps": (
        lambda t: at(a=(True, 300 + 80 * (int(3 * t) % 2)), b=(True, 700 + 80 * (int(3 * t) % 2))),
        "a1 b2",
    ),
    "the camera jumps while they walk and one comes": (
        lambda t: at(a=(True, 300 + 90 * t + 120 * (t > 1)), b=(True, 1000 - 40 * t + 120 * (t > 1)), c=(t > 1, 1200)),
        "a1 b2 c3",
    ),
    "the scene cuts to another size": (
        lambda t: at(a=(t < 2.5, 300), b=(t < 2.5, 700), c=(t >= 2.5, 300), d=(t >= 2.5, 700, 320)),
        "a1 b2 c3 d4",
    ),
    "the scene cuts to other places": (
        lambda t: at(a=(t < 2.5, 300), b=(t < 2.5, 700), c=(t >= 2.5, 500, 260), d=(t >= 2.5, 1000, 260)),
        "a1 b2 c3 d4",
    ),
    "a quick zoom is no cut": (
        lambda t: at(a=(True, 300, 200 * (1 + min(t, 1))), b=(True, 900, 200 * (1 + min(t, 1)))),
        "a1 b2",
    ),
    "one goes as another one comes": (lambda t: at(a=(t < 2.5, 300), b=(True, 700), c=(t >= 2.5, 1000)), "a1 b2 c3"),
}
"""What each rule must get right; the list of planted faults says which of them holds which."""


@pytest.mark.parametrize("name", SCENES)
def test_who_is_who(name: str):
    scene_of, expected = SCENES[name]
    assert identities(scene_of) == expected


@pytest.mark.parametrize(
    ("fps", "speed", "n"), [(30.0, 600.0, 60), (10.0, 400.0, 50), (2.0, 100.0, 40), (1.0, 60.0, 20)]
)
def test_walkers_are_followed_at_any_frame_rate(fps: float, speed: float, n: int):
    assert identities(lambda t: at(a=(True, 100 + speed * t)), fps, n) == "a1"


def test_what_is_only_possible_is_suggested():
    rng = np.random.default_rng(0)
    frames = [FramePeople(t, t / FPS, (person_at(300, rng),) if t < 30 or t >= 90 else ()) for t in range(150)]
    resolution = resolve(follow(frames)[1].finish())
    assert resolution.identity == {1: 1, 2: 2}
    (suggestion,) = resolution.decisions
    assert (suggestion.kind, suggestion.tracklets) == ("suggestion", (1, 2))
    settings = ResolveSettings()
    assert settings.suggest_evidence < suggestion.numbers["evidence"] < settings.join_evidence
    with pytest.raises(ValueError, match="nothing was done"):
        take_back([Segment(1, 0, 29, 1), Segment(2, 90, 149, 2)], "suggestion", (1, 2))


def test_a_cut_that_the_picture_tells_ends_all_tracks():
    frames = scene(line((100, 400), (4, 0), range(40)), n=40)
    tracker = Tracker(COCO_18)
    followed = [tracker.update(frame, cut=frame.index == 20) for frame in frames]
    assert [i for row in ids(followed) for i in row] == [1] * 20 + [2] * 20
    tracklets = tracker.finish()
    assert [t.scene for t in tracklets] == [0, 1]
    assert resolve(tracklets).identity == {1: 1, 2: 2}
    assert resolve(tracklets).decisions == ()


# --- by hand ----------------------------------------------------------------------------------------------------------


ALONE, OTHER = Segment(1, 0, 59, 1), Segment(2, 10, 49, 2)


def edited(*edits: Edit) -> set[tuple[int, int, int, int | None]]:
    """Tracklet, first and last frame, person, of two people after the changes."""
    segments = [ALONE, OTHER]
    for edit in edits:
        segments = apply_edit(segments, edit)
    return {(s.tracklet, s.first_frame, s.last_frame, s.identity) for s in segments}


def test_edits():
    assert edited(Edit("rename", 2, 7)) == {(1, 0, 59, 1), (2, 10, 49, 7)}
    assert edited(Edit("rename", 1, 2)) == {(1, 0, 59, 2), (2, 10, 49, 1)}
    assert edited(Edit("rename", 1, name="Ada")) == {(1, 0, 59, 1), (2, 10, 49, 2)}
    assert edited(Edit("drop", 1)) == {(1, 0, 59, None), (2, 10, 49, 2)}
    split = {(1, 0, 19, 1), (1, 20, 59, 3), (2, 10, 49, 2)}
    assert edited(Edit("split", 1, frame=20)) == split
    assert edited(Edit("split", 1, 9, frame=20), Edit("rename", 9, 3)) == split
    assert edited(Edit("split", 1, 9, frame=20), Edit("drop", 9)) == {(1, 0, 19, 1), (1, 20, 59, None), (2, 10, 49, 2)}
    assert edited(Edit("split", 1, frame=20), Edit("merge", 1, 3)) == {(1, 0, 19, 1), (1, 20, 59, 1), (2, 10, 49, 2)}


def test_forced_merge_leaves_one_person_per_frame():
    assert edited(Edit("merge", 2, 1)) == {(1, 0, 59, 2), (2, 10, 49, None)}
    later = [Segment(1, 0, 39, 1), Segment(2, 30, 59, 2)]
    assert apply_edit(later, Edit("merge", 1, 2)) == [
        Segment(1, 0, 39, 1), Segment(2, 30, 39, None), Segment(2, 40, 59, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "edit",
    [Edit("drop", 5), Edit("merge", 1, 5), Edit("split", 1, 2, frame=20), Edit("split", 1, frame=0)],
)
def test_edit_that_can_not_be(edit: Edit):
    with pytest.raises(ValueError, match="can't"):
        edited(edit)


def test_names_go_with_their_people():
    names = {1: "Ada", 2: "Bob"}
    assert names_after(names, Edit("rename", 1, 7)) == {7: "Ada", 2: "Bob"}
    assert names_after(names, Edit("rename", 1, 2)) == {2: "Ada", 1: "Bob"}
    assert names_after(names, Edit("rename", 3, name="Eve")) == {**names, 3: "Eve"}
    assert names_after(names, Edit("rename", 1, name="")) == {2: "Bob"}
    assert names_after(names, Edit("merge", 1, 2)) == {1: "Ada"}
    assert names_after({2: "Bob"}, Edit("merge", 1, 2)) == {1: "Bob"}
    assert names_after(names, Edit("drop", 2)) == {1: "Ada"}
    assert names_after(names, Edit("split", 1, frame=9)) == names
    with pytest.raises(ValueError, match="somebody has that name"):
        names_after(names, Edit("rename", 1, name="Bob"))


def test_decisions_are_taken_back():
    tracklets = walk_with_gap()[1].finish()
    resolution = resolve(tracklets)
    segments = [
        Segment(t.tracklet_id, t.first_frame, t.last_frame, resolution.identity[t.tracklet_id]) for t in tracklets
    ]
    (join,) = resolution.decisions
    apart = take_back(segments, join.kind, join.tracklets)
    assert [s.identity for s in apart] == [1, 2]
    with pytest.raises(ValueError, match="not one person any more"):
        take_back(apart, join.kind, join.tracklets)
    dropped = [Segment(1, 0, 9, 1), Segment(2, 0, 5, None), Segment(3, 2, 4, None)]
    assert [s.identity for s in take_back(dropped, "duplicate", (1, 2))] == [1, 2, None]
    assert [s.identity for s in take_back(dropped, "ghost", (2, 3))] == [1, 2, 2]
    with pytest.raises(ValueError, match="somebody already"):
        take_back(dropped, "ghost", (1,))


def dressed(shirt: tuple[int, int, int], trousers: tuple[int, int, int]) -> np.ndarray:
    """An image of one person at (300, 400) in these colours (BGR)."""
    image = np.full((450, 600, 3), 200, dtype=np.uint8)
    image[236:300, 278:323] = shirt
    image[300:346, 280:320] = trousers
    return image


def test_clothes_of_the_same_colours_are_alike_and_others_are_not():
    person = figure(300, 400)
    red, blue, dark = (30, 30, 200), (200, 40, 30), (20, 20, 20)
    looks = [clothing(dressed(*colours), [person], COCO_18)[0] for colours in ((red, dark), (red, dark), (blue, dark))]
    assert [look.sum() for look in looks] == pytest.approx([1, 1, 1])
    same, other = (np.sqrt(looks[0] * look).sum() for look in looks[1:])
    assert same == pytest.approx(1)
    assert other == pytest.approx(0.5)  # the trousers


def test_clothes_that_are_not_in_the_picture():
    image = dressed((30, 30, 200), (20, 20, 20))
    people = [figure(300, 400, hide=tuple(range(2, 14))), figure(300, 9000), figure(300, 400, hide=(9, 12))]
    unseen, outside, no_knees = clothing(image, people, COCO_18)
    assert np.isnan(unseen).all()
    assert np.isnan(outside).all()
    assert no_knees[CLOTHING_SIZE // 2 :] == pytest.approx(1 / CLOTHING_SIZE)
    assert clothing(image, [], COCO_18).shape == (0, CLOTHING_SIZE)


def test_first_pass_follows_the_clothes_through_a_crossing():
    """Both stop where they meet and turn round: by motion alone they would be taken for walking on."""
    red, blue = np.eye(2)
    for appearance, expected in ((False, {2}), (True, {1})):
        tracker = Tracker(COCO_18, appearance_size=2)
        for t in range(60):
            x = 300 + 4 * min(t, 60 - t)
            there = 540 - 4 * min(t, 60 - t)
            people = (figure(x, 400), figure(there, 404)) if abs(x - there) > 40 else ()
            looks = np.array([red, blue])[: len(people)] if appearance else None
            frame = tracker.update(FramePeople(t, t / FPS, people), looks)
        assert {frame.people[0].track_id} == expected
