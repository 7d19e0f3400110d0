"""The direction of imports, and which imports stay light.

A room is a file or a folder of a package, with all that is in it. Rooms are listed from the ground up: each may import
those before it, never those behind it. No file imports one that leads back to it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pose", "features", "storage", "behavior")
ALLOWED = {
    "pose": (),
    "features": ("pose.skeleton", "pose.parts", "pose.people", "pose.layouts", "pose.errors"),
    "storage": ("pose.skeleton", "pose.parts", "pose.people", "pose.tables", "pose.layouts", "pose.errors"),
    "behavior": ("pose", "features", "storage"),
}
"""What a package may take from the others."""

ROOMS = {
    "pose": (
        "errors", "compiled", "layouts", "skeleton", "parts", "people", "tables", "multiview", "maps", "preprocess",
        "averaging", "metrics", "networks", "parsing", "tracking", "confidence", "backends", "settings", "refine",
        "turns", "looks", "following", "wholebody", "detector", "weights", "sources", "throughput", "engine",
        "training",
    ),
    "features": ("errors", "sequence", "geometry", "kinematics"),
    "storage": (
        "errors", "files", "bulk", "schema", "migrations", "database", "skeletons", "recordings", "runs", "poses",
        "tracks", "bouts", "coded", "failures", "probabilities", "scenes", "offsets", "merging", "frames", "formats",
    ),
    "behavior": (
        "errors", "labels", "recognition", "evaluation", "training", "report", "pipeline", "corrections", "studio",
        "cli",
    ),
}  # fmt: skip
"""Rooms from the ground up."""

VALUES = {"storage.bouts"}
"""`Bout` is a value that all of `behavior` hands on; taking it is not taking the database."""


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))}


def imported(module: str) -> set[str]:
    """The modules of the house that one imports; `from a import b` is `a.b` where that is a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    found = set()
    for name in names:
        while name and name not in MODULES:
            name = name.rpartition(".")[0]
        found |= {name} - {"", module}
    return found


IMPORTS = {module: imported(module) for module in MODULES}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_in_one_direction(package: str) -> None:
    for module, others in IMPORTS.items():
        for other in others if module.split(".")[0] == package else ():
            top = other.split(".")[0]
            allowed = ALLOWED[package]
            assert top == package or top in allowed or other in allowed, f"{module} imports {other}"


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_downwards(package: str) -> None:
    order = ROOMS[package]
    for module, others in IMPORTS.items():
        if module.split(".")[0] != package or room_of(module) not in order:
            continue
        for other in others:
            if other.split(".")[0] == package and room_of(other) in order:
                assert order.index(room_of(other)) <= order.index(room_of(module)), f"{module} imports {other}"


@pytest.mark.parametrize("package", ["pose", "storage", "behavior"])
def test_every_room_has_its_place(package: str) -> None:
    rooms = {room_of(module) for module in MODULES if module.split(".")[0] == package} - {""}
    assert rooms == set(ROOMS[package])


def test_no_file_imports_one_that_leads_back() -> None:
    faces = {module for module, file in MODULES.items() if file.name == "__init__.py"}
    try:
        TopologicalSorter({module: others - faces for module, others in IMPORTS.items()}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_only_the_pipeline_sees_all_four_packages() -> None:
    for module, others in IMPORTS.items():
        seen = {other.split(".")[0] for other in others - VALUES if not other.endswith(".errors")}
        if seen >= {"pose", "features", "storage"}:
            assert module.startswith("behavior.pipeline."), module


HEAVY = ("torch", "onnxruntime", "sklearn", "matplotlib", "numba", "cv2", "av")
TABLES = (*HEAVY, "numpy", "pandas", "pyarrow", "sqlalchemy", "rich")
COMMAND_HELP = "from behavior.cli import COMMANDS, main; print([main([name, '--help']) for name in COMMANDS])"


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import pose, features, storage, behavior", HEAVY),
        ("import pose; pose.__version__", (*HEAVY, "pandas", "pyarrow", "sqlalchemy", "xarray")),
        (COMMAND_HELP, HEAVY),
        ("from behavior.cli import main; assert main(['--help']) == 0", TABLES),
        ("from behavior.cli import main; assert main(['--version']) == 0", TABLES),
        ("from behavior.cli import main; assert main(['dance']) == 2", TABLES),
    ],
    ids=["packages", "pose", "help of each command", "help", "version", "typing error"],
)
def test_light_imports(code: str, heavy: tuple[str, ...]) -> None:
    script = f"{code}\nimport sys\nprint('heavy:', *[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "heavy:"
