"""Memory and disk of a long analysis: does anything grow with the length of the video?

    python benchmarks/memory.py [--quick] [--json FILE] [--minutes N] [--made-up N] [--plot FILE]

Two runs, the resident size of the process read ten times a second in both:

- `posescribe analyze` on the sample video, repeated to N minutes. The frames are small and the network's input is 184
  pixels high, so that an hour of video takes about an hour.
- All stages behind the pose engine (tracks, actions, tables, report) on made-up detections of five people, for one
  minute of 30 frames/s and for N: there the growth is the difference of the two.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import psutil
from common import Row, machine, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.sources import open_source
from pose.weights import assets
from storage import open_database, poses, recordings, runs


def small_clip(path: Path, frames: int = 230) -> None:
    """The sample video at 320×180, H.264, a keyframe each second."""
    with open_source(str(assets.fetch(assets.SAMPLE_VIDEO))) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "g": "30", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in source:
            picture = av.VideoFrame.from_ndarray(frame.image, format="bgr24")
            for packet in stream.encode(picture.reformat(320, 180, "yuv420p")):
                out.mux(packet)
            if frame.index + 1 == frames:
                break
        for packet in stream.encode(None):
            out.mux(packet)


def repeat(clip: Path, path: Path, frames: int) -> None:
    """The clip's packets over and over, each time behind the last."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        original = source.streams.video[0]
        packets = [packet for packet in source.demux(original) if packet.pts is not None]
        stream = out.add_stream_from_template(original)
        step = packets[1].pts - packets[0].pts
        content = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for index in range(frames):
            data, keyframe = content[index % len(content)]
            packet = av.Packet(data)
            packet.pts = packet.dts = index * step
            packet.time_base, packet.stream, packet.is_keyframe = original.time_base, stream, keyframe
            out.mux(packet)


def watch(command: list[str], tell: Callable[[float], None] | None = None) -> list[tuple[float, float]]:
    """Seconds since the start and resident MB of the process, until it ends; `tell` hears of each moment."""
    begin = time.monotonic()
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    process = psutil.Process(running.pid)
    sizes: list[tuple[float, float]] = []
    while running.poll() is None:
        try:
            sizes.append((time.monotonic() - begin, process.memory_info().rss / 1e6))
            if tell is not None:
                tell(sizes[-1][0])
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    if running.wait() != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {running.returncode}")
    return sizes


MADE_UP = """
import sys
from pathlib import Path
from behavior.pipeline import stages
from behavior.pipeline import tell as telling
from behavior.pipeline.models import locate
from behavior.recognition.model import load_action_model
from behavior.cli.console import Narrator
from behavior.pipeline.settings import Settings
from storage import open_database, recordings, runs

path, settings = Path(sys.argv[1]), Settings(overlay=False)
model = load_action_model(locate("default"))
with open_database(path, create=False) as database, Narrator() as narrator:
    with database.reading() as tx:
        stored = recordings.list_recordings(tx)[0]
        [pose_run] = runs.list_runs(tx, stored.id)
    recording = stages.Recording(stored, path.parent / "made-up")
    track_run = stages.follow_people(database, pose_run, settings, narrator)
    action_run = stages.name_actions(database, track_run, model, settings, narrator)
    telling.tell(database, recording, pose_run, track_run, action_run, settings, narrator)
"""


def detections(path: Path, minutes: int, people: int = 5) -> None:
    """A database with people who swing arms and legs, 5 % of their joints missing, as a pose run would leave it."""
    joints = COCO_18.joints
    rest = np.array([_REST[joint.removeprefix("left_").removeprefix("right_")] for joint in joints])
    side = np.array([np.pi if joint.startswith("left") else 0.0 for joint in joints])
    rng = np.random.default_rng(0)
    with open_database(path) as database:
        with database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="made-up", uri="made-up", kind="keypoints", sha256="0" * 64, width=1920, height=1080
            )
            run = runs.start_run(
                tx, recording, "pose", "made-up", version="1", skeleton=COCO_18, device="cpu",
                settings={"part": {"start_s": None, "end_s": None, "every": 1}},
                extra={"skipped": 0, "seconds": 1.0, "notes": []},
            )  # fmt: skip
        for first in range(0, minutes * 1800, 500):
            index = np.arange(first, min(first + 500, minutes * 1800))
            time_s = index[:, None, None] / 30
            number = np.arange(people)[:, None]
            phase = 5.5 * time_s + side
            points = np.empty((len(index), people, len(joints), 3), dtype=np.float32)
            points[..., 0] = rest[:, 0] + rest[:, 2] * np.sin(phase) + 200 + 350 * number + 90 * np.sin(time_s / 9)
            points[..., 1] = rest[:, 1] + 0.2 * rest[:, 2] * np.cos(phase) + 400
            points[..., :2] += rng.normal(0, 1, points[..., :2].shape)
            points[..., 2] = rng.uniform(0.4, 1, points.shape[:3])
            points[rng.random(points.shape[:3]) < 0.05] = (np.nan, np.nan, 0)
            frames = [
                FramePeople(int(i), float(t), tuple(Person(person, 0.7, skeleton=COCO_18) for person in frame))
                for i, t, frame in zip(index, time_s.ravel(), points, strict=True)
            ]
            with database.transaction() as tx:
                poses.append_frames(tx, run.id, frames)
        with database.transaction() as tx:
            runs.finish_run(tx, run.id)


