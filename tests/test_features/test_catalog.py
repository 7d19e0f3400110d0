from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.body import Body, FeatureSettings
from features.catalog import (
    CATALOGUE,
    Catalogue,
    bout_table,
    catalogue_markdown,
    feature_names,
    feature_table,
    pair_table,
    pair_window_table,
    window_table,
)
from features.errors import FeatureError, UnknownFeature
from features.registry import powers
from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import BODY_25, COCO_17, COCO_18, Skeleton

Make = Callable[..., PoseSequence]


PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalogue_markdown(), "run: python -m features > docs/features.md"


def test_the_command_that_the_page_names() -> None:
    done = subprocess.run([sys.executable, "-m", "features"], capture_output=True, check=True)
    assert done.stdout.decode() == catalogue_markdown()
    assert not done.stderr


def test_the_example_of_the_page_runs(make: Make) -> None:
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {"sequence": make(4)}
    try:
        exec(code, names)
    finally:
        CATALOGUE.remove("wrist_gap")
    assert names["table"]["wrist_gap"].tolist() == [0.4] * 4  # type: ignore[index]  # a table


def test_every_entry_is_complete() -> None:
    assert len(CATALOGUE) >= 80
    for entry in CATALOGUE:
        assert f"| `{entry.name}` |" in catalogue_markdown()
        assert entry.formula.strip()
        assert entry.reference.strip()
        assert entry.nan.strip()


@pytest.mark.parametrize("skeleton", [COCO_17, COCO_18, BODY_25])
def test_columns_follow_from_the_layout(skeleton: Skeleton) -> None:
    names = skeleton.joints
    assert len(feature_names(names)) >= 150
    assert ("left_ankle_angle" in feature_names(names)) == (skeleton is BODY_25)
    assert {"centre_speed", "neck_angle", "trunk_inclination"} <= set(feature_names(names))
    assert "trunk_inclination" not in feature_names(names, 3)
    assert "left_wrist_z" in feature_names(names, 3)


def test_a_table_tells_units_and_steps(make: Make) -> None:
    sequence = replace(make(4), steps=("kalman(noise=0.02)",), unit="mm")
    table = feature_table(sequence, frames=[3, 4, 5, 9])
    assert list(table.columns[:3]) == ["frame", "time_s", "nose_x"]
    assert table["frame"].tolist() == [3, 4, 5, 9]
    assert table.attrs["steps"] == ["kalman(noise=0.02)"]
    assert table.attrs["units"]["centre_x"] == "mm"
    assert table.attrs["units"]["left_wrist_speed"] == "torso/s"
    assert set(table.attrs["units"]) == set(table.columns) - {"frame"}
    assert (table.drop(columns="frame").dtypes == np.float64).all()


def test_attributes_survive_parquet(make: Make, tmp_path: Path) -> None:
    table = feature_table(make(4))
    table.to_parquet(tmp_path / "features.parquet")
    back = pd.read_parquet(tmp_path / "features.parquet")
    assert back.attrs == table.attrs
    pd.testing.assert_frame_equal(back, table)


def test_a_track_of_detections_becomes_a_table() -> None:
    keypoints = np.zeros((3, 18, 3), dtype=np.float32)
    keypoints[..., 2] = 1
    keypoints[..., :2] = np.random.default_rng(1).uniform(0, 100, (3, 18, 2))
    keypoints[1, 4] = np.nan, np.nan, 0
    track = Track(1, np.arange(3), np.arange(3) / 25, keypoints, np.ones(3, dtype=np.float32), skeleton=COCO_18)
    table = feature_table(PoseSequence.from_track(track))
    assert table["right_wrist_x"].isna().tolist() == [False, True, False]


def test_a_feature_of_ones_own(make: Make) -> None:
    catalogue = Catalogue(CATALOGUE)

    @catalogue.feature(
        name="left_reach", unit="torso", formula="|left_wrist − right_shoulder| / torso", nan="a joint is missing",
        joints=("left_wrist", "right_shoulder"), reference="own",
    )  # fmt: skip
    def left_reach(body: Body) -> np.ndarray:
        return body.distance("left_wrist", "right_shoulder")

    assert "left_reach" not in CATALOGUE
    table = feature_table(make(3), ["left_reach", "centre_x"], catalogue=catalogue)
    assert table["left_reach"].tolist() == pytest.approx([np.hypot(40, 80) / 100] * 3)
    assert "left_reach_mean" in window_table(make(3), 1, 1, catalogue=catalogue)
    assert "left_reach" in catalogue_markdown(catalogue)
    with pytest.raises(ValueError, match="already a feature 'left_reach'"):
        catalogue.feature(name="left_reach", unit="1", formula="f", nan="never", reference="own")(left_reach)


