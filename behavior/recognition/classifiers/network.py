"""Training and asking torch networks; `temporal.py` and `graph.py` add what they look at and how."""

from __future__ import annotations

import hashlib
import json
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor, nn

from behavior.errors import DataError
from behavior.recognition.augment import AugmentSettings, augment
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress, silent
from behavior.recognition.clips import Clips
from pose.errors import TrainingError
from pose.training import checkpoint

CHECKPOINT_S = 30.0
"""Seconds between checkpoints."""
_AT_ONCE = 2048
"""Clips of a round, changed together; memory does not grow with their number."""


@dataclass(eq=False, repr=False, kw_only=True)
class NetworkClassifier(ActionClassifier):
    """One or more networks, asked about each clip and its mirror image; subclasses add their shape."""

    epochs: int = 60
    """Passes over the clips, each freshly augmented."""
    echo: int = 1
    """Times that a changed clip is learnt from before it is changed anew: changing costs more than learning. Source:
    Choi et al., 2019, https://arxiv.org/abs/1907.05550 (data echoing)."""
    batch: int = 64
    """Clips per step."""
    learning_rate: float = 2e-3
    """Highest rate, after a tenth of the training; it falls to nothing from there on."""
    weight_decay: float = 0.02
    """Of AdamW."""
    label_smoothing: float = 0.1
    """Share of the label spread over all classes."""
    dropout: float = 0.5
    """Before the last layer."""
    smooth: float = 1.0
    """Smoothing of the joints in time, frames."""
    members: int = 1
    """Networks trained from different seeds, their probabilities averaged."""
    device: str = "auto"
    """Where it trains: auto takes a GPU where there is one; cpu, cuda or cuda:N."""
    bfloat16: bool = False
    """Half precision in training: faster on GPUs and on processors with AMX."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """How the clips are changed."""

    @abstractmethod
    def _build(self) -> nn.Module:
        """A network with fresh weights for `joints_` and `classes_`; takes series and lengths, gives logits."""

    @abstractmethod
    def _series(self, clips: Clips) -> Tensor:
        """(S, F, T) float32 input of the network."""

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self._train([self], clips, labels[None], rng, progress)

    def fit_parts(
        self,
        clips: Clips,
        names: NDArray[np.str_],
        parts: Sequence[NDArray[np.bool_]],
        *,
        progress: Progress | None = None,
        checkpoints: Path | None = None,
    ) -> list[Self]:
        """The clips are changed once for all parts, whose networks learn side by side."""
        fitted = [clone(self) for _ in parts]
        labels = np.full((len(parts), len(clips)), -1, dtype=np.int64)
        for one, part, own in zip(fitted, parts, labels, strict=True):
            one.classes_, own[part] = np.unique(names[part], return_inverse=True)
            one.joints_, one.notes_ = clips.joints, []
        self.checkpoints_ = checkpoints
        self._train(fitted, clips, labels, np.random.default_rng(self.random_state), progress or silent)
        return fitted

    def _train(
        self,
        fitted: Sequence[Self],
        clips: Clips,
        labels: NDArray[np.int64],
        rng: np.random.Generator,
        progress: Progress,
    ) -> None:
        """The networks of classifiers that know their classes.

        What is drawn follows from the seed and the number of the round alone, so that a training that goes on from a
        checkpoint ends with the weights of one that was never stopped.

        Args:
            fitted: P classifiers.
            labels: (P, S) positions in the classes of each, -1 for the clips that it does not learn from.
        """
        seed, device = int(rng.integers(2**31)), self._device()
        file = self._checkpoint(clips, labels, seed)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            networks = nn.ModuleList(one._build() for one in fitted for _ in range(self.members)).to(device).train()
            targets = torch.from_numpy(np.repeat(labels, self.members, axis=0)).to(device)
            losses = [
                nn.CrossEntropyLoss(_class_weights(own, len(one.classes_)), label_smoothing=self.label_smoothing)
                for one, own in zip(fitted, labels, strict=True)
                for _ in range(self.members)
            ]
            losses = [loss.to(device) for loss in losses]
            optimiser = torch.optim.AdamW(networks.parameters(), weight_decay=self.weight_decay)
            first, rounds = 0, self.epochs * -(-len(clips) // _AT_ONCE)
            if file is not None and file.exists():
                try:
                    first = int(checkpoint.read_state(file)["rounds"])
                    checkpoint.restore(file, networks, {}, optimiser)
                except TrainingError:
                    raise DataError(f"{file}: damaged; remove it, and this training begins anew") from None
                progress(first, rounds, "going on where it was stopped")
            saved = time.monotonic()
            for number in range(first, rounds):
                torch.manual_seed(seed + number + 1)
                told = []
                for share, rows, series, lengths in self._round(clips, seed, number):
                    for group in optimiser.param_groups:
                        group["lr"] = self.learning_rate * _warm((number + share) / rounds)
                    optimiser.zero_grad()
                    for network, own, loss in zip(networks, targets, losses, strict=True):
                        known = own[rows] >= 0
                        if known.sum() < 2:  # of one clip there is no deviation to normalise by
                            continue
                        with torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16):
                            logits = network(series.to(device)[known], lengths.to(device)[known])
                        missed = loss(logits.float(), own[rows][known])
                        torch.autograd.backward(missed)
                        told.append(missed.item())
                    optimiser.step()
                progress(number + 1, rounds, f"loss {np.mean(told):.2f}")
                if file is not None and (number + 1 == rounds or time.monotonic() - saved >= CHECKPOINT_S):
                    checkpoint.save(file, networks, {}, optimiser, {"rounds": number + 1})
                    saved = time.monotonic()
        members = iter(networks.cpu().eval())
        for one in fitted:
            one.networks_ = [next(members) for _ in range(self.members)]
            one.notes_.append(f"network: {self.epochs} passes over the clips, on {device}")

    def _round(self, clips: Clips, seed: int, number: int) -> Iterator[tuple[float, NDArray[np.intp], Tensor, Tensor]]:
        """A part of the clips, changed: share of the round done, rows, series, lengths; each epoch in another order."""
        epoch, part = divmod(number, -(-len(clips) // _AT_ONCE))
        order = np.random.default_rng((seed, epoch)).permutation(len(clips))
        some = np.array_split(order, -(-len(clips) // _AT_ONCE))[part]
        rng = np.random.default_rng((seed, epoch, part))
        changed = augment(clips[some], rng, self.augment)
        series, lengths = self._series(changed), torch.from_numpy(changed.lengths)
        batches = max(1, round(len(some) / self.batch))
        for again in range(self.echo):
            for place, batch in enumerate(np.array_split(rng.permutation(len(some)), batches)):
                yield (again + place / batches) / self.echo, some[batch], series[batch], lengths[batch]

    def _device(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.empty(0, device=self.device).device
        except (RuntimeError, AssertionError) as error:
            told = str(error).splitlines()[0]
            raise DataError(f"device {self.device!r} can't be trained on ({told}); take auto, cpu or cuda") from None

    def _checkpoint(self, clips: Clips, labels: NDArray[np.int64], seed: int) -> Path | None:
        """The file of this training: named by its settings and data, so that no other goes on from it."""
        if self.checkpoints_ is None:
            return None
        told = [type(self).__name__, asdict(self) | {"device": ""}, seed, clips.joints]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for array in (clips.points, clips.lengths, labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        self.checkpoints_.mkdir(parents=True, exist_ok=True)
        return self.checkpoints_ / f"{digest.hexdigest()[:16]}.safetensors"

    @torch.inference_mode()
    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        asked = [(self._series(one), torch.from_numpy(one.lengths)) for one in (clips, clips.mirrored)]
        with _one_thread():
            answers = [network(*one).double().softmax(dim=1) for network in self.networks_ for one in asked]
        return np.asarray(torch.stack(answers).mean(dim=0).numpy())

    def _parts(self) -> Parts:
        return {
            f"{member}.{name}": value.numpy().astype(np.float16) if value.is_floating_point() else value.numpy()
            for member, network in enumerate(self.networks_)
            for name, value in network.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }

    def _load_parts(self, parts: Parts) -> None:
        self.networks_ = []
        for member in range(self.members):
            network = self._build()
            state = network.state_dict()
            for name, value in state.items():
                if name.endswith("num_batches_tracked"):
                    continue
                loaded = torch.from_numpy(np.asarray(parts[f"{member}.{name}"]))
                if loaded.shape != value.shape:
                    raise ValueError(f"expected {name} of shape {tuple(value.shape)}, got {tuple(loaded.shape)}")
                state[name] = loaded.to(value.dtype)
            network.load_state_dict(state)
            self.networks_.append(network.eval())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small networks are asked on one core: several wait for each other for longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _warm(share: float) -> float:
    """The learning rate after a share of the training, as a share of the highest: up in a line, down in a cosine."""
    return share / 0.1 + 0.01 if share < 0.1 else 0.5 * (1 + np.cos(np.pi * (share - 0.1) / 0.9))


def _class_weights(labels: NDArray[np.int64], n_classes: int) -> Tensor:
    """(C,) by which all classes count alike, on average 1 a clip."""
    counts = np.bincount(labels[labels >= 0], minlength=n_classes)
    return torch.from_numpy((counts.sum() / (n_classes * counts)).astype(np.float32))
