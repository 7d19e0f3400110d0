"""Where a human said something, their word counts; elsewhere the machine's: the rule in Python and in SQL."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Connection

from behavior.pipeline.believed import Believed, believe
from storage import Database, bouts, frames, poses, runs
from storage.bouts import Annotation, Bout
from storage.coded import ALWAYS, read_words, uncovered, united

Told = tuple[int, str, float, float, float, str]


def name_actions(tx: Connection, track_run: runs.Run, found: Sequence[Bout]) -> list[Bout]:
    run = runs.start_run(
        tx, track_run.recording_id, "actions", "a", settings={}, version="1", parent_id=track_run.id
    )  # fmt: skip
    bouts.write_bouts(tx, run.id, found)
    return bouts.read_bouts(tx, runs.finish_run(tx, run.id).id)


def code(
    tx: Connection, run: runs.Run, *labels: Annotation, coder: str | None = None, whole: bool = False, sha: str = "1"
) -> None:
    bouts.write_annotations(
        tx, run.recording_id, labels, uri=sha, sha256=sha, format="csv", coder=coder, whole=whole
    )  # fmt: skip


def both_rules(database: Database, run: runs.Run, automatic: Sequence[Bout]) -> Believed:
    """What the rule in Python says, after a check that the view says the same."""
    with database.reading() as tx:
        found = believe(tx, run.id, automatic, *poses.frame_times(tx, run.parent_id or 0))
    view = frames.current_bouts(database)
    columns = ["track_id", "action", "start_s", "stop_s", "score", "source"]
    assert sorted(told(found)) == sorted(tuple(row) for row in view[columns].to_numpy().tolist())
    return found


def told(found: Believed) -> list[Told]:
    return [(one.track_id, one.action, one.start_s, one.stop_s, one.score, one.source) for one in found.bouts]


def test_intervals_are_cut_and_slivers_go() -> None:
    assert uncovered(0, 10, [(3, 5), (4, 6), (8, 12)]) == [(0, 3), (6, 8)]
    assert uncovered(0, 10, [(-1, 0.0005), (9.9995, 11)]) == [(0.0005, 9.9995)]
    assert uncovered(2, 2.0004, []) == [(2, 2.0004)]
    assert uncovered(1, 2.0004, [(0, 2)]) == []
    assert united([(4, 5), (0, 2), (2, 3)]) == [(0, 3), (4, 5)]


def test_few_labels_leave_the_other_bouts(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        automatic = name_actions(
            tx, tracked, [Bout(1, "walk", 0, 0.1, 0, 5, 0.7), Bout(1, "run", 0.1, 0.3, 5, 8, 0.6, "fast"),
                          Bout(2, "sit", 0, 0.3, 0, 8, 0.8)],
        )  # fmt: skip
        code(tx, tracked, Annotation("hop", 0.15, 0.2, "Ann", 1), Annotation("unknown", 0.05, 0.1, "Ann", 1))
    found = both_rules(database, tracked, automatic)
    assert sorted(told(found)) == [
        (1, "hop", 0.15, 0.2, 1.0, "human"), (1, "run", 0.1, 0.15, 0.6, "automatic"),
        (1, "run", 0.2, 0.3, 0.6, "automatic"), (1, "walk", 0, 0.05, 0.7, "automatic"),
        (2, "sit", 0, 0.3, 0.8, "automatic"),
    ]  # fmt: skip
    ends = {(one.action, one.start_s): (one.start_frame, one.stop_frame) for one in found.bouts}
    assert ends["walk", 0] == (0, 3), "frames lie at 0, 4, 16, 36, 64 ms"
    assert ends["run", 0.1] == (5, 6)
    assert found.coded == {1: ((0.05, 0.1), (0.15, 0.2))}
    with database.transaction() as tx:  # a file that codes the whole time lies under what was said before
        code(tx, tracked, Annotation("stroll", 0, 0.3, "Ann", 1), whole=True, sha="2")
    assert {one[1] for one in told(both_rules(database, tracked, automatic)) if one[0] == 1} == {"stroll"}


def test_a_label_within_a_bout_of_its_own_action_does_not_split_it(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        automatic = name_actions(tx, tracked, [Bout(1, "walk", 0, 0.3, 0, 8, 0.7, "steps")])
        code(tx, tracked, Annotation("walk", 0.1, 0.2, "Ann", 1))
    found = both_rules(database, tracked, automatic)
    assert told(found) == [(1, "walk", 0, 0.3, 0.7, "both")]
    assert (found.bouts[0].evidence, found.bouts[0].start_frame, found.bouts[0].stop_frame) == ("steps", 0, 8)
    with database.transaction() as tx:
        bouts.delete_annotation_source(tx, 1)
        code(tx, tracked, Annotation("walk", 0, 0.1, "Ann", 1), Annotation("walk", 0.1, 0.3, "Ann", 1))
    split = [(1, "walk", 0, 0.1, 1.0, "human"), (1, "walk", 0.1, 0.3, 1.0, "human")]
    assert told(both_rules(database, tracked, automatic)) == split, "what one coder keeps apart stays so"


def test_corrections_count_where_they_are_and_give_way_to_newer(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        automatic = name_actions(tx, tracked, [Bout(1, "walk", 0, 0.1, 0, 5, 0.7), Bout(1, "run", 0.1, 0.3, 5, 8, 0.6)])
        said = [Annotation("unknown", 0, 0.1, "Ann", 1)]
        bouts.write_corrections(tx, tracked.recording_id, said, [1], "Ada")
    assert told(both_rules(database, tracked, automatic)) == [(1, "run", 0.1, 0.3, 0.6, "automatic")]
    with database.transaction() as tx:
        bouts.write_corrections(tx, tracked.recording_id, [Annotation("jump", 0, 0.05, "Ann", 1)], [1], "Bea")
        assert read_words(tx, tracked.recording_id)[1].spans == ((0, 0.1),)
    assert sorted(told(both_rules(database, tracked, automatic))) == [
        (1, "jump", 0, 0.05, 1.0, "human"), (1, "run", 0.1, 0.3, 0.6, "automatic"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_both_rules_say_the_same_and_what_they_should(database: Database, tracked: runs.Run, seed: int) -> None:
    """Random labels of several coders: at each moment the newest word counts, of the machine where there is none."""
    draw = np.random.default_rng(seed)
    names = ["walk", "run", "wave", "unknown"]
    layers: dict[object, list[tuple[int, bool, int, Annotation]]] = {}
    with database.transaction() as tx:
        machine: list[Bout] = []
        for track_id, action in ((1, "walk"), (1, "run"), (2, "wave")):
            ends = np.sort(draw.choice(60, 6, replace=False)) / 200
            machine += [
                Bout(track_id, action, float(a), float(b), 0, 9, round(float(draw.random()), 3))
                for a, b in zip(ends[::2], ends[1::2], strict=True)
            ]
        automatic = name_actions(tx, tracked, machine)
        for number in range(1, 7):
            whole, corrected = bool(draw.random() < 0.3), bool(draw.random() < 0.3)
            coder = ["Ada", "Bea", None][draw.integers(3)]
            labels = []
            for _ in range(draw.integers(1, 5)):
                a, b = np.sort(draw.choice(60, 2, replace=False)) / 200
                labels.append(Annotation(names[draw.integers(4)], float(a), float(b), None, int(draw.integers(1, 3))))
            bouts.write_annotations(
                tx, tracked.recording_id, labels, uri=str(number), sha256=str(number), coder=coder, whole=whole,
                format=bouts.CORRECTIONS if corrected else "csv",
            )  # fmt: skip
            key = number if corrected or not whole else (coder,)
            layers.setdefault(key, []).extend((number, whole, one.track_id or 0, one) for one in labels)
    found = both_rules(database, tracked, automatic)
    for track_id in (1, 2):
        own = [[one for one in some if one[2] == track_id] for some in layers.values()]
        newest_first = sorted(filter(None, own), key=lambda some: -max(one[0] for one in some))
        for at in np.arange(60) / 200 + 0.0025:
            layer = next(
                (some for some in newest_first if any(one[1] or one[3].start_s <= at < one[3].stop_s for one in some)),
                None,
            )
            here = automatic if layer is None else [one[3] for one in layer]
            expected = {one.action for one in here if one.track_id == track_id and one.start_s <= at < one.stop_s}
            shown = {one.action for one in found.bouts if one.track_id == track_id and one.start_s <= at < one.stop_s}
            assert shown == expected - {"unknown"}, (track_id, at)
            spans = found.coded.get(track_id, ())
            assert any(a <= at < b for a, b in spans) == (layer is not None)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
        assert (ALWAYS in spans) == any(one[1] for some in own for one in some)