def test_a_feature_of_the_wrong_shape_is_named(make: Make) -> None:
    catalogue = Catalogue()
    catalogue.feature(name="odd", unit="1", formula="f", nan="never", reference="own")(lambda _: np.zeros(99))
    with pytest.raises(FeatureError, match=r"feature odd gave an array of shape \(99,\), expected \(3,\)"):
        feature_table(make(3), catalogue=catalogue)


GOOD = {"name": "x", "unit": "1", "formula": "f", "nan": "never", "reference": "own"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "Left Knee"}, "lower case"),
        ({"unit": "furlong"}, "not understood"),
        ({"unit": "length"}, "contradict"),
        ({"invariant": ("shift",)}, "contradict"),
        ({"formula": " "}, "formula must be given"),
        ({"dimensions": (4,)}, "dimensions"),
        ({"mirror": 2}, "1 or -1"),
        ({"level": "video"}, "level"),
    ],
)
def test_entries_that_say_too_little_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Catalogue().feature(**{**GOOD, **wrong})(np.zeros)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("1", (0, 0)), ("length/s²", (1, -2)), ("torso²/s²", (0, -2)), ("Hz", (0, -1)), ("steps/min", (0, -1))],
)
def test_powers(unit: str, expected: tuple[int, int]) -> None:
    assert powers(unit) == expected


def test_names_that_cannot_be_had(make: Make) -> None:
    with pytest.raises(UnknownFeature, match="no feature 'left_knee_angel'; did you mean left_knee_angle"):
        feature_table(make(3), ["left_knee_angel"])
    with pytest.raises(FeatureError, match="left_ankle_angle needs left_knee, left_ankle, left_big_toe"):
        feature_table(make(3), ["left_ankle_angle"])
    with pytest.raises(FeatureError, match="cadence is a window feature"):
        feature_table(make(3), ["cadence"])
    with pytest.raises(FeatureError, match="pair_distance is a pair feature"):
        window_table(make(3), 1, 1, ["pair_distance"])
    with pytest.raises(FeatureError, match="no statistic 'mode'"):
        window_table(make(3), 1, 1, statistics=["mode"])
    with pytest.raises(FeatureError, match="same joints"):
        pair_table(make(3), replace(make(3), unit="m"))


def test_window_table(make: Make) -> None:
    time_s = np.arange(40) / 10
    sequence = make(40, 10, np.stack([time_s * 10, 0 * time_s], axis=1))
    table = window_table(sequence, 1.0, 1.0, ["centre_x", "centre_path_length"], statistics=("mean", "range"))
    assert list(table.columns) == [
        "start_s", "stop_s", "n_frames", "coverage", "centre_x_mean", "centre_x_range", "centre_path_length",
    ]  # fmt: skip
    np.testing.assert_allclose(table["centre_x_mean"], [4.5, 14.5, 24.5, 34.5])
    np.testing.assert_allclose(table["centre_x_range"], 9)
    np.testing.assert_allclose(table["centre_path_length"], 0.09)
    bouts = bout_table(sequence, [(2.0, 3.0), (0.0, 1.0), (50.0, 51.0)], ["centre_x"], statistics=("mean",))
    np.testing.assert_allclose(bouts["centre_x_mean"], [24.5, 4.5, np.nan])
    assert bouts["n_frames"].tolist() == [10, 10, 0]


def test_pair_window_table(make: Make) -> None:
    a = make(20)
    table = pair_window_table(a, replace(a, points=a.points + np.array([50, 0])), 1.0, 1.0, ["pair_distance"])
    np.testing.assert_allclose(table["pair_distance_mean"], [0.5, 0.5])
    assert table.attrs["units"]["pair_distance_max"] == "torso"


def test_a_body_is_computed_once(make: Make) -> None:
    calls: list[str] = []
    catalogue = Catalogue()
    catalogue.feature(name="ones", unit="1", formula="1", nan="never", reference="own")(
        lambda body: (calls.append("now"), np.ones(len(body)))[1]
    )
    body = Body(make(5))
    feature_table(body, catalogue=catalogue)
    window_table(body, 1, 1, catalogue=catalogue)
    assert calls == ["now"]
    with pytest.raises(ValueError, match="other settings"):
        feature_table(body, settings=FeatureSettings(hole_factor=9))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="hole_factor must be above 0"):
        FeatureSettings(hole_factor=0)
