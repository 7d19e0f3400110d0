"""`posescribe analyze`: video(s) in, report out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import (
    Accuracy,
    Actions,
    Batch,
    Clothes,
    CutInto,
    Db,
    Device,
    End,
    Every,
    EveryBody,
    Face,
    FaceMesh,
    FaceNetwork,
    FaceThreshold,
    Floor,
    Fps,
    HandNetwork,
    Hands,
    HandThreshold,
    InFlight,
    Json,
    MaxPeople,
    MinBout,
    Model,
    NetSize,
    Out,
    Overlay,
    Plugin,
    Precision,
    Refine,
    Resume,
    Scale,
    Scheduler,
    Start,
    Workers,
    check_mesh,
    check_parts,
    check_range,
)
from behavior.cli.printable import print_json


def analyze(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Image, folder, video, glob, webcam number, or address of a recording or camera."
        ),
    ],
    out: Out,
    db: Db = None,
    actions: Actions = "default",
    plugin: Plugin = None,
    min_bout: MinBout = None,
    device: Device = "auto",
    model: Model = "movenet_multipose",
    refine: Refine = None,
    accuracy: Accuracy = "balanced",
    net_size: NetSize = None,
    every_body: EveryBody = 1,
    hands: Hands = False,
    face: Face = False,
    face_mesh: FaceMesh = False,
    hand_network: HandNetwork = None,
    face_network: FaceNetwork = None,
    hand_threshold: HandThreshold = None,
    face_threshold: FaceThreshold = None,
    precision: Precision = None,
    batch: Batch = None,
    in_flight: InFlight = None,
    start: Start = None,
    end: End = None,
    every: Every = 1,
    fps: Fps = None,
    max_people: MaxPeople = None,
    clothes: Clothes = False,
    overlay: Overlay = True,
    scale: Scale = None,
    floor: Floor = None,
    json_: Json = False,
    resume: Resume = True,
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: CutInto = None,
) -> None:
    """Video(s) to people, tracks, database, features, actions and report.

    Writes OUT/posescribe.db and, for each source, OUT/NAME/ with report.html, overlay.mp4, tracks.parquet,
    features.parquet, bouts.csv, summary.csv and run.json. Stopped at any moment, the same command goes on from there;
    done already, it does nothing. --workers and --scheduler share many recordings, and the
    parts of long ones, among several processes.
    """
    from behavior.pipeline import commands
    from behavior.pipeline.loading import load_models
    from behavior.pipeline.settings import make_settings

    check_range(start, end)
    check_parts(
        hands, face, hand_network=hand_network, hand_threshold=hand_threshold, face_network=face_network,
        face_threshold=face_threshold,
    )  # fmt: skip
    check_mesh(face_mesh, face, face_network)
    if (workers or scheduler) and not resume:
        raise typer.BadParameter("--restart is not for workers; choose another --out, or do it without them")
    if workers and scheduler:
        raise typer.BadParameter("--workers starts processes here, --scheduler asks others: choose one")
    if part is not None and not (workers or scheduler):
        raise typer.BadParameter("--part shares a recording among workers: give --workers or --scheduler, too")
    chosen: dict[str, Any] = {
        "net_height": net_size,
        "every_body": every_body,
        "hands": hands,
        "face": face,
        "face_mesh": face_mesh,
        "hand_threshold": hand_threshold,
        "face_threshold": face_threshold,
        "accuracy": accuracy,
        "precision": precision,
        "max_people": max_people,
        "start_s": start,
        "end_s": end,
        "every": every,
        "fps": fps,
        "min_bout_s": min_bout,
        "clothes": clothes,
        "overlay": overlay,
        "scale": scale,
        "floor": floor,
    }
    networks: dict[str, Any] = {
        "model": model,
        "device": device,
        "actions": actions,
        "refine": refine,
        "hand_network": hand_network,
        "face_network": face_network,
        "batch": batch,
        "in_flight": in_flight,
    }
    with Narrator() as narrator:
        if workers or scheduler:
            from behavior.pipeline.cluster import PART_S, Order, analyze_many

            plugins = tuple(str(path.absolute()) for path in plugin or ())
            part_s = (None if workers == 1 else PART_S) if part is None else 60 * part or None
            order = Order(networks, chosen, plugins, str(out.absolute()), workers, part_s)
            results, failed = analyze_many(sources, db, order, narrator, scheduler=scheduler)
        else:
            results, failed = commands.analyze_all(
                sources, out, db, load_models(**networks, narrator=narrator), make_settings(**chosen), narrator,
                restart=not resume,
            )  # fmt: skip
        for result in results:
            narrator.say(summary(result))
        if failed:
            narrator.say(f"{len(failed)} of {len(results) + len(failed)} sources failed:")
            for message in failed:
                narrator.say(f"  {message}")
    if json_:
        alone = len(results) == 1 and not failed and not (workers or scheduler)
        print_json(results[0] if alone else {"results": results, "failed": failed})
    if failed:
        raise typer.Exit(1)


def summary(result: dict[str, object]) -> str:
    """The lines that end a run, for the reader of a terminal."""
    if not result["people"]:
        return (
            f"nobody was found in {result['frames']} frames; for small or far people try --net-size 736 or "
            f"--accuracy high\n{result['report']}"
        )
    return (
        f"{result['people']} people, {result['bouts']} bouts in {result['frames']} frames "
        f"({result['frames_per_second']} frames/s on {result['device']})\n{result['report']}"
    )
