from __future__ import annotations

import numpy as np
import pytest

from pose.backends.base import ModelInfo
from pose.confidence import CALIBRATIONS, Calibration, Curve, calibration_of
from pose.weights.zoo import NETWORKS

RAW = np.linspace(-0.5, 1.5, 401)


def network(name: str, calibration: Calibration | None = None) -> ModelInfo:
    return ModelInfo(name, "0" * 64, "this test", "Apache-2.0", calibration)


def rises_in_unit(curve: Curve) -> bool:
    found = curve(RAW)
    return bool(np.all(np.diff(found) >= 0) and found[0] >= 0 and found[-1] <= 1)


def test_curves_rise_from_zero_to_one_at_most() -> None:
    for calibration in (calibration_of(network("own"), None), *CALIBRATIONS.values()):
        for curve in (calibration.joints, calibration.people):
            assert len(curve.raw) == len(curve.calibrated) >= 2
            assert np.all(np.diff(curve.raw) > 0)  # what interpolation takes for granted
            assert rises_in_unit(curve)
            assert curve(0.9) > curve(0.05)  # it tells the sure from the unsure


def test_curves_are_of_networks_that_there_are() -> None:
    for body, refiner in CALIBRATIONS:
        assert NETWORKS[body].role == "body"
        assert refiner is None or NETWORKS[refiner].role == "refiner"


def test_networks_of_ones_own_are_taken_as_they_are() -> None:
    values = np.linspace(0, 1, 11)
    alone, refined = (calibration_of(network("own"), behind) for behind in (None, network("movenet_thunder")))
    assert alone.missing == refined.missing == ["joints", "people"]
    for curve in (refined.joints, alone.people):
        found = curve(values)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, atol=1e-7)


def test_between_its_points_a_curve_is_straight_and_beyond_them_constant() -> None:
    curve = Curve((0.2, 0.4, 0.8), (0.1, 0.5, 0.6))
    np.testing.assert_allclose(curve([0.0, 0.2, 0.3, 0.6, 0.8, 1.0]), [0.1, 0.1, 0.3, 0.55, 0.6, 0.6], rtol=1e-6)


def test_a_calibration_is_of_body_and_refiner(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Calibration(Curve((0.0, 1.0), (0.0, 0.5)), Curve((0.0, 1.0), (0.0, 0.9)))
    monkeypatch.setitem(CALIBRATIONS, ("a", "b"), own)
    assert calibration_of(network("a"), network("b")) is own
    assert calibration_of(network("a"), None) is not own


def test_a_network_of_ones_own_brings_its_curves_whatever_it_is_called() -> None:
    own = Calibration(Curve((0.0, 1.0), (0.0, 0.5)), Curve((0.0, 1.0), (0.0, 0.9)))
    thunder = network("movenet_thunder")
    body = network("mobilenet_thin", own)
    assert calibration_of(body, None) is own
    behind = calibration_of(body, thunder)  # which does to joints what it does behind any body network
    assert behind.joints is calibration_of(network("mobilenet_thin"), thunder).joints
    assert behind.missing == ["people"]
    refined = calibration_of(network("movenet_multipose"), network("movenet_thunder", own))
    assert (refined.joints, refined.missing) == (own.joints, ["people"])


@pytest.mark.parametrize("wrong", [((), ()), ((0.0, 1.0), (0.0,)), ((1.0, 0.0), (0.0, 1.0)), ((0.0,), (np.nan,))])
def test_points_that_make_no_curve(wrong: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="a curve of confidence"):
        Curve(*wrong)
