"""`posescribe merge` on databases as they come out of a command."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from behavior.cli import main


def test_what_was_merged_can_be_reported(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    world.label("1,wave,0.2,0.7")
    merged = world.db.parent / "all.db"
    assert main(["merge", str(merged), str(world.db), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert found == {"database": str(world.db), "recordings": 1, "runs": 3, "labels": 1, "scenes": 0}
    shutil.move(merged, world.db)
    world.report("--no-overlay")
    assert world.table("bouts.csv").source.tolist() == ["human", "automatic"]


def test_one_that_is_not_there_is_named_and_holds_nothing_up(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    merged = world.db.parent / "all.db"
    assert main(["merge", str(merged), "nowhere.db"]) == 1
    assert "nowhere.db: no such database" in capsys.readouterr().err
    assert not merged.exists()
    assert main(["merge", str(merged), "nowhere.db", str(world.db)]) == 1
    told = capsys.readouterr().err
    assert "left out: nowhere.db: no such database" in told
    assert "1 recordings, 3 runs" in told
