"""Made-up people with known joints: articulated figures with textures before textures, to show that training works.

They stand more or less upright and face the camera, so that left and right can be told; arms and legs move freely.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.skeleton import COCO_17

_MORE = ("upper_neck", "head_top")
JOINTS = (*COCO_17.joints, *_MORE)
"""What is annotated: COCO's joints, and those of MPII that it lacks."""

# Share of the body's height: from joint to joint, and half the thickness of what is drawn there.
_BONES = (
    ("right_shoulder", "right_elbow", 0.16, 0.035), ("right_elbow", "right_wrist", 0.15, 0.03),
    ("left_shoulder", "left_elbow", 0.16, 0.035), ("left_elbow", "left_wrist", 0.15, 0.03),
    ("right_hip", "right_knee", 0.23, 0.045), ("right_knee", "right_ankle", 0.22, 0.035),
    ("left_hip", "left_knee", 0.23, 0.045), ("left_knee", "left_ankle", 0.22, 0.035),
)  # fmt: skip
_BEND = {"elbow": 1.3, "wrist": 1.2, "knee": 0.35, "ankle": 0.3}  # radians away from the limb before, one deviation


def render_person(
    rng: np.random.Generator, image: NDArray[np.uint8], height: float, foot: tuple[float, float]
) -> NDArray[np.float32]:
    """Draws a person into an (H, W, 3) image; gives (19, 2) joints: those of `JOINTS`.

    Args:
        rng: of pose and textures.
        image: drawn into.
        height: of the person, pixels.
        foot: x, y between the feet, pixels.
    """
    tilt = rng.normal(0, 0.12)
    up = np.array([np.sin(tilt), -np.cos(tilt)])
    right = np.array([up[1], -up[0]])  # of the person, who looks at us: to the left of the image
    hips = np.asarray(foot) + 0.46 * height * up
    neck = hips + 0.30 * height * up
    head = neck + 0.13 * height * up
    joints = {
        "neck": neck, "nose": head,
        "right_shoulder": neck + 0.11 * height * right, "left_shoulder": neck - 0.11 * height * right,
        "right_hip": hips + 0.07 * height * right, "left_hip": hips - 0.07 * height * right,
        "right_eye": head + height * (0.022 * up + 0.025 * right),
        "left_eye": head + height * (0.022 * up - 0.025 * right),
        "right_ear": head + height * (0.01 * up + 0.06 * right),
        "left_ear": head + height * (0.01 * up - 0.06 * right),
    }  # fmt: skip
    directions: dict[str, float] = {}
    down = np.arctan2(-up[1], -up[0])
    for start, end, length, _ in _BONES:
        before = directions.get(start, down)
        side = 0.25 if start.startswith("left") else -0.25  # limbs hang a little outwards
        angle = before + rng.normal(0, _BEND[end.rpartition("_")[2]]) - (side if start not in directions else 0)
        directions[end] = angle
        joints[end] = joints[start] + length * height * np.array([np.cos(angle), np.sin(angle)])
    clothes = {part: rng.integers(30, 226, 3) for part in ("body", "arms", "legs")}
    skin = np.array([90, 120, 170]) + rng.integers(-40, 41, 3)
    torso = [joints[name] for name in ("right_shoulder", "left_shoulder", "left_hip", "right_hip")]
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.round(torso).astype(np.int32), 255)
    _paint(rng, image, mask, clothes["body"])
    for start, end, _, half in _BONES:
        mask[:] = 0
        thickness = max(round(2 * half * height), 1)
        cv2.line(mask, _pixel(joints[start]), _pixel(joints[end]), 255, thickness, cv2.LINE_AA)
        _paint(rng, image, mask, clothes["legs" if "hip" in start or "knee" in start else "arms"])
    mask[:] = 0
    cv2.line(mask, _pixel(neck), _pixel(head), 255, max(round(0.05 * height), 1), cv2.LINE_AA)
    cv2.circle(mask, _pixel(head), max(round(0.065 * height), 1), 255, -1, cv2.LINE_AA)
    _paint(rng, image, mask, skin)
    for name in ("nose", "right_eye", "left_eye"):
        colour = (30, 30, 30) if "eye" in name else (60, 60, 200)
        cv2.circle(image, _pixel(joints[name]), max(round(0.012 * height), 1), colour, -1, cv2.LINE_AA)
    joints |= {"upper_neck": neck + 0.03 * height * up, "head_top": head + 0.065 * height * up}
    return np.array([joints[name] for name in JOINTS], dtype=np.float32)


def _pixel(point: NDArray[np.floating]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _paint(
    rng: np.random.Generator, image: NDArray[np.uint8], mask: NDArray[np.uint8], colour: NDArray[np.integer]
) -> None:
    """Colour with some texture where the mask says."""
    texture = colour + rng.normal(0, 12, image.shape)
    share = mask[..., None] / 255
    image[:] = np.clip(share * texture + (1 - share) * image, 0, 255).astype(np.uint8)


def background(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 smooth colours, shapes and noise."""
    coarse = rng.integers(0, 256, (4, 5, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(3, 9))):
        a, b = rng.integers(0, (width, height), (2, 2)).tolist()
        colour = rng.integers(0, 256, 3).tolist()
        if rng.random() < 0.5:
            cv2.rectangle(image, a, b, colour, -1)
        else:
            cv2.line(image, a, b, colour, int(rng.integers(2, 12)), cv2.LINE_AA)
    return np.asarray(np.clip(image + rng.normal(0, 8, image.shape), 0, 255), dtype=np.uint8)


def render_dataset(
    folder: Path, n: int, size: tuple[int, int] = (192, 192), seed: int = 0, people: tuple[int, int] = (1, 2)
) -> tuple[Path, Path]:
    """Writes n images and their annotations in COCO's form; gives the annotations' file and the images' folder.

    Args:
        folder: made where it is not there.
        n: images.
        size: height and width, pixels.
        seed: the same gives the same images.
        people: least and most on an image.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    height, width = size
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, n + 1):
        rng = np.random.default_rng([seed, number])
        image = background(rng, height, width)
        count = int(rng.integers(people[0], people[1] + 1))
        for place in range(count):
            tall = rng.uniform(0.55, 0.9) * height
            x = width * (place + rng.uniform(0.35, 0.65)) / count
            points = render_person(rng, image, tall, (x, rng.uniform(0.9, 0.99) * height))
            inside = np.all((points >= 0) & (points <= np.array([width, height]) - 1), axis=1)
            flat = np.where(inside[:, None], np.column_stack([points, np.full(len(points), 2)]), 0).astype(float)
            points, inside = points[:17], inside[:17]
            low, high = points[inside].min(axis=0), points[inside].max(axis=0)
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                    "bbox": [*low.astype(float).tolist(), *(high - low).astype(float).tolist()],
                    "area": float(0.53 * (high - low).prod()), "num_keypoints": int(inside.sum()),
                    "keypoints": flat[:17].ravel().tolist(), "other_keypoints": flat[17:].ravel().tolist(),
                }
            )  # fmt: skip
        name = f"{number:06}.jpg"
        cv2.imwrite(str(images / name), image)
        listed.append({"id": number, "file_name": name, "width": width, "height": height})
    content = {
        "images": listed,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "other_keypoints": list(_MORE)}],
    }
    annotated = folder / "annotations.json"
    annotated.write_text(json.dumps(content), encoding="utf-8")
    return annotated, images
