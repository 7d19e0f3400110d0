"""The networks of the list as a table, out of their definitions."""

from __future__ import annotations

from pose.weights.assets import Asset, Published, Shipped
from pose.weights.entries import STRUCTURES, NetworkEntry

_HEAD = ("network", "finds", "gives", "input", "parameters", "multiply-adds", "sees", "licence", "weights")
_FINDS = {
    "body": "everybody in an image", "refiner": "one person in a crop", "person": "one person in a crop",
    "hand": "one hand in a crop", "face": "one face in a crop",
}  # fmt: skip


def networks_markdown() -> str:
    """A row for each network: what it finds and is made of, what it costs and how far it sees, whose weights it has.

    Multiply-adds are those of one image of the input's size. What it sees is the receptive field of its outputs, from
    the first stage to the last where there are several.
    """
    rows = [_HEAD, ("---",) * len(_HEAD), *(_row(entry) for entry in STRUCTURES.values())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _row(entry: NetworkEntry) -> tuple[str, ...]:
    figures = entry.figures()
    height, width = figures.size
    fields = [max(stage.values()) for stage in figures.stage_fields]
    return (
        f"`{entry.name}`",
        _FINDS[entry.role],
        f"{', '.join(entry.layout.outputs)} of {entry.layout.skeleton.name}, a cell for {entry.layout.stride} pixels",
        f"{width}×{height}",
        f"{figures.parameters / 1e6:.1f} M",
        f"{figures.multiply_adds / 1e9:.1f} G",
        f"{fields[0]} … {fields[-1]} px" if fields[0] != fields[-1] else f"{fields[0]} px",
        entry.licence,
        _weights(entry),
    )


def _weights(entry: NetworkEntry) -> str:
    match entry.weights:
        case Shipped():
            return "in the package"
        case Asset():
            return "fetched when first used"
        case Published():
            return f"`{entry.weights.file}`, {entry.weights.origin}"
