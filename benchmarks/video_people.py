"""How an engine does on video: are people found, do they keep their identity, do their joints hold still.

    python benchmarks/video_people.py [--quick] [--json FILE] [--engines NAME,NAME] [--keep DIR] [--pictures DIR]
                                      [--frames FOLDER --truth gt.txt --fps 25] [--time] [--images FILE ...]

Every engine of `ENGINES` that is named runs on the sample video, on Pose2Sim's four cameras (the people of both are
marked by hand in `video_sets.py`) and on a folder of frames with its truth (MOTChallenge text). The first one named is
what the others are compared with. `--keep` keeps what was found, by engine, so that it can be measured again; empty the
folder after a change of code that `pose.engine.ALGORITHM` does not tell. Needs trackeval, see `tracking.py`.

**People.** A detection is a person when the box of its joints, grown by 15 %, meets the person's box with an IoU of at
least .3 and 70 % of its joints lie in that box, grown alike; one to one, for the greatest sum of IoU. (.5 is too
strict: the joints of a person seen from the side, or half hidden, fill less than that of the body's box.) A true
person without a detection is missed; a detection without a person is a ghost. `told` is the same for those who are
somebody after both passes of the tracker. IDF1, MOTA and HOTA are of the latter, at the same IoU. Gaps are those
inside the tracks.

**Steadiness.** Over 9 frames in a row in which every engine found a joint, a parabola is fitted to its x and its y;
the jitter is sqrt(sum of squared residuals of both / (9 - 3)), pixels or percent of the body's height (90th percentile
of the true boxes'). Shown: median, and the 95th percentile, in which flicker between two answers shows. Still windows
are those in which the picture around the joint stands still: the optical flow there (Farnebäck, median of a square of
a tenth of the height) is below a quarter of the height per second. So no engine chooses where it is measured. Where
two people's true boxes overlap by an IoU of more than .1, nothing is measured.

**Sides changed.** Left and right of a pair lie crosswise to where they lie in the median of 9 frames, by more than a
twentieth of the height, while these medians are a tenth of the height apart: share of the pairs and frames. It sees a
change for one to four frames.

**Missing joints.** Share of COCO's 17 on the people that all engines found.

**Time.** `processor ms` is that of the whole loop for a frame, of the moment when it ran: with other work beside it,
or out of `--keep`, not to be compared. `--time` runs the first 20 frames of the first video of each set, all engines
in turns, three times, and gives the median ratio of processor time to the first engine's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from common import Row, interleave, machine, print_table, rows_of, write
from numpy.lib.stride_tricks import sliding_window_view
from scipy.optimize import linear_sum_assignment
from tracking import figures
from tracking import iou as iou_of
from tracking_sets import Case
from video_sets import Engine, Found, Video, find, videos

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.report.drawing import draw_skeleton, draw_tag, person_colour
from pose import EngineSettings, FramePeople, Person, tracks_of
from pose.metrics import to_coco_17
from pose.skeleton import COCO_17, Skeleton
from pose.sources import open_source
from pose.tracking import track_people

ENGINES = {
    "balanced": Engine(),
    "fast": Engine(settings=EngineSettings(accuracy="fast")),
    "high": Engine(settings=EngineSettings(accuracy="high")),
    "every_body 2": Engine(settings=EngineSettings(every_body=2)),
    "every_body 4": Engine(settings=EngineSettings(every_body=4)),
    "every_body 8": Engine(settings=EngineSettings(every_body=8)),
    "mobilenet_thin": Engine("mobilenet_thin", "none"),
    "mobilenet_thin and Thunder": Engine("mobilenet_thin", "movenet_thunder"),
}

GROW, LEAST_IOU, LEAST_INSIDE, CROWDED_IOU = 0.15, 0.3, 0.7, 0.1
WINDOW, STILL = 9, 0.25  # frames; body heights per second
PAIRS = np.array(
    [
        [COCO_17.index(f"{side}_{joint}") for side in ("left", "right")]
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    ]
)
LOOK_AT = {
    "sample": (0, 40, 100, 160, 165, 168, 171, 174, 177, 180, 183, 186, 190, 200, 215),
    "cam01": (0, 33, 66, 99),
    "cam02": (0, 33, 66, 99),
    "cam03": (0, 33, 66, 99),
    "cam04": (0, 33, 66, 99),
    "frames": (0, 20, 40, 60),
}
"""Frames that `--pictures` shows."""
NOBODY = "#888888"


@dataclass(frozen=True, eq=False)
class Seen:
    """What one engine found in one video, beside who was there.

    Attributes:
        people: every detection, with its identity after both passes of the tracker, or None.
        told: those that have one.
        joints: (T, P, 17, 2) of each true person, pixels; NaN where missing.
        found: (T, P) whether each true person was.
        ghosts, told_found, told_ghosts: detections of nobody; the same after both passes.
    """

    people: list[FramePeople]
    told: list[FramePeople]
    joints: np.ndarray
    found: np.ndarray
    ghosts: int
    told_found: int
    told_ghosts: int


def match(true_boxes: np.ndarray, frame: FramePeople) -> Iterator[tuple[int, int]]:
    """Rows of the truth and the detections that are them."""
    boxes = np.array([p.box for p in frame.people], dtype=float).reshape(-1, 4)
    overlap = iou_of(true_boxes, grown(boxes))
    for column, person in enumerate(frame.people):
        points, wide = person.keypoints[person.visible, :2], grown(true_boxes)[:, None]
        inside = ((points >= wide[..., :2]) & (points <= wide[..., 2:])).all(axis=-1).mean(axis=-1)
        overlap[inside < LEAST_INSIDE, column] = 0
    for row, column in zip(*linear_sum_assignment(-np.where(overlap >= LEAST_IOU, overlap, 0)), strict=True):
        if overlap[row, column] >= LEAST_IOU:
            yield int(row), int(column)


def grown(boxes: np.ndarray) -> np.ndarray:
    size = (boxes[:, 2:] - boxes[:, :2]) * GROW / 2
    return np.concatenate([boxes[:, :2] - size, boxes[:, 2:] + size], axis=1)


def look(video: Video, found: Found) -> Seen:
    people = track_people(found.frames, found.skeleton)
    told = [FramePeople(f.index, f.time_s, tuple(p for p in f.people if p.track_id is not None)) for f in people]
    number = {identity: i for i, identity in enumerate(identities(video))}
    joints = np.full((len(told), len(number), 17, 2), np.nan)
    ghosts = told_found = told_ghosts = 0
    for t, ((ids, boxes), frame) in enumerate(zip(video.truth, found.frames, strict=True)):
        pairs = list(match(boxes, frame))
        for row, column in pairs:
            keypoints = to_coco_17(frame.people[column].keypoints, found.skeleton)
            joints[t, number[int(ids[row])]] = keypoints[:, :2]
        ghosts += len(frame.people) - len(pairs)
        n = len(list(match(boxes, told[t])))
        told_found, told_ghosts = told_found + n, told_ghosts + len(told[t].people) - n
    return Seen(people, told, joints, np.isfinite(joints[..., 0]).any(axis=2), ghosts, told_found, told_ghosts)


def identities(video: Video) -> list[int]:
    return sorted({int(i) for ids, _ in video.truth for i in ids})


# --- steadiness -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Place:
    """The true people of one video, as steadiness is measured on them.

    Attributes:
        there: (T, P) whether each person is there.
        alone: (T, P) whether also nobody else is close.
        height: (P,) of the bodies, pixels.
        fps: frames per second.
    """

    there: np.ndarray
    alone: np.ndarray
    height: np.ndarray
    fps: float


def place_of(video: Video, found: Found) -> Place:
    number = {identity: i for i, identity in enumerate(identities(video))}
    there = np.zeros((len(video.truth), len(number)), dtype=bool)
    alone, height = there.copy(), np.full(there.shape, np.nan)
    for t, (ids, boxes) in enumerate(video.truth):
        who = [number[int(i)] for i in ids]
        there[t, who] = True
        alone[t, who] = (iou_of(boxes, boxes) > CROWDED_IOU).sum(axis=1) == 1
        height[t, who] = boxes[:, 3] - boxes[:, 1]
    fps = 1 / np.median(np.diff([frame.time_s for frame in found.frames]))
    return Place(there, alone, np.nanpercentile(height, 90, axis=0), float(fps))


def windows(series: np.ndarray) -> np.ndarray:
    """(T, ...) -> (T - 8, ..., 9)."""
    return sliding_window_view(series, WINDOW, axis=0)


def jitter(joints: np.ndarray) -> np.ndarray:
    """(T - 8, P, 17) pixels of (T, P, 17, 2); NaN where the joint is missing in one of the frames."""
    t = np.arange(WINDOW) - WINDOW // 2
    basis, _ = np.linalg.qr(np.stack([t**0, t, t**2], axis=1).astype(float))
    series = windows(joints)
    residual = series - (series @ basis) @ basis.T
    return np.sqrt((residual**2).sum(axis=(-1, -2)) / (WINDOW - 3))


def surroundings(video: Video, joints: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(T, P, 17) by how many pixels the picture around each joint moved since the frame before; NaN in the first."""
    moved = np.full(joints.shape[:3], np.nan)
    before = None
    with open_source(video.source) as source:
        for t, frame in zip(range(len(joints)), source, strict=False):
            scale = 640 / max(frame.image.shape[:2])
            grey = cv2.cvtColor(cv2.resize(frame.image, None, fx=scale, fy=scale), cv2.COLOR_BGR2GRAY)
            if before is not None:
                flow = cv2.calcOpticalFlowFarneback(before, grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)
                speed = np.linalg.norm(flow, axis=2) / scale
                for person, joint in zip(*np.nonzero(np.isfinite(joints[t, ..., 0])), strict=True):
                    x, y = joints[t, person, joint] * scale
                    half = max(1, height[person] * scale / 20)
                    square = speed[max(0, int(y - half)) : int(y + half) + 1, max(0, int(x - half)) : int(x + half) + 1]
                    if square.size:
                        moved[t, person, joint] = np.median(square)
            before = grey
    return moved


