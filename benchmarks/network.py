"""The default network alone, ours beside what else runs the same weights, on the CPU.

    python benchmarks/network.py [--quick] [--json FILE] [--threads N]

Every engine gets all the threads; `in flight` means that whole frames share them, one thread each, as the engine does,
and then the time is that of the lot divided by its frames. `differs` is the largest difference of a joint's map from
the plain float32 conversion. OpenVINO is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from common import interleave, machine, print_table, rows_of, write
from numpy.typing import NDArray

from pose.backends.base import Backend, Device, Sharing, available_cores
from pose.backends.torch_backend import TorchBackend
from pose.networks.mobilenet_thin import MobilenetThin
from pose.preprocess import NetSize, letterbox
from pose.weights import assets
from pose.weights.export import to_onnx
from pose.weights.graphdef import mobilenet_thin_weights
from pose.weights.zoo import load_backend

OURS = "posescribe, in flight"
Engine = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # one frame (1, H, W, 3) -> heatmaps (19, h, w)


def ours(backend: Backend) -> Engine:
    return lambda frame: backend.infer(frame)[0].heatmaps


def plain_onnxruntime(network: MobilenetThin, threads: int) -> Engine:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = to_onnx(network).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda frame: session.run(["heatmaps"], {"image": frame})[0][0]


def opencv(graph: Path, threads: int) -> Engine:
    cv2.setNumThreads(threads)
    network = cv2.dnn.readNetFromTensorflow(str(graph))

    def run(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        network.setInput(cv2.dnn.blobFromImage(frame[0]))
        return network.forward()[0, :19]

    return run


def torch_eager(network: MobilenetThin, precision: str, threads: int) -> Engine:
    backend = load_backend(device="cpu")
    eager = TorchBackend(
        copy.deepcopy(network), backend.layout, backend.model, Device("cpu"), precision, Sharing(threads, 1)
    )

    def run(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch.set_num_threads(threads)  # another backend may have set its own
        return eager.infer(frame)[0].heatmaps

    return run


def openvino(network: MobilenetThin, hint: str, threads: int) -> Engine:
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(to_onnx(network).SerializeToString()), "CPU", settings)
    return lambda frame: np.array(compiled({"image": frame})["heatmaps"][0])


def in_flight(backend: Backend, pool: ThreadPoolExecutor, frame: NDArray[np.uint8]) -> Callable[[], object]:
    """Enough frames at once to keep all of them busy."""
    return lambda: list(pool.map(backend.infer, [frame] * (2 * backend.in_flight)))


def measure(size: NetSize, image: NDArray[np.uint8], threads: int, rounds: int) -> list[dict[str, object]]:
    graph = assets.fetch(assets.MOBILENET_THIN_GRAPH)
    network = MobilenetThin().eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(graph).items()})
    frame = letterbox(image, size)[0][None]

    float32 = load_backend(device="cpu", threads=threads)
    one_by_one = load_backend(device="cpu", threads=threads, in_flight=1)
    bfloat16 = load_backend(device="cpu", threads=threads, precision="bfloat16")
    engines: dict[str, Engine] = {
        "onnxruntime, plain conversion": plain_onnxruntime(network, threads),
        "OpenCV DNN, original graph": opencv(graph, threads),
        "torch eager": torch_eager(network, "float32", threads),
        "torch eager, bfloat16": torch_eager(network, "bfloat16", threads),
    }
    if importlib.util.find_spec("openvino") is not None:
        engines["OpenVINO, plain conversion"] = openvino(network, "f32", threads)
        engines["OpenVINO, bfloat16"] = openvino(network, "bf16", threads)

    reference = engines["onnxruntime, plain conversion"](frame)
    own = {
        OURS: float32,
        "posescribe, one by one": one_by_one,
        f"posescribe bfloat16 ({bfloat16.runtime}), in flight": bfloat16,
    }
    differs = {name: np.abs(run(frame) - reference).max() for name, run in engines.items()}
    differs |= {name: np.abs(ours(backend)(frame) - reference).max() for name, backend in own.items()}
    with ThreadPoolExecutor(max(backend.in_flight for backend in own.values())) as pool:
        runs = {name: in_flight(backend, pool, frame) for name, backend in own.items()}
        runs |= {name: lambda run=run: run(frame) for name, run in engines.items()}
        seconds = interleave(runs, rounds)
    for name, backend in own.items():
        seconds[name] = [value / (2 * backend.in_flight) for value in seconds[name]]
    case = f"{size.width}x{size.height}"
    return [row | {"differs": float(differs[row["engine"]])} for row in rows_of(case, seconds, ratio_to=OURS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, few rounds")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--threads", type=int, default=available_cores(), help="CPU threads (all cores)")
    arguments = parser.parse_args()

    video = cv2.VideoCapture(str(assets.fetch(assets.SAMPLE_VIDEO)))
    video.set(cv2.CAP_PROP_POS_FRAMES, 80)
    image = video.read()[1]
    video.release()
    sizes = [NetSize(368, 656)] if arguments.quick else [NetSize(368, 432), NetSize(368, 656)]
    rows = []
    print(f"{machine()}; {arguments.threads} threads\n")
    for size in sizes:
        rows += measure(size, image, arguments.threads, rounds=3 if arguments.quick else 15)
    columns = {"case": "", "engine": "", "median_ms": ".1f", "ratio": ".2f", "differs": ".1e"}
    print_table(rows, columns)
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
