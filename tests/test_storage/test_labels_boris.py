"""BORIS and plain tables, in and out."""

from __future__ import annotations

import gzip
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.bouts import Bout
from storage.errors import ExchangeError, OutputError
from storage.formats.labels import BOUT_WRITERS, Interval, MediaInfo, read_labels
from storage.formats.labels.boris_tables import AGGREGATED, TABULAR
from storage.formats.labels.sheets import harmed, harmless, seconds

SUFFIX = {"boris-tabular": ".tsv", "boris-aggregated": ".csv", "boris-project": ".boris", "elan": ".eaf"}


def info(**changes: Any) -> MediaInfo:
    """A video of 20 s whose frames are not evenly spaced."""
    steps = np.tile([0.02, 0.04, 0.06], 167)[:500]
    values = {
        "recording": "demo", "media": "/videos/a b/demo.mp4", "frames": np.arange(500),
        "time_s": np.concatenate([[0.0], np.cumsum(steps)[:-1]]), "duration_s": 20.0, "fps": 25.0,
        "people": (1, 2, 3), "actions": ("walk", "sit"),
    }  # fmt: skip
    return MediaInfo(**(values | changes))


def bout(track: int, action: str, start_s: float, stop_s: float, score: float = 0.75) -> Bout:
    times = info().time_s
    first = int(np.searchsorted(times, start_s + 1e-9) - 1)
    return Bout(
        track, action, start_s, stop_s, max(first, 0), max(first, int(np.searchsorted(times, stop_s)) - 1), score
    )


def said(intervals: tuple[Interval, ...]) -> list[tuple[str | None, str, float, float]]:
    return sorted((one.subject, one.action, round(one.start_s, 3), round(one.stop_s, 3)) for one in intervals)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


BOUTS = [bout(1, "walk", 0.0, 4.02), bout(1, "walk", 4.02, 6.0), bout(1, "wave", 3.0, 5.0), bout(2, "sit", 1.1, 20.0)]


@pytest.mark.parametrize("name", BOUT_WRITERS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_bouts_come_back_to_the_millisecond(name: str, data: st.DataObject, tmp_path: Path) -> None:
    label = st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8
    )
    names = data.draw(st.dictionaries(st.integers(1, 4), label, max_size=4))
    names = {track: text for track, text in names.items() if text not in ("NA", "N/A")}
    bouts = []
    for track in data.draw(st.sets(st.integers(1, 4), min_size=1)):
        for action in data.draw(
            st.sets(st.sampled_from(["walk", "a & b", 'say "<hi>"', "сидеть", "a,b;c"]), min_size=1)
        ):
            edges = data.draw(st.lists(st.integers(0, 19_000), min_size=2, max_size=6, unique=True).map(sorted))
            times = [edge / 1000 + data.draw(st.floats(-4e-4, 4e-4)) if edge else 0.0 for edge in edges]
            bouts += [bout(track, action, start, stop) for start, stop in zip(times[::2], times[1::2], strict=False)]
    path = tmp_path / f"out{SUFFIX[name]}"
    media = info(names=names)
    BOUT_WRITERS[name](bouts, media, path)
    back = read_labels(path)
    assert back.format == name
    assert back.problems == ()
    assert said(back.intervals) == sorted(
        (media.person(one.track_id), one.action, round(one.start_s, 3), round(one.stop_s, 3)) for one in bouts
    )
    assert not any(one.is_point for one in back.intervals)
    assert {one.media for one in back.intervals} == {"/videos/a b/demo.mp4"}


