"""Every figure on the training report and the card, against an independent computation from the answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support

from behavior.cli import main
from behavior.recognition.clips import LabelledSequences, make_sequences, save_sequences
from behavior.recognition.temperature import apply_temperature
from behavior.report.card import model_card
from behavior.report.training import write_training_page
from behavior.training.figures import training_figures
from behavior.training.train import TrainSettings, train


@pytest.fixture(scope="module")
def world(small_world: LabelledSequences) -> LabelledSequences:
    """The small world with mistakes in its labels, clips labelled `unknown`, and a class known from one group only."""
    rng = np.random.default_rng(0)
    labels = small_world.labels.copy()
    assert small_world.groups is not None
    labels[rng.permutation(len(labels))[:8]] = rng.integers(0, 3, 8)
    labels[rng.permutation(len(labels))[:6]] = 3
    labels[np.flatnonzero(small_world.groups == 1)[:3]] = 4
    return make_sequences(
        small_world.joints, small_world.offsets, labels, (*small_world.classes, "unknown", "bow"),
        small_world.joint_names, small_world.groups, 30.0,
    )  # fmt: skip


def percent(value: float) -> str:
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%" if np.isfinite(value) else "–"


def test_every_printed_figure(world: LabelledSequences, tmp_path: Path) -> None:
    settings = TrainSettings(folds=3)
    quick = {"copies": 0}
    model, cv = train(world, "logistic", settings=settings, classifier_settings=quick)
    assert cv is not None
    assert cv.calibration is not None
    shown = training_figures(model, world, cv, settings, quick)
    write_training_page(model, shown, ["a note"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8").replace("&nbsp;", "\N{NO-BREAK SPACE}")
    page = ElementTree.fromstring(text[text.index("<main>") : text.index("</body>")])
    names = ["squat", "walk", "wave", "bow", "unknown"]
    assert model.info.figures["not_tested"] == ["bow"]

    tested = cv.folds.test_fold >= 0
    truth = np.array([world.classes[label] for label in world.labels])[tested]
    said = np.array(names)[cv.clean[tested].argmax(axis=1)]
    right = total = 0
    for fold in range(3):
        rows = cv.folds.test_fold == fold
        choice = cv.calibration.by_fold[fold]
        scores = apply_temperature(cv.clean[rows], choice.temperature)[:, :4]
        claims = scores.max(axis=1) >= choice.unknown_below
        own = np.array([world.classes[label] for label in world.labels])[rows]
        total += claims.sum()
        right += (np.array(names)[scores.argmax(axis=1)] == own)[claims].sum()
    keys = {one.findtext("dt"): one.findtext("dd") for one in page.iterfind(".//dl/div")}
    balanced = balanced_accuracy_score(truth, said) if set(said) <= set(truth) else None
    recalls = [np.mean(said[truth == name] == name) for name in np.unique(truth)]
    assert balanced is None or balanced == pytest.approx(np.mean(recalls))
    assert keys == {
        "Accuracy": percent(accuracy_score(truth, said)),
        "Balanced accuracy": percent(np.mean(recalls)),
        "Claims right": percent(right / total),
        "Clips claimed": percent(total / len(truth)),
        "Groups": "3",
    }

    table, matrix, decoding = page.iterfind(".//div[@class='wide']/table")
    scores = precision_recall_fscore_support(truth, said, labels=names, zero_division=np.nan)
    for name, row, *expected in zip(names, table.findall("tr"), *scores, strict=True):
        cells = ["".join(cell.itertext()) for cell in row]
        if name == "bow":
            assert [cell.strip() for cell in cells] == ["bow", "–", "–", "–", "0"]
        else:
            assert [cells[0], *(cell.split(" ")[0] for cell in cells[1:4]), cells[4]] == [
                name, *map(percent, expected[:3]), str(expected[3])
            ]  # fmt: skip
    counts = [[int(cell.text or 0) for cell in row.findall("td")] for row in matrix.findall("tr")]
    np.testing.assert_array_equal(counts, confusion_matrix(truth, said, labels=names))

    curve = page.findall(".//svg[@aria-label='Learning curve']//title")
    assert len(curve) == 4
    assert (curve[-1].text or "").endswith(keys["Balanced accuracy"])
    thresholds = {row.findtext("th"): row.findtext("td") for row in decoding.findall("tr")}
    assert thresholds == dict.fromkeys(["squat", "walk", "wave", "bow"], percent(model.unknown_below))

    card = model_card(model, "posescribe train")
    assert f"claimed from a score of {model.unknown_below:g}" in card
    for label, value in (
        ("balanced accuracy", np.mean(recalls)),
        ("claims that are right", right / total),
        ("clips for which an action is claimed", total / len(truth)),
    ):
        found = re.search(rf"\| {label} \| ([\d.]+) %", card)
        assert found is not None
        assert float(found[1]) == pytest.approx(100 * value, abs=0.06)


def test_evaluate_takes_what_train_takes(
    world: LabelledSequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = str(tmp_path / "data.npz"), str(tmp_path / "model")
    save_sequences(data, world)
    fast = ["--classifier", "logistic", "--settings", '{"copies": 0}', "--no-report"]
    assert main(["train", data, "--out", out, *fast]) == 0
    capsys.readouterr()
    assert main(["evaluate", out, data, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == ["squat", "walk", "wave", "bow", "unknown"]
    assert told["per_class"]["unknown"]["clips"] == int((world.labels == 3).sum())
    confusion = np.array(told["confusion"])
    assert told["accuracy"] == pytest.approx(np.trace(confusion) / len(world), abs=1e-4)
    assert told["balanced_accuracy"] == pytest.approx(np.mean(np.diag(confusion) / confusion.sum(axis=1)), abs=1e-4)
    assert main(["evaluate", out, data]) == 0
    shown = capsys.readouterr().out
    assert "{" not in shown
    assert re.search(rf"balanced accuracy +{told['balanced_accuracy']:.1%}\n", shown)

    assert main(["predict", out, data, "--out", str(tmp_path / "p.csv"), "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)
    assert sum(predicted["claims"].values()) == predicted["rows"] == len(world)
    assert predicted["claims"].get("unknown", 0) / len(world) == pytest.approx(1 - told["coverage"], abs=1e-4)


def test_names_that_differ_in_case_are_told(
    small_world: LabelledSequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    data = replace(small_world, classes=("squat", "Walk", "walk"))
    save_sequences(tmp_path / "data.npz", data)
    fast = ["--classifier", "logistic", "--settings", '{"copies": 0}', "--no-report", "--folds", "0"]
    assert main(["train", str(tmp_path / "data.npz"), "--out", str(tmp_path / "m"), *fast]) == 0
    assert "differ only in case" in capsys.readouterr().err
