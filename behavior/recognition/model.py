"""`ActionModel`: a trained classifier with all it needs to be trusted, in a folder without pickle.

`model.json` holds the schema (joints, unit, rate, classes), settings, calibration, data hash, versions, figures and
licence, and the sha256 of each part; `weights.safetensors` the learned arrays, and a few typical clips of what was
learnt (`behavior.recognition.examples`). Everything is verified when loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import ActionModelError, DataError
from behavior.labels import UNKNOWN, actions_of, all_actions, set_name
from behavior.recognition.classifiers.base import ActionClassifier
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import RATE_HZ, Clips
from behavior.recognition.examples import Examples
from behavior.recognition.rules import known_rules
from behavior.recognition.temperature import apply_temperature
from features.errors import FeatureError
from pose.layouts import BODY_13
from storage.errors import OutputError
from storage.formats.guard import MOST, ZIP_DAMAGE

FORMAT = "posescribe-action-model"
FORMAT_VERSION = 1
DEFAULT = "default"
"""Name of the model that ships inside the package."""

HEADER = "model.json"
_WEIGHTS = "weights.safetensors"
_UNIT = "torso"
_EXAMPLES = "examples."
_MISFITS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, MemoryError)
"""What a classifier raises on settings and parts that are not its own."""


@dataclass(frozen=True)
class ActionModelInfo:
    """What a report says about a model.

    Attributes:
        name: short name.
        classifier: kind of classifier.
        classes: actions it tells apart; `unknown` is none of them.
        joints: joints it looks at.
        sha256: hex digest of `model.json`, which holds those of the parts.
        licence: of the weights.
        data: what it was trained on: name, hash, clips, licence note.
        figures: measured accuracies, by name.
        versions: of the package and the libraries that trained it.
    """

    name: str
    classifier: str
    classes: tuple[str, ...]
    joints: tuple[str, ...]
    sha256: str
    licence: str
    data: dict[str, Any]
    figures: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Decoding:
    """How scores over time become bouts, by action; learnt from coded bouts, see `behavior.training.decoding`.

    Attributes:
        unknown_below: score under which an action is not claimed, in (0, 1).
        switch_s: price of leaving an action (or `unknown`), see `behavior.recognition.smoothing.viterbi`; seconds.
        min_bout_s: shorter bouts are dropped, seconds.
    """

    unknown_below: Mapping[str, float] = field(default_factory=dict)
    switch_s: Mapping[str, float] = field(default_factory=dict)
    min_bout_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ActionModel:
    """A trained, calibrated classifier.

    The classes of the classifier are sets of actions: most hold one, `unknown` none, and `walk + wave` two that hold at
    once. The score of an action is the sum over the sets that hold it. A class such as `unknown: walk` is a kind of
    `unknown`: the classifier learnt it, and the model does not claim it.

    Attributes:
        info: see `ActionModelInfo`; its sha256 is empty before the model is saved.
        classifier: fitted.
        temperature: probabilities are raised to 1/temperature and normalised (Guo et al., 2017).
        unknown_below: an action whose score is lower is not claimed, unless `decoding` has a threshold of its own.
        window_s: length of the windows that suit the training clips, seconds.
        prior: how much more often than in training an action is met in the videos to come, by name, 1 where left out;
            `recognise` weighs with it, `predict_proba` doesn't.
        rules: actions of `behavior.recognition.rules` that are looked for beside the learnt ones.
        decoding: of `recognise`; what is left out falls back to its settings.
        examples: typical clips of what it learnt; None where it keeps none.
    """

    info: ActionModelInfo
    classifier: ActionClassifier
    temperature: float = 1.0
    unknown_below: float = 0.4
    window_s: float = 4 / 3
    prior: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    decoding: Decoding = field(default_factory=Decoding)
    examples: Examples | None = None

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of what the classifier tells apart, `unknown` among them where it learnt it."""
        return tuple(
            dict.fromkeys(name if actions_of(name) else UNKNOWN for name in map(str, self.classifier.classes_))
        )

    @property
    def exclusive(self) -> bool:
        """Whether a person does one action at a time."""
        return all(len(actions_of(name)) < 2 for name in self.sets)

    @property
    def claimed_from(self) -> NDArray[np.float64]:
        """(C,) score from which on each action is claimed."""
        return np.array([self.decoding.unknown_below.get(action, self.unknown_below) for action in self.info.classes])

    def claims(self, scores: NDArray[np.floating]) -> list[str]:
        """The set of actions that each row of (S, C) scores claims; `unknown` for none."""
        rows = claimed(scores, self.claimed_from, self.exclusive)
        return [set_name(a for a, there in zip(self.info.classes, row, strict=True) if there) for row in rows]

    def set_proba(self, clips: Clips) -> NDArray[np.float64]:
        """(S, n) calibrated probabilities of `sets`; rows sum to 1."""
        scores = apply_temperature(self.classifier.predict_proba(clips), self.temperature)
        sets = np.array(self.sets)
        own = [name if actions_of(name) else UNKNOWN for name in map(str, self.classifier.classes_)]
        return np.asarray(scores @ (np.array(own)[:, None] == sets).astype(np.float64))

    def weighted_set_proba(self, clips: Clips) -> NDArray[np.float64]:
        """`set_proba` under the `prior` (Saerens et al., 2002); `unknown` has weight 1."""
        scores = self.set_proba(clips)
        scores *= [np.prod([self.prior.get(action, 1.0) for action in actions_of(name)]) for name in self.sets]
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        """(S, C) calibrated probabilities of `info.classes`.

        Where actions are exclusive, what a row lacks to 1 is the probability of `unknown`.
        """
        return np.asarray(self.set_proba(clips) @ self._members())

    def weighted_proba(self, clips: Clips) -> NDArray[np.float64]:
        """`predict_proba` under the `prior`."""
        return np.asarray(self.weighted_set_proba(clips) @ self._members())

    def _members(self) -> NDArray[np.float64]:
        """(n, C) 1 where a set holds an action."""
        return np.array([[float(action in actions_of(name)) for action in self.info.classes] for name in self.sets])


