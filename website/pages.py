"""Pages of the site that stand elsewhere in the repository, or come out of the code: nothing is written twice.

MkDocs runs this file as a hook. README, CONTRIBUTING, CHANGELOG, the benchmarks and the action model's card become
pages; the commands' page is what `--help` says, that of Python what the packages export. Links to a file of the
repository that is no page are left as words.
"""

from __future__ import annotations

import importlib
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks": "benchmarks.md",
    "behavior/models/default/README.md": "model.md",
}
"""File of the repository: page of the site."""

PACKAGES = ("pose", "features", "storage", "behavior")
PICTURES = (".png", ".jpg", ".svg")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages, and the pictures that they show."""

    def add(name: str, content: str | bytes) -> None:
        files.append(File.generated(config, name, content=content, inclusion=InclusionLevel.INCLUDED))

    for source, page in ELSEWHERE.items():
        if not (ROOT / source).is_file():
            continue
        folder = posixpath.dirname(source)
        text = (ROOT / source).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s#]+)", text):
            picture = posixpath.normpath(posixpath.join(folder, target))
            if (
                picture.endswith(PICTURES)
                and not picture.startswith("docs/")
                and files.get_file_from_path(picture) is None
            ):
                add(picture, (ROOT / picture).read_bytes())
        add(page, _linked(text, folder, page))
    for file in files.documentation_pages():
        if file.abs_src_path is not None:  # one of docs/
            file.content_string = _linked(file.content_string, "docs", file.src_uri)
    add("commands.md", _commands())
    add("api.md", _api())
    return files


def _linked(text: str, folder: str, page: str) -> str:
    """The text with links from where it stands in the repository turned into links of the site."""

    def turned(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target:
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, target))
        if place in ELSEWHERE:
            place = ELSEWHERE[place]
        elif place.startswith("docs/"):
            place = place.removeprefix("docs/")
        elif not place.endswith(PICTURES):
            return words
        return f"[{words}]({posixpath.relpath(place, posixpath.dirname(page) or '.')}{anchor})"

    return re.sub(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)", turned, text)


def _commands() -> str:
    import typer
    from click import Context

    from behavior.cli import COMMANDS, app

    group: Any = typer.main.get_command(app)
    lines = ["# Commands", "", "What `posescribe COMMAND --help` says of each.", ""]

    def tell(name: str, command: Any, level: int) -> None:
        with Context(command, info_name=f"posescribe {name}", terminal_width=80, max_content_width=80) as context:
            lines.extend([f"{'#' * level} posescribe {name}", "", "```text", command.get_help(context), "```", ""])
        for other, inner in getattr(command, "commands", {}).items():
            tell(f"{name} {other}", inner, level + 1)

    for name in COMMANDS:
        tell(name, group.get_command(None, name), 2)
    return "\n".join(lines)


def _api() -> str:
    lines = ["# Python", "", "What the packages export. Their errors are one line each, made to be read.", ""]
    for name in PACKAGES:
        package = importlib.import_module(name)
        lines += [f"## {name} {{#{name}}}", "", (package.__doc__ or "").strip(), ""]
        for exported in package.__all__:
            value = getattr(package, exported)
            where = getattr(value, "__module__", None)
            if where is not None and hasattr(value, "__qualname__"):
                options = ["    options:", "      heading_level: 3", f"      heading: {name}.{exported}"]
                lines += [f"::: {where}.{value.__qualname__}", *options, ""]
    return "\n".join(lines)
