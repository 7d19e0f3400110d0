"""The recordings of the studio's databases, the folders of their reports, and what is corrected in them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from behavior.corrections.edit_files import edits_of
from behavior.corrections.people import change
from behavior.errors import DataError
from behavior.pipeline.commands import current_report, report_files, report_pictures
from behavior.pipeline.index import card_of, shown
from behavior.pipeline.progress import Narrator
from behavior.report.index import Card
from storage import bouts, open_database, recordings, runs, tracks
from storage.bouts import Annotation
from storage.coded import told_words
from storage.database import Database
from storage.errors import MissingError, StorageError


class Conflict(Exception):
    """Somebody saved since the page was opened; the text says who and when."""


class Shelf:
    """Several databases.

    Args:
        databases: files or URLs; they must be there.
        out: folder of the reports; None: beside each database.
        narrator: hears what is done.
    """

    def __init__(self, databases: Sequence[str], out: Path | None, narrator: Narrator) -> None:
        self._databases = [open_database(database, create=False) for database in databases]
        self._where = list(databases)
        self._files = [_file_of(database) for database in databases]
        self._out = out
        self._narrator = narrator
        self._telling, self._asking = threading.Lock(), threading.Lock()
        self._teller = ThreadPoolExecutor(thread_name_prefix="teller")
        self._under_way: dict[tuple[int, int], Future[tuple[Mapping[str, Path], dict[str, str]]]] = {}
        for database in databases:
            if out is None and "://" in database:
                raise DataError(f"{database}: no file, so say where its reports go: --out DIR")

    def close(self) -> None:
        self._teller.shutdown()
        for database in self._databases:
            database.close()

    def where(self, number: int) -> str:
        """A database as it was given; raises `MissingError`."""
        self.database(number)
        return self._where[number]

    def databases(self) -> list[tuple[int, Database]]:
        """Raises `StorageError` where one is not there any more."""
        return [(number, self.database(number)) for number in range(len(self._databases))]

    def called(self, number: int) -> str:
        """The name of a database's file, with the whole way to it where another one has that name."""
        names = [Path(database.where).name for database in self._databases]
        return names[number] if names.count(names[number]) == 1 else self._databases[number].where

    def folder(self, number: int) -> Path:
        """Of a database's reports."""
        return self._out or Path(self._where[number]).expanduser().absolute().parent

    def cards(self) -> list[Card]:
        """All recordings."""
        cards = []
        for number, database in self.databases():
            with database.reading() as tx:
                for stored in recordings.list_recordings(tx):
                    place = f"{number}/{stored.id}"
                    picture = f"{place}/scene.jpg" if self.pictures(number, stored.id) else None
                    cards.append(card_of(tx, stored, database.where, f"{place}/report.html?studio", picture))
        return cards

    def report(self, number: int, recording: int) -> Mapping[str, Path]:
        """The files of a recording's report by name, told anew where what is stored has changed.

        Raises `MissingError` when there is no such recording, or it was not analysed.
        """
        with self._telling:
            return current_report(self.database(number), recording, self.folder(number), self._narrator)

    def report_within(
        self, number: int, recording: int, most_s: float
    ) -> tuple[Mapping[str, Path], dict[str, str]] | None:
        """The same, and the `stamp` of what it surely tells; None where it takes longer than that, and goes on."""
        with self._asking:
            told = self._under_way.get((number, recording))
            if told is None or told.done():  # what was told then may have changed since
                told = self._teller.submit(self._told, number, recording)
                self._under_way[number, recording] = told
        try:
            return told.result(most_s)
        except TimeoutError:
            return None

    def _told(self, number: int, recording: int) -> tuple[Mapping[str, Path], dict[str, str]]:
        stamp = self.stamp(number, recording)  # before: what comes in meanwhile may be told, too, or not
        return self.report(number, recording), stamp

    def files(self, number: int, recording: int) -> Mapping[str, Path]:
        """The files of the report as it was told last."""
        return report_files(self.database(number), recording, self.folder(number))

    def pictures(self, number: int, recording: int) -> Mapping[str, Path]:
        """`scene.jpg`, where the report has one."""
        return report_pictures(self.database(number), recording, self.folder(number))

    def stamp(self, number: int, recording: int) -> dict[str, str]:
        """Digests of what the database says of a recording: what humans coded, who is who, and which actions count."""
        with self.database(number).reading() as tx:
            return _stamp(tx, recording)

    def save(self, number: int, recording: int, said: Mapping[str, Any]) -> dict[str, Any]:
        """Stores all that a coder says of one person: `{"person", "bouts", "coder", "known", "force"}`.

        `bouts` are `{"action", "start", "stop", "mark"}`, seconds: where they are they count, `unknown` for nothing;
        none takes the coder's corrections of the person away. `known` is the `stamp` of what the page shows.

        Returns:
            `before` and `stamp`, what there was to know just before and after, and when it was, `at`.

        Raises:
            DataError: something in it is missing or wrong, or people are not who they were.
            Conflict: what humans coded is not what is `known`, and `force` does not say that the coder was told so.
        """
        person, coder = said.get("person"), (said.get("coder") or "").strip() or None
        known = _known(said)
        with self.database(number).transaction() as tx:  # nobody else's change comes in between
            before = _stamp(tx, recording)
            _refuse_others(before, known)
            now = runs.current(tx, recording)
            people = {} if now is None else {track.track_id: track for track in tracks.list_tracks(tx, now.track.id)}
            if person not in people:
                raise DataError(f"there is no person {person!r}")
            if before["labels"] != known.get("labels") and not said.get("force"):
                sources = bouts.list_annotation_sources(tx, recording)
                last = f", last by {sources[-1].coder or 'somebody'} at {shown(sources[-1].added)}" if sources else ""
                raise Conflict(f"somebody changed what is coded here after this page was loaded{last}")
            annotations = [_annotation(one, person, people[person].name) for one in said.get("bouts") or []]
            bouts.write_corrections(tx, recording, annotations, [person], coder)
            after = _stamp(tx, recording)
        return {"before": before, "stamp": after, "at": shown(datetime.now().astimezone())}

    def edit_people(self, number: int, recording: int, said: Mapping[str, Any]) -> None:
        """Changes of who is who, `{"rows", "known"}`: as in a file of edits, and as in `save`; raises `DataError`."""
        with self._telling:
            _refuse_others(self.stamp(number, recording), _known(said))
            change(self._where[number], str(recording), edits_of(said.get("rows") or []), self._narrator)

    def database(self, number: int) -> Database:
        """Raises `MissingError`, and `StorageError` where its file is not the one that was opened any more.

        What is open could still be read and written, and would be lost with all that is saved into it.
        """
        if not 0 <= number < len(self._databases):
            raise MissingError(f"there is no database {number}")
        if _file_of(self._where[number]) != self._files[number]:
            raise StorageError(
                f"{self._where[number]}: was deleted, moved or replaced while the studio runs; nothing can be saved."
                " Put it back, or end the studio and start it again"
            )
        return self._databases[number]


