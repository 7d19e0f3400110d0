"""Networks that learn actions: stopped and gone on with, several side by side, on devices."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from behavior.cli import main
from behavior.cli.train import UNFINISHED
from behavior.errors import DataError
from behavior.recognition.classifiers import network
from behavior.recognition.classifiers.temporal import MOMENTS, TemporalClassifier, TemporalNetwork
from behavior.recognition.clips import Clips, LabelledSequences, save_sequences, to_clips

TINY = {"epochs": 4, "batch": 16, "embed": 4, "width": 8, "echo": 2, "bfloat16": False}
_DRIVER = """
import os, signal, sys
from behavior.cli import main
from behavior.recognition.classifiers import network
network.CHECKPOINT_S = 0
save, count = network.checkpoint.save, 0
def counted(*arguments):
    global count
    save(*arguments)
    count += 1
    if count == 10:
        os.kill(os.getpid(), signal.SIGKILL)
network.checkpoint.save = counted
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rounds after which a checkpoint was written; one is after each."""
    monkeypatch.setattr(network, "CHECKPOINT_S", 0)
    real, seen = network.checkpoint.save, list[int]()

    def save(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        seen.append(arguments[-1]["rounds"])  # type: ignore[index]

    monkeypatch.setattr(network.checkpoint, "save", save)
    return seen


def test_a_killed_training_goes_on_with_the_same_command(
    small_world: LabelledSequences, tmp_path: Path, saves: list[int]
) -> None:
    """Killed in the last of three fits: the others are not done again, and the model has the same bits."""
    save_sequences(tmp_path / "data.npz", small_world)
    settings = ["--classifier", "temporal", "--settings", json.dumps(TINY), "--folds", "2", "--no-report"]
    whole, killed = (["train", str(tmp_path / "data.npz"), "--out", str(tmp_path / o), *settings] for o in ("a", "b"))
    assert main(whole) == 0
    assert saves == 3 * [1, 2, 3, 4]
    assert not (tmp_path / "a" / UNFINISHED).exists()
    died = subprocess.run([sys.executable, "-c", _DRIVER, *killed], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert len(list((tmp_path / "b" / UNFINISHED).glob("*.safetensors"))) == 3
    saves.clear()
    assert main(killed) == 0
    assert saves == [3, 4]
    assert not (tmp_path / "b" / UNFINISHED).exists()
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_only_the_same_training_goes_on(small_world: LabelledSequences, tmp_path: Path, saves: list[int]) -> None:
    clips, names = to_clips(small_world), named(small_world)

    def fit(clips: Clips, **changes: object) -> TemporalClassifier:
        return TemporalClassifier(**TINY | changes).fit(clips, names, checkpoints=tmp_path)  # type: ignore[arg-type]

    first = fit(clips)
    assert saves == [1, 2, 3, 4]
    np.testing.assert_array_equal(fit(clips, device="cpu").predict_proba(clips), first.predict_proba(clips))
    assert saves == [1, 2, 3, 4]  # finished before, wherever it is trained
    fit(clips, learning_rate=1e-3)
    fit(Clips(clips.points + 1, clips.lengths))
    assert saves == 3 * [1, 2, 3, 4]
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"\.safetensors: damaged; remove it") as caught:
        fit(clips)
    assert "\n" not in str(caught.value)


def test_parts_learn_side_by_side_and_alone(small_world: LabelledSequences) -> None:
    clips, names = to_clips(small_world), named(small_world)
    part = names != "wave"
    classifier = TemporalClassifier(**TINY | {"epochs": 20, "members": 2})  # type: ignore[arg-type]
    some, whole = classifier.fit_parts(clips, names, [part, np.ones(len(part), dtype=bool)])
    assert some.classes_.tolist() == ["squat", "walk"]
    assert len(some.networks_) == len(whole.networks_) == 2
    assert (some.predict(clips[part]) == names[part]).mean() > 0.9
    assert (whole.predict(clips) == names).mean() > 0.9
    assert whole.notes_ == ["network: 20 passes over the clips, on cpu"]
    mixed = names.copy()
    mixed[~part] = "squat"
    again = classifier.fit_parts(clips, mixed, [part, ~part | part])[0]
    np.testing.assert_array_equal(again.predict_proba(clips), some.predict_proba(clips))


def test_each_changed_clip_is_learnt_from_as_often_as_asked(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    classifier = TemporalClassifier(batch=10, echo=3)
    shares, rows, series, lengths = zip(*classifier._round(clips, 0, 0), strict=True)
    assert np.array_equal(np.bincount(np.concatenate(rows)), np.full(len(clips), 3))
    assert np.allclose(np.diff(shares), 1 / len(shares))
    assert {one.shape[1:] for one in series} == {(41, MOMENTS)}
    clip_7 = [float(s[list(r).index(7)].sum()) for r, s in zip(rows, series, strict=True) if 7 in r]
    assert len(set(clip_7)) == 1
    other = next(s[list(r).index(7)].sum() for _, r, s, _ in classifier._round(clips, 0, 1) if 7 in r)
    assert float(other) not in clip_7
    assert all(length.min() >= 1 for length in lengths)


def test_streams_are_joints_bones_and_motion() -> None:
    """A body that glides right by a tenth of a torso a frame: bones stand still, motion is the same everywhere."""
    joints = ("right_shoulder", "right_elbow", "right_wrist")
    frames = 2 * MOMENTS
    x = torch.zeros(1, 3 * 3 + 2, MOMENTS)
    path = 0.1 * torch.arange(MOMENTS) * frames / MOMENTS
    for k in range(3):
        x[0, 2 * k], x[0, 2 * k + 1] = path, 0.5 * k
    x[0, 6] = path
    built = TemporalNetwork(joints, 2, 4, 8, 0.0)
    local, bones, motion = built.streams(x, torch.tensor([frames]))
    assert [len(one[0]) for one in (local, bones, motion)] == [18, 9, 12]
    torch.testing.assert_close(bones[0, :6, 5], torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0, 1.0]))
    torch.testing.assert_close(bones[0, 6:, 9], torch.tensor([0.5, 1.0, 0.5]) - 0.9, atol=1e-4, rtol=0)
    torch.testing.assert_close(motion[0, ::2, 16], torch.tensor(3 * [0.5] + 3 * [0.6]))
    assert not motion[0, 1::2].any()


def test_a_device_that_is_not_there_is_refused(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    for device in ("cuda:77", "abacus"):
        with pytest.raises(DataError, match=f"device '{device}' can't be trained on") as caught:
            TemporalClassifier(device=device, epochs=1).fit(clips, named(small_world))
        assert "\n" not in str(caught.value)


def named(world: LabelledSequences) -> NDArray[np.str_]:
    return np.array(world.classes)[world.labels]
