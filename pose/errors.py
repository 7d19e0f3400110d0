"""Errors of the pose package.

PoseError
├── AssetError      a pinned file could not be fetched, verified or read
├── ModelError      an unknown network, or a file that is not one of ours
├── DeviceError     the asked-for device is not there
├── LayoutError     a layout of the body that lacks joints
├── SourceError     an image, video or camera that can't be opened or read
│   └── UnreachableError   the machine that has it does not answer now
├── TrainingError   annotations that can't be learnt from, or a training that can't go on
└── CalibrationError   cameras that are not as their file should say, or that do not fit what they filmed

Each message is one line: what, where, what to do. Wrong arguments raise `ValueError` or `TypeError` instead.
"""


class PoseError(Exception):
    """The world is at fault; see the module's tree."""


class AssetError(PoseError):
    """A pinned file could not be fetched, verified or read."""


class ModelError(PoseError):
    """An unknown network, or a file that is not one of ours."""


class DeviceError(PoseError):
    """The asked-for device is not there."""


class SourceError(PoseError):
    """An image, video or camera that can't be opened or read."""


class UnreachableError(SourceError):
    """The machine that has a recording does not answer now; it may another time."""


class LayoutError(PoseError):
    """A layout of the body that lacks joints."""


class TrainingError(PoseError):
    """Annotations that can't be learnt from, or a training that can't go on."""


class CalibrationError(PoseError):
    """Cameras that are not as their file should say, or that do not fit what they filmed."""
