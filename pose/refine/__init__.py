"""The joints of each person looked at again, alone and larger: a top-down stage behind any body network."""

from pose.refine.refiner import Refiner

__all__ = ["Refiner"]
