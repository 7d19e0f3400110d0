"""Options that several commands share: one definition, one help text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from features.clean import CleanSettings


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|tensorrt|cuda(:\d+)?", value):
        raise typer.BadParameter(f"{value!r} is none of auto, cpu, cuda, cuda:N, tensorrt")
    return value


def check_parts(hands: bool, face: bool, **options: object) -> None:
    """Wrong usage when an option of hands or faces is given and they are left out."""
    for name, value in options.items():
        part = name.partition("_")[0]
        if value is not None and not (hands if part == "hand" else face):
            raise typer.BadParameter(f"--{name.replace('_', '-')} needs --{'hands' if part == 'hand' else 'face'}")


def check_mesh(mesh: bool, face: bool, network: str | None) -> None:
    """Wrong usage when the mesh of faces is asked for, and no network looks for it."""
    if mesh and not face:
        raise typer.BadParameter("--face-mesh needs --face")
    if mesh and network not in (None, "mediapipe_face"):
        raise typer.BadParameter("--face-mesh needs mediapipe_face; other networks of faces have no mesh")


def check_range(start: float | None, end: float | None) -> None:
    """Wrong usage when a range ends before it starts."""
    if start is not None and end is not None and end <= start:
        raise typer.BadParameter(f"--end {end:g} is not after --start {start:g}")


Filter = Literal["kalman", "butterworth", "savitzky_golay", "one_euro", "median", "none"]


def clean_settings(
    min_confidence: float, repair_swaps: bool, outlier_window: float, max_gap: float, smoothing: Filter
) -> CleanSettings:
    """The cleaning that these options ask for."""
    from features.clean import SWAP_PENALTY, CleanSettings

    return CleanSettings(
        min_confidence=min_confidence or None,
        swap_penalty=SWAP_PENALTY if repair_swaps else None,
        outlier_window_s=outlier_window or None,
        max_gap_s=max_gap or None,
        smoothing=None if smoothing == "none" else smoothing,
    )


Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made when it is not there.")]
Db = Annotated[str | None, typer.Option("--db", help="Database file or SQLAlchemy URL.  [default: OUT/posescribe.db]")]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:N or tensorrt. A device asked for that is not there is an error.", callback=_device
    ),
]
Model = Annotated[str, typer.Option(help="Pose network: a name of `posescribe models list`, or a file.")]
Refine = Annotated[
    str | None,
    typer.Option(
        help="Network that looks at each person again, alone and larger: a name, a file, or none.  "
        "[default: movenet_thunder, none at fast]"
    ),
]
NetSize = Annotated[
    int | None,
    typer.Option(
        min=64,
        help="Height of the body network's input, pixels; the width follows the picture. More finds smaller people, "
        "less is faster.  [default: as the network needs it]",
    ),
]
Accuracy = Annotated[
    Literal["fast", "balanced", "high"],
    typer.Option(
        help="fast looks at each frame once; balanced at two sizes, then at each person; high at four, two of them "
        "mirrored. The last two also look at the turned frame where somebody may lie."
    ),
]
EveryBody = Annotated[
    int,
    typer.Option(min=1, help="Look for people in each N-th frame of a video; in between, follow those found."),
]
Hands = Annotated[
    bool, typer.Option("--hands/--no-hands", help="Find the 21 joints of each hand, too, where one is to be seen.")
]
Face = Annotated[
    bool, typer.Option("--face/--no-face", help="Find 70 points of each face, too, where one is to be seen.")
]
FaceMesh = Annotated[
    bool,
    typer.Option(
        "--face-mesh",
        help="With --face: keep all 468 vertices of each face, for `posescribe export --format face-mesh`.",
    ),
]
HandNetwork = Annotated[str | None, typer.Option(help="Network of hands: a name or a file.  [default: mediapipe_hand]")]
FaceNetwork = Annotated[str | None, typer.Option(help="Network of faces: a name or a file.  [default: mediapipe_face]")]
HandThreshold = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=0.999,
        help="How sure a hand must be to be there: probability, of openpose_hand belief.  [default: as the network "
        "needs it]",
    ),
]
FaceThreshold = Annotated[
    float | None, typer.Option(min=0.001, max=0.999, help="The same for a face.  [default: as the network needs it]")
]
Precision = Annotated[
    Literal["float32", "float16", "bfloat16"] | None,
    typer.Option(
        help="Of the network's arithmetic. bfloat16 is faster on CPUs that have it, and moves joints by tenths of a "
        "pixel.  [default: float32 on CPUs, float16 on GPUs]"
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(min=1, help="Frames that go through the network together.  [default: measured on the first frames]"),
]
InFlight = Annotated[
    int | None,
    typer.Option(min=1, help="Batches worked on at the same time.  [default: measured on the first frames]"),
]
Start = Annotated[float | None, typer.Option(min=0, help="Begin here, seconds of the source's own time.")]
End = Annotated[float | None, typer.Option(min=0, help="Stop here, seconds of the source's own time.")]
Every = Annotated[int, typer.Option(min=1, help="Take each N-th frame.")]
Fps = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=1e6,
        help="Frames per second of a source without a clock: a folder of images, a raw stream (.mjpeg, .h264).  "
        "[default: 25, and a note says so]",
    ),
]
MaxPeople = Annotated[int | None, typer.Option(min=1, help="Keep the N people of highest score in each frame.")]
Clothes = Annotated[
    bool,
    typer.Option(
        "--clothes",
        help="Tell people apart by the colours of their clothes, too: for many people in even light. Where the light "
        "changes from place to place, one person may become two.",
    ),
]
Overlay = Annotated[bool, typer.Option("--overlay/--no-overlay", help="Write the video with skeletons drawn on it.")]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="WHAT=METRES",
        help="A known length, for metres in place of pixels: a person's height, 1=1.78 (number or name), or what lies "
        "between two points of the picture, X,Y:X,Y=6; or a file.json. Kept as scale.json in the recording's folder.",
    ),
]
Floor = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y:X,Y",
        help="Two points of the floor, or feet, to estimate it from where feet of somebody who walks across stood: "
        "angles are then against it.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; messages stay on stderr.")]
Resume = Annotated[
    bool, typer.Option("--resume/--restart", help="Go on where an earlier run stopped, or do all of it again.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes on this machine that share the recordings (extra `cluster`).  [default: none]"),
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a Dask scheduler, e.g. tcp://host:8786, whose workers see the same paths."),
]
CutInto = Annotated[
    float | None,
    typer.Option(
        "--part",
        min=0,
        metavar="MINUTES",
        help="With several workers: a recording longer than one and a half times this is cut into parts of about this "
        "length, each a task; 0 leaves it whole.  [default: 10]",
    ),
]
Actions = Annotated[str, typer.Option(help="Action model: a name, a file, or `none` to leave this stage out.")]
MinBout = Annotated[
    float | None,
    typer.Option(
        min=0, help="Shortest bout that is kept, seconds.  [default: as the action model learnt it, else 0.5]"
    ),
]


def _load_plugins(paths: list[Path] | None) -> list[Path] | None:
    from features.plugins import load_features

    for path in paths or ():
        load_features(path)
    return paths


Plugin = Annotated[
    list[Path] | None,
    typer.Option(
        help="Python file with features of your own (it is run) that the action model reads; may be repeated.",
        callback=_load_plugins,
    ),
]
MinConfidence = Annotated[
    float, typer.Option(min=0, max=1, help="Cleaning: joints below it are missing; 0 leaves it out.")
]
RepairSwaps = Annotated[
    bool, typer.Option("--repair-swaps", help="Cleaning: exchange left and right back where they were mixed up.")
]
OutlierWindow = Annotated[
    float, typer.Option(min=0, help="Cleaning: window of the Hampel test for outliers, seconds; 0 leaves it out.")
]
MaxGap = Annotated[
    float, typer.Option(min=0, help="Cleaning: longest gap of a joint that is filled, seconds; 0 leaves it out.")
]
Smoothing = Annotated[Filter, typer.Option(help="Cleaning: the filter.")]
