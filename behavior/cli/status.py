"""`posescribe status`: how far a database is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from behavior.cli.options import Json
from behavior.cli.printable import print_json, print_safely


def status(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")], json_: Json = False
) -> None:
    """Recordings by state, their age, what broke, how fast it went, and how long the rest takes.

    `unfinished` is at work or was stopped: the database can't tell which. Analyse it again, and it goes on. `failed` is
    a source that `analyze` could not open, until it can.
    """
    from behavior.pipeline.status import STATES
    from behavior.pipeline.status import status as look

    found = look(db)
    if json_:
        print_json(found)
        return
    counts = found["recordings"]
    by_state = ", ".join(f"{counts[state]} {state}" for state in STATES)
    print_safely(f"{found['database']}: {counts['all']} recordings: {by_state}")
    pace = "" if found["frames_per_second"] is None else f", {found['frames_per_second']} frames/s"
    print_safely(f"{found['frames']} frames, {found['video_s']:.0f} s of video{pace}")
    if counts["done"] < counts["all"]:
        rest = found["remaining_s"]
        print_safely("the rest takes: " + ("not known" if rest is None else f"{rest:.0f} s by one process"))
    for one in found["each"]:
        print_safely(_line(one))


def _line(one: dict[str, Any]) -> str:
    if one["state"] == "failed":
        return f"{one['recording']}: failed {_ago(one['age_s'])} ago: {one['reason']}"
    of = "" if one["expected"] is None or one["state"] == "done" else f" of about {one['expected']}"
    told = [f"{one['recording']}: {one['state']}", f"{one['frames']}{of} frames", f"begun {_ago(one['age_s'])} ago"]
    if one["parts"]:
        told.append(f"in {one['parts']} parts, {one['parts_done']} done")
    if one["skipped"]:
        told.append(f"{one['skipped']} frames could not be decoded")
    if one["broke_off"]:
        told.append("the source broke off")
    if one["reason"] is not None:
        told.append(f"failed last: {one['reason']}")
    return ", ".join(told)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
