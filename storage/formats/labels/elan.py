"""ELAN's annotation documents (.eaf), both ways.

Read: every tier, or those that are chosen. The person is the tier's PARTICIPANT, else the part of its name behind `@`,
else its name; the action is the annotation's text, or the tier's name where the text is empty. Symbolic annotations
have the time of their parent, subdivisions share it; slots without a time lie evenly between their neighbours. A
document shows one or more media, of each of which a part may be cut off at the beginning (TIME_ORIGIN).

Written: one tier per person with the actions as controlled vocabulary. Annotations on a tier must not overlap, so a
person who does several things at once gets a further tier for the actions that overlap: `Person 1 (2)`.

Reference: EAF 3.0, https://www.mpi.nl/tools/elan/EAFv3.0.xsd.
"""

from __future__ import annotations

import itertools
import mimetypes
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Literal, NoReturn
from urllib.parse import unquote

from storage.bouts import Bout
from storage.errors import ExchangeError
from storage.files import write_bytes
from storage.formats.labels.intervals import Interval, LabelFile, Medium, in_order, overlaps
from storage.formats.labels.media import MediaInfo, played

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}

ActionFrom = Literal["value", "tier"]
"""Whether the action is an annotation's text, or the name of its tier."""


class _Builder(ET.TreeBuilder):
    """Refuses a document type: an .eaf has none, and entities in it could blow up the memory."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:  # noqa: ARG002 - expat's call
        raise ExchangeError("it has a document type, as no ELAN file has")


@dataclass(frozen=True)
class _Annotation:
    tier: str
    id: str
    text: str
    span: tuple[float, float] | None


def read_elan(path: Path, data: bytes, *, tiers: Collection[str] = (), action_from: ActionFrom = "value") -> LabelFile:
    """The annotations of all tiers, or of those named.

    Raises `ExchangeError` when it is no ELAN document, or a tier isn't there.
    """
    root = _parse(path, data)
    found_tiers = {tier.get("TIER_ID", ""): tier for tier in root.iter("TIER")}
    if missing := [name for name in tiers if name not in found_tiers]:
        raise ExchangeError(f"{path}: no tier {missing[0]!r}; it has {', '.join(map(repr, found_tiers)) or 'none'}")
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise ExchangeError(f"{path}: times in {units}; save it again with a newer ELAN, which counts in milliseconds")
    media = list(_media(path, root))
    intervals: list[Interval] = []
    problems: list[str] = []
    for annotation in _annotations(path, root, list(found_tiers.values())):
        if tiers and annotation.tier not in tiers:
            continue
        tier = found_tiers[annotation.tier]
        where = f"tier {annotation.tier!r}, annotation {annotation.id}"
        if annotation.span is None:
            problems.append(f"{where}: no slot with a time around it: dropped")
            continue
        start, stop = annotation.span
        interval = Interval(
            where=where,
            action=annotation.tier if action_from == "tier" or not annotation.text else annotation.text,
            start_s=start,
            stop_s=stop,
            subject=person_of(annotation.tier, tier.get("PARTICIPANT"), action_from),
            comment=annotation.text or None if action_from == "tier" else None,
        )
        intervals.append(with_media(interval, media))
        problems += _strange(root, tier, annotation, where)
    kept, backwards = in_order(intervals)
    coder = next((tier.get("ANNOTATOR") for tier in found_tiers.values() if tier.get("ANNOTATOR")), None)
    return LabelFile("elan", tuple(kept), (*problems, *backwards, *overlaps(kept)), coder or root.get("AUTHOR") or None)


def person_of(tier: str, participant: str | None, action_from: ActionFrom = "value") -> str | None:
    """Whom a tier is about: its participant, else what stands behind `@` in its name, else its name."""
    if participant and participant.strip():
        return participant.strip()
    _, at, person = tier.rpartition("@")
    if at and person:
        return person
    return tier if action_from == "value" else None


def _parse(path: Path, data: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_Builder())
    try:
        root = ET.fromstring(data, parser)
    except ET.ParseError as error:
        raise ExchangeError(f"{path}: damaged, no XML from line {error.position[0]} on ({error})") from error
    except (LookupError, ValueError) as error:
        raise ExchangeError(f"{path}: {error}; save it again as UTF-8") from error
    except ExchangeError as error:
        raise ExchangeError(f"{path}: {error}") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise ExchangeError(f"{path}: XML, but no ELAN document (it begins with {root.tag!r})")
    return root


def _integer(path: Path, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ExchangeError(f"{path}: expected milliseconds, got {text!r}") from error


def _media(path: Path, root: ET.Element) -> Iterator[tuple[str, float]]:
    """Each medium of the document, and how many seconds of its beginning were cut off to synchronise it."""
    for descriptor in root.iter("MEDIA_DESCRIPTOR"):
        if name := address(descriptor.get("MEDIA_URL") or descriptor.get("RELATIVE_MEDIA_URL") or ""):
            yield name, _integer(path, descriptor.get("TIME_ORIGIN") or "0") / 1000


def address(url: str) -> str:
    """The path of a `file:` URL; a plain path, and the address of a camera, as they are.

    ELAN leaves signs such as blanks and `#` in its URLs as they are, others escape them.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.casefold() != "file":
        return url
    place = unquote(re.sub("^//(?=/|[A-Za-z]:)", "", rest))
    return re.sub("^/(?=[A-Za-z]:)", "", place)


