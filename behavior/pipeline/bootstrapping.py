"""A pose network of one's own out of what several cameras agree on: multiview bootstrapping, round after round.

    people found -> joints that views agree on -> the best frames -> labels in every view -> training -> people ...

See `pose/multiview/bootstrapping.py` for the method and its paper. Frames at the end, and a camera, are held out of it:
there the networks are judged by where the other cameras' people are projected.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.pipeline.commands import find_recording
from behavior.pipeline.loading import load_models
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import make_settings
from behavior.pipeline.stages import VERSION, find_people, follow_people
from behavior.pipeline.views import Rig, Seen, Watched, joined, watch
from pose.errors import CalibrationError, TrainingError
from pose.multiview import Triangulated
from pose.multiview.bootstrapping import REPROJECTED, SEEN, Limits, agreed, choose_frames, frame_scores, labels
from pose.multiview.clock import at_times
from pose.multiview.files import calibration_hash
from pose.people import Person
from pose.settings import EngineSettings
from pose.skeleton import Skeleton
from pose.sources import is_there, open_source, source_hash
from pose.training.batches import read_image
from pose.training.datasets import coco_joints, read_annotations
from pose.training.evaluate import paired
from pose.training.fit import FitSettings, Rhythm
from pose.training.targets import TargetSettings
from pose.training.train import Plan, train
from storage import open_database, recordings, runs
from storage.database import Database
from storage.errors import MissingError
from storage.files import make_folder, write_bytes

ALGORITHM = 1
LIMIT = 0.01
"""Of the longer side of the largest picture: a view further from a joint's point than this does not count."""

ALL = "all"
WORDS = {"time": "time", "camera": "a camera", "both": "time and a camera"}
"""What an image that is judged by was held out in."""

Array = NDArray[np.float64]
Detect = Callable[[NDArray[np.uint8]], list[Person]]


@dataclass(frozen=True)
class Selection:
    """What becomes a label, and what is held out.

    Attributes:
        limit_px: of a view from a joint's point; None: `LIMIT` of the longer side.
        min_views: that agree on a joint; None: one fewer than make labels, so that a joint hidden in one comes back,
            but 2 at least and 3, the paper's number, at most.
        min_confidence: of a detection that counts.
        min_joints: labels of a person in a view; one with fewer is left out there.
        window_s, same_m, most: see `pose.multiview.bootstrapping.choose_frames`.
        hold_out_camera: makes no labels; its tracks only help to tell who is who.
        hold_out_last: share of the time, at its end, that makes no labels. A window before it is left out, too.
        moments: each that is held out is judged at so many, evenly apart.
    """

    limit_px: float | None = None
    min_views: int | None = None
    min_confidence: float = 0.1
    min_joints: int = 9
    window_s: float = 0.5
    same_m: float = 0.05
    most: int = 100
    hold_out_camera: str | None = None
    hold_out_last: float = 0.2
    moments: int = 20


@dataclass(frozen=True)
class Learning:
    """How each round is learnt from; every round begins with the same weights, as in the paper.

    Attributes:
        network, start, frozen, size: see `pose.training.train.Plan`. `start` is also what is judged before.
        net_height: of the input when judged, pixels.
        fit, rhythm: see there.
        held_out: share of the labelled images that the training itself is judged by; never those held out here.
        device: of torch.
    """

    network: str
    start: str
    frozen: int
    size: int
    net_height: int
    fit: FitSettings
    rhythm: Rhythm
    held_out: float = 0.1
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class _Agreed:
    """A person of the scene: views by index, and the joints that views agree on at each time of the clock."""

    nodes: tuple[int, ...]
    confidence: Array
    found: Triangulated


@dataclass(frozen=True, eq=False)
class _Picture:
    """A frame of one camera, with its labels.

    Attributes:
        camera: index in the scene.
        frame, time_s: number in the recording, and seconds of the scene's clock.
        kind: what it is for: `labels`, or what was held out: `time`, `camera` or `both`.
        people: (K, 3) each, see `pose.multiview.bootstrapping.labels`.
        unknown: (4,) boxes of people without labels, x_min, y_min, x_max, y_max in pixels.
    """

    camera: int
    frame: int
    time_s: float
    kind: str
    people: list[Array]
    unknown: list[Array]


