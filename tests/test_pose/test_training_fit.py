"""The training loop: it learns, stops anywhere and goes on with the same bits, and says what it did."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from pose.errors import TrainingError
from pose.maps import CPM_BODY, OPENPOSE_COCO
from pose.networks.cpm import Cpm, CpmConfig
from pose.networks.mobilenet_thin import MobilenetThin, MobilenetThinConfig
from pose.parsing import encode
from pose.parsing.encode import encode_points
from pose.people import Person
from pose.skeleton import COCO_18, CPM_14
from pose.training import checkpoint
from pose.training.augment import PLAIN
from pose.training.batches import Ahead, AnnotatedImages, Batch, crops_of
from pose.training.cached import CachedFeatures
from pose.training.card import Card, write_model
from pose.training.datasets import read_annotations
from pose.training.evaluate import evaluate
from pose.training.fit import FitSettings, Rhythm, fit
from pose.training.initialise import initialise
from pose.training.losses import stage_losses, total_loss
from pose.training.rendered import render_dataset
from pose.weights.imported import read_folder

OUTPUTS = ("heatmaps", "pafs")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are done in one order, and small layers are faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Tiny(nn.Module):
    """Two stages; the second one gives fields alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 3, 3, padding=1)

    def each_stage(self, x: Tensor) -> list[tuple[Tensor | None, Tensor | None]]:
        y = self.first(x)
        return [(y[:, :2], y[:, 2:]), (None, self.second(y.relu()))]


class Noise:
    """Batches of noise whose truth is made of it."""

    def __len__(self) -> int:
        return 16

    def batch(self, number: int, size: int) -> Batch:
        x = torch.randn(size, 3, 8, 8, generator=torch.Generator().manual_seed(number))
        truth = {"heatmaps": x[:, :2], "pafs": x.flip(1)}
        return Batch((x,), truth, {name: torch.ones_like(value) for name, value in truth.items()})


def trained(folder: Path, kill_at: int = 0, stop_at: int = 0, **changes: object) -> Tiny:
    """A tiny network after 12 steps; with `kill_at` the process is no more behind that step."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    network = Tiny()

    def progress(step: int, _: int) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == stop_at:
            raise KeyboardInterrupt

    values: dict[str, object] = {"steps": 12, "batch": 2, "accumulate": 2, "learning_rate": 0.01, "average": 0.9}
    settings = FitSettings(**values | changes)  # type: ignore[arg-type] # of any of the fields
    fit(network, Noise(), OUTPUTS, folder, settings, rhythm=Rhythm(checkpoint_s=0, log_every=3), progress=progress)
    return network


def same(one: Path, other: Path) -> None:
    """Weights, averages, the optimiser's memory and the log agree to the last bit."""
    tensors, others = (load_file(folder / "checkpoint.safetensors") for folder in (one, other))
    assert tensors.keys() == others.keys()
    assert {name for name, value in tensors.items() if not value.equal(others[name])} == set()
    assert any(name.startswith("optimiser/") for name in tensors)
    assert [row["loss"] for row in rows(one)] == [row["loss"] for row in rows(other)]


def test_killed_and_gone_on_with_gives_the_same_bits(tmp_path: Path) -> None:
    trained(tmp_path / "whole")
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}; import torch; torch.set_num_threads(1)\n"
        f"import importlib.util as u; spec = u.spec_from_file_location('tests_fit', {__file__!r})\n"
        "module = u.module_from_spec(spec); spec.loader.exec_module(module)\n"
        f"from pathlib import Path; module.trained(Path({str(tmp_path / 'cut')!r}), 8)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert [row["step"] for row in rows(tmp_path / "cut")] == ["3", "6"]
    trained(tmp_path / "cut")
    same(tmp_path / "whole", tmp_path / "cut")


