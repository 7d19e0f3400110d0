"""Features of people in space: joint angles, speeds in m/s, distances in m; CSV and Parquet with the units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from behavior.pipeline.scene import Scene
from features.metric import metric_description, metric_pair_table, metric_table, upright
from features.ranges import COLUMNS as RANGE_COLUMNS
from features.ranges import joint_ranges
from storage.files import blaming, replacing, write_bytes

Array = NDArray[np.float64]

_OTHER = {
    "person": "number of the person, from 1",
    "person_a": "number of the first person",
    "person_b": "number of the second person",
}


def write_features(scene: Scene, up: Array, out: Path, provenance: Mapping[str, Any]) -> None:
    """`features` of each person and, of several, `pairs` into a folder, as .csv, .parquet and .units.csv.

    And `joint_ranges.csv`, see `features.ranges`.

    Args:
        up: (3,) against gravity in the world, of length 1.
        provenance: what made the scene; kept in the Parquet files.
    """
    people = {one.stored.person: replace(one.cleaned, points=upright(one.cleaned.points, up)) for one in scene.people}
    tables = {"features": [({"person": n}, metric_table(one, frames=scene.frames)) for n, one in people.items()]}
    ranges = [joint_ranges(table).assign(**who) for who, table in tables["features"]]
    whole = pd.concat(ranges, ignore_index=True)[["person", *RANGE_COLUMNS]]
    write_bytes(out / "joint_ranges.csv", whole.to_csv(index=False).encode())
    if couples := list(combinations(people, 2)):
        tables["pairs"] = [
            ({"person_a": a, "person_b": b}, metric_pair_table(people[a], people[b])) for a, b in couples
        ]
    for name, parts in tables.items():
        units = parts[0][1].attrs["units"]
        whole = pd.concat([table.assign(**who) for who, table in parts], ignore_index=True)
        whole.attrs = {}
        who = list(parts[0][0])
        whole = whole[[*who, *whole.columns.drop(who)]]
        about = [
            {"column": column, "unit": units.get(column, ""),
             "description": _OTHER.get(column) or metric_description(column)}
            for column in map(str, whole.columns)
        ]  # fmt: skip
        write_bytes(out / f"{name}.csv", whole.to_csv(index=False).encode())
        write_bytes(out / f"{name}.units.csv", pd.DataFrame(about).to_csv(index=False).encode())
        _write_parquet(whole, about, out / f"{name}.parquet", provenance)


def _write_parquet(
    table: pd.DataFrame, about: list[dict[str, str]], path: Path, provenance: Mapping[str, Any]
) -> None:  # fmt: skip
    schema = pa.Schema.from_pandas(table, preserve_index=False)
    fields = [
        field.with_metadata({"unit": one["unit"], "description": one["description"]})
        for field, one in zip(schema, about, strict=True)
    ]
    schema = pa.schema(fields, {**schema.metadata, b"posescribe": json.dumps([provenance]).encode()})
    with replacing(path) as part, blaming(path):
        pq.write_table(pa.Table.from_pandas(table, schema, preserve_index=False), part, compression="zstd")