def bootstrap(
    database: str,
    rig: Rig,
    out: Path,
    narrator: Narrator,
    *,
    selection: Selection,
    learning: Learning | None,
    rounds: int = 1,
    restart: bool = False,
    recipe: str = "",
) -> dict[str, Any]:
    """Labels, and networks trained on them, in a folder; goes on where an earlier call was stopped.

    Args:
        database: file or URL, with the tracks of the first round; its videos lie where they were.
        rig: the cameras, and what each recorded.
        out: for `check/` (what is judged by), `round_1/` and so on (labels, images, model), `evaluation.csv`,
            `run.json`.
        selection: see there.
        learning: None: the labels of the first round alone.
        rounds: how often; from the second on people are found by the network of the round before, alone.
        restart: begin anew where `out` holds a bootstrapping.
        recipe: the command, for the model's card.

    Returns:
        The summary that `posescribe bootstrap --json` prints.

    Raises:
        CalibrationError: cameras and recordings do not fit each other, or agree on nothing.
        MissingError: a recording was not analysed, or its video is not there or another.
        TrainingError: `out` holds another bootstrapping, or see `pose.training.train.train`.
    """
    with open_database(database, create=False) as opened:
        scene = watch(opened, rig, narrator)
        if not rig.cameras:
            _refuse_strangers(opened, rig.calibration, scene)
        parts = [_part_of(opened, one) for one in scene.seen]
    chosen = _filled_in(scene, selection)
    _refuse_other_videos(scene.seen)
    pictures, told = _chosen(scene, chosen, narrator)
    origin: dict[str, Any] = {
        "calibration_sha256": calibration_hash(rig.calibration), "unit": rig.unit, "format": rig.format,
        "recordings": {one.camera.name: {"name": one.recording.name, "sha256": one.recording.sha256,
                                         "offset_s": one.offset_s, "fit": one.fit} for one in scene.seen},
        "selection": asdict(chosen), "algorithm": ALGORITHM,
    }  # fmt: skip
    make_folder(out)
    whole = origin | {
        "tracks": [one.run.fingerprint for one in scene.seen],
        "learning": None if learning is None else {k: v for k, v in asdict(learning).items() if k != "rhythm"},
    }
    _same_as_before(out, whole, restart)
    about = {"posescribe": VERSION, "db": database, "calibration": str(rig.calibration)}
    write_bytes(out / "run.json", json.dumps(about | whole, indent=2).encode())

    check = out / "check"
    n_checked = _write(check, _held_out(scene, chosen), scene, origin | {"tracks": whole["tracks"]}, narrator)
    rows: list[dict[str, Any]] = []
    judged = out / "evaluation.csv"
    if judged.is_file():
        rows = [dict(row) for row in pd.read_csv(judged).to_dict("records")]  # type: ignore[arg-type]

    def judge(number: int, model: str) -> None:
        if learning is None or not n_checked or any(row["round"] == number for row in rows):
            return
        rows.extend(_judged(number, model, check, chosen, learning, narrator))
        write_bytes(judged, pd.DataFrame(rows).to_csv(index=False).encode())

    summary: dict[str, Any] = {"out": str(out), "db": database, "rounds": []}
    if learning is not None:
        judge(0, learning.start)
    for number in range(1, rounds + 1):
        folder = out / f"round_{number}"
        if number > 1 and learning is not None:
            scene = _again(folder, out / f"round_{number - 1}" / "model", scene, parts, rig, narrator)
            pictures, told = _chosen(scene, chosen, narrator)
        own = origin | {"tracks": [one.run.fingerprint for one in scene.seen]}
        _write(folder, pictures, scene, own, narrator)
        summary["rounds"].append(told | {"labels": str(folder / "annotations.json")})
        if learning is None:
            break
        model = folder / "model"
        if not any(row["round"] == number for row in rows) or not n_checked:
            plan = Plan(
                annotations=folder / "annotations.json", images=folder / "images", network=learning.network, out=model,
                start=learning.start, held_out=learning.held_out, size=(learning.size, learning.size),
                net_height=learning.net_height, frozen=learning.frozen, recipe=recipe, fit=learning.fit,
                rhythm=learning.rhythm, targets=TargetSettings(unlabelled="unknown"),
            )  # fmt: skip
            train(plan, narrator, device=learning.device, restart=restart)
        judge(number, str(model))
        summary["rounds"][-1]["model"] = str(model)
    summary["evaluation"] = [row for row in rows if row["camera"] == ALL]
    return summary


