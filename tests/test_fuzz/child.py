"""A process that reads one file after the other, with little memory, and says how it went.

A line of JSON in (target, file name, its content in base64), a line out: `read`, `refused` with the message, or `fault`
with the traceback. A reader that takes the process with it, or never ends, is seen from outside.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

MEMORY = 2**30
"""Bytes that a reader may take beyond what the process has when it begins."""


def main() -> None:
    talk = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    faulthandler.enable()
    from tests.test_fuzz.targets import TARGETS

    for line in sys.stdin:
        target, name, content = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "in" / name
            path.parent.mkdir()
            path.write_bytes(base64.b64decode(content))
            print(json.dumps(answer(TARGETS[target], path)), file=talk, flush=True)


def answer(target, path: Path) -> tuple[str, str]:
    from behavior.errors import BehaviorError
    from features.errors import FeatureError
    from pose.errors import PoseError
    from storage.errors import StorageError

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
    try:
        target(path)
    except (PoseError, StorageError, FeatureError, BehaviorError) as error:
        message = str(error)
        return ("refused" if message.strip() else "fault"), message
    except Exception:
        return "fault", traceback.format_exc()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    return "read", ""


if __name__ == "__main__":
    main()
