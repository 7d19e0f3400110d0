"""Support vectors and a network asked together."""

from __future__ import annotations

from dataclasses import dataclass, field

from sklearn.base import clone

from behavior.recognition.classifiers.base import ActionClassifier
from behavior.recognition.classifiers.ensemble import Ensemble
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.classifiers.temporal import TemporalClassifier


@dataclass(eq=False, repr=False, kw_only=True)
class MixedClassifier(Ensemble):
    """Statistics of whole clips, and a network that looks at their course."""

    svm: SupportVectorClassifier = field(default_factory=SupportVectorClassifier)
    temporal: TemporalClassifier = field(default_factory=TemporalClassifier)

    def _members(self) -> dict[str, ActionClassifier]:
        return {"svm": clone(self.svm), "temporal": clone(self.temporal)}
