"""Files that lie about themselves are refused in one line, before their promises are kept."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from storage.errors import ExchangeError
from storage.formats import guard
from storage.formats.keypoints import READERS, detect
from storage.formats.keypoints.content import clock_of
from storage.formats.keypoints.deeplabcut import _plain_lists
from storage.formats.labels import read_labels


def refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ExchangeError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def opened(path: Path) -> list[str]:
    with guard.open_hdf5(path) as file:
        return sorted(file)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "labels.csv"
    os.mkfifo(pipe)
    refused(lambda: read_labels(pipe), "no regular file")
    refused(lambda: guard.read_bytes(Path(os.devnull)), "no regular file")


def test_gzip_that_unpacks_to_more_than_can_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UNZIPPED", 10_000)
    data = gzip.compress(b"a" * 10_000)
    assert guard.gunzip(tmp_path, data) == b"a" * 10_000
    refused(lambda: guard.gunzip(tmp_path, gzip.compress(b"a" * 10_001)), "unzips to more than 10 kB")
    assert guard.gunzip(tmp_path, gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
    refused(lambda: guard.gunzip(tmp_path, data[:-9]), "damaged, can't be unzipped")


def test_spreadsheet_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"0" * (guard.MOST_SHEET + 1))
    assert path.stat().st_size < 100_000
    refused(lambda: read_labels(path), "unzips to 67 MB, at most 67 MB")


def test_npz_whose_arrays_declare_other_sizes_than_are_there(tmp_path: Path) -> None:
    good = {"joints": np.ones((5, 2), np.float32), "names": np.array(["a", "b"]), "fps": np.array(25.0)}
    np.savez_compressed(tmp_path / "good.npz", **good)
    read = guard.read_npz(tmp_path / "good.npz")
    assert read.keys() == good.keys()
    assert all(np.array_equal(read[name], good[name]) for name in good)

    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as file:
        file.writestr("joints.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80))
    refused(lambda: guard.read_npz(tmp_path / "bomb.npz"), "joints.npy declares 8000.0 GB, but holds 80 bytes")

    np.savez(tmp_path / "objects.npz", names=np.array(["a", None]))
    refused(lambda: guard.read_npz(tmp_path / "objects.npz"), "pickled objects, which are never loaded")


def test_hdf5_that_leads_to_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"password")
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["group/names"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/names")
    refused(lambda: opened(tmp_path / "linked.h5"), "/group/names leads to another file")
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("names", (8,), "u1", external=[(str(tmp_path / "secret"), 0, 8)])
    refused(lambda: opened(tmp_path / "raw.h5"), "/names keeps its data in another file")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(8,), dtype="u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "raw.h5"), "names", shape=(8,))
        file.create_virtual_dataset("names", layout)
    refused(lambda: opened(tmp_path / "virtual.h5"), "/names keeps its data in another file")


def test_hdf5_that_declares_more_than_it_holds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("tracks", (10**9, 100), "f4", chunks=True, compression="gzip")
    refused(lambda: detect(tmp_path / "bomb.h5"), "/tracks declares 400.0 GB, but holds 0 bytes")


def test_hdf5_may_hold_what_it_likes_of_its_own(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["data/zeros"] = np.zeros((1000, 50))
        file["loop"] = h5py.SoftLink("/")
        file["again"] = file["data"]
        file["nowhere"] = h5py.SoftLink("/none")
    assert opened(tmp_path / "own.h5") == ["again", "data", "loop", "nowhere"]


@pytest.mark.parametrize("protocol", range(6))
def test_column_names_of_pandas_are_read_without_unpickling(protocol: int) -> None:
    names = [("scorer", "Lena", "nose", part) for part in ("x", "y", "likelihood")]
    assert _plain_lists(pickle.dumps(names, protocol)) == names


def test_column_names_that_would_run_or_never_end(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected text in lists"):
        _plain_lists(pickle.dumps([os.getcwd]))
    nested: object = "x"
    for _ in range(60):
        nested = (nested, nested)
    with h5py.File(tmp_path / "nested.h5", "w") as file:
        table = file.create_dataset("df/table", (1,), [("index", "i8"), ("values_block_0", "f8", (1,))])
        table.attrs["values_block_0_kind"] = np.void(pickle.dumps([nested], 2))
        file["df"].attrs["pandas_type"] = "frame_table"
    refused(lambda: READERS["dlc-h5"](tmp_path / "nested.h5", clock_of(25, None)), "no text")
