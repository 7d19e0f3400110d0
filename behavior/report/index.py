"""The page over several recordings: a picture of each, how far it is, who coded in it, and search."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from behavior.report.figures import clock
from behavior.report.script import one_script


@dataclass(frozen=True)
class Card:
    """What the page says of a recording.

    Attributes:
        name, database: its own, and that of its database.
        link: address of its report; None where it was not analysed.
        picture: address of one of its scene; None where there is none.
        duration_s: seconds; None when unknown.
        people: how many; None where it was not analysed.
        bouts: automatic ones; None where no actions were named.
        coders: who coded in it, and when last; empty without.
    """

    name: str
    database: str
    link: str | None
    picture: str | None
    duration_s: float | None
    people: int | None
    bouts: int | None
    coders: str


def render_index(cards: Sequence[Card], title: str) -> tuple[str, str]:
    """The page as HTML, and its content-security policy, which it also has in itself. Names are escaped."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["clock"] = clock
    script = one_script("search")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template("index.html").render(
        cards=cards,
        title=title,
        policy=policy,
        script=script,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
    )
    return page, policy
