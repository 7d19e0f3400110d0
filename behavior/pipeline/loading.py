"""The models that a command asks for by name or file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from behavior.pipeline.models import locate
from behavior.pipeline.progress import Narrator
from behavior.recognition.model import ActionModel, load_action_model
from pose.backends.base import ModelInfo
from pose.engine import PoseEngine, load_networks, load_parts, parts_wanted, usual_refiner
from pose.settings import Accuracy, EngineSettings
from pose.weights.assets import Asset
from pose.weights.zoo import Role, identify


@dataclass(frozen=True)
class PartModel:
    """A network of hands or faces, and how sure it must be; see `pose.engine.PartNetwork`."""

    info: ModelInfo
    threshold: float | None


@dataclass(frozen=True)
class Models:
    """What a command was asked to use.

    Attributes:
        pose: which body network.
        refiner: gives the refiner at an accuracy; None where people stay as the body network sees them.
        parts: gives the networks of hands and faces that the settings ask for, by role.
        engine: gives the engine for these settings; loads the network the first time that a frame needs it.
        actions: the action model; None leaves the stage out.
    """

    pose: ModelInfo
    refiner: Callable[[Accuracy], ModelInfo | None]
    parts: Callable[[EngineSettings], dict[Role, PartModel]]
    engine: Callable[[EngineSettings], PoseEngine]
    actions: ActionModel | None


def load_models(
    model: str,
    device: str,
    actions: str,
    narrator: Narrator,
    *,
    refine: str | None = None,
    hand_network: str | None = None,
    face_network: str | None = None,
    batch: int | None = None,
    in_flight: int | None = None,
) -> Models:
    """The models by name (shipped or imported) or file; `actions` and `refine` may be `none`, None is the usual one.

    Raises `AssetError`, `ModelError` or `ActionModelError`; `DeviceError` comes when the engine is asked for.
    """
    download = Download(narrator)
    network = locate(model)
    hand, face = hand_network and locate(hand_network), face_network and locate(face_network)

    @cache
    def engine(settings: EngineSettings) -> PoseEngine:
        body, refiner = load_networks(
            network, refine and locate(refine), settings, device=device, in_flight=in_flight, progress=download
        )
        wanted = parts_wanted(settings, hand, face, download)
        parts = load_parts(wanted, device=device, in_flight=in_flight, progress=download)
        names = body.model.name if refiner is None else f"{body.model.name}, refined by {refiner.model.name},"
        beside = "" if parts is None else f", with {', '.join(info.name for info in parts.models.values())}"
        narrator.say(f"{names} on {body.device} ({body.runtime}, {body.precision}){beside}")
        return PoseEngine(
            backend=body,
            refiner=refiner,
            parts=parts,
            settings=settings,
            tracking=None,
            batch=batch,
            in_flight=in_flight,
            announce=narrator.say,
        )

    @cache
    def refiner(accuracy: Accuracy) -> ModelInfo | None:
        name = refine or usual_refiner(accuracy)
        return None if name == "none" else identify(locate(name), progress=download)

    def parts(settings: EngineSettings) -> dict[Role, PartModel]:
        wanted = parts_wanted(settings, hand, face, download)
        return {role: PartModel(identify(part.model, download), part.threshold) for role, part in wanted.items()}

    pose = identify(network, progress=download)
    return Models(pose, refiner, parts, engine, None if actions == "none" else load_action_model(locate(actions)))


class Download:
    """Tells a narrator how a download goes."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator

    def __call__(self, asset: Asset, done: int, total: int | None) -> None:
        self._narrator.step(f"fetching {asset.file} (kB)", done // 1000, None if total is None else total // 1000)
