"""Hands and faces of people whose bodies were found."""

from pose.wholebody.finder import PartFinder

__all__ = ["PartFinder"]
