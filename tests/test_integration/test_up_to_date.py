"""What is done is not done again, what is not done is not said to be: on a clip of a few frames."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from behavior.cli import main
from behavior.pipeline import commands, drawing, stages, tell
from behavior.pipeline.loading import Models
from behavior.pipeline.settings import Settings
from pose.settings import EngineSettings
from pose.sources.video import VideoSource
from storage import open_database, recordings, runs

OLD = Path(__file__).parents[1] / "test_storage" / "schema_2.sql"
SAYS = "nothing to do"


class Silent:
    """A narrator that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, what: str, done: int, total: int | None) -> None:
        pass


@pytest.fixture
def clip(media: Any) -> Path:
    path: Path = media.video("clip.mp4", n_frames=8)
    return path


@pytest.fixture
def analyze(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Analyses the clip, and gives what was said."""

    def run(*options: str, out: str = "out", code: int = 0) -> str:
        command = ["analyze", str(clip), "--out", str(tmp_path / out), "--net-size", "64", "--device", "cpu", *options]
        assert main(command) == code
        return capsys.readouterr().err

    return run


def test_a_source_is_hashed_once_and_opened_for_each_pass(
    analyze: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"hash": 0, "open": 0}

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **settings: Any) -> Any:
            counts[name] += 1
            return function(*args, **settings)

        return call

    for module in (commands, stages, drawing):
        for name, function in (("hash", "source_hash"), ("open", "open_source")):
            if hasattr(module, function):
                monkeypatch.setattr(module, function, counted(name, getattr(module, function)))
    analyze()
    assert counts == {"hash": 1, "open": 2}


def test_a_file_that_is_not_as_it_was_written_is_written_again(analyze: Callable[..., str], tmp_path: Path) -> None:
    assert SAYS not in analyze()
    assert SAYS in analyze()
    folder = tmp_path / "out" / "clip"
    for name in ("overlay.mp4", "report.html", "features.parquet"):
        (folder / name).unlink()
        assert SAYS not in analyze(), name
        assert (folder / name).stat().st_size
    (folder / "bouts.csv").write_bytes(b"")
    assert SAYS not in analyze()
    assert (folder / "bouts.csv").read_text().startswith("track_id")
    assert SAYS in analyze()


def test_a_run_stopped_while_it_writes_vouches_for_nothing(
    analyze: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tell, "write_page", killed)
        analyze("--end", "0.1", code=130)
    assert SAYS not in analyze()
    assert json.loads((tmp_path / "out" / "clip" / "run.json").read_text())["result"]["frames"] == 8


def test_a_folder_that_goes_while_it_is_written_is_an_error(
    analyze: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = tell.write_page

    def write_and_lose(*args: Any) -> None:
        write(*args)
        for file in (tmp_path / "out" / "clip").glob("*.*"):
            file.unlink()

    monkeypatch.setattr(tell, "write_page", write_and_lose)
    assert "was written and is gone" in analyze(code=1)
    assert not (tmp_path / "out" / "clip" / "run.json").exists()


def test_two_databases_do_not_share_a_folder(analyze: Callable[..., str], tmp_path: Path) -> None:
    analyze()
    told = analyze("--db", str(tmp_path / "other.db"), code=1)
    assert "another database" in told
    assert "choose another --out" in told
    for file in (tmp_path / "out").glob("posescribe.db*"):
        file.unlink()
    analyze("--db", str(tmp_path / "other.db"))  # the first one is gone


def test_settings_asked_for_last_count_though_nothing_is_done(analyze: Callable[..., str], tmp_path: Path) -> None:
    def counting() -> tuple[int, bool]:
        with open_database(tmp_path / "out" / "posescribe.db") as database, database.reading() as tx:
            now = runs.current(tx, 1)
            assert now is not None
            return now.pose.id, now.actions is not None

    analyze()
    first = counting()
    analyze("--end", "0.1")
    assert counting() != first
    analyze()
    assert counting() == first
    analyze("--actions", "none")
    assert counting() == (first[0], False)


def test_a_source_that_broke_off_is_looked_at_again(
    analyze: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = VideoSource._pictures

    def broken(source: VideoSource) -> Any:
        for picture in whole(source):
            if picture.index == 4:
                source._break_off("reading ended early: the drive is gone")
                return
            yield picture

    def count() -> int:
        return int(json.loads((tmp_path / "out" / "clip" / "run.json").read_text())["result"]["frames"])

    with monkeypatch.context() as patched:
        patched.setattr(VideoSource, "_pictures", broken)
        analyze("--no-overlay")
        assert count() == 4
    assert SAYS not in analyze("--no-overlay")
    assert count() == 8
    assert SAYS in analyze("--no-overlay")


def test_a_source_replaced_while_it_is_read_is_not_stored(
    analyze: Callable[..., str], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = stages.poses.append_frames

    def append(*args: Any) -> None:
        appended(*args)
        with clip.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(stages.poses, "append_frames", append)
    assert "changed while it was read" in analyze(code=1)
    with open_database(tmp_path / "out" / "posescribe.db") as database, database.reading() as tx:
        assert runs.list_runs(tx, 1) == []


def test_parquet_says_what_made_it(analyze: Callable[..., str], tmp_path: Path) -> None:
    analyze("--no-overlay")
    for name in ("tracks.parquet", "features.parquet"):
        path = tmp_path / "out" / "clip" / name
        made = json.loads(pq.read_schema(path).metadata[b"posescribe"])
        made = made[0] if isinstance(made, list) else made
        assert [run["stage"] for run in made["runs"]] == ["pose", "track"]
        assert len(made["source"]["sha256"]) == 64
        assert made["runs"][0]["model_sha256"]
        assert not pd.read_parquet(path).attrs.get("posescribe")


def test_what_a_release_left_is_not_done_again_until_the_algorithm_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    connection.close()

    def engine(_: Any) -> Any:
        raise AssertionError("the network is asked for")

    models: Any = Models(SimpleNamespace(sha256="51f8" * 16), lambda _: None, lambda _: {}, engine, None)  # type: ignore[arg-type]
    settings, narrator = Settings(engine=EngineSettings(net_height=368), clothes=True), Silent()
    monkeypatch.setattr(stages, "POSE", 1)  # as in that release
    with open_database(tmp_path / "old.db") as database:
        with database.transaction() as tx:
            recordings.ensure_recording(
                tx, name="walk", uri="walk.mp4", kind="video", sha256="0" * 64, width=1, height=1, clock="source"
            )
            recording: Any = stages.Recording(recordings.get_recording(tx, 1), tmp_path)

        def done() -> tuple[int, int]:
            pose_run = stages.find_people(database, recording, models, settings, narrator)  # type: ignore[arg-type]
            return pose_run.id, stages.follow_people(database, pose_run, settings, narrator).id  # type: ignore[arg-type]

        first = done()
        assert first[0] == 1
        monkeypatch.setattr(stages, "VERSION", "99.0")
        assert done() == first
        monkeypatch.setattr(stages, "TRACKER", 99)
        assert done() == (1, first[1] + 1)
        monkeypatch.setattr(stages, "POSE", 99)
        with pytest.raises(AssertionError, match="network"):
            done()


def test_what_0_1_0_took_as_usual_still_is() -> None:
    """A setting with another usual value needs a higher `ALGORITHM`."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        stored = json.loads(connection.execute("SELECT settings FROM run WHERE stage = 'pose'").fetchone()[0])
    connection.close()
    assert stages.POSE > 1 or stages.unusual(stored, stages.pose_settings(Settings())) == {"clothes": True}
