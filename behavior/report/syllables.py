"""What was found without labels: a table of syllables, and a page with stick figures of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from behavior.recognition.syllables import SegmentSettings
from behavior.report import figures, understand
from behavior.report.sticks import Sticks, stick_figures
from behavior.report.tables import Spans, merged, overlap
from storage.bouts import Bout
from storage.files import write_bytes

SYLLABLE_COLUMNS = (
    "syllable", "count", "total_s", "share", "median_s", "people", "recordings", "named_most", "named_share",
)  # fmt: skip
EXAMPLES = 3
"""Moments of each syllable that the page shows."""
LANES = 40
"""People on the page whose bouts are drawn, those seen longest."""


@dataclass(frozen=True, eq=False)
class Example:
    """The middle of a bout.

    Attributes:
        syllable, recording, track_id: of the bout.
        time_s: seconds.
        typical: log-density of the bout's most typical window; only its order means something.
        points: (T, K, 2) torso lengths around the body's middle, y down; NaN where a joint was never seen.
    """

    syllable: str
    recording: str
    track_id: int
    time_s: float
    typical: float
    points: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Segmented:
    """One recording, cut into syllables.

    Attributes:
        recording: its name.
        report: the way to its report, or None.
        names: what its people are called, by track id.
        presence: when each of them was on screen.
        bouts: syllables.
        automatic: what the models named.
        examples: the middles of the bouts.
    """

    recording: str
    report: str | None
    names: Mapping[int, str]
    presence: Mapping[int, Spans]
    bouts: Sequence[Bout]
    automatic: Sequence[Bout]
    examples: Sequence[Example]


def syllables_table(names: Sequence[str], parts: Sequence[Segmented]) -> pd.DataFrame:
    """A row per syllable that occurs, `SYLLABLE_COLUMNS`.

    `share` is of the time of all syllables; `people` and `recordings` count where it occurs; `named_most` is the
    action that models or rules named during most of it, `named_share` for what part of it; empty and NaN for none.
    """
    rows = []
    total_s = sum(bout.duration_s for part in parts for bout in part.bouts)
    for name in names:
        own = [(part, bout) for part in parts for bout in part.bouts if bout.action == name]
        if not own:
            continue
        seconds = sum(bout.duration_s for _, bout in own)
        named: dict[str, float] = defaultdict(float)
        for part in parts:
            for track_id in {bout.track_id for bout in part.bouts}:
                mine = _spans(part.bouts, track_id, name)
                for action in {bout.action for bout in part.automatic if bout.track_id == track_id}:
                    named[action] += overlap(mine, _spans(part.automatic, track_id, action))
        most = max(named, key=lambda action: named[action], default="")
        share = named[most] / seconds if most and named[most] > 0 else np.nan
        people = {(part.recording, bout.track_id) for part, bout in own}
        rows.append(
            (name, len(own), seconds, seconds / total_s, float(np.median([bout.duration_s for _, bout in own])),
             len(people), len({recording for recording, _ in people}), most if share == share else "", share)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(SYLLABLE_COLUMNS))


def _spans(bouts: Sequence[Bout], track_id: int, action: str) -> Spans:
    own = [(bout.start_s, bout.stop_s) for bout in bouts if bout.track_id == track_id and bout.action == action]
    return merged(np.array(own, dtype=np.float64).reshape(-1, 2))


@dataclass(frozen=True)
class Strip:
    """A moment.

    Attributes:
        sticks: its stick figures.
        text: whose moment.
        address: of that moment in the recording's report, or None.
    """

    sticks: Sticks
    text: str
    address: str | None


def chosen_examples(examples: Sequence[Example], count: int = EXAMPLES) -> list[Example]:
    """The most typical of each person, then further ones of the same people; `count` at most."""
    ranked = sorted(examples, key=lambda one: -one.typical)
    first: dict[tuple[str, int], Example] = {}
    for one in ranked:
        first.setdefault((one.recording, one.track_id), one)
    rest = [one for one in ranked if one not in first.values()]
    return [*first.values(), *rest][:count]


def strip(example: Example, joints: tuple[str, ...], limbs: Sequence[tuple[str, str]], part: Segmented) -> Strip:
    """The stick figures of a moment."""
    who = part.names.get(example.track_id, str(example.track_id))
    where = f"#t={example.time_s:.2f}&person={example.track_id}"
    return Strip(
        stick_figures(example.points, joints, limbs),
        f"{who}, {example.recording}, {figures.clock(example.time_s, 1)}",
        quote(part.report) + where if part.report else None,
    )


def write_syllables_page(
    parts: Sequence[Segmented],
    table: pd.DataFrame,
    transitions: pd.DataFrame,
    joints: tuple[str, ...],
    limbs: Sequence[tuple[str, str]],
    agreement: float | None,
    settings: SegmentSettings,
    path: Path,
) -> None:
    """Writes the page, whole or not at all.

    Args:
        parts: the recordings.
        table: of `syllables_table`.
        transitions: of all recordings, columns as of `sequence.transitions`.
        joints, limbs: of the examples' points.
        agreement: of the two halves, see `Syllables`.
        settings: that were used.
        path: the file.

    Raises:
        OutputError: it can't be written.
    """
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda value: f"{100 * value:.0f}\N{NO-BREAK SPACE}%"
    ranks = {str(name): rank for rank, name in enumerate(table["syllable"])}
    of = {part.recording: part for part in parts}
    examples = defaultdict(list)
    for part in parts:
        for example in part.examples:
            examples[example.syllable].append(example)
    strips = {
        name: [strip(one, joints, limbs, of[one.recording]) for one in chosen_examples(examples[name])]
        for name in ranks
    }
    people = [
        (part, track_id, spans)
        for part in parts
        for track_id, spans in part.presence.items()
        if any(bout.track_id == track_id for bout in part.bouts)
    ]
    people.sort(key=lambda one: -float((one[2][:, 1] - one[2][:, 0]).sum()))
    lanes = [
        (
            part.recording,
            part.names[track_id],
            figures.lane(
                [bout for bout in part.bouts if bout.track_id == track_id], spans, ranks,
                float(spans[0, 0]), float(spans[-1, 1]), set(),
            ),
            float(spans[0, 0]),
            float(spans[-1, 1]),
        )
        for part, track_id, spans in people[:LANES]
    ]  # fmt: skip
    page = environment.get_template("syllables.html").render(
        rows=list(table.itertuples(index=False)),
        strips=strips,
        ranks=ranks,
        n_people=len(people),
        n_recordings=len(parts),
        total_s=float(table["total_s"].sum()),
        agreement=agreement,
        settings=settings,
        lanes=lanes,
        axis=figures.AXIS,
        clock=figures.clock,
        matrix=understand.matrix_view(transitions, ranks),
        matrix_size=(understand.WIDTH, understand.HEIGHT),
        style=Markup(
            "".join(
                (folder / name).read_text(encoding="utf-8") for name in ("page.css", "understand.css", "sticks.css")
            )
        ),
    )
    write_bytes(path, page.encode())
