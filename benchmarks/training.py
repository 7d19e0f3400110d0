"""Training of mobilenet_thin on the CPU: the whole loop beside a plain PyTorch loop that has its batch ready.

    python benchmarks/training.py [--quick] [--json FILE] [--threads N]

The whole loop reads images, changes them, draws targets, takes losses at every stage, averages weights and writes its
log; the plain one does forward, squared error, backward and AdamW on one and the same batch in memory. `waiting` is the
share of the whole loop's time in which the network had no batch. Both take turns.

    python benchmarks/training.py --learn [--steps N] [--keep DIR]

trains a small network from nothing on rendered people, with losses at every stage and at the last alone, and tells PCK
at 0.2 of the torso on 200 people that it has not seen.

    python benchmarks/training.py --learn-one [--steps N]

trains a small pose machine of three stages on 1,000 renderings of one or two people, each in a crop of 96 pixels, and
tells PCK and PCKh at 0.5 of the head on 150 renderings that it has not seen, given the crops.

    python benchmarks/training.py --curves FILE LOG...

draws loss and figures of trainings out of their `log.csv` into one PNG.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from common import machine, print_table, write
from torch.nn import functional

from pose.maps import CPM_BODY, OPENPOSE_COCO
from pose.networks.cpm import Cpm, CpmConfig
from pose.networks.mobilenet_thin import MobilenetThin, MobilenetThinConfig
from pose.training.augment import AugmentSettings
from pose.training.batches import AnnotatedImages, Batch
from pose.training.datasets import Dataset, read_annotations
from pose.training.evaluate import evaluate
from pose.training.fit import FitSettings, Rhythm, fit
from pose.training.initialise import initialise
from pose.training.rendered import render_dataset

OUTPUTS = tuple(OPENPOSE_COCO.outputs)
OURS, PLAIN = "posescribe, whole loop", "plain PyTorch loop"


def whole_loop(images: AnnotatedImages, steps: int, batch: int) -> tuple[float, float]:
    """Images per second and share of waiting."""
    network = MobilenetThin()
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(network, images, OUTPUTS, Path(folder), FitSettings(steps=steps, batch=batch))
    return fitted.images_per_s, fitted.waiting


def plain_loop(ready: Batch, steps: int) -> float:
    """Images per second."""
    network = MobilenetThin().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    image = ready.inputs[0].float().contiguous(memory_format=torch.channels_last)
    start = time.perf_counter()
    for _ in range(steps):
        optimiser.zero_grad()
        loss = sum(
            functional.mse_loss(value, ready.targets[name])
            for stage in network.each_stage(image)
            for name, value in zip(OUTPUTS, stage, strict=True)
        )
        loss.backward()
        optimiser.step()
    return steps * len(image) / (time.perf_counter() - start)


def measure(data: Dataset, size: int, steps: int, rounds: int, batch: int = 4) -> list[dict[str, object]]:
    images = AnnotatedImages([data], OPENPOSE_COCO, (size, size))
    ready = images.batch(0, batch)
    plain_loop(ready, 1)
    speeds: dict[str, list[float]] = {OURS: [], PLAIN: []}
    waits = []
    for _ in range(rounds):
        speed, waiting = whole_loop(images, steps, batch)
        speeds[OURS].append(speed)
        waits.append(waiting)
        speeds[PLAIN].append(plain_loop(ready, steps))
    ratios = {
        name: statistics.median(a / b for a, b in zip(values, speeds[PLAIN], strict=True))
        for name, values in speeds.items()
    }
    return [
        {"case": f"{size}x{size}", "engine": name, "fps": statistics.median(values), "ratio_to": PLAIN,
         "ratio": ratios[name], **({"waiting": statistics.median(waits)} if name == OURS else {})}
        for name, values in speeds.items()
    ]  # fmt: skip


def learn(folder: Path, steps: int, keep: Path | None) -> list[dict[str, object]]:
    """PCK of a small network from nothing, with and without intermediate supervision; logs are copied to `keep`."""
    size = (128, 128)
    seen = read_annotations(*render_dataset(folder / "seen", 1000, size, people=(1, 1)), OPENPOSE_COCO.skeleton)
    unseen = read_annotations(*render_dataset(folder / "new", 200, size, 1, (1, 1)), OPENPOSE_COCO.skeleton)
    mild = AugmentSettings(scale=(0.9, 1.2), rotation=15, patches=1)
    images = AnnotatedImages([seen], OPENPOSE_COCO, size, mild)
    config = MobilenetThinConfig(
        stem=24, backbone=((32, 1), (48, 2), (48, 1), (96, 2), *((96, 1),) * 4), taps=(2, 5, 7), hidden=48,
        bottleneck=96, refinements=("both",) * 3,
    )  # fmt: skip
    rows: list[dict[str, object]] = []
    for intermediate in (True, False):
        network = MobilenetThin(config)
        initialise(network, images.batch(0, 8).inputs[0].float())
        settings = FitSettings(steps=steps, batch=8, learning_rate=3e-3, average=0.99, intermediate=intermediate)
        name = "losses at every stage" if intermediate else "loss at the last stage"
        place = folder / name
        place.mkdir()

        def judge(network: MobilenetThin = network) -> dict[str, float]:
            return {"pck": evaluate(network, OPENPOSE_COCO, unseen.samples, size[0]).pck}

        fitted = fit(
            network, images, OUTPUTS, place, settings, rhythm=Rhythm(evaluate_every=steps / 5 * 8 / 1000, log_every=50),
            evaluate=judge, say=lambda text, name=name: print(f"{name}: {text}", flush=True),
        )  # fmt: skip
        rows.append({"case": "rendered people", "engine": name, "steps": steps, "pck": fitted.scores["pck"]})
        if keep is not None:
            (keep / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(place / "log.csv", keep / name)
    return rows


def learn_one(folder: Path, steps: int) -> list[dict[str, object]]:
    """PCK and PCKh of a small pose machine from nothing."""
    layout = replace(CPM_BODY, size=96)
    seen = read_annotations(*render_dataset(folder / "seen", 1000, (160, 192)), layout.skeleton)
    unseen = read_annotations(*render_dataset(folder / "new", 150, (160, 192), 1), layout.skeleton)
    mild = AugmentSettings(scale=(0.85, 1.15), rotation=15, patches=1, on_person=1.0)
    images = AnnotatedImages([seen], layout, (96, 96), mild)
    network = Cpm(CpmConfig(n_heatmaps=15, n_stages=3, hidden=24, n_features=16, bottleneck=64))
    initialise(network, images.batch(0, 8).inputs[0].float())
    fitted = fit(
        network, images, tuple(layout.outputs), folder,
        FitSettings(steps=steps, batch=8, learning_rate=3e-3, average=0.99),
        rhythm=Rhythm(evaluate_every=steps * 8 / len(images) / 6),
        evaluate=lambda: evaluate(network, layout, unseen.samples, 96).as_dict(),
        say=lambda text: print(text, flush=True),
    )  # fmt: skip
    return [{"case": "rendered people", "engine": "pose machine", "steps": steps, **fitted.scores}]


def draw_curves(logs: Sequence[Path], path: Path) -> None:
    """The last stage's loss, and PCK and AP of held-out images, over images learnt from."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for i, log in enumerate(logs):
        name = log.parent.parent.name if log.parent.name == "training" else log.parent.name
        table = pd.read_csv(log)
        loss = table.dropna(subset="last_stage_loss")
        losses.plot(loss["epoch"], loss["last_stage_loss"], color=f"C{i}", label=name)
        for score, dash in (("pck", "-"), ("ap", "--")):
            judged = table.dropna(subset=score)
            if len(judged):
                scores.plot(judged["epoch"], judged[score], dash, marker=".", color=f"C{i}")
    losses.set(ylabel="squared error of the last stage", yscale="log")
    scores.set(ylabel="PCK (lines), AP (dashes) of others", ylim=(0, 1))
    for axes in (losses, scores):
        axes.set(xlabel="epochs", xscale="log")
        axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, one round")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--threads", type=int, help="of torch (all cores)")
    parser.add_argument("--learn", action="store_true", help="learn rendered people instead of measuring speed")
    parser.add_argument("--learn-one", action="store_true", help="the same of a pose machine, person by person")
    parser.add_argument("--steps", type=int, default=2000, help="of --learn and --learn-one")
    parser.add_argument("--keep", type=Path, help="folder for the logs of --learn")
    parser.add_argument("--curves", type=Path, nargs="+", metavar="FILE", help="a PNG, and logs to draw into it")
    arguments = parser.parse_args()
    if arguments.curves:
        draw_curves(arguments.curves[1:], arguments.curves[0])
        return
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"{machine()}; {torch.get_num_threads()} threads\n")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.learn_one:
            rows = learn_one(Path(folder), arguments.steps)
            print_table(rows, {"case": "", "engine": "", "steps": "", "pck": ".3f", "pckh": ".3f"})
        elif arguments.learn:
            rows = learn(Path(folder), arguments.steps, arguments.keep)
            print_table(rows, {"case": "", "engine": "", "steps": "", "pck": ".3f"})
        else:
            data = read_annotations(*render_dataset(Path(folder), 24, (480, 640)), OPENPOSE_COCO.skeleton)
            rows = []
            for size in (256,) if arguments.quick else (256, 368):
                rows += measure(data, size, steps=4 if arguments.quick else 10, rounds=1 if arguments.quick else 3)
            print_table(rows, {"case": "", "engine": "", "fps": ".2f", "ratio": ".2f", "waiting": ".1%"})
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
