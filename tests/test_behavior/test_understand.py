"""What the page draws of time bins and transitions."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from behavior.report.sequence import GONE, NOTHING, TRANSITION_COLUMNS
from behavior.report.tables import BIN_COLUMNS
from behavior.report.understand import MOST_IN_DIAGRAM, bins_views, matrix_view


def test_bins_of_people_who_come_late() -> None:
    """Person 1 is there from 4 s on, person 2 from 0 s: a cell without a number where nobody could see person 1."""
    columns = ["track_id", "action", *BIN_COLUMNS, "total_s", "share"]
    early = [(2, "walk", 0, 2, 0, 0), (2, "walk", 2, 4, 2, math.nan), (9, "walk", 0, 2, 2, 1)]
    rows = [(1, "walk", 4, 6, 1.0, 0.5), (1, "hop", 4, 6, 0, 0), *early, (2, "walk", 4, 6, 2, 1)]
    (view,) = bins_views({2.0: pd.DataFrame(rows, columns=columns)}, {"walk": 0, "hop": 1}, [1, 2])
    assert view.starts == ("0:00", "0:02", "0:04")
    shown = [(row.track_id, row.action, [cell.text for cell in row.cells]) for row in view.rows]
    assert shown == [(1, "walk", ["", "", "50"]), (2, "walk", ["0", "", "100"])]


def test_the_matrix_adds_people_up() -> None:
    rows = [
        (1, "a", "b", 2, 1.0),
        (2, "a", "b", 1, 0.5),
        (2, "a", NOTHING, 1, 0.5),
        (2, "b", "b", 4, 1.0),
        (1, "b", GONE, 1, 1),
    ]
    matrix = matrix_view(pd.DataFrame(rows, columns=list(TRANSITION_COLUMNS)), {"b": 0, "a": 1})
    assert matrix is not None
    assert matrix.columns == ("b", "a", NOTHING, GONE)
    assert [(name, [cell.text for cell in cells], total) for name, cells, total in matrix.rows] == [
        ("b", ["4", "", "", "1"], 5),
        ("a", ["3", "", "1", ""], 4),
    ]
    assert matrix.rows[1][1][0].share == pytest.approx(0.75)
    assert [(arrow.count, arrow.rank) for arrow in matrix.arrows] == [(3, 1)], "what follows itself has no arrow"


def test_the_diagram_leaves_out_the_rarest() -> None:
    names = [f"action {k:02d}" for k in range(MOST_IN_DIAGRAM + 3)]
    rows = [(1, name, names[0], k + 1, 1.0) for k, name in enumerate(names) if k]
    ranks = {name: k for k, name in enumerate(names)}
    matrix = matrix_view(pd.DataFrame(rows, columns=list(TRANSITION_COLUMNS)), ranks)
    assert matrix is not None
    assert {node.action for node in matrix.nodes} == {names[0], *names[4:]}
    assert matrix.left_out == 3
    assert len(matrix.arrows) == MOST_IN_DIAGRAM - 1
    assert matrix_view(pd.DataFrame([], columns=list(TRANSITION_COLUMNS)), {}) is None
