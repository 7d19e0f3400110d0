"""Ways to mutilate a file: its bytes, its numbers, the values in its JSON, the members of its zip, its HDF5 objects."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

Edit = tuple[str, int, int]
"""What is done, where (modulo all that there is), with which of the values."""

TEXTS = [
    b"", b"0", b"-1", b"1", b"1e400", b"-1e400", b"NaN", b"Infinity", b"inf", b"1e308", b"1e-320", b"9" * 400,
    b"9" * 5000, b"2147483648", b"9223372036854775808", b"0.5", b"true", b"null", b"{}", b"[]", b'""', b'"x"', b"x",
    b"[[", b"[" * 30_000, b"{\"a\":" * 30_000, b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xe9", b'"',
    b"'", b",", b"\t", b";", b"\n", b"\r", b"\r\n", b"<", b"</", b"<!--", b"&x;", b"=", b"\xd9\xa1", b"\xc2\xb2",
    b"\xef\xbc\x91", b"\xe2\x80\xa8", b"\x1b[2J", b"../../x", b"/dev/zero", b"nan", b"1_0", b"0x10", b"x" * 70_000,
    b" ", b"-", b"1:2:3", b"99:99:99",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 1, 0.5, 1e308, -1e308, 1e-320, 2**31, 2**63, 10**30, 10**400, float("nan"), float("inf"), "",
    "x", "1", "NaN", "\ud800", "\0", "x\ny", "\x1b[2J", "x" * 5000, "../x", [], {}, [[]], [0], [None], ["x"],
    {"x": 1}, [1, 2, 3], [[0.0, 0.0]] * 3, [1] * 5000,
]  # fmt: skip
ARRAYS: list[Any] = [
    np.array([]), np.array(0), np.array(np.nan), np.zeros((2, 0)), np.zeros((1, 1, 1, 1, 1)), np.full((3, 2), 1e300),
    np.full(7, np.inf), np.array([b"x", b"x"]), np.array([b""]), np.array(b"\xff\xfe"), np.arange(3),
    np.array([2**63], "u8"),
    np.array([-1]), np.array([[1 + 2j]]), np.array([True]), np.zeros(3, [("a", "f4"), ("b", "i2")]),
    np.zeros(70_000, "i1"),
]  # fmt: skip

BYTES = ("cut", "drop", "twice", "put", "over", "byte", "bit", "number", "zeros", "ones")
TREE = ("value", "delete", "copy", "key")

edits = st.lists(
    st.tuples(
        st.sampled_from((*BYTES, *TREE, *TREE, "name")), st.integers(0, 2**20 - 1), st.integers(0, 2**16 - 1)
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


def mutilate(data: bytes, changes: list[Edit]) -> bytes:
    """The file with all changes made, one after the other; of a container in one of its parts."""
    for kind, where, which in changes:
        data = _inside(data, kind, where, which)
    return data


def _inside(data: bytes, kind: str, where: int, which: int) -> bytes:
    try:
        if data[:2] == b"\x1f\x8b" and where % 8:
            return gzip.compress(_inside(gzip.decompress(data), kind, where, which), mtime=0)
        if data[:2] == b"PK" and where % 8:
            return _zip(data, lambda part: _inside(part, kind, where >> 6, which), where >> 3, kind)
        if data[:4] == b"\x89HDF" and kind in (*TREE, "name"):
            return _hdf5(data, kind, where, which)
        if kind in TREE:
            return _tree(data, kind, where, which)
    except Exception:  # mutilated before, so that it has no parts any more
        return _bytes(data, BYTES[where % len(BYTES)], where, which)
    return _bytes(data, kind, where, which)


def _bytes(data: bytes, kind: str, where: int, which: int) -> bytes:
    place = where % (len(data) + 1)
    text = TEXTS[which % len(TEXTS)]
    match kind:
        case "cut":
            return data[:place]
        case "drop":
            return data[:place] + data[place + 1 + which % 40 :]
        case "twice":
            return data[: place + which % 200] + data[place:]
        case "put":
            return data[:place] + text + data[place:]
        case "over":
            return data[:place] + text + data[place + len(text) :]
        case "byte":
            return data[:place] + bytes([which % 256]) + data[place + 1 :]
        case "bit" if place < len(data):
            return data[:place] + bytes([data[place] ^ (1 << which % 8)]) + data[place + 1 :]
        case "zeros" | "ones":
            n = (1, 2, 4, 8)[which % 4]
            return data[:place] + (b"\0" if kind == "zeros" else b"\xff") * n + data[place + n :]
        case "number":
            found = list(re.finditer(rb"-?\d+(\.\d+)?", data))
            if found:
                one = found[where % len(found)]
                return data[: one.start()] + text + data[one.end() :]
    return data


def _tree(data: bytes, kind: str, where: int, which: int) -> bytes:
    """JSON, also that in the head of a safetensors file; what is none is changed as bytes."""
    head = int.from_bytes(data[:8], "little")
    if data[8:9] == b"{" and 0 < head <= len(data) - 8:
        inner = _tree(data[8 : 8 + head], kind, where, which)
        return len(inner).to_bytes(8, "little") + inner + data[8 + head :]
    content = [json.loads(data)]
    places = list(_places(content))
    holder, key = places[where % len(places)]
    value = VALUES[which % len(VALUES)]
    if kind == "value" or holder is content:
        holder[key] = value
    elif kind == "delete":
        del holder[key]
    elif kind == "copy":
        other, source = places[which % len(places)]
        holder[key] = json.loads(json.dumps(other[source]))
    elif isinstance(holder, dict):
        holder[str(value)[:100]] = holder.pop(key)
    else:
        holder.insert(key, value)
    return json.dumps(content[0]).encode()


def _places(holder: Any) -> Any:
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


def _zip(data: bytes, change: Callable[[bytes], bytes], where: int, kind: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        members = old.infolist()
        chosen = members[where % len(members)]
        for member in members:
            content = old.read(member)
            if member is not chosen or kind != "name":
                new.writestr(member.filename, change(content) if member is chosen else content)
    return out.getvalue()


def _hdf5(data: bytes, kind: str, where: int, which: int) -> bytes:
    out = io.BytesIO(data)
    with h5py.File(out, "r+") as file:
        places: list[tuple[Any, str]] = []
        file.visititems(lambda name, _: places.append((file, name)))
        attributes = [(item.attrs, key) for item in (file, *(file[name] for _, name in places)) for key in item.attrs]
        pool = attributes if attributes and which % 3 == 0 else places
        holder, key = pool[where % len(pool)]
        value = ARRAYS[(which >> 2) % len(ARRAYS)]
        if kind == "copy" and holder is file:
            value = file[places[which % len(places)][1]]
            value = value[()] if isinstance(value, h5py.Dataset) else np.arange(3)
        del holder[key]
        if kind != "delete":
            holder[key] = value
    return out.getvalue()
