"""`posescribe models` and `posescribe info`: what is there, out of sources that the commands don't use themselves."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sqlite3
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from behavior.cli import main
from behavior.pipeline.models import locate
from pose.networks.lightweight_openpose import LightweightOpenpose
from pose.networks.mobilenet_thin import MobilenetThin
from pose.weights import assets
from pose.weights.assets import Asset
from pose.weights.zoo import NETWORKS, _Weights, load_backend
from storage import open_database

SHIPPED = Path(__file__).parents[2] / "behavior" / "models" / "default"
ALWAYS = [
    ("movenet_multipose", "pose"), ("mobilenet_thin", "pose"), ("movenet_fields", "pose"),
    ("movenet_thunder", "refiner"), ("mediapipe_hand", "hand"), ("mediapipe_face", "face"), ("mediapipe_iris", "iris"),
    ("default", "actions"),
]  # fmt: skip
"""Name and kind of each model that is there without an import."""


@pytest.fixture(autouse=True)
def cache(fetched_weights: dict[Asset, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, with the networks' weights in it."""
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    for asset, file in fetched_weights.items():
        path = assets.cached_path(asset)
        path.parent.mkdir(parents=True)
        shutil.copy(file, path)
    return tmp_path / "cache"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network's weights, untrained."""
    save_file(MobilenetThin().state_dict(), tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


@pytest.fixture
def trained(network: Path, tmp_path: Path) -> Path:
    """A folder as `train-pose` leaves it."""
    folder = tmp_path / "trained"
    (folder / "training").mkdir(parents=True)
    (folder / "training" / "checkpoint.safetensors").write_bytes(b"large")
    (folder / "README.md").write_text("mine")
    shutil.copy(network, folder / "network.safetensors")
    card = {"network": "mobilenet_thin", "licence": "own", "sha256": assets.digest(network)}
    card |= {"figures": {"ap": 0.5}, "data": {"held_out": "some"}}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def asked(command: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command says as JSON."""
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    assert main(command) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    return line


def test_list_has_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    models = asked(["models", "list"], capsys)["models"]
    assert [(model["name"], model["kind"]) for model in models] == ALWAYS
    *networks, actions = models
    for network in networks:
        assert network["sha256"] == hashlib.sha256(Path(network["cached"]).read_bytes()).hexdigest()
    thin = next(network for network in networks if network["name"] == "mobilenet_thin")
    assert thin["parameters"] == sum(p.numel() for p in MobilenetThin().parameters())
    assert actions["sha256"] == hashlib.sha256((SHIPPED / "model.json").read_bytes()).hexdigest()
    header = json.loads((SHIPPED / "model.json").read_text())
    assert (actions["classes"], actions["licence"]) == (header["classes"], header["licence"])
    assert f"{header['figures']['clean']['claims_right']:.1%} of claims right" in actions["accuracy"]
    for command in (["models"], ["models", "list"]):
        assert main(command) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [tuple(line.split()[:2]) for line in lines] == ALWAYS


def test_show_tells_what_list_tells(capsys: pytest.CaptureFixture[str]) -> None:
    for model in asked(["models", "list"], capsys)["models"]:
        assert asked(["models", "show", model["name"]], capsys) == model
        assert main(["models", "show", model["name"]]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(model)


def test_fetch_says_where_the_weights_are(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for names, expected in (([], NETWORKS), (["mobilenet_thin"], ["mobilenet_thin"])):
        assert main(["models", "fetch", *names]) == 0
        told = capsys.readouterr()
        assert told.out == ""
        paths = dict(zip(expected, map(Path, told.err.splitlines()), strict=True))
        assert paths["mobilenet_thin"].is_relative_to(cache)
        for name, path in paths.items():
            assert assets.digest(path) == NETWORKS[name].weights.member_sha256
    assert "unknown network 'default'; choose from movenet_" in refused(["models", "fetch", "default"], capsys)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_an_imported_action_model_is_a_copy(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = shutil.copytree(SHIPPED, tmp_path / "given")
    if form == "zip":
        given = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", given))
    assert main(["models", "import", str(given), "--name", "ours"]) == 0
    shutil.rmtree(tmp_path / "given")
    given.unlink(missing_ok=True)
    shown, default = (asked(["models", "show", name], capsys) for name in ("ours", "default"))
    assert shown == {**default, "name": "ours"}
    assert asked(["models", "list"], capsys)["models"][len(ALWAYS) :] == [shown]
    told = refused(["models", "import", str(SHIPPED), "--name", "ours"], capsys)
    assert "there is a model 'ours' already" in told


def test_an_imported_network_runs_by_its_name(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = network.read_bytes()
    sha256, size = hashlib.sha256(content).hexdigest(), f"{len(content) / 1e6:.1f} MB"
    assert main(["models", "import", str(network), "--name", "own.net"]) == 0
    network.unlink()
    shown = asked(["models", "show", "own.net"], capsys)
    assert (shown["kind"], shown["sha256"], shown["size"]) == ("pose", sha256, size)
    assert asked(["models", "list"], capsys)["models"][len(ALWAYS) :] == [shown]
    image = tmp_path / "grey.png"
    cv2.imwrite(str(image), np.full((64, 64, 3), 90, dtype=np.uint8))
    done = asked(["pose", str(image), "--out", str(tmp_path / "out"), "--model", "own.net", "--net-size", "64"], capsys)
    assert (done["model"], done["frames"]) == ("own.net", 1)


def test_a_licence_is_named_where_the_file_has_none(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a state dict, and of an ONNX file that lost its properties; whose licence is known keeps it."""
    thunder = _Weights.find("movenet_thunder", None).onnx_file("float32", False)
    model = onnx.load(str(thunder))
    kept = [entry for entry in model.metadata_props if entry.key != "licence"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, str(tmp_path / "bare.onnx"))
    for number, (file, said) in enumerate(
        ((network, "parity was not checked: the file holds weights alone"), (tmp_path / "bare.onnx", "onnxruntime "))
    ):
        name = f"own{number}"
        assert main(["models", "import", str(file), "--name", name, "--licence", "CC-BY-4.0"]) == 0
        told = capsys.readouterr().err
        assert said in told
        assert "licence: CC-BY-4.0" in told
        assert asked(["models", "show", name], capsys)["licence"] == "CC-BY-4.0"
        assert (
            load_backend(name if number == 0 else str(locate(name)), role=None, device="cpu").model.licence
            == "CC-BY-4.0"
        )
    told = refused(["models", "import", str(thunder), "--name", "c", "--licence", "MIT"], capsys)
    assert "its licence is Apache-2.0; leave --licence out" in told


def test_a_frozen_graph_is_run_beside_the_definition(capsys: pytest.CaptureFixture[str]) -> None:
    graph = NETWORKS["mobilenet_thin"].find()
    assert main(["models", "import", str(graph), "--name", "thin"]) == 0
    told = capsys.readouterr().err
    found = re.search(r"OpenCV \S+ and mobilenet_thin as defined here differ by (\S+) at most, of values up to 1", told)
    assert found is not None or "parity was not checked: OpenCV" in told
    assert found is None or float(found[1]) < 1e-4


def test_show_takes_the_file_that_tells_of_a_folder(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(["models", "show", str(trained / "card.json")], capsys)["kind"] == "pose"
    assert asked(["models", "show", str(SHIPPED / "model.json")], capsys)["kind"] == "actions"
    (trained / "model.json").write_text('{"weightsManifest": []}')
    assert "a model of TensorFlow.js" in refused(["models", "show", str(trained / "model.json")], capsys)


@pytest.mark.parametrize(
    "wrong",
    [
        {"figures": None},
        {"data": None},
        {"figures": {"ap": "high"}, "data": {"held_out": "some"}},
    ],
)
def test_a_card_of_another_form_does_not_hide_the_other_models(
    wrong: dict[str, Any], trained: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "import", str(trained), "--name", "mine"]) == 0
    kept = cache / "models" / "mine" / "card.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | wrong))
    *others, last = asked(["models", "list"], capsys)["models"]
    assert [(model["name"], model["kind"]) for model in others] == ALWAYS
    assert (last["name"], last["kind"]) == ("mine", "damaged")
    assert "card.json: not a card of a network of ours" in last["error"]


def test_of_a_trained_folder_the_model_alone_is_imported(
    trained: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "import", str(trained), "--name", "mine"]) == 0
    kept = [path.name for path in (cache / "models" / "mine").rglob("*")]
    assert sorted(kept) == ["README.md", "card.json", "network.safetensors"]
    assert asked(["models", "show", "mine"], capsys)["accuracy"] == "0.500 AP (some)"


def test_an_imported_refiner_is_one_and_finds_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "import", str(NETWORKS["movenet_thunder"].find()), "--name", "ours"]) == 0
    assert asked(["models", "show", "ours"], capsys)["kind"] == "refiner"
    image = tmp_path / "grey.png"
    cv2.imwrite(str(image), np.full((64, 64, 3), 90, dtype=np.uint8))
    for model in ("ours", "movenet_thunder"):
        told = refused(["pose", str(image), "--out", str(tmp_path / "out"), "--model", model], capsys)
        assert "give it as --refine, and --model movenet_multipose or mobilenet_thin or movenet_fields" in told