_REST = {
    "nose": (8, -96, 2), "eye": (6, -100, 2), "ear": (0, -98, 2), "neck": (0, -80, 2), "shoulder": (0, -79, 2),
    "elbow": (2, -45, 10), "wrist": (8, -14, 25), "hip": (0, 0, 2), "knee": (4, 45, 15), "ankle": (0, 90, 35),
}  # fmt: skip
"""x, y from the middle of the hips and swing along x, pixels."""


def pose_stage(folder: Path, minutes: int) -> tuple[Row, list[tuple[float, float]], float]:
    """The row, the sizes, and the second at which the people of all frames were stored."""
    small_clip(folder / "clip.mp4")
    repeat(folder / "clip.mp4", folder / "long.mp4", minutes * 60 * 30)
    code = "import sys; from behavior.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "analyze", str(folder / "long.mp4"), "--out", str(folder / "out")]
    frames = minutes * 60 * 30
    begun: dict[int, float] = {}  # when so many frames were stored

    def note(moment: float) -> None:
        stored = stored_frames(folder / "out" / "posescribe.db")
        for n in (frames // minutes, frames):
            if stored >= n:
                begun.setdefault(n, moment)

    sizes = watch([*command, "--net-size", "184", "--actions", "none", "--no-overlay"], note)
    run = json.loads((folder / "out" / "long" / "run.json").read_text())["result"]
    first, pose_s = begun[frames // minutes], begun[frames]
    settled = max(size for moment, size in sizes if moment <= first)
    during = [size for moment, size in sizes if first < moment <= pose_s]
    row = {
        "case": f"analyze, {minutes} min, {run['frames']} frames",
        "after the first minute, MB": settled,
        "growth while people are found, MB": max(during, default=settled) - settled,
        "growth to the end, MB": max(size for _, size in sizes) - settled,
        "database, MB": (folder / "out" / "posescribe.db").stat().st_size / 1e6,
    }
    return row, sizes, pose_s


def stored_frames(database: Path) -> int:
    """Frames in a database that another process is writing; 0 before there is one."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT coalesce(max(frame) + 1, 0) FROM frame").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def later_stages(folder: Path, minutes: int) -> tuple[Row, list[tuple[float, float]]]:
    sizes: dict[int, list[tuple[float, float]]] = {}
    for length in (1, minutes):
        (folder / str(length)).mkdir()
        detections(folder / str(length) / "posescribe.db", length)
        sizes[length] = watch([sys.executable, "-c", MADE_UP, str(folder / str(length) / "posescribe.db")])
    settled, peak = (max(size for _, size in sizes[length]) for length in (1, minutes))
    row = {
        "case": f"behind the engine, {minutes} min, 5 people",
        "after the first minute, MB": settled,
        "growth to the end, MB": peak - settled,
        "database, MB": (folder / str(minutes) / "posescribe.db").stat().st_size / 1e6,
    }
    return row, sizes[minutes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three minutes each")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--minutes", type=int, default=60, help="of video; 0 leaves it out")
    parser.add_argument("--made-up", type=int, default=60, help="minutes of detections; 0 leaves it out")
    parser.add_argument("--plot", type=Path, help="PNG of the resident size over time")
    arguments = parser.parse_args()
    minutes, made_up = (3, 3) if arguments.quick else (arguments.minutes, arguments.made_up)

    rows: list[Row] = []
    curves: list[tuple[str, list[tuple[float, float]], float | None]] = []
    with tempfile.TemporaryDirectory() as name:
        if minutes:
            row, sizes, pose_s = pose_stage(Path(name), minutes)
            rows.append(row)
            curves.append((row["case"], sizes, pose_s))
        if made_up:
            row, sizes = later_stages(Path(name), made_up)
            rows.append(row)
            curves.append((row["case"], sizes, None))
    print(machine() + "\n")
    columns = {key: ".0f" for row in rows for key in row}
    print_table(rows, columns | {"case": ""})
    write(rows, arguments.json)
    if arguments.plot:
        plot(curves, arguments.plot)


def plot(curves: list[tuple[str, list[tuple[float, float]], float | None]], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, every = pyplot.subplots(len(curves), figsize=(8, 2.5 * len(curves)), squeeze=False, layout="constrained")
    for axes, (title, sizes, pose_s) in zip(every[:, 0], curves, strict=True):
        axes.plot(*zip(*sizes, strict=True))
        if pose_s is not None:
            axes.axvline(pose_s, color="grey", linewidth=0.8)
            axes.annotate("all people found", (pose_s, 0), xytext=(-3, 5), textcoords="offset points", ha="right")
        axes.set(title=title, xlabel="seconds of work", ylabel="resident, MB")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
