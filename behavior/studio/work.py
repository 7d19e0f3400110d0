"""What the studio can have done: train again on the corrections, choose a model, analyse a source or go on with one."""

from __future__ import annotations

import os
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from behavior.errors import ActionModelError, DataError
from behavior.labels import actions_of
from behavior.pipeline import classify
from behavior.pipeline.latest import latest_picture
from behavior.pipeline.repeat import options
from behavior.pipeline.status import RecordingStatus, statuses_of
from behavior.recognition.model import DEFAULT, HEADER, ActionModelInfo, load_action_model
from behavior.report.models import Coded, Corrected, ModelCard
from behavior.studio.jobs import Job, Jobs
from behavior.studio.shelf import Shelf
from behavior.studio.uploads import FOLDER
from pose.sources import VIDEO_SUFFIXES, is_there
from storage import recordings, runs
from storage.coded import words_of_run
from storage.database import Database
from storage.errors import MissingError
from storage.recordings import folder_name

MODELS = "action_models"
"""Folder of the models that were trained here, beside the reports."""
KINDS = {"few_shot": "quick, for few examples", "ensemble": "thorough"}
"""Kinds of classifier that the page offers."""
MOST_OFFERED = 200
LOOK_EVERY_S = 4.0
"""How often the database is asked how far unfinished recordings are."""
_GROWS_S = 20.0
"""A recording that got frames so lately is at work in some process: a stage commits every five seconds."""


