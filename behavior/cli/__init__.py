"""The command `posescribe`: one file per command, each thin.

Exit status: 0 done; 1 the world is at fault (one line on stderr); 2 wrong usage. A command's file is imported when the
command is asked for, and nothing heavy before it runs, so `--help` and `--version` are instant.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from behavior.cli.printable import one_line, printable
from behavior.cli.process import end_in_order, keep_libraries_quiet, status_of

COMMANDS = {
    "demo": ("demo:demo", "Analyse the sample video."),
    "analyze": ("analyze:analyze", "Videos in, report of who did what and when out."),
    "pose": ("pose:pose", "Keypoints only, as OpenPose JSON."),
    "features": ("features:features", "Feature table out of a database."),
    "tracks": ("tracks:app", "Who is who: list, merge, split, drop, rename."),
    "labels": ("labels:app", "Human-coded intervals: import, compare."),
    "segment": ("segment:segment", "Behaviour in recurring syllables, without labels."),
    "export": ("export:export", "Keypoints or bouts as a file of another program."),
    "import": ("import_:import_", "Keypoints of another program into a database."),
    "train": ("train:train", "Train an action classifier."),
    "evaluate": ("train:evaluate", "Accuracy of an action model."),
    "predict": ("train:predict", "Name the action of each sequence."),
    "classify": ("classify:classify", "Actions of stored people by another model."),
    "train-pose": ("train_pose:train_pose", "Train a pose network on annotated images."),
    "evaluate-pose": ("evaluate_pose:evaluate_pose", "COCO keypoints AP of a pose network."),
    "status": ("status:status", "How far a database is: done, unfinished, how long yet."),
    "merge": ("merge:merge", "Several databases into one."),
    "calibrate": ("calibrate:calibrate", "Cameras out of pictures of a board."),
    "synchronise": ("synchronise:synchronise", "The time between recordings of one scene."),
    "triangulate": ("triangulate:triangulate", "People in metres, out of several cameras."),
    "adjust": ("adjust:adjust", "Cameras moved to where the people fit."),
    "bootstrap": ("bootstrap:bootstrap", "A pose network taught by what several cameras agree on."),
    "report": ("report:report", "Report again from what is stored."),
    "compare": ("compare:compare", "Recordings, people or groups beside each other."),
    "studio": ("studio:studio", "The report as a local page that saves corrections."),
    "models": ("models:app", "Pose networks and action models."),
    "info": ("info:info", "Versions, devices, cache folder."),
}
"""Each command: its function, or its group of commands, in this package; and what it does, in a line."""

_PLAIN: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Commands(TyperGroup):
    """Imports a command when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # filled by get_command

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command of that name; None when there is none."""
        if cmd_name in COMMANDS and self.commands[cmd_name] is None:
            where, line = COMMANDS[cmd_name]
            module, _, name = where.partition(":")
            found = getattr(import_module(f"{__name__}.{module}"), name)
            holder = typer.Typer(**_PLAIN)
            holder.callback()(lambda: None)
            if isinstance(found, typer.Typer):
                holder.add_typer(found, name=cmd_name, short_help=line)
            else:
                holder.command(cmd_name, short_help=line)(found)
            self.commands[cmd_name] = typer.main.get_command(holder).commands[cmd_name]  # type: ignore[attr-defined]
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


app = typer.Typer(
    name="posescribe",
    cls=Commands,
    help="From a video to an account of who did what, and when.",
    no_args_is_help=True,
    **_PLAIN,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"posescribe {version('posescribe')}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """Offline analysis of human behaviour: pose, tracks, features, actions, report."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    if argv is None:
        end_in_order()
        if not debug:
            keep_libraries_quiet()
    wrong_usage: Any = typer.BadParameter.__mro__[2]  # the base of all of typer's own errors
    try:
        # Without standalone mode the status of a `typer.Exit` is what comes back.
        status = typer.main.get_command(app).main(arguments, prog_name="posescribe", standalone_mode=False)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 1
    except wrong_usage as error:
        error.message = printable(error.message)
        error.show()
        return int(error.exit_code)
    except KeyboardInterrupt as stop:
        return status_of(stop)
    except Exception as error:
        if debug or not _is_the_worlds(error):
            raise
        print(f"posescribe: {one_line(str(error))}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def _is_the_worlds(error: Exception) -> bool:
    """Whether a file, a model or a device is at fault; only an error needs the imports."""
    from behavior.errors import BehaviorError
    from features.errors import FeatureError
    from pose.errors import PoseError
    from storage.errors import StorageError

    return isinstance(error, (PoseError, StorageError, FeatureError, BehaviorError, OSError))
