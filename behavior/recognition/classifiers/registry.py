"""Classifiers by name, and their settings to JSON and back."""

from __future__ import annotations

import dataclasses
import pkgutil
import typing
from typing import TYPE_CHECKING, Any

from behavior.errors import DataError

if TYPE_CHECKING:
    from behavior.recognition.classifiers.base import ActionClassifier

CLASSIFIERS = {
    "rules": "tree:RulesClassifier",
    "logistic": "linear:LinearClassifier",
    "forest": "forest:ForestClassifier",
    "svm": "svm:SupportVectorClassifier",
    "few_shot": "few_shot:FewShotClassifier",
    "rocket": "rocket:RocketClassifier",
    "temporal": "temporal:TemporalClassifier",
    "graph": "graph:GraphClassifier",
    "ensemble": "ensemble:EnsembleClassifier",
    "mixed": "mixed:MixedClassifier",
}
"""Name to module of this folder and class; modules load when asked for, so that listing needs no torch."""


def classifier_type(name: str) -> type[ActionClassifier]:
    """The class of a classifier; raises `DataError` naming the known ones."""
    if name not in CLASSIFIERS:
        raise DataError(f"unknown classifier {name!r}; known: {', '.join(CLASSIFIERS)}")
    found: type[ActionClassifier] = pkgutil.resolve_name(f"{__package__}.{CLASSIFIERS[name]}")
    return found


def make_classifier(name: str, settings: dict[str, Any] | None = None) -> ActionClassifier:
    """An unfitted classifier; `settings` as `dataclasses.asdict` gives them, defaults where left out.

    Raises:
        DataError: no such classifier, or no such setting of it.
    """
    made: ActionClassifier = _from_dict(classifier_type(name), settings or {})
    return made


def _from_dict(kind: type, values: dict[str, Any]) -> Any:
    """A dataclass from nested dictionaries."""
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := set(values) - known:
        raise DataError(f"{kind.__name__} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    converted = {}
    for name, value in values.items():
        wanted = typing.get_origin(hints[name]) or hints[name]
        if dataclasses.is_dataclass(wanted) and isinstance(value, dict):
            value = _from_dict(typing.cast(type, wanted), value)
        elif wanted is tuple and isinstance(value, list):
            value = tuple(value)
        elif wanted is float and type(value) is int:
            value = float(value)
        elif type(value) is not wanted:
            raise DataError(f"{kind.__name__}: {name} must be {wanted.__name__}, got {value!r}")
        converted[name] = value
    return kind(**converted)
