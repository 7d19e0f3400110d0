"""Files of a training that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from pose.errors import TrainingError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well and is removed otherwise.

    Raises:
        TrainingError: it could not be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise TrainingError(
            f"{path}: can't be written ({reason}); see to space and rights in {path.parent}, then give the same command"
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
