"""The package as it is shipped: built, installed away from the tree, and run there without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pose", "features", "behavior", "storage")
BUILD = "import sys, setuptools.build_meta as b; print(b.build_{kind}(sys.argv[1]))"
pytest.importorskip("setuptools", "77", reason="the extra `test` is not installed")


def tracked() -> list[str]:
    """Every file of the repository; without git, all that is no cache."""
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode == 0 and found.stdout:
        return [name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]


def build(kind: str, source: Path, out: Path) -> Path:
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-c", BUILD.format(kind=kind), str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files alone, so that nothing that lies about gets into it."""
    folder = tmp_path_factory.mktemp("package")
    for name in tracked():
        target = folder / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return build("sdist", folder / "tree", folder / "sdist")


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """Built from what is in the sdist, as a distributor does."""
    folder = sdist.parent.parent
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (tree,) = (folder / "unpacked").iterdir()
    return build("wheel", tree, folder / "wheel")


def test_the_wheel_holds_each_file_of_the_packages_and_no_other(wheel: Path) -> None:
    expected = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = [name.rpartition("/")[2] for name in archive.namelist() if ".dist-info/" in name]
    assert held == expected
    assert sum(not name.endswith(".py") for name in held) > 30
    assert {"LICENSE", "NOTICE", "METADATA", "entry_points.txt"} <= set(about)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(command, check=True, cwd=folder)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    # Behind its own; folders of libraries alone, so that this tree is not found, installed there as editable or not.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "libraries.pth").write_text("".join(f"{path}\n" for path in libraries))
    return python.parent


@pytest.mark.skipif(sys.platform == "win32", reason="programs of an environment lie elsewhere")
def test_it_runs_from_a_bare_folder_without_a_network(
    installed: Path, sample_video: Path, media: Any, tmp_path: Path
) -> None:
    clip = media.remux(sample_video, "walk.mp4", change=lambda _, i: i < 4)
    nowhere = "http://127.0.0.1:9"
    around = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    around |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), nowhere)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=around, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run(str(installed / "python"), "-c", "import pose, features, behavior, storage; print(behavior.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    program = str(installed / "posescribe")
    assert run(program, "--version").startswith("posescribe ")
    told = json.loads(run(program, "analyze", str(clip), "--out", "out", "--device", "cpu", "--json"))
    (result,) = told if isinstance(told, list) else told.get("results", [told])
    assert result["people"] >= 1
    page = (tmp_path / "out" / clip.stem / "report.html").read_text(encoding="utf-8")
    assert "<script" in page
    assert "default" in run(program, "models", "list")


def test_the_container_file_has_nothing_that_its_linter_knows_to_be_wrong() -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([linter, "--no-color", ROOT / "Containerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
