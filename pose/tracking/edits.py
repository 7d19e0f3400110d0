"""Identities as segments of tracklets, and changes to them by hand."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pose.errors import PoseError

Action = Literal["merge", "split", "drop", "rename"]


@dataclass(frozen=True)
class Edit:
    """A change by hand, of people as numbered after all earlier changes.

    Attributes:
        action: `merge` (`other` becomes `person`), `split` (`person` becomes `other`, or a new person, from
            `frame` on), `drop` (`person` is nobody), or `rename` (`person` gets the number
            `other`, and who had it gets the old one).
        person: number of the person.
        other: second number, see above.
        frame: see above.
    """

    action: Action
    person: int
    other: int | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"unknown action {self.action!r}, expected {', '.join(get_args(Action))}")
        if self.action in ("merge", "rename") and self.other is None:
            raise ValueError(f"{self.action} needs a second person")
        if self.action == "split" and self.frame is None:
            raise ValueError("split needs a frame")
        if self.other is not None and (self.other < 1 or self.other == self.person):
            raise ValueError(f"{self.action} of person {self.person}: {self.other} can't be the second person")

    def __str__(self) -> str:
        match self.action:
            case "merge":
                return f"merge person {self.other} into {self.person}"
            case "split":
                return f"split person {self.person} from frame {self.frame} on"
            case "drop":
                return f"drop person {self.person}"
            case "rename":
                return f"rename person {self.person} to {self.other}"


@dataclass(frozen=True)
class Segment:
    """Frames of one tracklet that belong to one person.

    Attributes:
        tracklet: id.
        first_frame, last_frame: both included.
        identity: number of the person, None for nobody.
    """

    tracklet: int
    first_frame: int
    last_frame: int
    identity: int | None

    def cut(self, frame: int) -> tuple[Segment, ...]:
        """The parts before and from `frame` on; one part when it lies outside."""
        if not self.first_frame < frame <= self.last_frame:
            return (self,)
        return replace(self, last_frame=frame - 1), replace(self, first_frame=frame)


def apply_edit(segments: Sequence[Segment], edit: Edit) -> list[Segment]:
    """The segments after the change; where a merge brings two of one person into a frame, the longer one stays.

    Raises:
        ValueError: it names a person that isn't there.
    """
    people = {s.identity for s in segments} - {None}
    needed = {edit.person} | ({edit.other} if edit.action == "merge" else set())
    for person in sorted(needed - people, key=str):
        raise ValueError(f"can't {edit}: there is no person {person}")
    if edit.action == "split":
        assert edit.frame is not None
        number = edit.other or max(p for p in people if p is not None) + 1
        if number in people:
            raise ValueError(f"can't {edit}: there is a person {number} already")
        parts = [part for s in segments for part in (s.cut(edit.frame) if s.identity == edit.person else (s,))]
        return [
            replace(s, identity=number) if s.identity == edit.person and s.first_frame >= edit.frame else s
            for s in parts
        ]
    becomes: dict[int | None, int | None]
    match edit.action:
        case "merge":
            becomes = {edit.other: edit.person}
        case "drop":
            becomes = {edit.person: None}
        case _:
            becomes = {edit.person: edit.other, edit.other: edit.person}
    changed = [replace(s, identity=becomes.get(s.identity, s.identity)) for s in segments]
    return one_per_frame(changed) if edit.action == "merge" else changed


def one_per_frame(segments: Sequence[Segment]) -> list[Segment]:
    """Segments cut so that no person has two in the same frames; the longer one keeps them, then the older tracklet."""
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda s: (s.first_frame - s.last_frame, s.tracklet)):
        parts: list[Segment] = [segment]
        if segment.identity is not None:
            for rival in [s for s in kept if s.identity == segment.identity]:
                parts = [p for part in parts for q in part.cut(rival.first_frame) for p in q.cut(rival.last_frame + 1)]
                parts = [
                    replace(p, identity=None)
                    if p.first_frame <= rival.last_frame and rival.first_frame <= p.last_frame
                    else p
                    for p in parts
                ]
        kept += parts
    return sorted(kept, key=lambda s: (s.tracklet, s.first_frame))


def read_edits(path: Path) -> list[Edit]:
    """Changes from a CSV file with the columns `action, person, other, frame`; the last two may be empty.

    Raises:
        PoseError: the file can't be read, or a line is wrong (named by its number).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoseError(f"can't read the edits in {path}: {error}") from error
    edits = []
    for number, row in enumerate(rows, start=2):
        try:
            fields = {name: (row.get(name) or "").strip() for name in ("action", "person", "other", "frame")}
            edits.append(
                Edit(
                    action=fields["action"],  # type: ignore[arg-type] # Edit itself refuses other words
                    person=int(fields["person"]),
                    other=int(fields["other"]) if fields["other"] else None,
                    frame=int(fields["frame"]) if fields["frame"] else None,
                )
            )
        except ValueError as error:
            raise PoseError(f"{path}, line {number}: {error}; expected action,person,other,frame") from error
    return edits
