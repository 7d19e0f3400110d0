"""What the people of a scene do, as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.pipeline.scene import Scene
from behavior.recognition.in_space import recognise_in_space
from behavior.recognition.model import ActionModel
from features.metric import upright
from pose.layouts import has_body
from storage.files import write_bytes

COLUMNS = (
    "person", "action", "start_s", "stop_s", "duration_s", "start_frame", "stop_frame", "repetitions", "score",
    "evidence",
)  # fmt: skip


def write_actions(scene: Scene, up: NDArray[np.float64], model: ActionModel, out: Path) -> None:
    """`bouts.csv` of all people into a folder: an action from `start_s` to `stop_s`, seconds of the scene's clock.

    Args:
        up: (3,) against gravity in the world, of length 1.

    Raises:
        ActionModelError: the skeleton lacks joints that the model needs.
    """
    rows: list[tuple[object, ...]] = []
    for one in scene.people if has_body(scene.skeleton.joints) else ():
        points = upright(one.cleaned.points, up)
        for bout in recognise_in_space(one.stored.person, points, scene.frames, scene.time_s, scene.skeleton, model):
            rows.append((
                bout.track_id, bout.action, bout.start_s, bout.stop_s, bout.duration_s, bout.start_frame,
                bout.stop_frame, len(bout.repetitions) or None, bout.score, bout.evidence,
            ))  # fmt: skip
    write_bytes(out / "bouts.csv", pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False).encode())
