"""What to label next: far from what is known, in doubt, and better than chance at finding what is rare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from behavior.cli import main
from behavior.labels import UNKNOWN
from behavior.training.cut import CutSettings, coded_people, cut_clips
from behavior.training.suggest import Moments, choose, doubt_of, moments_of
from pose.skeleton import Skeleton
from storage import open_database
from tests.test_behavior.test_on_database import BOUT_S, Figure, add_film, coding, course


def moments(
    places: NDArray[np.float64], labelled: NDArray[np.bool_], doubt: NDArray[np.float64] | None = None
) -> Moments:
    """One person; each second a moment of two seconds."""
    n = len(places)
    start = np.arange(n, dtype=float)
    doubt = np.zeros(n) if doubt is None else doubt
    return Moments(
        np.ones(n, dtype=np.int64), np.ones(n, dtype=np.int64), start, start + 2, places, doubt, labelled,
    )  # fmt: skip


@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), count=st.integers(1, 12), known=st.booleans())
def test_each_is_the_farthest_that_is_not_alone(seed: int, n: int, count: int, known: bool) -> None:
    rng = np.random.default_rng(seed)
    places, doubt = rng.normal(size=(n, 3)).astype(np.float32), rng.random(n)
    labelled = rng.random(n) < 0.3 if known else np.zeros(n, dtype=bool)
    found = choose(moments(places, labelled, doubt), count)
    taken = np.flatnonzero(labelled).tolist()
    free = set(np.flatnonzero(~labelled).tolist())

    def nearest_to(one: int, others: Iterable[int]) -> float:
        return min((float(np.linalg.norm(places[one] - places[other])) for other in others), default=0.0)

    for row, distance in zip(found.rows.tolist(), found.distance.tolist(), strict=True):
        assert row in free
        if taken:
            far = {one: nearest_to(one, taken) for one in free}
            assert distance == pytest.approx(far[row], abs=1e-5)
            ahead = {one: far[one] - nearest_to(one, set(range(n)) - {one}) for one in free}
            gain = {one: ahead[one] * (1 + doubt[one]) ** (1 if ahead[one] > 0 else -1) for one in free}
            assert gain[row] == pytest.approx(max(gain.values()), abs=1e-5)
        else:
            assert np.isnan(distance)
        taken.append(row)
        free -= {row - 1, row, row + 1}
    assert len(found.rows) == count or not free


def test_doubt() -> None:
    scores = np.array([[1.0, 0.0], [0.5, 0.5], [0.1, 0.1], [0.6, 0.1], [0.0, 0.0]])
    assert doubt_of(scores, exclusive=True) == pytest.approx([0, 1, 1, 0.7, 1])
    assert doubt_of(np.array([[1.0, 0.0], [0.9, 0.5], [0.8, 0.1]]), exclusive=False) == pytest.approx([0, 1, 0.4])


def test_a_rare_action_is_found_sooner_than_by_chance(tmp_path: Path, figure: Figure) -> None:
    """Three seconds of waving in two minutes of walking and squats: among eight moments, in four films of four.

    The figure jumps from place to place between its actions, which is stranger than waving, and no action.
    """
    found, by_chance = 0, []
    rng = np.random.default_rng(0)
    for seed in range(4):
        place = int(rng.integers(40))
        actions = [str(rng.choice(["walk", "squat"])) for _ in range(40)]
        actions[place] = "wave"
        with open_database(tmp_path / f"{seed}.db") as database:
            add_film(database, "one", [course(figure, seed, tuple(actions))])
            all_ = moments_of(database)
        middle = (all_.start_s + all_.stop_s) / 2
        rare = np.abs(middle - (place + 0.5) * BOUT_S) < 1
        assert 0 < rare.mean() < 0.03
        found += bool(rare[choose(all_, 8).rows].any())
        by_chance.append(np.mean([rare[rng.choice(len(rare), 8, replace=False)].any() for _ in range(500)]))
    assert np.mean(by_chance) < 0.2
    assert found == 4


def test_the_models_doubt_counts_where_it_was_asked(tmp_path: Path, figure: Figure) -> None:
    from behavior.pipeline.models import locate
    from behavior.recognition.model import load_action_model

    with open_database(tmp_path / "posescribe.db") as database:
        add_film(database, "one", [course(figure, 0)])
        assert (moments_of(database).doubt == 0).all()
        doubt = moments_of(database, load_action_model(locate("default"))).doubt
    assert (doubt > 0).any()


def test_layouts_that_the_embedding_does_not_know(tmp_path: Path) -> None:
    """A mouse's nose circles slowly, for three seconds of a minute fast."""
    mouse = Skeleton("mouse", ("nose", "back", "tail"), (), (0.1, 0.1, 0.1))
    rng = np.random.default_rng(0)
    time = np.arange(1800) / 30
    pace = np.where((time > 30) & (time < 33), 3.0, 0.5)
    angle = np.cumsum(pace) / 30 * 2 * np.pi
    body = np.full((1800, 3, 3), 0.9, dtype=np.float32)
    for joint, reach in enumerate((60.0, 0.0, 0.0)):
        body[:, joint, 0] = 300 + reach * np.cos(angle) + rng.normal(0, 1, 1800)
        body[:, joint, 1] = 200 + 40 * joint + reach * np.sin(angle) + rng.normal(0, 1, 1800)
    with open_database(tmp_path / "posescribe.db") as database:
        add_film(database, "cage", [body], mouse)
        found = moments_of(database)
    chosen = choose(found, 3).rows
    assert ((found.start_s[chosen] > 28.5) & (found.start_s[chosen] < 32.5)).any()


def test_a_filled_file_teaches_what_was_filled_in(
    tmp_path: Path, figure: Figure, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows left empty are left out, `unknown` is kept with --skip-unlabelled; what is labelled is not asked again."""
    where, out = tmp_path / "posescribe.db", tmp_path / "next"
    with open_database(where) as database:
        for seed, name in enumerate(["one", "two"]):
            add_film(database, name, [course(figure, seed)])
    command = ["labels", "suggest", str(where), "--out", str(out), "--actions", "none", "--count", "8", "--no-clips"]
    assert main(command) == 0
    table = pd.read_csv(out / "labels.csv", keep_default_na=False)
    assert len(table) == 8
    table.loc[:3, "action"] = ["wave", UNKNOWN, "squat", "wave"]
    table.to_csv(out / "labels.csv", index=False)
    assert main(["labels", "import", str(out / "labels.csv"), "--db", str(where)]) == 0
    assert capsys.readouterr().err.count("no action named: left out") == 4
    with open_database(where) as database:
        people = coded_people(database, [])
        labelled = {(one.recording, label.action, label.start_s) for one in people for label in one.labels}
        data = cut_clips(people, CutSettings(unlabelled=False, group_by="none")).data
        again = moments_of(database)
    assert labelled == set(table.loc[:3, ["recording", "action", "start_s"]].itertuples(index=False, name=None))
    assert set(data.classes) == {"wave", UNKNOWN, "squat"}
    assert again.labelled.sum() >= 4
    assert not again.labelled[choose(again, 8).rows].any()


def test_a_file_in_which_nothing_is_filled_in(
    tmp_path: Path, figure: Figure, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "posescribe.db"
    with open_database(where) as database:
        add_film(database, "one", [course(figure, 0)])
    assert main(["labels", "import", str(coding(tmp_path, "one,1,,0,1")), "--db", str(where)]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("no labels in it")
