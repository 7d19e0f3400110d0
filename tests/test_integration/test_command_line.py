"""The command as such: its version, wrong usage, and names that a terminal must not obey."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from behavior.cli import COMMANDS, main
from behavior.cli.console import Narrator
from behavior.cli.printable import printable

EVIL = "a\x1b[31m\x07\u202e\udcff\r.mp4"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"posescribe {version('posescribe')}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.split("Commands:")[1]
    assert [line.split()[0] for line in listed.strip().splitlines()] == list(COMMANDS)


def test_a_typing_error_gets_the_nearest_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analize"]) == 2
    assert "Did you mean 'analyze'?" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["plain.mp4", "größe 身長\u3000\u00a0.mp4", "two\nlines\tand a tab"])
def test_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert printable(EVIL) == r"a\x1b[31m\x07\u202e\udcff\r.mp4"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["analyze", EVIL, "--out", "OUT"], 1),
        (["features", EVIL, "--out", "OUT/f.csv"], 1),
        (["features", "x.db", "--out", EVIL], 2),
        (["tracks", "list", EVIL], 1),
        (["models", "show", EVIL], 1),
        (["report", EVIL, "--out", "OUT"], 1),
        (["export", EVIL, "--format", "coco", "--out", "OUT/f"], 1),
        ([EVIL], 2),
    ],
)
def test_names_from_outside_are_printed_safely(
    command: list[str], status: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([word.replace("OUT", str(tmp_path / "out")) for word in command]) == status
    out, err = capfd.readouterr()
    assert out == ""
    assert r"\x1b[31m" in err
    assert not set("\x1b\x07\u202e\r") & set(err)
    if status == 1:
        assert len(err.splitlines()) == 1


def test_the_narrator_prints_safely(capfd: pytest.CaptureFixture[str]) -> None:
    with Narrator() as narrator:
        narrator.say(f"{EVIL}: done")
    assert capfd.readouterr().err == r"a\x1b[31m\x07\u202e\udcff\r.mp4: done" + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes only there")
def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.mp4"
    Path(os.fsdecode(name)).write_text("no video")
    script = "import sys; from behavior.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "analyze", name, "--out", tmp_path / "out"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert r"\udcff.mp4" in line
