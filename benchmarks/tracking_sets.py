"""What the tracking benchmark is run on: simulated scenes, and real sequences with their truth."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, Skeleton
from pose.tracking.appearance import clothing
from pose.tracking.costs import BOX
from pose.weights.assets import MULTIVIEW_SAMPLES, SAMPLE_VIDEO, fetch


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
            people, looks = unpack(dict(data), COCO_18), data["clothing"]
    else:
        from pose import PoseEngine

        engine = PoseEngine(tracking=None)
        people, described = [], []
        with engine.open(source) as frames:
            for frame in frames:
                people.append(FramePeople(frame.index, frame.time_s, frame.people))
                described.append(clothing(frame.image, frame.people, engine.skeleton))
        looks = np.concatenate(described)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, clothing=looks, **pack(people))
    if fps is not None:
        people = [replace(frame, time_s=i / fps) for i, frame in enumerate(people)]
    return people, np.split(looks, np.cumsum([len(frame.people) for frame in people])[:-1])


def pack(frames: Sequence[FramePeople]) -> dict[str, np.ndarray]:
    """Arrays of all the people, without their identities, for `np.savez`."""
    return {
        "keypoints": np.array([p.keypoints for frame in frames for p in frame.people], dtype=np.float32),
        "scores": np.array([p.score for frame in frames for p in frame.people]),
        "offsets": np.cumsum([0, *(len(frame.people) for frame in frames)]),
        "time_s": np.array([frame.time_s for frame in frames]),
    }


def unpack(data: dict[str, np.ndarray], skeleton: Skeleton) -> list[FramePeople]:
    """What `pack` made arrays of."""
    people = [
        Person(keypoints, float(score), skeleton=skeleton)
        for keypoints, score in zip(data["keypoints"], data["scores"], strict=True)
    ]
    offsets = data["offsets"]
    return [FramePeople(i, float(t), tuple(people[offsets[i] : offsets[i + 1]])) for i, t in enumerate(data["time_s"])]


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
