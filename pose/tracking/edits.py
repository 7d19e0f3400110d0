"""Identities as segments of tracklets, and changes to them by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Action = Literal["merge", "split", "drop", "rename", "undo"]


@dataclass(frozen=True)
class Edit:
    """A change by hand, of people as numbered after all earlier changes.

    Attributes:
        action: `merge` (`other` becomes `person`), `split` (`person` becomes `other`, or a new person, from `frame`
            on), `drop` (`person` is nobody), `rename` (`person` gets the name `name` or the number `other`, and who had
            that number gets the old one), or `undo` (decision `decision` is taken back: who was joined is two, who was
            dropped is somebody).
        person: number of the person.
        other: second number, see above.
        frame: see above.
        name: see above; empty takes the name away.
        decision: number of the decision, of those that were not made by hand.
    """

    action: Action
    person: int | None = None
    other: int | None = None
    frame: int | None = None
    name: str | None = None
    decision: int | None = None

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"unknown action {self.action!r}, expected {', '.join(get_args(Action))}")
        if self.action == "undo":
            if self.decision is None:
                raise ValueError("undo needs a decision")
            return
        if self.person is None:
            raise ValueError(f"{self.action} needs a person")
        if self.action == "merge" and self.other is None:
            raise ValueError("merge needs a second person")
        if self.action == "rename" and (self.other is None) == (self.name is None):
            raise ValueError("rename needs a name or a number")
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
                return f"rename person {self.person} to {self.other if self.name is None else repr(self.name)}"
            case "undo":
                return f"take back decision {self.decision}"


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
    """The segments after any change but `undo`; where a merge brings two of one person into a frame, the longer stays.

    Raises:
        ValueError: it names a person that isn't there.
    """
    people = {s.identity for s in segments} - {None}
    needed = {edit.person} | ({edit.other} if edit.action == "merge" else set())
    for person in sorted(needed - people, key=str):
        raise ValueError(f"can't {edit}: there is no person {person}")
    if edit.action == "split":
        assert edit.frame is not None
        number = edit.other or _free(segments)
        if number in people:
            raise ValueError(f"can't {edit}: there is a person {number} already")
        parts = [part for s in segments for part in (s.cut(edit.frame) if s.identity == edit.person else (s,))]
        sides = {s.first_frame >= edit.frame for s in parts if s.identity == edit.person}
        if len(sides) < 2:
            raise ValueError(f"can't {edit}: all of that person's frames are on one side of it")
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
            becomes = {edit.person: edit.other, edit.other: edit.person} if edit.other else {}
    changed = [replace(s, identity=becomes.get(s.identity, s.identity)) for s in segments]
    return one_per_frame(changed) if edit.action == "merge" else changed


def take_back(segments: Sequence[Segment], kind: str, tracklets: Sequence[int]) -> list[Segment]:
    """The segments without a decision of the second pass: the second tracklet of a join, with all that follows it, is
    a new person; so is who was dropped as a duplicate or a ghost.

    Raises:
        ValueError: later changes have undone it already, or it was only suggested.
    """
    if kind == "suggestion":
        raise ValueError("it is only a suggestion: nothing was done")
    if kind == "join":
        before, after = ([s for s in segments if s.tracklet == tracklet] for tracklet in tracklets)
        person = after[0].identity
        if person is None or person != before[-1].identity:
            raise ValueError(f"tracklets {tracklets[0]} and {tracklets[1]} are not one person any more")
        return apply_edit(segments, Edit("split", person, frame=after[0].first_frame))
    dropped = set(tracklets[1:] if kind == "duplicate" else tracklets)
    back = [s.tracklet in dropped and s.identity is None for s in segments]
    if not any(back):
        raise ValueError(f"tracklets {', '.join(map(str, sorted(dropped)))} are somebody already")
    number = _free(segments)
    return [replace(s, identity=number) if new else s for s, new in zip(segments, back, strict=True)]


def names_after(names: Mapping[int, str], edit: Edit) -> dict[int, str]:
    """The names by person after a change; a merged person keeps a name if either had one.

    Raises:
        ValueError: somebody else has the name.
    """
    after = dict(names)
    if edit.person is None:
        return after
    own = after.pop(edit.person, None)
    other = after.pop(edit.other, None) if edit.other and edit.action in ("merge", "rename") else None
    if edit.action == "merge":
        own = own or other
    elif edit.action == "drop":
        own = None
    elif edit.name is not None:
        own = edit.name
        if own in after.values():
            raise ValueError(f"can't {edit}: somebody has that name")
    if edit.action == "rename" and edit.other:
        after |= {edit.other: own} if own else {}
        own = other
    return after | ({edit.person: own} if own else {})


def _free(segments: Sequence[Segment]) -> int:
    return max((s.identity or 0 for s in segments), default=0) + 1


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
