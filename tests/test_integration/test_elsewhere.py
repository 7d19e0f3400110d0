"""Recordings that lie on another machine: the same results as of the file itself, and nothing secret kept."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from behavior.cli import main
from behavior.pipeline import stages
from behavior.pipeline.cluster import Order, work
from pose.sources import remote
from storage import poses
from tests.servers import Had, http_server
from tests.test_integration.test_analyze import tables
from tests.test_integration.test_cluster import clips, command_in, content

HOW = ["--start", "3", "--end", "4", "--accuracy", "fast", "--device", "cpu"]
SECRET = "Pa55phrase"


@pytest.fixture(scope="module")
def web(sample_video: Path) -> Iterator[Had]:
    with http_server(sample_video.parent) as had:
        yield had


@pytest.fixture(scope="module")
def of_the_file(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    out = tmp_path_factory.mktemp("file")
    assert main(["analyze", str(sample_video), "--out", str(out), "--no-overlay", *HOW]) == 0
    return tables(out / "posescribe.db")


def secret_address(web: Had, video: Path) -> str:
    return f"{web.address.replace('//', f'//me:{SECRET}@')}/{video.name}?X-Amz-Signature={SECRET}"


def test_as_the_file_itself_without_its_secrets(
    web: Had, sample_video: Path, of_the_file: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = secret_address(web, sample_video)
    web.key = SECRET
    assert main(["analyze", spec, spec, str(tmp_path / "none"), "--out", str(tmp_path / "out"), "--json", *HOW]) == 1
    told = capsys.readouterr()
    folder = tmp_path / "out" / sample_video.stem
    assert json.loads(told.out)["results"][0]["source"] == f"{web.address}/{sample_video.name}"
    found = tables(tmp_path / "out" / "posescribe.db")
    assert [reason for _, reason, _ in found.pop("failure")] == [f"{tmp_path / 'none'}: no such file or folder"]
    assert found == {name: rows for name, rows in of_the_file.items() if name != "failure"}
    assert (folder / "video.mp4").exists()
    assert f"posescribe analyze {web.address}/{sample_video.name}" in (folder / "report.html").read_text()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept
    assert SECRET not in told.out + told.err
    again = ["report", str(tmp_path / "out" / "posescribe.db"), "--out", str(tmp_path / "again")]
    assert main(again) == 0
    assert "There is no new overlay: " in capsys.readouterr().err
    web.key = ""
    assert main(again) == 0
    assert (tmp_path / "again" / sample_video.stem / "overlay.mp4").exists()


def test_a_lost_connection_loses_nothing(
    web: Had,
    sample_video: Path,
    of_the_file: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = poses.append_frames

    def then_break(*given: Any) -> None:
        store(*given)
        web.breaks = 10**6

    command = ["analyze", secret_address(web, sample_video), "--out", str(tmp_path), "--no-overlay", *HOW]
    with monkeypatch.context() as patched:
        patched.setattr(stages, "COMMIT_EVERY_S", 0)
        patched.setattr(remote, "WAITS_S", (0.01,))
        patched.setattr(remote, "_BLOCK", 2**15)
        patched.setattr(poses, "append_frames", then_break)
        assert main([*command, "--in-flight", "1", "--batch", "1"]) == 1
    web.breaks = 0
    told = capsys.readouterr().err
    assert f"{web.address}/{sample_video.name}: no connection" in told
    assert "tried 2 times" in told
    assert SECRET not in told
    assert main(command) == 0
    assert "going on after frame" in capsys.readouterr().err
    assert tables(tmp_path / "posescribe.db") == of_the_file


def test_workers_read_where_it_lies(sample_video: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    films = tmp_path / "films"
    films.mkdir()
    sources = clips(sample_video, films, 2)
    how = ["--no-overlay", *HOW, "--end", "3.3"]
    assert main(["analyze", *sources, "--out", str(tmp_path / "alone"), *how]) == 0
    with http_server(films) as web:
        pattern = f"{web.address.replace('//', f'//me:{SECRET}@')}/*.mp4"
        arguments = ["analyze", pattern, f"{web.address}/none.mp4", "--out", str(tmp_path / "out"), "--workers", "2"]
        done = subprocess.run(
            [*command_in(tmp_path), *arguments, *how], capture_output=True, text=True, timeout=400, check=False
        )
    assert done.returncode == 1, done.stderr
    assert "none.mp4: the server says 404" in done.stderr
    assert SECRET not in done.stderr
    assert content(tmp_path / "out" / "posescribe.db") == content(tmp_path / "alone" / "posescribe.db")
    with sqlite3.connect(tmp_path / "out" / "posescribe.db") as connection:
        places = sorted(connection.execute("SELECT uri FROM recording").fetchall())
    connection.close()
    assert places == [(f"{web.address}/clip0.mp4",), (f"{web.address}/clip1.mp4",)]


def test_a_worker_says_that_another_time_may_do(tmp_path: Path) -> None:
    usual = {"precision": None, "max_people": None, "start_s": None, "end_s": None, "every": 1, "overlay": False}
    networks = {"model": "movenet_multipose", "device": "cpu", "actions": "none"}
    order = Order(networks, {"accuracy": "fast", **usual}, (), str(tmp_path))
    told = json.loads(work(json.dumps(asdict(order)), "sftp://127.0.0.1:1/x.mp4", str(tmp_path / "part.db")))
    assert told == {
        "error": "sftp://127.0.0.1:1/x.mp4: no connection (ConnectionRefusedError); is its server there?",
        "again": True,
    }
