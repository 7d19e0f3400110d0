from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.errors import ModelError
from pose.weights.graphdef import mobilenet_thin_weights, read_constants


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


def constant(name: str, shape: tuple[int, ...], data: bytes, dtype: int = 1) -> bytes:
    """A NodeDef as protocol buffers would write it, with fields before and after that a reader must skip."""
    sizes = b"".join(field(2, field(1, size)) for size in shape)
    tensor = field(1, dtype) + field(2, sizes) + data
    others = field(5, field(1, b"dtype") + field(2, field(6, dtype)))
    value = field(5, field(1, b"value") + field(2, field(8, tensor)))
    return field(1, field(1, name.encode()) + field(2, b"Const") + field(3, b"^before") + others + value)


def read(tmp_path: Path, content: bytes) -> dict[str, np.ndarray]:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    return read_constants(path)


def test_reads_constants_in_each_of_their_forms(tmp_path: Path) -> None:
    values = np.arange(6, dtype="<f4")
    graph = (
        constant("raw", (2, 3), field(4, values.tobytes()))
        + constant("packed", (6,), field(5, values.tobytes()))
        + constant("one_by_one", (2,), b"".join(varint(5 << 3 | 5) + v.tobytes() for v in values[:2]))
        + constant("filled", (2, 2), field(5, values[3:4].tobytes()))
        + constant("scalar", (), field(5, values[3:4].tobytes()))
        + constant("integer", (1,), field(7, 3), dtype=3)
        + field(1, field(1, b"image") + field(2, b"Placeholder"))
        + varint(9 << 3 | 1)
        + bytes(8)
        + field(4, field(1, 27))
    )
    found = read(tmp_path, graph)
    expected = {
        "raw": values.reshape(2, 3),
        "packed": values,
        "one_by_one": values[:2],
        "filled": np.full((2, 2), 3.0),
        "scalar": np.array(3.0),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == np.float32


def test_reads_the_default_network(body_graph: Path) -> None:
    weights = mobilenet_thin_weights(body_graph)
    assert sum(value.size for value in weights.values()) == 1_930_872
    assert weights["stem.0.weight"].shape == (24, 3, 3, 3)
    assert weights["stages.5.heat.4.pointwise.bias"].shape == (19,)
    assert all(np.isfinite(value).all() for value in weights.values())


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.5, 0.999])
def test_a_truncated_graph_is_told(body_graph: Path, tmp_path: Path, share: float) -> None:
    content = body_graph.read_bytes()
    (tmp_path / "cut.pb").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"cut\.pb: expected a frozen TensorFlow graph"):
        mobilenet_thin_weights(tmp_path / "cut.pb")


def test_another_networks_graph_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.pb").write_bytes(constant("MobilenetV1/Conv2d_0/weights", (1, 2), field(4, bytes(8))))
    with pytest.raises(ModelError, match=r"expected the graph of mobilenet_thin, .*Conv2d_0/weights .*\(1, 2\)"):
        mobilenet_thin_weights(tmp_path / "other.pb")
    (tmp_path / "empty.pb").write_bytes(b"")
    with pytest.raises(ModelError, match="has no constant MobilenetV1/Conv2d_0/weights"):
        mobilenet_thin_weights(tmp_path / "empty.pb")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.pb: cannot be read"):
        read_constants(tmp_path / "none.pb")


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_graph_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pb"
    path.write_bytes(content)
    with contextlib.suppress(ModelError):
        read_constants(path)


def test_a_fill_of_a_billion_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a constant fill of 1000000000 numbers"):
        read(tmp_path, constant("bomb", (1000, 1_000_000), field(5, b"\0\0\0\0")))
