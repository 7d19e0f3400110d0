"""The model card: what a model was trained on, how well it does, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from behavior.recognition.model import ActionModel


def model_card(model: ActionModel, command: str, notes: str = "") -> str:
    """Markdown; every figure comes from `model.info`, `notes` is added as it stands."""
    info, figures = model.info, model.info.figures
    data = info.data
    lines = [
        f"# Action model `{info.name}`",
        "",
        f"Classifier: {info.classifier}. Actions: {', '.join(info.classes)}.",
        *([f"Found by rules beside these: {', '.join(model.rules)}."] if model.rules else []),
        f"Joints: {', '.join(info.joints)}; in torso lengths of the body itself, resampled to 30 Hz by timestamps.",
        f"Licence: {info.licence}.",
        "",
        "## Data",
        f"{data['name'] or 'Unnamed data'}: {data['clips']} clips, {len(info.classes)} actions, "
        f"{data['groups']} groups; sha256 of the arrays {data['sha256']}.",
        *[f"Of the fit: {note}." for note in data.get("notes", ())],
        "",
        "## Made by",
        "```",
        command,
        "```",
        "with " + ", ".join(f"{name} {version}" for name, version in info.versions.items()) + ".",
        "",
        "## Settings found by cross-validation",
        f"Temperature {model.temperature:g}; an action is claimed from a score of {_thresholds(model)}, below it is"
        f" `unknown`; windows of {model.window_s:g} s"
        + (f"; prior of `recognise`: {_weights(model)}" if model.prior else "")
        + ".",
        "",
    ]
    if figures:
        clean, noisy = figures["clean"], figures["noisy"]
        lines += [
            "## Figures",
            f"{figures['protocol']}. No clip was judged by a model that saw its group. Noisy: {noisy['missing']:.0%} "
            f"of the joints missing at random, the others moved by {noisy['jitter']:.0%} of the torso (Gaussian).",
            "",
            "| | clean | noisy |",
            "|---|---|---|",
            *[
                f"| {label} | {_percent(clean[key])} | {_percent(noisy[key])} |"
                for label, key in (
                    ("accuracy, when an answer must be given", "accuracy"),
                    ("balanced accuracy", "balanced_accuracy"),
                    ("clips for which an action is claimed", "coverage"),
                    ("claims that are right", "claims_right"),
                    ("expected calibration error", "calibration_error"),
                )
            ],
            f"| log-loss, nats | {clean['log_loss']:.3f} | {noisy['log_loss']:.3f} |",
            "",
            "| class | clips | precision | recall | F1 | recall, noisy |",
            "|---|---|---|---|---|---|",
            *[
                f"| {name} | {row['clips']} | "
                + " | ".join(_percent(row[key]) for key in ("precision", "recall", "f1"))
                + f" | {_percent(noisy['per_class'][name]['recall'])} |"
                for name, row in clean["per_class"].items()
            ],
            "",
            *(
                [f"Frames, each fold decoded as the others taught: {_frames(figures['frames'])}.", ""]
                if "frames" in figures
                else []
            ),
            "Reliability (clean): of the answers with a best probability in the bin, the share that was right.",
            "",
            "| mean probability | right | clips |",
            "|---|---|---|",
            *[f"| {mean:.2f} | {right:.2f} | {count:.0f} |" for mean, right, count in clean["reliability"] if count],
            "",
        ]
        if figures["not_tested"]:
            lines += [f"Not tested, since all their clips are of one group: {', '.join(figures['not_tested'])}.", ""]
        lines += [line for note in figures["notes"] for line in (f"{note[0].upper()}{note[1:]}.", "")]
    if model.examples:
        lines += [
            "## Examples",
            "Typical clips of what it learnt, a few poses of each kept with it. A report shows beside each claim the"
            " three that it is most like.",
            "",
            "; ".join(
                f"{name} ({source})" for name, source in zip(model.examples.names, model.examples.sources, strict=True)
            )
            + ".",
            "",
        ]
    return "\n".join(lines) + ("\n" + notes.strip() + "\n" if notes else "")


def _thresholds(model: ActionModel) -> str:
    own = [f"{name} {below:g}" for name, below in model.decoding.unknown_below.items()]
    others = len(own) < len(model.info.classes)
    return ", ".join([*own, *([f"{'others ' if own else ''}{model.unknown_below:g}"] if others else [])])


def _weights(model: ActionModel) -> str:
    return ", ".join(f"{name} ×{weight:g}" for name, weight in model.prior.items())


def _frames(frames: Mapping[str, Any]) -> str:
    told = f"mean F1 {_percent(frames['f1'])}"
    for about, found in (("", frames), ("; of what counted in the database when it was trained", frames.get("now"))):
        if found and "accuracy" in found:
            kappa = "–" if found["kappa"] is None else f"{found['kappa']:.2f}"
            told += f"{about}, {_percent(found['accuracy'])} named as the human did, kappa {kappa}"
    return told


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
