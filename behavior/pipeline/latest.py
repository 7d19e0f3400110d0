"""A picture of how far an unfinished analysis is."""

from __future__ import annotations

from dataclasses import replace

import cv2

from behavior.pipeline.settings import Part
from behavior.report.drawing import Fit, draw_skeleton, fitted_size, person_colour
from pose.errors import SourceError
from pose.sources import open_source
from storage import poses, recordings, runs, skeletons
from storage.database import Database

SIDE = 480
"""Longer side of the picture, pixels."""


def latest_picture(database: Database, recording: int) -> bytes | None:
    """JPEG of the last frame whose people are stored, with their skeletons; None where there is none to show.

    Of the run of people that is not done, else of the newest. Raises `MissingError`.
    """
    with database.reading() as tx:
        stored = recordings.get_recording(tx, recording)
        found = sorted(
            (run for run in runs.list_runs(tx, recording) if run.stage == "pose"), key=lambda run: (run.done, -run.id)
        )
        last = poses.last_frame(tx, found[0].id) if found else None
        if last is None or stored.sha256 is None:
            return None
        skeleton = skeletons.skeleton_of(tx, found[0].id)
    people = next(iter(poses.iter_frames(database, found[0].id, after=last[0] - 1))).people
    part = replace(Part(**found[0].settings.get("part") or {}), start_s=last[1])
    try:
        with open_source(stored.uri, start_s=part.start_s, every=part.every, fps=part.fps) as source:
            frame = next(source, None)
    except SourceError:
        return None
    if frame is None or frame.index != last[0]:
        return None
    height, width = frame.image.shape[:2]
    fit = Fit((width, height), fitted_size(width, height, SIDE))
    picture = fit.image(frame.image)
    for number, person in enumerate(people, start=1):
        draw_skeleton(picture, fit.keypoints(person.keypoints), skeleton, person_colour(number))
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return jpeg.tobytes() if done else None