def _refuse_strangers(opened: Database, calibration: Path, scene: Watched) -> None:
    """A recording that no camera is of would be left out without a word."""
    with opened.reading() as tx:
        known = recordings.list_recordings(tx)
    of_a_camera = {one.recording.id for one in scene.seen}
    if strange := [one.name for one in known if one.id not in of_a_camera]:
        raise CalibrationError(
            f"{opened.where}: {calibration} has no camera for the recording {strange[0]}; name each that is to be "
            f"used: --camera CAMERA={strange[0]}"
        )


def _part_of(opened: Database, one: Seen) -> dict[str, Any]:
    """Which frames of a recording were looked at."""
    with opened.reading() as tx:
        now = runs.current(tx, one.recording.id)
    part: dict[str, Any] = {} if now is None else now.pose.settings.get("part", {})
    return {"start_s": part.get("start_s"), "end_s": part.get("end_s"), "every": part.get("every", 1)}


def _filled_in(scene: Watched, selection: Selection) -> Selection:
    """The selection with what depends on the scene; raises `CalibrationError` where too few cameras would be left."""
    names = scene.group.names
    left = selection.hold_out_camera
    if left is not None and left not in names:
        raise CalibrationError(f"--hold-out-camera {left}: there is no such camera; choose one of {', '.join(names)}")
    rest = [name for name in names if name != left]
    if len(rest) < 2:
        raise CalibrationError(
            f"--hold-out-camera {left}: labels need two cameras at least, and {', '.join(rest)} alone would be left"
        )
    limit = selection.limit_px or LIMIT * scene.longer_side
    return replace(selection, limit_px=limit, min_views=selection.min_views or min(max(len(rest) - 1, 2), 3))


def _same_as_before(out: Path, whole: Mapping[str, Any], restart: bool) -> None:
    """Refuses a folder of another bootstrapping, or empties it."""
    path = out / "run.json"
    if not path.is_file():
        return
    if restart:
        for folder in (out / "check", *out.glob("round_*")):
            shutil.rmtree(folder, ignore_errors=True)
        (out / "evaluation.csv").unlink(missing_ok=True)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: damaged ({error}); begin anew with --restart") from None
    asked = json.loads(json.dumps(whole))
    if other := [name for name in asked if before.get(name) != asked[name]]:
        raise TrainingError(
            f"{out} holds a bootstrapping with another {other[0]}; choose another --out, or begin anew with --restart"
        )


def _refuse_other_videos(seen: Sequence[Seen]) -> None:
    for one in seen:
        if not is_there(one.recording.uri):
            raise MissingError(f"{one.recording.name}: {one.recording.uri} is not there any more; put the video back")
        if source_hash(one.recording.uri) != one.recording.sha256:
            raise MissingError(
                f"{one.recording.name}: {one.recording.uri} is not what was analysed; put that back, or analyse this"
            )