def claimed(scores: NDArray[np.floating], below: NDArray[np.float64], exclusive: bool) -> NDArray[np.bool_]:
    """(S, C) which actions the scores claim: those that reach their threshold, the best one only where one at a time.

    Args:
        scores: (S, C) of the actions.
        below: (C,) or (S, C) thresholds.
        exclusive: whether a person does one action at a time.
    """
    reached = scores >= below
    if exclusive:
        reached &= np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
    return np.asarray(reached)


def load_action_model(name_or_path: str | Path = DEFAULT) -> ActionModel:
    """Read a model: the shipped one by name, any other by its folder or zip.

    Raises:
        ActionModelError: not there, damaged, of another version, or not one of ours; one line with the remedy.
    """
    if os.path.islink(Path(name_or_path) / HEADER) or os.path.islink(Path(name_or_path) / _WEIGHTS):
        raise ActionModelError(f"{name_or_path}: holds links to files elsewhere; copy the files themselves into it")
    shipped = resources.files("behavior") / "models"
    place: Any = shipped / str(name_or_path) if str(name_or_path) == DEFAULT else Path(name_or_path)
    label = str(name_or_path)
    archive: zipfile.ZipFile | None = None
    if isinstance(place, Path) and place.is_file():
        try:
            archive = zipfile.ZipFile(place)
            if sum(member.file_size for member in archive.infolist()) > MOST:
                raise ActionModelError(f"{label}: unzips to more than an action model has")
        except ZIP_DAMAGE:
            raise ActionModelError(f"{label}: not an action model (expected a folder or zip with {HEADER})") from None
        place = zipfile.Path(archive)
    try:
        return _read(place, label)
    finally:
        if archive is not None:
            archive.close()


