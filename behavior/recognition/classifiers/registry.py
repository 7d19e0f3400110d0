"""Classifiers by name, and their settings to JSON and back."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from behavior.errors import DataError
from behavior.recognition.classifiers.base import ActionClassifier

CLASSIFIERS = {
    "rules": ("behavior.recognition.classifiers.tree", "RulesClassifier"),
    "logistic": ("behavior.recognition.classifiers.linear", "LinearClassifier"),
    "forest": ("behavior.recognition.classifiers.forest", "ForestClassifier"),
    "boosting": ("behavior.recognition.classifiers.forest", "BoostingClassifier"),
    "svm": ("behavior.recognition.classifiers.svm", "SupportVectorClassifier"),
    "rocket": ("behavior.recognition.classifiers.rocket", "RocketClassifier"),
    "temporal": ("behavior.recognition.classifiers.temporal", "TemporalClassifier"),
    "graph": ("behavior.recognition.classifiers.graph", "GraphClassifier"),
    "ensemble": ("behavior.recognition.classifiers.ensemble", "EnsembleClassifier"),
}
"""Name to module and class; modules load when asked for, so that listing needs no torch."""


def classifier_type(name: str) -> type[ActionClassifier]:
    """The class of a classifier; raises `DataError` naming the known ones."""
    import importlib

    if name not in CLASSIFIERS:
        raise DataError(f"unknown classifier {name!r}; known: {', '.join(CLASSIFIERS)}")
    module, attribute = CLASSIFIERS[name]
    found: type[ActionClassifier] = getattr(importlib.import_module(module), attribute)
    return found


def make_classifier(name: str, settings: dict[str, Any] | None = None) -> ActionClassifier:
    """An unfitted classifier; `settings` as `dataclasses.asdict` gives them, defaults where left out."""
    kind = classifier_type(name)
    return kind(settings_from_dict(kind.settings_type, settings or {}))


def settings_from_dict(kind: type, values: dict[str, Any]) -> Any:
    """A settings dataclass from nested dictionaries; raises `ValueError` on unknown fields."""
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := set(values) - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    converted = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]) and isinstance(value, dict):
            converted[name] = settings_from_dict(typing.cast(type, hints[name]), value)
        else:
            converted[name] = tuple(value) if isinstance(value, list) else value
    return kind(**converted)
