from __future__ import annotations

import contextlib
import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pose.errors import ModelError
from pose.networks.movenet import THUNDER
from pose.weights import assets
from pose.weights.tfjs import _source, movenet_safetensors, movenet_weights, read_weights

WEIGHTS = {
    "half": (np.arange(6, dtype="<f2").reshape(2, 3) / 4, "float32", {"dtype": "float16"}),
    "count": (np.array([3, -4], dtype="<i4"), "int32", None),
    "bytes": (np.array([0, 10, 255], dtype="u1"), "float32", {"dtype": "uint8", "scale": 0.5, "min": -3.25}),
    "words": (np.array([[0], [65535]], dtype="<u2"), "float32", {"dtype": "uint16", "scale": 2, "min": 1}),
    "whole": (np.array([0, 1, 2], dtype="u1"), "int32", {"dtype": "uint8", "scale": 1.5, "min": -2}),
    "number": (np.array(1.5, dtype="<f4"), "float32", None),
    "flags": (np.array([True, False]), "bool", None),
    "nothing": (np.zeros((0, 3), dtype="<f4"), "float32", None),
}
"""Name -> what is stored, the kind it stands for, how it is quantised."""


def manifest(names: list[str], paths: list[str]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for name in names:
        stored, kind, quantised = WEIGHTS[name]
        entries.append({"name": name, "shape": list(stored.shape), "dtype": kind})
        if quantised:
            entries[-1]["quantization"] = dict(quantised)
    return {"paths": paths, "weights": entries}


def content(names: list[str]) -> bytes:
    return b"".join(WEIGHTS[name][0].tobytes() for name in names)


def write(folder: Path, model: Any, shards: dict[str, bytes]) -> Path:
    for name, data in shards.items():
        (folder / name).write_bytes(data)
    (folder / "model.json").write_text(model if isinstance(model, str) else json.dumps(model))
    return folder / "model.json"


FIRST, SECOND = ["half", "count", "bytes"], ["words", "whole", "number", "flags", "nothing"]
MODEL: dict[str, Any] = {
    "format": "graph-model",
    "weightsManifest": [manifest(FIRST, ["a.bin", "b.bin", "c.bin"]), manifest(SECOND, ["elsewhere/d.bin"])],
}
# The first group's shards part in the middle of numbers.
SHARDS = {
    "a.bin": content(FIRST)[:5], "b.bin": content(FIRST)[5:17], "c.bin": content(FIRST)[17:], "d.bin": content(SECOND),
}  # fmt: skip


def test_reads_each_kind_out_of_several_shards(tmp_path: Path) -> None:
    found = read_weights(write(tmp_path, MODEL, SHARDS))
    expected: dict[str, np.ndarray] = {name: stored for name, (stored, _, quantised) in WEIGHTS.items()} | {
        "bytes": np.array([-3.25, 1.75, 124.25], dtype=np.float32),
        "words": np.array([[1], [131071]], dtype=np.float32),
        "whole": np.array([-2, 0, 1], dtype=np.int32),  # -0.5 rounds to 0, as in JavaScript
    }
    assert list(found) == list(WEIGHTS)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def told(folder: Path, model: Any, shards: dict[str, bytes]) -> str:
    """The one line of a model that is refused."""
    with pytest.raises(ModelError) as caught:
        read_weights(write(folder, model, shards))
    assert str(caught.value).startswith(f"{folder / 'model.json'}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_shards_of_another_length_are_told(tmp_path: Path) -> None:
    last = SHARDS["d.bin"]
    assert "its shards end inside flags; expected 13 bytes or more, got 11" in told(
        tmp_path, MODEL, SHARDS | {"d.bin": last[:-2]}
    )
    assert "expected shards of 13 bytes, as its manifest says, got 14" in told(
        tmp_path, MODEL, SHARDS | {"d.bin": last + b"!"}
    )
    (tmp_path / "b.bin").unlink()
    assert "its shard 'b.bin' cannot be read" in told(tmp_path, MODEL, {})


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("number", {"dtype": "complex64"}, "number is stored as complex64; expected float32, int32"),
        ("bytes", {"quantization": {"dtype": "uint8", "min": 0}}, "a weightsManifest (KeyError('scale'))"),
        ("bytes", {"quantization": {"dtype": "uint8", "min": 0, "scale": float("inf")}}, "bytes has the scale and"),
        ("half", {"shape": [-2, -3]}, "half has the shape"),
        ("half", {"shape": [2**30, 2**30]}, "its shards end inside half"),
        ("half", {"shape": [1] * 100}, "half has the shape"),
        ("half", {"name": 3}, "a name or dtype is no text"),
    ],
)
def test_a_damaged_entry_is_told(name: str, change: dict[str, Any], words: str, tmp_path: Path) -> None:
    model = copy.deepcopy(MODEL)
    entries = [entry for group in model["weightsManifest"] for entry in group["weights"]]
    next(entry for entry in entries if entry["name"] == name).update(change)
    assert words in told(tmp_path, model, SHARDS)


