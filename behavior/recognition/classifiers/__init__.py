"""Action classifiers: one contract, one battery of tests."""

from behavior.recognition.classifiers.base import ActionClassifier

__all__ = ["ActionClassifier"]
