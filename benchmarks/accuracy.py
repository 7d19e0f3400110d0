"""The engine's people against COCO annotations: how good, how sure, at which cost, and what confidence is worth.

    python benchmarks/accuracy.py --images DIR --annotations FILE [--cases NAME...] [--turned DEGREES...] [--quick [N]]
        [--json FILE] [--plot FILE] [--reliability FILE] [--curves] [--keep DIR] [--device DEVICE]

The cases take turns image by image. `time` is the median over the images of the wall time over that of the case
`fields` on the same image, `processor` likewise of the processor time; one image at a time. Intervals hold 90 % of
200 resamples of the images: what other images of the kind would give, but not that thresholds were chosen on these.
`difference` is the AP minus that of `fields` on the same images. `--turned` shows the images turned clockwise, the
annotations with them, and how much of the upright AP is left.

`--reliability` and `--curves` hold confidence against the truth (see `pose.metrics.judge_confidence`): the expected
calibration error in ten bins, and curves that would mend it, with the error that is left when a curve is fitted on one
half of the images and used on the other. Ghosts are people who match nobody where everybody is annotated.

`--keep` saves what each case found; what lies there already is scored as it is and not run again. Times of different
runs are not compared.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import Row, commit, machine, print_table, write
from numpy.typing import NDArray

from pose.engine import DEFAULT_MODEL, EngineSettings, PoseEngine
from pose.metrics import (
    Claims,
    bin_confidence,
    calibration_error,
    fit_curve,
    judge_confidence,
    match_coco,
    resample,
    to_coco_results,
    turn_coco,
    turn_image,
)

CASES: dict[str, dict[str, Any]] = {
    "fast": {"accuracy": "fast"},
    "balanced": {"accuracy": "balanced"},
    "high": {"accuracy": "high"},
    "balanced, not refined": {"accuracy": "balanced", "refine": "none"},
    "fast, refined": {"accuracy": "fast", "refine": "movenet_thunder"},
    "balanced, bfloat16": {"accuracy": "balanced", "precision": "bfloat16"},
    "fields fast": {"model": "mobilenet_thin", "refine": "none", "accuracy": "fast"},
    "fields": {"model": "mobilenet_thin", "refine": "none"},
    "fields high": {"model": "mobilenet_thin", "refine": "none", "accuracy": "high"},
    "fields, refined": {"model": "mobilenet_thin"},
    "fields, refined, bfloat16": {"model": "mobilenet_thin", "precision": "bfloat16"},
}
"""Name to fields of `EngineSettings`, and `model` and `refine` where they are not the usual ones. `fields` are the part
affinity fields of mobilenet_thin: alone and `balanced`, they were the usual chain of version 0.1."""

REFERENCE = "fields"
UPRIGHT = 0


@dataclass
class Run:
    """What one case found on images turned by some degrees.

    Attributes:
        case: its settings, as in `CASES`.
        origin: model, device, runtime, machine and commit.
        session: one for all cases that took turns.
        images: ids, in the order of the times.
        wall_s, processor_s: of each image.
        results: COCO keypoints results.
    """

    case: dict[str, Any]
    origin: dict[str, str]
    session: str
    images: list[int] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)

    def on(self, images: Sequence[int]) -> Run:
        """The same on some of its images."""
        at = [self.images.index(image) for image in images]
        wall_s, processor_s = ([values[i] for i in at] for values in (self.wall_s, self.processor_s))
        results = [result for result in self.results if result["image_id"] in set(images)]
        return Run(self.case, self.origin, self.session, list(images), wall_s, processor_s, results)


def engine_of(case: Mapping[str, Any], device: str) -> PoseEngine:
    settings = dict(case)
    model, refine = settings.pop("model", DEFAULT_MODEL), settings.pop("refine", None)
    return PoseEngine(model, refine=refine, device=device, settings=EngineSettings(**settings), tracking=None)


def run(names: Sequence[str], content: Mapping[str, Any], folder: Path, degrees: int, device: str) -> dict[str, Run]:
    """Each case on each image, in turns."""
    session = uuid.uuid4().hex
    engines = {name: engine_of(CASES[name], device) for name in names}
    runs = {}
    for name, engine in engines.items():
        of_engine = {"model": engine.model.name, "sha256": engine.model.sha256, "device": engine.device}
        origin = of_engine | {"runtime": engine.runtime, "machine": machine(), "commit": commit()}
        runs[name] = Run(CASES[name], origin, session)
    for done, entry in enumerate(content["images"]):
        image = cv2.imread(str(folder / entry["file_name"]))
        if image is None:
            sys.exit(f"{folder / entry['file_name']}: no readable image, but the annotations name it: check --images")
        image = turn_image(np.asarray(image, dtype=np.uint8), degrees)
        if done == 0:
            for engine in engines.values():
                engine.detect([image])  # first calls take longer
        first = done % len(names)
        for name in [*names[first:], *names[:first]]:
            wall, processor = time.perf_counter(), time.process_time()
            (people,) = engines[name].detect([image])
            runs[name].processor_s.append(time.process_time() - processor)
            runs[name].wall_s.append(time.perf_counter() - wall)
            runs[name].images.append(entry["id"])
            runs[name].results += to_coco_results(entry["id"], people, engines[name].skeleton)
        print(f"\r{degrees}°: {done + 1} of {len(content['images'])} images", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return runs


def run_or_read(
    names: Sequence[str], content: Mapping[str, Any], folder: Path, degrees: int, device: str, keep: Path | None
) -> dict[str, Run]:
    """Runs what is not kept yet, and keeps it."""
    images = [image["id"] for image in content["images"]]
    files = (
        {name: keep / f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}_{degrees}.json" for name in names} if keep else {}
    )
    runs = {}
    for name, file in files.items():
        if file.exists():
            kept = Run(**json.loads(file.read_text()))
            if kept.case != CASES[name]:
                sys.exit(
                    f"{file}: kept of {kept.case}, but the case is {CASES[name]} now: delete it or rename the case"
                )
            if set(images) <= set(kept.images):
                print(f"{file}: kept of commit {kept.origin['commit'][:7]}, not run again", file=sys.stderr)
                runs[name] = kept.on(images)
    missing = [name for name in names if name not in runs]
    if missing:
        runs |= run(missing, content, folder, degrees, device)
        for name, file in files.items():
            if name in missing:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(asdict(runs[name])))
    return {name: runs[name] for name in names}


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """What holds 90 % of the resamples that have a value."""
    low, high = np.nanpercentile(values, [5, 95]) if np.isfinite(values).any() else (np.nan, np.nan)
    return float(low), float(high)


def cost(of: Run, reference: Run | None) -> Row:
    row: Row = {
        "median_ms": statistics.median(of.wall_s) * 1e3,
        "processor_ms": statistics.median(of.processor_s) * 1e3,
    }
    if reference is not None and reference.session == of.session:
        row["ratio_to"] = REFERENCE
        row["ratio"] = statistics.median(np.divide(of.wall_s, reference.wall_s).tolist())
        row["processor_ratio"] = statistics.median(np.divide(of.processor_s, reference.processor_s).tolist())
    return row


def score(runs: Mapping[int, Mapping[str, Run]], truths: Mapping[int, Path]) -> list[Row]:
    """One row for each turn and case."""
    n_images = len(next(iter(runs[UPRIGHT].values())).images)
    times = np.concatenate([np.ones((1, n_images), dtype=np.int64), resample(n_images)])  # first: each image once
    rows: list[Row] = []
    upright: dict[str, NDArray[np.float64]] = {}
    for degrees, cases in runs.items():
        scores = {name: match_coco(truths[degrees], of.results).score(times) for name, of in cases.items()}
        for name, (precision, recall) in scores.items():
            ap = precision[:, 0]
            row: Row = {"case": f"turned {degrees}°" if degrees else "upright", "engine": name}
            row |= {key: cases[name].origin[key] for key in ("model", "device", "runtime")}
            row |= cost(cases[name], cases.get(REFERENCE)) | {"images": n_images, "found": len(cases[name].results)}
            row |= {"ap": ap[0], "ap_interval": interval(ap[1:])}
            row |= {"ap_medium": precision[0, 1], "ap_medium_interval": interval(precision[1:, 1])}
            row |= {"ap_large": precision[0, 2], "ap_large_interval": interval(precision[1:, 2])}
            row |= {"ar": recall[0, 0], "ar_interval": interval(recall[1:, 0])}
            if REFERENCE in scores and name != REFERENCE:
                difference = ap - scores[REFERENCE][0][:, 0]
                row |= {"difference": difference[0], "difference_interval": interval(difference[1:])}
            if degrees:
                share = np.divide(ap, upright[name], out=np.full_like(ap, np.nan), where=upright[name] > 0)
                row |= {"of_upright": share[0], "of_upright_interval": interval(share[1:])}
            else:
                upright[name] = ap
            rows.append(row)
    return rows


def with_intervals(row: Row) -> Row:
    """For the table: the interval behind its value."""
    shown = dict(row)
    for key, form in {"ap": ".3f", "ap_medium": ".3f", "ap_large": ".3f", "ar": ".3f", "difference": "+.3f"}.items():
        if key in row:
            low, high = row[f"{key}_interval"]
            shown[key] = f"{row[key]:{form}} [{low:{form}}, {high:{form}}]"
    if "of_upright" in row:
        low, high = row["of_upright_interval"]
        shown["of_upright"] = f"{row['of_upright']:.2f} [{low:.2f}, {high:.2f}]"
    columns = {"AP": "ap", "AP medium": "ap_medium", "AP large": "ap_large", "AR": "ar", "of upright": "of_upright"}
    return (
        shown
        | {column: shown[key] for column, key in columns.items() if key in shown}
        | {column: row[key] for column, key in {"time": "ratio", "processor": "processor_ratio"}.items() if key in row}
    )


def left_error(claims: Claims) -> float:
    """Calibration error with curves, each fitted on one half of the images and used on the other."""
    half = np.isin(claims.image_id, np.unique(claims.image_id)[::2])
    calibrated = np.empty(len(half))
    for fitted_on in (half, ~half):
        points = fit_curve(Claims(claims.confidence[fitted_on], claims.right[fitted_on], claims.image_id[fitted_on]))
        calibrated[~fitted_on] = np.interp(claims.confidence[~fitted_on], *points.T)
    return calibration_error(Claims(calibrated, claims.right, claims.image_id))


def reliability(runs: Mapping[str, Run], truth: Path) -> tuple[list[Row], dict[str, dict[str, Claims]]]:
    """One row for the joints and one for the people of each case, and the claims behind them."""
    rows: list[Row] = []
    claims: dict[str, dict[str, Claims]] = {"joints": {}, "people": {}}
    for name, of in runs.items():
        judged = judge_confidence(truth, of.results)
        for what, some in (("joints", judged.joints), ("people", judged.people)):
            claims[what][name] = some
            rows.append(
                {
                    "case": f"confidence of {what}",
                    "engine": name,
                    "n": len(some.right),
                    "mean confidence": float(np.mean(some.confidence)),
                    "right": float(np.mean(some.right)),
                    "ECE": calibration_error(some),
                    "ECE with curve": left_error(some),
                    "bins": np.nan_to_num(bin_confidence(some)).tolist(),
                }
            )
        ghosts = judged.ghost_joints.confidence
        rows[-2] |= {"of ghosts": len(ghosts), "their confidence": float(np.mean(ghosts)) if len(ghosts) else 0.0}
    return rows, claims


def print_curves(claims: Mapping[str, Mapping[str, Claims]]) -> None:
    """Points of (confidence, share that is right), for `np.interp`."""
    for what, of_cases in claims.items():
        for name, some in of_cases.items():
            print(f"{what}, {name}: " + ", ".join(f"({x:.3f}, {y:.3f})" for x, y in fit_curve(some)))


def plot(rows: Sequence[Row], path: Path) -> None:
    """AP over time, upright; the processor's time on a CPU, as the wall's also tells of other programs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    time = "processor" if rows[0]["device"] == "cpu" else "wall"
    for row in rows:
        if "ratio" in row and row["case"] == "upright":
            ratio = row["processor_ratio" if time == "processor" else "ratio"]
            ap, (low, high) = row["ap"], row["ap_interval"]
            axes.errorbar(ratio, ap, yerr=[[ap - low], [high - ap]], fmt="o", capsize=3)
            axes.annotate(row["engine"], (ratio, ap), textcoords="offset points", xytext=(6, 4))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel=f"{time} time of an image over that of {REFERENCE}", ylabel="AP, with 90 % interval")
    axes.margins(x=0.25)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def plot_reliability(claims: Mapping[str, Mapping[str, Claims]], path: Path) -> None:
    """Share that is right over confidence, and below it how often each confidence is claimed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    for (upper, lower), (what, of_cases) in zip(grid.T, claims.items(), strict=True):
        upper.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--")
        for name, some in of_cases.items():
            confidence, right, n = bin_confidence(some).T
            (line,) = upper.plot(confidence, right, marker="o", label=f"{name}, ECE {calibration_error(some):.3f}")
            lower.step(np.linspace(0, 1, len(n) + 1), np.append(n, n[-1]), where="post", color=line.get_color())
        upper.set(title=what, ylim=(0, 1), xlim=(0, 1))
        upper.legend(fontsize="small")
        lower.set(xlabel="confidence")
        for axes in (upper, lower):
            axes.spines[["top", "right"]].set_visible(False)
    grid[0][0].set(ylabel="share that is right")
    grid[1][0].set(ylabel="number")
    figure.savefig(path, dpi=120)


def part_of(content: dict[str, Any], n: int | None) -> dict[str, Any]:
    """Annotations of about n images, evenly taken."""
    images = content["images"]
    if n is not None and n < len(images):
        images = [images[i] for i in np.linspace(0, len(images) - 1, n).round().astype(int)]
    ids = {image["id"] for image in images}
    return content | {"images": images, "annotations": [a for a in content["annotations"] if a["image_id"] in ids]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of the images that the annotations name")
    parser.add_argument("--annotations", type=Path, required=True, help="COCO person keypoints, JSON")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--turned", nargs="+", type=int, choices=(90, -90, 180), default=[], help="degrees, clockwise")
    parser.add_argument("--quick", nargs="?", type=int, const=40, metavar="N", help="some of the images only (40)")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--plot", type=Path, help="PNG of AP over time")
    parser.add_argument("--reliability", type=Path, help="PNG of confidence against correctness")
    parser.add_argument("--curves", action="store_true", help="print points that calibrate confidence")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="save what is found here; do not run what is here")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or tensorrt (cpu)")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    content = part_of(json.loads(arguments.annotations.read_text()), arguments.quick)
    with tempfile.TemporaryDirectory() as folder:
        runs, truths = {}, {}
        for degrees in dict.fromkeys([UPRIGHT, *arguments.turned]):
            runs[degrees] = run_or_read(
                arguments.cases, content, arguments.images, degrees, arguments.device, arguments.keep
            )
            truths[degrees] = Path(folder) / f"{degrees}.json"
            truths[degrees].write_text(json.dumps(turn_coco(content, degrees)))
        rows = score(runs, truths)
        judged, claims = reliability(runs[UPRIGHT], truths[UPRIGHT])

    origin = next(iter(runs[UPRIGHT].values())).origin
    print(f"{origin['machine']}; {origin['device']}; {len(content['images'])} images, 90 % intervals\n")
    columns = {"case": "", "engine": "", "AP": "", "difference": "", "AP medium": "", "AP large": "", "AR": ""}
    columns |= {"found": "", "median_ms": ".0f", "time": ".2f", "processor": ".2f"}
    if arguments.turned:
        columns |= {"of upright": ""}
    print_table([with_intervals(row) for row in rows], columns)
    if arguments.reliability or arguments.curves:
        columns = {"case": "", "engine": "", "n": "", "mean confidence": ".3f", "right": ".3f", "ECE": ".3f"}
        columns |= {"ECE with curve": ".3f", "of ghosts": "", "their confidence": ".3f"}
        print()
        print_table(judged, columns)
        rows += judged
    if arguments.curves:
        print()
        print_curves(claims)
    write(rows, arguments.json)
    if arguments.plot:
        plot(rows, arguments.plot)
    if arguments.reliability:
        plot_reliability(claims, arguments.reliability)


if __name__ == "__main__":
    main()
