from __future__ import annotations

from pathlib import Path

import pytest

from behavior.corrections.edit_files import read_edits, write_edits
from behavior.errors import DataError
from pose.tracking import Edit


def test_edits_are_read_from_csv(tmp_path: Path):
    file = tmp_path / "edits.csv"
    file.write_text(
        "action,person,other,frame,decision\nmerge,1,4\nsplit,2,,120,\ndrop,3,,\nrename,1,8,\nrename,8,Ada\nundo,,,,5\n"
    )
    edits = [
        Edit("merge", 1, 4), Edit("split", 2, frame=120), Edit("drop", 3), Edit("rename", 1, 8),
        Edit("rename", 8, name="Ada"), Edit("undo", decision=5),
    ]  # fmt: skip
    assert read_edits(file) == edits
    write_edits(edits, tmp_path / "again.csv")
    assert read_edits(tmp_path / "again.csv") == edits


@pytest.mark.parametrize("row", ["fold,1,2,", "merge,1,,", "split,1,,", "drop,one,,", "merge,1,1,", "drop", "undo,1,,"])
def test_wrong_line_of_edits_is_named(tmp_path: Path, row: str):
    file = tmp_path / "edits.csv"
    file.write_text(f"action,person,other,frame\ndrop,3,,\n{row}\n")
    with pytest.raises(DataError, match=r"edits\.csv, line 3"):
        read_edits(file)


def test_missing_file_of_edits(tmp_path: Path):
    with pytest.raises(DataError, match="can't read the edits"):
        read_edits(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("what,who\nmerge,1\n")
    with pytest.raises(DataError, match="line 1: has the columns what,who"):
        read_edits(tmp_path / "other.csv")


# --- clothes ----------------------------------------------------------------------------------------------------------
