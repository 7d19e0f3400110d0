"""The whole chain on a part of the sample video: the real network, the real database, the real command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from behavior.cli import main
from behavior.recognition.rules import LOCOMOTION, POSTURES, RULES, motion_of, rule_bouts
from behavior.report.sequence import TOGETHER_COLUMNS, TRANSITION_COLUMNS
from behavior.report.tables import BOUT_COLUMNS, REPETITION_COLUMNS, SUMMARY_COLUMNS, TOLD_COLUMNS
from pose.people import Track
from pose.skeleton import COCO_18
from pose.sources import open_source
from pose.tables import tracks_from_dataframe

FILES = {
    "report.html", "overlay.mp4", "video.mp4", "tracks.parquet", "features.parquet", "bouts.csv", "summary.csv",
    "run.json", "bouts_automatic.csv", "summary_automatic.csv", "repetitions.csv", "stills",
    "time_bins.csv", "transitions.csv", "together.csv", "distances.csv", "movement.csv", "gait.csv",
    "certainty.csv", "probabilities.csv",
}  # fmt: skip
PART = ["--start", "3", "--end", "4.5"]
"""A second and a half in which the woman walks and the man stands."""


@pytest.fixture(scope="session")
def analysed(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one finished analysis; tests copy it before they change it."""
    out = tmp_path_factory.mktemp("analysed")
    assert main(["analyze", str(sample_video), "--out", str(out), *PART]) == 0
    return out


