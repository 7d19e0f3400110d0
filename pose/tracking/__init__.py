"""Who is who over time: a streaming tracker, and a second look over the whole recording.

`Tracker.update` gives people of each frame the ids of their tracklets; `resolve` maps tracklets to people.
"""

from pose.tracking.edits import Edit, Segment, apply_edit, names_after, take_back
from pose.tracking.identity import Decision, Resolution, ResolveSettings, resolve, track_people
from pose.tracking.motion import MotionSettings
from pose.tracking.tracker import Tracker, TrackerSettings
from pose.tracking.tracklets import Meeting, Tracklet

__all__ = [
    "Decision",
    "Edit",
    "Meeting",
    "MotionSettings",
    "Resolution",
    "ResolveSettings",
    "Segment",
    "Tracker",
    "TrackerSettings",
    "Tracklet",
    "apply_edit",
    "names_after",
    "resolve",
    "take_back",
    "track_people",
]
