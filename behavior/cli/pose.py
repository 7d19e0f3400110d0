"""`posescribe pose`: keypoints only."""

from __future__ import annotations

from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import (
    Accuracy,
    Batch,
    Device,
    End,
    Every,
    EveryBody,
    Face,
    FaceMesh,
    FaceNetwork,
    FaceThreshold,
    Fps,
    HandNetwork,
    Hands,
    HandThreshold,
    InFlight,
    Json,
    MaxPeople,
    Model,
    NetSize,
    Out,
    Precision,
    Refine,
    Resume,
    Start,
    check_mesh,
    check_parts,
    check_range,
)
from behavior.cli.printable import print_json


def pose(
    source: Annotated[
        str, typer.Argument(help="Image, folder, video, glob, webcam number, or address of a recording or camera.")
    ],
    out: Out,
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
    overlay: Annotated[
        bool, typer.Option("--overlay/--no-overlay", help="Write the source with skeletons drawn on it.")
    ] = False,
    json_: Json = False,
    resume: Resume = True,
) -> None:
    """Keypoints only: OpenPose JSON of each frame or image in OUT/json/.

    Pixels of the original frame; a joint that was not found is 0, 0, 0, as that format has it. Everything is kept in
    OUT/posescribe.db as well: stopped at any moment, the same command goes on from there.
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
    settings = make_settings(
        net_height=net_size,
        every_body=every_body,
        hands=hands,
        face=face,
        face_mesh=face_mesh,
        hand_threshold=hand_threshold,
        face_threshold=face_threshold,
        accuracy=accuracy,
        precision=precision,
        max_people=max_people,
        start_s=start,
        end_s=end,
        every=every,
        fps=fps,
        overlay=overlay,
    )
    with Narrator() as narrator:
        models = load_models(
            model,
            device,
            "none",
            narrator,
            refine=refine,
            hand_network=hand_network,
            face_network=face_network,
            batch=batch,
            in_flight=in_flight,
        )
        results, failed = commands.pose_all([source], out, models, settings, narrator, restart=not resume)
        for result in results:
            narrator.say(f"{result['frames']} frames: {result['json']}")
    if json_:
        alone = len(results) == 1 and not failed
        print_json(results[0] if alone else {"results": results, "failed": failed})
    if failed:
        raise typer.Exit(1)