def with_media(interval: Interval, media: Sequence[tuple[str, float]]) -> Interval:
    """An interval of a document's time in that of its first medium, with the way to the others.

    Args:
        interval: in seconds of the document.
        media: name of each, and its origin: the document's zero in seconds of the medium.
    """
    if not media:
        return interval
    (name, origin), *others = media
    return replace(
        interval,
        start_s=interval.start_s + origin,
        stop_s=interval.stop_s + origin,
        media=name,
        further=tuple(Medium(other, its - origin) for other, its in others),
    )


def _annotations(path: Path, root: ET.Element, tiers: list[ET.Element]) -> Iterator[_Annotation]:
    """Each annotation with its time in seconds, None where it has none."""
    slots = {
        slot.get("TIME_SLOT_ID", ""): None
        if (value := slot.get("TIME_VALUE")) is None
        else _integer(path, value) / 1000
        for slot in root.iter("TIME_SLOT")
    }
    spans: dict[str, tuple[float, float] | None] = {}
    refs: dict[str, tuple[str, str | None]] = {}
    for tier in tiers:
        aligned = list(tier.iter("ALIGNABLE_ANNOTATION"))
        ends = [[one.get(f"TIME_SLOT_REF{end}", "") for end in (1, 2)] for one in aligned]
        for one, pair in zip(aligned, ends, strict=True):
            if unknown := [slot for slot in pair if slot not in slots]:
                raise ExchangeError(f"{path}, annotation {one.get('ANNOTATION_ID')}: no time slot {unknown[0]!r}")
        times = slots | _between([slot for pair in ends for slot in pair], slots)
        for one, (first, last) in zip(aligned, ends, strict=True):
            start, stop = times[first], times[last]
            spans[one.get("ANNOTATION_ID", "")] = None if start is None or stop is None else (start, stop)
        for one in tier.iter("REF_ANNOTATION"):
            refs[one.get("ANNOTATION_ID", "")] = (one.get("ANNOTATION_REF", ""), one.get("PREVIOUS_ANNOTATION"))
    resolve = _resolver(path, spans, _chains(refs), {name: parent for name, (parent, _) in refs.items()})
    for tier in tiers:
        for one in tier.iter():
            if one.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
                name = one.get("ANNOTATION_ID", "")
                text = (one.findtext("ANNOTATION_VALUE") or "").strip()
                yield _Annotation(tier.get("TIER_ID", ""), name, text, resolve(name))


