from __future__ import annotations

from pathlib import Path

from pose.weights.tables import networks_markdown

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


def test_the_table_of_networks_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert networks_markdown() in page, "run: python -m pose.weights, and put its table into docs/networks.md"
