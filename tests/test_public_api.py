"""What each package exports is a list, and everything on it is there and explained."""

from __future__ import annotations

import importlib
import inspect

import pytest

PACKAGES = ("pose", "features", "storage", "behavior")


@pytest.mark.parametrize("name", PACKAGES)
def test_exports_exist_and_are_documented(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__doc__
    assert sorted(set(package.__all__)) == sorted(package.__all__)
    for exported in package.__all__:
        value = getattr(package, exported)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{name}.{exported} has no docstring"


def test_the_contract_of_the_engine() -> None:
    from pose import PoseEngine

    assert {"device", "model", "open"} <= set(dir(PoseEngine))
    with pytest.raises(AttributeError, match="no attribute 'Engine'"):
        importlib.import_module("pose").Engine  # noqa: B018 - the access is what is tested
