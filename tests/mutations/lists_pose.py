"""Faults of tracking and parsing."""

from __future__ import annotations

from fault import Fault

_TRACKS = ("tests/test_pose/test_tracking.py",)
_PARSES = ("tests/test_pose/test_parsing.py",)
_SHARES = ("tests/test_pose/test_claims.py",)
_CROPPED = ("tests/test_pose/test_crops.py",)
_WHOLE = ("tests/test_pose/test_wholebody.py",)
_FINDER, _REGIONS = "pose/wholebody/finder.py", "pose/wholebody/regions.py"
_CLAIMS, _CROPS = "pose/refine/claims.py", "pose/refine/crops.py"
_IDENTITY, _TRACKER, _MOTION = (f"pose/tracking/{name}.py" for name in ("identity", "tracker", "motion"))
_ASSEMBLE, _LIMBS, _PEAKS = (f"pose/parsing/{name}.py" for name in ("assemble", "limbs", "peaks"))

_CUTS, _CUTTING = "pose/sources/cuts.py", "behavior/pipeline/cutting.py"
_CUT = ("tests/test_pose/test_cuts.py",)

FAULTS: tuple[Fault, ...] = (
    Fault(_CUTS, " // multiple * multiple", "", "parts begin within a clip", _CUT),
    Fault(_CUTS, "frame.time_s != times[frame.index]", "False", "parts begin with another frame", _CUT),
    Fault("pose/sources/stamps.py", "return np.sort(np", "return (np", "frames are counted as decoded", _CUT),
    Fault(
        _CUTTING, "    poses.append_camera(", "    (lambda *_: None)(",
        "the camera's shift is lost at seams", ("tests/test_integration/test_cutting.py",),
    ),
    Fault(_IDENTITY, "join_evidence: float = 1.5", "join_evidence: float = -5.0", "whoever may be one is", _TRACKS),
    Fault(_IDENTITY, "join_evidence: float = 1.5", "join_evidence: float = 6.0", "nobody is joined", _TRACKS),
    Fault(
        _IDENTITY, "0.5 * _gaussian(moved, _SAME_PLACE)", "0.0 * _gaussian(moved, _SAME_PLACE)",
        "nobody else comes where people leave", _TRACKS,
    ),
    Fault(
        _IDENTITY, "missed = moved - (before + after) / 2 * gap_s[:, None]", "missed = moved",
        "nobody walks while unseen", _TRACKS,
    ),
    Fault(_IDENTITY, "total[scene[first] != scene[second]]", "total[scene[first] < 0]", "joined across a cut", _TRACKS),
    Fault(_IDENTITY, "    work.suggest()\n", "", "nothing is suggested", _TRACKS),
    Fault(_IDENTITY, "    work.merge_duplicates()\n", "", "duplicates stay", _TRACKS),
    Fault(_IDENTITY, "    work.drop_ghosts()\n", "", "ghosts stay", _TRACKS),
    Fault(_TRACKER, "            self._camera += shift\n", "", "a jolt of the camera is forgotten", _TRACKS),
    Fault(_TRACKER, "max(2, len(recent) / 2)", "max(99, len(recent) / 2)", "jolts are not noticed", _TRACKS),
    Fault(_TRACKER, "        if broken:\n", "        if False:\n", "cuts are not noticed", _TRACKS),
    Fault(_TRACKER, "rows, columns = rows[~grown], columns[~grown]", "pass", "people may grow at once", _TRACKS),
    Fault(_TRACKER, "_MAX_GROWTH = 0.25", "_MAX_GROWTH = 0.02", "a zoom is a cut", _TRACKS),
    Fault(_TRACKER, "        self._scene += 1\n", "", "a cut is no new scene", _TRACKS),
    Fault(_TRACKER, "max_lost_s: float = 0.4", "max_lost_s: float = 0.1", "short gaps end tracks", _TRACKS),
    Fault(_TRACKER, "duplicate_similarity: float = 0.6", "duplicate_similarity: float = 1.6", "doubles start", _TRACKS),
    Fault(_TRACKER, "strong_score: float = 0.5", "strong_score: float = 0.05", "weak detections start tracks", _TRACKS),
    Fault(_TRACKER, "max_step_s: float = 2.0", "max_step_s: float = 20.0", "followed over a pause", _TRACKS),
    Fault(_MOTION, "drift: float = 0.4", "drift: float = 0.0", "at low frame rates people are lost", _TRACKS),
    Fault(_MOTION, "joint_memory_s: float = 1.0", "joint_memory_s: float = 9.0", "joints are never forgotten", _TRACKS),
    Fault(_ASSEMBLE, "_TOO_LONG = 2.5", "_TOO_LONG = 25.0", "limbs across the picture", _PARSES),
    Fault(_ASSEMBLE, "_TOO_LONG = 2.5", "_TOO_LONG = 0.8", "whole limbs are cut", _PARSES),
    Fault(_ASSEMBLE, "_LENGTH_MARGIN = 3.0", "_LENGTH_MARGIN = -3.0", "small bodies fall apart", _PARSES),
    Fault(_ASSEMBLE, "    if hips[0] >= 0:\n", "    if False:\n", "two legs are two people", _PARSES),
    Fault(_ASSEMBLE, "apart <= widest and apart < nearest", "apart < nearest", "legs of two people are one", _PARSES),
    Fault(
        _ASSEMBLE, "if a != b and joints[a] & joints[b] == 0:", "if a != b:", "joints stand twice", _PARSES
    ),
    Fault(_PEAKS, "rise_x = rise_x if centre == x else 1.0", "pass", "too sure at the sides", _PARSES),
    Fault(_PEAKS, "rise_y = rise_y if centre == y else 1.0", "pass", "too sure at the bottom", _PARSES),
    Fault(_PEAKS, "min(max(dx, -0.5), 0.5)", "0.0", "joints lie in the middle of cells", _PARSES),
    Fault(_LIMBS, "_REACH_FACTOR, _REACH_MARGIN = 2.0, 4.0", "_REACH_FACTOR, _REACH_MARGIN = 0.5, 0.0",
          "limbs are too short to be found", _PARSES),
    Fault(_CLAIMS, ">= theirs)", ">= 0)", "joints of who stands in front are taken", _SHARES),
    Fault(_CLAIMS, "_OWN = 0.25", "_OWN = 0.0", "one person is two", _SHARES),
    Fault(_CLAIMS, "_HIDDEN = 0.5", "_HIDDEN = 0.0", "hidden joints jump to wherever there is something", _SHARES),
    Fault(_CLAIMS, "np.fmin(claim.joints[:, 2], alone[:, 2])", "claim.joints[:, 2]", "hidden joints are sure", _SHARES),
    Fault(_CLAIMS, "key=lambda i: -", "key=lambda i: ", "the least sure come first", _SHARES),
    Fault(_CROPS, "_ROOM = 32.0", "_ROOM = 0.0", "no room beside narrow people", _CROPPED),
    Fault(_CROPS, "(high - low)[::-1] if quarters % 2 else high - low", "high - low", "lying crops stand", _CROPPED),
    Fault(_REGIONS, 'mirrored=side == "left"', "mirrored=False", "OpenPose is shown left hands", _WHOLE),
    Fault(_REGIONS, "if (seen[0] and hidden[1])", "if (False and hidden[1])", "in profile as in front", _WHOLE),
    Fault(_FINDER, "_SMALLEST_HAND = 30.0", "_SMALLEST_HAND = 14.0", "hands of a few pixels are looked at", _WHOLE),
    Fault(_FINDER, ">= _ONE * one.region.side", ">= -1", "one face is two people's", _WHOLE),
    Fault(_FINDER, "not off[key] > reach", "not off[key] < -reach", "hands lie anywhere", _WHOLE),
    Fault(_FINDER, "np.where(beliefs >= self._threshold", "np.where(beliefs >= -9", "faint joints are there", _WHOLE),
    Fault(_FINDER, "if self.once:", "if False:", "OpenPose looks twice", _WHOLE),
    Fault("pose/engine.py", "if entry.layout is FACE_LANDMARKS:", "if True:", "pupils twice", _WHOLE),
)  # fmt: skip
