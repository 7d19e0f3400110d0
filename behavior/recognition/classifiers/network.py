"""Training and asking torch networks; `temporal.py` and `graph.py` add what they look at and how."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from behavior.recognition.augment import AugmentSettings, augment, mirrored
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.clips import Clips


@dataclass(eq=False, repr=False, kw_only=True)
class NetworkClassifier(ActionClassifier):
    """One or more networks, asked about each clip and its mirror image; subclasses add their shape."""

    epochs: int = 60
    """Passes over the clips, each freshly augmented."""
    batch: int = 64
    """Clips per step."""
    learning_rate: float = 2e-3
    """Peak of the one-cycle schedule."""
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
    device: str = "cpu"
    """Where it trains: cpu, or cuda for a GPU with mixed precision."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """How the clips are changed."""

    @abstractmethod
    def _build(self) -> nn.Module:
        """A network with fresh weights for `joints_` and `classes_`; takes series and lengths, gives logits."""

    @abstractmethod
    def _series(self, clips: Clips) -> Tensor:
        """(S, F, T) float32 input of the network."""

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        total = self.members * self.epochs
        self.networks_ = []
        for member in range(self.members):
            first = member * self.epochs

            def step(epoch: int, loss: float, first: int = first) -> None:
                progress(first + epoch + 1, total, f"loss {loss:.2f}")

            self.networks_.append(self._train(clips, labels, rng, step))

    def _train(
        self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, step: Callable[[int, float], None]
    ) -> nn.Module:
        device = torch.device(self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            network = self._build().to(device).train()
            batches = max(1, round(len(clips) / self.batch))
            optimiser = torch.optim.AdamW(network.parameters(), self.learning_rate, weight_decay=self.weight_decay)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, self.learning_rate, total_steps=self.epochs * batches, pct_start=0.15
            )
            targets = torch.from_numpy(labels)
            for epoch in range(self.epochs):
                changed = augment(clips, rng, self.augment)
                series, lengths = self._series(changed), torch.from_numpy(changed.lengths)
                losses = []
                for rows in torch.from_numpy(rng.permutation(len(clips))).tensor_split(batches):
                    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                        logits = network(series[rows].to(device), lengths[rows].to(device))
                    loss = functional.cross_entropy(
                        logits.float(), targets[rows].to(device), label_smoothing=self.label_smoothing
                    )
                    optimiser.zero_grad()
                    torch.autograd.backward(loss)
                    optimiser.step()
                    schedule.step()
                    losses.append(loss.item())
                step(epoch, float(np.mean(losses)))
        return network.cpu().eval()

    @torch.inference_mode()
    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        asked = [(self._series(one), torch.from_numpy(one.lengths)) for one in (clips, mirrored(clips))]
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
