"""`posescribe status`: what it says is what is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from behavior.cli import main
from behavior.pipeline.commands import noting_failure
from storage import open_database, recordings, schema


def look(world: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["status", str(world.db), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_is_done_has_nothing_left(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = look(world, capsys)
    assert found["recordings"] == {"all": 1, "done": 1, "unfinished": 0, "waiting": 0, "failed": 0}
    assert (found["frames"], found["frames_per_second"], found["remaining_s"]) == (60, 60.0, 0.0)
    assert found["video_s"] == pytest.approx(59 / 30, abs=1e-3)
    (one,) = found["each"]
    assert 0 <= one["age_s"] < 600
    assert (one["recording"], one["state"], one["broke_off"]) == ("hall", "done", False)


def test_what_was_stopped_in_the_middle_has_a_rest(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with open_database(world.db) as database, database.transaction() as tx:
        run = schema.run.c
        tx.execute(delete(schema.run).where(run.stage != "pose"))
        tx.execute(update(schema.run).values(status="running", finished=None, chosen=None))
        tx.execute(update(schema.run).values(extra={"seconds": 2.0, "skipped": 3, "broke_off": True}))
        tx.execute(delete(schema.frame).where(schema.frame.c.frame >= 20))
        tx.execute(update(schema.recording).values(n_frames=60))
        recordings.ensure_recording(
            tx, name="hall two", uri="x.mp4", kind="video", sha256="1" * 64, width=1, height=1, n_frames=10
        )
    found = look(world, capsys)
    assert found["recordings"] == {"all": 2, "done": 0, "unfinished": 1, "waiting": 1, "failed": 0}
    assert (found["frames_per_second"], found["remaining_frames"], found["remaining_s"]) == (10.0, 50, 5.0)
    assert (found["skipped_frames"], found["broke_off"]) == (3, 1)
    assert main(["status", str(world.db)]) == 0
    told = capsys.readouterr().out
    assert "2 recordings: 0 done, 1 unfinished, 1 waiting" in told
    assert "the rest takes: 5 s by one process" in told
    assert "hall: unfinished, 20 of about 60 frames" in told
    assert "3 frames could not be decoded, the source broke off" in told


def test_a_part_of_unknown_length_has_no_estimate(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with open_database(world.db) as database, database.transaction() as tx:
        tx.execute(delete(schema.run).where(schema.run.c.stage != "pose"))
        tx.execute(update(schema.run).values(settings={"part": {"start_s": 1.0, "end_s": None, "every": 1}}))
        tx.execute(update(schema.recording).values(n_frames=60))
    assert look(world, capsys)["remaining_s"] is None


def test_a_database_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "nowhere.db"]) == 1
    assert "nowhere.db: no such database" in capsys.readouterr().err


def test_a_source_that_failed_is_told_until_it_is_analysed(
    world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noted by the command itself; that it went well then is the database's business here."""
    broken, gone = tmp_path / "broken.mp4", tmp_path / "gone.mp4"
    broken.write_bytes(b"no video")
    models = ["--out", str(tmp_path / "o"), "--db", str(world.db), "--actions", "none", "--device", "cpu"]
    assert main(["analyze", str(broken), str(gone), *models]) == 1
    found = look(world, capsys)
    assert found["recordings"] == {"all": 3, "done": 1, "unfinished": 0, "waiting": 0, "failed": 2}
    assert found["remaining_s"] == 0.0
    failed = {one["recording"]: one for one in found["each"] if one["state"] == "failed"}
    assert set(failed) == {str(broken), str(gone)}
    assert failed[str(gone)]["reason"].endswith("gone.mp4: no such file or folder")
    assert 0 <= (datetime.now(UTC) - datetime.fromisoformat(failed[str(broken)]["failed"])).total_seconds() < 600
    assert main(["status", str(world.db)]) == 0
    assert f"{gone}: failed " in capsys.readouterr().out
    with open_database(world.db) as database, database.transaction() as tx:
        recordings.ensure_recording(
            tx, name="gone", uri=str(gone), kind="video", sha256="1" * 64, width=1, height=1, n_frames=10
        )
    told = {one["recording"]: one for one in look(world, capsys)["each"]}
    assert told["gone"]["state"] == "waiting", "begun since; its last failure stands beside"
    assert "no such file" in told["gone"]["reason"]
    with open_database(world.db) as one, noting_failure(one, str(gone)), noting_failure(one, str(broken)):
        pass
    assert look(world, capsys)["recordings"]["failed"] == 0
