"""What the packages import is what pyproject.toml declares, and what it says elsewhere agrees with it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("pose", "features", "storage", "behavior")
CALLED = {"cv2": "opencv-python", "sklearn": "scikit-learn", "ndx_pose": "ndx-pose", "pypi_simple": "pypi-simple"}
"""Modules whose distribution has another name."""


def imported() -> dict[str, str]:
    """Top-level modules from elsewhere, each with a file that imports it; names handed to `load` are imports, too."""
    found: dict[str, str] = {}
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load":
                names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            for name in names:
                found.setdefault(name.split(".")[0], str(file.relative_to(ROOT)))
    return {name: file for name, file in found.items() if name not in {*sys.stdlib_module_names, *PACKAGES, ""}}


def test_every_import_is_declared() -> None:
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    declared = {match[0].lower() for line in lines if (match := re.match(r"[\w.-]+", line))}
    modules = imported()
    assert {"numpy", "cv2", "requests", "markupsafe", "h5py"} <= set(modules)
    missing = {name: file for name, file in modules.items() if CALLED.get(name, name).lower() not in declared}
    assert not missing


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cited = dict(re.findall(r"^(\w+): (.+)$", text, flags=re.MULTILINE))
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    assert cited["title"].lower() == PROJECT["name"]
