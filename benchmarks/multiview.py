"""People in metres on the four cameras of Pose2Sim's demos: held-out camera, bone lengths, exchanged people.

    python benchmarks/multiview.py [--quick | --boards] [--keep DIR] [--json FILE]

The first second of each demo (60 frames a camera, 20 with --quick) is analysed with the default networks and
triangulated by `posescribe triangulate`. Held out: positions out of three cameras, projected into the fourth, against
the joints that were found there, in pixels of 1088×1920; only whom at least three cameras see. Rest: the same without
each camera's own shift, the median over all joints of a person. Two videos of the
single-person demo are 1080 px wide, 1088 in the calibration: each way in which they may have come about is tried.
Bones: the median and the largest coefficient of variation of the limbs of arms, legs and trunk, cleaned and raw.
Exchanged: frames in which somebody's neck is nearer to where another's was a frame before than to where its own was.

Person 2 of the two is no person but a figure drawn into the videos. `middle` is with the lens of a renderer, without
distortion and with its principal point in the middle of the picture.

`--boards`: the lenses of the four cameras out of the demo's pictures of a chessboard, beside the demo's own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from common import Row, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli import main as posescribe
from behavior.pipeline.space import triangulate
from behavior.pipeline.views import Rig, fitted
from pose.multiview import Camera, CameraGroup, read_cameras, write_cameras
from pose.multiview.boards import Board, Corners
from pose.multiview.calibration import lens_of, place_of
from pose.skeleton import COCO_18
from pose.weights.assets import MULTIVIEW_SAMPLES, fetch
from storage import open_database, recordings, runs, tracks

NAMES = ("cam01", "cam02", "cam03", "cam04")
HEAD = ("nose", "eye", "ear")


class Quiet:
    """Nobody listens."""

    def say(self, text: str) -> None:
        pass

    def step(self, stage: str, done: int, total: int | None) -> None:
        pass


def space(db: Path, calibration: Path, out: Path, cameras: tuple[str, ...], fits: dict[str, str]) -> pd.DataFrame:
    """Positions out of some of the cameras, and who is which track: columns as in positions.csv, `members`."""
    own = {name: name for name in cameras}
    rig = Rig(calibration, own, offsets={}, fits={k: v for k, v in fits.items() if k in own})
    triangulate(str(db), rig, out, Quiet())
    errors = pd.read_csv(out / "reprojection.csv", dtype={"tracks": str})
    members = {
        person: frozenset((row.camera, int(track)) for row in rows.itertuples() for track in row.tracks.split())
        for person, rows in errors.groupby("person")
    }
    table = pd.read_csv(out / "positions.csv")
    return table.assign(members=table.person.map(members))


def held_out(
    db: Path, calibration: Path, out: Path, fits: dict[str, str], whole: pd.DataFrame
) -> dict[frozenset[tuple[str, int]], list[np.ndarray]]:
    """For each person and camera left out (n, 2) px, from where the three others place a joint to where it is seen."""
    found: dict[frozenset[tuple[str, int]], dict[str, list[np.ndarray]]] = {}
    for left in NAMES:
        rest = space(db, calibration, out, tuple(name for name in NAMES if name != left), fits)
        (camera,) = read_cameras(calibration).of([left]).cameras
        with open_database(db) as opened, opened.reading() as tx:
            (recording,) = recordings.select_recordings(tx, left)
            now = runs.current(tx, recording.id)
            assert now is not None
            camera = fitted(camera, (recording.width, recording.height), fits.get(left), Quiet())
            for members in set(whole.members):
                if len({name for name, _ in members}) < 3:
                    continue
                own = [track for name, track in members if name == left]
                same = rest[[len(other & members) >= 2 for other in rest.members]]
                for track in own:
                    seen = tracks.read_track(tx, now.track.id, track)
                    pixels = dict(zip(seen.frames.tolist(), seen.keypoints, strict=True))
                    projected = camera.project(same[["x", "y", "z"]].to_numpy())
                    for frame, joint, point in zip(same.frame, same.keypoint, projected, strict=True):
                        if frame in pixels:
                            off = pixels[frame][COCO_18.index(joint), :2] - point
                            if np.isfinite(off).all():
                                found.setdefault(members, {}).setdefault(left, []).append(off)
    return {members: [np.array(each) for each in own.values()] for members, own in found.items()}


def with_middle(calibration: Path, path: Path) -> Path:
    """The cameras of a renderer that stand where those of the calibration do."""
    cameras = []
    for camera in read_cameras(calibration).cameras:
        assert camera.size is not None
        matrix = camera.matrix.copy()
        matrix[:2, 2] = (np.array(camera.size) - 1) / 2
        cameras.append(replace(camera, matrix=matrix, distortion=np.zeros(5)))
    write_cameras(CameraGroup(tuple(cameras)), path, format="pose2sim")
    return path


def boards(samples: Path) -> list[Row]:
    """Lenses out of the demo's pictures of a board, and how far off the board is with the demo's own lenses."""
    folder, board, rows = samples / "Demo_SinglePerson" / "calibration", Board(4, 7, 0.06), []
    for own in read_cameras(folder / "Calib.qca.txt").cameras:
        found = []
        for path in sorted((folder / "intrinsics" / f"int_{own.name}_img").glob("*.jpg")):
            corners = board.find(np.asarray(cv2.imread(str(path))))
            found += [] if corners is None else [corners]
        assert own.size is not None
        camera, errors = lens_of(own.name, own.size, board, found)
        told = {"own lens": own, "own lens, distortion / 64": replace(own, distortion=own.distortion / 64)}
        rows.append(
            {"case": own.name, "engine": "posescribe", "pictures": len(found), "focal_px": float(camera.matrix[0, 0]),
             "own_focal_px": float(own.matrix[0, 0]), "k1": float(camera.distortion[0]),
             "own_k1": float(own.distortion[0]), "rms_px": float(np.sqrt((errors**2).mean()))}
            | {f"{name}, rms_px": _off(one, board, found) for name, one in told.items()}
        )  # fmt: skip
    return rows


def _off(camera: Camera, board: Board, found: list[Corners]) -> float:
    square = []
    for one in found:
        points = board.points[one.numbers]
        square.append((place_of(camera, points, one.pixels).project(points) - one.pixels) ** 2)
    return float(np.sqrt(np.concatenate(square).sum(axis=1).mean()))


def exchanged(whole: pd.DataFrame) -> int:
    necks = whole[whole.keypoint == "neck"].pivot_table(index="frame", columns="person", values=["x", "y", "z"])
    places = np.stack([necks[axis].to_numpy() for axis in "xyz"], axis=-1)  # frames, people, 3
    away = np.linalg.norm(places[1:, :, None] - places[:-1, None], axis=-1)
    nearest = np.nanargmin(np.where(np.isnan(away), np.inf, away), axis=-1)
    known = np.isfinite(away[:, range(away.shape[1]), range(away.shape[1])])
    return int((known & (nearest != np.arange(away.shape[1]))).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", action="store_true", help="lenses from the demo's pictures of a board, instead")
    parser.add_argument("--quick", action="store_true", help="a third of a second")
    parser.add_argument("--keep", type=Path, help="folder for the analyses; those that are there are taken")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    samples = fetch(MULTIVIEW_SAMPLES)
    if arguments.boards:
        found = boards(samples)
        print_table(found, {key: "" if isinstance(value, str | int) else ".3f" for key, value in found[0].items()})
        write(found, arguments.json)
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        for demo in ("MultiPerson", "SinglePerson"):
            videos = [str(path) for path in sorted((samples / f"Demo_{demo}" / "videos").glob("*.mp4"))]
            out, db = folder / demo, folder / demo / "posescribe.db"
            if not db.exists():
                end = "0.33" if arguments.quick else "1"
                command = ["analyze", *videos, "--out", str(out), "--end", end, "--actions", "none", "--no-overlay"]
                assert posescribe(command) == 0
            calibration = samples / f"Demo_{demo}" / "calibration" / "Calib.qca.txt"
            for fit in ("crop", "crop-centre", "crop-left", "resize") if demo == "SinglePerson" else ("", "middle"):
                fits = {"cam01": fit, "cam02": fit} if demo == "SinglePerson" else {}
                cameras = with_middle(calibration, Path(name) / "middle.toml") if fit == "middle" else calibration
                whole = space(db, cameras, Path(name) / "space", NAMES, fits)
                bones = pd.read_csv(Path(name) / "space" / "bones.csv")
                for members, apart in held_out(db, cameras, Path(name) / "left", fits, whole).items():
                    (person,) = whole[whole.members == members].person.unique()
                    distances = np.linalg.norm(np.concatenate(apart), axis=-1)
                    shifted = [np.linalg.norm(each - np.median(each, axis=0), axis=-1) for each in apart]
                    limbs = bones[(bones.person == person) & ~bones.bone.str.contains("|".join(HEAD))]
                    rows.append(
                        {
                            "case": f"{demo} {fit}".strip(), "engine": "posescribe", "person": int(person),
                            "held_out_px": float(np.median(distances)),
                            "rest_px": float(np.median(np.concatenate(shifted))), "joints": len(distances),
                            "bones_cv": float(limbs.cv.median()), "worst_cv": float(limbs.cv.max()),
                            "raw_bones_cv": float(limbs.raw_cv.median()), "raw_worst_cv": float(limbs.raw_cv.max()),
                            "exchanged": exchanged(whole),
                        }
                    )  # fmt: skip
    columns = {
        "case": "", "person": "d", "held_out_px": ".1f", "rest_px": ".1f", "joints": "d",
        "bones_cv": ".1%", "worst_cv": ".1%", "raw_bones_cv": ".1%", "raw_worst_cv": ".1%", "exchanged": "d",
    }  # fmt: skip
    print_table(rows, columns)
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
