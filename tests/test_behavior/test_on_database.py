"""From a database with human labels to a model one can trust, through the command line and the studio."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from behavior.cli import main
from behavior.labels import UNKNOWN
from behavior.recognition.clips import LabelledSequences, save_sequences
from behavior.recognition.model import load_action_model
from behavior.report.models import Coded, Corrected, ModelCard, render_models
from behavior.training.cut import CutSettings, coded_people, cut_clips
from behavior.training.decoding import held_frames
from behavior.training.train import TrainSettings, train
from pose.layouts import BODY_13
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, Skeleton
from storage import Database, bouts, open_database, poses, recordings, runs, tracks
from storage.bouts import Annotation, Bout

Figure = Callable[..., NDArray[np.float32]]
COURSE = ("wave", "squat", "walk", "wave", "squat", "walk")
BOUT_S = 3.0
FAST = ["--classifier", "logistic", "--settings", '{"copies": 1}']


def body_18(body: NDArray[np.floating]) -> NDArray[np.float32]:
    keypoints = np.full((len(body), 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0
    for place, joint in enumerate(BODY_13):
        where = COCO_18.index("nose" if joint == "head" else joint)
        keypoints[:, where, :2], keypoints[:, where, 2] = body[:, place], 0.9
    return keypoints


def add_film(
    database: Database, name: str, bodies: list[NDArray[np.float32]], skeleton: Skeleton = COCO_18, seen: bool = True
) -> None:
    """A recording in which each (n, K, 3) body is track 1, 2, ..."""
    frames = [
        FramePeople(
            index,
            index / 30,
            tuple(
                Person(body[index] if seen else np.full_like(body[index], np.nan), 0.9, number, skeleton=skeleton)
                for number, body in enumerate(bodies, start=1)
            ),
        )
        for index in range(len(bodies[0]))
    ]
    with database.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name=name, uri=f"/{name}.mp4", kind="video", sha256=name.ljust(64, "0"), width=640, height=480, fps=30.0
        )
        pose = runs.start_run(
            tx, recording, "pose", "p", settings={}, version="1", skeleton=skeleton,
            extra={"notes": [], "skipped": 0, "seconds": 1.0},
        )  # fmt: skip
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {number: number for number in range(1, len(bodies) + 1)})
        runs.finish_run(tx, track.id)


def course(figure: Figure, seed: int, actions: tuple[str, ...] = COURSE) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    pieces = [figure(action, int(30 * BOUT_S), rng.uniform(0, 6), rng.uniform(0.8, 1.2)) for action in actions]
    body = np.concatenate(pieces) * rng.uniform(0.8, 1.5) + 300
    return body_18(body + rng.normal(0, 1.5, body.shape))


def coding(folder: Path, *rows: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(["recording,person,action,start_s,stop_s", *rows]) + "\n")
    return path


def rows_of(recording: str, person: int, actions: tuple[str, ...] = COURSE) -> list[str]:
    return [
        f"{recording},{person},{action},{place * BOUT_S:g},{(place + 1) * BOUT_S:g}"
        for place, action in enumerate(actions)
    ]


@pytest.fixture
def films(tmp_path: Path, figure: Figure) -> Path:
    """Three recordings of one person each, all coded; a fourth without labels."""
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        for seed, name in enumerate(["one", "two", "three", "new"]):
            add_film(database, name, [course(figure, seed)])
    labels = coding(tmp_path, *(row for name in ("one", "two", "three") for row in rows_of(name, 1)))
    assert main(["labels", "import", str(labels), "--db", str(where)]) == 0
    return where


def test_from_labels_to_a_model_and_back(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    assert main(["train", str(films), "--out", str(out), *FAST, "--folds", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "whole recordings were held out" in told["figures"]["protocol"]
    assert told["figures"]["clean"]["accuracy"] > 0.9
    model = load_action_model(out)
    assert model.info.classes == ("squat", "walk", "wave")
    assert set(model.info.data["recordings"].values()) == {"one", "two", "three"}
    assert set(model.decoding.min_bout_s) == {"squat", "walk", "wave"}
    assert model.examples is not None
    assert {source.split(", ")[0] for source in model.examples.sources} <= {"one", "two", "three"}
    assert "squat 1 (" in (out / "README.md").read_text()
    page = (out / "report.html").read_text()
    for part in ("Would more labels help?", "permutation importance", "Are its scores honest?", "95&nbsp;% intervals"):
        assert part in page
    assert "http" not in page.replace("http-equiv", "")

    assert main(["evaluate", str(out), str(films), "--json"]) == 0
    shown, err = capsys.readouterr()
    found = json.loads(shown)
    assert "TRAINED ON one, three, two" in err
    assert found["accuracy"] > 0.9
    assert found["kappa"] > 0.8
    assert found["bout_f1"]["0.5"] > 0.8

    table = tmp_path / "predicted.csv"
    assert main(["predict", str(out), str(films), "--recording", "new", "--out", str(table)]) == 0
    predicted = pd.read_csv(table)
    assert list(predicted.columns[:4]) == ["recording", "track_id", "start_s", "stop_s"]
    assert predicted["claim"][(predicted["start_s"] > 3.2) & (predicted["stop_s"] < 5.8)].eq("squat").all()

    clips = tmp_path / "next"
    assert main(["labels", "suggest", str(films), "--actions", str(out), "--count", "5", "--out", str(clips)]) == 0
    assert "no clips of new: /new.mp4" in capsys.readouterr().err
    suggested = pd.read_csv(clips / "labels.csv", keep_default_na=False)
    assert set(suggested["recording"]) == {"new"}, "all of the others is labelled"
    assert suggested[["action", "clip"]].eq("").all(axis=None)
    assert len(suggested) == 5
    assert suggested["doubt"].between(0, 1).all()


def say(database: Database, recording: int, actions: tuple[str, ...], learnt_from: list[str]) -> None:
    """An action run that says these actions of person 1, one after the other."""
    with database.transaction() as tx:
        now = runs.current(tx, recording)
        assert now is not None
        run = runs.start_run(
            tx, recording, "actions", "a", settings={}, version="1", parent_id=now.track.id, model_name="old",
            model_sha256="0" * 64, extra={"trust": {"learnt_from": learnt_from}},
        )  # fmt: skip
        ends = [(round(place * BOUT_S * 30), round((place + 1) * BOUT_S * 30)) for place in range(len(actions))]
        found = [
            Bout(1, action, first / 30, stop / 30, first, stop - 1, 0.9)
            for action, (first, stop) in zip(actions, ends, strict=True)
        ]
        bouts.write_bouts(tx, run.id, found)
        runs.finish_run(tx, run.id)


def test_what_counts_is_judged_on_the_same_frames(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained(name: str) -> Any:
        out = tmp_path / name
        assert main(["train", str(films), "--out", str(out), *FAST, "--folds", "3", "--json", "--no-report"]) == 0
        return json.loads(capsys.readouterr().out)["figures"]["frames"]

    found = trained("first")
    assert found["now"] is None, "no actions are named"
    assert found["accuracy"] > 0.9
    assert found["kappa"] > 0.85
    with open_database(films) as database:
        for recording in (1, 2):
            say(database, recording, COURSE, [])
        say(database, 3, COURSE[1:] + COURSE[:1], ["three".ljust(64, "0")])
    after = trained("second")
    assert {name: after[name] for name in found if name != "now"} == {
        name: found[name] for name in found if name != "now"
    }
    now = after["now"]
    assert now["accuracy"] == pytest.approx(2 / 3, abs=0.02), "right in two of three recordings, wrong in the third"
    assert now["kappa"] == pytest.approx(0.5, abs=0.03)
    assert (now["models"], now["learnt_here"]) == (["old"], True)
    assert "of what counted in the database when it was trained, 66" in (tmp_path / "second" / "README.md").read_text()


def test_corrections_take_the_place_of_other_labels_of_the_same_person(films: Path) -> None:
    with open_database(films) as database:
        with database.transaction() as tx:
            bouts.write_corrections(tx, 1, [Annotation("hop", 0, 9, track_id=1)], [1], "Ada")
        notes: list[str] = []
        people = {one.recording: [label.action for label in one.labels] for one in coded_people(database, notes)}
        assert people["one"] == ["hop", *COURSE[3:]], "until 9 s; there the file's labels go on"
        assert people["two"] == list(COURSE)
        assert [note.partition(":")[0] for note in notes] == ["one"], "labels of two files"
        with database.transaction() as tx:
            bouts.write_corrections(tx, 1, [Annotation("jump", 0, 9, track_id=1)], [1], "Bea")
        assert [label.action for label in coded_people(database, notes)[0].labels] == ["jump", *COURSE[3:]], (
            "the newer coder's"
        )
        assert [label.action for label in coded_people(database, notes, coder="Ada")[0].labels] == ["hop"]


def test_from_what_a_coder_was_not_sure_of_nothing_is_learnt(films: Path) -> None:
    with open_database(films) as database:
        sure = coded_people(database, [])
        with database.transaction() as tx:
            said = [
                replace(label, comment="not sure" if label.start_s == 2 * BOUT_S else None) for label in sure[0].labels
            ]
            bouts.write_corrections(tx, 1, said, [1], "Ada")
        unsure = coded_people(database, [])
    before, after = (cut_clips(people) for people in (sure, unsure))
    lost = set(before.middle_s[before.people == 0]) - set(after.middle_s[after.people == 0])
    assert lost == {time for time in before.middle_s[before.people == 0] if 2 * BOUT_S <= time < 3 * BOUT_S}
    assert lost
    assert UNKNOWN not in after.data.classes, "nor is it taken for time in which nothing was done"
    model, _ = train(after.data, "logistic", settings=TrainSettings(folds=0), classifier_settings={"copies": 1})
    found = held_frames(model, unsure, after, np.zeros((len(after.data), 3)), np.ones(len(after.data), dtype=bool))
    for place, judged, _ in found:
        assert (~judged).sum() == (90 if place == 0 else 0)


def test_of_what_nobody_looked_at_nothing_is_learnt(films: Path) -> None:
    with open_database(films) as database:
        with database.transaction() as tx:
            for source in bouts.list_annotation_sources(tx, 1):
                bouts.delete_annotation_source(tx, source.id)
            said = [Annotation("walk", 0, 2, track_id=1), Annotation(UNKNOWN, 4, 6, track_id=1)]
            bouts.write_annotations(tx, 1, said, uri="few", sha256="few", format="csv", whole=False)
        (one,) = coded_people(database, [], recording="one")
    clips = cut_clips([one], CutSettings(group_by="none"))
    assert set(clips.data.classes) == {"walk", UNKNOWN}
    inside = [(0 <= middle < 2) or (4 <= middle < 6) for middle in clips.middle_s]
    assert all(inside)


def test_one_recording_is_held_out_by_time_and_said_so(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(films), "--recording", "one", "--out", str(tmp_path / "m"), *FAST]
    assert main(command) == 0
    assert "labels of one recording only" in capsys.readouterr().err
    assert main([*command, "--group-by", "recording"]) == 1
    assert "nothing to hold out" in capsys.readouterr().err


def test_a_split_that_leaks_is_warned_of(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(films), "--group-by", "none", "--out", str(tmp_path / "m"), *FAST]) == 0
    assert "THIS SPLIT LEAKS" in capsys.readouterr().err
    assert "THIS SPLIT LEAKS" in (tmp_path / "m" / "report.html").read_text()


def test_two_actions_at_once(tmp_path: Path, figure: Figure) -> None:
    where = tmp_path / "posescribe.db"
    actions = ("wave", "squat", "walk", "squat")
    with open_database(where) as database:
        for seed, name in enumerate(["one", "two", "three"]):
            add_film(database, name, [course(figure, seed, actions)])
    rows = [row for name in ("one", "two", "three") for row in rows_of(name, 1, actions)]
    rows += [f"{name},1,low,{start},{start + 3}" for name in ("one", "two", "three") for start in (3, 9)]
    assert main(["labels", "import", str(coding(tmp_path, *rows)), "--db", str(where)]) == 0
    out = tmp_path / "model"
    assert main(["train", str(where), "--out", str(out), *FAST, "--folds", "3"]) == 0
    model = load_action_model(out)
    assert set(model.info.classes) == {"wave", "squat", "walk", "low"}
    assert not model.exclusive
    assert main(["predict", str(out), str(where), "--out", str(tmp_path / "p.csv")]) == 0
    claims = set(pd.read_csv(tmp_path / "p.csv")["claim"])
    assert any("low" in claim and "squat" in claim for claim in claims)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no labels of people with a track"),
        (["film,1,wave,0,18"], "at least two actions"),
        (["film,1,wave,0,0.05"], "the labels give no clip"),
    ],
)
def test_labels_that_teach_nothing(
    rows: list[str], message: str, tmp_path: Path, figure: Figure, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        add_film(database, "film", [course(figure, 0)])
    if rows:
        assert main(["labels", "import", str(coding(tmp_path, *rows)), "--db", str(where)]) == 0
    capsys.readouterr()
    out = tmp_path / "model"
    assert main(["train", str(where), "--out", str(out), *FAST, "--skip-unlabelled"]) == 1
    err = capsys.readouterr().err.splitlines()
    assert message in err[-1]
    assert not out.exists()


def test_other_joints_are_refused(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    assert main(["train", str(films), "--out", str(out), *FAST, "--folds", "0"]) == 0
    mouse = Skeleton("mouse", ("nose", "tail"), (), (0.1, 0.1))
    where = tmp_path / "mouse.db"
    with open_database(where) as database:
        add_film(database, "cage", [np.ones((60, 2, 3), dtype=np.float32)], mouse)
    capsys.readouterr()
    assert main(["predict", str(out), str(where), "--out", str(tmp_path / "p.csv")]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "missing" in err
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("case", ["one class", "nan only", "one example"])
def test_sequences_that_teach_little(
    case: str, small_world: LabelledSequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = small_world
    if case == "one class":
        data = replace(data, labels=np.zeros_like(data.labels), classes=("squat",))
    elif case == "nan only":
        data = replace(data, joints=np.full_like(data.joints, np.nan))
    else:
        labels = data.labels.copy()
        labels[np.flatnonzero(labels == 2)[1:]] = 1
        data = replace(data, labels=labels)
    save_sequences(tmp_path / "data.npz", data)
    status = main(["train", str(tmp_path / "data.npz"), "--out", str(tmp_path / "m"), *FAST, "--json"])
    shown, err = capsys.readouterr()
    if case == "one example":
        assert status == 0
        assert json.loads(shown)["figures"]["not_tested"] == ["wave"]
    else:
        assert status == 1
        assert ("at least two actions" if case == "one class" else "lacks all joints") in err.splitlines()[-1]
        assert not (tmp_path / "m").exists()


def test_clips_of_one_frame(small_world: LabelledSequences, tmp_path: Path) -> None:
    n = len(small_world)
    data = replace(
        small_world, joints=small_world.joints[small_world.offsets[:-1]], offsets=np.arange(n + 1, dtype=np.int64)
    )
    save_sequences(tmp_path / "data.npz", data)
    out = tmp_path / "m"
    assert main(["train", str(tmp_path / "data.npz"), "--out", str(out), *FAST, "--no-report"]) == 0
    assert not (out / "report.html").exists()
    assert main(["predict", str(out), str(tmp_path / "data.npz"), "--out", str(tmp_path / "p.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "p.csv")) == n


def test_wrong_joint_names(small_world: LabelledSequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m"
    save_sequences(tmp_path / "data.npz", small_world)
    assert main(["train", str(tmp_path / "data.npz"), "--out", str(out), *FAST, "--no-report"]) == 0
    save_sequences(tmp_path / "other.npz", replace(small_world, joint_names=tuple(f"point {k}" for k in range(13))))
    capsys.readouterr()
    for command in (["predict", str(out), str(tmp_path / "other.npz"), "--out", str(tmp_path / "p.csv")],
                    ["evaluate", str(out), str(tmp_path / "other.npz")]):  # fmt: skip
        assert main(command) == 1
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert "missing" in err
    assert not (tmp_path / "p.csv").exists()


def test_labels_outside_the_video(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = coding(tmp_path, "new,1,wave,1,2", "new,1,wave,100,101", name="outside.csv")
    assert main(["labels", "import", str(labels), "--db", str(films)]) == 1
    assert "line 3" in capsys.readouterr().err


def test_an_action_that_the_model_does_not_know(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m"
    assert main(["train", str(films), "--out", str(out), *FAST, "--folds", "0"]) == 0
    assert main(["labels", "import", str(coding(tmp_path, "new,1,dance,0,3", name="d.csv")), "--db", str(films)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(out), str(films)]) == 1
    assert "actions dance are not among the model's" in capsys.readouterr().err


# ---- in the studio

NASTY = "<img src=x onerror=\"document.title='owned'\">"
WRONG = COURSE[1:] + COURSE[:1]


@pytest.fixture
def wrong_films(tmp_path: Path, figure: Figure) -> Path:
    """Three recordings with a person each; the model says something wrong throughout, in two a human said better."""
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        for seed, name in enumerate(["one", "two", NASTY], start=1):
            add_film(database, name, [course(figure, seed)])
            say(database, seed, WRONG, [])
    labels = coding(tmp_path, *(row for name in ("one", "two") for row in rows_of(name, 1)))
    assert main(["labels", "import", str(labels), "--db", str(where)]) == 0
    return where


def named(where: Path, recording: int) -> list[str]:
    """The automatic actions that count, by time; being upright left out."""
    with open_database(where) as database, database.reading() as tx:
        now = runs.current(tx, recording)
        assert now is not None
        assert now.actions is not None
        found = sorted(bouts.read_bouts(tx, now.actions.id), key=lambda bout: bout.start_s)
        return [bout.action for bout in found if bout.action != "upright"]


def job(studio: Any) -> Any:
    """The newest job, once it is over."""
    deadline = time.monotonic() + 150
    while True:
        jobs = json.loads(studio.ask("GET", studio.path + "jobs")[2])["jobs"]  # none until the click has arrived
        if jobs and jobs[0]["state"] not in ("waiting", "running"):
            return jobs[0]
        assert time.monotonic() < deadline, jobs
        time.sleep(0.1)


def test_corrected_trained_compared_chosen(wrong_films: Path, studio_of: Any) -> None:
    studio = studio_of(wrong_films, wrong_films.parent)
    page = studio.open("0/1/report.html?studio")
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("c")
    studio.told(page, "Saved")
    page.get_by_role("link", name="Action models").click()
    page.wait_for_url("**/0/model")
    assert "12 bouts of 2 people in 2 recordings" in page.locator(".deck").inner_text()
    page.get_by_role("button", name="Train").click()
    studio.wait(page, "document.querySelector('#train .jobs b') !== null")
    page.reload()  # whoever loads the page again sees it go on
    studio.wait(page, "document.querySelector('#train .jobs b') !== null")
    assert page.locator("#train form button").is_disabled()
    assert job(studio)["state"] == "done"
    studio.wait(page, "document.querySelectorAll('.model').length === 2")
    new = page.locator(".model").first
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in new.locator("tr").all_inner_texts())}
    assert rows["On held-out frames"] == ["old", "this model"]
    before, after = (float(cell.split()[0]) for cell in rows["named as the human did"])
    assert before < 40 < 90 < after
    assert float(rows["kappa"][1]) > 0.8
    assert "whole recordings were held out" in new.inner_text()
    assert new.locator(".changes > li").count() == 3
    assert NASTY in new.inner_text()
    assert named(wrong_films, 3) == list(WRONG), "nothing has changed yet"

    new.get_by_role("button", name="Use it").click()
    studio.wait(page, "document.querySelectorAll('.model')[0]?.querySelector('.used') != null")
    assert named(wrong_films, 3) == list(COURSE)
    page.goto(studio.address + "0/3/report.html?studio")
    studio.ready(page)
    assert "posescribe-corrections-1" in page.locator(".provenance").text_content()
    bouts = page.locator(".lane").get_attribute("aria-label")
    assert bouts is not None
    assert page.locator(".label").first.inner_text() == "wave"

    page.goto(studio.address + "0/model")
    page.locator(".model").last.get_by_role("button", name="Use it").click()
    studio.wait(page, "document.querySelectorAll('.model')[1]?.querySelector('.used') != null")
    assert named(wrong_films, 3) == list(WRONG), "the earlier rows are still there"
    with open_database(wrong_films) as database, database.reading() as tx:
        stored = [run for run in runs.list_runs(tx, 3) if run.stage == "actions"]
        assert [run.model_name for run in stored] == ["old", "posescribe-corrections-1"]
        assert len(stored[1].extra["trust"]["learnt_from"]) == 2
    status, _, body = studio.ask("GET", studio.path + "0/model/posescribe-corrections-1/report.html")
    assert status == 200
    assert b"How far to trust" in body
    assert studio.said == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_on_models_can_be_read_by_anyone(
    wrong_films: Path, studio_of: Any, axe: Callable[[Page], None], width: int
) -> None:
    """What was learnt, what would change, and how far to trust it: light and dark, narrow and wide."""
    out = wrong_films.parent / "action_models" / "posescribe-corrections-1"
    fast = ["--classifier", "logistic", "--settings", '{"copies": 1}']
    assert main(["train", "--out", str(out), "--name", out.name, *fast, "--", str(wrong_films)]) == 0
    assert main(["classify", str(wrong_films), "--actions", str(out), "--aside"]) == 0
    studio = studio_of(wrong_films, wrong_films.parent)
    page = studio.open("0/model")
    page.set_viewport_size({"width": width, "height": 900})
    for _ in ("what it changes", "how far to trust it"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            axe(page)
        page.goto(f"{studio.address}0/model/{out.name}/report.html")
    page.goto(f"{studio.address}0/model")
    table = page.locator(".model .wide").first
    assert (table.get_attribute("tabindex"), bool(table.get_attribute("aria-label"))) == ("0", True)


@pytest.mark.parametrize(("kappa", "said"), [(0.08, True), (0.32, False), (0.9, False), (None, False)])
def test_a_model_that_agrees_less_is_called_so(kappa: float | None, said: bool) -> None:
    """As after half a minute of jumping jacks, coded by halves: the share of frames grew, the agreement fell."""
    now = {"models": ["old"], "accuracy": 0.49, "kappa": 0.32, "per_action": {}, "learnt_here": False}
    model = ModelCard(
        "new", "0" * 64, datetime.now(UTC), 0, 1, (), 0.79, 28, "4-fold",
        {"accuracy": 0.51, "kappa": kappa, "per_action": {}, "now": now}, None, (),
    )  # fmt: skip
    page, _ = render_models("posescribe.db", Coded(1, 1, [Corrected("down", 9)]), [model], {"few_shot": "quick"}, 0)
    assert ("kappa 0.08 instead of 0.32" in page) is said


def test_too_few_labels_get_a_plain_sentence(tmp_path: Path, figure: Figure, studio_of: Any) -> None:
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        add_film(database, "one", [course(figure, 1)])
        say(database, 1, WRONG, [])
    studio = studio_of(where, tmp_path)
    page = studio.open("0/model")
    assert "Nobody has corrected" in page.locator(".deck").inner_text()
    page.get_by_role("button", name="Train").click()
    told = job(studio)
    assert told["state"] == "failed"
    assert "no labels of people with a track" in told["told"]
    studio.wait(page, "document.querySelector('#train .jobs p')?.textContent.includes('failed: ')")
    assert not list(tmp_path.glob("action_models/*"))
    assert main(["labels", "import", str(coding(tmp_path, "one,1,wave,0,3")), "--db", str(where)]) == 0
    page.get_by_role("button", name="Train").click()
    studio.wait(page, "document.querySelector('#train .jobs p')?.textContent.includes('label more')", 60)
    assert named(where, 1) == list(WRONG)
    studio.said.clear()


def test_a_training_is_stopped(wrong_films: Path, studio_of: Any) -> None:
    studio = studio_of(wrong_films, wrong_films.parent)
    page = studio.open("0/model")
    page.locator("[name=classifier]").select_option("ensemble")
    page.get_by_role("button", name="Train").click()
    page.get_by_role("button", name="Stop").click()
    assert job(studio)["state"] == "stopped"
    studio.wait(page, "document.querySelector('#train .jobs p').textContent.startsWith('stopped')")
    page.wait_for_timeout(1500)
    assert not list(wrong_films.parent.glob("action_models/*"))
    assert page.get_by_role("button", name="Train").is_enabled()


def test_classify_names_everyone_again(wrong_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    fast = ["--classifier", "logistic", "--settings", '{"copies": 1}', "--no-report"]
    assert main(["train", str(wrong_films), "--out", str(out), *fast]) == 0
    capsys.readouterr()
    assert main(["classify", str(wrong_films), "--actions", str(out), "--aside", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["results"]
    assert [(one["recording"], one["counts"]) for one in told] == [("one", False), ("two", False), (NASTY, False)]
    assert named(wrong_films, 3) == list(WRONG)
    assert main(["classify", str(wrong_films), "--actions", str(out)]) == 0
    assert named(wrong_films, 3) == list(COURSE)
    assert main(["classify", str(wrong_films), "--actions", str(out), "--aside"]) == 0
    assert named(wrong_films, 3) == list(COURSE), "what counts already goes on counting"


def test_classify_needs_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "posescribe.db"
    with open_database(where) as database, database.transaction() as tx:
        recordings.ensure_recording(tx, name="x", uri="x", kind="video", sha256="7" * 64, width=9, height=9)
    assert main(["classify", str(where), "--actions", "default"]) == 1
    assert "no recording in it has been analysed" in capsys.readouterr().err
