"""Several cameras that see the same people: calibration, who is who in which view, points of the world."""

from pose.multiview.camera import Camera
from pose.multiview.files import read_cameras, write_cameras
from pose.multiview.group import CameraGroup
from pose.multiview.matching import View, match_people
from pose.multiview.robust import Triangulated, held_out, lag_errors, placed_by_others, triangulate_robustly
from pose.multiview.synchronise import Offset, find_offset

__all__ = [
    "Camera",
    "CameraGroup",
    "Offset",
    "Triangulated",
    "View",
    "find_offset",
    "held_out",
    "lag_errors",
    "match_people",
    "placed_by_others",
    "read_cameras",
    "triangulate_robustly",
    "write_cameras",
]