def _people(scene: Watched, selection: Selection, without: Sequence[int]) -> list[_Agreed]:
    """Everybody in some of the cameras; arrays have all cameras, and nothing of those left out."""
    assert selection.limit_px is not None
    assert selection.min_views is not None
    n = len(scene.seen) - len(without)
    limits = Limits(selection.limit_px, min(selection.min_views, n), selection.min_confidence)
    found = []
    for nodes in scene.people():
        pixels, confidence = joined(scene.views, nodes, len(scene.seen))
        pixels[list(without)], confidence[list(without)] = np.nan, 0.0
        found.append(_Agreed(nodes, confidence, agreed(scene.group, pixels, confidence, limits)))
    return found


def _cut_s(scene: Watched, selection: Selection) -> float:
    """When the time that is held out begins, seconds of the clock."""
    first, last = float(scene.clock.time_s[0]), float(scene.clock.time_s[-1])
    return first + (1 - selection.hold_out_last) * (last - first) if selection.hold_out_last else np.inf


def _chosen(scene: Watched, selection: Selection, narrator: Narrator) -> tuple[list[_Picture], dict[str, Any]]:
    """The labelled frames of a round, and what there is to say of them."""
    left = [i for i, one in enumerate(scene.seen) if one.camera.name == selection.hold_out_camera]
    people = _people(scene, selection, left)
    scores = np.sum([frame_scores(person.confidence, person.found.used) for person in people], axis=0)
    time_s = scene.clock.time_s
    learnt = time_s < _cut_s(scene, selection) - selection.window_s
    points = np.concatenate([person.found.points for person in people], axis=1)
    best = choose_frames(
        np.where(learnt, scores, 0.0), time_s, points, window_s=selection.window_s, same_m=selection.same_m,
        most=selection.most,
    )  # fmt: skip
    pictures = [
        picture
        for moment in best.tolist()
        for camera in range(len(scene.seen))
        if camera not in left and (picture := _picture(scene, people, camera, moment, "labels", selection.min_joints))
    ]
    if not pictures:
        raise CalibrationError(
            f"{scene.where}: in none of {int(learnt.sum())} frames {selection.min_views} views agree within "
            f"{selection.limit_px:.1f} px on {selection.min_joints} joints of anybody; check --offset and the "
            "calibration, or allow more (--limit, --views)"
        )
    visible = np.concatenate([person[:, 2] for picture in pictures for person in picture.people])
    told = {
        "frames": len(best), "images": len(pictures), "people": sum(len(picture.people) for picture in pictures),
        "labels_seen": int((visible == SEEN).sum()), "labels_reprojected": int((visible == REPROJECTED).sum()),
    }  # fmt: skip
    narrator.say(
        f"{told['frames']} frames of {int(learnt.sum())}, {told['images']} images, {told['people']} people: "
        f"{told['labels_seen']:,} joints found there, {told['labels_reprojected']:,} only known from other views"
    )
    return pictures, told


def _held_out(scene: Watched, selection: Selection) -> list[_Picture]:
    """What networks are judged by: in each camera, the people of all others."""
    if len(scene.seen) < 3:
        return []
    time_s, cut = scene.clock.time_s, _cut_s(scene, selection)
    late, early = np.flatnonzero(time_s >= cut), np.flatnonzero(time_s < cut - selection.window_s)
    pictures = []
    for camera, one in enumerate(scene.seen):
        left = one.camera.name == selection.hold_out_camera
        people = _people(scene, selection, [camera])
        for moments, kind in ((late, "both" if left else "time"), (early if left else late[:0], "camera")):
            some = np.unique(np.linspace(0, len(moments) - 1, min(selection.moments, len(moments))).astype(int))
            for moment in moments[some].tolist():
                if picture := _picture(scene, people, camera, moment, kind, 1):
                    pictures.append(picture)
    return pictures


