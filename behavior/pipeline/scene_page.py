"""A scene as a page: `space.html`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.pipeline.scene import Scene
from behavior.report.space import SpacePage, write_space_page
from features.metric import upright

Array = NDArray[np.float64]


def write_page(
    scene: Scene,
    up: Array,
    out: Path,
    origin: Mapping[str, Any],
    reports: Mapping[str, str],
    videos: Mapping[str, tuple[str, float]],
) -> None:
    """`space.html` in a folder.

    Args:
        up: (3,) against gravity in the world, of length 1.
        origin: what made the scene, as in `run.json`.
        reports: of cameras, the ways to their recordings' reports.
        videos: of cameras, the ways to their videos and the times of their first frames, seconds of the scene.
    """

    def standing(points: Array) -> Array:
        """x and y on the floor, z up."""
        return upright(points, up)[..., [0, 2, 1]] * [1, 1, -1]

    settings = origin["settings"]
    told = {
        "program": f"posescribe {origin['posescribe']}",
        "calibration": f"{origin['calibration']}, sha256 {origin['calibration_sha256']}",
        "recordings": ", ".join(f"{one.camera.name}: {one.recording}" for one in scene.cameras),
        "offsets": ", ".join(f"{name} {seconds:+g} s" for name, seconds in settings["offsets_s"].items()),
        "pictures": ", ".join(f"{name} {fit}" for name, fit in settings["fits"].items()) or "as calibrated",
        "a view counts up to": f"{settings['limit_px']:g} px",
        "cleaning": ", ".join(origin["cleaning"]) or "none",
        "database": f"{origin['db']}, scene {origin['scene']}",
    }
    page = SpacePage(
        title=", ".join(dict.fromkeys(one.recording for one in scene.cameras)),
        skeleton=scene.skeleton,
        time_s=scene.time_s,
        people=[(one.stored.person, standing(one.cleaned.points)) for one in scene.people],
        cameras=[
            (one.camera.name, standing(one.camera.centre), standing(one.camera.world_to_camera[2]))
            for one in scene.cameras
        ],
        errors=scene.errors(),
        joint_errors=scene.joint_errors(),
        bones=scene.bones(),
        reports=reports,
        videos=videos,
        provenance=told,
    )
    write_space_page(page, out / "space.html")
