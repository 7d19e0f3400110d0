"""From a video file to people: our engine beside the usual ways to run the same weights, in turns.

    python benchmarks/end_to_end.py [--quick] [--json FILE] [--frames N] [--threads N]

Every way reads the same frames of the sample video, runs the network at 656×368 and parses. `network alone` runs our
network, as the engine does, on frames that lie in memory already: what the engine adds to it is the price of reading,
parsing and tracking. Others: plain onnxruntime with tf-pose's parser (its C++ core, with the steps it needs), with
lightweight-openpose's parser, and OpenCV's DNN module on the original graph with tf-pose's parser.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from common import Row, machine, print_table, write
from numpy.typing import NDArray
from peers import LightweightParser, TfPoseParser

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose import PoseEngine, assets
from pose.backends.base import Backend, available_cores
from pose.export import to_onnx
from pose.importers.graphdef import mobilenet_thin_weights
from pose.networks.mobilenet_thin import MobilenetThin
from pose.preprocess import NetSize, letterbox
from pose.zoo import load_backend

SIZE = NetSize(368, 656)
OURS = "posescribe"
PEER = "onnxruntime + tf-pose's parser"
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]
Network = Callable[[NDArray[np.uint8]], Maps]
"""Canvas (H, W, 3) uint8 -> heatmaps and fields, each (h, w, c)."""


def read(video: Path, frames: int) -> Iterator[NDArray[np.uint8]]:
    """The first frames, as OpenCV tutorials read them."""
    capture = cv2.VideoCapture(str(video))
    for _ in range(frames):
        yield capture.read()[1]
    capture.release()


def plain_onnxruntime(threads: int) -> Network:
    network = MobilenetThin().eval()
    weights = mobilenet_thin_weights(assets.fetch(assets.MOBILENET_THIN_GRAPH))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = to_onnx(network).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(canvas: NDArray[np.uint8]) -> Maps:
        heatmaps, pafs = session.run(["heatmaps", "pafs"], {"image": canvas[None]})
        return heatmaps[0].transpose(1, 2, 0), pafs[0].transpose(1, 2, 0)

    return run


def opencv() -> Network:
    network = cv2.dnn.readNetFromTensorflow(str(assets.fetch(assets.MOBILENET_THIN_GRAPH)))

    def run(canvas: NDArray[np.uint8]) -> Maps:
        network.setInput(cv2.dnn.blobFromImage(canvas))
        maps = network.forward()[0].transpose(1, 2, 0)
        return np.ascontiguousarray(maps[..., :19]), np.ascontiguousarray(maps[..., 19:])

    return run


def usual(
    video: Path, frames: int, network: Network, parse: Callable[[NDArray[np.float32], NDArray[np.float32]], object]
) -> Callable[[], object]:
    """One frame after another."""

    def loop() -> None:
        for image in read(video, frames):
            canvas, _ = letterbox(image, SIZE)
            parse(*(np.ascontiguousarray(m) for m in network(canvas)))

    return loop


def ours(video: Path, frames: int, backend: Backend) -> Callable[[], object]:
    engine = PoseEngine(backend=backend)

    def loop() -> None:
        with engine.open(video) as stream:
            for done, _ in enumerate(stream, start=1):
                if done == frames:
                    break

    return loop


def network_alone(canvases: list[NDArray[np.uint8]], backend: Backend) -> Callable[[], object]:
    def loop() -> None:
        with ThreadPoolExecutor(backend.in_flight) as pool:
            for _ in pool.map(backend.infer, canvases):
                pass

    return loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--frames", type=int, default=60, help="of the sample video, in each round")
    parser.add_argument("--threads", type=int, default=available_cores(), help="CPU threads (all cores)")
    arguments = parser.parse_args()
    frames, rounds = (20, 1) if arguments.quick else (arguments.frames, 5)

    video = assets.fetch(assets.SAMPLE_VIDEO)
    cv2.setNumThreads(arguments.threads)
    float32 = load_backend(device="cpu", threads=arguments.threads)
    bfloat16 = load_backend(device="cpu", threads=arguments.threads, precision="bfloat16")
    canvases = [letterbox(image, SIZE)[0][None] for image in read(video, frames)]
    plain, tf_pose = plain_onnxruntime(arguments.threads), TfPoseParser()
    loops = {
        OURS: ours(video, frames, float32),
        "posescribe's network alone": network_alone(canvases, float32),
        f"posescribe, bfloat16 ({bfloat16.runtime.split()[0]})": ours(video, frames, bfloat16),
        PEER: usual(video, frames, plain, tf_pose),
        "onnxruntime + lightweight-openpose's parser": usual(video, frames, plain, LightweightParser()),
        "OpenCV DNN + tf-pose's parser": usual(video, frames, opencv(), tf_pose),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds + 1):  # the first round warms up
        for name, loop in loops.items():
            begin = time.perf_counter()
            loop()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    rows: list[Row] = [
        {
            "case": f"sample video, {frames} frames",
            "engine": name,
            "fps": statistics.median(frames / value for value in values),
            "ratio_to": PEER,
            "ratio": statistics.median(b / a for a, b in zip(values, seconds[PEER], strict=True)),
            "times the network alone": statistics.median(
                a / b for a, b in zip(values, seconds["posescribe's network alone"], strict=True)
            ),
        }
        for name, values in seconds.items()
    ]
    print(f"{machine()}; {arguments.threads} threads; `ratio` is frames per second over those of {PEER}\n")
    print_table(rows, {"case": "", "engine": "", "fps": ".1f", "ratio": ".2f", "times the network alone": ".2f"})
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
