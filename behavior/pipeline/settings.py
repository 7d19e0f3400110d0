"""Everything but the models that decides a result, in one place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from behavior.pipeline.scale import Scale, scale_of
from behavior.recognition.recognise import RecogniseSettings
from features.clean import CleanSettings
from pose.backends.base import Precision
from pose.parsing import ParserSettings
from pose.settings import Accuracy, EngineSettings
from pose.tracking import ResolveSettings, TrackerSettings


@dataclass(frozen=True)
class Part:
    """Which frames of a source.

    Attributes:
        start_s, end_s: seconds of the source's own clock, start inside, end outside; None is the source's own.
        every: take the frames whose number is a multiple of it.
        fps: frames per second of a source without a clock; None: assumed, and said.
    """

    start_s: float | None = None
    end_s: float | None = None
    every: int = 1
    fps: float | None = None


@dataclass(frozen=True)
class Settings:
    """Settings of every stage.

    Attributes:
        part: which frames.
        engine, tracker, resolve, clean, recognise: see the stages.
        face_mesh: whether the whole meshes of faces are kept.
        clothes: whether people are told apart by the colours of their clothes, too.
        overlay: whether to write the source with skeletons drawn on it.
        scale: what gives metres and a floor; None: what the recording's folder has of it, if anything.
        bin_s: width of the report's time bins, seconds; None: about a tenth of the recording, a round number.
    """

    part: Part = Part()
    engine: EngineSettings = field(default_factory=EngineSettings)
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    resolve: ResolveSettings = field(default_factory=ResolveSettings)
    clean: CleanSettings = field(default_factory=CleanSettings)
    recognise: RecogniseSettings = field(default_factory=RecogniseSettings)
    clothes: bool = False
    overlay: bool = True
    bin_s: float | None = None
    face_mesh: bool = False
    scale: Scale | None = None


def make_settings(
    *,
    net_height: int | None = None,
    accuracy: Accuracy,
    precision: Precision | None,
    max_people: int | None,
    start_s: float | None,
    end_s: float | None,
    every: int,
    overlay: bool,
    fps: float | None = None,
    min_bout_s: float | None = None,
    clothes: bool = False,
    every_body: int = 1,
    hands: bool = False,
    face: bool = False,
    face_mesh: bool = False,
    hand_threshold: float | None = None,
    face_threshold: float | None = None,
    scale: str | None = None,
    floor: str | None = None,
) -> Settings:
    """The settings that the command line offers, in their places; the rest at their defaults."""
    parser = ParserSettings() if max_people is None else ParserSettings(max_people=max_people)
    return Settings(
        part=Part(start_s, end_s, every, fps),
        engine=EngineSettings(
            net_height=net_height,
            accuracy=accuracy,
            precision=precision,
            parser=parser,
            every_body=every_body,
            hands=hands,
            face=face,
            hand_threshold=hand_threshold,
            face_threshold=face_threshold,
        ),
        recognise=RecogniseSettings(min_bout_s=min_bout_s),
        clothes=clothes,
        face_mesh=face_mesh,
        overlay=overlay,
        scale=scale_of(scale, floor),
    )


def one_or_all(heights: Collection[int]) -> int | list[int] | None:
    """Height of the body network's input, pixels; several where images differ in size, None where it is not known."""
    return sorted(heights) if len(heights) > 1 else next(iter(heights), None)
