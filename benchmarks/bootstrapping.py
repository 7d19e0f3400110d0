"""A network taught by four real cameras: how far it is off before and after, in a time and a camera held out.

    python benchmarks/bootstrapping.py [--keep DIR] [--json FILE]

All of Pose2Sim's demo of two people (100 frames a camera) is analysed with the default networks; `posescribe bootstrap`
labels what three of its cameras agree on in the first 1.2 s and trains the head of `movenet_fields` on it, once with
the demo's calibration and once with that of `posescribe adjust`. Distances in pixels of 1088×1920 from where people of
all other cameras are projected; see docs/bootstrapping.md. Takes half an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from common import Row, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli import main as posescribe
from pose.weights.assets import MULTIVIEW_SAMPLES, fetch


def run(*command: str | Path) -> None:
    """One command of the product; a failure ends the benchmark."""
    if posescribe([str(word) for word in command]) != 0:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder for analyses and trainings; those that are there are taken")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    demo = fetch(MULTIVIEW_SAMPLES) / "Demo_MultiPerson"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        db, adjusted = folder / "analysed" / "posescribe.db", folder / "adjusted.toml"
        own = demo / "calibration" / "Calib.qca.txt"
        if not db.exists():
            videos = sorted((demo / "videos").glob("*.mp4"))
            run("analyze", *videos, "--out", db.parent, "--actions", "none", "--no-overlay")
        if not adjusted.exists():
            run("adjust", db, "--calibration", own, "--synchronised", "--out", adjusted)
        for told, calibration in (("the demo's", own), ("adjusted", adjusted)):
            out = folder / told.replace(" ", "-").replace("'", "")
            run(
                "bootstrap", db, "--calibration", calibration, "--synchronised", "--out", out, "--window", "0.1",
                "--hold-out-camera", "cam04", "--net-size", "512",
            )  # fmt: skip
            table = pd.read_csv(out / "evaluation.csv")
            table = table[table.camera == "all"].set_index(["kind", "round"])
            for kind in ("time", "camera", "both"):
                before, after = table.loc[(kind, 0)], table.loc[(kind, 1)]
                rows.append(
                    {"case": f"{told} calibration, held out: {kind}", "engine": "posescribe",
                     "joints": int(before.joints)}
                    | {f"{name}_{when}": float(one[name]) for name in ("median_px", "found", "right")
                       for when, one in (("before", before), ("after", after))}
                )  # fmt: skip
    columns = {"case": "", "joints": "d"} | {
        f"{name}_{when}": ".1f" if name == "median_px" else ".1%"
        for name in ("median_px", "found", "right")
        for when in ("before", "after")
    }
    print_table(rows, columns)
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
