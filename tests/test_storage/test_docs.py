"""docs/database.md against the real schema: its queries run, its tables are all there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import inspect

from storage import Database, bouts, runs, schema
from storage.bouts import Bout

PAGE = (Path(__file__).parents[2] / "docs" / "database.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?);\n```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_each_query_finds_something(database: Database, tracked: runs.Run, query: str) -> None:
    with database.transaction() as tx:
        actions = runs.start_run(
            tx, tracked.recording_id, "actions", "d", settings={}, version="1", parent_id=tracked.id
        )
        bouts.write_bouts(tx, actions.id, [Bout(1, "walk", 0.0, 0.4, 0, 9, 0.9)])
        runs.finish_run(tx, actions.id)
        rows = tx.exec_driver_sql(query).all()
    assert rows or "decision" in query or "50 * 50" in query


def test_the_tables_are_those_of_the_schema(database: Database, tracked: runs.Run) -> None:
    assert tracked.skeleton == "coco_18"
    rows = re.findall(r"^\| `(\w+)(?:<\w+>)?` \| [^|]* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    told = {name: re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", columns)) for name, columns in rows}
    assert told.pop("keypoints_") == ["run_id", "frame", "person", "score"]
    assert told == {table.name: [column.name for column in table.c] for table in schema.metadata.sorted_tables}
    with database.reading() as tx:
        tables = set(inspect(tx).get_table_names())
        view = [column["name"] for column in inspect(tx).get_columns("tracked_coco_18")]
    assert tables == {*told, "keypoints_coco_18"}
    assert view[:6] == ["run_id", "track_id", "frame", "time_s", "person", "score"]
