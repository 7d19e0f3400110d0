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
from behavior.cli.printable import MOST, one_line, printable
from storage import open_database

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


def test_a_message_that_quotes_a_whole_file_is_one_short_line() -> None:
    assert one_line("a.csv: no number\n  in\tline 3\x1b[2J") == "a.csv: no number in line 3\\x1b[2J"
    assert one_line("x" * MOST) == "x" * MOST
    short = one_line("a.csv: 'first" + "x" * 100_000 + "last'; save it as UTF-8")
    assert short.startswith("a.csv: 'first")
    assert short.endswith("last'; save it as UTF-8")
    assert len(short) < MOST + 10


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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Things that are not what a command wants: an empty database, a text under many names, a folder."""
    folder = tmp_path_factory.mktemp("place")
    open_database(folder / "empty.db").close()
    for suffix in ("db", "csv", "json", "npz", "mp4"):
        (folder / f"text.{suffix}").write_text("This is no more than a text.")
    (folder / "folder.db").mkdir()
    return folder


def told(command: str, status: int, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(command.split()) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert "None" not in err
    if status == 1:
        assert len(err.splitlines()) == 1
    return err


@pytest.mark.parametrize(
    "command",
    [
        "features DB --out f.csv",
        "export DB --format coco --out o.json",
        "report DB --out out",
        "tracks list DB",
        "tracks drop DB 1",
        "tracks undo DB --all",
        "labels compare DB",
        "labels suggest DB --out s.csv",
        "train DB --out model",
        "evaluate default DB",
        "predict default DB --out p.csv",
    ],
)
def test_what_is_no_database_with_recordings_is_the_worlds_fault(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    for name in ("empty.db", "gone.db", "folder.db", "nowhere/x.db"):
        assert name in told(command.replace("DB", name), 1, capsys)
    assert not (place / "gone.db").exists()


@pytest.mark.parametrize(
    "command",
    [
        "import gone.json --db new.db",
        "import folder.db --db new.db",
        "import text.json --db new.db",
        "labels import gone.csv --db empty.db",
        "labels import folder.db --db empty.db",
        "labels import text.csv --db empty.db",
        "tracks list text.db",
        "tracks apply empty.db gone.csv",
        "tracks apply empty.db folder.db",
        "tracks apply empty.db text.csv",
        "train gone.npz --out model",
        "train text.npz --out model",
        "evaluate default folder.db",
        "evaluate text.csv text.npz",
        "predict gone text.npz --out p.csv",
        "features empty.db --out text.csv/f.csv",
        "features empty.db --out f.csv --zones text.json",
        "features empty.db --out f.csv --plugin gone.py",
        "analyze text.mp4 --out text.csv",
        "pose gone.mp4 --out out",
        "models import gone --name x",
    ],
)
def test_the_worlds_fault_is_one_line(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    told(command, 1, capsys)


@pytest.mark.parametrize(
    "command",
    [
        "features",
        "features empty.db --out f.txt",
        "features empty.db --out f.csv --window 0",
        "features empty.db --out f.csv --step 1",
        "features empty.db --out f.csv --features ,",
        "features empty.db --out f.csv --smoothing x",
        "train text.npz --out model --classifier x",
        "train text.npz --out model --rule x",
        "train text.npz --out model --prior [",
        "train text.npz --out model --prior []",
        "train text.npz --out model --folds -1",
        "export empty.db --format x --out o",
        "import text.json --db new.db --format x",
        "import text.json --db new.db --fps inf",
        "import text.json --db new.db --fps 1 --times t.txt",
        "labels compare empty.db --start 3 --end 2",
        "labels import text.csv --db empty.db --match x",
        "labels import text.csv --db empty.db --rename x",
        "tracks split empty.db 1",
        "tracks merge empty.db 1 1",
        "tracks undo empty.db",
        "analyze text.mp4 --out out --start 5 --end 3",
        "analyze text.mp4 --out out --device gpu",
        "analyze text.mp4 --out out --fps inf",
        "pose text.mp4 --out out --fps nan",
        "models dance",
        "models import text.csv",
        "info x",
    ],
)
def test_wrong_usage_is_status_2(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    told(command, 2, capsys)


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