def _read(place: Any, label: str) -> ActionModel:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        text = (place / HEADER).read_bytes()
    except (FileNotFoundError, NotADirectoryError, KeyError):
        raise ActionModelError(
            f"{label}: no action model there (no {HEADER}); give {DEFAULT!r} or the folder that train wrote"
        ) from None
    except ZIP_DAMAGE as error:
        raise ActionModelError(f"{label}: {HEADER} can't be read: {' '.join(str(error).split())}") from None
    try:
        header = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ActionModelError(f"{label}: {HEADER} is not JSON ({error}); get the model again") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ActionModelError(f"{label}: {HEADER} is not of an action model of Posescribe")
    if header.get("format_version") != FORMAT_VERSION:
        raise ActionModelError(
            f"{label}: written in format {header.get('format_version')}, this version reads {FORMAT_VERSION}; "
            "use the Posescribe that wrote it or train it anew"
        )
    try:
        expected = header["parts"][_WEIGHTS]
        if header["unit"] != _UNIT or header["rate_hz"] != RATE_HZ:
            raise ActionModelError(
                f"{label}: made for {header['unit']} at {header['rate_hz']} Hz, not {_UNIT} at {RATE_HZ} Hz"
            )
        weights = (place / _WEIGHTS).read_bytes()
        if hashlib.sha256(weights).hexdigest() != expected:
            raise ActionModelError(f"{label}: {_WEIGHTS} is damaged (sha256 differs); get the model again")
        classes = tuple(header["classes"])
        classifier = make_classifier(header["classifier"], header["settings"])
        outputs = tuple(header.get("sets") or ((*classes, UNKNOWN) if header["background"] else classes))
        if set(all_actions(outputs)) != set(classes):
            raise ValueError(f"its sets {', '.join(outputs)} are not those of its actions {', '.join(classes)}")
        joints = tuple(header["joints"])
        parts = load(weights)
        for part, values in parts.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{part} in {_WEIGHTS} holds NaN or infinite numbers")
        kept = {name.removeprefix(_EXAMPLES): parts.pop(name) for name in list(parts) if name.startswith(_EXAMPLES)}
        examples = Examples.from_parts(header["examples"], kept) if header.get("examples") else None
        if examples is not None and joints != BODY_13:
            raise ValueError("it holds examples of other joints than its own")
        classifier.load_parts(parts, outputs, joints)
        trial = np.arange(8 * len(joints) * 2, dtype=np.float32).reshape(1, 8, len(joints), 2) % 7
        classifier.predict_proba(Clips(trial, np.array([8]), joints))  # parts of other joints or classes fail here
        info = ActionModelInfo(
            name=header["name"],
            classifier=header["classifier"],
            classes=classes,
            joints=joints,
            sha256=hashlib.sha256(text).hexdigest(),
            licence=header["licence"],
            data=header["data"],
            figures=header["figures"],
            versions=header["versions"],
        )
        return ActionModel(
            info,
            classifier,
            temperature=_above("temperature", header["temperature"]),
            unknown_below=_above("unknown_below", header["unknown_below"], 1),
            window_s=_above("window_s", header["window_s"]),
            prior={
                action: weight and _above(f"prior of {action}", weight) for action, weight in header["prior"].items()
            },
            rules=known_rules(header.get("rules", ())),
            decoding=_decoding(header.get("decoding", {})),
            examples=examples,
        )
    except FeatureError as error:
        raise ActionModelError(f"{label}: {error}; give the file of features it learnt from with --plugin") from None
    except (*ZIP_DAMAGE, *_MISFITS, SafetensorError, DataError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ActionModelError(f"{label}: damaged or incomplete ({what}); get the model again") from None


def _no_number(name: str) -> float:
    raise ValueError(f"holds {name}, expected numbers")


def _above(name: str, value: Any, below: float = np.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < below:
        raise ValueError(f"{name} is {value!r}, expected a number between 0 and {below:g}")
    return float(value)


def _decoding(values: dict[str, dict[str, Any]]) -> Decoding:
    limits = {"unknown_below": 1.0, "switch_s": np.inf, "min_bout_s": np.inf}
    return Decoding(
        **{
            name: {action: _above(f"{name} of {action}", value, limits[name]) for action, value in of_actions.items()}
            for name, of_actions in values.items()
        }
    )


def save_action_model(model: ActionModel, folder: str | Path) -> ActionModelInfo:
    """Write a model folder, weights first, so that a half-written one is never taken for whole; returns its info.

    Raises:
        OutputError: the folder can't be written.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    kept = {_EXAMPLES + name: value for name, value in model.examples.parts().items()} if model.examples else {}
    parts = model.classifier.parts() | kept
    weights = save({name: np.ascontiguousarray(value) for name, value in parts.items()})
    info = model.info
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": info.name,
        "classifier": info.classifier,
        "settings": dataclasses.asdict(model.classifier),
        "classes": list(info.classes),
        "background": UNKNOWN in model.sets,
        "sets": list(map(str, model.classifier.classes_)),
        "joints": list(info.joints),
        "unit": _UNIT,
        "rate_hz": RATE_HZ,
        "window_s": model.window_s,
        "temperature": model.temperature,
        "unknown_below": model.unknown_below,
        "prior": dict(model.prior),
        "rules": list(model.rules),
        "decoding": dataclasses.asdict(model.decoding),
        "examples": {"names": model.examples.names, "sources": model.examples.sources} if model.examples else None,
        "licence": info.licence,
        "data": info.data,
        "figures": info.figures,
        "versions": info.versions,
        "parts": {_WEIGHTS: hashlib.sha256(weights).hexdigest()},
    }
    text = (json.dumps(header, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HEADER).unlink(missing_ok=True)
        for name, content in ((_WEIGHTS, weights), (HEADER, text)):
            part = folder / f".{name}.part"
            part.write_bytes(content)
            os.replace(part, folder / name)
    except OSError as error:
        raise OutputError(f"{folder}: the model can't be written: {error.strerror or error}") from None
    return dataclasses.replace(info, sha256=hashlib.sha256(text).hexdigest())
