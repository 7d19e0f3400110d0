"""What holds for any scene: identities depend on neither the order of detections nor on place and size of the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.tracking import Edit, Segment, Tracker, resolve, track_people
from pose.tracking.edits import apply_edit, one_per_frame

N_FRAMES = 20


def random_scene(seed: int, n_people: int) -> list[FramePeople]:
    """People of random shape who drift, with noise, lost joints, lost detections and false ones, at uneven times."""
    rng = np.random.default_rng(seed)
    shapes = rng.normal(0, (30, 60), (n_people, len(COCO_18), 2)) + rng.uniform(0, 800, (n_people, 1, 2))
    velocity = rng.normal(0, 80, (n_people, 1, 2))
    times = np.cumsum(rng.uniform(0.01, 0.1, N_FRAMES))
    frames = []
    for index, time_s in enumerate(times):
        people = []
        for shape in shapes + velocity * time_s:
            if rng.random() < 0.1:
                continue
            keypoints = np.concatenate([shape + rng.normal(0, 3, shape.shape), np.full((len(shape), 1), 0.5)], axis=1)
            keypoints[rng.random(len(shape)) < 0.2] = np.nan, np.nan, 0
            people.append(Person(keypoints.astype(np.float32), float(rng.uniform(0.02, 0.9)), skeleton=COCO_18))
        if rng.random() < 0.3:
            ghost = np.concatenate([rng.uniform(0, 900, (len(COCO_18), 2)), np.full((len(COCO_18), 1), 0.2)], axis=1)
            people.append(Person(ghost.astype(np.float32), float(rng.uniform(0, 0.6)), skeleton=COCO_18))
        frames.append(FramePeople(index, float(time_s), tuple(people)))
    return frames


def ids(frames: list[FramePeople]) -> list[list[int | None]]:
    return [[person.track_id for person in frame.people] for frame in frames]


scenes = st.builds(random_scene, st.integers(0, 2**32 - 1), st.integers(0, 6))


@settings(max_examples=20, deadline=None)
@given(scenes)
def test_nobody_is_twice_in_a_frame_and_ids_count_from_one(frames: list[FramePeople]):
    tracker = Tracker(COCO_18)
    first = [tracker.update(frame) for frame in frames]
    tracklets = tracker.finish()
    resolution = resolve(tracklets)
    second = [resolution.apply(frame) for frame in first]
    for followed in (first, second):
        for row in ids(followed):
            known = [i for i in row if i is not None]
            assert len(set(known)) == len(known)
    for followed in (first, second):
        order = list(dict.fromkeys(i for row in ids(followed) for i in sorted(filter(None, row))))
        assert sorted(order) == list(range(1, len(order) + 1))
    assert set(resolution.identity) == {t.tracklet_id for t in tracklets}
    assert sum(t.n for t in tracklets) == sum(i is not None for row in ids(first) for i in row)


@settings(max_examples=20, deadline=None)
@given(scenes, st.integers(0, 2**32 - 1))
def test_order_of_detections_does_not_matter(frames: list[FramePeople], seed: int):
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(frame.people)) for frame in frames]
    shuffled = [
        FramePeople(f.index, f.time_s, tuple(f.people[i] for i in order))
        for f, order in zip(frames, orders, strict=True)
    ]
    before, after = ids(track_people(frames, COCO_18)), ids(track_people(shuffled, COCO_18))
    restored = []
    for row, order in zip(after, orders, strict=True):
        back: list[int | None] = [None] * len(row)
        for place, source in enumerate(order):
            back[source] = row[place]
        restored.append(back)
    # People who appear in one frame may swap numbers; who is the same person as whom may not change.
    pairs = {(a, b) for x, y in zip(before, restored, strict=True) for a, b in zip(x, y, strict=True)}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


def moved(frames: list[FramePeople], scale: float, shift: NDArray[np.float32]) -> list[FramePeople]:
    def move(person: Person) -> Person:
        keypoints = person.keypoints.copy()
        keypoints[:, :2] = keypoints[:, :2] * np.float32(scale) + shift
        return Person(keypoints, person.score, skeleton=COCO_18)

    return [FramePeople(f.index, f.time_s, tuple(move(p) for p in f.people)) for f in frames]


@settings(max_examples=20, deadline=None)
@given(scenes, st.sampled_from([0.25, 0.5, 2.0, 4.0]), st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)))
def test_place_and_size_of_the_scene_do_not_matter(frames: list[FramePeople], scale: float, shift: tuple[int, int]):
    other = moved(frames, scale, np.array(shift, dtype=np.float32))
    assert ids(track_people(frames, COCO_18)) == ids(track_people(other, COCO_18))


@settings(max_examples=10, deadline=None)
@given(scenes)
def test_same_frames_same_ids(frames: list[FramePeople]):
    assert ids(track_people(frames, COCO_18)) == ids(track_people(frames, COCO_18))


segments = st.builds(
    lambda tracklet, first, length, person: Segment(tracklet, first, first + length, person),
    st.integers(1, 8), st.integers(0, 60), st.integers(0, 40), st.one_of(st.none(), st.integers(1, 4)),
)  # fmt: skip


def owners(parts: list[Segment]) -> dict[tuple[int, int], int | None]:
    """Who each tracklet is in each of its frames."""
    return {(s.tracklet, frame): s.identity for s in parts for frame in range(s.first_frame, s.last_frame + 1)}


@given(st.lists(segments, max_size=8, unique_by=lambda s: s.tracklet))
def test_nobody_is_twice_in_a_frame_after_a_merge(parts: list[Segment]):
    before, after = owners(parts), owners(one_per_frame(parts))
    assert after.keys() == before.keys()
    kept = [(frame, person) for (_, frame), person in after.items() if person is not None]
    assert len(set(kept)) == len(kept)
    assert set(kept) == {(frame, person) for (_, frame), person in before.items() if person is not None}


@given(st.lists(segments, min_size=1, max_size=8, unique_by=lambda s: s.tracklet), st.data())
def test_split_and_rename_can_be_taken_back(parts: list[Segment], data: st.DataObject):
    there: dict[int, list[int]] = {}
    for (_, seen), who in owners(parts).items():
        if who is not None:
            there.setdefault(who, []).append(seen)
    longer = sorted(who for who, frames in there.items() if min(frames) < max(frames))
    assume(longer)
    person = data.draw(st.sampled_from(longer))
    frame = data.draw(st.integers(min(there[person]) + 1, max(there[person])))
    split = apply_edit(parts, Edit("split", person, 9, frame=frame))
    expected = {key: 9 if who == person and key[1] >= frame else who for key, who in owners(parts).items()}
    assert owners(split) == expected
    back = [replace(s, identity=person) if s.identity == 9 else s for s in split]
    assert owners(back) == owners(parts)
    renamed = apply_edit(apply_edit(parts, Edit("rename", person, 7)), Edit("rename", 7, person))
    assert renamed == parts
