"""All planted faults."""

from __future__ import annotations

from fault import Fault
from pose_faults import FAULTS as POSE

FAULTS: tuple[Fault, ...] = (*POSE,)
