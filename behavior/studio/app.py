"""The studio's server: loopback only, everything behind a random token in the address.

A page elsewhere in the browser can neither read nor write: it does not know the token, `Host` must be this machine's
(so that no foreign name can be pointed here), and what changes something must come from a page of this very address
(`Origin`). Only files of a recording's own report are served, by their listed names.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from behavior.errors import BehaviorError
from behavior.report.index import render_index
from behavior.studio.shelf import Conflict, Shelf
from storage.errors import MissingError, StorageError

MOST_BYTES = 5_000_000
"""Of one request."""
_HEADERS = {
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class Guard:
    """Lets through only what knows the token and comes from here; adds the headers."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        first = scope["path"].split("/")[1] if "/" in scope["path"] else ""
        answer = self._app
        if host not in self._hosts:
            answer = PlainTextResponse("not this machine", 421)
        elif not secrets.compare_digest(first.encode(), self._token.encode()):
            answer = PlainTextResponse("the address lacks the studio's token", 404)
        elif scope["method"] not in ("GET", "HEAD") and headers.get(b"origin") != f"http://{host}":
            answer = PlainTextResponse("from elsewhere", 403)
        elif int(headers.get(b"content-length", "0") or 0) > MOST_BYTES:
            answer = PlainTextResponse("too much at once", 413)

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS.items()]
            await send(message)

        await answer(scope, receive, guarded)


def make_app(shelf: Shelf, token: str, port: int) -> ASGIApp:
    """The application; see the top of the file."""

    async def start(_: Request) -> Response:
        return await run_in_threadpool(_start_page, shelf)

    async def file(request: Request) -> Response:
        place = _place(request)
        name = request.path_params["name"]
        if name == "scene.jpg":
            files = await run_in_threadpool(shelf.pictures, *place)
        else:
            files = await run_in_threadpool(shelf.report, *place) if name == "report.html" else shelf.files(*place)
        if name not in files:
            return PlainTextResponse("no such file of this recording", 404)
        return FileResponse(files[name], content_disposition_type="inline")

    async def seen(request: Request) -> Response:
        return JSONResponse({"seen": await run_in_threadpool(shelf.last_source, *_place(request))})

    async def save(request: Request) -> Response:
        said = await request.json()
        if not isinstance(said, dict):
            return PlainTextResponse("expected an object", 400)
        return JSONResponse(await run_in_threadpool(shelf.save, *_place(request), said))

    async def edit(request: Request) -> Response:
        said = await request.json()
        await run_in_threadpool(shelf.edit_people, *_place(request), said.get("rows", []))
        return JSONResponse({})

    def told(status: int) -> Callable[[Request, Exception], Response]:
        return lambda _, error: JSONResponse({"error": str(error)}, status)

    here = f"/{token}/{{database:int}}/{{recording:int}}"
    app = Starlette(
        routes=[
            Route(f"/{token}/", start),
            Route(f"{here}/labels", seen),
            Route(f"{here}/labels", save, methods=["POST"]),
            Route(f"{here}/tracks", edit, methods=["POST"]),
            Route(f"{here}/{{name}}", file),
        ],
        exception_handlers={
            Conflict: told(409), MissingError: told(404), StorageError: told(500), BehaviorError: told(400),
            ValueError: told(400),
        },
    )  # fmt: skip
    return Guard(app, token, port)


def _place(request: Request) -> tuple[int, int]:
    return request.path_params["database"], request.path_params["recording"]


def _start_page(shelf: Shelf) -> Response:
    page, policy = render_index(shelf.cards(), "Posescribe studio")
    return HTMLResponse(page, headers={"content-security-policy": f"{policy}; frame-ancestors 'none'"})
