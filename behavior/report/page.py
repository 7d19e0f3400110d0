"""The report page: one HTML file that needs nothing but the video beside it."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from behavior.recognition.rules import RULES, UPRIGHT, definition
from behavior.report import figures, understand
from behavior.report.blocks import digest, holder
from behavior.report.course import PARTS, Course
from behavior.report.drawing import person_colour
from behavior.report.motion import Motion
from behavior.report.scale import ScaleTold, ruler
from behavior.report.script import one_script
from behavior.report.sequence import together, transitions
from behavior.report.sticks import stick_figures
from behavior.report.strips import Strips
from behavior.report.tables import (
    Spans,
    bout_sources,
    bouts_table,
    frame_interval,
    length,
    on_screen,
    repetition_sums,
    source_of,
)
from pose.layouts import BODY_13, LIMBS_13
from storage.bouts import Bout
from storage.coded import Span
from storage.files import write_bytes

ALGORITHM = 9
"""Version of page, overlay and tables; raise it when they would show the same results otherwise."""

NOT_NAMED = "not named"
STYLES = ("page.css", "understand.css", "places.css", "correct.css", "strips.css", "sticks.css")
FEW = 12
"""People that the page shows before others, who are folded away or only in the tables."""
MAX_ROWS = 200
"""Bouts listed on the page; `bouts.csv` has them all."""


@dataclass(frozen=True, eq=False)
class ReportPerson:
    """One person of a report.

    Attributes:
        track_id: identity, counted from 1.
        name: what to call the person on the page.
        n_frames: frames in which the person was found.
        score: mean confidence of these, in [0, 1].
        on_screen: (n, 2) start and stop of each stay on screen, seconds.
        path: (m, 2) where the middle of the body went, pixels of the source; NaN rows where it is not known.
        thumbnail: JPEG; None without one.
    """

    track_id: int
    name: str
    n_frames: int
    score: float
    on_screen: Spans
    path: NDArray[np.float32]
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Provenance:
    """What made the results.

    Attributes:
        version: of Posescribe.
        device: that really ran, e.g. `cpu` or `cuda:0`.
        pose_model, pose_model_sha256: body network and digest of its weights.
        refiner, refiner_sha256: the network that looked at each person again; None without one.
        pose_licence, refiner_licence: of the networks' weights; None where an older run did not keep it.
        parts: by `hand`, `face` and `iris` the network that found them, and how sure it had to be, None where that was
            not kept.
        command: gives the same results again; None where that is not known.
        papers: addresses of those on each network, by its name.
        action_licence: of the action model; None where an older run did not keep it.
        action_model, action_model_sha256: None when actions were left out.
        source_sha256: of the source file; None for cameras.
        started: local time, ISO 8601.
        seconds: of work.
        frames_per_second: frames analysed per second of work.
    """

    version: str
    device: str
    pose_model: str
    pose_model_sha256: str
    action_model: str | None
    action_model_sha256: str | None
    source_sha256: str | None
    started: str
    seconds: float
    frames_per_second: float
    refiner: str | None = None
    refiner_sha256: str | None = None
    pose_licence: str | None = None
    refiner_licence: str | None = None
    parts: Mapping[str, tuple[str, float | None]] = field(default_factory=dict)
    command: str | None = None
    papers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    action_licence: str | None = None


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything the page tells.

    Attributes:
        source_name, source_path: short name, and name of the file or address; the page is handed on, so no folders.
        width, height: of the source, pixels.
        start_s, stop_s: of the part analysed, seconds of the source's clock.
        n_frames: frames analysed.
        n_skipped: frames that could not be decoded.
        people: by track id; those without any bout too.
        bouts: of these people.
        camera: a sentence on whether it moved.
        coded: people of whom a human said something, and from when to when; `ALWAYS` for the whole time.
        summary: as of `tables.summary_table`, without bins.
        bins: as of `tables.bins_table`, by the width of the bins, seconds; the first is shown first.
        transitions, together: as of `sequence`.
        provenance: what made the results.
        heading: lines of the user's for the heading, e.g. "Place: yard".
        notes: sentences the reader must see, e.g. "3 corrupt frames were skipped."
        overlay: name of the video (`.mp4`) or picture beside the page with everyone drawn in; None without one.
        overlay_start_s: time of the source at which the clock of overlay and video is 0, seconds.
        video: name of the video beside the page with nothing drawn in: the page draws `motion` over it.
        motion: what the page draws; None leaves `overlay` as what the page shows.
        scene: JPEG of the whole view, under the paths; None without one.
        heat: as of `places.heat`; `heats` that of each person, by track id.
        distances, distance_curves: as of `places.distances`.
        zones: areas of the picture.
        zone_times, zone_actions, movement: as of `pipeline.places`.
        scale: how metres or the floor were had; None where lengths are pixels and torso lengths.
        gait: as of `pipeline.places.gait`.
        certainty, bands: as of `certainty`.
        strips: the model's probabilities over time; None where there was no model, or what it said was not kept.
        trust: what is known of the action model: protocol, coverage, claims_right, reliability; None without.
        examples: of the action model, those that evidence of these bouts names, as `Examples.shown` has them.
        files: names of the tables beside the page, and what each holds.
    """

    source_name: str
    source_path: str
    width: int
    height: int
    start_s: float
    stop_s: float
    n_frames: int
    n_skipped: int
    people: tuple[ReportPerson, ...]
    bouts: tuple[Bout, ...]
    summary: pd.DataFrame
    provenance: Provenance
    camera: str = ""
    coded: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    heading: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    overlay: str | None = None
    overlay_start_s: float = 0.0
    video: str | None = None
    motion: Motion | None = None
    scene: bytes | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    bins: Mapping[float, pd.DataFrame] = field(default_factory=dict)
    transitions: pd.DataFrame = field(default_factory=lambda: transitions([], {}))
    together: pd.DataFrame = field(default_factory=lambda: together([]))
    heat: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 1)))
    heats: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    distances: pd.DataFrame = field(default_factory=pd.DataFrame)
    distance_curves: Mapping[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict)
    certainty: pd.DataFrame = field(default_factory=pd.DataFrame)
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    strips: Strips | None = None
    trust: Mapping[str, Any] | None = None
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zones: Sequence[understand.Area] = ()
    zone_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    zone_actions: pd.DataFrame = field(default_factory=pd.DataFrame)
    movement: pd.DataFrame = field(default_factory=pd.DataFrame)
    gait: pd.DataFrame = field(default_factory=pd.DataFrame)
    scale: ScaleTold | None = None

    def __post_init__(self) -> None:
        strangers = {bout.track_id for bout in self.bouts} - {person.track_id for person in self.people}
        if strangers:
            raise ValueError(f"bouts of people who are not in the report: {sorted(strangers)}")


