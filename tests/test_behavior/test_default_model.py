"""The recipe of the shipped model, on three small sets of stick figures under the names of the public ones."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from behavior.labels import UNKNOWN
from behavior.pipeline import default_model
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.model import load_action_model
from behavior.training.left_out import DrawSettings, asked_together, judge
from behavior.training.public_sets import PUBLIC_SETS, SetClips
from tests.test_behavior.conftest import stick_figure

SMALL = DrawSettings(per_action=12, per_kind=8, judged=12)
TINY: dict[str, tuple[int, dict[str, Any]]] = {
    "svm": (1, {"copies": 1}),
    "temporal": (2, {"epochs": 12, "batch": 16, "embed": 8, "width": 16, "learning_rate": 1e-2}),
}


def made_up(name: str, size: float) -> SetClips:
    """Figures of one size that walk, wave or do nothing with a name; four people."""
    rng = np.random.default_rng(round(size))
    shown = np.repeat(["walk", "wave", "still"], 16)
    points = [
        (size * stick_figure(one, 60, rng.uniform(0, 6.3), rng.uniform(0.8, 1.2)) + rng.normal(0, 2, (60, 13, 2)))
        for one in shown
    ]
    names = np.where(shown == "still", UNKNOWN, shown)
    return SetClips(
        PUBLIC_SETS[name], [one.astype(np.float32) for one in points], names, shown, np.arange(len(shown)) % 4
    )


@pytest.fixture(scope="module")
def sets() -> list[SetClips]:
    return [made_up(name, size) for name, size in zip(("jhmdb", "utd_mhad", "penn_action"), (1, 2, 3), strict=True)]


def test_the_recipe_makes_a_model_that_answers_as_it_was_judged(
    sets: list[SetClips], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_model, "MEMBERS", TINY)
    told: list[tuple[int, int, str]] = []
    fitted, windows, judged = default_model.judge_members(
        sets, SMALL, tmp_path / "checkpoints", lambda *step: told.append(step)
    )
    assert "loss" in told[-1][2]
    assert list((tmp_path / "checkpoints").glob("*.safetensors"))
    assert set(judged.sources) == {"jhmdb", "utd_mhad", "penn_action"}
    card = default_model.write_model(sets, fitted, windows, judged, tmp_path / "model", "the command")
    assert f"svm: learnt from {len(windows)} windows" in card
    more = re.search(r"temporal: learnt from (\d+) windows", card)
    assert more is not None
    assert 1.5 * len(windows) < int(more[1]) <= 2 * len(windows)
    model = load_action_model(tmp_path / "model")
    assert set(model.info.classes) == {"walk", "wave"}
    said = np.array(model.claims(model.predict_proba(windows.clips)))
    for action in ("walk", "wave"):
        assert (said[windows.names == action] == action).mean() > 0.7
    np.testing.assert_allclose(
        model.classifier.predict_proba(windows.clips), fitted.predict_proba(windows.clips), atol=5e-3
    )


def test_members_are_judged_together_as_they_answer_together(sets: list[SetClips]) -> None:
    members = {
        name: settings | {"epochs": 2} if name == "temporal" else settings for name, (_, settings) in TINY.items()
    }
    alone = [judge(make_classifier(name, settings), sets, SMALL)[2] for name, settings in members.items()]
    whole = judge(make_classifier("mixed", members | {"agree": True}), sets, SMALL)[2]
    both = asked_together(alone, agree=True)
    for kind in ("clean", "noisy"):
        np.testing.assert_allclose(getattr(both, kind), getattr(whole, kind), atol=1e-6)
    assert (alone[0].clean.argmax(axis=1) != alone[1].clean.argmax(axis=1)).any()  # so that agreeing is seen
    with pytest.raises(ValueError, match="different windows"):
        asked_together([alone[0], replace(alone[1], truth=alone[1].truth[::-1])], agree=True)
