"""What a page over several recordings says of each; the page beside the reports of a database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection

from behavior.pipeline.drawing import STILLS
from behavior.report.index import Card, render_index
from storage import bouts, recordings, runs, tracks
from storage.database import Database
from storage.files import write_bytes
from storage.recordings import Recording

INDEX = "recordings.html"
"""In the folder of the reports."""


def card_of(tx: Connection, stored: Recording, database: str, link: str | None, picture: str | None) -> Card:
    """The card of a recording; `link` counts where it was analysed."""
    now = runs.current(tx, stored.id)
    sources = bouts.list_annotation_sources(tx, stored.id)
    coders = ""
    if sources:
        who = sorted({source.coder or "somebody" for source in sources})
        coders = f"{', '.join(who)}; last {shown(sources[-1].added)}"
    return Card(
        name=stored.name,
        database=database,
        link=None if now is None else link,
        picture=picture,
        duration_s=stored.duration_s,
        people=None if now is None else len(tracks.list_tracks(tx, now.track.id)),
        bouts=None if now is None or now.actions is None else len(bouts.read_bouts(tx, now.actions.id)),
        coders=coders,
    )


def write_index(database: Database, out: Path) -> Path:
    """Writes the page over all recordings of a database beside their reports; raises `OutputError`."""
    with database.reading() as tx:
        known = recordings.list_recordings(tx)
        cards: list[Card] = []
        for key, folder in recordings.result_folders(known).items():
            folder = f"{folder}-results" if (out / folder).is_file() else folder
            told = (out / folder / "report.html").is_file()
            scene = out / folder / STILLS / "scene.jpg"
            card = card_of(
                tx,
                recordings.get_recording(tx, key),
                Path(database.where).name,
                f"{quote(folder)}/report.html" if told else None,
                f"{quote(folder)}/{STILLS}/scene.jpg" if scene.is_file() else None,
            )
            cards.append(card)
    page, _ = render_index(cards, "Posescribe recordings")
    write_bytes(out / INDEX, page.encode())
    return out / INDEX


def shown(moment: datetime) -> str:
    """A moment by this machine's clock."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
