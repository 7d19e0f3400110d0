"""The page's own script: small ES modules, one script of them all."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

_IMPORT = re.compile(r'^import [^;]*? from "\./(?P<name>[a-z]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |class |function )", re.MULTILINE)


def one_script(entry: str = "main") -> Markup:
    """The text of a module after the modules that it imports, each once, in one scope: a page from a file can't fetch.

    Modules import names as they are (`import { a, b } from "./file.js";`), export by `export const`, and share one
    scope, so that no two may use a name at their top level; the browser refuses a script that does.
    """
    parts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in parts:
            return
        parts[name] = ""  # modules that import each other: the first one asked for comes last
        text = (Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8")
        for found in _IMPORT.finditer(text):
            add(found["name"])
        del parts[name]
        parts[name] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(entry)
    return Markup("".join(parts.values()))