def _between(chain: Sequence[str], slots: dict[str, float | None]) -> dict[str, float | None]:
    """Times for the slots without one: evenly between those before and after them along a tier."""
    order = list(dict.fromkeys(chain))
    known = [place for place, slot in enumerate(order) if slots[slot] is not None]
    filled: dict[str, float | None] = {}
    for left, right in itertools.pairwise(known):
        start, stop = slots[order[left]], slots[order[right]]
        if start is not None and stop is not None:
            for place in range(left + 1, right):
                filled[order[place]] = start + (stop - start) * (place - left) / (right - left)
    return filled


def _chains(refs: dict[str, tuple[str, str | None]]) -> dict[str, tuple[int, int]]:
    """Place and number of parts of each subdivision of a parent; (0, 1) for what isn't subdivided."""
    after = {previous: name for name, (_, previous) in refs.items() if previous}
    places: dict[str, tuple[int, int]] = {}
    for name, (_, previous) in refs.items():
        if previous is None:
            chain = [name]
            while (following := after.get(chain[-1])) is not None and following not in chain:
                chain.append(following)
            places |= {part: (place, len(chain)) for place, part in enumerate(chain)}
    return places


def _resolver(
    path: Path,
    spans: dict[str, tuple[float, float] | None],
    places: dict[str, tuple[int, int]],
    parents: dict[str, str],
) -> Callable[[str], tuple[float, float] | None]:
    def resolve(name: str) -> tuple[float, float] | None:
        way = [name]
        while way[-1] not in spans:
            parent = parents.get(way[-1])
            if parent is None or parent in way:
                raise ExchangeError(f"{path}, annotation {name}: refers to {way[-1]!r}, which isn't there")
            way.append(parent)
        span = spans[way.pop()]
        for part in reversed(way):
            if span is None:
                return None
            place, count = places.get(part, (0, 1))
            step = (span[1] - span[0]) / count
            span = (span[0] + place * step, span[0] + (place + 1) * step)
        return span

    return resolve


def _strange(root: ET.Element, tier: ET.Element, annotation: _Annotation, where: str) -> Iterator[str]:
    """A line when the text isn't in the controlled vocabulary of the tier."""
    kind = next(
        (
            one
            for one in root.iter("LINGUISTIC_TYPE")
            if one.get("LINGUISTIC_TYPE_ID") == tier.get("LINGUISTIC_TYPE_REF")
        ),
        None,
    )
    name = None if kind is None else kind.get("CONTROLLED_VOCABULARY_REF")
    for vocabulary in root.iter("CONTROLLED_VOCABULARY"):
        if name and vocabulary.get("CV_ID") == name:
            entries = {
                (entry.text or "").strip() for tag in ("CV_ENTRY", "CVE_VALUE") for entry in vocabulary.iter(tag)
            }
            if entries and annotation.text and annotation.text not in entries:
                yield f"{where}: {annotation.text!r} isn't in the controlled vocabulary {name!r}"


