"""The page on the action models of a database: what was corrected, how right each is, what changes, which counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from behavior.report.index import render


@dataclass(frozen=True)
class Corrected:
    """An action that humans coded, and how many bouts of it."""

    action: str
    count: int


@dataclass(frozen=True)
class Coded:
    """What humans coded, where it counts."""

    n_people: int
    n_recordings: int
    actions: Sequence[Corrected]


class ChangeLike(Protocol):
    """See `behavior.pipeline.classify.Change`."""

    @property
    def recording(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def n_before(self) -> int: ...
    @property
    def n_after(self) -> int: ...
    @property
    def n_same(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def most(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class ModelCard:
    """What the page says of a model.

    Attributes:
        name, sha256: of the model.
        first: when it first named actions here.
        counts: in how many recordings its bouts count.
        n_recordings: in how many it named actions.
        lacks: names of those in which it did not.
        accuracy, n_clips, protocol: of its cross-validation; None and empty where that is not known here.
        frames: what `train` says of held-out frames, see `behavior.training.on_database`; None where it is not known.
        report: address of the page of its training; None without.
        changes: by recording, what it says otherwise.
    """

    name: str
    sha256: str
    first: datetime
    counts: int
    n_recordings: int
    lacks: Sequence[str]
    accuracy: float | None
    n_clips: int | None
    protocol: str
    frames: Mapping[str, Any] | None
    report: str | None
    changes: Sequence[ChangeLike]

    @property
    def in_use(self) -> bool:
        return self.counts == self.n_recordings and not self.lacks


def render_models(
    database: str, coded: Coded, models: Sequence[ModelCard], kinds: Mapping[str, str], number: int
) -> tuple[str, str]:
    """The page as HTML, and its content-security policy."""
    return render(
        "models.html", "models", title=database, coded=coded, models=models, kinds=kinds, number=number, talks=True
    )
