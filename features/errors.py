"""Errors of the features package.

FeatureError
└── UnknownFeature      a name that the catalogue does not have
"""


class FeatureError(Exception):
    """Features can't be computed from what is there."""


class UnknownFeature(FeatureError):
    """A name that the catalogue does not have."""
