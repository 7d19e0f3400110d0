"""From annotations to a model folder: reads, begins from known weights, trains, judges, keeps the best."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pose.errors import TrainingError
from pose.maps import BeliefLayout, MapLayout
from pose.networks.movenet_fields import MovenetFields, Standardise
from pose.skeleton import COCO_18
from pose.training.augment import AugmentSettings
from pose.training.batches import AnnotatedImages, Source
from pose.training.cached import CachedFeatures
from pose.training.card import Card, write_model
from pose.training.datasets import Dataset, Sample, read_annotations, split
from pose.training.distillation import Detect, fill_in, label
from pose.training.evaluate import Confidence, evaluate
from pose.training.fit import CHECKPOINT, FitSettings, Fitted, Rhythm, fit
from pose.training.initialise import initialise
from pose.training.targets import TargetSettings
from pose.weights.imported import mismatch
from pose.weights.zoo import MULTIPOSE, STRUCTURES, define, state_of


class Narrator(Protocol):
    """Hears messages and progress."""

    def say(self, text: str) -> None:
        """One line."""

    def step(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` units of a stage."""


@dataclass(frozen=True)
class Plan:
    """What is trained on what.

    Attributes:
        annotations, images: file and folder to learn from.
        network: name of the structure.
        out: folder of the model.
        start: weights to begin with: a name, file or model folder; None for the structure's usual ones.
        check: annotations and images to judge by; None holds out a share of the images.
        held_out: that share.
        size: height and width of the input in training, pixels; None for the structure's own height.
        net_height: of the input when judged, pixels, and of the crops that a network of one person then sees; None for
            `size`.
        frozen: learn only the head, on features computed once, with so many views of each image; 0 for everything.
        licence: of the weights.
        recipe: the command, for the card.
        augment: None for the usual one, see `pose.training.batches.AnnotatedImages`.
    """

    annotations: Path
    images: Path
    network: str
    out: Path
    start: str | None = None
    check: tuple[Path, Path] | None = None
    held_out: float = 0.05
    size: tuple[int, int] | None = None
    net_height: int | None = None
    frozen: int = 0
    licence: str = "as the data it was trained on"
    recipe: str = ""
    fit: FitSettings = field(default_factory=FitSettings)
    rhythm: Rhythm = field(default_factory=Rhythm)
    augment: AugmentSettings | None = None
    targets: TargetSettings = field(default_factory=TargetSettings)


@dataclass(frozen=True)
class Trained:
    """What came out: the folder, how it went, and the datasets as they were used."""

    out: Path
    fitted: Fitted
    trained_on: Dataset
    held_out: Sequence[Sample]


def train(
    plan: Plan,
    narrator: Narrator,
    *,
    device: str = "cpu",
    teacher: Callable[[], tuple[str, Detect]] | None = None,
    restart: bool = False,
) -> Trained:
    """Trains a network and writes its folder; goes on with a training that was stopped.

    Args:
        plan: see there.
        narrator: hears what happens.
        device: of torch.
        teacher: gives a name and a detector of COCO-18 people that labels what is not labelled; None for no teacher.
        restart: begin anew where the folder holds a training.

    Raises:
        TrainingError: nothing to learn from, a structure that can't be trained, weights of another one, or a checkpoint
            of another training.
    """
    layout = _layout(plan.network)
    size = plan.size or (STRUCTURES[plan.network].net_height,) * 2
    if any(length % layout.multiple or length < layout.stride for length in size):
        raise TrainingError(f"{plan.network} takes heights and widths that are multiples of {layout.multiple}")
    if plan.frozen and plan.network != "movenet_fields":
        raise TrainingError(f"{plan.network} has no head on features that could stay; leave --frozen out")
    data = read_annotations(plan.annotations, plan.images, layout.skeleton)
    narrator.say(data.summary())
    learnt, held, held_name = _held_out(plan, data, narrator)
    folder = plan.out / "training"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: can't be made ({error.strerror}); choose another --out folder") from None
    name = None
    if teacher is not None:
        learnt, name = _taught(learnt, teacher, folder / "teacher.json", narrator)
    images = AnnotatedImages([learnt], layout, size, plan.augment, plan.targets, plan.fit.seed)
    if isinstance(layout, BeliefLayout):
        narrator.say(
            f"learnt from {len(images):,} people, each in a crop; {learnt.n_people - len(images):,} have too few joints"
        )
    if len(images) == 0:
        raise TrainingError(f"{plan.annotations}: nobody has joints enough for a crop")
    network: Any = define(plan.network)
    start = _begin(network, plan, images)
    network.to(device)
    card = Card(
        network=plan.network,
        net_height=plan.net_height or size[0],
        data={
            "trained_on": f"{data.name}, {len(learnt.samples):,} images, {learnt.n_people:,} people",
            "sha256": hashlib.sha256(plan.annotations.read_bytes()).hexdigest(),
            "left_out": dict(data.findings.counts),
            "held_out": held_name,
            "start": start,
            "teacher": name,
        },
        licence=plan.licence,
        recipe=plan.recipe,
        settings={"fit": asdict(plan.fit), "augment": asdict(images.augment), "targets": asdict(plan.targets),
                  "size": list(size), "frozen": plan.frozen},
    )  # fmt: skip

    judged: list[Confidence | None] = [None]  # by the evaluation before the network is kept, and of the one that is

    def judge() -> Mapping[str, float]:
        scores = evaluate(network, layout, held, card.net_height, progress=partial(narrator.step, "judging"))
        judged[0] = scores.confidence
        return scores.as_dict()

    def keep(figures: Mapping[str, float], step: int) -> None:
        write_model(plan.out, network, card, figures, step, judged[0])

    with tempfile.TemporaryDirectory(prefix="posescribe-features-") as place:
        learner, source = _learner(network, images, plan, Path(place), device, narrator)
        if restart:
            (folder / CHECKPOINT).unlink(missing_ok=True)
        fitted = fit(
            learner,
            source,
            tuple(layout.outputs),
            folder,
            plan.fit,
            rhythm=plan.rhythm,
            device=device,
            identity=_identity(plan, card, learnt.samples, held),
            evaluate=judge if held else None,
            keep=keep,
            progress=partial(narrator.step, "training"),
            say=narrator.say,
        )
    if judged[0] is not None:
        narrator.say(str(judged[0]))
    return Trained(plan.out, fitted, learnt, held)


