"""ELAN's documents and its tab-delimited exports."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from storage.bouts import Bout
from storage.errors import ExchangeError
from storage.formats.labels import BOUT_WRITERS, MediaInfo, read_labels
from storage.formats.labels.intervals import LabelFile, Medium

BOUTS = [
    Bout(1, "walk", 0.0, 1.0, 0, 29, 0.9),
    Bout(1, "walk", 1.0, 2.0, 30, 59, 0.9),
    Bout(1, "wave", 0.5, 1.5, 15, 44, 0.8),
    Bout(1, "sit", 3.0, 4.0, 90, 119, 0.8),
    Bout(2, 'say "<hi>" & go', 1 / 3, 2 / 3, 10, 19, 0.7),
]


def written(folder: Path, media: str = "videos/Hof & Tür #1.mp4") -> Path:
    info = MediaInfo(
        recording="demo", media=media, frames=np.arange(300), time_s=np.arange(300) / 30, duration_s=10.0, fps=30.0,
        names={2: "Anna <b>"}, people=(1, 2, 3), actions=("walk", "wave"),
    )  # fmt: skip
    path = folder / "out.eaf"
    BOUT_WRITERS["elan"](BOUTS, info, path)
    return path


def said(labels: LabelFile) -> list[tuple[str | None, str, float, float]]:
    return [(one.subject, one.action, round(one.start_s, 3), round(one.stop_s, 3)) for one in labels.intervals]


def test_a_tier_per_person_and_a_further_one_for_what_overlaps(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path))
    assert [one.where.split("'")[1] for one in labels.intervals] == ["Person 1"] * 3 + ["Person 1 (2)", "Anna <b>"]
    assert said(labels) == [
        ("Person 1", "walk", 0.0, 1.0),
        ("Person 1", "walk", 1.0, 2.0),
        ("Person 1", "sit", 3.0, 4.0),
        ("Person 1", "wave", 0.5, 1.5),
        ("Anna <b>", 'say "<hi>" & go', 0.333, 0.667),
    ]
    assert labels.coder is None
    assert labels.intervals[0].media == str(Path("videos/Hof & Tür #1.mp4").absolute())


def test_pympi_reads_what_we_write(tmp_path: Path) -> None:
    pympi = pytest.importorskip("pympi")
    document = pympi.Elan.Eaf(str(written(tmp_path)))
    assert list(document.get_tier_names()) == ["Person 1", "Person 1 (2)", "Anna <b>", "Person 3"]
    assert document.get_annotation_data_for_tier("Anna <b>") == [(333, 667, 'say "<hi>" & go')]
    assert document.get_parameters_for_tier("Person 1 (2)")["PARTICIPANT"] == "Person 1"
    (linked,) = document.get_linked_files()
    assert linked["RELATIVE_MEDIA_URL"] != ""
    assert linked["MIME_TYPE"] == "video/mp4"
    entries = document.get_cv_descriptions("actions"), document.controlled_vocabularies["actions"][1]
    assert [value[0][0][0] for value in entries[1].values()] == ["walk", "wave", 'say "<hi>" & go', "sit"]
    document.add_annotation("Person 3", 100, 900, "walk")
    document.to_file(str(tmp_path / "corrected.eaf"))
    assert said(read_labels(tmp_path / "corrected.eaf"))[-1] == ("Person 3", "walk", 0.1, 0.9)


def test_elements_stand_in_the_order_of_the_schema(tmp_path: Path) -> None:
    root = ET.parse(written(tmp_path)).getroot()
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"]
    assert list(dict.fromkeys(child.tag for child in root)) == order
    assert {"AUTHOR", "DATE", "VERSION", "FORMAT"} <= set(root.attrib)
    slots = [int(slot.get("TIME_VALUE", "")) for slot in root.iter("TIME_SLOT")]
    assert slots == sorted(slots)
    used = [one.get(f"TIME_SLOT_REF{end}") for one in root.iter("ALIGNABLE_ANNOTATION") for end in (1, 2)]
    assert sorted(map(str, used)) == sorted(str(slot.get("TIME_SLOT_ID")) for slot in root.iter("TIME_SLOT"))
    identities = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize(
    ("media", "url"),
    [
        ("rtsp://camera/door", "rtsp://camera/door"),
        ("C:\\films\\a b.mp4", "file:///C:/films/a%20b.mp4"),
        ("/films/a b.mp4", "file:///films/a%20b.mp4"),
    ],
)
def test_where_the_video_lies(tmp_path: Path, media: str, url: str) -> None:
    (descriptor,) = ET.parse(written(tmp_path, media)).getroot().iter("MEDIA_DESCRIPTOR")
    assert descriptor.get("MEDIA_URL") == url


DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="Ada" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///films/demo.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="1500"/></HEADER>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/><TIME_SLOT TIME_SLOT_ID="ts3"/>
<TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/><TIME_SLOT TIME_SLOT_ID="ts5"/>
</TIME_ORDER>
<TIER TIER_ID="acts@Anna" LINGUISTIC_TYPE_REF="acts">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>walk</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>fly</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts4" TIME_SLOT_REF2="ts5">
<ANNOTATION_VALUE>walk</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER TIER_ID="manner" PARTICIPANT="Anna" PARENT_REF="acts@Anna" LINGUISTIC_TYPE_REF="sub">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a3">
<ANNOTATION_VALUE>slow</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a6" ANNOTATION_REF="a3" PREVIOUS_ANNOTATION="a5">
<ANNOTATION_VALUE>fast</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a7" ANNOTATION_REF="a6">
<ANNOTATION_VALUE>hop</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="acts" TIME_ALIGNABLE="true" CONTROLLED_VOCABULARY_REF="verbs"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="sub" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Subdivision"/>
<CONTROLLED_VOCABULARY CV_ID="verbs"><CV_ENTRY>walk</CV_ENTRY></CONTROLLED_VOCABULARY>
</ANNOTATION_DOCUMENT>
"""


