"""What made a result: networks, models, settings, hashes, papers."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any

from behavior.pipeline.settings import one_or_all
from behavior.pipeline.stages import VERSION, Recording
from pose.weights.entries import NETWORKS
from storage.bouts import Bout
from storage.recordings import Recording as StoredRecording
from storage.runs import Run


def provenance_of(
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    action_run: Run | None,
    seconds: float,
    n_frames: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "posescribe": VERSION,
        "source": {
            "name": source_shown(recording.stored),
            "kind": recording.stored.kind,
            "sha256": recording.stored.sha256,
            "width": recording.stored.width,
            "height": recording.stored.height,
            "frames": n_frames,
            "skipped": pose_run.extra["skipped"],
        },
        "pose": {
            "model": pose_run.model_name,
            "sha256": pose_run.model_sha256,
            "licence": pose_run.extra.get("licence"),
            "refiner": _refiner(pose_run),
            "parts": {
                part: {"model": info["name"], "sha256": info["sha256"], "threshold": info.get("threshold")}
                for part, info in pose_run.extra.get("parts", {}).items()
            },
            "net_height": one_or_all(pose_run.extra.get("net_heights", ())),
            "device": pose_run.device,
            "runtime": pose_run.extra.get("runtime"),
            "load": pose_run.extra.get("load"),
        },
        "actions": {"model": action_run.model_name, "sha256": action_run.model_sha256} if action_run else None,
        "settings": {
            "pose": pose_run.settings,
            "track": track_run.settings,
            "actions": action_run.settings if action_run else None,
        },
        "started": pose_run.started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "notes": list(notes),
        "runs": {"pose": pose_run.id, "track": track_run.id, "actions": action_run.id if action_run else None},
    }


def evidence_of(bouts: Iterable[Bout], coded: Container[int]) -> list[dict[str, Any]]:
    """What spoke for each bout, as the report says where it is chosen: rule, model or human; None where not kept."""
    return [
        {
            "track_id": bout.track_id,
            "action": bout.action,
            "start_s": round(bout.start_s, 3),
            "stop_s": round(bout.stop_s, 3),
            "score": round(bout.score, 3),
            "by": "human" if bout.track_id in coded else (bout.evidence or "").partition(":")[0] or None,
            "evidence": bout.evidence,
            "repetitions": len(bout.repetitions),
        }
        for bout in bouts
    ]


def source_shown(stored: StoredRecording) -> str:
    """What a report says of a source: the name of its file, or its address without a password."""
    if "://" not in stored.uri:
        return PureWindowsPath(stored.uri).name or stored.name
    return re.sub(r"(?<=://)[^/@]*@", "", stored.uri)


def papers(pose: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Of the networks that this package knows."""
    others = [part for part in (pose["refiner"], *pose["parts"].values()) if part]
    names = dict.fromkeys([pose["model"], *(part["model"] for part in others)])
    return {name: NETWORKS[name].papers for name in names if name in NETWORKS}


def trust(action_run: Run | None) -> dict[str, Any] | None:
    """How right the action model was where it was tried; None where that is not known."""
    known = action_run.extra.get("trust", {}) if action_run else {}
    return known if known.get("coverage") is not None and known.get("claims_right") is not None else None


def _refiner(pose_run: Run) -> dict[str, Any] | None:
    """Name, hash and licence of the network that looked at each person again; not where a user's own lies."""
    refiner = pose_run.extra.get("refiner")
    if not refiner:
        return None
    return {"model": refiner["name"], "sha256": refiner["sha256"], "licence": refiner.get("licence")}
