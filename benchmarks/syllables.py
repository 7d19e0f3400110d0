"""Movements found without labels, held against labels: `posescribe segment` beside keypoint-moseq.

    python benchmarks/syllables.py DATA [--set bandai_namco] [--per 12] [--count 10 25] [--moseq PYTHON]

`DATA` holds the sets of `behavior.training.public_sets`; the actions of `--actions` are seen by a camera anywhere
around the person, and tremble, as in `mocap.py`. Both see the same joints in pixels and no labels. Per frame, over all
clips:

- V: V-measure of syllable and action (Rosenberg and Hirschberg, 2007), 1 the same division, 0 as by chance.
- purity: the share of frames that the action most frequent in each syllable gets right.
- ARI: adjusted Rand index.

keypoint-moseq (Weinreb et al., 2024) runs in a Python of its own, that of `--moseq`, where it is installed: 50
iterations of its autoregressive model and, as they took 80 s each on two busy cores, as many of the whole model as
`--whole` says, for each stickiness of `KAPPAS`. Neither is told how many actions there are.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Row, print_table, write
from mocap import as_coco, projected
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, v_measure_score

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.recognition.clips import RATE_HZ
from behavior.recognition.syllables import Sample, SegmentSettings, Syllables, track_windows
from behavior.training.public_sets import load_public_set
from pose.layouts import BODY_13
from pose.people import Track
from pose.skeleton import COCO_18

ACTIONS = (
    "bow",
    "guide",
    "raise-up-both-hands",
    "raise-up-left-hand",
    "run",
    "walk",
    "wave-both-hands",
    "wave-left-hand",
)
KAPPAS = (1e4, 1e6, 1e8)
MOSEQ = """
import sys, time
import jax, numpy as np
import keypoint_moseq as kpms

jax.config.update("jax_enable_x64", True)
source, kappa, target, project, whole = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
clips = np.load(source)
names, fps = [str(name) for name in clips["joint_names"]], int(clips["fps"])
coordinates = {key: clips[key] for key in clips if key.startswith("clip")}
begin = time.perf_counter()
kpms.setup_project(project, bodyparts=names, use_bodyparts=names, overwrite=True)
kpms.update_config(
    project, anterior_bodyparts=["head"], posterior_bodyparts=["right_hip", "left_hip"], fps=fps, latent_dim=8
)
config = kpms.load_config(project)
confidences = {key: np.ones(value.shape[:2]) for key, value in coordinates.items()}
data, metadata = kpms.format_data(coordinates, confidences, **config)
model = kpms.init_model(data, pca=kpms.fit_pca(**data, **config), **config)
quiet = {"save_every_n_iters": None, "generate_progress_plots": False, "verbose": False}
model = kpms.update_hypparams(model, kappa=kappa)
model, name = kpms.fit_model(model, data, metadata, project, ar_only=True, num_iters=50, **quiet)
if whole:
    model = kpms.update_hypparams(model, kappa=kappa / 10)
    iterations = {"start_iter": 50, "num_iters": 50 + whole}
    model, _ = kpms.fit_model(model, data, metadata, project, name, ar_only=False, **iterations, **quiet)
