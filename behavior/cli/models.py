"""`posescribe models`: the pose networks and action models that can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json, print_safely

app = typer.Typer(
    help="Pose networks and action models: source, licence, hash, size, measured accuracy.",
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Argument(help="A name of `posescribe models list`, or a file.")]


@app.callback()
def default(context: typer.Context) -> None:
    """Without a subcommand: list."""
    if context.invoked_subcommand is None:
        list_(json_=False)


@app.command("list")
def list_(json_: Json = False) -> None:
    """Name, kind, measured accuracy and licence of each model."""
    from behavior.pipeline.models import describe_all

    entries = describe_all(figures=json_)
    if json_:
        print_json({"models": entries})
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        known = entry.get("error") or f"{entry['accuracy']}  [{entry['licence']}]"
        print_safely(f"{entry['name']:{width}}  {entry['kind']:7}  {known}")


@app.command()
def show(name: Name, json_: Json = False) -> None:
    """Everything that is known of one model."""
    from behavior.pipeline.models import describe

    entry = describe(name)
    if json_:
        print_json(entry)
        return
    for key, value in entry.items():
        print_safely(f"{key:12} {_text(value)}")


@app.command()
def fetch(names: Annotated[list[str] | None, typer.Argument(help="Which; all when none is named.")] = None) -> None:
    """Fetch the weights of networks that are not part of the package, so that everything works offline afterwards."""
    from behavior.pipeline.loading import Download
    from behavior.pipeline.models import fetch_weights

    with Narrator() as narrator:
        for path in fetch_weights(names, Download(narrator)):
            narrator.say(str(path))


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="An action model, or a network's weights (.caffemodel, .pth, .pt, .pb, .onnx, .safetensors)."
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="What to call it. Left out: the network's name, for .caffemodel, .pth and .pt."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of a network's weights, where the file names none: an SPDX identifier, or text.")
    ] = None,
) -> None:
    """Check a model file and keep it in the cache folder under a name of its own; converted, if it is Caffe's or
    PyTorch's. A network is run once as it is and as this project defines it, where that can be done here."""
    from behavior.pipeline.models import describe, import_model

    try:
        with Narrator() as narrator:
            called, path = import_model(file, name, licence, narrator.say)
            known = describe(called, figures=False)
            if "network" in known:
                narrator.say(f"{called}: weights of {known['network']}; licence: {known['licence']}")
            narrator.say(str(path))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--name") from error


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A MoveNet's model.json of TensorFlow.js; its shards lie beside it.")],
    out: Annotated[Path, typer.Option(help="The file to write, .safetensors.")],
) -> None:
    """Convert a network's weights to a form that `import`, --model and --refine take."""
    from behavior.pipeline.models import convert_model

    if out.suffix != ".safetensors":
        raise typer.BadParameter(f"expected a file that ends in .safetensors, got {out}", param_hint="--out")
    with Narrator() as narrator:
        convert_model(file, out)
        narrator.say(str(out))


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return str(value)