def _picture(
    scene: Watched, people: Sequence[_Agreed], camera: int, moment: int, kind: str, min_joints: int
) -> _Picture | None:
    """The camera's frame nearest to a moment of the clock; None where nobody has labels in it, or there is no frame."""
    one, wanted_s = scene.seen[camera], scene.clock.time_s[moment]
    near = int(np.abs(one.time_s - wanted_s).argmin())
    time_s = float(one.time_s[near])
    if abs(time_s - wanted_s) > float(np.median(np.diff(one.time_s))):
        return None
    size = (one.recording.width, one.recording.height)
    found, unknown, labelled = [], [], set()
    around = slice(max(moment - 3, 0), moment + 4)
    for person in people:
        points = at_times(person.found.points[around], scene.clock.time_s[around], np.array([time_s]))[0]
        own = labels(one.camera, size, points, person.found.used[camera, moment])
        if (own[:, 2] > 0).sum() >= min_joints:
            found.append(own)
            labelled |= set(person.nodes)
    for node, view in enumerate(scene.views):
        pixels = view.pixels[moment]
        if view.camera == camera and node not in labelled and np.isfinite(pixels).any():
            unknown.append(np.concatenate([np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)]))
    return _Picture(camera, int(one.frames[near]), time_s, kind, found, unknown) if found else None


def _write(
    folder: Path, pictures: Sequence[_Picture], scene: Watched, origin: Mapping[str, Any], narrator: Narrator
) -> int:
    """`annotations.json` in COCO's form, and the images; nothing where they are there. Returns how many images."""
    target, images = folder / "annotations.json", folder / "images"
    fingerprint = runs.fingerprint(**json.loads(json.dumps(origin)))
    if target.is_file():
        content = json.loads(target.read_text(encoding="utf-8"))
        if content["info"]["fingerprint"] == fingerprint:
            return len(content["images"])
    make_folder(images)
    wanted = {(picture.camera, picture.frame): picture for picture in pictures}
    names = coco_joints(scene.skeleton).joints
    places = [scene.skeleton.index(name) for name in names]
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for camera, one in enumerate(scene.seen):
        last = max((frame for own, frame in wanted if own == camera), default=-1)
        if last < 0:
            continue
        with open_source(one.recording.uri) as frames:
            for frame in frames:
                if picture := wanted.get((camera, frame.index)):
                    name, number = f"{one.camera.name}_{frame.index:08}.jpg", len(listed) + 1
                    cv2.imwrite(str(images / name), frame.image, [cv2.IMWRITE_JPEG_QUALITY, 95])
                    height, width = frame.image.shape[:2]
                    listed.append(
                        {"id": number, "file_name": name, "height": height, "width": width, "complete": False,
                         "camera": one.camera.name, "frame": frame.index, "time_s": picture.time_s,
                         "kind": picture.kind}
                    )  # fmt: skip
                    annotations += [_annotation(person[places], number) for person in picture.people]
                    annotations += [_crowd(box, number) for box in picture.unknown]
                    narrator.step(f"images of {one.camera.name}", frame.index, last)
                if frame.index >= last:
                    break
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    info = {"description": "joints that several cameras agree on, projected into each", "posescribe": VERSION,
            "fingerprint": fingerprint, **origin}  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(names)}
    content = {"info": info, "images": listed, "annotations": annotations, "categories": [category]}
    write_bytes(target, json.dumps(content).encode())
    return len(listed)


def _annotation(person: Array, image: int) -> dict[str, Any]:
    """Of one person; boxes are those of the labels."""
    low, high = np.nanmin(person[:, :2], axis=0), np.nanmax(person[:, :2], axis=0)
    width, height = (high - low).tolist()
    return {
        "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [*low.tolist(), width, height],
        "area": 0.53 * width * height, "num_keypoints": int((person[:, 2] > 0).sum()),
        "keypoints": [round(value, 3) for value in np.nan_to_num(person).ravel().tolist()],
    }  # fmt: skip


def _crowd(box: Array, image: int) -> dict[str, Any]:
    x, y, right, below = box.tolist()
    return {
        "image_id": image, "category_id": 1, "iscrowd": 1, "bbox": [x, y, right - x, below - y],
        "area": (right - x) * (below - y), "num_keypoints": 0, "keypoints": [],
    }  # fmt: skip