def sides_changed(joints: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T - 8, P, 6) of each pair of joints: whether it could be told, and whether left and right had changed."""
    pairs = joints[:, :, PAIRS]  # (T, P, 6, 2 sides, 2)
    usual, now = np.median(windows(pairs), axis=-1), pairs[WINDOW // 2 : -(WINDOW // 2)]
    stay = np.linalg.norm(now - usual, axis=-1).sum(axis=-1)
    change = np.linalg.norm(now - usual[..., ::-1, :], axis=-1).sum(axis=-1)
    apart = np.linalg.norm(usual[..., 0, :] - usual[..., 1, :], axis=-1)
    can_tell = apart > 0.1 * height[:, None]
    return can_tell, can_tell & (stay - change > 0.05 * height[:, None])


# --- tables -----------------------------------------------------------------------------------------------------------


def steadiness_rows(
    name: str, places: Sequence[Place], seen: dict[str, list[Seen]], chosen: Sequence[Video]
) -> list[Row]:
    still, both_found, heights = [], [], []
    for i, (video, place) in enumerate(zip(chosen, places, strict=True)):
        every = np.stack([of_engine[i].joints for of_engine in seen.values()])
        common = np.isfinite(every[..., 0]).all(axis=0) & place.alone[:, :, None]
        where = np.where(common[..., None], np.median(every, axis=0), np.nan)
        moved = surroundings(video, where, place.height) * place.fps / place.height[:, None]
        whole = windows(common).all(axis=-1)
        with np.errstate(invalid="ignore"):
            still.append(whole & (np.nan_to_num(windows(moved), nan=0).max(axis=-1) < STILL))
        both_found.append((whole, np.stack([of_engine[i].found for of_engine in seen.values()]).all(axis=0)))
        heights.append(np.broadcast_to(place.height[:, None], whole.shape))
    rows = []
    for engine, of_engine in seen.items():
        pixels = [jitter(s.joints) for s in of_engine]
        row: Row = {"case": name, "engine": engine}
        for kind, masks in (("still", still), ("all", [whole for whole, _ in both_found])):
            px = np.concatenate([p[mask] for p, mask in zip(pixels, masks, strict=True)])
            share = 100 * px / np.concatenate([h[mask] for h, mask in zip(heights, masks, strict=True)])
            row |= {f"windows, {kind}": len(px)}
            if len(px):
                row |= {
                    f"jitter %, {kind}": float(np.median(share)),
                    f"95th, {kind}": float(np.percentile(share, 95)),
                    f"px, {kind}": float(np.median(px)),
                }
        told, changed = 0, 0
        for s, place, (whole, _) in zip(of_engine, places, both_found, strict=True):
            can_tell, did = sides_changed(s.joints, place.height)
            counts = whole[:, :, PAIRS].all(axis=-1)
            told, changed = told + (can_tell & counts).sum(), changed + (did & counts).sum()
        missing = np.concatenate(
            [np.isnan(s.joints[m][..., 0]) for s, (_, m) in zip(of_engine, both_found, strict=True)]
        )
        row |= {"sides changed": float(changed / max(told, 1)), "joints missing": float(np.concatenate(missing).mean())}
        rows.append(row)
    return rows


def people_row(name: str, engine: str, chosen: Sequence[Video], founds: Sequence[Found], seen: Sequence[Seen]) -> Row:
    true = sum(len(ids) for video in chosen for ids, _ in video.truth)
    frames = sum(len(video.truth) for video in chosen)
    cases = [
        Case(video.name, s.told, video.truth, f.skeleton, GROW)
        for video, f, s in zip(chosen, founds, seen, strict=True)
    ]
    ids = [[np.array([p.track_id for p in frame.people], dtype=int) for frame in s.told] for s in seen]
    tracks = [track for s in seen for track in tracks_of(s.told)]
    gaps = [int(b - a) - 1 for track in tracks for a, b in pairwise(track.frames) if b - a > 1]
    return {
        "case": name,
        "engine": engine,
        "found": sum(int(s.found.sum()) for s in seen) / true,
        "missed": true - sum(int(s.found.sum()) for s in seen),
        "ghosts": sum(s.ghosts for s in seen),
        "ghosts/frame": sum(s.ghosts for s in seen) / frames,
        "told": sum(s.told_found for s in seen) / true,
        "told ghosts": sum(s.told_ghosts for s in seen),
        **figures(cases, ids, LEAST_IOU),
        "people": sum(len(identities(video)) for video in chosen),
        "ids": len(tracks),
        "gaps": len(gaps),
        "frames in gaps": sum(gaps),
        "processor ms": sum(f.ms * len(f.frames) for f in founds) / frames,
    }


def missing_rows(name: str, engine: str, video: Video, seen: Seen, place: Place) -> list[Row]:
    """In which frames each named person is missing."""
    return [
        {
            "case": f"{name}, {video.name}",
            "engine": engine,
            "who": who,
            "there": int(place.there[:, i].sum()),
            "missing": int((place.there[:, i] & ~seen.found[:, i]).sum()),
            "in frames": ranges(np.flatnonzero(place.there[:, i] & ~seen.found[:, i])),
        }
        for i, who in enumerate(video.names[identity] for identity in identities(video))
    ]


def time_rows(name: str, video: Video, engines: dict[str, Engine]) -> list[Row]:
    loops = {called: partial(find, video, called, engine, None) for called, engine in engines.items()}
    seconds = interleave(loops, rounds=3, warm_up=1, clock=time.process_time)
    rows = rows_of(f"{name}, {len(video.truth)} frames in turns", seconds, ratio_to=next(iter(engines)))
    return [row | {"processor ms": row["median_ms"] / len(video.truth)} for row in rows]


def ranges(numbers: np.ndarray) -> str:
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1) if len(numbers) else []
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


# --- pictures ---------------------------------------------------------------------------------------------------------


def drawn(image: np.ndarray, people: FramePeople, skeleton: Skeleton, text: str) -> np.ndarray:
    """Those who are nobody are grey."""
    picture = np.asarray(image.copy(), dtype=np.uint8)
    for person in people.people:
        draw_skeleton(
            picture, person.keypoints, skeleton, person_colour(person.track_id) if person.track_id else NOBODY
        )
    scale = 700 / max(picture.shape[:2])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    draw_tag(picture, text, (0, 0), "#ffffff")
    return picture


def draw_video(video: Video, seen: dict[str, Seen], founds: dict[str, Found], folder: Path) -> None:
    """One picture of some frames, the engines side by side in each."""
    tiles = []
    with open_source(video.source) as source:
        for t, frame in zip(range(len(video.truth)), source, strict=False):
            if t in LOOK_AT[video.name]:
                row = [
                    drawn(frame.image, of_engine.people[t], founds[name].skeleton, f"{name}, {t}")
                    for name, of_engine in seen.items()
                ]
                tiles.append(np.hstack(row))
    across = max(1, 2100 // tiles[0].shape[1])
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    sheet = np.vstack([np.hstack(tiles[i : i + across]) for i in range(0, len(tiles), across)])
    cv2.imwrite(str(folder / f"{video.name}.png"), sheet)


def numbered(people: Sequence[Person]) -> FramePeople:
    return FramePeople(0, 0.0, tuple(person.with_track(i) for i, person in enumerate(people, start=1)))


def draw_images(images: Sequence[Path], engines: dict[str, Engine], folder: Path) -> None:
    """One picture for each image, a column for each engine."""
    for path in images:
        image = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        row = [
            drawn(image, numbered(engine.loaded.detect([image])[0]), engine.loaded.skeleton, name)
            for name, engine in engines.items()
        ]
        cv2.imwrite(str(folder / f"{path.stem}.png"), np.hstack(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="30 frames of each video")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--engines", default="balanced", help=f"of {', '.join(ENGINES)}; the first is the reference")
    parser.add_argument("--keep", type=Path, help="folder for what was found")
    parser.add_argument("--frames", help="folder of images")
    parser.add_argument("--truth", type=Path, help="their truth, MOTChallenge text")
    parser.add_argument("--fps", type=float, default=25.0, help="their frame rate")
    parser.add_argument("--time", action="store_true", help="measure the time in turns, too")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of some frames, the engines side by side")
    parser.add_argument("--images", type=Path, nargs="*", default=[], help="draw these images, too")
    arguments = parser.parse_args()
    unknown = set(arguments.engines.split(",")) - set(ENGINES)
    if unknown:
        parser.error(f"--engines: no {', '.join(sorted(unknown))}; there are {', '.join(ENGINES)}")
    if (arguments.frames is None) != (arguments.truth is None):
        parser.error("--frames and --truth go together")
    engines = {name: ENGINES[name] for name in arguments.engines.split(",")}

    people: list[Row] = []
    steady: list[Row] = []
    missing: list[Row] = []
    times: list[Row] = []
    for name, chosen in videos(arguments):
        founds: dict[str, list[Found]] = {engine: [] for engine in engines}
        for video in chosen:
            for engine, how in engines.items():
                founds[engine].append(find(video, engine, how, arguments.keep))
        first = founds[next(iter(engines))]
        places = [place_of(video, found) for video, found in zip(chosen, first, strict=True)]
        seen = {e: [look(v, f) for v, f in zip(chosen, found, strict=True)] for e, found in founds.items()}
        people += [people_row(name, engine, chosen, founds[engine], seen[engine]) for engine in engines]
        if arguments.time:
            times += time_rows(name, replace(chosen[0], truth=chosen[0].truth[:20]), engines)
        steady += steadiness_rows(name, places, seen, chosen)
        for i, video in enumerate(chosen):
            for engine in engines if video.names else ():
                missing += missing_rows(name, engine, video, seen[engine][i], places[i])
            if arguments.pictures:
                arguments.pictures.mkdir(parents=True, exist_ok=True)
                here = ({engine: of_engine[i] for engine, of_engine in each.items()} for each in (seen, founds))
                draw_video(video, *here, arguments.pictures)
    if arguments.pictures and arguments.images:
        draw_images(arguments.images, engines, arguments.pictures)

    print(f"{machine()}\n")
    names = {"case": "", "engine": ""}
    print_table(
        people,
        names
        | {"found": ".1%", "missed": "", "ghosts": "", "ghosts/frame": ".2f", "told": ".1%", "told ghosts": ""}
        | {"IDF1": ".1f", "MOTA": ".1f", "HOTA": ".1f", "people": "", "ids": "", "gaps": "", "frames in gaps": ""}
        | {"processor ms": ".0f"},
    )
    print()
    columns = {f"{key}, {kind}": form for kind in ("still", "all") for key, form in _JITTER.items()}
    print_table(steady, names | columns | {"sides changed": ".2%", "joints missing": ".1%"})
    print()
    print_table(
        [row for row in missing if row["missing"]], names | {"who": "", "there": "", "missing": "", "in frames": ""}
    )
    if times:
        print()
        print_table(times, names | {"processor ms": ".0f", "ratio": ".2f"})
    write([*people, *steady, *missing, *times], arguments.json)


_JITTER = {"windows": "", "jitter %": ".2f", "95th": ".2f", "px": ".2f"}


if __name__ == "__main__":
    main()
