"""What a training report says to do next, against frames counted one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from behavior.cli import main
from behavior.training.cut import CutSettings
from behavior.training.held_out import HeldOut
from behavior.training.on_database import Trained, train_coded
from behavior.training.train import TrainSettings
from storage import open_database
from tests.test_behavior.test_on_database import BOUT_S, COURSE, FAST, Figure, add_film, coding, course, rows_of

NAMES = ("one", "two", "three")
WRONG = {("one", 0): "walk", ("two", 5): "wave", ("three", 0): "walk"}
"""Bouts that the coder called otherwise than what is to be seen."""


def label(where: Path, *rows: str) -> Path:
    assert main(["labels", "import", str(coding(where.parent, *rows)), "--db", str(where)]) == 0
    return where


def with_wrong_ones(name: str) -> tuple[str, ...]:
    return tuple(WRONG.get((name, place), action) for place, action in enumerate(COURSE))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, figure: Figure) -> Path:
    """Three recordings of one person each, with mistakes in the labels; a report of the first."""
    where = tmp_path_factory.mktemp("films") / "posescribe.db"
    with open_database(where) as database:
        for seed, name in enumerate(NAMES):
            add_film(database, name, [course(figure, seed)])
    (where.parent / "one").mkdir()
    (where.parent / "one" / "report.html").write_text("a report")
    return label(where, *(row for name in NAMES for row in rows_of(name, 1, with_wrong_ones(name))))


def trained_on(where: Path, **settings: Any) -> Trained:
    with open_database(where) as database:
        return train_coded(
            database, "logistic", cut=CutSettings(**settings), settings=TrainSettings(folds=3),
            classifier_settings={"copies": 1},
        )  # fmt: skip


def of(trained: Trained) -> HeldOut:
    assert trained.held_out is not None
    return trained.held_out


def runs_of(said: np.ndarray, action: str) -> list[tuple[int, int]]:
    there = np.concatenate([[False], said == action, [False]])
    return list(zip(np.flatnonzero(~there[:-1] & there[1:]), np.flatnonzero(there[:-1] & ~there[1:]), strict=True))


def test_figures_against_frames(films: Path) -> None:
    """The machine's word on each frame is the human's but where it is listed as a mistake; all else follows."""
    told = of(trained_on(films))
    n, per_bout = int(30 * BOUT_S) * len(COURSE), int(30 * BOUT_S)
    human = {name: np.repeat(with_wrong_ones(name), per_bout).astype("U9") for name in NAMES}
    machine = {name: said.copy() for name, said in human.items()}
    for row in told.mistakes.itertuples():
        first, stop = round(row.start_s * 30), round(row.stop_s * 30)
        assert set(human[row.recording][first:stop]) == {row.human}
        machine[row.recording][first:stop] = row.machine or "unknown"
    assert len(told.mistakes) >= 3
    assert told.mistakes["duration_s"].is_monotonic_decreasing
    for (name, place), action in WRONG.items():
        own = told.mistakes[(told.mistakes["recording"] == name) & (told.mistakes["human"] == action)]
        inside = (own["stop_s"] > place * BOUT_S) & (own["start_s"] < (place + 1) * BOUT_S)
        assert (own[inside]["machine"] == COURSE[place]).any(), "what the coder got wrong stands among the mistakes"

    one, other = (np.concatenate([side[name] for name in NAMES]) for side in (human, machine))
    assert told.agreement.kappa == pytest.approx(cohen_kappa_score(one, other))
    assert told.agreement.observed == pytest.approx(np.mean(one == other))
    same = true = found = 0
    for action in ("squat", "walk", "wave"):
        row = told.actions.set_index("action").loc[action]
        both = int(((one == action) & (other == action)).sum())
        assert row["said_s"] == pytest.approx((other == action).sum() / 30)
        assert row["right_s"] == pytest.approx(both / 30)
        assert row["claims_right"] == pytest.approx(both / (other == action).sum())
        assert row["recall"] == pytest.approx(both / (one == action).sum())
        assert row["kappa"] == pytest.approx(cohen_kappa_score(one == action, other == action))
        assert row["labelled_s"] == pytest.approx((one == action).sum() / 30)
        spans = [[runs_of(side[name], action) for name in NAMES] for side in (human, machine)]
        close = sum(
            (min(b, d) - max(a, c)) / (max(b, d) - min(a, c)) >= 0.5
            for own, others in zip(*spans, strict=True) for a, b in own for c, d in others
        )  # fmt: skip
        counts = [sum(map(len, side)) for side in spans]
        assert row["bouts"] == counts[0]
        assert row["bout_f1_50"] == pytest.approx(2 * close / sum(counts))
        assert row["can_be_claimed"] == (row["claims_right"] >= 0.8)
        same, true, found = same + close, true + counts[0], found + counts[1]
    assert told.agreement.bout_f1[0.5] == pytest.approx(2 * same / (true + found))

    wrong = {name: float((human[name] != machine[name]).sum() / 30) for name in NAMES}
    assert told.people["recording"].tolist() == sorted(wrong, key=lambda name: -wrong[name])
    assert told.people["wrong_s"].tolist() == pytest.approx(sorted(wrong.values(), reverse=True))
    assert told.people["judged_s"].tolist() == pytest.approx([n / 30] * 3)
    for row in told.labelled.itertuples():
        assert row.labelled_s == pytest.approx((human[row.recording] == row.action).sum() / 30)
        assert row.bouts == len(runs_of(human[row.recording], row.action))
    assert told.labelled["labelled_s"].sum() == pytest.approx(3 * n / 30)


def test_what_an_action_lacks(tmp_path: Path, figure: Figure) -> None:
    """`bow` is of one recording, `hop` of two, a second in each."""
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        for seed, name in enumerate(NAMES):
            add_film(database, name, [course(figure, seed)])
    rows = [row for name in NAMES for row in rows_of(name, 1)[1:5]]
    rows += ["one,1,bow,0,3", "one,1,hop,15,16", "two,1,hop,15,16"]
    trained = trained_on(label(where, *rows), window_s=1.0)
    told = of(trained).actions.set_index("action")
    hops = trained.clips.data.labels == trained.clips.data.classes.index("hop")
    bow, hop, squat = (told.loc[action] for action in ("bow", "hop", "squat"))
    assert bow[["tested_clips", "more_groups", "more_people", "can_be_claimed"]].tolist() == [0, 1, 1, False]
    assert bow[["claims_right", "recall", "kappa", "bout_f1_50"]].isna().all()
    assert "label it in 1 more of the recordings" in bow["lacks"]
    assert hop[["tested_clips", "more_groups", "can_be_claimed"]].tolist() == [hops.sum(), 0, False]
    assert hop["more_bouts"] == -(-(8 - hops.sum()) // (hops.sum() / 2))
    assert squat[["more_bouts", "more_groups", "more_people"]].tolist() == [0, 0, 0]
    assert squat[["recordings", "people", "bouts"]].tolist() == [3, 3, 6]


def test_time_that_nobody_looked_at_is_not_judged(tmp_path: Path, figure: Figure) -> None:
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        for seed, name in enumerate(NAMES):
            add_film(database, name, [course(figure, seed)])
    label(where, *(row for name in NAMES for row in rows_of(name, 1)[::2]))
    looked, all_ = (of(trained_on(where, unlabelled=unlabelled)).people for unlabelled in (False, True))
    assert looked["judged_s"].tolist() == pytest.approx([9] * 3)
    assert all_["judged_s"].tolist() == pytest.approx([18] * 3)


def test_one_recording_is_judged_once(tmp_path: Path, figure: Figure) -> None:
    """Held out block by block: each frame counts once, and a bout over the border of two blocks is one."""
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        add_film(database, "one", [course(figure, 0, COURSE * 3)])
    told = of(trained_on(label(where, *rows_of("one", 1, COURSE * 3))))
    assert told.people["judged_s"].tolist() == pytest.approx([54])
    assert told.unit == "blocks of time"
    assert told.agreement.per_action["human_bouts"].tolist() == [6, 6, 6]


def test_files_and_page(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = films.parent / "model"
    assert main(["train", str(films), "--out", str(out), *FAST, "--folds", "3", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    told = json.loads((out / "held_out.json").read_text())
    assert figures["frames"]["kappa"] == pytest.approx(told["kappa"], abs=1e-3)
    assert figures["bouts"]["f1"] == told["bout_f1"]
    for name, key in (("actions", "actions"), ("labelled", "labelled"), ("people", "each_person")):
        table = pd.read_csv(out / f"{name}.csv", keep_default_na=False)
        assert table.to_dict("records") == [
            {column: "" if value is None else value for column, value in row.items()} for row in told[key]
        ]
    mistakes = pd.read_csv(out / "mistakes.csv", keep_default_na=False)
    page = (out / "report.html").read_text()
    for row in mistakes.itertuples():
        if row.recording != "one":
            assert row.report == ""
            continue
        way, _, moment = row.report.partition("#")
        assert (out / way).resolve() == films.parent / "one" / "report.html"
        assert float(parse_qs(moment)["t"][0]) == pytest.approx(row.start_s, abs=5e-4)
        assert parse_qs(moment)["person"] == ["1"]
        assert row.report.replace("&", "&amp;") in page
    assert (mistakes["recording"] == "one").any()
    for row in told["actions"]:
        assert f"<td>{row['bout_f1_50']:.2f}</td><td>{row['kappa']:.2f}</td>" in page
