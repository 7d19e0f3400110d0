"""A film cut into parts: joined, it is what one process makes of the whole."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest

from behavior.cli import main
from behavior.errors import DataError
from behavior.pipeline import stages
from behavior.pipeline.commands import find_recording
from behavior.pipeline.cutting import cut_recording, find_part, join
from behavior.pipeline.loading import Models, load_models
from behavior.pipeline.settings import Settings, make_settings
from behavior.pipeline.stages import find_people
from pose.sources import open_source, remote
from pose.sources.cuts import Stretch
from storage import open_database, poses, recordings, runs
from storage.database import Database
from tests.servers import http_server
from tests.test_integration.test_cluster import Server, begun, command_in, content, kill_who_has
from tests.test_integration.test_cluster import server as server
from tests.test_pose.test_cuts import with_broken

PART_S = 16 / 30
Whole = tuple[dict[str, list[Any]], runs.Run]
HOW = {"accuracy": "fast", "precision": None, "max_people": None, "start_s": None, "end_s": None, "every": 1,
       "clothes": True, "overlay": False}  # fmt: skip


class Silent:
    def say(self, text: str) -> None:
        pass

    def step(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def film(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people of the sample, seen by a camera that pans; 60 frames with B-frames and open groups."""
    path = tmp_path_factory.mktemp("film") / "pan.mp4"
    with av.open(str(path), "w") as file, open_source(sample_video, start_s=3, end_s=5) as source:
        stream = file.add_stream("libx264", rate=30, options={"x264-params": "open-gop=1:keyint=25:bframes=3"})
        stream.width, stream.height = 880, 496
        for frame in source:
            small = frame.image[::2, ::2]
            picture = np.roll(small, -2 * (frame.index % 60), axis=1)[:496]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models("movenet_multipose", "cpu", "none", Silent())


SETTINGS = make_settings(**HOW)


def rows(database: Database) -> dict[str, list[Any]]:
    """Everything that is stored of frames."""
    tables = ("frame", "camera_shift", "clothing", "keypoints_coco_18")
    with database.reading() as tx:
        return {
            name: [row[1:] for row in tx.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1, 2, 3")] for name in tables
        }


def part_by_part(
    folder: Path,
    film: Path | str,
    models: Models,
    settings: Settings,
    *,
    only: int | None = None,
    url: str | None = None,
) -> tuple[list[Stretch], list[str]]:
    """Each part in a database of its own, or all on a server, as workers do it; `only` so many, the last ones."""
    (folder / "parts").mkdir(exist_ok=True)
    with open_database(url or folder / "parts" / "pan-0.db") as database:
        stretches = cut_recording(database, str(film), folder, models, settings, PART_S)
    kept_in = [url or str(folder / "parts" / f"pan-0.{number}.db") for number in range(len(stretches))]
    for number, stretch in list(enumerate(stretches, start=1))[-(only or len(stretches)) :]:
        with open_database(kept_in[number - 1]) as database:
            find_part(database, str(film), folder, models, settings, stretch, (number, len(stretches)), Silent())
    return stretches, kept_in


@pytest.fixture(scope="module")
def whole(
    film: Path, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[Any]], runs.Run]:
    """All rows, and the run of people, of one process."""

    folder = tmp_path_factory.mktemp("whole")
    with open_database(folder / "a.db") as database:
        with find_recording(database, str(film), folder, SETTINGS.part) as recording:
            run = find_people(database, recording, models, SETTINGS, Silent())
        return rows(database), run


def test_parts_become_the_whole_to_the_last_bit(film: Path, models: Models, whole: Whole, tmp_path: Path) -> None:
    expected, alone = whole
    assert all(len(of_table) > 50 for of_table in expected.values())
    stretches, kept_in = part_by_part(tmp_path, film, models, SETTINGS)
    assert [one.after and one.after[0] + 1 for one in stretches] == [None, 8, 24, 40]
    with open_database(tmp_path / "parts" / "pan-0.db") as database:
        join(database, str(film), tmp_path, models, SETTINGS, stretches, kept_in)
        assert rows(database) == expected
        with database.reading() as tx:
            (run,) = runs.list_runs(tx, 1)
            assert (run.stage, run.fingerprint, run.settings) == ("pose", alone.fingerprint, alone.settings)
            provenance = run.extra.pop("joined_of")
            assert [(one["start_s"], one["frames"]) for one in provenance] == [
                (None, 8), (8 / 30, 16), (24 / 30, 16), (40 / 30, 20)
            ]  # fmt: skip
            for name in ("seconds", "load"):
                run.extra.pop(name), alone.extra.pop(name)
            assert run.extra == alone.extra
        # A worker that is killed behind the join does it again: nothing comes twice.
        join(database, str(film), tmp_path, models, SETTINGS, stretches, kept_in)
        assert rows(database) == expected


def test_parts_of_a_film_elsewhere_become_the_whole(
    film: Path, models: Models, whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 2**13)
    with http_server(film.parent) as web:
        web.key = "Pa55phrase"
        address = f"{web.address}/{film.name}?key={web.key}"
        stretches, kept_in = part_by_part(tmp_path, address, models, SETTINGS)
        assert len(stretches) == 4
        with open_database(tmp_path / "parts" / "pan-0.db") as database:
            join(database, address, tmp_path, models, SETTINGS, stretches, kept_in)
            assert rows(database) == whole[0]
            with database.reading() as tx:
                (run,) = runs.list_runs(tx, 1)
                (recording,) = recordings.list_recordings(tx)
    assert (run.fingerprint, recording.uri) == (whole[1].fingerprint, f"{web.address}/{film.name}")
    assert all(b"Pa55phrase" not in path.read_bytes() for path in (tmp_path / "parts").iterdir())