def tables(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the database but the moments at which it was computed."""
    with sqlite3.connect(db) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        content = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in ("posescribe_migration", "run", "recording")
        }
        content["run"] = connection.execute(
            "SELECT stage, status, fingerprint, settings, skeleton, model_sha256, device FROM run ORDER BY id"
        ).fetchall()
    connection.close()
    return content


def test_writes_what_is_promised(analysed: Path) -> None:
    assert {path.name for path in (analysed / "demo").iterdir()} == FILES
    tracks = pd.read_parquet(analysed / "demo" / "tracks.parquet")
    assert list(tracks) == ["track_id", "frame", "time_s", "keypoint", "x", "y", "confidence"]
    assert sorted(tracks.frame.unique()) == list(range(90, 135))
    assert tracks.track_id.nunique() == 2
    # Nobody hides a joint here; what a missing one looks like, tests/test_storage/test_frames.py asks.
    assert (tracks.x.isna() == tracks.y.isna()).all()
    assert (tracks.x.isna() == (tracks.confidence == 0)).all()
    features = pd.read_parquet(analysed / "demo" / "features.parquet")
    assert list(features)[:3] == ["track_id", "frame", "time_s"]
    assert len(features) == len(tracks.drop_duplicates(["track_id", "frame"]))
    bouts = pd.read_csv(analysed / "demo" / "bouts.csv")
    assert list(bouts) == [*BOUT_COLUMNS, *TOLD_COLUMNS]
    summary = pd.read_csv(analysed / "demo" / "summary.csv")
    assert list(summary) == [*SUMMARY_COLUMNS, *TOLD_COLUMNS, "on_screen_s", "unnamed_s", "repetitions"]
    bins = pd.read_csv(analysed / "demo" / "time_bins.csv")
    # Of a second and a half the narrowest that make ten at most.
    assert (bins.bin_stop_s - bins.bin_start_s).tolist() == pytest.approx([0.2] * len(bins))
    assert bins.total_s.sum() == pytest.approx(bouts.duration_s.sum(), abs=1e-3)
    for name, columns in (("transitions", TRANSITION_COLUMNS), ("together", TOGETHER_COLUMNS)):
        assert list(pd.read_csv(analysed / "demo" / f"{name}.csv"))[: len(columns)] == list(columns)
    gait = pd.read_csv(analysed / "demo" / "gait.csv")
    walks = bouts[bouts.action == "walk"]
    assert gait.start_s.tolist() == walks.start_s.tolist()
    assert (gait.step_time.dropna().between(0.3, 1.0)).all()
    apart = pd.read_csv(analysed / "demo" / "distances.csv")
    assert apart[["track_a", "track_b"]].to_numpy().tolist() == [[1, 2]]
    # Every action that the default model and its rules know, for both people.
    assert summary.groupby("track_id").action.nunique().tolist() == [14, 14]


def test_zones_stay_with_the_recording(analysed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The left half of the picture and the right one: who walks through it is in both, and enters the second once."""
    shutil.copytree(analysed, tmp_path / "out")
    zones = tmp_path / "halves.json"
    left, right = [[0, 0], [884, 0], [884, 994], [0, 994]], [[884, 0], [1768, 0], [1768, 994], [884, 994]]
    zones.write_text(json.dumps({"Left half": left, "right": right}))
    again = ["report", str(tmp_path / "out" / "posescribe.db"), "--out", str(tmp_path / "out")]
    assert main([*again, "--zones", str(zones), "--heading", "Place: <yard>", "--heading", "Subject: P07"]) == 0
    found = pd.read_csv(tmp_path / "out" / "demo" / "zones.csv")
    assert found.zone.tolist() == ["Left half", "right"] * 2
    assert found.groupby("track_id").share_in.sum().tolist() == pytest.approx([1, 1], abs=1e-6)
    assert "Left half" in (tmp_path / "out" / "demo" / "report.html").read_text()
    zones.write_text('{"!": [[0, 0], [1, 0], [1, 1]]}')
    capsys.readouterr()
    assert main([*again, "--zones", str(zones)]) == 1
    assert "needs a letter" in capsys.readouterr().err
    assert main(again) == 0
    page = (tmp_path / "out" / "demo" / "report.html").read_text()
    assert "Left half" in page, "they are kept beside the report"
    assert "<li>Place: &lt;yard&gt;</li><li>Subject: P07</li>" in page


def test_the_woman_walks(analysed: Path) -> None:
    tracks = pd.read_parquet(analysed / "demo" / "tracks.parquet")
    necks = tracks[tracks.keypoint == "neck"].groupby("track_id").y.mean()
    woman = necks.idxmax()  # the man is on the roof
    bouts = pd.read_csv(analysed / "demo" / "bouts.csv")
    walking = bouts[(bouts.track_id == woman) & (bouts.action == "walk")].duration_s.sum()
    assert walking > 0.8 * 1.5


def test_the_mans_jumping_jacks_are_counted(sample_video: Path, tmp_path: Path) -> None:
    """He does two, by eye from 0.2 to 1.25 s and from 1.4 to 2.45 s, seen from below."""
    assert main(["analyze", str(sample_video), "--out", str(tmp_path), "--start", "0.1", "--end", "2.6"]) == 0
    bouts = pd.read_csv(tmp_path / "demo" / "bouts.csv")
    raised = bouts[bouts.action == "arms_raised"]
    assert raised.start_s.tolist() == pytest.approx([0.5, 1.67], abs=0.15)
    assert raised.stop_s.tolist() == pytest.approx([1.1, 2.27], abs=0.15)
    assert bouts.query("action == 'jumping_jack'").evidence.item().startswith("rule: 2 repetitions, one every 1.2")
    counted = pd.read_csv(tmp_path / "demo" / "repetitions.csv")
    assert list(counted) == [*REPETITION_COLUMNS, *TOLD_COLUMNS]
    assert counted[["action", "repetition"]].values.tolist() == [["jumping_jack", 1], ["jumping_jack", 2]]
    assert counted.start_s.tolist() == pytest.approx([0.2, 1.4], abs=0.3)
    assert counted.stop_s.tolist() == pytest.approx([1.25, 2.45], abs=0.3)
    summary = pd.read_csv(tmp_path / "demo" / "summary.csv")
    assert summary.query("repetitions > 0")[["action", "repetitions"]].values.tolist() == [["jumping_jack", 2]]


def test_a_camera_that_follows(sample_video: Path, tmp_path: Path) -> None:
    """The part in which the woman walks, through a window that keeps her in its place: she walks, the man does not."""
    video = cv2.VideoCapture(str(sample_video))
    film = cv2.VideoWriter(str(tmp_path / "followed.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (1200, 994))
    for frame in range(135):
        image = video.read()[1]
        if frame >= 90:
            x = round(530 - 9.7 * (frame - 90))
            film.write(np.ascontiguousarray(image[:, x : x + 1200]))
    film.release()
    assert main(["analyze", str(tmp_path / "followed.mp4"), "--out", str(tmp_path)]) == 0
    tracks = pd.read_parquet(tmp_path / "followed" / "tracks.parquet")
    necks = tracks[tracks.keypoint == "neck"].groupby("track_id")
    woman, man = necks.y.mean().idxmax(), necks.y.mean().idxmin()
    assert np.ptp(necks.get_group(woman).x) < 60 < 350 < np.ptp(necks.get_group(man).x)
    bouts = pd.read_csv(tmp_path / "followed" / "bouts.csv")
    walking = bouts[bouts.action == "walk"]
    assert set(walking.track_id) == {woman}
    assert walking.duration_s.sum() > 0.8 * 1.5
    run = json.loads((tmp_path / "followed" / "run.json").read_text())
    assert run["camera"]["moved_px"][0] == pytest.approx(9.7 * 44, rel=0.05)
    assert "The camera moved: its view shifted" in (tmp_path / "followed" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_whole_sample(sample_video: Path, tmp_path: Path) -> None:
    assert main(["analyze", str(sample_video), "--out", str(tmp_path)]) == 0
    tracks = pd.read_parquet(tmp_path / "demo" / "tracks.parquet")
    bouts = pd.read_csv(tmp_path / "demo" / "bouts.csv")
    necks = tracks[tracks.keypoint == "neck"].groupby("track_id").y.mean()
    woman, man = necks.idxmax(), necks.idxmin()
    assert set(bouts.track_id) == {woman, man}
    walks = bouts[(bouts.track_id == woman) & (bouts.action == "walk")]
    walking = {frame for walk in walks.itertuples() for frame in range(walk.start_frame, walk.stop_frame + 1)}
    assert len(walking & set(range(56, 189))) > 0.8 * 133
    assert (bouts[bouts.action == "arms_raised"].track_id == man).all()
    assert (bouts.action == "arms_raised").sum() == 3


def test_provenance(analysed: Path) -> None:
    run = json.loads((analysed / "demo" / "run.json").read_text())
    assert run["source"]["sha256"] == "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"
    assert run["pose"]["model"] == "movenet_multipose"
    assert run["pose"]["sha256"] == "93642ba43afb2fabdd0ac839bfccbe1a2558a011a9057c09350d6e88c1046470"
    assert run["pose"]["refiner"] == {
        "model": "movenet_thunder", "sha256": "8646731427bdcbabed8c74bc4507c1d6889ea453bb5dc3bd698b65f857448df3",
        "licence": "Apache-2.0",
    }  # fmt: skip
    assert run["pose"]["licence"] == "Apache-2.0"
    page = (analysed / "demo" / "report.html").read_text(encoding="utf-8")
    assert "movenet_multipose (weights SHA-256 93642ba43afb), each person refined by movenet_thunder (weights" in page
    assert run["pose"]["device"] == "cpu"
    assert run["settings"]["pose"]["part"] == {"start_s": 3.0, "end_s": 4.5, "every": 1}
    assert run["actions"]["model"]
    bouts = pd.read_csv(analysed / "demo" / "bouts.csv")
    said = pd.DataFrame(run["result"]["evidence"])
    shared = ["track_id", "action", "evidence"]
    assert sorted(said[shared].itertuples(index=False)) == sorted(bouts[shared].itertuples(index=False))
    assert (said.by == said.evidence.str.split(":").str[0]).all()


def test_at_the_edges_unknown_rather_than_wrong(analysed: Path) -> None:
    """Real poses of the walking woman and the standing man, cut off, thinned out, entering, and mixed up."""
    table = pd.read_parquet(analysed / "demo" / "tracks.parquet")
    found = sorted(tracks_from_dataframe(table, COCO_18), key=len, reverse=True)[:2]
    legs = [COCO_18.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")]

    def said(track: Track, points: NDArray[np.float32] | None = None, every: int = 1) -> set[str]:
        points = track.keypoints if points is None else points
        thin = replace(
            track, frames=track.frames[::every], time_s=track.time_s[::every], keypoints=points[::every],
            scores=track.scores[::every],
        )  # fmt: skip
        return {bout.action for bout in rule_bouts(thin, motion_of(thin, COCO_18), tuple(RULES))}

    whole = [said(track) for track in found]
    assert any("walk" in claims for claims in whole)
    for track, claims in zip(found, whole, strict=True):
        assert said(track, every=6) <= claims - LOCOMOTION  # 5 frames/s
        half = track.keypoints.copy()
        half[:, legs] = [np.nan, np.nan, 0]
        assert said(track, half) <= claims - LOCOMOTION - POSTURES
        entering = track.keypoints.copy()
        entering[entering[..., 0] < np.nanmedian(entering[..., 0])] = [np.nan, np.nan, 0]
        assert said(track, entering) <= claims
    one, other = found
    _, mine, theirs = np.intersect1d(one.frames, other.frames, return_indices=True)
    mixed = one.keypoints.copy()
    mixed[mine[::2]] = other.keypoints[theirs[::2]]  # two who overlap, each frame another
    assert said(one, mixed) <= POSTURES - {"lie"}


def test_again_does_nothing_and_says_so(analysed: Path, sample_video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path: path.stat().st_mtime_ns for path in (analysed / "demo").iterdir()}
    assert main(["analyze", str(sample_video), "--out", str(analysed), *PART, "--json"]) == 0
    told = capsys.readouterr()
    assert "nothing to do" in told.err
    result = json.loads(told.out)
    assert result["frames"] == 45
    assert result["people"] == 2
    assert {path: path.stat().st_mtime_ns for path in (analysed / "demo").iterdir()} == files


def test_a_lost_file_is_written_again_without_the_network(
    analysed: Path, sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(analysed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "demo" / "bouts.csv").unlink()
    assert main(["analyze", str(sample_video), "--out", str(tmp_path), *PART]) == 0
    assert " on cpu (" not in capsys.readouterr().err
    assert (tmp_path / "demo" / "bouts.csv").read_bytes() == (analysed / "demo" / "bouts.csv").read_bytes()


def test_restart_gives_the_same(analysed: Path, sample_video: Path, tmp_path: Path) -> None:
    shutil.copytree(analysed, tmp_path, dirs_exist_ok=True)
    assert main(["analyze", str(sample_video), "--out", str(tmp_path), *PART, "--restart"]) == 0
    assert tables(tmp_path / "posescribe.db") == tables(analysed / "posescribe.db")
    for name in ("tracks.parquet", "features.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / "demo" / name), pd.read_parquet(analysed / "demo" / name)
        )


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_stopped_at_any_moment_it_ends_with_the_same_tables(
    blow: signal.Signals, code: int, analysed: Path, sample_video: Path, tmp_path: Path
) -> None:
    command = ["analyze", str(sample_video), "--out", str(tmp_path), *PART]
    script = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # as in a terminal
    script += "from behavior.pipeline import stages; stages.COMMIT_EVERY_S = 0.3\n"
    script += "from behavior.cli import main; sys.exit(main())"
    working = subprocess.Popen([sys.executable, "-c", script, *command], stderr=subprocess.PIPE, text=True)
    db = tmp_path / "posescribe.db"

    def stored() -> int:
        try:
            with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
                return int(connection.execute("SELECT count(*) FROM frame").fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    while stored() < 5 and working.poll() is None:
        time.sleep(0.05)
    os.kill(working.pid, blow)
    try:
        _, said = working.communicate(timeout=120)
    finally:
        working.kill()
    assert working.returncode == code
    assert "Traceback" not in said
    assert 5 <= stored() < 45, "stopped too late to show anything"
    assert main(command) == 0
    assert tables(db) == tables(analysed / "posescribe.db")


def test_report_again_from_what_is_stored(analysed: Path, tmp_path: Path) -> None:
    assert main(["report", str(analysed / "posescribe.db"), "--out", str(tmp_path)]) == 0
    assert {path.name for path in (tmp_path / "demo").iterdir()} == FILES
    assert (tmp_path / "demo" / "bouts.csv").read_bytes() == (analysed / "demo" / "bouts.csv").read_bytes()


def test_features_straight_from_the_database(analysed: Path, tmp_path: Path) -> None:
    assert main(["features", str(analysed / "posescribe.db"), "--out", str(tmp_path / "f.csv")]) == 0
    table = pd.read_csv(tmp_path / "f.csv")
    stored = pd.read_parquet(analysed / "demo" / "features.parquet")
    assert set(table.pop("recording")) == {"demo"}
    pd.testing.assert_frame_equal(table, stored, check_dtype=False)
    assert (
        main(["features", str(analysed / "posescribe.db"), "--out", str(tmp_path / "w.parquet"), "--window", "0.5"])
        == 0
    )
    windows = pd.read_parquet(tmp_path / "w.parquet")
    assert {"track_id", "start_s", "stop_s", "n_frames"} <= set(windows)
    assert len(windows) < len(table)


def test_pose_writes_openpose_json(sample_video: Path, tmp_path: Path) -> None:
    assert main(["pose", str(sample_video), "--out", str(tmp_path), "--start", "3", "--end", "3.2"]) == 0
    files = sorted((tmp_path / "json").iterdir())
    assert [file.name for file in files] == [f"demo_{index:012d}_keypoints.json" for index in range(90, 96)]
    frame = json.loads(files[0].read_text())
    assert list(frame) == ["version", "people"]
    assert all(len(person["pose_keypoints_2d"]) == 54 for person in frame["people"])
    assert len(frame["people"]) >= 2


def test_what_to_label_next_there_and_back(
    analysed: Path, sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clips are the video at the times of their rows, the person boxed; the filled file is imported as it is."""
    db, out = tmp_path / "posescribe.db", tmp_path / "next"
    shutil.copy(analysed / "posescribe.db", db)
    command = ["labels", "suggest", str(db), "--out", str(out), "--window", "0.8", "--count", "2"]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) | {"seconds": 0} == {
        "labels": str(out / "labels.csv"), "moments": 2, "clips": 2, "seconds": 0,
    }  # fmt: skip
    table = pd.read_csv(out / "labels.csv", keep_default_na=False)
    tracks = pd.read_parquet(analysed / "demo" / "tracks.parquet")
    for row in table.itertuples():
        with open_source(str(out / row.clip)) as clip, open_source(
            str(sample_video), start_s=row.start_s, end_s=row.stop_s
        ) as video:  # fmt: skip
            shown, frames = list(clip), list(video)
        own = [frame.time_s - frames[0].time_s for frame in frames]
        assert [frame.time_s for frame in shown] == pytest.approx(own, abs=1e-4)
        place = len(frames) // 2
        picture = cv2.resize(frames[place].image, shown[place].image.shape[1::-1], interpolation=cv2.INTER_AREA)
        drawn = np.abs(picture.astype(int) - shown[place].image).max(axis=2) > 60
        drawn[-40:, :120] = False  # the time in the corner
        scale = shown[place].image.shape[1] / frames[place].image.shape[1]
        person = tracks[(tracks.frame == frames[place].index) & (tracks.track_id == int(row.person.split()[1]))]
        x, y = person.x.dropna() * scale, person.y.dropna() * scale
        # The edges of the box; single pixels differ by the encoding, the name above is lower.
        rows, columns = (np.flatnonzero(drawn.sum(axis=axis) > 40) for axis in (1, 0))
        assert columns.min() < x.min() < x.max() < columns.max()
        assert rows.min() < y.min() < y.max() < rows.max()
        assert columns.max() - columns.min() < x.max() - x.min() + 0.3 * (y.max() - y.min())
    table["action"] = ["walk", "stand"]
    table.to_csv(out / "labels.csv", index=False)
    assert main(["labels", "import", str(out / "labels.csv"), "--db", str(db)]) == 0
    assert "no track" not in capsys.readouterr().err
    with sqlite3.connect(db) as connection:
        stored = connection.execute("SELECT track_id, action, start_s, stop_s FROM annotation ORDER BY id").fetchall()
    connection.close()
    asked = [(int(row.person.split()[1]), row.action, row.start_s, row.stop_s) for row in table.itertuples()]
    assert sorted(stored) == sorted(asked)
