"""Real parts shared by all tests: the pinned files, fetched once into the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from pose import assets

# Nothing in the tests measures time; the check of a change must not depend on the day's random examples.
settings.register_profile("posescribe", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("posescribe")


@pytest.fixture(scope="session")
def body_graph() -> Path:
    """The default network's frozen graph."""
    return assets.fetch(assets.MOBILENET_THIN_GRAPH)


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """Two people, 230 frames, 1768×994."""
    return assets.fetch(assets.SAMPLE_VIDEO)