def document(folder: Path, text: str = DOCUMENT) -> Path:
    path = folder / "in.eaf"
    path.write_text(text, encoding="utf-8")
    return path


def test_slots_without_time_symbolic_tiers_and_a_shifted_origin(tmp_path: Path) -> None:
    labels = read_labels(document(tmp_path))
    assert said(labels) == [
        ("Anna", "walk", 2.5, 3.5),
        ("Anna", "fly", 3.5, 4.5),
        ("Anna", "acts@Anna", 4.5, 5.5),
        ("Anna", "slow", 4.5, 5.0),
        ("Anna", "fast", 5.0, 5.5),
        ("Anna", "hop", 5.0, 5.5),
    ]
    assert labels.problems == (
        "tier 'acts@Anna', annotation a2: 'fly' isn't in the controlled vocabulary 'verbs'",
        "tier 'acts@Anna', annotation a4: no slot with a time around it: dropped",
    )
    assert labels.coder == "Ada"
    assert labels.intervals[0].media == "/films/demo.mp4"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///films/a%20b.mp4", "/films/a b.mp4"),
        ("file:///C:/films/take #1?.mp4", "C:/films/take #1?.mp4"),
        ("file:/films/demo.mp4", "/films/demo.mp4"),
        ("/films/100%25.mp4", "/films/100%25.mp4"),
        ("C:\\films\\demo.mp4", "C:\\films\\demo.mp4"),
        ("rtsp://camera/door", "rtsp://camera/door"),
    ],
)
def test_addresses_of_media(tmp_path: Path, url: str, name: str) -> None:
    labels = read_labels(document(tmp_path, DOCUMENT.replace("file:///films/demo.mp4", url)))
    assert labels.intervals[0].media == name


def test_each_of_several_media_has_its_own_origin(tmp_path: Path) -> None:
    more = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///films/cam2.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="500"/></HEADER>'
    labels = read_labels(document(tmp_path, DOCUMENT.replace("</HEADER>", more)))
    # One second of the document is 2.5 s of demo.mp4, of which 1.5 s were cut off, and 1.5 s of cam2.mp4.
    assert (labels.intervals[0].media, labels.intervals[0].start_s) == ("/films/demo.mp4", 2.5)
    assert labels.intervals[0].further == (Medium("/films/cam2.mp4", -1.0),)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "iso-8859-1"])
def test_documents_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    named = "UTF-16" if encoding.startswith("utf-16") else encoding.removesuffix("-sig").upper()
    path = tmp_path / "in.eaf"
    path.write_bytes(DOCUMENT.replace("UTF-8", named).replace("Ada", "Zoë").encode(encoding))
    labels = read_labels(path)
    assert labels.coder == "Zoë"
    assert len(labels.intervals) == 6


