"""Small pictures for the report, picked while the frames go by."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from behavior.report.drawing import Fit, FrameLike, Image, draw_skeleton, fitted_size, person_colour
from pose.people import FramePeople, Person
from pose.skeleton import Skeleton
from storage.files import write_bytes


class Stills:
    """The best picture of each person, and one of the scene; memory is that of the JPEG files it holds.

    The best picture of a person is the one with the most, surest and largest joints. The scene is the first frame with
    the most people.

    Attributes:
        people: JPEG of each person by track id, cropped, with the skeleton drawn.
        scene: JPEG of the scene, nothing drawn; None before the first frame.
        scene_size: width and height of the frame it was made of, pixels.
    """

    def __init__(self, skeleton: Skeleton, *, size: tuple[int, int] = (180, 240), scene_side: int = 960) -> None:
        """`size` is width and height of a person's picture, `scene_side` the longer side of the scene's, pixels."""
        self.people: dict[int, bytes] = {}
        self.scene: bytes | None = None
        self.scene_size = (0, 0)
        self._skeleton = skeleton
        self._size = size
        self._scene_side = scene_side
        self._best: dict[int, float] = {}
        self._most_people = -1

    def see(self, frame: FrameLike, people: FramePeople) -> None:
        """Looks at one frame."""
        known = {person.track_id: person for person in people.people if person.track_id is not None}
        if len(known) > self._most_people:
            self._most_people = len(known)
            height, width = frame.image.shape[:2]
            self.scene_size = (width, height)
            self.scene = _jpeg(Fit(self.scene_size, fitted_size(width, height, self._scene_side)).image(frame.image))
        for track_id, person in known.items():
            quality = _quality(person)
            # Once there is a picture, only a clearly better one is worth encoding.
            if quality > 1.05 * self._best.get(track_id, 0.0):
                self._best[track_id] = quality
                self.people[track_id] = _jpeg(self._portrait(frame.image, person, person_colour(track_id)))

    def save(self, folder: Path) -> None:
        """The pictures as files: `scene.jpg` and one for each person, `1.jpg`; raises `OutputError`."""
        for old in folder.glob("*.jpg"):
            old.unlink()
        pictures = {str(track_id): jpeg for track_id, jpeg in self.people.items()}
        if self.scene is not None:
            pictures["scene"] = self.scene
        for name, jpeg in pictures.items():
            write_bytes(folder / f"{name}.jpg", jpeg)

    def load(self, folder: Path) -> bool:
        """Takes the pictures that `save` left, and says whether there are any; `scene_size` isn't among them."""
        for path in sorted(folder.glob("*.jpg")):
            if path.stem == "scene":
                self.scene = path.read_bytes()
            elif path.stem.isdecimal():
                self.people[int(path.stem)] = path.read_bytes()
        return self.scene is not None

    def _portrait(self, image: Image, person: Person, colour: str) -> Image:
        width, height = self._size
        x_min, y_min, x_max, y_max = (float(value) for value in person.box)
        # The joints end at ankles and eyes: leave room for feet and hair, but stay inside the image.
        zoom = max(
            min(width / (1.4 * (x_max - x_min) + 8), height / (1.35 * (y_max - y_min) + 8)),
            max(width / image.shape[1], height / image.shape[0]),
        )
        crop = (min(image.shape[1], round(width / zoom)), min(image.shape[0], round(height / zoom)))
        left = round(min(max((x_min + x_max - crop[0]) / 2, 0), image.shape[1] - crop[0]))
        top = round(min(max((y_min + y_max) / 2 - 0.52 * crop[1], 0), image.shape[0] - crop[1]))
        fit = Fit(crop, self._size)
        picture = fit.image(image[top : top + crop[1], left : left + crop[0]])
        keypoints = person.keypoints - np.array([left, top, 0], dtype=np.float32)
        draw_skeleton(picture, fit.keypoints(keypoints), self._skeleton, colour)
        return picture


def _quality(person: Person) -> float:
    """Confidence summed over the joints times the square root of the person's size; stray joints lower it."""
    points = person.keypoints[person.visible, :2]
    if len(points) == 0:
        return 0.0
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    # Half of the joints of a whole body lie within a quarter of its extent around their middle.
    spread = 4 * float(np.median(np.linalg.norm(points - np.median(points, axis=0), axis=1)))
    return float(person.keypoints[:, 2].sum() * min(extent, spread) ** 2.5 / max(extent, 1e-6) ** 2)


def _jpeg(image: Image) -> bytes:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise RuntimeError(f"OpenCV could not encode an image of shape {image.shape}")
    return bytes(data)
