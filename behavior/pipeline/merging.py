"""Databases of several machines, or of one recording each, into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from behavior.pipeline.progress import Narrator
from storage import open_database
from storage.errors import StorageError
from storage.merging import merge


def merge_all(out: str, sources: Sequence[str], narrator: Narrator) -> tuple[list[dict[str, Any]], list[str]]:
    """Adds each source to `out`; one that can't be read does not stop the others.

    Args:
        out: file or URL; made when it is not there.
        sources: files or URLs; one of an older version is brought to the newest schema.

    Returns:
        What came from each (see `storage.merging.Merged`), and a message for each source, recording or scene left out.
    """
    failed: list[str] = []
    readable: list[str] = []
    for source in sources:
        try:
            open_database(source, create=False).close()
            readable.append(source)
        except StorageError as error:
            if len(sources) == 1:
                raise
            failed.append(str(error))
    results: list[dict[str, Any]] = []
    if not readable:
        return results, failed
    with open_database(out) as target:
        for source in readable:
            with open_database(source, create=False) as opened:
                merged = merge(target, opened, lambda done, total: narrator.step("recordings", done, total))
            found = asdict(merged)
            failed += found.pop("refused")
            narrator.say(f"{opened.where}: " + ", ".join(f"{count} {name}" for name, count in found.items()) + " added")
            results.append({"database": opened.where, **found})
    return results, failed
