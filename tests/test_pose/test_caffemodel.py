"""Files of exactly the published layout with random weights: read back, told when damaged, and the same layer by layer
in OpenCV 4's own reader of Caffe's files."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import fx, nn

from pose.errors import ModelError
from pose.networks.layers import Affine, CenterMap, LayerTracer, convolutions
from pose.weights.caffemodel import layer_of, read_layers, state_dict
from pose.weights.entries import IMPORTABLE, NetworkEntry
from pose.weights.imported import best_match, convert, shapes_of

CAFFE = [entry for entry in IMPORTABLE.values() if entry.weights.file.endswith(".caffemodel")]


def varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def four_axes(shape: tuple[int, ...]) -> bytes:
    return b"".join(field(number, size) for number, size in enumerate((1,) * (4 - len(shape)) + shape, start=1))


def packed_shape(shape: tuple[int, ...]) -> bytes:
    return field(7, field(1, b"".join(varint(size) for size in shape)))


def unpacked_shape(shape: tuple[int, ...]) -> bytes:
    return field(7, b"".join(field(1, size) for size in shape))


def one_by_one(value: NDArray[np.float32]) -> bytes:
    return b"".join(varint(5 << 3 | 5) + number.tobytes() for number in value.ravel())


Blob = Callable[[NDArray[np.float32]], bytes]
BLOBS: dict[str, Blob] = {
    "shape": lambda value: packed_shape(value.shape) + field(5, value.tobytes()),
    "four axes": lambda value: four_axes(value.shape) + field(5, value.tobytes()),
    "double": lambda value: unpacked_shape(value.shape) + field(8, value.astype("<f8").tobytes()),
    "one by one": lambda value: one_by_one(value) + unpacked_shape(value.shape),
}


def layer(name: str, blobs: Iterable[bytes], old: bool, kind: str = "Convolution") -> bytes:
    """One layer of a NetParameter as Caffe writes it, in the form of before 2015 or after."""
    if old:
        assert kind == "Convolution"
        named = field(2, b"bottom") + field(4, name.encode()) + field(5, 4)
        return field(2, named + b"".join(field(6, blob) for blob in blobs))
    named = field(1, name.encode()) + field(2, kind.encode()) + field(3, b"bottom")
    return field(100, named + b"".join(field(7, blob) for blob in blobs))


def caffemodel(network: nn.Module, old: bool = False, blob: Blob = BLOBS["shape"]) -> bytes:
    """A network's weights as Caffe writes them, with a layer that has none."""
    state: dict[str, list[NDArray[np.float32]]] = {}
    kinds = {}
    for name, value in network.state_dict().items():
        called = layer_of(name)[0]
        state.setdefault(called, []).append(value.numpy())
        kinds[called] = "PReLU" if isinstance(network.get_submodule(name.rpartition(".")[0]), nn.PReLU) else None
    relu = field(2, field(4, b"relu") + field(5, 18)) if old else field(100, field(1, b"relu") + field(2, b"ReLU"))
    content = [field(1, b"a network"), relu]
    for called, blobs in state.items():
        content.append(layer(called, map(blob, blobs), old, kinds[called] or "Convolution"))
    return b"".join(content)


def randomised(network: nn.Module) -> nn.Module:
    """Weights under which values neither die out nor blow up."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.5, 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture
def small() -> nn.Module:
    return randomised(convolutions(3, [("conv1_1", 4, 3), ("Mconv7_stage2_L1", 2, 1)], nn.PReLU, bare=True))


@pytest.fixture
def plain() -> nn.Module:
    """Without PReLU, which files of before 2015 don't have."""
    return randomised(convolutions(3, [("conv1_1", 4, 3), ("Mconv7_stage2_L1", 2, 1)], bare=True))


@pytest.mark.parametrize("form", BLOBS)
@pytest.mark.parametrize("old", [False, True])
def test_weights_come_back_out_of_each_form(form: str, old: bool, small: Any, plain: Any, tmp_path: Path) -> None:
    network = plain if old else small
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(network, old, BLOBS[form]))
    layers = read_layers(tmp_path / "net.caffemodel")
    assert list(layers) == list(dict.fromkeys(layer_of(name)[0] for name in network.state_dict()))
    found = state_dict(layers, shapes_of(network))
    for name, value in network.state_dict().items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value.numpy())


def told(network: nn.Module, content: bytes, folder: Path) -> str:
    """The one line about a file that is not what it should be."""
    (folder / "net.caffemodel").write_bytes(content)
    with pytest.raises((ModelError, ValueError)) as caught:
        state_dict(read_layers(folder / "net.caffemodel"), shapes_of(network))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_told(share: float, small: nn.Module, tmp_path: Path) -> None:
    content = caffemodel(small)
    line = told(small, content[: int(len(content) * share)], tmp_path)
    assert "net.caffemodel: expected a .caffemodel; it is damaged or of another kind" in line