class Work:
    """Jobs on the recordings of a shelf."""

    def __init__(self, shelf: Shelf, jobs: Jobs) -> None:
        self._shelf, self._jobs = shelf, jobs
        self._looked = -LOOK_EVERY_S
        self._unfinished: list[dict[str, Any]] = []
        self._frames: dict[tuple[int, int], tuple[int, float | None]] = {}

    # ---- the model

    def train(self, number: int, classifier: Any) -> Job:
        """Trains on the labels of a database as `posescribe train` does, and names actions with it aside."""
        if classifier not in KINDS:
            raise DataError(f"{classifier!r} is none of {', '.join(KINDS)}")
        where = self._shelf.where(number)
        stem = folder_name(Path(self._shelf.database(number).where).stem)
        folder = self._shelf.folder(number) / MODELS
        name = next(name for at in range(1, 10**6) if not (folder / (name := f"{stem}-corrections-{at}")).exists())
        train = ["train", "--out", str(folder / name), "--name", name, "--classifier", str(classifier)]
        train += ["--data-name", f"labels in {stem}"]
        named = ["classify", "--actions", str(folder / name), "--aside"]
        return self._jobs.start("train", name, number, [[*train, "--", where], [*named, "--", where]])

    def choose(self, number: int, sha256: Any) -> Job | None:
        """What a model says counts from now on; where it has not named actions of everyone, a job that does it."""
        database = self._shelf.database(number)
        model = next((one for one in classify.named_by(database) if one.sha256 == sha256), None)
        if model is None:
            raise DataError(f"no model {str(sha256)[:12]!r} has named actions here")
        if not model.lacks:
            classify.choose(database, model.sha256)
            return None
        place = self._place(number, model.sha256)
        if place is None:
            raise DataError(
                f"{model.name} has not named actions in {', '.join(model.lacks)}, and its folder is not known here; "
                "posescribe classify DB --actions FOLDER does it"
            )
        where = self._shelf.where(number)
        return self._jobs.start("train", model.name, number, [["classify", "--actions", place, "--", where]])

    def models(self, number: int) -> tuple[Coded, list[ModelCard]]:
        """What humans coded, and the models that named actions, the newest first."""
        database = self._shelf.database(number)
        trained = self._trained(number)
        cards = []
        for model in classify.named_by(database):
            folder, info = trained.get(model.sha256, (None, None))
            figures = info.figures if info else {}
            report = folder / "report.html" if folder else None
            cards.append(
                ModelCard(
                    name=model.name,
                    sha256=model.sha256,
                    first=model.first,
                    counts=len(model.counts),
                    n_recordings=len(model.runs),
                    lacks=model.lacks,
                    accuracy=figures.get("clean", {}).get("accuracy"),
                    n_clips=info.data.get("clips") if info else None,
                    protocol=figures.get("protocol", ""),
                    frames=figures.get("frames"),
                    report=f"model/{folder.name}/report.html" if folder and report and report.is_file() else None,
                    changes=classify.changes(database, model) if info else [],
                )
            )
        return self._coded(number), cards

    def training_page(self, number: int, name: str) -> Path:
        """The report of a model that was trained here; raises `MissingError`."""
        for folder, _ in self._trained(number).values():
            if folder.name == name and (folder / "report.html").is_file():
                return folder / "report.html"
        raise MissingError("no such model was trained here")

    def _coded(self, number: int) -> Coded:
        actions: Counter[str] = Counter()
        n_people = n_recordings = 0
        with self._shelf.database(number).reading() as tx:
            for one in recordings.list_recordings(tx):
                now = runs.current(tx, one.id)
                words = words_of_run(tx, now.track.id) if now else {}
                actions.update(one.action for word in words.values() for one in word.said if actions_of(one.action))
                n_people += len(words)
                n_recordings += bool(words)
        return Coded(n_people, n_recordings, [Corrected(*one) for one in sorted(actions.items(), key=lambda a: -a[1])])

    def _trained(self, number: int) -> dict[str, tuple[Path, ActionModelInfo]]:
        folder = self._shelf.folder(number) / MODELS
        found: dict[str, tuple[Path, ActionModelInfo]] = {}
        for header in folder.glob(f"*/{HEADER}"):
            info = _info(header.parent, header.stat().st_mtime_ns)
            if info is not None:
                found[info.sha256] = (header.parent, info)
        return found

    def _place(self, number: int, sha256: str) -> str | None:
        """Where a model lies, as `--actions` takes it."""
        found = self._trained(number).get(sha256)
        if found is not None:
            return str(found[0])
        return DEFAULT if load_action_model(DEFAULT).info.sha256 == sha256 else None

    # ---- analyses

    def analyze(self, number: int, source: Any) -> Job:
        """Analyses a file or a folder of images as `posescribe analyze` does; raises `DataError`."""
        path = Path(str(source).strip()).expanduser()
        if not str(source).strip():
            raise DataError("say which file")
        if not path.is_absolute():
            raise DataError(f"{path}: give the whole path, from the root on")
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        return self._analyze(number, str(path), ["--actions", self._in_use(number)])

    def resume(self, number: int, recording: int) -> Job:
        """Goes on with an analysis that was begun and not finished, with its own settings; raises `DataError`."""
        database = self._shelf.database(number)
        with database.reading() as tx:
            stored = recordings.get_recording(tx, recording)
            listed = runs.list_runs(tx, recording)
        here = [one for one in self.unfinished() if (one["database"], one["recording"]) == (number, recording)]
        if not here:
            raise DataError(f"{stored.name}: nothing is left to do")
        if here[0]["at_work"]:
            raise DataError(f"{stored.name}: another process is at work on it")
        if stored.sha256 is None:
            raise DataError(f"{stored.name}: was live, and can't be gone on with")
        if not is_there(stored.uri):
            raise DataError(f"{stored.uri}: is not there any more")
        looked = sorted((run for run in listed if run.stage == "pose" and run.model_name), key=lambda run: run.done)
        asked = options(looked[0], None) if looked else []
        if "--actions" in asked:  # what is unfinished does not tell how its actions are to be named
            at = asked.index("--actions")
            del asked[at : at + 2]
        return self._analyze(number, stored.uri, [*asked, "--actions", self._in_use(number)])

    def _analyze(self, number: int, source: str, asked: list[str]) -> Job:
        out = str(self._shelf.folder(number))
        command = ["analyze", "--out", out, "--db", self._shelf.where(number), *asked, "--", source]
        return self._jobs.start("analyze", source, number, [command])

    def _in_use(self, number: int) -> str:
        """The model whose bouts count in the most recordings, where it can be found; else the usual one."""
        for model in sorted(classify.named_by(self._shelf.database(number)), key=lambda one: -len(one.counts)):
            if model.counts and (place := self._place(number, model.sha256)):
                return place
        return DEFAULT

    def offered(self, number: int) -> list[str]:
        """Videos that lie where the database or its recordings lie and were not analysed yet, by name."""
        with self._shelf.database(number).reading() as tx:
            known = {os.path.realpath(one.uri) for one in recordings.list_recordings(tx) if "://" not in one.uri}
        own = self._shelf.folder(number)
        folders = {Path(one).parent for one in known} | {own, own / FOLDER}
        found = []
        for folder in sorted(folders):
            try:
                names = (entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
                found += [str(folder / name) for name in names if Path(name).suffix.lower() in VIDEO_SUFFIXES]
            except OSError:  # moved, or not ours to read
                continue
        return [one for one in sorted(found) if os.path.realpath(one) not in known][:MOST_OFFERED]

    # ---- how far all is

    def state(self) -> dict[str, Any]:
        """All jobs, and the unfinished recordings that none of them is of; plain JSON."""
        jobs = self._jobs.list()
        taken = {(job.database, job.about) for job in jobs if job.state != "done"}
        unfinished = [one for one in self.unfinished() if (one["database"], one["source"]) not in taken]
        at_work = any(job.kind == "analyze" and job.state == "running" for job in jobs)
        known = self._recordings() if at_work else {}
        told = [job.to_dict() | {"recording": known.get((job.database, job.about))} for job in jobs]
        return {"jobs": told, "unfinished": unfinished}

    def _recordings(self) -> dict[tuple[int, str], int]:
        found: dict[tuple[int, str], int] = {}
        for number, database in self._shelf.databases():
            with database.reading() as tx:
                found |= {(number, one.uri): one.id for one in recordings.list_recordings(tx)}
        return found

    def latest(self, number: int, recording: int) -> bytes | None:
        """A picture of how far a recording is, see `latest_picture`."""
        return latest_picture(self._shelf.database(number), recording)

    def unfinished(self) -> list[dict[str, Any]]:
        """Recordings whose analysis is not done; `at_work` where frames came in lately."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self._unfinished = [
                self._told(number, one.id, one.uri, found, now)
                for number, database in self._shelf.databases()
                for one, found in _unfinished(database)
            ]
        return self._unfinished

    def _told(self, number: int, recording: int, source: str, found: RecordingStatus, now: float) -> dict[str, Any]:
        frames, grew = self._frames.get((number, recording), (found.frames, None))
        grew = now if found.frames > frames else grew
        self._frames[number, recording] = (found.frames, grew)
        return {
            "database": number,
            "recording": recording,
            "name": found.recording,
            "source": source,
            "frames": found.frames,
            "expected": found.expected,
            "at_work": grew is not None and now - grew < _GROWS_S,
        }

    def again(self, job: int) -> None:
        self._jobs.again(job)

    def stop(self, job: int) -> None:
        self._jobs.stop(job)
        self._looked = -LOOK_EVERY_S

    def close(self) -> None:
        self._jobs.close()


def _unfinished(database: Database) -> list[tuple[recordings.Recording, RecordingStatus]]:
    with database.reading() as tx:
        left = runs.unfinished(tx)
        known = [one for one in recordings.list_recordings(tx) if one.id in left]
    return list(zip(known, statuses_of(database, known), strict=True))


@lru_cache(maxsize=64)
def _info(folder: Path, _written: int) -> ActionModelInfo | None:
    try:
        return load_action_model(folder).info
    except ActionModelError:
        return None
