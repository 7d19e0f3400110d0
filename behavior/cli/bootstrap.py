"""`posescribe bootstrap`: a pose network taught by what several cameras agree on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.cameras import (
    Calibration,
    CalibrationFormat,
    Cameras,
    Fits,
    Offsets,
    StoredOffsets,
    Synchronised,
    Unit,
    rig_of,
)
from behavior.cli.console import Narrator
from behavior.cli.options import Json, Resume
from behavior.cli.printable import print_json


def bootstrap(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL, with all recordings.")],
    calibration: Calibration,
    out: Annotated[Path, typer.Option("--out", help="Folder for labels, images, models and figures.")],
    camera: Cameras = None,
    synchronised: Synchronised = False,
    offset: Offsets = None,
    stored_offsets: StoredOffsets = False,
    fit: Fits = None,
    format_: CalibrationFormat = None,
    unit: Unit = None,
    limit: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Pixels; a view further from a joint does not count.  [default: 1 % of the picture]"
        ),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(min=2, help="That agree on a joint.  [default: one fewer than make labels, from 2 to 3]"),
    ] = None,
    window: Annotated[float, typer.Option(min=0.01, help="Least time between two labelled frames, seconds.")] = 0.5,
    frames: Annotated[
        int, typer.Option(min=1, help="Frames that are labelled in a round, the best, in each view.")
    ] = 100,
    hold_out_camera: Annotated[
        str | None, typer.Option(help="Camera that makes no labels and that networks are judged by.  [default: none]")
    ] = None,
    hold_out_last: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the time, at its end, that networks are judged by.")
    ] = 0.2,
    labels_only: Annotated[bool, typer.Option("--labels-only", help="Write the labels and train nothing.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Labels, training, people found anew: how often.")] = 1,
    network: Annotated[
        str, typer.Option(help="Structure, as for train-pose, of those that find everybody.")
    ] = "movenet_fields",
    start: Annotated[
        str | None,
        typer.Option(help="Weights that each round begins with, and that are judged before.  [default: --network's]"),
    ] = None,
    size: Annotated[int, typer.Option(min=32, help="Side of the square input in training, pixels.")] = 320,
    net_size: Annotated[
        int | None, typer.Option(min=64, help="Height of the input when judged, pixels.  [default: --size]")
    ] = None,
    frozen: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="movenet_fields: train the head alone, on N views of each image; 0: all.  [default: 8, others 0]",
        ),
    ] = None,
    epochs: Annotated[float, typer.Option(min=0.001, help="How often each view of an image is learnt from.")] = 10.0,
    batch: Annotated[int, typer.Option(min=1, help="Images that go through the network together.")] = 8,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-9, help="The greatest of a cosine schedule.", show_default="0.0001 of a head, else 0.00002"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="That is trained on: cpu, cuda or cuda:N.")] = "cpu",
    checkpoint: Annotated[float, typer.Option(min=0.01, help="Minutes between checkpoints.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="Of every random step.")] = 0,
    resume: Resume = True,
    json_: Json = False,
) -> None:
    """A pose network taught by what several calibrated cameras agree on, without labels by hand.

    Multiview bootstrapping (Simon et al., CVPR 2017). Writes OUT/round_1/ and so on: annotations.json (COCO), images/
    and the model; check/, what is held out; evaluation.csv, how far joints are off there, before (round 0) and after.
    Stop it when you like: the same command goes on from there.
    """
    rig = rig_of(
        calibration, camera, fit, offset, synchronised=synchronised, stored_offsets=stored_offsets, format=format_,
        unit=unit,
    )  # fmt: skip
    if labels_only and rounds > 1:
        raise typer.BadParameter("--rounds needs training; leave --labels-only out")
    if frozen is None:
        frozen = 8 if network == "movenet_fields" else 0
    from behavior.cli.train import command_words
    from behavior.cli.train_pose import trainable
    from behavior.pipeline.bootstrapping import Learning, Selection
    from behavior.pipeline.bootstrapping import bootstrap as run
    from pose.training.fit import FitSettings, Rhythm

    trainable(device, "float32")
    settings = FitSettings(
        epochs=epochs, batch=batch, learning_rate=learning_rate or (1e-4 if frozen else 2e-5), seed=seed
    )
    learning = Learning(
        network=network, start=start or network, frozen=frozen, size=size, net_height=net_size or size, fit=settings,
        rhythm=Rhythm(checkpoint_s=60 * checkpoint), device=device,
    )  # fmt: skip
    selection = Selection(
        limit_px=limit, min_views=views, window_s=window, most=frames, hold_out_camera=hold_out_camera,
        hold_out_last=hold_out_last,
    )  # fmt: skip
    with Narrator() as narrator:
        result = run(
            db, rig, out, narrator, selection=selection,
            learning=None if labels_only else learning, rounds=rounds, restart=not resume,
            recipe=" ".join(command_words()),
        )  # fmt: skip
        if labels_only:
            folder = out / "round_1"
            images, file = shlex.quote(str(folder / "images")), shlex.quote(str(folder / "annotations.json"))
            narrator.say(f"posescribe train-pose {file} {images} --network {network} --unlabelled unknown --out ...")
        narrator.say(str(out))
    if json_:
        print_json(result)
