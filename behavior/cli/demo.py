"""`posescribe demo`: the whole chain on the sample video."""

from __future__ import annotations

from pathlib import Path

from behavior.cli.analyze import analyze
from behavior.cli.console import Narrator
from behavior.cli.options import Device, Json, Out, Resume


def demo(
    out: Out = Path("posescribe-out"),
    device: Device = "auto",
    json_: Json = False,
    resume: Resume = True,
) -> None:
    """Analyse the sample video; fetches it the first time.

    The report is OUT/demo/report.html.
    """
    from behavior.pipeline.loading import Download
    from pose.weights.assets import SAMPLE_VIDEO, fetch

    with Narrator() as narrator:
        video = fetch(SAMPLE_VIDEO, Download(narrator))
    analyze([str(video)], out, device=device, json_=json_, resume=resume)
