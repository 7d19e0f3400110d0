"""The checkpoint of lightweight-openpose: folded, what may stand around it, what is refused."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pose.errors import ModelError
from pose.networks.lightweight_openpose import LightweightOpenpose
from pose.weights import assets
from pose.weights.checkpoint import read_checkpoint
from pose.weights.imported import convert, read_folder, write_folder


@pytest.fixture(scope="module")
def published() -> nn.Module:
    """The network as its authors train it: batch normalisation in its places, convolutions before it without bias but
    in the refinement stages."""
    network = LightweightOpenpose()
    torch.manual_seed(0)
    for name, layer in [*network.named_modules()]:
        parent, _, index = name.rpartition(".")
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            behind = dict(network.named_modules()).get(f"{parent}.{int(index) + 1}")
            if isinstance(behind, nn.Identity):
                normalisation = nn.BatchNorm2d(layer.out_channels)
                for value in (normalisation.weight, normalisation.running_var):
                    nn.init.uniform_(value, 0.5, 1.5)
                for value in (normalisation.bias, normalisation.running_mean):
                    nn.init.normal_(value, std=0.1)
                setattr(network.get_submodule(parent), str(int(index) + 1), normalisation)
                if name.startswith("model."):
                    layer.bias = None
    return network.eval().requires_grad_(False)


def checkpoint(published: nn.Module, prefix: str = "") -> dict[str, Any]:
    """As `train.py` saves it, with the stages that the published file has more than the network."""
    state: dict[str, Tensor] = {prefix + name: value for name, value in published.state_dict().items()}
    state[f"{prefix}refinement_stages.1.heatmaps.0.0.weight"] = torch.zeros(128, 128, 1, 1)
    optimiser = torch.optim.Adam([torch.zeros(3, requires_grad=True)])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [10, 20])
    states = {"optimizer": optimiser.state_dict(), "scheduler": scheduler.state_dict()}
    return {"state_dict": state, "iter": 370000, "current_epoch": 280, **states}


@pytest.mark.parametrize("form", ["whole", "module.", "state alone", "old"])
def test_the_folded_network_gives_the_same(form: str, published: nn.Module, tmp_path: Path) -> None:
    content = checkpoint(published, "module." if form == "module." else "")
    file = tmp_path / "net.pth"
    torch.save(
        content["state_dict"] if form == "state alone" else content,
        file,
        _use_new_zipfile_serialization=form != "old",
    )
    entry, state = convert(file)
    assert entry.name == "lightweight_openpose"
    network = LightweightOpenpose().eval()
    network.load_state_dict(state)
    image = torch.rand(1, 3, 64, 80) * 255
    with torch.inference_mode():
        for found, expected in zip(network(image), published(image), strict=True):
            assert expected.std() > 0.1
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_the_first_difference_is_named(published: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    for name, value, words in (
        ("model.3.1.running_var", None, r": expected a tensor of shape \(128,\), found none"),
        ("cpm.align.0.weight", torch.zeros(128, 256, 1, 1), r": .*\(128, 512, 1, 1\), found \(128, 256, 1, 1\)"),
        ("cpm.align.0.bias", torch.full((128,), torch.nan), ": holds NaN or infinity"),
        ("cpm.align.0.bias", torch.ones(128).to_sparse(), ": expected a dense tensor of floating point numbers"),
        ("cpm.align.0.bias", torch.ones(128, dtype=torch.complex64), ": expected a dense tensor"),
        ("cpm.align.0.bias", torch.ones(128, device="meta"), ": expected a dense tensor"),
    ):
        state = published.state_dict() | {name: value}
        torch.save({key: tensor for key, tensor in state.items() if tensor is not None}, file)
        with pytest.raises(ModelError, match=f"net.pt: most like lightweight_openpose, but {name}{words}"):
            convert(file)
    torch.save({"conv.weight": torch.zeros(3)}, file)
    with pytest.raises(ModelError, match=r"holds no network that is known; expected lightweight_openpose"):
        convert(file)


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("save", [torch.save, lambda value, file: file.write_bytes(pickle.dumps(value))])
def test_a_pickle_of_more_than_tensors_is_not_loaded(save: Any, tmp_path: Path) -> None:
    file, trap = tmp_path / "net.pth", tmp_path / "sprung"
    save({"state_dict": {"a": Trap(trap)}}, file)
    with pytest.raises(ModelError, match=r"net\.pth: expected a PyTorch checkpoint of tensors; .* could run any code"):
        read_checkpoint(file)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no zip", b"\x80\x02}q\x00."])
def test_other_files_are_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.pth: expected a PyTorch checkpoint") as caught:
        read_checkpoint(tmp_path / "net.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.6, 0.99])
def test_a_truncated_checkpoint_is_told(share: float, tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    torch.save({"a": torch.rand(1000)}, file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"net\.pth: expected a PyTorch checkpoint") as caught:
        read_checkpoint(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9, 0.99])
def test_a_damaged_old_checkpoint_is_told(share: float, tmp_path: Path) -> None:
    """Cut short or with a byte changed: the form before zip."""
    file = tmp_path / "net.pth"
    torch.save({"a": torch.rand(100)}, file, _use_new_zipfile_serialization=False)
    content = file.read_bytes()
    at = int(len(content) * share)
    file.write_bytes(content[:at])
    with pytest.raises(ModelError, match=r"net\.pth: expected a PyTorch checkpoint") as caught:
        read_checkpoint(file)
    assert "\n" not in str(caught.value)
    file.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    with contextlib.suppress(ModelError):
        read_checkpoint(file)


def test_what_is_no_state_is_told(tmp_path: Path) -> None:
    torch.save([torch.zeros(3)], tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"expected a PyTorch checkpoint with names and tensors, found a list"):
        read_checkpoint(tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"none\.pth: cannot be read"):
        read_checkpoint(tmp_path / "none.pth")


def test_a_folder_says_what_it_was_made_of(published: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pth"
    torch.save(checkpoint(published), file)
    entry, state = convert(file)
    folder = tmp_path / "own"
    folder.mkdir()
    write_folder(entry, state, file, folder, entry.licence)
    weights, info, found = read_folder(folder)
    assert found is entry
    assert (info.name, info.source, info.licence) == ("own", "checkpoint.pth", "Apache-2.0")
    assert info.sha256 == assets.digest(file)
    assert load_file(weights).keys() == LightweightOpenpose().state_dict().keys()
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="damaged or changed"):
        read_folder(folder)
