"""Memory and disk of a long analysis: the sample video, repeated to an hour, through pose, tracks and database.

    python benchmarks/memory.py [--quick] [--json FILE] [--minutes N] [--plot FILE]

The network's input is 128 pixels high, so that an hour of video takes minutes: what is asked is whether anything grows
with the number of frames. The resident size of the process is read ten times a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import psutil
from common import Row, machine, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose import assets
from pose.sources import open_source


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


def watch(command: list[str]) -> list[tuple[float, float]]:
    """Seconds since the start and resident MB of the process, until it ends."""
    begin = time.monotonic()
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    process = psutil.Process(running.pid)
    sizes: list[tuple[float, float]] = []
    while running.poll() is None:
        try:
            sizes.append((time.monotonic() - begin, process.memory_info().rss / 1e6))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    if running.wait() != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {running.returncode}")
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three minutes of video")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--minutes", type=int, default=60, help="of video")
    parser.add_argument("--plot", type=Path, help="PNG of the resident size over time")
    arguments = parser.parse_args()
    minutes = 3 if arguments.quick else arguments.minutes

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small_clip(folder / "clip.mp4")
        repeat(folder / "clip.mp4", folder / "long.mp4", minutes * 60 * 30)
        code = "import sys; from behavior.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "analyze", str(folder / "long.mp4"), "--out", str(folder / "out")]
        sizes = watch([*command, "--net-size", "128", "--actions", "none", "--no-overlay"])
        run = json.loads((folder / "out" / "long" / "run.json").read_text())
        disk = (folder / "out" / "posescribe.db").stat().st_size / 1e6
    pose_s = run["result"]["frames"] / run["result"]["frames_per_second"]
    first = sizes[0][0] + 3 + pose_s / minutes  # start-up, then one minute of video
    settled = max(size for moment, size in sizes if moment <= max(first, 5))
    during = [size for moment, size in sizes if first < moment <= pose_s]
    rows: list[Row] = [
        {
            "case": f"{minutes} min, {run['result']['frames']} frames",
            "engine": "posescribe analyze",
            "after the first minute, MB": settled,
            "growth while people are found, MB": max(during, default=settled) - settled,
            "growth to the end, MB": max(size for _, size in sizes) - settled,
            "database, MB": disk,
            "people, frames/s": run["result"]["frames_per_second"],
        }
    ]
    print(machine() + "\n")
    print_table(rows, dict.fromkeys(rows[0], ".0f") | {"case": "", "engine": ""})
    write(rows, arguments.json)
    if arguments.plot:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(8, 3))
        axes.plot(*zip(*sizes, strict=True))
        axes.axvline(pose_s, color="grey", linewidth=0.8)
        axes.set(xlabel="seconds of work; the line is where the people of all frames are stored", ylabel="resident, MB")
        axes.set_ylim(bottom=0)
        figure.savefig(arguments.plot, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