def test_the_other_optimiser_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    trained(tmp_path / "whole", optimiser="sgd")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", stop_at=8, optimiser="sgd")
    trained(tmp_path / "cut", optimiser="sgd")
    same(tmp_path / "whole", tmp_path / "cut")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_told(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(TrainingError, match=r"of a training with learning_rate 0\.01, not 0\.02; .*--restart"):
        trained(tmp_path, learning_rate=0.02)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(TrainingError, match="no checkpoint of this training"):
        trained(tmp_path)


def test_a_loss_that_is_no_number_stops(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower the learning rate and begin anew \(--restart\)"):
        trained(tmp_path, learning_rate=1e30, clip=None, optimiser="sgd")


@pytest.mark.parametrize(("at", "kept"), [("loss", [4]), ("weights", [])])
def test_nothing_that_is_no_number_is_judged_kept_or_saved(at: str, kept: list[int], tmp_path: Path) -> None:
    """Judged is behind every fourth step: the loss is none at the fifth, or the weights alone behind the fourth."""

    class Broken(Noise):
        def batch(self, number: int, size: int) -> Batch:
            batch = super().batch(number, size)
            if at == "loss" and number >= 4:
                batch.targets["pafs"].fill_(np.nan)
            return batch

    network = Tiny()
    found: list[int] = []

    def progress(step: int, _: int) -> None:
        if at == "weights" and step == 3:
            network.second.weight.register_hook(lambda gradient: gradient * np.nan)

    with pytest.raises(TrainingError, match=f"at step {5 if at == 'loss' else 4};"):
        fit(
            network, Broken(), OUTPUTS, tmp_path, FitSettings(steps=12, batch=4, clip=None),
            rhythm=Rhythm(checkpoint_s=0, evaluate_every=1), progress=progress,
            evaluate=lambda: {"ap": 0.0}, keep=lambda _, step: found.append(step),
        )  # fmt: skip
    assert found == kept
    saved = load_file(tmp_path / "checkpoint.safetensors")
    assert all(value.isfinite().all() for value in saved.values())


def test_of_equal_scores_the_later_and_the_next_score_decide(tmp_path: Path) -> None:
    found = iter([{"ap": 0.0, "pck": 0.3}, {"ap": 0.0, "pck": 0.2}, {"ap": 0.0, "pck": 0.3}])
    kept: list[int] = []
    told: list[str] = []
    fitted = fit(
        Tiny(), Noise(), OUTPUTS, tmp_path, FitSettings(steps=12, batch=4), rhythm=Rhythm(evaluate_every=1),
        evaluate=lambda: next(found), keep=lambda _, step: kept.append(step), say=told.append,
    )  # fmt: skip
    assert kept == [4, 12]
    assert fitted.best_step == 12
    assert [row["step"] for row in rows(tmp_path)] == ["4", "8", "12"]  # each evaluation is a row
    assert not any("nan" in line for line in told)


def test_what_an_older_checkpoint_does_not_tell_is_no_difference(tmp_path: Path) -> None:
    def going_on(**identity: object) -> None:
        settings = FitSettings(steps=1, batch=2)
        fit(Tiny(), Noise(), OUTPUTS, tmp_path, settings, identity={"network": "tiny"} | identity)

    going_on()
    going_on(net_height=64)
    with pytest.raises(TrainingError, match="of a training with network 'tiny', not 'other'"):
        going_on(network="other")


def test_accumulated_batches_are_as_one_large_one(tmp_path: Path) -> None:
    class Halves(Noise):
        def batch(self, number: int, size: int) -> Batch:
            whole = super().batch(number * size // 4, 4)
            part = slice(number * size % 4, number * size % 4 + size)
            cut = ({n: v[part] for n, v in side.items()} for side in (whole.targets, whole.masks))
            return Batch((whole.inputs[0][part],), *cut)

    found = []
    for batch, accumulate in ((4, 1), (2, 2)):
        torch.manual_seed(0)
        network = Tiny()
        folder = tmp_path / str(batch)
        folder.mkdir()
        settings = FitSettings(
            steps=3, batch=batch, accumulate=accumulate, optimiser="sgd", learning_rate=0.01, clip=None
        )
        fit(network, Halves(), OUTPUTS, folder, settings)
        found.append(network.first.weight.detach())
    assert torch.allclose(*found, atol=1e-6)


def test_the_rate_rises_then_falls_as_a_cosine() -> None:
    settings = FitSettings(steps=100, learning_rate=1.0, warm_up=0.1)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[54] == pytest.approx(0.01 + 0.99 * 0.5)
    assert rates[-1] == pytest.approx(0.01)
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_losses_are_masked_squares_of_each_stage() -> None:
    stages = [(torch.full((2, 3, 4, 4), 2.0), None), (torch.zeros(2, 3, 4, 4), torch.ones(2, 1, 4, 4))]
    targets = {"heatmaps": torch.zeros(2, 3, 4, 4), "pafs": torch.full((2, 1, 4, 4), 4.0)}
    masks = {"heatmaps": torch.ones(2, 3, 4, 4), "pafs": torch.ones(2, 1, 4, 4)}
    masks["heatmaps"][:, :, :2] = 0
    losses = stage_losses(stages, OUTPUTS, targets, masks)
    assert losses.tolist() == [3 * 4 / 2, 9]  # three channels of 2² in half of the cells; 3²
    assert total_loss(losses) == 15
    assert total_loss(losses, intermediate=False) == 9


def test_the_first_stage_may_have_a_truth_of_its_own() -> None:
    stages = [(torch.zeros(1, 1, 2, 2),)] * 3
    targets = {"heatmaps": torch.full((1, 1, 2, 2), 2.0), "first/heatmaps": torch.full((1, 1, 2, 2), 3.0)}
    masks = {"heatmaps": torch.ones(1, 1, 2, 2), "first/heatmaps": torch.ones(1, 1, 2, 2)}
    masks["first/heatmaps"][..., 0] = 0
    assert stage_losses(stages, ("heatmaps",), targets, masks).tolist() == [4.5, 4, 4]


def test_without_intermediate_supervision_earlier_outputs_are_free(tmp_path: Path) -> None:
    for intermediate in (True, False):
        folder = tmp_path / str(intermediate)
        folder.mkdir()
        torch.manual_seed(0)
        network = Tiny()
        before = network.first.weight.detach().clone()
        settings = FitSettings(steps=1, batch=2, learning_rate=0.1, intermediate=intermediate, weight_decay=0.0)
        network.second.requires_grad_(False).weight.zero_()  # nothing comes through the second stage
        fit(network, Noise(), OUTPUTS, folder, settings)
        assert network.first.weight.equal(before) == (not intermediate)


def test_batches_come_in_order_and_an_error_comes_through() -> None:
    def make(number: int) -> Batch:
        if number == 5:
            raise ValueError("five")
        return Batch((torch.tensor(number),), {}, {})

    assert [int(batch.inputs[0]) for batch in Ahead(make, 1, 5, threads=3)] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        list(Ahead(make, 0, 9))


def test_first_weights_keep_the_size_of_what_passes() -> None:
    network = MobilenetThin(MobilenetThinConfig(refinements=("both",)))
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    initialise(network, image)
    with torch.inference_mode():
        stages = network.each_stage(image)
    for heatmaps, pafs in stages:
        assert heatmaps[:, -1].mean() == pytest.approx(1, abs=0.1)  # background
        assert heatmaps[:, :-1].mean() == pytest.approx(0, abs=0.02)
        assert 0.01 < heatmaps[:, :-1].std() < 0.05
        assert pafs.std() == pytest.approx(0.02, abs=1e-3)


def test_first_weights_are_of_the_seed_alone() -> None:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    found = []
    for elsewhere in range(2):
        torch.manual_seed(elsewhere)  # torch's own start of a layer is drawn, its bias as well
        network = MobilenetThin(MobilenetThinConfig(refinements=("both",)))
        initialise(network, image, seed=3)
        found.append(network.state_dict())
    assert [name for name, value in found[0].items() if not value.equal(found[1][name])] == []


def test_people_are_learnt_from_rendered_images(tmp_path: Path) -> None:
    """From nothing, by a very small network, judged on what it has seen: the loss halves, joints get their places."""
    data = read_annotations(*render_dataset(tmp_path / "data", 2, (128, 128), people=(1, 1)), COCO_18)
    images = AnnotatedImages([data], OPENPOSE_COCO, (128, 128), PLAIN)
    config = MobilenetThinConfig(
        stem=16, backbone=((16, 1), (32, 2), (32, 1), (48, 2), (48, 1)), taps=(2, 3, 4), hidden=32, bottleneck=48,
        refinements=("both",),
    )  # fmt: skip
    network = MobilenetThin(config)
    initialise(network, images.batch(0, 2).inputs[0].float())
    before = evaluate(network, OPENPOSE_COCO, data.samples, 128)
    settings = FitSettings(steps=80, batch=2, learning_rate=1e-2, average=0.9)
    scores = []

    def judge() -> dict[str, float]:
        scores.append(evaluate(network, OPENPOSE_COCO, data.samples, 128))
        return scores[-1].as_dict()

    fit(network, images, OUTPUTS, tmp_path, settings, rhythm=Rhythm(log_every=10), evaluate=judge)
    losses = [float(row["loss"]) for row in rows(tmp_path)]
    assert losses[-1] < 0.5 * losses[0]
    assert before.pck < 0.1
    assert scores[-1].pck > 0.25
    assert (tmp_path / "events").is_dir()


def test_one_person_of_several_is_learnt_by_a_pose_machine(tmp_path: Path) -> None:
    """From nothing, by a very small one, on crops of two people that stand side by side."""
    layout = replace(CPM_BODY, size=64)
    data = read_annotations(*render_dataset(tmp_path / "data", 1, (96, 96), people=(2, 2)), CPM_14)
    images = AnnotatedImages([data], layout, (64, 64), PLAIN)
    network = Cpm(CpmConfig(15, n_stages=2, hidden=16, n_features=16, bottleneck=32))
    initialise(network, images.batch(0, 2).inputs[0].float())
    before = evaluate(network, layout, data.samples, 64)
    settings = FitSettings(steps=100, batch=2, learning_rate=1e-2, average=0.9)
    fit(network, images, ("heatmaps",), tmp_path, settings, evaluate=dict, rhythm=Rhythm(log_every=10))
    after = evaluate(network, layout, data.samples, 64)
    losses = [float(row["loss"]) for row in rows(tmp_path)]
    assert losses[-1] < 0.5 * losses[0]
    assert before.pck < 0.3
    assert after.pck > 0.6
    assert np.isnan(after.ap)  # nobody was to be found
    assert after.pckh > 0.6


class Ideal(nn.Module):
    """Gives the maps of people it was told of, whatever the image."""

    def __init__(self, people: list[Person]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self._people = people

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        maps = encode(self._people, OPENPOSE_COCO, *image.shape[-2:])
        return torch.from_numpy(maps.heatmaps)[None], torch.from_numpy(maps.pafs)[None]


def test_a_perfect_network_scores_one_and_a_shifted_one_nothing(tmp_path: Path) -> None:
    data = read_annotations(*render_dataset(tmp_path, 1, (320, 320), people=(1, 1)), COCO_18)
    points = data.samples[0].keypoints[0]
    for shift, score in ((0.0, 1.0), (150.0, 0.0)):
        person = np.column_stack([points + shift, np.ones(18)]).astype(np.float32)
        scores = evaluate(Ideal([Person(person, 1.0)]), OPENPOSE_COCO, data.samples, 320)
        assert (scores.ap > 0.85) == bool(score)
        assert scores.pck == pytest.approx(score, abs=0.06)
        assert np.isnan(scores.pckh)  # COCO has no top of the head


class IdealOfOne(nn.Module):
    """Believes in joints at places of the crop, whatever the image, as much as it is told for each look."""

    def __init__(self, points: NDArray[np.float64], beliefs: Iterator[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self._points, self._beliefs = points, beliefs

    def forward(self, image: Tensor) -> tuple[Tensor]:
        belief = next(self._beliefs)
        points = self._points if belief > 0.5 else self._points + 300
        maps = encode_points(points[None], CPM_BODY, *image.shape[-2:])["heatmaps"]
        return (torch.from_numpy(belief * maps)[None],)


def test_curves_of_confidence_are_fitted_on_enough_people(tmp_path: Path) -> None:
    """Somebody is where they are said to be when the belief is .8, and outside of the crop when it is less."""
    data = read_annotations(*render_dataset(tmp_path, 1, (320, 320), people=(1, 1)), CPM_14)
    [sample] = data.samples
    [(_, crop)] = crops_of(sample, CPM_14, 368)
    points = crop.to_crop(sample.keypoints[0])
    for n, curves in ((99, False), (100, True)):
        many = [replace(sample, image_id=i) for i in range(n + 40)]
        scores = evaluate(IdealOfOne(points, chain([0.8] * n, [0.3] * 40)), CPM_BODY, many, 368)
        assert scores.pck == pytest.approx(n / (n + 40))
        found = scores.confidence
        assert found is not None
        assert (found.people, found.right, found.calibration is not None) == (n + 40, n, curves)
    assert found.calibration is not None
    assert found.calibration.people([0.0, 0.8]) == pytest.approx([0, 1], abs=0.05)
    assert found.calibration.joints([0.8]) == pytest.approx([1], abs=0.01)
    write_model(
        tmp_path,
        Tiny(),
        Card("cpm_mpi", 184, {"trained_on": "", "start": "", "held_out": ""}, "", "", {}),
        {},
        1,
        found,
    )
    _, info, entry = read_folder(tmp_path)
    assert info.calibration == found.calibration
    assert (entry.net_height, entry.layout.size) == (184, 184)  # it is shown crops as it was in training


def test_features_in_the_file_are_those_of_the_views(tmp_path: Path) -> None:
    data = read_annotations(*render_dataset(tmp_path / "data", 3, (64, 64)), COCO_18)
    images = AnnotatedImages([data], OPENPOSE_COCO, (64, 64))
    cached = CachedFeatures(images, lambda x: [x[:, :2, ::8, ::8] / 256], 2, tmp_path, batch=4)
    assert len(cached) == 6
    for number in range(3):
        batch = cached.batch(number, 2)
        [features] = batch.inputs
        assert features.shape == (2, 2, 8, 8)
        all_views = [torch.from_numpy(images.picture(n)).permute(2, 0, 1)[:2, ::8, ::8] / 256 for n in range(6)]
        for feature, target in zip(features, batch.targets["heatmaps"], strict=True):
            [same] = [n for n in range(6) if torch.allclose(all_views[n], feature, atol=1e-3)]
            assert np.array_equal(images.truth(same)[0]["heatmaps"], target.numpy())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is nearly full: a file can't grow beyond it."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    trained(tmp_path)
    before = sorted(tmp_path.glob("[!e]*"))
    card = Card("mobilenet_thin", 64, {"trained_on": "", "start": "", "held_out": ""}, "CC0-1.0", "", {})
    with files_of_at_most(1000):
        with pytest.raises(TrainingError, match=r"checkpoint\.safetensors: can't be written"):
            checkpoint.save(tmp_path / "checkpoint.safetensors", Tiny(), {}, torch.optim.SGD([torch.zeros(1)]), {})
        with pytest.raises(TrainingError, match=r"network\.safetensors: can't be written"):
            write_model(tmp_path, Tiny(), card, {}, 1)
    assert sorted(tmp_path.glob("[!e]*")) == before
    trained(tmp_path)  # the checkpoint before is whole


def test_features_take_their_space_at_once(tmp_path: Path) -> None:
    data = read_annotations(*render_dataset(tmp_path / "data", 2, (64, 64)), COCO_18)
    images = AnnotatedImages([data], OPENPOSE_COCO, (64, 64))
    taken: list[int] = []

    def features(x: Tensor) -> list[Tensor]:
        taken.extend(512 * file.stat().st_blocks for file in tmp_path.glob("*.npy"))
        return [x.new_zeros(1, 8, 64, 64)]

    CachedFeatures(images, features, 4, tmp_path, batch=1)
    assert min(taken) >= 2 * 8 * 8 * 64 * 64
    with files_of_at_most(1000), pytest.raises(TrainingError, match=r"no room for 1 MB of features .* lower --frozen"):
        CachedFeatures(images, features, 4, tmp_path, batch=1)
