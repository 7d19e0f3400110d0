"""Few clips of an action: the embedding, the kind that learns on it, and what a training will take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from behavior.cli import main
from behavior.errors import DataError
from behavior.recognition.classifiers import few_shot
from behavior.recognition.classifiers.few_shot import FewShotClassifier
from behavior.recognition.classifiers.ridge import solve_one_against_rest
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.clips import Clips, LabelledSequences, save_sequences, to_clips
from behavior.recognition.embedding import Embedding, learn_embedding, save_embedding, shipped_embedding
from behavior.training.duration import expected_seconds
from behavior.training.train import TrainSettings
from pose.layouts import BODY_13
from tests.test_behavior.conftest import ACTIONS, stick_figure


def figures(actions: list[str], size: float, seed: int, count: int = 6) -> tuple[Clips, NDArray[np.str_]]:
    """`count` clips of each action by one jittering person."""
    rng = np.random.default_rng(seed)
    names = np.repeat(actions, count)
    points = [
        size * stick_figure(name, 40, rng.uniform(0, 6.3), rng.uniform(0.8, 1.25)) + rng.normal(0, 4, (40, 13, 2))
        for name in names
    ]
    return Clips(np.array(points, dtype=np.float32), np.full(len(names), 40)), names


def apart(places: NDArray[np.float32], names: NDArray[np.str_]) -> float:
    """Mean square distance between names over that within them."""
    square = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    same = names[:, None] == names[None]
    return float(square[~same].mean() / square[same].mean())


def test_other_people_lie_close_and_other_actions_far() -> None:
    learnt, names = figures(["squat", "walk", "still"], 1.0, 0, count=20)
    embedding = learn_embedding(learnt, names, kernels=60)
    assert embedding.size == 2
    clips, asked = figures(["squat", "walk"], 2.5, 1)
    assert apart(embedding.of(clips), asked) > 10


def test_the_shipped_embedding_tells_actions_apart_that_few_clips_do_not() -> None:
    clips, names = figures(list(ACTIONS), 1.0, 2)
    assert apart(shipped_embedding().of(clips), names) > 3


def test_the_shipped_embedding_is_of_this_form(tmp_path: Path) -> None:
    arrays = shipped_embedding().arrays
    count = len(arrays["kernels"])
    assert arrays["projection"].shape[0] == 3 * count
    assert save_embedding(Embedding(arrays), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").stat().st_size < 500_000


def test_other_joints_are_told() -> None:
    tails = Clips(np.zeros((4, 8, 2, 2), np.float32), np.full(4, 8), ("nose", "tail"))
    with pytest.raises(DataError, match=r"few_shot needs the joints head, .* the clips have nose, tail; use --cl"):
        FewShotClassifier().fit(tails, ["a", "a", "b", "b"])
    with pytest.raises(ValueError, match="the embedding knows clips of head"):
        shipped_embedding().of(tails)


def test_the_embedding_stays_with_the_model(monkeypatch: pytest.MonkeyPatch, small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    fitted = FewShotClassifier(copies=0).fit(clips, small_world.labels)
    first = fitted.predict_proba(clips)
    monkeypatch.setattr(few_shot, "shipped_embedding", lambda: pytest.fail("the package's embedding was asked"))
    again = FewShotClassifier(copies=0).load_parts(fitted.parts(), fitted.classes_.tolist(), BODY_13)
    np.testing.assert_allclose(again.predict_proba(clips), first, atol=1e-3)


def test_the_embedding_counts_as_its_weight_says(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    noise = np.random.default_rng(0).normal(size=clips.points.shape).astype(np.float32)
    asked = Clips(clips.points + 40 * noise, clips.lengths)
    alone = SupportVectorClassifier(copies=0).fit(clips, small_world.labels).predict_proba(asked)
    answers = [
        FewShotClassifier(copies=0, weight=weight).fit(clips, small_world.labels).predict_proba(asked)
        for weight in (0.0, 1.5)
    ]
    np.testing.assert_allclose(answers[0], alone, atol=1e-6)
    assert np.abs(answers[1] - alone).max() > 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 60), st.integers(2, 4), st.integers(0, 2**31))
def test_few_rows_are_solved_as_many_are(n: int, numbers: int, classes: int, seed: int) -> None:
    """Primal or dual, the answer is that of scikit-learn's ridge with the offset among the weights."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, n)])
    x = rng.normal(size=(len(labels), numbers))
    weights, bias = solve_one_against_rest(lambda part: x[part], labels, 0.5)
    counts = len(labels) / classes / np.bincount(labels)
    ones = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    target = 2.0 * (labels[:, None] == np.arange(classes)) - 1
    expected = Ridge(alpha=0.5, fit_intercept=False, solver="svd").fit(ones, target, sample_weight=counts[labels]).coef_
    np.testing.assert_allclose(np.concatenate([weights, bias[None]]), expected.T, atol=1e-7)


def test_what_a_training_takes_grows_with_folds_and_report(small_world: LabelledSequences) -> None:
    class Timed(SupportVectorClassifier):
        """Takes a second for each fit and a tenth for each clip, by a clock of its own."""

        def _fit(self, clips: Clips, *_: object) -> None:
            clock.append(clock[-1] + 1 + len(clips) / 10)

    clock = [0.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("behavior.training.duration.perf_counter", lambda: clock[-1])
        n = len(small_world)

        def expected(folds: int, *, report: bool) -> float:
            return expected_seconds(Timed, small_world, TrainSettings(folds=folds), report=report)

        assert expected(0, report=True) == pytest.approx(1 + n / 10)
        assert expected(4, report=False) == pytest.approx(5 + (n + 3 * n) / 10)
        assert expected(4, report=True) == pytest.approx(17 + (n + 3 * n * (1 + 0.25 + 0.5 + 0.75)) / 10)


def test_train_says_how_long_it_takes_and_what_is_quicker(
    small_world: LabelledSequences, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sequences(tmp_path / "world.npz", small_world)
    asked = ["train", str(tmp_path / "world.npz"), "--folds", "2", "--no-report"]
    assert main([*asked, "--classifier", "few_shot", "--out", str(tmp_path / "quick")]) == 0
    told = capsys.readouterr().err
    assert "few_shot on 36 clips: about" in told
    assert "quicker" not in told
    monkeypatch.setattr("behavior.training.duration.perf_counter", iter(range(0, 10**6, 50)).__next__)
    assert main([*asked, "--classifier", "logistic", "--out", str(tmp_path / "slow")]) == 0
    assert "logistic on 36 clips: about 2 min; --classifier few_shot is much quicker" in capsys.readouterr().err