def test_a_checkpoint_is_imported_under_its_networks_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its batch normalisation, which here changes nothing, is folded; what runs knows the file it came from."""
    network = LightweightOpenpose()
    state = network.state_dict()
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Identity):
            before = f"{name.rpartition('.')[0]}.{int(name.rpartition('.')[2]) - 1}"
            n = len(state[f"{before}.bias"])
            state |= {f"{name}.{kind}": torch.zeros(n) for kind in ("bias", "running_mean")}
            state |= {f"{name}.weight": torch.ones(n), f"{name}.running_var": torch.full((n,), 1 - 1e-5)}
    file = tmp_path / "checkpoint_iter_1.pth"
    torch.save({"state_dict": state}, file)
    assert main(["models", "import", str(file)]) == 0
    said = capsys.readouterr().err
    assert "lightweight_openpose: weights of lightweight_openpose; licence: Apache-2.0" in said
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    file.unlink()
    shown = asked(["models", "show", "lightweight_openpose"], capsys)
    assert (shown["kind"], shown["sha256"], shown["source"]) == ("pose", sha256, file.name)
    assert shown["licence"] == "Apache-2.0"
    assert shown["parameters"] == sum(value.numel() for value in network.parameters())
    assert asked(["models", "list"], capsys)["models"][len(ALWAYS) :] == [shown]
    backend = load_backend("lightweight_openpose", device="cpu", threads=1)
    assert (backend.model.name, backend.model.sha256) == ("lightweight_openpose", sha256)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 80, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected, _ = network.eval()(torch.from_numpy(image).permute(0, 3, 1, 2).float())
    np.testing.assert_allclose(backend.infer(image)[0].heatmaps, expected[0].numpy(), atol=1e-5)


def test_a_network_without_weights_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = asked(["models", "show", "openpose_body_25"], capsys)
    assert shown["licence"] == "OpenPose licence: academic or non-profit, non-commercial use only"
    assert "not imported: get pose_iter_584000.caffemodel" in shown["cached"]
    assert (shown["parameters"], shown["counted_at"]) == (26_166_084, "656×368")
    assert shown["receptive_field"] == {"heatmaps": 1556, "pafs": 1076}
    assert len(shown["joints"]) == 25
    for command in (["pose", "x.png", "--out", str(tmp_path), "--model"], ["models", "show"]):
        done = main([*command, "openpose_body_25"])
        told = capsys.readouterr().err
        assert (done == 0) == (command[0] == "models")
        assert done == 0 or "openpose_body_25: its weights are not imported; get pose_iter_584000.caffemodel" in told


def test_a_file_of_tensorflow_lite_is_there_already_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = shutil.copy(NETWORKS["mediapipe_hand"].find(), tmp_path / "x.tflite")
    other = tmp_path / "other.tflite"
    other.write_bytes(b"\0\0\0\0TFL3")
    for command in (["import"], ["import", "--name", "mine"], ["show"]):
        told = refused(["models", *command, str(known)], capsys)
        assert told.endswith(
            "x.tflite: is mediapipe_hand, which is there already under that name; there is nothing to import"
        )
        told = refused(["models", *command, str(other)], capsys)
        assert "only mediapipe_hand, mediapipe_face, mediapipe_iris are known, and need no import" in told
    assert "gone.tflite: no such file" in refused(["models", "import", str(tmp_path / "gone.tflite")], capsys)


def test_show_says_that_a_foreign_file_is_imported_first(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x.caffemodel", "x.pth"):
        assert "once `posescribe models import` has converted it" in refused(["models", "show", name], capsys)


def test_a_networks_name_is_for_that_network(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (network, SHIPPED):
        told = refused(["models", "import", str(file), "--name", "openpose_coco"], capsys)
        assert "'openpose_coco' is the name of another network; choose another --name" in told
        assert main(["models", "import", str(file)]) == 2
        assert "say what to call it" in capsys.readouterr().err


def test_convert_writes_the_same_file_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.json", tmp_path / "made" / "net.safetensors"
    assert "model.json: cannot be read" in refused(["models", "convert", str(model), "--out", str(out)], capsys)
    model.write_text('{"weightsManifest": []}')
    assert "no weight Conv1/" in refused(["models", "convert", str(model), "--out", str(out)], capsys)
    assert not out.exists()
    assert main(["models", "convert", str(model), "--out", "net.onnx"]) == 2
    assert "expected a file that ends in .safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["multipose", "thunder"])
def test_convert_makes_what_is_shipped(
    name: str, npm_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "net.safetensors"
    assert main(["models", "convert", str(npm_models / f"movenet-{name}.json"), "--out", str(out)]) == 0
    assert capsys.readouterr().err.splitlines() == [str(out)]
    assert assets.digest(out) == NETWORKS[f"movenet_{name}"].weights.member_sha256


@pytest.mark.parametrize(
    "name",
    ["default", "mobilenet_thin", "movenet_thunder", "none", "", ".", "..", ".hidden", "a/b", "../b", "red\x1b[31m"],
)
def test_names_that_no_model_can_have(name: str, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "can't be the name of a model" in refused(["models", "import", str(SHIPPED), "--name", name], capsys)
    assert not (cache / "models").exists()


def links(folder: Path) -> Path:
    model = shutil.copytree(SHIPPED, folder / "model")
    (model / "notes.txt").symlink_to(folder / "elsewhere")
    return model


def text(folder: Path) -> Path:
    (folder / "model.txt").write_text("hello")
    return folder / "model.txt"


def no_network(folder: Path) -> Path:
    (folder / "net.onnx").write_text("hello")
    return folder / "net.onnx"


def folder_of_network_name(folder: Path) -> Path:
    (folder / "net.onnx").mkdir()
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (links, "holds links to files elsewhere"),
        (text, "expected a folder or zip with model.json"),
        (no_network, "net.onnx"),
        (folder_of_network_name, "net.onnx: no such file"),
        (lambda folder: folder, "no action model there"),
        (lambda folder: folder / "gone", "no action model there"),
        (lambda folder: folder / "gone.pb", "gone.pb: no such file"),
    ],
)
def test_what_is_no_model_is_not_imported(
    make: Any, said: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(["models", "import", str(make(tmp_path)), "--name", "ours"], capsys)
    assert not (cache / "models").exists()


def test_a_damaged_model_does_not_hide_the_others(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert main(["models", "import", str(SHIPPED), "--name", name]) == 0
    (cache / "models" / "a" / "weights.safetensors").write_bytes(b"")
    (cache / "models" / ".importing-1").mkdir()
    models = asked(["models", "list"], capsys)["models"]
    imported = models[len(ALWAYS) :]
    assert [(model["name"], model["kind"]) for model in imported] == [("a", "damaged"), ("b", "actions")]
    assert "weights.safetensors is damaged" in imported[0]["error"]
    assert main(["models"]) == 0
    assert "weights.safetensors is damaged" in capsys.readouterr().out
    assert "weights.safetensors is damaged" in refused(["models", "show", "a"], capsys)


def test_info_says_what_is_here(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = asked(["info"], capsys)
    assert known["posescribe"] == version("posescribe")
    assert known["python"] == platform.python_version()
    modules = {"torch": "torch", "opencv-python": "cv2", "av": "av", "scikit-learn": "sklearn", "pandas": "pandas"}
    for package, module in modules.items():
        assert known["packages"][package].startswith(import_module(module).__version__)
    assert known["device"] == load_backend(threads=1).device
    assert known["device"] in known["devices"]
    assert known["devices"][0] == "cpu"
    if torch.version.cuda:
        assert len(known["devices"]) == 1 + torch.cuda.device_count()
    assert Path(known["cache"]) == cache
    open_database(tmp_path / "new.db").close()
    with sqlite3.connect(tmp_path / "new.db") as database:
        assert database.execute("SELECT count(*) FROM posescribe_migration").fetchone() == (known["schema"],)
    database.close()
    assert main(["info"]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(told) == list(known)
    assert (told["cache"], told["devices"]) == (str(cache), ", ".join(known["devices"]))


def test_info_of_one_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(["info", "--device", "cpu"], capsys)["device"] == "cpu"
    assert "cuda:77" in refused(["info", "--device", "cuda:77"], capsys)
