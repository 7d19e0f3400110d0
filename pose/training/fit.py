"""The training loop: batches in, weights out, killed at any time and gone on with exactly.

AdamW (https://arxiv.org/abs/1711.05101) or SGD under a cosine schedule with warm-up (https://arxiv.org/abs/1608.03983),
a moving average of the weights, mixed precision, gradient accumulation. With the same seed, machine and number of
threads a training that was killed and went on gives the same bits on a CPU as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pose.errors import TrainingError
from pose.training import checkpoint
from pose.training.batches import Ahead, Batch, Source
from pose.training.logs import Log
from pose.training.losses import stage_losses, total_loss

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class FitSettings:
    """How weights are learnt.

    Attributes:
        epochs: how often each sample is learnt from; taken where `steps` is 0.
        steps: updates of the weights.
        batch: images that go through the network together.
        accumulate: batches of each update.
        optimiser: `adamw` or `sgd` (momentum 0.9).
        learning_rate: the greatest of the schedule.
        weight_decay: of convolutions' weights, not of biases.
        warm_up: share of the steps in which the learning rate rises.
        average: decay of the moving average of the weights, per step; less at first. 0: none.
        clip: greatest norm of the gradient; None for no limit.
        intermediate: losses at every stage, not at the last alone.
        precision: of the arithmetic; weights and losses stay float32. float16 is for GPUs.
        channels_last: of images in memory, faster for most networks.
        seed: of everything that is drawn.
    """

    epochs: float = 100.0
    steps: int = 0
    batch: int = 8
    accumulate: int = 1
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.03
    average: float = 0.999
    clip: float | None = 1.0
    intermediate: bool = True
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.batch, self.accumulate) < 1 or self.steps < 0 or self.epochs <= 0:
            raise ValueError("expected at least one image in a batch and one batch in a step, steps or epochs above 0")
        if self.learning_rate <= 0 or not 0 <= self.warm_up <= 1 or not 0 <= self.average < 1:
            raise ValueError("expected a learning rate above 0, warm_up in [0, 1] and average in [0, 1)")

    def steps_in(self, epochs: float, n: int) -> int:
        """Steps of so many epochs over n samples, at least one."""
        return max(round(epochs * n / (self.batch * self.accumulate)), 1)

    def rate(self, step: int) -> float:
        """Learning rate of a step (from 0)."""
        rising = max(round(self.warm_up * self.steps), 1)
        share = (step + 1 - rising) / max(self.steps - rising, 1)
        return self.learning_rate * min((step + 1) / rising, 0.01 + 0.99 * (1 + math.cos(math.pi * max(share, 0))) / 2)


@dataclass(frozen=True)
class Rhythm:
    """What happens how often; none of it changes the weights.

    Attributes:
        checkpoint_s: seconds between checkpoints.
        evaluate_every: epochs between evaluations; 0 for one at the end.
        log_every: steps between rows of the log; each evaluation has a row, too.
        threads: that make batches.
    """

    checkpoint_s: float = 300.0
    evaluate_every: float = 0.0
    log_every: int = 20
    threads: int = 2


@dataclass(frozen=True)
class Fitted:
    """What came out.

    Attributes:
        steps: updates done, over all sittings.
        loss: mean of the last stretch of the log.
        scores: of the best evaluation; empty without one.
        best_step: when that was.
        waiting: share of this sitting's time that the network waited for batches.
        images_per_s: in this sitting, evaluations left out.
    """

    steps: int
    loss: float
    scores: Mapping[str, float]
    best_step: int
    waiting: float
    images_per_s: float


Evaluate = Callable[[], Mapping[str, float]]


def fit(
    network: nn.Module,
    source: Source,
    outputs: tuple[str, ...],
    folder: Path,
    settings: FitSettings,
    *,
    rhythm: Rhythm | None = None,
    device: str = "cpu",
    identity: Mapping[str, Any] | None = None,
    evaluate: Evaluate | None = None,
    keep: Callable[[Mapping[str, float], int], object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Fitted:
    """Trains a network, or goes on with its training where the folder holds a checkpoint of it.

    Args:
        network: gives `each_stage(*inputs)`; only parameters that require a gradient are learnt.
        source: of batches.
        outputs: names of what each stage gives, in its order.
        folder: for `CHECKPOINT`, `log.csv` and `events/`; is there.
        settings: see there.
        rhythm: see there.
        device: of torch.
        identity: what the training is besides its settings (data, network); another one is refused by a checkpoint.
        evaluate: scores of the network as it then is, with its averaged weights; the score named first decides, then
            the next; of equals, the later is the best.
        keep: called with the scores and the step when they are the best yet, the averaged weights being in the network;
            at the end, without `evaluate`.
        progress: steps done and all steps.
        say: receives a line at each evaluation.

    Raises:
        TrainingError: the checkpoint is damaged or of another training, or the loss is no number any more.
    """
    rhythm, say = rhythm or Rhythm(), say or (lambda _: None)
    settings = replace(settings, steps=settings.steps or settings.steps_in(settings.epochs, len(source)))
    every = settings.steps_in(rhythm.evaluate_every, len(source)) if rhythm.evaluate_every else settings.steps
    run = _Run(network.to(device), settings, device)
    file = folder / CHECKPOINT
    state: dict[str, Any] = {"step": 0, "scores": {}, "best_step": 0, "loss": math.nan, "sums": [0, 0], "n": 0}
    about: dict[str, Any] = json.loads(json.dumps({"settings": asdict(settings), "identity": dict(identity or {})}))
    if file.is_file():
        state = checkpoint.read_state(file)
        _same_training(file, state, about)
        checkpoint.restore(file, network, run.average, run.optimiser)
        run.scaler.load_state_dict(state["scaler"])
        say(f"going on at step {state['step']:,} of {settings.steps:,}")
    network.train()
    begun = time.perf_counter()
    apart = 0.0  # seconds that were not training
    last_saved, start = begun, int(state["step"])
    sums, n_logged = torch.tensor(state["sums"], dtype=torch.float64), int(state["n"])
    rows_begun, rows_waited, rows_from = begun, 0.0, start

    def save(step: int) -> None:
        if not run.finite():
            raise _diverged(step)
        checkpoint.save(
            file, network, run.average, run.optimiser,
            state | about | {"step": step, "sums": sums.tolist(), "n": n_logged, "scaler": run.scaler.state_dict()},
        )  # fmt: skip

    ahead = Ahead(
        lambda number: source.batch(number, settings.batch),
        start * settings.accumulate,
        settings.steps * settings.accumulate,
        rhythm.threads,
    )
    with Log(folder, start) as log:
        batches = iter(ahead)
        for step in range(start, settings.steps):
            losses = run.step(step, batches, outputs)
            done = step + 1
            if not losses.isfinite().all():
                raise _diverged(done)
            sums += losses
            n_logged += 1
            last = done == settings.steps
            judged = evaluate is not None and (last or done % every == 0)
            if progress is not None:
                progress(done, settings.steps)
            if done % rhythm.log_every == 0 or judged or last:
                now = time.perf_counter()
                loss, last_stage = (sums / n_logged).tolist()
                images = (done - rows_from) * settings.batch * settings.accumulate
                state["loss"] = loss
                row = {
                    "epoch": done * settings.batch * settings.accumulate / len(source), "loss": loss,
                    "last_stage_loss": last_stage, "learning_rate": settings.rate(step),
                    "images_per_s": images / (now - rows_begun),
                    "waiting": (ahead.waited_s - rows_waited) / (now - rows_begun),
                }  # fmt: skip
                sums, n_logged, rows_from = torch.zeros(2, dtype=torch.float64), 0, done
            else:
                row = {}
            paused = time.perf_counter()
            if row and not run.finite():
                raise _diverged(done)
            if evaluate is not None and judged:
                with run.averaged():
                    scores = dict(evaluate())
                    if scores and tuple(scores.values()) >= tuple(state["scores"].values()):
                        state |= {"scores": scores, "best_step": done}
                        if keep is not None:
                            keep(scores, done)
                row |= scores
                told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
                say(f"step {done:,}: loss {state['loss']:.2f}, {told or 'nothing to judge by'}")
            if last and not state["scores"] and keep is not None:
                with run.averaged():
                    keep({}, done)
                state["best_step"] = done
            if row:
                log.write(done, row)
            if last or time.perf_counter() - last_saved >= rhythm.checkpoint_s:
                save(done)
                last_saved = time.perf_counter()
            apart += time.perf_counter() - paused
            if row:
                rows_begun, rows_waited = time.perf_counter(), ahead.waited_s
    seconds = max(time.perf_counter() - begun - apart, 1e-9)
    images = (settings.steps - start) * settings.batch * settings.accumulate
    return Fitted(
        settings.steps, state["loss"], state["scores"], state["best_step"], ahead.waited_s / seconds, images / seconds
    )


class _Run:
    """Network, optimiser and average on their device."""

    def __init__(self, network: nn.Module, settings: FitSettings, device: str) -> None:
        self.network, self.settings, self.device = network, settings, torch.device(device)
        self._format = torch.channels_last if settings.channels_last else torch.contiguous_format
        network.to(memory_format=self._format)  # type: ignore[call-overload] # torch's stubs lack it
        learnt = [value for value in network.parameters() if value.requires_grad]
        groups = [
            {"params": [value for value in learnt if value.dim() > 1], "weight_decay": settings.weight_decay},
            {"params": [value for value in learnt if value.dim() <= 1], "weight_decay": 0.0},
        ]
        self.optimiser: torch.optim.Optimizer
        if settings.optimiser == "adamw":
            self.optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
        else:
            self.optimiser = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
        self.average = {name: value.detach().clone() for name, value in network.named_parameters()}
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")
        self._learnt = learnt

    def step(self, step: int, batches: Any, outputs: tuple[str, ...]) -> Tensor:
        """One update of the weights; (2,) float64 loss of all stages and of the last."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(step)
        torch.manual_seed(self.settings.seed * 1_000_003 + step)
        self.optimiser.zero_grad(set_to_none=True)
        losses = torch.zeros(2, dtype=torch.float64)
        for _ in range(self.settings.accumulate):
            batch: Batch = next(batches)
            with self._arithmetic():
                stages = self.network.each_stage(*(self._input(x) for x in batch.inputs))  # type: ignore[operator]
            targets, masks = (
                {name: value.to(self.device, non_blocking=True) for name, value in part.items()}
                for part in (batch.targets, batch.masks)
            )
            each = stage_losses(stages, outputs, targets, masks)
            loss = total_loss(each, self.settings.intermediate)
            self.scaler.scale(loss / self.settings.accumulate).backward()  # type: ignore[no-untyped-call]
            losses += torch.stack([each.detach().sum(), each.detach()[-1]]).cpu().double() / self.settings.accumulate
        if self.settings.clip is not None:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self._learnt, self.settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._follow(step)
        return losses

    def finite(self) -> bool:
        """Whether the averaged weights are numbers; what was once none stays in them."""
        return all(bool(value.isfinite().all()) for value in self.average.values())

    def averaged(self) -> _Averaged:
        """The averaged weights in the network while a block lasts."""
        return _Averaged(self.network, self.average)

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        decay = min(self.settings.average, (1 + step) / (10 + step)) if self.settings.average else 0.0
        names = [name for name, value in self.network.named_parameters() if value.requires_grad]
        values = dict(self.network.named_parameters())
        torch._foreach_lerp_([self.average[n] for n in names], [values[n].detach() for n in names], 1 - decay)

    def _input(self, x: Tensor) -> Tensor:
        x = x.to(self.device, non_blocking=True).float()
        return x.contiguous(memory_format=self._format) if x.dim() == 4 else x

    def _arithmetic(self) -> AbstractContextManager[object]:
        if self.settings.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=getattr(torch, self.settings.precision))


class _Averaged:
    def __init__(self, network: nn.Module, average: Mapping[str, Tensor]) -> None:
        self._network, self._average = network, average
        self._own: dict[str, Tensor] = {}

    @torch.no_grad()
    def __enter__(self) -> None:
        for name, value in self._network.named_parameters():
            self._own[name] = value.detach().clone()
            value.copy_(self._average[name])

    @torch.no_grad()
    def __exit__(self, *_: object) -> None:
        for name, value in self._network.named_parameters():
            value.copy_(self._own[name])


def _diverged(step: int) -> TrainingError:
    return TrainingError(
        f"loss or weights are no numbers any more at step {step:,}; lower the learning rate and begin anew (--restart)"
    )


def _same_training(file: Path, state: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Raises `TrainingError` when a checkpoint is of another training, naming the first difference.

    What an older version's checkpoint does not tell counts as the same.
    """
    for part, values in about.items():
        kept = state.get(part, {})
        for name, value in values.items():
            if kept.get(name, value) != value:
                raise TrainingError(
                    f"{file}: is of a training with {name} {kept[name]!r}, not {value!r}; "
                    "give the same settings to go on, --restart to begin anew, or another --out"
                )
