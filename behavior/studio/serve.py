"""Runs the studio until it is stopped."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from behavior.errors import BehaviorError
from behavior.pipeline.progress import Narrator
from behavior.studio.jobs import Jobs
from behavior.studio.shelf import Shelf
from behavior.studio.work import Work


def serve(databases: Sequence[str], out: Path | None, port: int, narrator: Narrator, *, browser: bool) -> None:
    """Serves the databases on 127.0.0.1; tells the address, and opens it if `browser`.

    Raises:
        BehaviorError: the extra `studio` is not installed.
        StorageError: a database can't be opened.
        OSError: the port is taken.
    """
    try:
        import uvicorn

        from behavior.studio.app import make_app
    except ImportError as error:
        raise BehaviorError(f"the studio needs {error.name}; pip install 'posescribe[studio]'") from error
    shelf = Shelf(databases, out, narrator)
    work = Work(shelf, Jobs())
    try:
        with socket.create_server(("127.0.0.1", port)) as listener:
            token, port = secrets.token_urlsafe(24), listener.getsockname()[1]
            address = f"http://127.0.0.1:{port}/{token}/"
            narrator.say(f"the studio is at {address} (Ctrl-C ends it)")
            if browser:
                webbrowser.open(address)
            config = uvicorn.Config(
                make_app(shelf, work, token, port),
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
            )
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        work.close()
        shelf.close()
