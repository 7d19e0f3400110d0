"""All planted faults."""

from __future__ import annotations

import lists_bootstrapping
import lists_features
import lists_pose
import lists_recognition
import lists_report
import lists_sources
import lists_space
import lists_storage
import lists_studio
import lists_training
from fault import Fault

FAULTS: tuple[Fault, ...] = (
    *lists_pose.FAULTS, *lists_features.FAULTS, *lists_recognition.FAULTS, *lists_report.FAULTS,
    *lists_training.FAULTS, *lists_bootstrapping.FAULTS, *lists_studio.FAULTS, *lists_space.FAULTS,
    *lists_sources.FAULTS, *lists_storage.FAULTS,
)  # fmt: skip
