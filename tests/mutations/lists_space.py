"""Faults of people in space: triangulated, cleaned, described, exported, drawn."""

from __future__ import annotations

from fault import Fault

_POINTS = ("tests/test_pose/test_multiview_triangulation.py",)
_COMMAND = ("tests/test_integration/test_triangulate.py",)
_ANGLES = ("tests/test_features/test_joints.py",)
_METRES = ("tests/test_features/test_metric.py",)
_PAGE = ("tests/test_integration/test_space_page.py",)
_ROBUST, _JOINTS, _METRIC = "pose/multiview/robust.py", "features/entries/joints.py", "features/metric.py"
_SCENE, _DRAWN, _C3D = "behavior/pipeline/scene.py", "behavior/report/space.py", "storage/formats/keypoints/c3d.py"
_SCRIPT = "behavior/report/script/space.js"

_ACTIONS, _ACTED = "behavior/recognition/in_space.py", ("tests/test_behavior/test_in_space.py",)

FAULTS: tuple[Fault, ...] = (
    Fault(_ACTIONS, '"front": np.cross(across, DOWN)', '"front": across', "nobody is seen from the front", _ACTED),
    Fault(_ACTIONS, "looks = {\"side\": across", "looks = {\"side\": DOWN[[1, 0, 2]]",
          "the side is one of the world", _ACTED),
    Fault(_ACTIONS, "points[..., 1]], axis=-1)", "-points[..., 1]], axis=-1)", "people stand on their heads", _ACTED),
    Fault(_ROBUST, "        others[left] = 0\n", "", "a camera is judged by itself, too", _POINTS),
    Fault(_ROBUST, "pixels[inside + lag]", "pixels[inside - lag]", "late is taken for early", _POINTS),
    Fault(_JOINTS, "np.arctan2(forward, -up)", "np.arctan2(-forward, -up)", "legs flex backwards", _ANGLES),
    Fault(_JOINTS, "np.arctan2(forward, _RIGHT[side] * right)", "np.arctan2(forward, right)",
          "the left arm has the right one's plane", _ANGLES),
    Fault(_JOINTS, "POLE_DEG = 15.0", "POLE_DEG = 2.0", "planes of hanging arms", _ANGLES),
    Fault(_METRIC, "slowest=0.25", "slowest=0.5", "who strolls has no heading", _METRES),
    Fault(_METRIC, "np.stack([across, -up, np.cross(across, -up)])", "np.stack([across, -up, np.cross(-up, across)])",
          "the world is mirrored", _METRES),
    Fault(_METRIC, "whole=Whole(trunk=1.0)", "whole=Whole(trunk=0.5)", "metres are half as long", _METRES),
    Fault(_SCENE, "trust = np.where(found.used, confidence, 0.0).sum(axis=0) / counted",
          "trust = np.ones(n_views.shape)", "missing joints are trusted", _COMMAND),
    Fault(_SCENE, "        clean(raw, cleaning),", "        raw,", "nothing is cleaned", _COMMAND),
    Fault(_SCENE, "np.where(cleaned.filled, 0.0, scene.residuals(one))", "scene.residuals(one)",
          "filled joints pass for measured", _COMMAND),
    Fault(_SCENE, "LATE_SHARE, LATE_PX = 0.5, 3.0", "LATE_SHARE, LATE_PX = 0.0, 3.0", "no clock is doubted", _COMMAND),
    Fault(_C3D, "np.where(there, measured, -1)", "np.where(there, measured, 0)", "missing joints are there", _COMMAND),
    Fault(_C3D, "np.clip(np.round(_PER_M * np.nan_to_num(residuals)), 1, _LARGEST)",
          "np.round(_PER_M * np.nan_to_num(residuals))", "what is measured well passes for made up", _COMMAND),
    Fault(_DRAWN, ".astype(\"<i2\")", ".astype(\">i2\")", "bytes the other way round", _PAGE),
    Fault(_DRAWN, "[scale, -scale]", "[scale, scale]", "the floor plan is mirrored", _PAGE),
    Fault(_SCRIPT, "scene.times[frame + 1] <= now", "frame + 1 <= now * 10", "it plays by another clock", _PAGE),
)  # fmt: skip
