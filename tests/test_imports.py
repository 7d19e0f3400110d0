"""The direction of imports, and which imports stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pose", "features", "storage", "behavior")
ALLOWED = {
    "behavior": {"pose", "features", "storage"},
    "features": {"pose.skeleton", "pose.people"},
    "storage": {"pose.skeleton", "pose.people"},
    "pose": set(),
}
INSIDE_POSE = {
    "skeleton": (),
    "people": ("skeleton",),
    "maps": ("skeleton", "people"),
    "networks": ("skeleton", "people", "maps"),
    "parsing": ("skeleton", "people", "maps", "errors"),
    "tracking": ("skeleton", "people", "errors"),
}
"""For these parts of `pose`, the other parts that they may import."""


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def project_imports(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in [folder] if folder.is_file() else sorted(folder.rglob("*.py")):
        for module in imported_modules(file):
            if module.split(".")[0] in PACKAGES:
                yield file.relative_to(ROOT), module


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_in_one_direction(package: str) -> None:
    for file, module in project_imports(ROOT / package):
        top = module.split(".")[0]
        allowed = ALLOWED[package]
        assert top == package or top in allowed or module in allowed, f"{file} imports {module}"


@pytest.mark.parametrize("part", INSIDE_POSE)
def test_parts_of_pose_import_in_one_direction(part: str) -> None:
    place = ROOT / "pose" / part
    for file, module in project_imports(place if place.is_dir() else place.with_suffix(".py")):
        other = module.split(".")[1] if "." in module else module
        assert other == part or other in INSIDE_POSE[part], f"{file} imports {module}"


def test_only_the_pipeline_sees_all_four_packages() -> None:
    seen: dict[str, set[str]] = {}
    for file, module in project_imports(ROOT / "behavior"):
        if not module.endswith(".errors"):
            seen.setdefault(file.as_posix(), set()).add(module.split(".")[0])
    joining = [file for file, packages in seen.items() if packages >= {"pose", "features", "storage"}]
    assert joining == ["behavior/pipeline.py"]


@pytest.mark.parametrize(
    "code",
    ["import pose, features, storage", "from behavior.cli import main; main(['analyze', '--help'])"],
    ids=["packages", "help"],
)
def test_light_imports(code: str) -> None:
    heavy = ("torch", "onnxruntime", "sklearn", "matplotlib", "numba", "cv2", "av")
    script = f"{code}\nimport sys\nprint('heavy:', *[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "heavy:"
