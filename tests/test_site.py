"""The documentation as a site: it builds without a warning, and has everything."""

from __future__ import annotations

import html
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from behavior.cli import COMMANDS

ROOT = Path(__file__).parent.parent
for needed in ("mkdocs", "material", "mkdocstrings_handlers.python"):
    pytest.importorskip(needed, reason="the extra `docs` is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stderr
    return out


def headings(page: Path) -> set[str]:
    found = re.findall(r"<h[1-6][^>]*>(.*?)<a ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {html.unescape(re.sub(r"<[^>]+>", "", heading)).strip() for heading in found}


def test_every_page_is_there_and_leads_on(site: Path) -> None:
    pages = {path.stem for path in site.glob("*.html")}
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= pages
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in pages - {"404", "index"}:
        assert f'href="{page}.html"' in start, f"{page} is in no list"
    assert 'src="report.png"' in start
    assert (site / "report.png").is_file()


def test_every_command_and_export_is_told(site: Path) -> None:
    assert {f"posescribe {name}" for name in COMMANDS} <= headings(site / "commands.html")
    told = headings(site / "api.html")
    for package in ("pose", "features", "storage", "behavior"):
        exported = importlib.import_module(package)
        callables = [name for name in exported.__all__ if callable(getattr(exported, name))]
        missing = [name for name in callables if not any(line.split()[0].endswith(f".{name}") for line in told if line)]
        assert not missing


def test_nothing_is_asked_of_other_servers(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(script|link|img)[^>]+(src|href)="https?://(?!squidfunk)', text), page.name