def test_a_shards_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in told(tmp_path, {"weightsManifest": [manifest(FIRST, ["a\0.bin"])]}, {})


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", "[" * 100_000, '{"weightsManifest": [{}]}'])
def test_other_files_are_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json: expected a TensorFlow\.js graph model"):
        read_weights(write(tmp_path, text, {}))
    (tmp_path / "model.json").unlink()
    with pytest.raises(ModelError, match=r"model\.json: cannot be read"):
        read_weights(tmp_path / "model.json")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


@settings(max_examples=50)
@given(at=st.integers(0, 10_000), value=ANYTHING)
def test_whatever_stands_in_a_manifest_is_read_or_told(
    at: int, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    model = copy.deepcopy(MODEL)
    every = places(model)
    container, key = every[at % len(every)]
    container[key] = value
    with contextlib.suppress(ModelError):
        read_weights(write(folder, model, SHARDS))


def as_tfjs(state: dict[str, np.ndarray], folder: Path, name: str) -> Path:
    """A state dict in TensorFlow.js's form, under TensorFlow's names and in its axis orders."""
    entries: list[dict[str, Any]] = []
    data = []
    for key, value in state.items():
        if value.ndim == 4:
            value = value[:, ::-1] if key == "stem.0.weight" else value
            value = value.transpose(2, 3, 0, 1) if value.shape[1] == 1 else value.transpose(2, 3, 1, 0)
        entries.append({"name": _source(key, {}), "shape": value.shape, "dtype": "float32"})
        entries[-1]["quantization"] = {"dtype": "float16"}
        data.append(value.tobytes())
    path = write(folder, {"weightsManifest": [{"paths": ["w.bin"], "weights": entries}]}, {"w.bin": b"".join(data)})
    return path.rename(folder / name)


@pytest.fixture(scope="module")
def thunder() -> dict[str, np.ndarray]:
    return load_file(assets.find_shipped(assets.MOVENET_THUNDER_WEIGHTS))


def test_a_network_comes_back_to_the_byte(thunder: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = as_tfjs(thunder, tmp_path, "movenet-thunder.json")
    assert movenet_weights(path)[0] is THUNDER
    sha256 = hashlib.sha256(movenet_safetensors(path)).hexdigest()
    assert sha256 == assets.MOVENET_THUNDER_WEIGHTS.member_sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, r"but there is no weight Conv1/Conv2D_weights"),
        (
            {"stem.0.weight": np.zeros((56, 3, 5, 3), "f2")},
            r"Conv1/Conv2D_weights gives a weight of shape \(56, 3, 5, 3\)",
        ),
        ({"stem.0.weight": np.zeros(56, "f2")}, r"Conv1/Conv2D_weights gives .* shape \(56,\)"),
        ({"stem.0.bias": np.full(56, np.nan, "f2")}, r"Conv1/Conv2D_bn_offset holds NaN or infinity"),
    ],
)
def test_another_network_is_told(
    change: dict[str, np.ndarray], words: str, thunder: dict[str, np.ndarray], tmp_path: Path
) -> None:
    state = {**thunder, **change} if change else {"last.0.bias": thunder["last.0.bias"]}
    with pytest.raises(ModelError, match=f"own.json: .*{words}"):
        movenet_weights(as_tfjs(state, tmp_path, "own.json"))
