from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pose.sources.readahead import read_ahead


def test_same_items_in_the_same_order() -> None:
    assert list(read_ahead(range(100), depth=3)) == list(range(100))


def test_reads_no_further_than_its_depth() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    ahead = read_ahead(items(), depth=2)
    assert [next(ahead), next(ahead)] == [0, 1]
    # Two taken, two waiting, one more in the reader's hand, one being made.
    assert len(read) <= 6
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    ahead = read_ahead(items(), depth=8)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)
