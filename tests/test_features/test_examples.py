"""The worked examples in the docstrings of `features` are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import features

MODULES = [m.name for m in pkgutil.walk_packages(features.__path__, "features.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.failed == 0


def test_there_are_examples_of_all_measures() -> None:
    for name in ("geometry", "kinematics", "relations"):
        module = importlib.import_module(f"features.{name}")
        for function in vars(module).values():
            if getattr(function, "__module__", "") == module.__name__ and not function.__name__.startswith("_"):
                assert ">>>" in function.__doc__ or function.__name__ in module.__doc__, function.__name__
