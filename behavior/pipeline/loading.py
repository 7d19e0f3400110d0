"""The models that a command asks for by name or file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from behavior.pipeline.models import locate
from behavior.pipeline.progress import Narrator
from behavior.recognition.model import ActionModel, load_action_model
from pose.backends.base import ModelInfo
from pose.engine import EngineSettings, PoseEngine
from pose.weights.assets import Asset
from pose.weights.zoo import identify, load_backend


@dataclass(frozen=True)
class Models:
    """What a command was asked to use.

    Attributes:
        pose: which network.
        engine: gives the engine for these settings; loads the network the first time that a frame needs it.
        actions: the action model; None leaves the stage out.
    """

    pose: ModelInfo
    engine: Callable[[EngineSettings], PoseEngine]
    actions: ActionModel | None


def load_models(
    model: str,
    device: str,
    actions: str,
    narrator: Narrator,
    *,
    batch: int | None = None,
    in_flight: int | None = None,
) -> Models:
    """The models by name (shipped or imported) or file; `actions` may be `none`, the rest as in `PoseEngine`.

    Raises `AssetError`, `ModelError` or `ActionModelError`; `DeviceError` comes when the engine is asked for.
    """
    download = Download(narrator)
    network = locate(model)

    @cache
    def engine(settings: EngineSettings) -> PoseEngine:
        backend = load_backend(
            network,
            device=device,
            precision=settings.precision,
            in_flight=in_flight,
            light=settings.light,
            progress=download,
        )
        narrator.say(f"{backend.model.name} on {backend.device} ({backend.runtime}, {backend.precision})")
        return PoseEngine(
            backend=backend, settings=settings, tracking=None, batch=batch, in_flight=in_flight, announce=narrator.say
        )

    pose = identify(network, progress=download)
    return Models(pose, engine, None if actions == "none" else load_action_model(locate(actions)))


class Download:
    """Tells a narrator how a download goes."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator

    def __call__(self, asset: Asset, done: int, total: int | None) -> None:
        self._narrator.step(f"fetching {asset.file} (kB)", done // 1000, None if total is None else total // 1000)
