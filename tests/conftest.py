"""Real parts shared by all tests: the pinned files, fetched once into the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose import assets


@pytest.fixture(scope="session")
def body_graph() -> Path:
    """The default network's frozen graph."""
    return assets.fetch(assets.MOBILENET_THIN_GRAPH)


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """Two people, 230 frames, 1768×994."""
    return assets.fetch(assets.SAMPLE_VIDEO)
