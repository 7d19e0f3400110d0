"""Errors of the features package.

FeatureError
└── UnknownFeature      a name that the catalogue does not have
"""


class FeatureError(Exception):
    """Features can't be computed from what is there."""


class UnknownFeature(FeatureError):
    """A name that the catalogue does not have."""


def positive(**settings: float) -> None:
    """Raises `FeatureError` for the first setting that is not above 0."""
    for name, value in settings.items():
        if not value > 0:
            raise FeatureError(f"{name} must be above 0, got {value}")
