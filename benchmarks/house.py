"""The house in figures: rooms, arrows between them, circles, lines; needs no installation.

    python benchmarks/house.py [FOLDER]

A room is a file or a folder of a package, with all that is in it. An arrow is one room of a package importing another.
A circle is a set of rooms, or of files, each of which leads to all the others. Which way the arrows may run is written
in `tests/test_imports.py`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("pose", "features", "storage", "behavior")


def module_of(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, modules: set[str]) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    found = set()
    for name in names:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        found |= {name} - {""}
    return found


def circles(arrows: dict[str, set[str]]) -> Iterator[list[str]]:
    """Sets of more than one node that all lead to each other (Tarjan, 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in arrows[node]:
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            at = stack.index(node)
            part = stack[at:]
            del stack[at:]
            if len(part) > 1:
                found.append(sorted(part))

    for node in arrows:
        if node not in number:
            visit(node)
    yield from found


def main(root: Path) -> None:
    files = {module_of(file, root): file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))}
    arrows = {module: imports_of(file, set(files)) - {module} for module, file in files.items()}
    faces = {module for module, file in files.items() if file.name == "__init__.py"}
    print("| package | files | rooms | arrows between rooms | circles of rooms | lines |")
    print("|---|---|---|---|---|---|")
    for package in PACKAGES:
        own = [module for module in files if module.split(".")[0] == package and module != package]
        room = {module: module.split(".")[1] for module in own}
        between: dict[str, set[str]] = {one: set() for one in room.values()}
        for module in own:
            between[room[module]] |= {room[other] for other in arrows[module] if other in room} - {room[module]}
        lines = sum(
            len(file.read_text(encoding="utf-8").splitlines()) for m, file in files.items() if m in (*own, package)
        )
        print(
            f"| {package} | {len(own)} | {len(between)} | {sum(map(len, between.values()))} "
            f"| {len(list(circles(between)))} | {lines} |"
        )
    of_files = list(circles({module: others - faces for module, others in arrows.items()}))
    print(f"\nCircles of files: {len(of_files)}" + "".join(f"\n- {' -> '.join(part)}" for part in of_files))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