results = kpms.extract_results(model, metadata, project, name, save_results=False)
seconds = time.perf_counter() - begin
np.savez(target, seconds=seconds, **{key: results[key]["syllable"] for key in coordinates})
"""


def seen(asked: argparse.Namespace) -> tuple[list[NDArray[np.float64]], list[str]]:
    """(T, 13, 2) pixels of each clip, and its label."""
    data = load_public_set(asked.data, asked.set)
    rng = np.random.default_rng(asked.seed)
    points, labels = [], []
    for label in asked.actions:
        for clip in rng.permutation(np.flatnonzero(data.own == label))[: asked.per]:
            body = projected(data.points[clip], rng)
            torso = np.nanmedian(np.linalg.norm(body[:, 1:3].mean(axis=1) - body[:, 7:9].mean(axis=1), axis=1))
            points.append(body + rng.normal(0, asked.jitter * torso, body.shape))
            labels.append(label)
    return points, labels


def ours(points: list[NDArray[np.float64]], count: int) -> tuple[list[NDArray[np.str_]], float]:
    """The syllable of each frame of each clip, empty where there is none; seconds."""
    begin = time.perf_counter()
    settings = SegmentSettings(count=count)
    tracks = []
    for number, body in enumerate(points, start=1):
        joints = np.concatenate([as_coco(body), np.ones((len(body), len(COCO_18), 1))], axis=-1)
        joints[np.isnan(joints[..., 0]), 2] = 0
        frames = np.arange(len(body))
        tracks.append(
            Track(number, frames, frames / RATE_HZ, joints.astype(np.float32), np.ones(len(body), np.float32),
                  skeleton=COCO_18)
        )  # fmt: skip
    cut = [list(track_windows(track, COCO_18, BODY_13, settings)) for track in tracks]
    sample = Sample(BODY_13, settings)
    for windows in cut:
        for some in windows:
            sample.add(some)
    syllables = Syllables(sample, settings)
    found = []
    for track, windows in zip(tracks, cut, strict=True):
        names = np.full(len(track), "", dtype="<U8")
        for some in windows:
            for bout in syllables.bouts(track, some)[0]:
                names[bout.start_frame : bout.stop_frame + 1] = bout.action
        found.append(names)
    return found, time.perf_counter() - begin


def moseq(
    points: list[NDArray[np.float64]], python: Path, kappa: float, whole: int
) -> tuple[list[NDArray[np.str_]], float]:
    """The same of keypoint-moseq."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "clips.npz"), Path(folder, "syllables.npz")
        keyed = {f"clip{number:04d}": body for number, body in enumerate(points)}
        np.savez(source, joint_names=np.array(BODY_13), fps=RATE_HZ, **keyed)
        command = [python, "-c", MOSEQ, source, str(kappa), target, Path(folder, "project"), whole]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        told = np.load(target)
        return [told[key].astype("<U8") for key in keyed], float(told["seconds"])


def row(what: str, found: list[NDArray[np.str_]], labels: list[str], seconds: float) -> Row:
    said = np.concatenate(found)
    truth = np.concatenate([np.full(len(names), label) for names, label in zip(found, labels, strict=True)])
    right = sum(int(np.unique(truth[said == name], return_counts=True)[1].max()) for name in np.unique(said))
    lengths = [np.diff([0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]) / RATE_HZ for names in found]
    return {
        "what": what, "syllables": len(np.unique(said)), "median, s": float(np.median(np.concatenate(lengths))),
        "V": v_measure_score(truth, said), "purity": right / len(said), "ARI": adjusted_rand_score(truth, said),
        "seconds": seconds,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="bandai_namco")
    parser.add_argument("--actions", nargs="+", default=ACTIONS, help="the set's own labels")
    parser.add_argument("--per", type=int, default=12, help="clips of each")
    parser.add_argument("--count", type=int, nargs="+", default=[10, 25], help="most syllables of ours")
    parser.add_argument("--jitter", type=float, default=0.026, help="torso lengths")
    parser.add_argument("--moseq", type=Path, help="a Python that has keypoint-moseq")
    parser.add_argument("--whole", type=int, default=0, help="iterations of keypoint-moseq's whole model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    points, labels = seen(asked)
    print(f"{len(points)} clips, {sum(map(len, points)) / RATE_HZ:.0f} s, {len(set(labels))} actions", flush=True)
    rows = [row(f"segment --count {count}", *_with(labels, ours(points, count))) for count in asked.count]
    if asked.moseq:
        rows += [
            row(f"keypoint-moseq, kappa {k:g}", *_with(labels, moseq(points, asked.moseq, k, asked.whole)))
            for k in KAPPAS
        ]
    print_table(rows, {"what": "", "syllables": "", "median, s": ".2f", "V": ".2f", "purity": ".0%", "ARI": ".2f",
                       "seconds": ".0f"})  # fmt: skip
    write(rows, asked.json)


def _with(
    labels: list[str], told: tuple[list[NDArray[np.str_]], float]
) -> tuple[list[NDArray[np.str_]], list[str], float]:
    return told[0], labels, told[1]


if __name__ == "__main__":
    main()