def write_elan(bouts: Sequence[Bout], info: MediaInfo, path: Path) -> None:
    """An ELAN document with a tier for each person, also for those without a bout; times in whole milliseconds.

    Raises `OutputError`. The scores are lost: ELAN has no place for them.
    """
    bouts, info = played(bouts, info)
    tiers = [
        (_valid(info.person(track)), group)
        for track in info.everyone(bouts)
        for group in _groups([bout for bout in bouts if bout.track_id == track])
    ]
    names = _unique([person for person, _ in tiers])
    spans = [[_milliseconds(bout) for bout in group] for _, group in tiers]
    times = sorted(time for group in spans for span in group for time in span)
    free: dict[int, list[str]] = {}
    for number, time in enumerate(times, start=1):
        free.setdefault(time, []).insert(0, f"ts{number}")

    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "", "DATE": info.when.astimezone().isoformat(timespec="seconds"), "FORMAT": "3.0",
            "VERSION": "3.0", f"{{{_XSI}}}noNamespaceSchemaLocation": SCHEMA,
        },
    )  # fmt: skip
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    ET.SubElement(header, "MEDIA_DESCRIPTOR", _descriptor(info.media, path))
    ET.SubElement(header, "PROPERTY", NAME="origin").text = "automatic bouts of posescribe"
    ET.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(len(bouts))
    order = ET.SubElement(root, "TIME_ORDER")
    for number, time in enumerate(times, start=1):
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{number}", TIME_VALUE=str(time))
    annotation = 0
    for name, (person, group), group_spans in zip(names, tiers, spans, strict=True):
        tier = ET.SubElement(
            root,
            "TIER",
            LINGUISTIC_TYPE_REF="actions",
            PARTICIPANT=person,
            TIER_ID=name,
        )
        for bout, (start, stop) in zip(group, group_spans, strict=True):
            annotation += 1
            alignable = ET.SubElement(
                ET.SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                ANNOTATION_ID=f"a{annotation}",
                TIME_SLOT_REF1=free[start].pop(),
                TIME_SLOT_REF2=free[stop].pop(),
            )
            ET.SubElement(alignable, "ANNOTATION_VALUE").text = _valid(bout.action)
    ET.SubElement(
        root,
        "LINGUISTIC_TYPE",
        CONTROLLED_VOCABULARY_REF="actions",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID="actions",
        TIME_ALIGNABLE="true",
    )
    ET.SubElement(
        root,
        "LANGUAGE",
        LANG_DEF="http://cdb.iso.org/lg/CDB-00130975-001",
        LANG_ID="und",
        LANG_LABEL="undetermined (und)",
    )
    for stereotype, description in _CONSTRAINTS.items():
        ET.SubElement(root, "CONSTRAINT", DESCRIPTION=description, STEREOTYPE=stereotype)
    vocabulary = ET.SubElement(root, "CONTROLLED_VOCABULARY", CV_ID="actions")
    ET.SubElement(vocabulary, "DESCRIPTION", LANG_REF="und").text = "Actions that the model knows"
    for number, action in enumerate(info.ethogram(bouts), start=1):
        entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=f"cve{number}")
        ET.SubElement(entry, "CVE_VALUE", LANG_REF="und").text = _valid(action)
    ET.indent(root, "    ")
    ET.register_namespace("xsi", _XSI)
    write_bytes(path, ET.tostring(root, encoding="UTF-8", xml_declaration=True))


def _valid(text: str) -> str:
    """Without the control characters that XML can't hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


def _unique(names: Sequence[str]) -> list[str]:
    """`A, A, B` -> `A, A (2), B`, never twice the same."""
    unique: list[str] = []
    for name in names:
        others = (f"{name} ({number})" for number in itertools.count(2))
        unique.append(next(one for one in itertools.chain([name], others) if one not in unique))
    return unique


def _milliseconds(bout: Bout) -> tuple[int, int]:
    start = round(bout.start_s * 1000)
    return start, max(round(bout.stop_s * 1000), start + 1)


def _groups(bouts: Sequence[Bout]) -> list[list[Bout]]:
    """One person's bouts in as few groups of actions as needed for no group to overlap; one, empty, for no bouts."""
    groups: list[list[Bout]] = [[]]
    for action in sorted({bout.action for bout in bouts}):
        own = [bout for bout in bouts if bout.action == action]
        for group in groups:
            if not any(a.start_s < b.stop_s and b.start_s < a.stop_s for a in own for b in group):
                group += own
                break
        else:
            groups.append(own)
    return [sorted(group, key=lambda bout: bout.start_s) for group in groups]


def _descriptor(media: str, document: Path) -> dict[str, str]:
    """Where the video lies: as a URL, and relative to the document where that can be said."""
    kind = mimetypes.guess_type(media)[0] or "video/*"
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", media):
        return {"MEDIA_URL": media, "MIME_TYPE": kind}
    if PureWindowsPath(media).drive:
        return {"MEDIA_URL": PureWindowsPath(media).as_uri(), "MIME_TYPE": kind}
    file = Path(media).absolute()
    relative = Path(os.path.relpath(file, document.absolute().parent)).as_posix()
    return {
        "MEDIA_URL": file.as_uri(),
        "MIME_TYPE": kind,
        "RELATIVE_MEDIA_URL": relative if relative.startswith(".") else f"./{relative}",
    }
