"""`posescribe bootstrap` as a user runs it: on cameras of which everything is known, and on people on a billboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from behavior.pipeline.bootstrapping import judge_images
from pose.multiview import CameraGroup, write_cameras
from pose.people import FramePeople, Person
from pose.skeleton import COCO_17, COCO_18
from pose.sources import open_source, source_hash
from storage import open_database, poses, recordings, runs, tracks
from tests.conftest import Media
from tests.test_pose.multiview_scenes import camera, ring

GROUP = ring(4, 4)
TIMES = np.arange(50) / 25
BODIES = np.random.default_rng(0).normal(size=(2, 18, 3)) * [0.2, 0.2, 0.35] + [[[-0.6, 0, 1]], [[0.6, 0.3, 1]]]
HIDDEN = COCO_18.index("left_wrist")
"""Not found by cam2."""
WRONG = 19
"""Frame in which cam3 sees a nose elsewhere."""


LATE_S = 0.015
"""The clock of cam3 is so much behind that of the others, less than half a frame."""


def at(time_s: float) -> np.ndarray:
    """(2, 18, 3) both people, who walk past each other at 1 m/s."""
    return BODIES + np.array([[[time_s, 0, 0]], [[-time_s, 0, 0]]])


@pytest.fixture(scope="module")
def scene(shared_media: Media) -> tuple[Path, Path]:
    """A database of four recordings, with videos whose frames show their numbers, and the calibration."""
    folder = shared_media.folder
    with open_database(folder / "scene.db") as database, database.transaction() as tx:
        for number, one in enumerate(GROUP.cameras):
            video = shared_media.video(f"{one.name}.mp4", n_frames=50, size=(1280, 720))
            key = recordings.ensure_recording(
                tx, name=one.name, uri=str(video), kind="video", sha256=source_hash(video), width=1280, height=720,
                fps=25.0,
            )  # fmt: skip
            frames = []
            for index, time_s in enumerate(TIMES.tolist()):
                pixels = one.project(at(time_s + (LATE_S if one.name == "cam3" else 0)))
                if one.name == "cam2":
                    pixels[:, HIDDEN] = np.nan
                if one.name == "cam3" and index == WRONG:
                    pixels[0, 0] += 300  # a view that is wrong
                cells = [np.column_stack([k, np.where(np.isnan(k[:, 0]), 0, 0.5 + index % 10 / 20)]) for k in pixels]
                people = tuple(Person(k.astype(np.float32), 0.9, i + 1, skeleton=COCO_18) for i, k in enumerate(cells))
                frames.append(FramePeople(index, time_s, people))
            pose = runs.start_run(tx, key, "pose", f"p{number}", settings={}, version="1", skeleton=COCO_18)
            poses.append_frames(tx, pose.id, frames)
            runs.finish_run(tx, pose.id)
            track = runs.start_run(tx, key, "track", f"t{number}", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
            runs.finish_run(tx, track.id)
    write_cameras(GROUP, folder / "cameras.toml", format="pose2sim")
    return folder / "scene.db", folder / "cameras.toml"


CLOCK = ("--offset", f"cam3={LATE_S}")


def command(scene: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    db, calibration = map(str, scene)
    return ["bootstrap", db, "--calibration", calibration, "--out", str(out), *more]


def read(folder: Path) -> tuple[dict[str, Any], dict[int, list[dict[str, Any]]]]:
    content = json.loads((folder / "annotations.json").read_text())
    people: dict[int, list[dict[str, Any]]] = {}
    for one in content["annotations"]:
        people.setdefault(one["image_id"], []).append(one)
    return content, people


def test_labels_are_where_people_are_in_every_view(
    scene: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = command(scene, out, *CLOCK, "--labels-only", "--hold-out-camera", "cam4", "--window", "0.2")
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["rounds"][0]
    content, people = read(out / "round_1")
    assert (told["images"], told["people"]) == (len(content["images"]), 2 * len(content["images"]))
    names = content["categories"][0]["keypoints"]
    assert tuple(names) == COCO_17.joints
    reprojected = 0
    for image in content["images"]:
        assert image["camera"] != "cam4"
        assert image["time_s"] < 1.96 * 0.8 - 0.2 + LATE_S
        picture = cv2.imread(str(out / "round_1" / "images" / image["file_name"]))
        assert Media.number(picture) == image["frame"]
        own = GROUP.of([image["camera"]]).cameras[0]
        truth = own.project(at(image["time_s"]))[:, [COCO_18.index(name) for name in names]]
        for person in people[image["id"]]:
            label = np.array(person["keypoints"]).reshape(-1, 3)
            off = np.linalg.norm(label[:, :2] - truth, axis=-1)
            inside = ((truth > 0) & (truth < [1279, 719])).all(axis=-1)
            body = int(off.mean(axis=1).argmin())
            assert off[body][inside[body]].max() < 0.03  # between two frames pixels move evenly
            assert ((label[:, 2] > 0) == inside[body]).all()
            for joint, visible in zip(names, label[:, 2].tolist(), strict=True):
                wrong = image["camera"] == "cam3" and image["frame"] == WRONG and joint == "nose" and body == 0
                hidden = wrong or (image["camera"] == "cam2" and joint == "left_wrist")
                assert visible in ((0, 1) if hidden else (0, 2))
                reprojected += visible == 1
    assert told["labels_reprojected"] == reprojected > 0
    moments = sorted(image["time_s"] for image in content["images"] if image["camera"] == "cam1")
    assert min(np.diff(moments)) >= 0.2 - 1e-6
    assert {9, 19, 29} <= {image["frame"] for image in content["images"]}  # where detections are surest
    assert content["info"]["recordings"]["cam1"]["sha256"] == source_hash(scene[0].parent / "cam1.mp4")
    assert len(content["info"]["calibration_sha256"]) == 64

    content, people = read(out / "check")
    late = 1.96 * 0.8
    kinds = {(image["camera"] == "cam4", image["time_s"] >= late): set() for image in content["images"]}
    for image in content["images"]:
        kinds[image["camera"] == "cam4", image["time_s"] >= late].add(image["kind"])
    assert kinds == {(False, True): {"time"}, (True, True): {"both"}, (True, False): {"camera"}}
    for image in content["images"]:  # the other cameras tell where cam2's hidden joint is
        truth = GROUP.of([image["camera"]]).cameras[0].project(at(image["time_s"]))
        for person in people[image["id"]]:
            label = np.array(person["keypoints"]).reshape(-1, 3)[names.index("left_wrist")]
            assert label[2] == 0 or np.linalg.norm(truth[:, HIDDEN] - label[:2], axis=-1).min() < 0.03
            assert max(person["keypoints"][2::3]) == 1  # what the camera itself found plays no part

    before = (out / "round_1" / "annotations.json").stat().st_mtime_ns
    assert main(asked) == 0
    assert (out / "round_1" / "annotations.json").stat().st_mtime_ns == before
    asked[-1] = "0.3"
    assert main(asked) == 1
    assert "holds a bootstrapping with another selection" in capsys.readouterr().err
    assert main([*asked, "--restart"]) == 0
    assert (out / "round_1" / "annotations.json").stat().st_mtime_ns != before


def test_networks_are_judged_by_where_the_other_cameras_see_people(scene: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(command(scene, tmp_path / "out", *CLOCK, "--labels-only", "--hold-out-camera", "cam4")) == 0
    check = tmp_path / "out" / "check"
    content, _ = read(check)
    images = iter(content["images"])

    def detect(picture: np.ndarray) -> list[Person]:
        image = next(images)
        assert Media.number(picture) == image["frame"]
        found = GROUP.of([image["camera"]]).cameras[0].project(at(image["time_s"]))
        found[:, 1:] += [3, 4]
        found[:, 0] += [30, 40]  # the nose
        found[:, COCO_18.index("left_ankle")] = np.nan
        return [Person(np.column_stack([k, np.ones(18)]).astype(np.float32), 1.0, skeleton=COCO_18) for k in found]

    class Quiet:
        def say(self, text: str) -> None:
            pass

        def step(self, stage: str, done: int, total: int | None) -> None:
            pass

    table = pd.DataFrame(judge_images(3, check, detect, COCO_18, 10.0, Quiet())).set_index(["kind", "camera"])
    assert set(table["round"]) == {3}
    assert {kind for kind, _ in table.index} == {"time", "camera", "both"}
    assert table.median_px.to_numpy() == pytest.approx(5, abs=0.05)
    assert table.loc[("time", "all"), "joints"] == sum(
        row.joints for (kind, name), row in table.iterrows() if kind == "time" and name != "all"
    )
    for _, row in table.iterrows():
        people = row.joints / 17  # all inside, nearly
        assert row.found == pytest.approx(1 - people / row.joints, abs=0.01)
        assert row.right == pytest.approx(1 - 2 * people / row.joints, abs=0.01)


def test_what_can_not_be_bootstrapped_is_told_in_one_line(
    scene: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db, calibration = scene
    out = tmp_path / "out"
    one, two, three, _ = GROUP.cameras
    write_cameras(CameraGroup((one,)), tmp_path / "one.toml", format="pose2sim")
    write_cameras(CameraGroup((one, two, three)), tmp_path / "three.toml", format="pose2sim")
    apart = CameraGroup((one.cropped(0, 300, 1280, 720), two.cropped(0, -300, 1280, 720)))
    write_cameras(apart, tmp_path / "apart.toml", format="pose2sim")
    pair = ["--camera", "cam1=cam1", "--camera", "cam2=cam2"]
    for file, arguments, message in (
        (tmp_path / "one.toml", [], "expected recordings of at least two of the cameras cam1, found cam1"),
        (tmp_path / "three.toml", [], "has no camera for the recording cam4"),
        (tmp_path / "apart.toml", pair, "share no person"),
        (calibration, ["--hold-out-camera", "cam9"], "there is no such camera; choose one of cam1, cam2"),
        (calibration, [*pair, "--hold-out-camera", "cam1"], "labels need two cameras at least"),
        (calibration, ["--limit", "0.1", "--views", "4", "--hold-out-last", "0.9"], "4 views agree within 0.1 px"),
        (tmp_path / "gone.toml", [], "no such file"),
    ):
        assert main(command((db, file), out, "--labels-only", "--synchronised", *arguments)) == 1, message
        assert message in capsys.readouterr().err.strip().splitlines()[-1]
    video = db.parent / "cam3.mp4"
    content = video.read_bytes()
    for change, message in (
        (lambda: video.write_bytes(content + b"more"), "is not what was analysed"),
        (video.unlink, "is not there any more"),
    ):
        change()
        assert main(command(scene, out, *CLOCK, "--labels-only", "--restart")) == 1
        assert message in capsys.readouterr().err.strip().splitlines()[-1]
    video.write_bytes(content)
    assert main(command(scene, out, *CLOCK, "--labels-only", "--rounds", "2")) == 2
    assert main(["bootstrap", str(db), "--calibration", str(calibration), "--out", str(out)]) == 2


def test_rounds_of_training_on_people_of_a_billboard(
    sample_video: Path, shared_media: Media, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three cameras film a plane with real people on it: real detections that agree in space."""
    middle = np.array([0.0, 0, 1])
    cameras = CameraGroup(
        tuple(camera(f"side{i}", np.array([x, -4.0, 1.5]), middle) for i, x in enumerate((-1.5, 0.0, 1.5)))
    )
    with open_source(str(sample_video), end_s=0.55) as source:
        pictures = [frame.image for frame in source][::2]
    height, width = pictures[0].shape[:2]
    corners = np.array([[-2, 0, 2.1], [2, 0, 2.1], [2, 0, -0.15], [-2, 0, -0.15]])
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    videos = []
    for one in cameras.cameras:
        warp = cv2.getPerspectiveTransform(flat, one.project(corners).astype(np.float32))
        views = [cv2.warpPerspective(picture, warp, (1280, 720)) for picture in pictures]
        videos.append(shared_media.video(f"{one.name}.mp4", n_frames=8, size=(1280, 720), pictures=views.__getitem__))
    write_cameras(cameras, tmp_path / "cameras.toml", format="pose2sim")
    few = ("--accuracy", "fast", "--refine", "none", "--actions", "none", "--no-overlay")
    assert main(["analyze", *map(str, videos), "--out", str(tmp_path / "analysed"), *few]) == 0
    out = tmp_path / "out"
    asked = command(
        (tmp_path / "analysed" / "posescribe.db", tmp_path / "cameras.toml"), out, "--synchronised", "--window", "0.03",
        "--limit", "40", "--hold-out-last", "0.2", "--rounds", "2", "--size", "64", "--net-size", "320",
        "--frozen", "1", "--epochs", "1", "--learning-rate", "1e-9",
    )  # fmt: skip
    capsys.readouterr()
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(one["model"]) > 0 for one in told["rounds"]] == [True, True]
    rows = {row["round"]: row for row in told["evaluation"]}
    assert set(rows) == {0, 1, 2}
    assert rows[0]["found"] > 0.5
    assert rows[2]["median_px"] == pytest.approx(rows[0]["median_px"], abs=0.5)  # next to nothing was learnt
    card = json.loads((out / "round_2" / "model" / "card.json").read_text())
    assert card["settings"]["targets"]["unlabelled"] == "unknown"
    info = read(out / "round_2")[0]["info"]
    assert info["tracks"] != read(out / "round_1")[0]["info"]["tracks"]
    assert main(asked) == 0
    assert "going on at step" not in capsys.readouterr().err  # nothing is left to do
    table = pd.read_csv(out / "evaluation.csv")
    table[table["round"] < 2].to_csv(out / "evaluation.csv", index=False)  # as if stopped before the last is judged
    assert main(asked) == 0
    assert capsys.readouterr().err.count("going on at step") == 1
    assert pd.read_csv(out / "evaluation.csv")["round"].tolist() == table["round"].tolist()
