"""`posescribe train-pose`: a pose network of your own, out of annotated images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json


def train_pose(
    annotations: Annotated[
        str,
        typer.Argument(
            help="COCO keypoints (.json), MPII people (.json), LSP's joints.mat, or a database with tracks."
        ),
    ],
    images: Annotated[
        Path, typer.Argument(help="Folder of the images that the annotations name; of a database, of its videos.")
    ],
    network: Annotated[
        str,
        typer.Option(
            help="Structure: mobilenet_thin, movenet_fields, lightweight_openpose, openpose_coco, openpose_mpi or "
            "openpose_body_25; of one person cpm_mpi, cpm_lsp or cpm_flic; openpose_hand or openpose_face."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the model.")],
    start: Annotated[
        str | None,
        typer.Option(
            help="Weights to begin with: a name of `posescribe models list`, a .pb or .safetensors file, a model's "
            "folder.  [default: random; of MoveNet for movenet_fields, whose head is random]"
        ),
    ] = None,
    check: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Annotations and images to judge by.  [default: --held-out of the others]"),
    ] = None,
    held_out: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the images to judge by, drawn at random; 0 judges by none.")
    ] = 0.05,
    size: Annotated[
        int | None, typer.Option(min=32, help="Side of the square input in training, pixels.  [default: the network's]")
    ] = None,
    net_size: Annotated[
        int | None,
        typer.Option(
            min=32, help="Height of the input when judged, pixels; of one person the crops'.  [default: --size]"
        ),
    ] = None,
    frozen: Annotated[
        int,
        typer.Option(min=0, help="movenet_fields: train the head alone, on features of N views of each image; 0: all."),
    ] = 0,
    epochs: Annotated[float, typer.Option(min=0.001, help="How often each image is learnt from.")] = 100.0,
    batch: Annotated[int, typer.Option(min=1, help="Images that go through the network together.")] = 8,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for each update of the weights.")] = 1,
    optimiser: Annotated[Literal["adamw", "sgd"], typer.Option(help="Kind of update.")] = "adamw",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            help="The greatest of a cosine schedule.",
            show_default="0.001; 0.00002 where weights that were trained already are trained further",
        ),
    ] = None,
    average: Annotated[
        float, typer.Option(min=0, max=0.9999, help="Decay of the moving average of the weights; 0: none.")
    ] = 0.999,
    intermediate: Annotated[
        bool, typer.Option("--intermediate/--last-stage", help="Losses at every stage, or at the last alone.")
    ] = True,
    unlabelled: Annotated[
        Literal["absent", "unknown"], typer.Option(help="What a joint without a label is, of an annotated person.")
    ] = "absent",
    teacher: Annotated[
        Literal["none", "fast", "balanced", "high"],
        typer.Option(help="Accuracy of the default networks that label what is not labelled, once."),
    ] = "none",
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        typer.Option(help="Of the arithmetic; float16 is for GPUs, and bfloat16 slower on most CPUs."),
    ] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Threads that make batches.")] = 2,
    checkpoint: Annotated[float, typer.Option(min=0.01, help="Minutes between checkpoints.")] = 5.0,
    judge: Annotated[float, typer.Option(min=0, help="Epochs between evaluations; 0: at the end alone.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="Of every random step.")] = 0,
    licence: Annotated[str, typer.Option(help="Of the model.")] = "as the data it was trained on",
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Go on where an earlier training stopped, or begin anew.")
    ] = True,
    json_: Json = False,
) -> None:
    """Train a pose network of part affinity fields, or a pose machine, and measure how good it is.

    Writes a folder that --model takes (--refine, --hand-network or --face-network, if it sees one person, hand, face):
    network.safetensors, card.json, README.md; in training/ the log (log.csv, and events for TensorBoard) and the
    checkpoint. Stop it when you like: the same command goes on exactly where it was.
    """
    from dataclasses import replace

    from behavior.cli.train import command_words, is_database
    from behavior.pipeline.annotated_frames import annotated_frames
    from pose.training.fit import FitSettings, Rhythm
    from pose.training.targets import TargetSettings
    from pose.training.train import Plan, train

    trainable(device, precision)
    settings = FitSettings(
        epochs=epochs, batch=batch, accumulate=accumulate, optimiser=optimiser,
        learning_rate=learning_rate or _usual_rate(network, start, frozen),
        average=average, intermediate=intermediate, precision=precision, seed=seed,
    )  # fmt: skip
    plan = Plan(
        annotations=Path(annotations), images=images, network=network, out=out, start=start, check=check,
        held_out=held_out, size=None if size is None else (size, size), net_height=net_size, frozen=frozen,
        licence=licence, recipe=" ".join(command_words()), fit=settings, targets=TargetSettings(unlabelled=unlabelled),
        rhythm=Rhythm(checkpoint_s=60 * checkpoint, evaluate_every=judge, threads=threads),
    )  # fmt: skip
    with Narrator() as narrator:
        if is_database(annotations):
            file, folder = annotated_frames(annotations, images, out / "frames", narrator)
            plan = replace(plan, annotations=file, images=folder)

        def label() -> tuple[str, Any]:
            from behavior.pipeline.loading import load_models
            from pose.engine import EngineSettings

            engine = load_models("movenet_multipose", "auto", "none", narrator).engine(
                EngineSettings(accuracy=teacher)  # type: ignore[arg-type] # not `none`
            )
            refined = "" if engine.refiner is None else f" and {engine.refiner.name} {engine.refiner.sha256[:12]}"
            name = f"{engine.model.name} {engine.model.sha256[:12]}{refined} at {teacher}"
            return name, lambda image: engine.detect([image])[0]

        trained = train(plan, narrator, device=device, teacher=None if teacher == "none" else label, restart=not resume)
        fitted = trained.fitted
        told = ", ".join(f"{name} {value:.3f}" for name, value in fitted.scores.items())
        narrator.say(
            f"{out}: {told or 'not measured'} (step {fitted.best_step:,}); {fitted.images_per_s:.1f} images/s, "
            f"{fitted.waiting:.0%} of the time waiting for batches"
        )
    if json_:
        print_json(
            {
                "model": str(out), "steps": fitted.steps, "best_step": fitted.best_step, "loss": fitted.loss,
                "figures": dict(fitted.scores), "images_per_second": fitted.images_per_s, "waiting": fitted.waiting,
            }
        )  # fmt: skip


def trainable(device: str, precision: str) -> None:
    """Refuses a device that can't be trained on, or that is not there."""
    import torch

    from pose.backends.base import Device, no_device

    if re.fullmatch(r"cpu|cuda(:\d+)?", device) is None:
        raise typer.BadParameter(f"--device {device}: expected cpu, cuda or cuda:N")
    if precision == "float16" and device == "cpu":
        raise typer.BadParameter("--precision float16 is for GPUs; choose float32 or bfloat16")
    if device != "cpu" and Device.parse(device).index >= (n := torch.cuda.device_count()):
        reason = "there is no such NVIDIA GPU" if n else "torch finds no NVIDIA GPU, or is built without CUDA"
        raise no_device(Device.parse(device), reason, ["cpu", *(f"cuda:{i}" for i in range(n))])


def _usual_rate(network: str, start: str | None, frozen: int) -> float:
    """Greater ones wreck what was trained already within some steps: no normalisation is left that would hold it."""
    trained_already = not frozen and (start is not None or network == "movenet_fields")
    return 2e-5 if trained_already else 1e-3
