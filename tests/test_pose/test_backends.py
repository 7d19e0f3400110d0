from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from pose.backends.base import Backend, Device, ModelInfo, Precision, Sharing, to_maps
from pose.backends.onnx_backend import OnnxBackend, gpu_count
from pose.errors import DeviceError, ModelError
from pose.maps import OPENPOSE_COCO, Maps
from pose.weights.zoo import NETWORKS, load_backend

INFO = ModelInfo("test", "0" * 64, "here", "MIT")


@pytest.fixture(scope="module")
def frame(sample_video: Path) -> NDArray[np.uint8]:
    video = cv2.VideoCapture(str(sample_video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 80)
    image = cv2.resize(video.read()[1], (328, 184), interpolation=cv2.INTER_AREA)
    video.release()
    return image


@pytest.fixture(scope="module")
def backend() -> Backend:
    return load_backend(device="cpu", threads=2)


def assert_close(found: Maps, expected: Maps, atol: float) -> None:
    np.testing.assert_allclose(found.heatmaps, expected.heatmaps, atol=atol)
    np.testing.assert_allclose(found.pafs, expected.pafs, atol=atol)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device("auto")),
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda")),
        ("cuda:3", Device("cuda", 3)),
        ("tensorrt", Device("tensorrt")),
    ],
)
def test_devices_are_read(text: str, device: Device) -> None:
    assert Device.parse(text) == device


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cpu:1", "CPU", "cuda:0 "])
def test_other_devices_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected device auto, cpu, cuda, cuda:N or tensorrt"):
        Device.parse(text)


@pytest.mark.parametrize("threads", range(1, 70))
def test_cores_are_shared_without_overbooking(threads: int) -> None:
    in_flight, each = Sharing(threads).resolve()
    assert 1 <= in_flight * each <= threads
    assert in_flight <= 8
    assert Sharing(threads, in_flight=1).resolve() == (1, threads)
    assert Sharing(threads, in_flight=200).resolve() == (200, 1)


def test_no_threads_or_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 thread, got 0"):
        Sharing(0)
    with pytest.raises(ValueError, match="at least 1 frame in flight, got 0"):
        Sharing(in_flight=0)


def test_says_what_runs(backend: Backend) -> None:
    assert backend.device == "cpu"
    assert backend.precision == "float32"
    assert backend.in_flight == 2
    assert backend.runtime.startswith("onnxruntime ")
    assert backend.layout is OPENPOSE_COCO


def test_gives_maps_of_every_image(backend: Backend, frame: NDArray[np.uint8]) -> None:
    batch = np.stack([frame, frame[:, ::-1], np.zeros_like(frame)])
    found = backend.infer(batch)
    assert [maps.heatmaps.shape for maps in found] == [(19, 23, 41)] * 3
    assert_close(found[1], backend.infer(batch[1:2])[0], atol=2e-5)
    assert found[2].heatmaps[:18].max() < 0.1  # nobody in a black picture