def _again(
    folder: Path, model: Path, scene: Watched, parts: Sequence[Mapping[str, Any]], rig: Rig, narrator: Narrator
) -> Watched:
    """The scene as the network of the round before sees it, alone, without a refiner."""
    make_folder(folder)
    models = load_models(str(model), "auto", "none", narrator, refine="none")
    with open_database(folder / "posescribe.db") as opened:
        for one, part in zip(scene.seen, parts, strict=True):
            settings = make_settings(
                accuracy="balanced", precision=None, max_people=None, overlay=False, start_s=part["start_s"],
                end_s=part["end_s"], every=part["every"],
            )  # fmt: skip
            # Scores of a network of one's own may be low all over; who is not there no other view confirms.
            tracker = replace(settings.tracker, strong_score=settings.tracker.weak_score)
            settings = replace(settings, tracker=tracker)
            with find_recording(opened, one.recording.uri, folder, settings.part) as recording:
                found = find_people(opened, recording, models, settings, narrator)
            follow_people(opened, found, settings, narrator)
        same_rig = replace(
            rig,
            cameras={one.camera.name: one.recording.uri for one in scene.seen},
            offsets={one.camera.name: one.offset_s for one in scene.seen},
            fits={one.camera.name: one.fit for one in scene.seen if one.fit},
        )
        return watch(opened, same_rig, narrator)


def _judged(
    number: int, model: str, check: Path, selection: Selection, learning: Learning, narrator: Narrator
) -> list[dict[str, Any]]:
    """A row per camera and kind: how far one look of the network, upright and without a refiner, is off."""
    engine = load_models(model, "auto", "none", narrator, refine="none").engine(
        EngineSettings(net_height=learning.net_height, accuracy="fast")
    )
    return judge_images(
        number, check, lambda image: engine.detect([image])[0], engine.skeleton, selection.limit_px or 0.0, narrator
    )


def judge_images(
    number: int, check: Path, detect: Detect, skeleton: Skeleton, limit_px: float, narrator: Narrator
) -> list[dict[str, Any]]:
    """How far joints are from where the other cameras' people are projected.

    Args:
        number: of the round, for the rows.
        check: folder of `annotations.json` and `images/`.
        detect: an image's people, of `skeleton`.
        skeleton: see `detect`.
        limit_px: what counts as right.
        narrator: hears how far it is.

    Returns:
        A row per kind and camera, and one for `ALL` cameras: `joints` of the people who are there, the share `found` of
        them, `median_px` of those found (NaN where none was), and the share `right` of all that are found within
        `limit_px`.
    """
    file = check / "annotations.json"
    kinds = {image["id"]: (image["camera"], image["kind"]) for image in json.loads(file.read_text())["images"]}
    samples = read_annotations(file, check / "images", skeleton).samples
    names = coco_joints(skeleton).joints
    places = [skeleton.index(name) for name in names]
    off: dict[tuple[str, str], list[Array]] = {}
    for done, sample in enumerate(samples, start=1):
        camera, kind = kinds[sample.image_id]
        for found, truth in paired(sample, detect(read_image(sample))):
            known = np.isfinite(truth[places, 0])
            distance = np.linalg.norm((found - truth)[places][known], axis=-1).astype(np.float64)
            for name in (camera, ALL):
                off.setdefault((kind, name), []).append(distance)
        narrator.step("judging", done, len(samples))
    rows = []
    for (kind, camera), several in sorted(off.items()):
        distance = np.concatenate(several)
        there = np.isfinite(distance)
        rows.append(
            {"round": number, "kind": kind, "camera": camera, "joints": len(distance), "found": float(there.mean()),
             "median_px": float(np.median(distance[there])) if there.any() else np.nan,
             "right": float((distance[there] <= limit_px).sum() / len(distance))}
        )  # fmt: skip
        if camera == ALL:
            narrator.say(
                f"round {number}, held out in {WORDS[kind]}: {rows[-1]['median_px']:.1f} px in the median, "
                f"{rows[-1]['found']:.1%} of {len(distance):,} joints found, {rows[-1]['right']:.1%} "
                f"within {limit_px:.0f} px"
            )
    return rows
