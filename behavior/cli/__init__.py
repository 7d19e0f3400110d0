"""The command `posescribe`: one file per command, each thin.

Exit status: 0 done; 1 the world is at fault (one line on stderr); 2 wrong usage. Nothing heavy is imported before a
command runs, so `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from behavior.cli import (
    analyze,
    demo,
    evaluate_pose,
    export,
    features,
    import_,
    info,
    labels,
    models,
    pose,
    report,
    tracks,
    train,
)
from behavior.errors import BehaviorError
from features.errors import FeatureError
from pose.errors import PoseError
from storage.errors import StorageError

app = typer.Typer(
    name="posescribe",
    help="From a video to an account of who did what, and when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """Offline analysis of human behaviour: pose, tracks, features, actions, report."""


app.command(short_help="Analyse the sample video.")(demo.demo)
app.command(short_help="Videos in, report of who did what and when out.")(analyze.analyze)
app.command(short_help="Keypoints only, as OpenPose JSON.")(pose.pose)
app.command(short_help="Feature table out of a database.")(features.features)
app.add_typer(tracks.app, name="tracks", short_help="Who is who: list, merge, split, drop, rename.")
app.add_typer(labels.app, name="labels", short_help="Human-coded intervals: import, compare.")
app.command(short_help="Keypoints or bouts as a file of another program.")(export.export)
app.command("import", short_help="Keypoints of another program into a database.")(import_.import_)
app.command(short_help="Train an action classifier.")(train.train)
app.command(short_help="Accuracy of an action model.")(train.evaluate)
app.command(short_help="Name the action of each sequence.")(train.predict)
app.command(short_help="COCO keypoints AP of a pose network.")(evaluate_pose.evaluate_pose)
app.command(short_help="Report again from what is stored.")(report.report)
app.add_typer(models.app, name="models", short_help="Pose networks and action models.")
app.command(short_help="Versions, devices, cache folder.")(info.info)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name="posescribe")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 1
    except (PoseError, StorageError, FeatureError, BehaviorError) as error:
        if debug:
            raise
        print(f"posescribe: {error}", file=sys.stderr)
        return 1
    return 0