def test_the_first_difference_is_named(small: nn.Module, tmp_path: Path) -> None:
    other = randomised(convolutions(3, [("conv1_1", 4, 5), ("Mconv7_stage2_L1", 2, 1)], nn.PReLU, bare=True))
    assert told(small, caffemodel(other), tmp_path) == (
        "layer conv1_1: expected a weight of shape (4, 3, 3, 3), found (4, 3, 5, 5)"
    )
    content = caffemodel(small)
    assert told(small, content.replace(b"prelu1_1", b"prelu1_2"), tmp_path) == (
        "layer prelu1_1: expected a weight of shape (4,), found no such layer"
    )
    weight = small.state_dict()["conv1_1.weight"].numpy()
    alone = layer("conv1_1", [BLOBS["shape"](weight)], old=False)
    assert told(small, alone, tmp_path) == "layer conv1_1: expected a bias of shape (4,), found none"
    wrong = field(5, weight.tobytes()) + packed_shape((4, 3, 3, 4))
    assert "layer conv1_1 has 108 numbers for the shape (4, 3, 3, 4)" in told(
        small, layer("conv1_1", [wrong], old=False), tmp_path
    )
    with torch.no_grad():
        small.get_submodule("conv1_1").weight[0, 0, 0, 0] = float("nan")
    assert "layer conv1_1: its weight holds NaN or infinity" in told(small, caffemodel(small), tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.caffemodel: cannot be read"):
        read_layers(tmp_path / "none.caffemodel")
    with pytest.raises(ModelError, match=r"none\.caffemodel: no such file"):
        convert(tmp_path / "none.caffemodel")


@given(content=st.binary(max_size=200), number=st.sampled_from((2, 100)))
def test_any_bytes_are_layers_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, number: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.caffemodel"
    for data in (content, field(number, content), field(number, field(4, b"x") + field(1, b"x") + field(7, content))):
        path.write_bytes(data)
        with contextlib.suppress(ModelError):
            read_layers(path)


@pytest.mark.parametrize("entry", CAFFE, ids=lambda entry: entry.name)
def test_a_network_is_known_by_its_layers(entry: NetworkEntry) -> None:
    """Also when one is missing, and when there are others."""
    found = {".".join(layer_of(name)): shape for name, shape in shapes_of(entry.build(empty=True)).items()}
    missing = dict([*found.items()][:-1])
    for shapes in (found, missing, found | {"loss.weight": (3,)}):
        assert best_match(shapes, CAFFE, lambda name: ".".join(layer_of(name))) is entry


def test_a_file_of_no_network_is_told(small: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "net.caffemodel"
    file.write_bytes(caffemodel(small))
    with pytest.raises(ModelError, match=r"net\.caffemodel: holds no network that is known; expected openpose_coco, "):
        convert(file)
    vgg = [("conv1_1", 64, 3), ("conv1_2", 64, 3)]
    file.write_bytes(caffemodel(convolutions(3, [*vgg, ("conv4_7_CPM", 128, 3)])))
    with pytest.raises(ModelError, match=r"most like \w+, but layer conv2_1: expected a weight of shape \(128, 64, 3"):
        convert(file)


@pytest.mark.slow
def test_a_file_goes_from_import_to_keypoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 MB of random BODY_25: imported, named with its licence, run by its name; a picture of nobody."""
    from behavior.cli import main

    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "pose_iter_584000.caffemodel"
    file.write_bytes(caffemodel(randomised(IMPORTABLE["openpose_body_25"].build())))
    assert main(["models", "import", str(file)]) == 0
    assert "openpose_body_25; licence: OpenPose licence: " in capsys.readouterr().err
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((96, 128, 3), 90, dtype=np.uint8))
    command = ["pose", str(tmp_path / "grey.png"), "--out", str(tmp_path / "out"), "--model", "openpose_body_25"]
    assert main([*command, "--refine", "none", "--net-size", "64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "openpose_body_25"


# What follows compares with OpenCV 4, whose successor has no reader of Caffe's files any more.

READ_IN_OPENCV = """
import sys, cv2, numpy as np
prototxt, weights, source, target = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, weights)
net.setInput(np.load(source))
names = [name for name in net.getLayerNames() if name != "_input"]
np.savez(target, **dict(zip(names, net.forward(names))))
"""


@pytest.fixture(scope="module")
def opencv_4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment of its own that has OpenCV 4."""
    folder = tmp_path_factory.mktemp("opencv")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [python, "-m", "pip", "install", "--quiet", "opencv-python-headless>=4.10,<5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip can't install OpenCV 4 here: {done.stderr.strip().splitlines()[-1]}")
    return python


def prototxt(trace: fx.Graph, modules: dict[str, nn.Module], size: tuple[int, int]) -> tuple[str, dict[str, fx.Node]]:
    """A deploy prototxt of a network's layers, under their published names; and which node of the trace each is."""
    centered = any(isinstance(module, CenterMap) for module in modules.values())
    dims = (1, 3 + centered, *size)
    text = ['input: "data"', *(f"input_dim: {dim}" for dim in dims)]
    names: dict[fx.Node, str] = {}
    nodes: dict[str, fx.Node] = {}

    def add(kind: str, name: str, sources: list[str], targets: list[str], *parameters: str) -> None:
        ends = [*(f'bottom: "{source}"' for source in sources), *(f'top: "{target}"' for target in targets)]
        text.append(f'layer {{ name: "{name}" type: "{kind}" {" ".join([*ends, *parameters])} }}')

    if centered:
        add("Slice", "image", ["data"], ["image", "center_map"], "slice_param { slice_point: 3 axis: 1 }")
        pool = "pooling_param { pool: AVE kernel_size: 9 stride: 8 }"
        add("Pooling", "pool_center_lower", ["center_map"], ["pool_center_lower"], pool)
    for node in trace.nodes:
        sources = [names[source] for source in node.all_input_nodes if node.op != "output"]
        name = str(node.target).rpartition(".")[2] if node.op == "call_module" else node.name
        match modules.get(str(node.target)):
            case None if node.op == "call_function" and node.target is torch.cat:
                add("Concat", name, sources, [name], "concat_param { axis: 1 }")
            case None:
                names[node] = "image" if centered else "data"
                continue
            case Affine():
                names[node] = sources[0]
                continue
            case CenterMap():
                name = "pool_center_lower"
            case nn.Conv2d() as module:
                values = {"num_output": module.out_channels, "pad": module.padding[0]}
                values |= {"kernel_size": module.kernel_size[0]}
                parameter = " ".join(f"{key}: {value}" for key, value in values.items())
                add("Convolution", name, sources, [name], f"convolution_param {{ {parameter} }}")
            case nn.MaxPool2d() as module:
                sizes = f"kernel_size: {module.kernel_size} stride: {module.stride}"
                add("Pooling", name, sources, [name], f"pooling_param {{ pool: MAX {sizes} }}")
            case module:
                add(type(module).__name__, name, sources, [name])
        names[node] = name
        nodes[name] = node
    return "\n".join(text), nodes


class Recorder(fx.Interpreter):
    """Keeps the value of every node."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[fx.Node, NDArray[np.float32]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            self.values[n] = value.detach().numpy()
        return value


def center_map(height: int, width: int) -> NDArray[np.float32]:
    """A Gaussian of 21 pixels around the middle."""
    rows, columns = np.mgrid[:height, :width]
    squares = (rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2
    return np.exp(-squares / (2 * 21**2)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("entry", CAFFE, ids=lambda entry: entry.name)
def test_opencv_gives_the_same_layer_by_layer(entry: NetworkEntry, opencv_4: Path, tmp_path: Path) -> None:
    network = randomised(entry.build())
    old = entry.name in ("openpose_mpi", "cpm_flic")  # the file's form has nothing to do with the network
    trace = LayerTracer().trace(network)
    size = (64, 96)
    text, nodes = prototxt(trace, dict(network.named_modules()), size)
    (tmp_path / "deploy.prototxt").write_text(text)
    image = np.random.default_rng(0).integers(0, 256, (3, *size)).astype(np.float32)
    data = np.concatenate([image / 256 - 0.5, center_map(*size)[None]])[None]
    np.save(tmp_path / "data.npy", data if "pool_center_lower" in nodes else data[:, :3])
    forms = {"new": (False, "shape")} | ({"old": (True, "four axes")} if old else {})
    for form, (is_old, blob) in forms.items():
        file = tmp_path / f"{form}.caffemodel"
        file.write_bytes(caffemodel(network, is_old, BLOBS[blob]))
        known, state = convert(file)
        assert known is entry
        imported = entry.build()
        imported.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
        recorder = Recorder(fx.GraphModule(imported.eval(), trace))
        recorder.run(torch.from_numpy(image)[None])
        command = [opencv_4, "-c", READ_IN_OPENCV, "deploy.prototxt", file.name, "data.npy", f"{form}.npz"]
        subprocess.run(command, cwd=tmp_path, check=True)
        expected = np.load(tmp_path / f"{form}.npz")
        assert set(nodes) <= set(expected)
        differences = {}
        for name, node in nodes.items():
            found = recorder.values[node]
            assert found.shape == expected[name].shape, name
            differences[name] = float(np.abs(found - expected[name]).max() / np.abs(expected[name]).max())
        worst = max(differences, key=differences.__getitem__)
        print(json.dumps({"network": entry.name, "form": form, "layers": len(nodes), worst: differences[worst]}))
        assert differences[worst] < 1e-4, worst
        file.unlink()