def test_parts_on_a_server_become_the_whole(
    film: Path,
    models: Models,
    whole: Whole,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stretches, _ = part_by_part(tmp_path, film, models, SETTINGS, url=server.url)
    assert main(["status", server.url]) == 0
    assert "pan: unfinished, 60 of about 60 frames" in (told := capsys.readouterr().out)
    assert "in 4 parts, 4 done" in told
    with open_database(server.url) as database:
        join(database, str(film), tmp_path, models, SETTINGS, stretches, [])
        with database.reading() as tx:
            assert [run.stage for run in runs.list_runs(tx, 1)] == ["pose"]
    assert main(["merge", str(tmp_path / "merged.db"), server.url]) == 0
    with open_database(tmp_path / "merged.db") as database:
        assert rows(database) == whole[0]


def test_nothing_is_joined_before_all_parts_are_done(
    film: Path, models: Models, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(tmp_path / "posescribe.db").close()
    stretches, kept_in = part_by_part(tmp_path, film, models, SETTINGS, only=2)
    assert main(["status", str(tmp_path / "posescribe.db"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (one,) = told["each"]
    assert (one["state"], one["parts"], one["parts_done"], one["frames"], one["expected"]) == (
        "unfinished", 4, 2, 36, 60
    )  # fmt: skip
    assert told["remaining_frames"] == 24
    assert main(["status", str(tmp_path / "posescribe.db")]) == 0
    assert "pan: unfinished, 36 of about 60 frames, begun" in (said := capsys.readouterr().out)
    assert "in 4 parts, 2 done" in said
    with open_database(tmp_path / "parts" / "pan-0.db") as database:
        with pytest.raises(DataError, match="only 2 of its 4 parts are done"):
            join(database, str(film), tmp_path, models, SETTINGS, stretches, kept_in[-2:])
        with database.reading() as tx:
            assert [run.stage for run in runs.list_runs(tx, 1)] == ["part", "part"]


def test_a_killed_worker_leaves_no_seam(film: Path, tmp_path: Path) -> None:
    """Two workers, four parts, the process that is at one of them killed: the tables of one process."""
    how = ["analyze", str(film), "--accuracy", "fast", "--no-overlay"]
    out = tmp_path / "out"
    arguments = [*command_in(tmp_path), *how, "--out", str(out), "--workers", "2", "--part", str(PART_S / 60)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        command, killed = psutil.Process(process.pid), 0
        while not killed and process.poll() is None:
            if (db := begun(out / "parts", "part")) is not None:
                killed = kill_who_has(db, command)
            time.sleep(0.01)
        _, told = process.communicate(timeout=500)
    assert killed, told
    assert process.returncode == 0, told
    assert "pan: cut into 4 parts" in told
    assert main([*how, "--out", str(tmp_path / "alone")]) == 0
    expected = content(tmp_path / "alone" / "posescribe.db")
    assert content(out / "posescribe.db") == expected
    assert len(expected["frame"]) == 60
    assert expected["track"]
    assert not list((out / "parts").iterdir())


def test_damage_is_told_of_once(
    film: Path, models: Models, media: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames lost at a seam, or behind the last one that a killed process stored, are counted by one side."""
    broken = with_broken(media, film, range(14, 19))
    one = replace(SETTINGS, part=replace(SETTINGS.part, end_s=1.2))

    def found(name: str) -> runs.Run:
        with (
            open_database(tmp_path / name) as database,
            find_recording(database, str(broken), tmp_path, one.part) as recording,
        ):
            return find_people(database, recording, models, one, Silent())

    whole = found("whole.db")
    assert whole.extra["skipped"] >= 5
    stretches, kept_in = part_by_part(tmp_path, broken, models, one)
    assert [stretch.after and stretch.after[0] + 1 for stretch in stretches] == [None, 16]
    with open_database(tmp_path / "parts" / "pan-0.db") as database:
        join(database, str(broken), tmp_path, models, one, stretches, kept_in)
        with database.reading() as tx:
            (joined,) = runs.list_runs(tx, 1)
            numbers = [row[0] for row in tx.exec_driver_sql("SELECT frame FROM frame ORDER BY 1")]
    assert (joined.extra["skipped"], joined.extra["notes"]) == (whole.extra["skipped"], whole.extra["notes"])
    assert len(numbers) == 36 - whole.extra["skipped"]

    stored, append = 0, poses.append_frames

    def then_die(tx: Any, run: int, frames: Any) -> None:
        nonlocal stored
        if stored:
            raise KeyboardInterrupt
        stored = len(frames)
        append(tx, run, frames)

    with monkeypatch.context() as patched:
        patched.setattr(stages, "COMMIT_EVERY_S", 0)
        patched.setattr(poses, "append_frames", then_die)
        with pytest.raises(KeyboardInterrupt):
            found("stopped.db")
    assert stored == 8
    assert found("stopped.db").extra["skipped"] == whole.extra["skipped"]