def test_tabular_has_the_columns_that_boris_documents(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    BOUT_WRITERS["boris-tabular"](BOUTS, info(names={2: "Anna"}), path)
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    assert tuple(table.columns) == TABULAR
    assert list(table["Time"]) == sorted(table["Time"])
    assert (table["Behavior type"] == "START").sum() == (table["Behavior type"] == "STOP").sum() == 4
    first = table.iloc[0]
    assert (first["Source"], first["Observation type"]) == ("player #1:/videos/a b/demo.mp4", "Media file(s)")
    anna = table[table["Subject"] == "Anna"].iloc[0]
    # Evenly spaced frames of 25 per second would make it 27.
    assert anna["Image index"] == 28
    assert info().time_s[28] == pytest.approx(1.1)
    assert anna["Comment"] == "score 0.750"


def test_aggregated_has_the_columns_that_boris_documents(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    BOUT_WRITERS["boris-aggregated"](BOUTS, info(), path)
    table = pd.read_csv(path, keep_default_na=False)
    assert tuple(table.columns) == AGGREGATED
    assert set(table["Behavior type"]) == {"STATE"}
    np.testing.assert_allclose(table["Stop (s)"] - table["Start (s)"], table["Duration (s)"], atol=1.1e-3)
    assert set(table["Behavioral category"]) == {"Not defined"}


@pytest.mark.parametrize("suffix", [".boris", ".boris.gz"])
def test_project_is_what_boris_opens(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    BOUT_WRITERS["boris-project"](BOUTS, info(names={2: "Anna"}), path)
    data = path.read_bytes()
    project = json.loads(gzip.decompress(data) if suffix.endswith("gz") else data)
    assert [one["name"] for one in project["subjects_conf"].values()] == ["Person 1", "Anna", "Person 3"]
    assert [one["code"] for one in project["behaviors_conf"].values()] == ["walk", "sit", "wave"]
    assert len({one["key"] for one in project["behaviors_conf"].values()}) == 3
    observation = project["observations"]["demo"]
    assert observation["type"] == "MEDIA"
    assert observation["file"]["1"] == ["/videos/a b/demo.mp4"]
    assert observation["media_info"]["length"] == {"/videos/a b/demo.mp4": 20.0}
    times = [event[0] for event in observation["events"]]
    assert times == sorted(times)
    assert all(len(event) == 6 and isinstance(event[5], int) for event in observation["events"])
    assert said(read_labels(path).intervals) == said(
        tuple(
            Interval("", one.action, one.start_s, one.stop_s, {1: "Person 1", 2: "Anna"}[one.track_id]) for one in BOUTS
        )
    )


def test_people_of_one_name_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "out.boris"
    BOUT_WRITERS["boris-project"](BOUTS, info(names={1: "Anna", 2: "Anna"}), path)
    assert {one.subject for one in read_labels(path).intervals} == {"Anna (track 1)", "Anna (track 2)"}


def test_no_bouts_is_a_file_without_labels(tmp_path: Path) -> None:
    for name, writer in BOUT_WRITERS.items():
        path = tmp_path / f"none{SUFFIX[name]}"
        writer([], info(), path)
        assert read_labels(path).intervals == ()


def test_overlapping_bouts_of_one_action_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'walk' of track 1 overlap at 2 s"):
        BOUT_WRITERS["elan"]([bout(1, "walk", 0, 3), bout(1, "walk", 2, 4)], info(), tmp_path / "out.eaf")
    with pytest.raises(OutputError, match="can't be written"):
        BOUT_WRITERS["elan"](BOUTS, info(), write(tmp_path, "file", "") / "out.eaf")


# A tabular export of version 7: a block above the header, other column names, the kind of event under `Status`.
OLD_TABULAR = """Observation id\tobs 1\t
\t\t
Media file(s)\t\t
Player #1\tclip.mp4\t
Time offset (s)\t100.0\t
variable\tvalue\t
\t\t
Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus
103.300\tclip.mp4\t60.0\t25.0\tAnna\trun\t\tfast\tSTART
104.000\tclip.mp4\t60.0\t25.0\t\tclap\t\t\tPOINT
107.750\tclip.mp4\t60.0\t25.0\tAnna\trun\t\t\tSTOP
109.900\tclip.mp4\t60.0\t25.0\tAnna\trun\t\t\tSTART
"""


def test_old_tabular_events(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "old.tsv", OLD_TABULAR))
    assert labels.format == "boris-tabular"
    run, clap, open_ = labels.intervals
    assert (run.subject, run.start_s, run.stop_s, run.where, run.recording) == ("Anna", 3.3, 7.75, "line 9", "obs 1")
    assert run.comment == "fast"
    assert clap.is_point
    assert clap.subject is None
    assert not open_.closed
    assert open_.where == "line 12"


OLD_AGGREGATED = "\n".join(
    "\t".join(cells)
    for cells in (
        ["Observation id", "Description", "Media file", "Total length", "FPS", "a", "Subject", "Behavior", "Modifiers",
         "Behavior type", "Start (s)", "Stop (s)", "Duration (s)", "Comment start", "Comment stop"],
        ["two", 'with, "commas"', "C:\\films\\clip.mp4", "60.0", "25.0", "12", "No focal subject", "run", "left|fast",
         "STATE", "1.800", "8.125", "6.325", "a", "b"],
        ["two", "", "C:\\films\\clip.mp4", "60.0", "25.0", "12", "Anna", "clap", "", "POINT", "9.000", "9.000", "NA"],
        ["two", "", "C:\\films\\clip.mp4", "60.0", "25.0", "12", "Anna", "run", "", "STATE", "9.000", "7.000", "NA"],
    )
)  # fmt: skip


def test_old_aggregated_events(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "old.txt", OLD_AGGREGATED))
    run, clap = labels.intervals
    assert (run.subject, run.start_s, run.stop_s, run.comment) == (None, 1.8, 8.125, "[left|fast] a; b")
    assert clap.is_point
    assert labels.problems == ("line 4: 'run' of Anna stops at 7 s, before its start at 9 s: dropped",)


def test_states_that_do_not_fit_are_told_with_their_lines(tmp_path: Path) -> None:
    rows = ["Subject\tBehavior\tBehavior type\tTime"]
    rows += ["A\trun\tSTOP\t1", "A\trun\tSTART\t2", "A\trun\tSTART\t3", "A\trun\tSTOP\t4", "B\trun\tSTART\t3.5"]
    labels = read_labels(write(tmp_path, "odd.tsv", "\n".join(rows)))
    assert said(labels.intervals) == [("A", "run", 3, 4), ("B", "run", 3.5, math.inf)]
    assert labels.problems == (
        "line 2: 'run' of A stops at 1 s but never started: dropped",
        "line 3: 'run' of A starts again (line 4) before it stops: the first start is dropped",
    )


def test_modifiers_keep_states_apart(tmp_path: Path) -> None:
    rows = ["Subject\tBehavior\tModifier #1\tBehavior type\tTime"]
    rows += ["A\trun\tleft\tSTART\t1", "A\trun\tright\tSTART\t2", "A\trun\tleft\tSTOP\t3", "A\trun\tright\tSTOP\t4"]
    labels = read_labels(write(tmp_path, "m.tsv", "\n".join(rows)))
    assert [(one.start_s, one.stop_s, one.comment) for one in labels.intervals] == [(1, 3, "[left]"), (2, 4, "[right]")]
    assert labels.problems == ("line 3: 'run' of A from 2 s overlaps the same action from 1 s to 3 s (line 2)",)


def project(**observation: Any) -> str:
    values = {
        "file": {"1": ["one.mp4", "two.mp4"], "2": []}, "type": "MEDIA", "time offset": 10.0, "events": [],
        "media_info": {"length": {"one.mp4": 60.0, "two.mp4": 30.0}, "fps": {"one.mp4": 25.0, "two.mp4": 25.0}},
    }  # fmt: skip
    behaviours = {
        "0": {"type": "State event", "code": "run"},
        "1": {"type": "Point event with coding map", "code": "clap"},
    }
    return json.dumps({"behaviors_conf": behaviours, "observations": {"obs": values | observation}})


def test_project_with_several_files_and_an_offset(tmp_path: Path) -> None:
    events = [
        [12.0, "A", "run", "", ""],
        [75.0, "A", "run", "", "", 25],
        [80.0, "A", "clap", "", ""],
        [81.0, "A", "jump", "", ""],
        [82.0, "A", "jump", "", ""],
        [83.0, "B", "run", "", ""],
    ]
    labels = read_labels(write(tmp_path, "p.boris", project(events=events)))
    found = [(one.media, one.action, one.start_s, one.stop_s) for one in labels.intervals]
    assert found == [
        ("one.mp4", "run", 2.0, 60.0),
        ("two.mp4", "run", 0.0, 5.0),
        ("two.mp4", "clap", 10.0, 10.0),
        ("two.mp4", "jump", 11.0, 12.0),
        ("two.mp4", "run", 13.0, math.inf),
    ]
    assert labels.problems[0].startswith("observation 'obs', event 4: 'jump' of A: not in the project's ethogram")


def test_creation_dates_count_as_an_offset(tmp_path: Path) -> None:
    media = {"length": {"one.mp4": 60.0}, "media_creation_time": {"one.mp4": 1_000_000.0}}
    text = project(
        file={"1": ["one.mp4"]}, media_info=media, media_creation_date_as_offset=True,
        events=[[1_000_012.0, "", "run", "", ""], [1_000_013.5, "", "run", "", ""]],
    )  # fmt: skip
    assert said(read_labels(write(tmp_path, "p.boris", text)).intervals) == [(None, "run", 2.0, 3.5)]


def test_live_observation_has_no_media(tmp_path: Path) -> None:
    text = project(
        file=[], type="LIVE", media_info={}, **{"time offset": 0.0}, events=[[4.1, "", "clap", "a |None", ""]]
    )
    (clap,) = read_labels(write(tmp_path, "p.boris", text)).intervals
    assert (clap.media, clap.recording, clap.is_point, clap.comment) == (None, "obs", True, "[a]")


def test_several_files_without_lengths_are_refused(tmp_path: Path) -> None:
    rows = ["Observation id\tMedia file\tBehavior\tBehavior type\tStart (s)\tStop (s)"]
    rows += ["o\ta.mp4\trun\tSTATE\t1\t2", "o\tb.mp4\trun\tSTATE\t61\t62"]
    with pytest.raises(ExchangeError, match=r"line 2: .*several files in a row.*import the BORIS project"):
        read_labels(write(tmp_path, "t.tsv", "\n".join(rows)))


def test_new_tables_tell_the_lengths_of_several_files(tmp_path: Path) -> None:
    rows = ["Observation id\tSource\tMedia duration (s)\tMedia file name\tBehavior\tBehavior type\tStart (s)\tStop (s)"]
    rows += ["o\tplayer #1:a.mp4;b.mp4|player #2:c.mp4\t60.0;30.0|90.0\tb.mp4\trun\tSTATE\t61\t62.5"]
    (run,) = read_labels(write(tmp_path, "t.tsv", "\n".join(rows))).intervals
    assert (run.media, run.start_s, run.stop_s) == ("b.mp4", 1.0, 2.5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_plain_table(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["Stop_S", "start_s", "Action", "person", "recording"], ["0:02.5", "1,25" if delimiter != "," else "1.25"]]
    rows[1] += ["gehen, schnell" if delimiter != "," else "gehen", "Änne", "demo"]
    rows += [["7", "7", "x", "", "demo"], ["", "8", "y", "", "demo"]]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    labels = read_labels(path)
    walk, point, open_ = labels.intervals
    assert (walk.subject, walk.start_s, walk.stop_s, walk.recording) == ("Änne", 1.25, 2.5, "demo")
    assert point.is_point
    assert not open_.closed


def test_spreadsheet(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = tmp_path / "labels.xlsx"
    pd.DataFrame({"person": ["A"], "action": ["walk"], "start_s": [1.5], "stop_s": [2]}).to_excel(path, index=False)
    assert said(read_labels(path).intervals) == [("A", "walk", 1.5, 2.0)]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ExchangeError, match="can't be read as a spreadsheet"):
        read_labels(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"  \n", "empty"),
        ("video.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00", "no labels of BORIS or ELAN"),
        ("prose.txt", b"Dear all,\nhere are\nthe labels, as promised.\n", "no labels of BORIS or ELAN"),
        ("latin.csv", "action,start_s,stop_s\nmüde,1,2".encode("latin-1"), "byte 23 is no UTF-8"),
        ("time.csv", b"action,start_s,stop_s\nwalk,1,2\nwalk,x,2", "line 3, column 'start_s': expected seconds .* 'x'"),
        ("nan.csv", b"action,start_s,stop_s\nwalk,nan,2", "line 2, column 'start_s'"),
        (
            "kind.tsv",
            b"Behavior\tBehavior type\tTime\nrun\tBEGIN\t1",
            "line 2: expected START, STOP or POINT, got 'BEGIN'",
        ),
        ("cut.boris", b'{"observations": {', "line 1: no JSON"),
        ("other.json", b'{"people": []}', "JSON without observations"),
        ("list.boris", b'{"observations": {"a": []}}', "observation 'a': expected an object"),
        (
            "event.boris",
            b'{"observations": {"a": {"events": [["x", "", "run"]]}}}',
            "event 1: expected a number, got 'x'",
        ),
        ("short.boris", b'{"observations": {"a": {"events": [[1.0]]}}}', r"event 1: expected \[time"),
        ("images.boris", b'{"observations": {"a": {"events": [["NA", "", "run"]]}}}', "event 1: only pictures"),
        ("bad.gz", b"\x1f\x8b\x08nonsense", "damaged"),
    ],
)
def test_what_is_no_label_file_gets_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExchangeError, match=message) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"nowhere\.csv: can't be read \(No such file"):
        read_labels(tmp_path / "nowhere.csv")
    with pytest.raises(ExchangeError, match="Is a directory"):
        read_labels(tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(
        ["", "{", "<?xml", "PK\x03\x04", "Behavior\tTime\tStatus\n", "action,start_s,stop_s\n", "\x1f\x8b"]
    ),
    rest=st.text(max_size=60),
)
def test_no_file_raises_anything_but_data_errors(tmp_path: Path, start: str, rest: str) -> None:
    path = tmp_path / "any"
    path.write_bytes(start.encode("latin-1") + rest.encode())
    with suppress(ExchangeError):
        read_labels(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", 12.5),
        ("12,5", 12.5),
        ("1:02:03.5", 3723.5),
        ("02:03,5", 123.5),
        ("-0:01.5", -1.5),
        ("", None),
        ("inf", None),
    ],
)
def test_seconds(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_a_state_that_ends_and_begins_anew_at_one_moment(tmp_path: Path) -> None:
    header = "Observation id\tSubject\tBehavior\tBehavior type\tTime"
    rows = ["START\t1.0", "START\t3.5", "STOP\t3.5", "STOP\t5.0", "START\t6.0", "STOP\t6.0"]
    labels = read_labels(write(tmp_path, "t.tsv", "\n".join([header, *(f"o\tAnna\twalk\t{row}" for row in rows)])))
    assert said(labels.intervals) == [
        ("Anna", "walk", 1.0, 3.5), ("Anna", "walk", 3.5, 5.0), ("Anna", "walk", 6.0, 6.0)
    ]  # fmt: skip
    assert labels.problems == ()


def test_a_time_budget_is_no_label_file(tmp_path: Path) -> None:
    header = "Observation id\tSubject\tBehavior\tModifiers\tTotal number of occurences\tTotal duration (s)"
    path = write(tmp_path, "budget.tsv", f"{header}\tDuration mean (s)\nobs\tAnna\twalk\t\t2\t12.500\t6.250")
    with pytest.raises(ExchangeError, match=r"time budget, which has no times in it; export the aggregated or tabular"):
        read_labels(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_tables_in_utf_16(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("person,action,start_s,stop_s\nZoë,walk,1,2\n".encode(encoding))
    assert said(read_labels(path).intervals) == [("Zoë", "walk", 1.0, 2.0)]
    path.write_bytes("person,action,start_s,stop_s\nZoë,walk,1,2\n".encode("cp1252"))
    with pytest.raises(ExchangeError, match="is no UTF-8 text; save the file again as UTF-8"):
        read_labels(path)


@pytest.mark.parametrize("name", ["boris-tabular", "boris-aggregated"])
def test_cells_that_a_spreadsheet_would_run_have_an_apostrophe(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    BOUT_WRITERS[name]([bout(1, "=1+1", 0.0, 4.02)], info(names={1: "@Anna"}, recording="-a"), path)
    cells = [cell for line in path.read_text().splitlines()[1:] for cell in line.split(",")]
    assert {"'=1+1", "'@Anna", "'-a"} <= set(cells)
    (found,) = read_labels(path).intervals
    assert (found.action, found.subject, found.recording) == ("=1+1", "@Anna", "-a")


@pytest.mark.parametrize("text", ["=a", "'=a", "''=a", "+1-2", "-x", "@x", "\tx"])
def test_apostrophes_come_off_again(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmed(harmless(text)) == text


@pytest.mark.parametrize("text", ["a=b", "'a", "-1.5", "'-1.5", "+3", "", "'"])
def test_what_no_spreadsheet_runs_stays(text: str) -> None:
    assert harmless(text) == harmed(text) == text


def test_players_count_from_the_sound(tmp_path: Path) -> None:
    bouts = [bout(1, "walk", 0.0, 4.02)]
    for name, writer in BOUT_WRITERS.items():
        path = tmp_path / f"out{SUFFIX[name]}"
        writer(bouts, info(offset_s=1.5), path)
        labels = read_labels(path)
        assert said(labels.intervals) == [("Person 1", "walk", 1.5, 5.52)]
        assert labels.of_player
    project = json.loads((tmp_path / "out.boris").read_text())["observations"]["demo"]
    # The frame on screen is the same, the file as long as its sound.
    assert project["events"][0][5] == 0
    assert list(project["media_info"]["length"].values()) == [21.5]
