"""Recordings with tracks -> annotated images in COCO's form, for `posescribe train-pose`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import cv2

from behavior.pipeline.commands import all_current
from behavior.pipeline.progress import Narrator
from pose.sources import open_source
from storage import open_database
from storage.errors import MissingError
from storage.files import make_folder, write_bytes
from storage.formats.keypoints import coco

_SURE = 0.5  # confidence from which a joint is an annotation


def annotated_frames(
    database: str, videos: Path, out: Path, narrator: Narrator, *, every: int = 10
) -> tuple[Path, Path]:
    """Writes each n-th frame that somebody is tracked in, and the people of the tracks that count.

    Joints below 0.5 confidence are not annotated, and images are `complete: false`: a tracker may have missed somebody.

    Args:
        database: file or URL.
        videos: folder of the recordings' videos, by the names that they had.
        out: folder for `annotations.json` and `images/`.
        narrator: hears which videos are missing.
        every: n.

    Returns:
        The annotations' file and the images' folder.

    Raises:
        MissingError: no recording was analysed, or none of the videos is there.
    """
    images = out / "images"
    make_folder(images)
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    category: dict[str, Any] = {}
    with open_database(database, create=False) as opened:
        for stored, folder, now in all_current(opened, None):
            video = videos / Path(stored.uri).name
            if not video.exists():
                narrator.say(f"{stored.name}: no {video}; left out")
                continue
            with tempfile.TemporaryDirectory() as place:
                [file] = coco.write(opened, now.track.id, Path(place) / "tracks.json")
                content = json.loads(file.read_text(encoding="utf-8"))
            people: dict[int, list[dict[str, Any]]] = {}
            for annotation in content["annotations"]:
                people.setdefault(annotation["image_id"], []).append(annotation)
            [category] = content["categories"]
            with open_source(str(video), every=every) as frames:
                for frame in frames:
                    if frame.index not in people:
                        continue
                    name, number = f"{folder}_{frame.index:08}.jpg", len(listed) + 1
                    cv2.imwrite(str(images / name), frame.image, [cv2.IMWRITE_JPEG_QUALITY, 95])
                    height, width = frame.image.shape[:2]
                    listed.append(
                        {"id": number, "file_name": name, "height": height, "width": width, "complete": False}
                    )
                    annotations += [_annotation(one, number) for one in people[frame.index]]
                    narrator.step(f"frames of {stored.name}", frame.index, stored.n_frames)
    if not listed:
        raise MissingError(f"{videos}: none of the videos of {database} is there; give the folder that holds them")
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    target = out / "annotations.json"
    write_bytes(target, json.dumps({"images": listed, "annotations": annotations, "categories": [category]}).encode())
    return target, images


def _annotation(one: dict[str, Any], image: int) -> dict[str, Any]:
    """Of one person, sure joints alone."""
    values = [*one["keypoints"], *one.get("other_keypoints", ())]
    for joint, confidence in enumerate(one["keypoint_scores"]):
        if confidence < _SURE:
            values[3 * joint : 3 * joint + 3] = 0, 0, 0
    n = len(one["keypoints"])
    return one | {"image_id": image, "keypoints": values[:n], "other_keypoints": values[n:]}
