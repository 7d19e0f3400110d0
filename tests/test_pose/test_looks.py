"""The looks of a body network: what it is shown, on a network that sees nobody and remembers the sizes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose import EngineSettings
from pose.backends.base import ModelInfo, Precision
from pose.looks import BodyLooks
from pose.maps import MOVENET_MULTIPOSE, OPENPOSE_COCO, AnyMaps, Layout
from pose.settings import Accuracy


class Blind:
    """Sees nobody; keeps the heights and widths of what it was shown."""

    model = ModelInfo("blind", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.shown: list[tuple[int, ...]] = []

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        height, width = batch.shape[1:3]
        self.shown.append((height, width))
        cells = height // self.layout.stride, width // self.layout.stride
        planes = {name: np.zeros((n, *cells), dtype=np.float32) for name, n in self.layout.outputs.items()}
        return [self.layout.maps(planes) for _ in batch]


WIDE, TALL = (108, 192), (192, 108)


@pytest.mark.parametrize(
    ("layout", "accuracy", "image", "asked", "shown"),
    [
        (MOVENET_MULTIPOSE, "balanced", WIDE, None, [(160, 256), (384, 640)]),
        (MOVENET_MULTIPOSE, "balanced", TALL, None, [(256, 160), (640, 384)]),
        (MOVENET_MULTIPOSE, "balanced", WIDE, 480, [(192, 352), (480, 864)]),
        (MOVENET_MULTIPOSE, "balanced", TALL, 480, [(192, 128), (480, 288)]),
        (MOVENET_MULTIPOSE, "balanced", (10, 900), 480, [(32, 768), (32, 1920)]),
        (MOVENET_MULTIPOSE, "balanced", WIDE, 64, [(32, 64), (64, 128)]),
        (MOVENET_MULTIPOSE, "fast", WIDE, None, [(256, 448)]),
        (MOVENET_MULTIPOSE, "fast", WIDE, 480, [(480, 864)]),
        (MOVENET_MULTIPOSE, "high", WIDE, 320, [(128, 256), (224, 416), (320, 576), (416, 768)]),
        (OPENPOSE_COCO, "balanced", WIDE, None, [(368, 656)]),
        (OPENPOSE_COCO, "fast", WIDE, None, [(336, 600)]),
        (OPENPOSE_COCO, "fast", TALL, 480, [(480, 272)]),
    ],
)
def test_net_size_is_the_height_of_the_chief_look(
    layout: Layout,
    accuracy: Accuracy,
    image: tuple[int, int],
    asked: int | None,
    shown: list[tuple[int, int]],
) -> None:
    body = Blind(layout)
    looks = BodyLooks(body, EngineSettings(net_height=asked, accuracy=accuracy))
    assert looks.see([np.zeros((*image, 3), dtype=np.uint8)], batch=1) == [[]]
    assert body.shown == shown
    assert looks.net_height(image) == shown[-1 if accuracy == "balanced" else len(shown) // 2][0]
