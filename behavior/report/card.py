"""The model card: what a model was trained on, how well it does, and how far to trust it."""

from __future__ import annotations

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
        f"Temperature {model.temperature:g}; a window or clip is `unknown` when its best probability is below "
        f"{model.unknown_below:g}; windows of {model.window_s:g} s"
        + (f"; prior of `recognise`: {_weights(model)}" if model.prior else "")
        + ".",
        "",
    ]
    if figures:
        clean, noisy = figures["clean"], figures["noisy"]
        lines += [
            "## Figures",
            f"{figures['protocol']}; no clip was judged by a model that saw its group. Noisy: {noisy['missing']:.0%} "
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
            "| action | clips | recall, clean | recall, noisy |",
            "|---|---|---|---|",
            *[
                f"| {name} | {count} | {_percent(clean['recall'][name])} | {_percent(noisy['recall'][name])} |"
                for name, count in zip(data.get("classes", info.classes), data["clips_per_class"], strict=True)
            ],
            "",
            "Reliability (clean): of the answers with a best probability in the bin, the share that was right.",
            "",
            "| mean probability | right | clips |",
            "|---|---|---|",
            *[f"| {mean:.2f} | {right:.2f} | {count:.0f} |" for mean, right, count in clean["reliability"] if count],
            "",
        ]
        if figures["not_tested"]:
            lines += [f"Not tested, since all their clips are of one group: {', '.join(figures['not_tested'])}.", ""]
    return "\n".join(lines) + ("\n" + notes.strip() + "\n" if notes else "")


def _weights(model: ActionModel) -> str:
    return ", ".join(f"{name} ×{weight:g}" for name, weight in model.prior.items())


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
