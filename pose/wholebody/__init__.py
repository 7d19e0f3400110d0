"""Hands and faces of people whose bodies were found."""

from pose.wholebody.finder import PartFinder, usual_threshold

__all__ = ["PartFinder", "usual_threshold"]
