"""What the people found depend on, apart from the networks' weights and the device."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from pose.backends.base import Precision
from pose.parsing import ParserSettings

Accuracy = Literal["fast", "balanced", "high"]


@dataclass(frozen=True)
class EngineSettings:
    """Settings of the engine.

    Attributes:
        net_height: height of the body network's input, pixels, up to the next multiple that the network takes; the
            width follows the image. Of several looks it is that of the one that `docs/networks.md` names, and the
            others change with it. None is the network's own choice: a height of 368 (`fast`: 336) for part affinity
            fields, a longer side of 640 (`fast`: 448) for centre networks.
        accuracy: how much work is put in; see `docs/networks.md` for what each level does.
        precision: of the networks' arithmetic; None is float32 on CPUs and float16 on GPUs.
        parser: thresholds of the parser.
        every_body: the body network looks at each n-th frame of a video; in between people are followed by the refiner.
        hands, face: whether hands and faces are found, too; their joints stand behind those of the body.
        hand_threshold, face_threshold: probability, above 0 and below 1, from which a hand or a face counts as there;
            of OpenPose's networks also the belief of each joint. None is that of `pose.wholebody.usual_threshold`.
    """

    net_height: int | None = None
    accuracy: Accuracy = "balanced"
    precision: Precision | None = None
    parser: ParserSettings = field(default_factory=ParserSettings)
    every_body: int = 1
    hands: bool = False
    face: bool = False
    hand_threshold: float | None = None
    face_threshold: float | None = None

    def __post_init__(self) -> None:
        if self.net_height is not None and self.net_height < 64:
            raise ValueError(f"net_height must be at least 64 pixels, got {self.net_height}")
        if self.accuracy not in get_args(Accuracy):
            raise ValueError(f"accuracy must be one of {', '.join(get_args(Accuracy))}, got {self.accuracy!r}")
        if self.every_body < 1:
            raise ValueError(f"every_body must be at least 1, got {self.every_body}")
        for name, value in (("hand_threshold", self.hand_threshold), ("face_threshold", self.face_threshold)):
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name} must be above 0 and below 1, got {value}")

    @property
    def light(self) -> bool:
        """Whether half of the network's refinements are left out, see `pose.weights.zoo.load_backend`."""
        return self.accuracy == "fast"
