"""`posescribe evaluate-pose`: how well a network finds joints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Accuracy, Device, Json, Model, NetSize, Precision, Refine
from behavior.cli.printable import print_json, print_safely


def evaluate_pose(
    images: Annotated[Path, typer.Argument(help="Folder of the images that the annotations name.")],
    annotations: Annotated[Path, typer.Argument(help="COCO person keypoints, JSON.")],
    device: Device = "auto",
    model: Model = "movenet_multipose",
    refine: Refine = None,
    accuracy: Accuracy = "balanced",
    net_size: NetSize = None,
    precision: Precision = None,
    json_: Json = False,
) -> None:
    """COCO keypoints AP and AR of a pose network (pycocotools).

    AP is the mean over object keypoint similarities of 0.50 to 0.95; people without annotated joints are ignored.
    """
    from dataclasses import asdict

    import numpy as np
    from numpy.typing import NDArray

    from behavior.pipeline.loading import load_models
    from behavior.pipeline.settings import one_or_all
    from pose.engine import EngineSettings
    from pose.metrics import evaluate_coco
    from pose.people import Person

    net_heights: set[int] = set()

    def detect(image: NDArray[np.uint8]) -> list[Person]:
        net_heights.add(engine.net_height(image.shape[:2]))
        return engine.detect([image])[0]

    with Narrator() as narrator:
        engine = load_models(model, device, "none", narrator, refine=refine).engine(
            EngineSettings(net_height=net_size, accuracy=accuracy, precision=precision)
        )
        scores = evaluate_coco(
            images,
            annotations,
            detect,
            skeleton=engine.skeleton,
            progress=lambda done, total: narrator.step("images", done, total),
        )
    if json_:
        provenance = {"model": engine.model.name, "sha256": engine.model.sha256, "device": engine.device}
        if engine.refiner is not None:
            provenance |= {"refiner": engine.refiner.name, "refiner_sha256": engine.refiner.sha256}
        print_json(asdict(scores) | provenance | {"net_height": one_or_all(net_heights), "accuracy": accuracy})
        return
    for name, value in asdict(scores).items():
        print_safely(f"{name:12} {value:.4f}" if isinstance(value, float) else f"{name:12} {value}")