def test_many_threads_get_what_one_gets(backend: Backend, frame: NDArray[np.uint8]) -> None:
    batches = [np.roll(frame, 8 * i, axis=1)[None] for i in range(6)]
    expected = [backend.infer(batch)[0] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(backend.infer, batches), expected, strict=True):
            assert_close(found[0], alone, atol=1e-6)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((1, 3, 8, 8), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_refuses_other_batches(backend: Backend, batch: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected a batch of shape \(B, H, W, 3\) and dtype uint8"):
        backend.infer(batch)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_torch_gives_the_same(backend: Backend, frame: NDArray[np.uint8], precision: str, body_graph: Path) -> None:
    from pose.backends.torch_backend import TorchBackend
    from pose.networks.mobilenet_thin import MobilenetThin
    from pose.weights.export import streamline
    from pose.weights.graphdef import mobilenet_thin_weights

    torch = pytest.importorskip("torch")
    network = MobilenetThin()
    network.load_state_dict(
        {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(body_graph).items()}
    )
    ours = TorchBackend(streamline(network), OPENPOSE_COCO, INFO, Device("cpu"), precision, Sharing(2))
    assert (ours.device, ours.precision) == ("cpu", precision)
    assert_close(ours.infer(frame[None])[0], backend.infer(frame[None])[0], 1e-4 if precision == "float32" else 0.15)


@pytest.mark.parametrize("light", [False, True])
def test_bfloat16_spares_delicate_layers(light: bool) -> None:
    """Their weights are the float32 ones, not merely float32 numbers that were rounded before."""
    from pose.backends.torch_backend import TorchBackend
    from pose.networks.mobilenet_thin import LIGHT, MobilenetThin

    torch = pytest.importorskip("torch")
    network = MobilenetThin(LIGHT if light else None)
    spared = [p for layer in network.delicate_layers() for p in layer.parameters()]
    before = [p.clone() for p in spared]
    TorchBackend(network, OPENPOSE_COCO, INFO, Device("cpu"), "bfloat16", Sharing(1))
    assert all(torch.equal(p, b) for p, b in zip(spared, before, strict=True))
    rounded = sum(p.numel() for p in network.parameters() if p.dtype == torch.bfloat16)
    assert rounded > 0.9 * sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("precision", "atol"), [("float32", 1e-4), ("bfloat16", 0.15)])
def test_openvino_gives_the_same(
    backend: Backend, frame: NDArray[np.uint8], precision: Precision, atol: float, body_graph: Path
) -> None:
    pytest.importorskip("openvino")
    from pose.backends.openvino_backend import OpenvinoBackend

    load_backend(device="cpu")  # makes the file
    file = next(path for path in body_graph.parent.glob("network-float32-*.onnx"))
    ours = OpenvinoBackend(file, OPENPOSE_COCO, INFO, precision, Sharing(2))
    assert (ours.device, ours.in_flight) == ("cpu", 2)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(ours.infer, [frame[None]] * 4):
            assert_close(found[0], backend.infer(frame[None])[0], atol if ours.precision != "float32" else 1e-4)


def test_bfloat16_is_there_with_or_without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert load_backend(device="cpu", precision="bfloat16").runtime.startswith("torch ")


def test_an_output_that_is_no_number_is_told() -> None:
    heatmaps, pafs = np.zeros((1, 19, 2, 2), np.float32), np.zeros((1, 38, 2, 2), np.float32)
    assert len(to_maps({"heatmaps": heatmaps, "pafs": pafs}, OPENPOSE_COCO, INFO)) == 1
    for value in (np.nan, np.inf):
        broken = pafs.copy()
        broken[0, 3, 1, 1] = value
        with pytest.raises(ModelError, match="not finite"):
            to_maps({"heatmaps": heatmaps, "pafs": broken}, OPENPOSE_COCO, INFO)


@pytest.mark.parametrize("name", ["movenet_multipose", "movenet_thunder"])
def test_every_runtime_gives_the_maps_of_a_centre_network(
    name: str, frame: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = NETWORKS[name].layout
    batch = np.stack([frame[:160, :320], frame[24:184, 8:328]])

    def planes(**options: Any) -> tuple[str, list[dict[str, NDArray[np.float32]]]]:
        backend = load_backend(name, role=None, device="cpu", threads=2, **options)
        assert (backend.device, backend.layout) == ("cpu", layout)
        return backend.runtime, [{key: getattr(maps, key) for key in layout.outputs} for maps in backend.infer(batch)]

    runtime, expected = planes()
    assert runtime.startswith("onnxruntime ")
    assert all(maps["centers"].shape == (1, 40, 80) for maps in expected)
    found = dict([planes(precision="bfloat16")])  # OpenVINO if it is installed
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found |= dict([planes(precision="bfloat16")])
    assert any(runtime.startswith("torch ") for runtime in found)
    for maps in found.values():
        for image, other in zip(maps, expected, strict=True):
            for key in layout.outputs:
                assert np.abs(image[key] - other[key]).mean() < 0.03 * np.abs(other[key]).max()


@pytest.mark.parametrize("size", [(160, 330), (100, 320)])
def test_sizes_that_a_network_does_not_take_are_told(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"expected height and width that are multiples of 32, got \("):
        load_backend("movenet_multipose", device="cpu", threads=1).infer(np.zeros((1, *size, 3), np.uint8))


def write_network(path: Path, heatmaps: int = 19, pafs: int = 38, element: int = TensorProto.UINT8) -> Path:
    """The smallest network of the right form: every map is a strided copy of one colour."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "h"], ["heatmaps"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["pixels", "p"], ["pafs"], kernel_shape=[8, 8], strides=[8, 8]),
    ]
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, (n, 3, 8, 8), np.zeros(n * 192, np.float32))
        for name, n in (("h", heatmaps), ("p", pafs))
    ]
    image = helper.make_tensor_value_info("image", element, ["b", "h", "w", 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", n, "y", "x"])
        for name, n in (("heatmaps", heatmaps), ("pafs", pafs))
    ]
    graph = helper.make_graph(nodes, "test", [image], outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def open_network(path: Path) -> OnnxBackend:
    return OnnxBackend(path, OPENPOSE_COCO, INFO, Device("cpu"), Sharing(1))


def test_takes_any_file_of_the_right_form(tmp_path: Path) -> None:
    maps = open_network(write_network(tmp_path / "net.onnx")).infer(np.zeros((1, 16, 24, 3), np.uint8))[0]
    assert maps.pafs.shape == (38, 2, 3)


@pytest.mark.parametrize("wrong", [{"heatmaps": 26}, {"pafs": 52}, {"element": TensorProto.FLOAT}])
def test_other_channels_are_told(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ModelError, match=r"net\.onnx: expected a network with input image .* 19 and pafs with 38"):
        open_network(write_network(tmp_path / "net.onnx", **wrong))


@pytest.mark.parametrize("content", [b"", b"text, not a network", b"\x08\x09"])
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx"):
        open_network(tmp_path / "net.onnx")


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU here")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tensorrt"])
@pytest.mark.parametrize("precision", [None, "bfloat16"])
def test_an_absent_device_is_an_error_and_nothing_else_is_printed(
    device: str, precision: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceError, match=f"device {device}.*this machine has: cpu"):
        load_backend(device=device, precision=precision)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU here")
def test_auto_is_the_cpu_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    assert load_backend(threads=1).device == "cpu"
    assert capfd.readouterr() == ("", "")


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "atol"), [("float32", 2e-3), ("float16", 0.03)])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_cuda_equals_the_cpu(
    backend: Backend, frame: NDArray[np.uint8], precision: str, atol: float, batch_size: int
) -> None:
    cuda = load_backend(device="cuda", precision=precision)
    assert (cuda.device, cuda.precision) == ("cuda:0", precision)
    batch = np.stack([np.roll(frame, 8 * i, axis=1) for i in range(batch_size)])
    for found, expected in zip(cuda.infer(batch), backend.infer(batch), strict=True):
        assert_close(found, expected, atol)


@pytest.mark.gpu
def test_auto_takes_the_gpu() -> None:
    assert load_backend().device == "cuda:0"


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is Linux's")
def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    assert Sharing().resolve() == (3, 1)


@pytest.mark.parametrize(("domain", "words"), [("far.away", "cannot load it"), ("", "fails on a frame")])
def test_an_onnx_file_that_cannot_run(tmp_path: Path, domain: str, words: str) -> None:
    """Of operators that nobody has, and of shapes that come out wrong only when it runs."""
    kind = TensorProto
    sizes = onnx.numpy_helper.from_array(np.array([1, 19, 7, 11]), "sizes")
    nodes = [helper.make_node("Cast", ["image"], ["float"], to=kind.FLOAT)]
    if domain:
        nodes.append(helper.make_node("Joints", ["float"], ["heatmaps"], domain=domain))
    else:
        nodes.append(helper.make_node("Reshape", ["float", "sizes"], ["heatmaps"]))
    nodes.append(helper.make_node("Concat", ["heatmaps", "heatmaps"], ["pafs"], axis=1))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("image", kind.UINT8, ["b", "h", "w", 3])],
        [helper.make_tensor_value_info("heatmaps", kind.FLOAT, ["b", 19, "y", "x"]),
         helper.make_tensor_value_info("pafs", kind.FLOAT, ["b", 38, "y", "x"])],
        [sizes],
    )  # fmt: skip
    versions = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=versions)
    model.ir_version = 9
    helper.set_model_props(model, {"network": "mobilenet_thin"})
    onnx.save(model, tmp_path / "network.onnx")
    with pytest.raises(ModelError, match=words) as caught:
        load_backend(str(tmp_path / "network.onnx"), device="cpu").infer(np.zeros((1, 64, 64, 3), np.uint8))
    assert "\n" not in str(caught.value)