def test_chosen_tiers_and_tiers_as_actions(tmp_path: Path) -> None:
    path = document(tmp_path)
    labels = read_labels(path, tiers=["manner"], action_from="tier")
    assert {(one.action, one.subject, one.comment) for one in labels.intervals} == {
        ("manner", "Anna", "slow"),
        ("manner", "Anna", "fast"),
        ("manner", "Anna", "hop"),
    }
    with pytest.raises(ExchangeError, match=r"no tier 'manners'; it has 'acts@Anna', 'manner'"):
        read_labels(path, tiers=["manners"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<ANNOTATION_DOCUMENT", "<!DOCTYPE a [<!ENTITY b 'c'>]><ANNOTATION_DOCUMENT", "document type"),
        ("</ANNOTATION_DOCUMENT>", "", "damaged, no XML from line 31"),
        ("ANNOTATION_DOCUMENT", "html", "no ELAN document"),
        ('encoding="UTF-8"', 'encoding="x-klingon"', "unknown encoding"),
        ('"milliseconds"', '"PAL-frames"', "times in PAL-frames"),
        ('"4000"', '"4s"', "expected milliseconds, got '4s'"),
        ('TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF2="ts9"', "annotation a3: no time slot 'ts9'"),
        ('ANNOTATION_REF="a6"', 'ANNOTATION_REF="a9"', "annotation a7: refers to 'a9'"),
        ('ANNOTATION_REF="a6"', 'ANNOTATION_REF="a7"', "annotation a7: refers to"),
    ],
)
def test_damaged_documents_get_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ExchangeError, match=message):
        read_labels(document(tmp_path, DOCUMENT.replace(old, new)))


EXPECTED = [("Anna", "walk", 1.5, 4.25), ("Ben", "sit", 62.0, 63.5)]

# Tab-delimited exports of the same two annotations: columns and language as the user of ELAN chose.
TABS = {
    "default": """Anna\t\t00:00:01.500\t1.500\t00:00:04.250\t4.250\t00:00:02.750\t2.750\twalk
Ben\t\t00:01:02.000\t62.000\t00:01:03.500\t63.500\t00:00:01.500\t1.500\tsit""",
    "header": """Tier\tBegin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tDuration - hh:mm:ss.ms\tAnnotation
Anna\t00:00:01.500\t00:00:04.250\t00:00:02.750\twalk
Ben\t00:01:02.000\t00:01:03.500\t00:00:01.500\tsit""",
    "french": """Acteur\tParticipant\tTemps de départ - ss.msec\tDurée - ss.msec\tAnnotation
x\tAnna\t1.500\t2.750\twalk
y\tBen\t62.000\t1.500\tsit""",
    "german milliseconds": """Zeile\tTeilnehmer\tAnfangszeit - msec\tEndzeit - msec\tDauer - msec\tWert
x\tAnna\t1500\t4250\t2750\twalk
y\tBen\t62000\t63500\t1500\tsit""",
    "unknown language": """R\tP\tOgiqa - ss.msec\tFinido - ss.msec\tW
x\tAnna\t1.500\t4.250\twalk
y\tBen\t62.000\t63.500\tsit""",
    "a column per tier": """Begin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tAnna\tBen
00:00:01.500\t00:00:04.250\twalk\t
00:01:02.000\t00:01:03.500\t\tsit""",
    "begin and duration": "Anna\t1.500\t2.750\twalk\nBen\t62.000\t1.500\tsit",
    "timecodes between": """Anna\tAnna\t00:00:01:12\t00:00:01.500\t00:00:04.250\twalk
x\tBen\t00:01:02:00\t00:01:02.000\t00:01:03.500\tsit""",
    "links above": """"#file:///films/demo.mp4 -- offset: 0"
Anna\t1.500\t4.250\twalk
Ben\t62.000\t63.500\tsit""",
    "file behind": """Tier\tBegin Time - ss.msec\tEnd Time - ss.msec\tAnnotation\tFile Path
Anna\t1.500\t4.250\twalk\t/a/demo.eaf
Ben\t62.000\t63.500\tsit\t/a/demo.eaf""",
    "annotation before": "Anna\twalk\t1.500\t4.250\nBen\tsit\t62.000\t63.500",
    "every format": """Tier\tBegin Time - hh:mm:ss.ms\tBegin Time - ss.msec\tBegin Time - msec\t\
Begin Time - PAL-50fps\tEnd Time - hh:mm:ss.ms\tEnd Time - ss.msec\tEnd Time - msec\t\
Begin Time - PAL-50fps\tDuration - ss.msec\tdefault
Anna\t00:00:01.500\t1.5\t1500\t00:00:01:25\t00:00:04.250\t4.25\t4250\t00:00:04:12\t2.75\twalk
Ben\t00:01:02.000\t62.0\t62000\t00:01:02:00\t00:01:03.500\t63.5\t63500\t00:01:03:25\t1.5\tsit""",
    "milliseconds beside, participants": """Tier\tParticipant\tBegin Time - hh:mm:ss.ms\tBegin Time - msec\t\
End Time - hh:mm:ss.ms\tEnd Time - msec\tAnnotation
behav\tAnna\t00:00:01.500\t1500\t00:00:04.250\t4250\twalk
behav\tBen\t00:01:02.000\t62000\t00:01:03.500\t63500\tsit""",
    "milliseconds beside, a column per tier": """Begin Time - hh:mm:ss.ms\tBegin Time - msec\t\
End Time - hh:mm:ss.ms\tEnd Time - msec\tAnna\tBen
00:00:01.500\t1500\t00:00:04.250\t4250\twalk\t
00:01:02.000\t62000\t00:01:03.500\t63500\t\tsit""",
    "milliseconds beside, no header": """behav\tAnna\t00:00:01.500\t1500\t00:00:04.250\t4250\t00:00:02.750\t2750\twalk
behav\tBen\t00:01:02.000\t62000\t00:01:03.500\t63500\t00:00:01.500\t1500\tsit""",
    "milliseconds only, no header": "b\tAnna\t1500\t4250\t2750\twalk\nb\tBen\t62000\t63500\t1500\tsit",
    "commas": """Tier,Begin Time - ss.msec,End Time - ss.msec,"Text, said"
Anna,1.5,4.25,walk
Ben,62.0,63.5,sit""",
    "files in a row": """#demo.eaf
#file:///films/demo.mp4 -- offset: 0
Anna\t00:00:01.500\t00:00:04.250\t00:00:02.750\twalk

#other.eaf
#file:///films/other.mp4 -- offset: 0
Ben\t00:01:02.000\t00:01:03.500\t00:00:01.500\tsit""",
}
GUESSED = {
    "unknown language", "begin and duration", "timecodes between", "links above", "annotation before",
    "milliseconds only, no header",
}  # fmt: skip
"""Where nothing in the file tells which times begin and which end: it is read, and told."""