def _stamp(tx: Connection, recording: int) -> dict[str, str]:
    now = runs.current(tx, recording)
    if now is None:
        recordings.get_recording(tx, recording)
        return {"labels": "", "people": "", "actions": ""}
    names = [(track.track_id, track.name) for track in tracks.list_tracks(tx, now.track.id)]
    return {
        "labels": runs.fingerprint(coded=told_words(tx, now.track.id)),
        "people": runs.fingerprint(run=now.track.id, names=names),
        "actions": str(now.actions.id if now.actions else ""),
    }


def _known(said: Mapping[str, Any]) -> Mapping[str, Any]:
    known = said.get("known")
    if not isinstance(known, dict):
        raise DataError("say what is known of the recording")
    return known


def _refuse_others(stamp: Mapping[str, str], known: Mapping[str, Any]) -> None:
    """Raises `DataError` where a number may be another person's than on the page."""
    if stamp["people"] != known.get("people"):
        raise DataError("who is who was changed after this page was loaded; load it again")


def _file_of(database: str) -> tuple[int, int] | None:
    """Which file it is; None for one that is not there, or a server's."""
    try:
        about = Path(database.removeprefix("sqlite:///")).expanduser().stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _annotation(said: Any, person: int, name: str | None) -> Annotation:
    try:
        action, start, stop, mark = str(said["action"]).strip(), float(said["start"]), float(said["stop"]), said["mark"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a bout needs action, start, stop and mark ({error})") from error
    if not action or not 0 <= start < stop < 1e9:
        raise DataError(
            f"a bout needs an action and must stop after it starts, got {action!r} from {start} to {stop} s"
        )
    return Annotation(action, start, stop, name or f"Person {person}", person, False, str(mark) or None)
