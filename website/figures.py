"""Draws `docs/how_*.jpg`: what happens to one frame of the sample video, by the project's own parts.

python website/figures.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from behavior.report.drawing import PEOPLE_COLOURS
from pose import PoseEngine
from pose.maps import cells_to_pixels
from pose.parsing import parse
from pose.parsing.peaks import find_peaks
from pose.preprocess import fit, letterbox
from pose.sources import open_source
from pose.weights.assets import SAMPLE_VIDEO, fetch
from pose.weights.zoo import load_backend

DOCS = Path(__file__).parent.parent / "docs"
AT_S = 3.5
JOINT, LIMB = "left_elbow", ("left_elbow", "left_wrist")
BOX = (slice(0, 994), slice(250, 1500))
"""What is shown: rows and columns of the frame."""


def picture() -> Any:
    with open_source(str(fetch(SAMPLE_VIDEO)), start_s=AT_S) as frames:
        return next(iter(frames)).image


def show(axes: Any, image: Any, title: str) -> None:
    axes.imshow(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    axes.set_xlim(BOX[1].start, BOX[1].stop)
    axes.set_ylim(BOX[0].stop, BOX[0].start)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_axis_off()


def limbs(axes: Any, people: Any) -> None:
    for number, person in enumerate(people):
        for a, b in person.skeleton.limb_indices:
            axes.plot(*person.keypoints[[a, b], :2].T, color=PEOPLE_COLOURS[number % 7], linewidth=2)
        axes.scatter(*person.keypoints[:, :2].T, s=6, color="white", zorder=3)


def maps() -> None:
    """Belief in one joint, the field along one limb, the maxima of all joints, and the people read out of these."""
    image = picture()
    backend = load_backend("mobilenet_thin", device="cpu")
    net = fit((image.shape[0], image.shape[1]), 736)
    shown, placement = letterbox(image, net)
    (found,) = backend.infer(shown[None])
    skeleton, stride = found.layout.skeleton, found.layout.stride
    height, width = found.heatmaps.shape[1:]
    edges = placement.to_source(cells_to_pixels(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]), stride))
    extent = (edges[0, 0], edges[1, 0], edges[1, 1], edges[0, 1])
    figure, axes = plt.subplots(2, 2, figsize=(10, 8.4), layout="constrained")
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)

    show(axes[0, 0], grey, f"belief: where a {JOINT.replace('_', ' ')} is")
    belief = found.heatmaps[skeleton.index(JOINT)]
    axes[0, 0].imshow(
        belief, extent=extent, cmap="inferno", alpha=np.clip(belief * 2, 0, 1), interpolation="bilinear", vmin=0, vmax=1
    )

    limb = next(i for i, pair in enumerate(skeleton.limbs) if set(pair) == set(LIMB))
    x_channel, y_channel = found.layout.limb_channels[limb]
    field = found.pafs[[x_channel, y_channel]]
    rows, columns = np.nonzero(np.hypot(*field) > 0.15)
    places = placement.to_source(cells_to_pixels(np.column_stack([columns, rows]), stride))
    show(axes[0, 1], grey, f"field: along the limb from {LIMB[0].replace('_', ' ')} to {LIMB[1].replace('_', ' ')}")
    axes[0, 1].quiver(
        *places.T, *field[:, rows, columns], np.hypot(*field[:, rows, columns]), cmap="viridis", angles="xy",
        scale_units="xy", scale=0.035, width=0.004,
    )  # fmt: skip

    show(axes[1, 0], grey, "peaks: maxima of all joints' beliefs")
    colours = plt.get_cmap("hsv")(np.linspace(0, 0.95, len(skeleton)))
    peaks, starts = find_peaks(found.heatmaps, len(skeleton), 0.1, 20)
    joints = np.repeat(np.arange(len(skeleton)), np.diff(starts))
    places = placement.to_source(cells_to_pixels(peaks[:, :2], stride))
    axes[1, 0].scatter(*places.T, s=18, color=colours[joints], edgecolors="white", linewidths=0.5)

    show(axes[1, 1], image, "people: peaks joined where the field runs along")
    limbs(axes[1, 1], [placed(person, placement) for person in parse(found)])
    save(figure, "how_maps.jpg")


def placed(person: Any, placement: Any) -> Any:
    points = person.keypoints.copy()
    points[:, :2] = placement.to_source(points[:, :2])
    return replace(person, keypoints=points)


def people() -> None:
    """The engine's own answer: as `posescribe analyze` stores it."""
    engine = PoseEngine(device="cpu")
    with engine.open(fetch(SAMPLE_VIDEO), start_s=AT_S, end_s=AT_S + 1.0) as frames:
        seen = list(frames)
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    show(axes, seen[0].image, f"{engine.model.name} and {engine.refiner.name}, and one second of each neck's way")
    limbs(axes, seen[0].people)
    neck = engine.skeleton.index("neck")
    for person in seen[0].people:
        way = [p.keypoints[neck, :2] for f in seen for p in f.people if p.track_id == person.track_id]
        axes.plot(*np.array(way).T, color="white", linewidth=2, linestyle=":")
    save(figure, "how_people.jpg")


def save(figure: Any, name: str) -> None:
    figure.savefig(DOCS / name, dpi=110, pil_kwargs={"quality": 80})
    plt.close(figure)


if __name__ == "__main__":
    maps()
    people()