def people_from_courses(
    courses: Sequence[Course],
    *,
    thumbnails: Mapping[int, bytes] | None = None,
    names: Mapping[int, str] | None = None,
) -> tuple[ReportPerson, ...]:
    """What the page tells of each person; those without a frame are left out.

    Args:
        courses: of the people.
        thumbnails: JPEG by track id, as in `Stills.people`.
        names: what to call them, by track id; `Person 1` and so on for the others.
    """
    frame_s = frame_interval(courses)
    return tuple(
        ReportPerson(
            track_id=course.track_id,
            name=(names or {}).get(course.track_id, f"Person {course.track_id}"),
            n_frames=len(course.time_s),
            score=course.score,
            on_screen=on_screen(course, frame_s),
            path=figures.body_path(course.middle, course.time_s),
            thumbnail=(thumbnails or {}).get(course.track_id),
        )
        for course in sorted(courses, key=lambda course: course.track_id)
        if len(course.time_s)
    )


def write_page(report: ReportData, path: Path) -> None:
    """Writes the page, whole or not at all.

    Raises:
        OutputError: the folder or file can't be written.
    """
    write_bytes(path, render_page(report).encode())


def render_page(report: ReportData) -> str:
    """The page as HTML. Names and paths are escaped, and no script runs but the page's own, known by its digest."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=figures.clock,
        count="{:,}".format,
        duration=_duration,
        percent=_percent,
        colour=person_colour,
        figure=_figure,
        percent1=_percent1,
    )
    script = one_script()
    last_s = max((person.on_screen[-1, 1] for person in report.people if len(person.on_screen)), default=-math.inf)
    report = replace(report, stop_s=max(report.stop_s, float(last_s)))
    people = _people(report)
    ranks = figures.rank_actions(report.bouts)
    seen_s = sum(person.seen_s for person in people)
    scale = _SCENE_SIDE / max(report.width, report.height, 1)
    scene_size = (round(report.width * scale), round(report.height * scale))
    motion = report.motion if report.video else None
    film = report.video if motion else report.overlay
    if film is not None and not film.lower().endswith(".mp4"):
        film = None
    bouts = bouts_table(report.bouts).assign(source=bout_sources(report.bouts))
    blocks = {**(motion.blocks if motion else {}), **({"probabilities": report.strips.data} if report.strips else {})}
    return environment.get_template("page.html").render(
        report=report,
        people=people,
        names={person.track_id: person.name for person in report.people},
        totals=figures.total_times(report.bouts),
        ranks=ranks,
        ticks=figures.ticks(report.start_s, report.stop_s),
        axis=figures.AXIS,
        row_height=figures.ROW_HEIGHT,
        not_named=NOT_NAMED,
        definitions={action: definition(action) for action in ranks if action in RULES and not report.coded},
        seen_s=seen_s,
        parallel=any(person.parallel for person in people),
        named_share=sum(person.named_s for person in people) / seen_s if seen_s else math.nan,
        longest_s=max((person.budget_s for person in people), default=0.0),
        overlay=quote(report.overlay) if report.overlay else None,
        film=quote(film) if film else None,
        film_name=film,
        motion=motion,
        scene=_data_uri(report.scene),
        scene_size=scene_size,
        paths=[_Path.of(person, scale, scene_size) for person in report.people if np.isfinite(person.path).any()],
        methods=_methods(report),
        summary=list(
            report.summary.sort_values(["track_id", "total_s"], ascending=[True, False]).itertuples(index=False)
        ),
        source_of=source_of,
        bouts=list(bouts.head(MAX_ROWS).itertuples(index=False)),
        repetitions=understand.rows_of(repetition_sums(report.bouts)),
        n_bouts=len(bouts),
        few=FEW,
        in_short=[(person.about, _in_short(person)) for person in people[:FEW]] if ranks else [],
        bins=understand.bins_views(report.bins, ranks, [person.track_id for person in report.people[:FEW]]),
        matrix=understand.matrix_view(report.transitions, ranks),
        matrix_size=(understand.WIDTH, understand.HEIGHT),
        together=list(
            report.together.nlargest(understand.MOST_TOGETHER, "total_s", keep="first").itertuples(index=False)
        ),
        n_together=len(report.together),
        heat=understand.heat_view(report.heat, scene_size),
        heats=_heats(report, scene_size),
        zones=understand.zone_shapes(report.zones, scale),
        zone_rows=understand.rows_of(report.zone_times),
        zone_actions=understand.rows_of(report.zone_actions),
        movement=understand.rows_of(report.movement),
        scale=report.scale,
        ruler=ruler(report.scale, scale, scene_size) if report.scale else None,
        length="m" if report.scale and report.scale.metres_per_px else "torsos",
        distances=understand.rows_of(report.distances),
        chart=understand.distance_chart(report.distance_curves, report.start_s, report.stop_s),
        gait=understand.rows_of(report.gait),
        certainty=understand.rows_of(report.certainty),
        bands=understand.rows_of(report.bands),
        strips=report.strips,
        blocks=blocks,
        holder=holder,
        trust=report.trust,
        likes=[
            (name, one["source"], stick_figures(np.array(one["poses"], dtype=np.float64), BODY_13, LIMBS_13))
            for name, one in report.examples.items()
        ],
        parts=list(PARTS),
        nan=math.nan,
        player={
            "start": report.start_s,
            "stop": report.stop_s,
            "videoStart": report.overlay_start_s,
            "actions": list(ranks),
            "people": [person.about.name for person in people],
            "tracks": [person.about.track_id for person in people],
            "colours": [person_colour(person.about.track_id) for person in people],
            "size": [report.width, report.height],
            "recording": report.source_name,
            "source": report.provenance.source_sha256 or "",
            "run": f"{report.source_name} {report.provenance.source_sha256} {report.provenance.started}",
            "motion": motion.about if motion else None,
            "strips": report.strips.about if report.strips else None,
            "blocks": {name: digest(text) for name, text in blocks.items()},
            "zones": [
                {"name": zone.name, "corners": zone.corners.tolist(), "joint": zone.joint} for zone in report.zones
            ],
            "bouts": [
                [[*bout, mark] if mark else bout for bout, mark in zip(lane.bouts, lane.marks, strict=True)]
                for lane in (person.lane for person in people)
            ],
            "evidence": [person.lane.evidence for person in people],
            "coded": [
                [
                    [max(first, report.start_s), min(last, report.stop_s)]
                    for first, last in report.coded.get(person.about.track_id, ())
                    if first < report.stop_s and last > report.start_s
                ]
                for person in people
            ],
        },
        style=Markup("".join((folder / name).read_text(encoding="utf-8") for name in STYLES)),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


_SCENE_SIDE = 960
_MARK = 24


@dataclass(frozen=True, eq=False)
class _PersonView:
    """A person with all that the template draws of them; times in seconds."""

    about: ReportPerson
    lane: figures.Lane
    budget: list[figures.Share]
    seen_s: float
    named_s: float
    first_s: float
    last_s: float
    thumbnail: str | None

    @property
    def budget_s(self) -> float:
        return sum(share.seconds for share in self.budget)

    @property
    def parallel(self) -> bool:
        """Whether actions hold at once."""
        return self.lane.rows > 1


def _in_short(person: _PersonView) -> str:
    """One sentence: who, how long to be seen, and what they did most."""
    done = [share for share in person.budget if share.rank is not None]
    done = [share for share in done if share.action != UPRIGHT][:3] or done[:1]
    parts = [
        f"{share.action.replace('_', ' ')} {_how_often(share)}, {_duration(share.seconds)}"
        f"{' in all' if share.count > 1 else ''}"
        for share in done
    ]
    rest = person.seen_s - person.named_s
    if rest > 0.05:
        parts.append(f"{_duration(rest)} without a name")
    return f"{person.about.name}, to be seen for {_duration(person.seen_s)}: {'; '.join(parts)}."


def _how_often(share: figures.Share) -> str:
    """Repetitions where they are counted, else bouts."""
    often = share.repetitions or share.count
    return "once" if often == 1 else f"{often} times"


def _heats(report: ReportData, size: tuple[int, int]) -> list[tuple[ReportPerson, understand.Heat]]:
    """Where each of the first people spent the time; nothing of one alone, who has the figure of all."""
    shown = report.people[:FEW] if len(report.heats) > 1 else ()
    views = ((person, understand.heat_view(report.heats[person.track_id], size)) for person in shown)
    return [(person, view) for person, view in views if view is not None]


def _people(report: ReportData) -> list[_PersonView]:
    ranks = figures.rank_actions(report.bouts)
    labelled = figures.longest(report.bouts)
    of_person: dict[int, list[Bout]] = {}
    for bout in report.bouts:
        of_person.setdefault(bout.track_id, []).append(bout)
    views = []
    for person in report.people:
        bouts = of_person.get(person.track_id, [])
        spans = person.on_screen
        views.append(
            _PersonView(
                about=person,
                lane=figures.lane(bouts, spans, ranks, report.start_s, report.stop_s, labelled),
                budget=figures.time_budget(bouts, spans, ranks, NOT_NAMED),
                seen_s=length(spans),
                named_s=figures.named_time(bouts, spans),
                first_s=float(spans[0, 0]) if len(spans) else report.start_s,
                last_s=float(spans[-1, 1]) if len(spans) else report.start_s,
                thumbnail=_data_uri(person.thumbnail),
            )
        )
    return views


@dataclass(frozen=True)
class _Path:
    """Where a person went: SVG path, and first and last point."""

    about: ReportPerson
    line: str
    first: tuple[float, float]
    last: tuple[float, float]

    @classmethod
    def of(cls, person: ReportPerson, scale: float, size: tuple[int, int]) -> _Path:
        """The path in a picture of this size; the marks at its ends are kept inside."""
        points = person.path[np.isfinite(person.path[:, 0])] * scale
        (x0, y0), (x1, y1) = np.clip(points[[0, -1]], _MARK, np.maximum(np.array(size) - _MARK, _MARK)).tolist()
        return cls(person, figures.svg_path(person.path, scale), (x0, y0), (x1, y1))


def _methods(report: ReportData) -> str:
    """A sentence or two for a paper's methods."""
    made, n = report.provenance, len(report.people)
    people = "one person" if n == 1 else f"{n} people"
    text = (
        f"{people.capitalize()} in {report.source_path} (SHA-256 {(made.source_sha256 or 'none')[:12]},"
        f" {report.n_frames:,} frames) were located and followed with Posescribe {made.version}, pose network"
        f" {made.pose_model} (weights SHA-256 {made.pose_model_sha256[:12]})"
    )
    if made.refiner is not None:
        text += f", each person refined by {made.refiner} (weights SHA-256 {(made.refiner_sha256 or '')[:12]})"
    for role, kind in (("hand", "hands"), ("face", "faces")):
        if role in made.parts:
            name, threshold = made.parts[role]
            pupils = f" and {made.parts['iris'][0]}" if role == "face" and "iris" in made.parts else ""
            text += f", {kind} by {name}{pupils}" + (f" (at least {threshold:.2g} sure)" if threshold else "")
    text += "."
    if n == 1:
        text = text.replace(" were located", " was located")
    if made.action_model is not None:
        text += (
            f" Actions were named by the model {made.action_model} (SHA-256 {(made.action_model_sha256 or '')[:12]});"
            " time of which it was not sure enough was left unnamed."
        )
    if report.coded:
        whole = sum(source_of(one) == "human" for one in report.coded.values())
        who = "all of them" if whole == n else f"{whole} of {n} people"
        text += f" The actions of {who} were coded by hand." if whole else ""
        if partly := len(report.coded) - whole:
            text += f" Parts of the time of {partly} of {n} people were coded by hand."
    if made.command is not None:
        text += f" Settings were the defaults but for what the command says: {made.command}"
    return text


def _duration(seconds: float) -> str:
    return f"{seconds:.1f}\N{NO-BREAK SPACE}s" if seconds < 60 else figures.clock(seconds)


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _percent1(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _data_uri(jpeg: bytes | None) -> str | None:
    return None if jpeg is None else "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
