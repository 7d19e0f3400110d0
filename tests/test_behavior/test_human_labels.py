"""Label files into the database, subjects to tracks, and the machine against the human, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from behavior.cli import main
from behavior.errors import DataError
from behavior.evaluation.human_labels import compare_labels, import_labels, stored_media_info
from behavior.evaluation.matching import Target, by_name, look_alikes, parse_match
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.sources import open_source
from storage import Database, bouts, frames, open_database, poses, recordings, runs, tracks
from storage.bouts import Bout
from storage.errors import ExchangeError, MissingError
from storage.formats.labels import BOUT_WRITERS, read_labels

TIMES = np.concatenate([[0.0], np.cumsum(np.tile([0.02, 0.04, 0.06], 100))])[:250]
"""250 unevenly spaced frames, 9.96 s."""

MACHINE = [
    Bout(1, "walk", TIMES[0], TIMES[100], 0, 99, 0.9),
    Bout(1, "sit", TIMES[120], TIMES[200], 120, 199, 0.8),
    Bout(2, "wave", TIMES[50], TIMES[90], 50, 89, 0.7),
]


def add_recording(
    database: Database, name: str, uri: str, people: int = 2, sha256: str | None = None, offset_s: float = 0.0
) -> tuple[int, int]:
    """A recording with its tracks and bouts; person k stands at x = 200 k, 100 px tall, and is track k."""
    body = np.zeros((18, 3), dtype=np.float32)
    body[:, 1], body[:, 2] = np.linspace(100, 200, 18), 0.9
    body[:, 0] = np.tile([-20, 20], 9)
    frames = [
        FramePeople(
            index,
            float(time),
            tuple(Person(body + np.float32([200 * k, 0, 0]), 0.9, k, skeleton=COCO_18) for k in range(1, people + 1)),
        )
        for index, time in enumerate(TIMES)
    ]
    with database.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name=name, uri=uri, kind="video", sha256=sha256 or name.ljust(64, "0"), width=640, height=480, fps=25.0,
            offset_s=offset_s,
        )  # fmt: skip
        pose = runs.start_run(tx, recording, "pose", "p", settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {k: k for k in range(1, people + 1)})
        runs.finish_run(tx, track.id)
        actions = runs.start_run(tx, recording, "actions", "a", settings={}, version="1", parent_id=track.id)
        bouts.write_bouts(tx, actions.id, [bout for bout in MACHINE if bout.track_id <= people])
        runs.finish_run(tx, actions.id)
    return recording, track.id


@pytest.fixture
def where(tmp_path: Path) -> Path:
    with open_database(tmp_path / "posescribe.db") as database:
        add_recording(database, "demo", "/videos/demo.mp4")
    return tmp_path / "posescribe.db"


def labels_in(where: Path, recording: int = 1) -> list[bouts.Annotation]:
    with open_database(where) as database, database.reading() as tx:
        return bouts.read_annotations(tx, recording)


def csv(folder: Path, *rows: str, header: str = "recording,person,action,start_s,stop_s", name: str = "l.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_import_by_name(where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_database(where) as database, database.transaction() as tx:
        tracks.name_track(tx, 2, 2, "Anna")
    rows = [
        "demo,anna,sit,1,2",
        "demo,Person 1,walk,2,3",
        "demo,1,walk,4,5",
        "demo,track 1,walk,6,6",
        "demo,Ben,sit,1,9",
    ]
    assert main(["labels", "import", str(csv(tmp_path, *rows)), "--db", str(where), "--json"]) == 0
    out, err = capsys.readouterr()
    (told,) = json.loads(out)["recordings"]
    assert told["people"] == {"anna": 2, "Person 1": 1, "1": 1, "track 1": 1, "Ben": None}
    assert (told["intervals"], told["points"]) == (4, 1)
    assert "'Ben' (1 labels) matches no track" in err
    found = {(one.subject, one.track_id, one.is_point) for one in labels_in(where)}
    assert found == {
        ("anna", 2, False),
        ("Person 1", 1, False),
        ("1", 1, False),
        ("track 1", 1, True),
        ("Ben", None, False),
    }


@pytest.mark.parametrize(
    ("match", "track"),
    [
        ("Ben=2", 2),
        ("Ben=405,150@3", 2),
        ("Ben=299,150@3", 1),
        ("Ben=301.5,150@3", 2),
        ("Ben=390,120,450,220@3", 2),
        ("Ben=220,210,180,90@3.01", 1),
    ],
)
def test_match_by_track_click_and_box(where: Path, tmp_path: Path, match: str, track: int) -> None:
    # Boxes: track 1 from x = 180 to 220, track 2 from 380 to 420.
    path = csv(tmp_path, "demo,Ben,sit,1,2")
    assert main(["labels", "import", str(path), "--db", str(where), "--match", match]) == 0
    assert [one.track_id for one in labels_in(where)] == [track]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--match", "Ben=7"], "no such track; it has 1, 2"),
        (["--match", "Ben=10,800@3"], "nobody was found near 10, 800 at 3 s"),
        (["--match", "Ben=200,150@60"], "nobody was found near 200, 150 at 60 s"),
        (["--match", "Bob=1"], "no subject 'Bob'; it names 'Ben'"),
        (["--rename", "run=walk"], "no action 'run'; it names 'sit'"),
        (["--recording", "other"], "no recording 'other' in the database; it has demo"),
        (["--tier", "x"], "tiers can be chosen in an ELAN document"),
    ],
)
def test_what_fits_nobody_is_told_in_one_line(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    path = csv(tmp_path, "demo,Ben,sit,1,2")
    assert main(["labels", "import", str(path), "--db", str(where), *arguments]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert labels_in(where) == []


@pytest.mark.parametrize(
    "arguments", [["--match", "Ben"], ["--match", "Ben=x"], ["--rename", "walk"], ["--unclosed", "x"]]
)
def test_wrong_usage(where: Path, tmp_path: Path, arguments: list[str]) -> None:
    assert main(["labels", "import", str(csv(tmp_path, "demo,Ben,sit,1,2")), "--db", str(where), *arguments]) == 2


def test_a_database_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["labels", "import", str(csv(tmp_path, "demo,Ben,sit,1,2")), "--db", str(tmp_path / "no.db")]) == 1
    assert main(["labels", "compare", str(tmp_path / "no.db")]) == 1
    assert not (tmp_path / "no.db").exists()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_same_path_replaces_and_another_adds(where: Path, tmp_path: Path) -> None:
    with open_database(where) as database:
        import_labels(database, csv(tmp_path, "demo,1,sit,1,2"))
        import_labels(database, csv(tmp_path, "demo,1,walk,1,2", "demo,2,walk,3,4"))
        assert [one.action for one in labels_in(where)] == ["walk", "walk"]
        import_labels(database, csv(tmp_path, "demo,1,run,1,2", name="other.csv"), coder="Ada", rename={"run": "walk"})
    assert [one.action for one in labels_in(where)] == ["walk"] * 3
    with open_database(where) as database, database.reading() as tx:
        assert [source.coder for source in bouts.list_annotation_sources(tx, 1)] == [None, "Ada"]


def test_all_or_nothing(where: Path, tmp_path: Path) -> None:
    with open_database(where) as database:
        add_recording(database, "second", "/videos/second.mp4")
        path = csv(tmp_path, "demo,1,sit,1,2", "second,1,sit,100,101")
        with pytest.raises(
            DataError, match=r"line 3: 'sit' of 1, 100 s: outside recording 'second', which lasts 10.000 s"
        ):
            import_labels(database, path)
        path = csv(tmp_path, "demo,1,sit,1,2", "second,1,sit,3,2")
        with pytest.raises(DataError, match="1 problems, nothing was imported; the first: line 3"):
            import_labels(database, path, strict=True)
        assert labels_in(where) == []
        assert len(import_labels(database, path).recordings) == 1
    assert len(labels_in(where)) == 1


def test_unclosed_states_are_dropped_or_closed(where: Path, tmp_path: Path) -> None:
    path = csv(tmp_path, "demo,1,sit,1,2", "demo,1,walk,3,")
    with open_database(where) as database:
        assert import_labels(database, path).problems == ("line 3: 'walk' of 1 starts at 3 s and never stops: dropped",)
        assert len(labels_in(where)) == 1
        (problem,) = import_labels(database, path, unclosed="close").problems
    assert "closed at the end" in problem
    assert labels_in(where)[-1].stop_s == pytest.approx(TIMES[-1] + 0.04)


def test_which_recording_is_meant(where: Path, tmp_path: Path) -> None:
    with open_database(where) as database:
        # One recording, and a file that names none.
        plain = csv(tmp_path, "1,sit,1,2", header="person,action,start_s,stop_s")
        assert import_labels(database, plain).recordings[0].recording == "demo"
        # By its video, wherever that lies.
        video = csv(
            tmp_path, "D:\\films\\demo.MP4,1,sit,1,2", header="video,person,action,start_s,stop_s", name="v.csv"
        )
        assert import_labels(database, video).recordings[0].recording == "demo"
        stranger = csv(tmp_path, "else,1,sit,1,2", name="stranger.csv")
        with pytest.raises(DataError, match=r"its labels are of 'else', the database has demo; choose one"):
            import_labels(database, stranger)
        assert import_labels(database, stranger, recording="demo").recordings[0].intervals == 1
        add_recording(database, "second", "/videos/second.mp4", people=1)
        with pytest.raises(DataError, match="its labels are of 'no name'"):
            import_labels(database, plain)
        both = import_labels(database, csv(tmp_path, "demo,1,sit,1,2", "second.mp4,,sit,1,2", "else,1,sit,1,2"))
        assert [one.recording for one in both.recordings] == ["demo", "second"]
        assert both.recordings[1].people == {"": 1}
        assert any(line.startswith("else: not in the database") for line in both.problems)
        add_recording(database, "demo", "/other/demo.mp4", sha256="1" * 64)
        named = csv(tmp_path, "demo,1,sit,1,2")
        with pytest.raises(DataError, match=r"2 recordings 'demo'; name the video by its whole path, such as /videos"):
            import_labels(database, named)
        whole = csv(
            tmp_path, "/other/demo.mp4,1,sit,1,2", header="video,person,action,start_s,stop_s", name="whole.csv"
        )
        import_labels(database, whole)
    assert [one.action for one in labels_in(where, 3)] == ["sit"]


@pytest.mark.parametrize("name", BOUT_WRITERS)
def test_machines_bouts_corrected_by_a_human(where: Path, tmp_path: Path, name: str) -> None:
    suffix = {"boris-project": ".boris", "elan": ".eaf"}.get(name, ".tsv")
    with open_database(where) as database:
        with database.transaction() as tx:
            tracks.name_track(tx, 2, 2, "Anna")
            info = stored_media_info(tx, recordings.get_recording(tx, 1), 2, ["walk", "sit", "wave"])
        path = tmp_path / f"out{suffix}"
        BOUT_WRITERS[name](MACHINE, info, path)
        result = import_labels(database, path)
        assert result.problems == ()
        assert result.recordings[0].people == {"Person 1": 1, "Anna": 2}
        found = compare_labels(database)
        assert (found.kappa, found.observed, set(found.bout_f1.values())) == (1, 1, {1.0})
        corrected = [MACHINE[0], Bout(1, "sit", TIMES[130], TIMES[200], 130, 199, 1.0), MACHINE[2]]
        BOUT_WRITERS[name](corrected, info, path)
        import_labels(database, path)
        found = compare_labels(database)
    assert found.n_people == 2
    (row,) = found.disagreements.to_dict("records")
    assert (row["person"], row["human"], row["machine"]) == ("Person 1", "", "sit")
    assert (row["start_frame"], row["stop_frame"]) == (120, 129)
    assert (row["start_s"], row["stop_s"]) == pytest.approx((TIMES[120], TIMES[130]))


def test_compare_command(where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv(tmp_path, f"demo,1,walk,0,{TIMES[90]}", "demo,Ben,sit,0,1", "demo,1,clap,3,3")
    assert main(["labels", "import", str(path), "--db", str(where), "--coder", "Ada"]) == 0
    table = tmp_path / "sub" / "differ.csv"
    assert main(["labels", "compare", str(where), "--out", str(table), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["people"], found["frames"]) == (1, 250)
    assert [row["action"] for row in found["per_action"]] == ["sit", "walk"]
    assert len(found["disagreements"]) == 2
    assert table.read_text().splitlines()[1].startswith("demo,1,Person 1,3.6,3.98,0.38,90,99,,walk")
    for note in ("1 labels of people without a track", "1 point events", "not judged: Person 2"):
        assert note in err
    assert main(["labels", "compare", str(where), "--end", "4", "--action", "walk", "--coder", "Ada"]) == 0
    assert "F1 of bouts: 1.000 at IoU 0.1" in capsys.readouterr().out
    assert main(["labels", "compare", str(where), "--coder", "Bob"]) == 1
    assert "nothing to compare" in capsys.readouterr().err


def test_a_few_labels_are_judged_where_they_are(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of `labels suggest`, and --partly, code nothing but their intervals."""
    header = "recording,person,start_s,stop_s,action,clip,distance,doubt,video"
    path = csv(tmp_path, "demo,1,1,2,run,,0,0,", "demo,1,2,2.5,unknown,,0,0,", header=header)
    for extra in ([], ["--whole"], ["--partly"]):
        assert main(["labels", "import", str(path), "--db", str(where), *extra]) == 0
        capsys.readouterr()
        assert main(["labels", "compare", str(where), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        looked = (TIMES >= 1) & (TIMES < 2.5)
        assert found["frames"] == (looked.sum() if extra != ["--whole"] else len(TIMES))
        assert not any("unknown" in row.values() for row in found["per_action"])
        with open_database(where) as database:
            told = frames.current_bouts(database)
        automatic = told[told["source"] == "automatic"][["track_id", "action", "start_s", "stop_s"]].to_numpy().tolist()
        kept = [[1, "walk", 0.0, 1.0], [1, "walk", 2.5, MACHINE[0].stop_s], [1, "sit", TIMES[120], TIMES[200]]]
        assert automatic == [*(kept if extra != ["--whole"] else []), [2, "wave", TIMES[50], TIMES[90]]]


def test_bouts_of_older_tracks_are_not_compared(where: Path, tmp_path: Path) -> None:
    with open_database(where) as database:
        import_labels(database, csv(tmp_path, "demo,1,walk,0,4"))
        with database.transaction() as tx:
            newer = runs.start_run(tx, 1, "track", "t2", settings={}, version="1", parent_id=1)
            runs.finish_run(tx, newer.id)
        with pytest.raises(MissingError, match="no automatic bouts of its newest tracks"):
            compare_labels(database)
        with pytest.raises(MissingError, match=r"no recording 'x'; it has demo"):
            compare_labels(database, recording="x")


def late_picture(media: Any) -> Path:
    """A video whose sound begins 1.5 s before its picture."""
    whole, late = media.video("whole.mp4", b_frames=0), media.folder / "late.mkv"
    with av.open(str(whole)) as old, av.open(str(late), "w") as new:
        video, sound = new.add_stream_from_template(old.streams.video[0]), new.add_stream("aac", rate=44100)
        for i in range(120):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 44100, i * 1024
            new.mux(sound.encode(silence))
        new.mux(sound.encode())
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = (int(t + 1.5 / packet.time_base) for t in (packet.pts, packet.dts))
                packet.stream = video
                new.mux(packet)
    return late


@pytest.mark.parametrize("name", BOUT_WRITERS)
def test_times_of_other_programs_are_those_of_their_player(tmp_path: Path, media: Any, name: str) -> None:
    """A player's clock begins with the sound: what is on its screen at 1.5 s is our picture at 0."""
    video = late_picture(media)
    with open_source(str(video)) as source:
        offset_s = source.info.offset_s
    assert offset_s == pytest.approx(1.5, abs=0.05)
    where = tmp_path / "late.db"
    with open_database(where) as database:
        add_recording(database, "late", str(video), offset_s=offset_s)
    path = tmp_path / ("out" + {"boris-project": ".boris", "elan": ".eaf"}.get(name, ".tsv"))
    assert main(["export", str(where), "--format", name, "--out", str(path)]) == 0
    assert min(one.start_s for one in read_labels(path).intervals) == pytest.approx(offset_s, abs=1e-3)
    with open_database(where) as database:
        assert import_labels(database, path).problems == ()
        assert compare_labels(database).kappa == 1
    assert sorted((one.action, one.start_s) for one in labels_in(where)) == [
        (bout.action, pytest.approx(bout.start_s, abs=1e-3))
        for bout in sorted(MACHINE, key=lambda bout: (bout.action, bout.start_s))
    ]


def test_labels_of_the_sound_before_the_picture(tmp_path: Path) -> None:
    where = tmp_path / "late.db"
    header = "Subject\tBehavior\tStart (s)\tStop (s)"
    rows = ["1\tspeak\t0.1\t1.0", "1\twalk\t0.6\t2.5", "1\tsit\t11\t11.5"]
    with open_database(where) as database:
        add_recording(database, "late", "/videos/late.mkv", offset_s=1.5)
        result = import_labels(database, csv(tmp_path, *rows, header=header))
        assert [(one.action, one.start_s, one.stop_s) for one in labels_in(where)] == [("walk", 0, 1), ("sit", 9.5, 10)]
        assert [problem.split(" s before")[1] for problem in result.problems] == [
            " the first picture, when there was but sound, and ends there: dropped",
            " the first picture, when there was but sound",
        ]
        # A plain table has the times of our own results.
        plain = csv(tmp_path, "1,walk,1.5,2", header="person,action,start_s,stop_s", name="plain.csv")
        import_labels(database, plain)
    assert [one.start_s for one in labels_in(where) if one.stop_s == 2] == [1.5]


def test_labels_in_frames_take_the_times_of_the_recording(where: Path, tmp_path: Path) -> None:
    header = "subject,behaviour,start_frame,end_frame"
    with open_database(where) as database:
        result = import_labels(database, csv(tmp_path, "1,walk,10,20", "2,sit,249,249", header=header))
        assert result.problems == ()
        (walk, sit) = labels_in(where)
        assert (walk.start_s, walk.stop_s) == pytest.approx((TIMES[10], TIMES[21]))
        assert (sit.start_s, sit.stop_s) == pytest.approx((TIMES[249], TIMES[249] + 0.04))
        assert (
            "has 0 to 249 only" in import_labels(database, csv(tmp_path, "1,walk,240,260", header=header)).problems[0]
        )
        with pytest.raises(DataError, match=r"frames 300 to 310: outside recording 'demo', whose frames are 0 to 249"):
            import_labels(database, csv(tmp_path, "1,walk,300,310", header=header))
        assert (
            "before its start"
            in import_labels(database, csv(tmp_path, "1,walk,1,2", "1,walk,20,10", header=header)).problems[0]
        )
        with pytest.raises(ExchangeError, match=r"line 2, column 'end_frame': expected the number of a frame"):
            import_labels(database, csv(tmp_path, "1,walk,1,2.5", header=header))


EAF = """<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds">{media}</HEADER><TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="3000"/></TIME_ORDER>
<TIER TIER_ID="Person 1"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="c" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b">
<ANNOTATION_VALUE>walk</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"""


@pytest.mark.parametrize(
    ("media", "arguments", "recording", "start_s"),
    [
        (["sound.wav", "demo.mp4"], [], 1, 1.0),
        (["cam2.mp4", 'demo.mp4" TIME_ORIGIN="2500'], [], 1, 3.5),
        (['cam2.mp4" TIME_ORIGIN="500', "demo.mp4"], [], 1, 1.0),
        (["demo.mp4", 'second.mp4" TIME_ORIGIN="2500'], [], 1, 1.0),
        (["demo.mp4", 'second.mp4" TIME_ORIGIN="2500'], ["--recording", "second"], 2, 3.5),
        (['cut.mp4" TIME_ORIGIN="2500'], ["--recording", "demo"], 1, 3.5),
    ],
)
def test_any_of_a_documents_media_may_be_the_recording(
    where: Path, tmp_path: Path, media: list[str], arguments: list[str], recording: int, start_s: float
) -> None:
    with open_database(where) as database:
        add_recording(database, "second", "/videos/second.mp4")
    path = tmp_path / "coded.eaf"
    path.write_text(EAF.format(media="".join(f'<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/d/{one}"/>' for one in media)))
    assert main(["labels", "import", str(path), "--db", str(where), *arguments]) == 0
    (label,) = labels_in(where, recording)
    assert (label.start_s, label.stop_s, label.track_id) == (start_s, start_s + 2, 1)


def test_a_file_of_two_recordings_is_told(where: Path, tmp_path: Path) -> None:
    path = tmp_path / "coded.eaf"
    path.write_text(
        EAF.format(media='<MEDIA_DESCRIPTOR MEDIA_URL="demo.mp4"/><MEDIA_DESCRIPTOR MEDIA_URL="second.mp4"/>')
    )
    with open_database(where) as database:
        add_recording(database, "second", "/videos/second.mp4")
        (problem,) = import_labels(database, path).problems
    assert "the file is of second, too; --recording second" in problem


def test_names_that_differ_only_in_case_are_told(
    where: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv(tmp_path, "demo,1,Walk,0,1", "demo,1,hand up,1,2", "demo,1,handup,3,4")
    assert main(["labels", "import", str(path), "--db", str(where)]) == 0
    err = capsys.readouterr().err
    assert "Walk and walk differ only in case; `labels import --rename OLD=NEW` makes them one" in err
    assert "hand up and handup differ only in blanks" in err
    assert main(["labels", "compare", str(where)]) == 0
    assert "Walk and walk differ only in case" in capsys.readouterr().err
    arguments = ["--rename", "Walk=walk", "--rename", "handup=hand up"]
    assert main(["labels", "import", str(path), "--db", str(where), *arguments]) == 0
    assert "differ only" not in capsys.readouterr().err
    assert [label.action for label in labels_in(where)] == ["walk", "hand up", "hand up"]
    assert main(["labels", "import", str(path), "--db", str(where), "--rename", "walk=Walk"]) == 1
    assert "no action 'walk'; it names 'Walk', 'hand up', 'handup'" in capsys.readouterr().err


def test_look_alikes() -> None:
    assert look_alikes(["a", "b", "sit down"]) == []
    (line,) = look_alikes(["STRETCH", "stretch", "Stretch", "rest"])
    assert line.startswith("STRETCH, Stretch and stretch differ only in case; ")
    (line,) = look_alikes(["Sit down", "sitdown "])
    assert line.startswith("Sit down and 'sitdown ' differ only in case and blanks")


def test_names_and_matches() -> None:
    assert by_name(["Person 2", "PERSON 1", "#3", " 1 ", "9", "Subject 1", "anna"], [1, 2, 3], {3: "Anna"}) == {
        "Person 2": 2, "PERSON 1": 1, "#3": 3, " 1 ": 1, "anna": 3,
    }  # fmt: skip
    # Among other words, when there is but one.
    assert by_name(
        ["Anna - posture", "gesture_Anna", "Person 1 (2)", "Annabel", "Anna Person 1", "Person 12"],
        [1, 2, 3],
        {3: "Anna"},
    ) == {"Anna - posture": 3, "gesture_Anna": 3, "Person 1 (2)": 1}
    # A name that a human gave wins over a number.
    assert by_name(["2"], [1, 2], {1: "2"}) == {"2": 1}
    assert parse_match("a=b=3") == ("a=b", Target(3))
    assert parse_match("=1.5, 2@3") == ("", Target(None, (1.5, 2.0), 3.0))
