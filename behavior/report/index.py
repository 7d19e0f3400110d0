"""The page over several recordings: a picture of each, how far it is, who coded in it, and search."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Place:
    """A database of the studio: its number, what to call it, and videos that could be analysed."""

    number: int
    name: str
    offered: Sequence[str]


def render_index(
    cards: Sequence[Card], title: str, places: Sequence[Place] = (), suffixes: Collection[str] = ()
) -> tuple[str, str]:
    """The page as HTML, and its content-security policy, which it also has in itself. Names are escaped.

    In the studio, which has `places`, it also tells of what is at work, and begins and stops it; files whose names end
    in `suffixes` can be dropped on it.
    """
    script = "start" if places else "search"
    return render(
        "index.html", script, cards=cards, title=title, places=places, suffixes=sorted(suffixes), talks=bool(places)
    )


def render_waiting() -> tuple[str, str]:
    """What stands in for a report while it is told anew; looks again every second."""
    return render("waiting.html", "waiting")


def render(template: str, script: str, *, talks: bool = False, **about: Any) -> tuple[str, str]:
    """A page of this folder with one script, and its policy; one that `talks` may ask its own server."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["clock"] = clock
    environment.filters["percent"] = lambda share: "–" if share is None else f"{100 * share:.1f} %"
    environment.filters["decimal"] = lambda value: "–" if value is None else f"{value:.2f}".replace("-", "−")
    text = one_script(script)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    asks = " connect-src 'self';" if talks else ""
    policy = (
        f"default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        f"{asks} base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template(template).render(
        policy=policy, script=text, style=Markup((folder / "page.css").read_text(encoding="utf-8")), **about
    )
    return page, policy