@pytest.mark.parametrize("name", TABS)
def test_tab_exports(tmp_path: Path, name: str) -> None:
    path = tmp_path / "export.txt"
    path.write_text(TABS[name] + "\n", encoding="utf-8")
    labels = read_labels(path)
    assert labels.format == "elan-tab"
    assert said(labels) == EXPECTED
    assert [problem.split(" what columns")[0] for problem in labels.problems] == ["no header tells"] * (name in GUESSED)
    first, last = labels.intervals
    assert first.where == f"line {['walk' in line for line in TABS[name].splitlines()].index(True) + 1}"
    assert first.media == ("/films/demo.mp4" if name in ("links above", "files in a row") else None)
    assert first.recording == ("demo" if name in ("file behind", "files in a row") else None)
    if name == "files in a row":
        assert (last.media, last.recording) == ("/films/other.mp4", "other")


def test_tab_export_of_a_video_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text(
        '"#file:///C:/films/cam2.mp4 -- offset: 500"\n"#file:///C:/films/a #1.mp4 -- offset: 2500"\n'
        "Anna\t00:00:01.500\t00:00:04.250\t00:00:02.750\twalk\n"
    )
    labels = read_labels(path)
    assert said(labels) == [("Anna", "walk", 2.0, 4.75)]
    assert labels.intervals[0].media == "C:/films/cam2.mp4"
    assert labels.intervals[0].further == (Medium("C:/films/a #1.mp4", 2.0),)
    assert "the offset of the video was added" in labels.problems[0]


def test_tab_export_without_a_time_is_told(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text("Anna\t1.500\t4.250\twalk\nBen\t\t63.500\tsit\n")
    with pytest.raises(ExchangeError, match=r"line 2, column 2: expected a time, got ''"):
        read_labels(path)


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\tc\nd\te\tf",
        "1.500\t2.500\n3.500\t4.500",
        "x\t1.500\ty",
        "frame\tx\ty\n1\t2\t3",
        "Participant\tEvent\tOnset\tAmplitude\nAnna\twalk\t2.500\t12.500\nAnna\trun\t4.100\t9.120",
        "name\tid\tscore\tmean\nAnn\tx1\t0.123\t0.456\nBob\tx2\t0.111\t0.999",
        "Ann\twalk\t250\t500\nBen\trun\t1000\t1500",
        "subject\tstart_frame\tend_frame\twhat\nAnn\t250\t500\twalk",
        "name,one,two,act\nAnn,1.500,4.250,walk",
    ],
)
def test_other_tables_are_no_tab_export(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text(text)
    with pytest.raises(ExchangeError, match="no labels of BORIS or ELAN"):
        read_labels(path)
