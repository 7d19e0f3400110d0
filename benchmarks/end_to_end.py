"""From a video file to people: our engine beside the usual ways to run a pose network, in turns.

    python benchmarks/end_to_end.py [--quick] [--json FILE] [--plot FILE] [--frames N] [--threads N] [--mediapipe]

Every way reads the same frames of the sample video. `posescribe` is the default, MoveNet MultiPose and Thunder; beside
it the accuracy `fast`, and `balanced` with the body network on each fourth frame. The rest runs mobilenet_thin at
656×368 and parses: our engine (`fields`), and `network alone` on frames that lie in memory already: what the engine
adds to it is the price of reading, parsing and tracking. Others: plain onnxruntime with tf-pose's parser (its C++ core,
with the steps it needs), with lightweight-openpose's parser, and OpenCV's DNN module on the original graph with
tf-pose's parser. `--mediapipe` adds MediaPipe, another network that finds one person only; it is installed once, 1 GB,
beside the cached models.

A second table is the profile of `fields`: each step of the loop alone, one thread, processor time for each frame.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from common import Row, interleave, machine, print_table, write
from numpy.typing import NDArray
from peers import LightweightParser, MediaPipe, TfPoseParser

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose import PoseEngine
from pose.backends.base import Backend, available_cores
from pose.engine import Accuracy, EngineSettings
from pose.maps import OPENPOSE_COCO
from pose.networks.mobilenet_thin import MobilenetThin
from pose.parsing import parse
from pose.preprocess import NetSize, letterbox
from pose.sources import open_source
from pose.tracking import Tracker
from pose.weights import assets
from pose.weights.export import to_onnx
from pose.weights.graphdef import mobilenet_thin_weights
from pose.weights.zoo import load_backend

SIZE = NetSize(368, 656)
OURS = "posescribe"
ALONE = "the network of fields alone"
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


def ours(video: Path, end_s: float, engine: PoseEngine) -> Callable[[], object]:
    def loop() -> None:
        with engine.open(video, end_s=end_s) as stream:
            for _ in stream:
                pass

    return loop


def with_backend(backend: Backend, accuracy: Accuracy = "balanced") -> PoseEngine:
    return PoseEngine(backend=backend, settings=EngineSettings(accuracy=accuracy))


def network_alone(canvases: list[NDArray[np.uint8]], backend: Backend) -> Callable[[], object]:
    def loop() -> None:
        with ThreadPoolExecutor(backend.in_flight) as pool:
            for _ in pool.map(backend.infer, canvases):
                pass

    return loop


def profile(video: Path, end_s: float, backend: Backend) -> list[Row]:
    """Each step alone on all frames."""
    frames = list(open_source(video, end_s=end_s))
    canvases = [letterbox(frame.image, SIZE)[0] for frame in frames]
    maps = [backend.infer(canvas[None])[0] for canvas in canvases]
    found = list(PoseEngine(backend=backend, tracking=None).open(video, end_s=end_s))
    tracker = Tracker(OPENPOSE_COCO.skeleton)
    steps: dict[str, Callable[[], object]] = {
        "read and decode": lambda: list(open_source(video, end_s=end_s)),
        "shrink onto the canvas": lambda: [letterbox(frame.image, SIZE) for frame in frames],
        "network": lambda: [backend.infer(canvas[None]) for canvas in canvases],
        "parse": lambda: [parse(m) for m in maps],
        "track": lambda: [tracker.update(frame) for frame in found],
    }
    seconds: dict[str, float] = {}
    for name, step in steps.items():
        begin = time.process_time()
        step()
        seconds[name] = time.process_time() - begin
    total = sum(seconds.values())
    return [
        {"step": name, "processor ms": 1e3 * value / len(frames), "share": value / total}
        for name, value in seconds.items()
    ]


def plot(rows: list[Row], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3))
    rows = sorted(rows, key=lambda row: row["fps"])
    colours = ["#1f77b4" if row["engine"].startswith(OURS) else "#bbbbbb" for row in rows]
    bars = axes.barh([row["engine"] for row in rows], [row["fps"] for row in rows], color=colours)
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set(xlabel=f"frames per second, {rows[0]['case']}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--plot", type=Path, help="PNG of the frames per second")
    parser.add_argument("--mediapipe", action="store_true", help="MediaPipe, too")
    parser.add_argument("--frames", type=int, default=60, help="of the sample video, in each round")
    parser.add_argument("--threads", type=int, default=available_cores(), help="CPU threads (all cores)")
    arguments = parser.parse_args()
    frames, rounds = (20, 1) if arguments.quick else (arguments.frames, 5)

    video = assets.fetch(assets.SAMPLE_VIDEO)
    cv2.setNumThreads(arguments.threads)
    float32 = load_backend(device="cpu", threads=arguments.threads)
    bfloat16 = load_backend(device="cpu", threads=arguments.threads, precision="bfloat16")
    light = load_backend(device="cpu", threads=arguments.threads, light=True)
    canvases = [letterbox(image, SIZE)[0][None] for image in read(video, frames)]
    with open_source(video) as source:
        end_s = next(frame.time_s for frame in source if frame.index == frames)
    plain, tf_pose = plain_onnxruntime(arguments.threads), TfPoseParser()
    loops = {
        OURS: ours(video, end_s, PoseEngine(device="cpu")),
        f"{OURS}, body on each fourth frame": ours(
            video, end_s, PoseEngine(device="cpu", settings=EngineSettings(every_body=4))
        ),
        f"{OURS}, fast": ours(video, end_s, PoseEngine(device="cpu", settings=EngineSettings(accuracy="fast"))),
        f"{OURS}, fields": ours(video, end_s, with_backend(float32)),
        f"{OURS}, fields, fast": ours(video, end_s, with_backend(light, "fast")),
        ALONE: network_alone(canvases, float32),
        f"{OURS}, fields, bfloat16 ({bfloat16.runtime.split()[0]})": ours(video, end_s, with_backend(bfloat16)),
        PEER: usual(video, frames, plain, tf_pose),
        "onnxruntime + lightweight-openpose's parser": usual(video, frames, plain, LightweightParser()),
        "OpenCV DNN + tf-pose's parser": usual(video, frames, opencv(), tf_pose),
    }
    with ExitStack() as stack:
        if arguments.mediapipe:
            mediapipe = stack.enter_context(MediaPipe())
            loops["MediaPipe 0.10.14 (one person only)"] = lambda: mediapipe(video, frames)
        seconds = interleave(loops, rounds, warm_up=1)
    rows: list[Row] = [
        {
            "case": f"sample video, {frames} frames",
            "engine": name,
            "fps": statistics.median(frames / value for value in values),
            "ratio_to": PEER,
            "ratio": statistics.median(b / a for a, b in zip(values, seconds[PEER], strict=True)),
            "times the network alone": statistics.median(a / b for a, b in zip(values, seconds[ALONE], strict=True)),
        }
        for name, values in seconds.items()
    ]
    print(f"{machine()}; {arguments.threads} threads; `ratio` is frames per second over those of {PEER}\n")
    print_table(rows, {"case": "", "engine": "", "fps": ".1f", "ratio": ".2f", "times the network alone": ".2f"})
    print()
    steps = profile(video, end_s, float32)
    print_table(steps, {"step": "", "processor ms": ".1f", "share": ".0%"})
    write([*rows, *steps], arguments.json)
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