def _layout(name: str) -> MapLayout | BeliefLayout:
    known = {entry.name: entry.layout for entry in STRUCTURES.values()}
    layouts = {name: layout for name, layout in known.items() if isinstance(layout, MapLayout | BeliefLayout)}
    if name not in layouts:
        raise TrainingError(f"{name!r} can't be trained here; choose from {', '.join(layouts)}")
    return layouts[name]


def _held_out(plan: Plan, data: Dataset, narrator: Narrator) -> tuple[Dataset, list[Sample], str]:
    """What is learnt from, what is judged by, and what that is called."""
    if plan.check is not None:
        check = read_annotations(*plan.check, data.skeleton)
        narrator.say(f"judged by {check.summary()}")
        return data, check.samples, f"{check.name}, {len(check.samples):,} images, {check.n_people:,} people"
    learnt, held = split(data.samples, plan.held_out, plan.fit.seed)
    return replace(data, samples=learnt), held, f"{len(held):,} images of {data.name} held out at random"


def _taught(
    data: Dataset, teacher: Callable[[], tuple[str, Detect]], cache: Path, narrator: Narrator
) -> tuple[Dataset, str]:
    name, detect = teacher()
    labels = label(data.samples, detect, name, COCO_18, cache, partial(narrator.step, "teacher's labels"))
    filled = fill_in(data, labels)
    narrator.say(f"{name}: {filled.n_people - data.n_people:,} more people to learn from")
    return filled, name


def _begin(network: Any, plan: Plan, images: AnnotatedImages) -> str:
    """Sets the first weights; says which."""
    if isinstance(network, MovenetFields) and plan.start in (None, MULTIPOSE.name):
        state, info = state_of(MULTIPOSE.name)
        kept = network.movenet.state_dict()
        network.movenet.load_state_dict({name: value for name, value in state.items() if name in kept})
        with torch.inference_mode():
            levels = [level.clone() for level in network.features(_some(images))]
        for layer, level in zip(network.head.standardise, levels, strict=True):
            assert isinstance(layer, Standardise)
            layer.set(level.mean(dim=(0, 2, 3)), level.std(dim=(0, 2, 3)))
        initialise(network.head, *(level.clone() for level in levels), seed=plan.fit.seed)
        return f"{info.name} (sha256 {info.sha256}), its head drawn at random"
    if plan.start is None:
        initialise(network, _some(images), seed=plan.fit.seed)
        return "random weights"
    state, info = state_of(plan.start)
    _load(network, state, plan)
    return f"{info.name} (sha256 {info.sha256})"


def _some(images: AnnotatedImages, n: int = 8) -> Tensor:
    return torch.stack([torch.from_numpy(images.picture(i)).permute(2, 0, 1).float() for i in range(n)])


def _load(network: nn.Module, state: Mapping[str, Tensor], plan: Plan) -> None:
    """Raises `TrainingError` with the first difference when the weights are another network's."""
    wrong = mismatch({name: tuple(value.shape) for name, value in state.items()}, network)
    if wrong is not None:
        raise TrainingError(f"--start {plan.start}: weights of another network than {plan.network} ({wrong})")
    network.load_state_dict(dict(state))


def _learner(
    network: Any, images: AnnotatedImages, plan: Plan, place: Path, device: str, narrator: Narrator
) -> tuple[nn.Module, Source]:
    """What is trained, and its batches."""
    if not plan.frozen:
        return network, images
    network.movenet.requires_grad_(False)

    def features(pixels: Tensor) -> list[Tensor]:
        levels: list[Tensor] = network.features(pixels.to(device))
        return levels

    return network.head, CachedFeatures(
        images, features, plan.frozen, place, progress=partial(narrator.step, "features")
    )


def _identity(plan: Plan, card: Card, learnt: Sequence[Sample], held: Sequence[Sample]) -> dict[str, Any]:
    """What a checkpoint must agree with to be gone on from."""
    check = "" if plan.check is None else f"{_digest(plan.check[0].read_bytes())} "
    return {"network": plan.network, "data": card.data["sha256"], "start": card.data["start"],
            "teacher": card.data["teacher"], **card.settings, "net_height": card.net_height,
            "images_learnt": _names(learnt), "images_judged": check + _names(held)}  # fmt: skip


def _names(samples: Sequence[Sample]) -> str:
    """How many images, and a hash of which, wherever their folder is."""
    names = "\n".join(f"{sample.image_id} {sample.path.name}" for sample in samples)
    return f"{len(samples)} ({_digest(names.encode())})"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
