"""Action classifiers: one contract, one battery of tests, model files without pickle."""

from behavior.recognition.classifiers.base import ActionClassifier
from behavior.recognition.model import ActionModel, ActionModelInfo, load_action_model, save_action_model

__all__ = ["ActionClassifier", "ActionModel", "ActionModelInfo", "load_action_model", "save_action_model"]
