"""The studio's server: loopback only, everything behind a random token in the address.

A page elsewhere in the browser can neither read nor write: it does not know the token, `Host` must be this machine's
(so that no foreign name can be pointed here), and what changes something must come from a page of this very address
(`Origin`). Only files of a recording's own report are served, by their listed names.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from behavior.errors import BehaviorError, DataError
from behavior.report.blocks import read_block, without_blocks
from behavior.report.index import Place, render_index, render_waiting
from behavior.report.models import render_models
from behavior.studio import uploads
from behavior.studio.shelf import Conflict, Shelf
from behavior.studio.work import KINDS, Work
from pose.sources import VIDEO_SUFFIXES
from storage.errors import MissingError, StorageError

MOST_BYTES = 5_000_000
"""That one request may bring, but an upload, which the disk limits."""
_HEADERS = {
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Of every answer that does not say otherwise."""


PATIENCE_S = 1.5
"""After so long a page says that its report is being told anew, and looks again."""


class TooMuch(Exception):
    """More than `MOST_BYTES`, whatever the request said of its length."""


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
        left = math.inf if (scope["method"], scope["path"]) == ("PUT", f"/{self._token}/uploads") else MOST_BYTES

        async def limited() -> Any:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooMuch("too much at once")
            return message

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                own = {name for name, _ in given}
                message["headers"] = [*given, *((name, value) for name, value in _HEADERS.items() if name not in own)]
            await send(message)

        await answer(scope, limited, guarded)


def make_app(shelf: Shelf, work: Work, token: str, port: int) -> ASGIApp:
    """The application; see the top of the file."""

    async def start(_: Request) -> Response:
        return await run_in_threadpool(_start_page, shelf, work)

    async def models(request: Request) -> Response:
        return await run_in_threadpool(_models_page, shelf, work, request.path_params["database"])

    async def training(request: Request) -> Response:
        place = request.path_params["database"], request.path_params["name"]
        return FileResponse(await run_in_threadpool(work.training_page, *place), content_disposition_type="inline")

    async def train(request: Request) -> Response:
        said = await _said(request)
        await run_in_threadpool(work.train, request.path_params["database"], said.get("classifier"))
        return JSONResponse({})

    async def choose(request: Request) -> Response:
        said = await _said(request)
        await run_in_threadpool(work.choose, request.path_params["database"], said.get("sha256"))
        return JSONResponse({})

    async def jobs(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(work.state))

    async def begin(request: Request) -> Response:
        said = await _said(request)
        number = said.get("database")
        if not isinstance(number, int):
            raise DataError("say into which database")
        await run_in_threadpool(work.analyze, number, said.get("source", ""))
        return JSONResponse({})

    async def announce(request: Request) -> Response:
        said = await _said(request)
        number = _number(said.get("database"))
        shelf.database(number)
        place = shelf.folder(number)
        await run_in_threadpool(uploads.check, str(said.get("name")), _number(said.get("size")), place)
        return JSONResponse({})

    async def upload(request: Request) -> Response:
        asked = request.query_params
        number, size = _number(asked.get("database")), _number(asked.get("size"))
        shelf.database(number)
        try:
            path = await uploads.receive(asked.get("name", ""), size, request.stream(), shelf.folder(number))
        except ClientDisconnect:  # cancelled
            return Response(status_code=204)
        await run_in_threadpool(work.analyze, number, str(path))
        return JSONResponse({})

    async def resume(request: Request) -> Response:
        await run_in_threadpool(work.resume, *_place(request))
        return JSONResponse({})

    async def again(request: Request) -> Response:
        await run_in_threadpool(work.again, request.path_params["job"])
        return JSONResponse({})

    async def latest(request: Request) -> Response:
        picture = await run_in_threadpool(work.latest, *_place(request))
        if picture is None:
            return Response(status_code=204)  # there is none yet; no error for the browser to note
        return Response(picture, media_type="image/jpeg")

    async def stop(request: Request) -> Response:
        await run_in_threadpool(work.stop, request.path_params["job"])
        return JSONResponse({})

    async def file(request: Request) -> Response:
        place = _place(request)
        name = request.path_params["name"]
        if name == "report.html" and "studio" in request.query_params:
            told = await run_in_threadpool(shelf.report_within, *place, PATIENCE_S)
            if told is None:
                return _page(*render_waiting())
            files, stamp = told
            page = await run_in_threadpool(without_blocks, files["report.html"])
            meta = f'<head><meta name="posescribe" content="{escape(json.dumps(stamp))}">'
            return HTMLResponse(page.replace(b"<head>", meta.encode(), 1))
        if name == "scene.jpg":
            files = await run_in_threadpool(shelf.pictures, *place)
        else:
            files = await run_in_threadpool(shelf.report, *place) if name == "report.html" else shelf.files(*place)
        if name not in files:
            return PlainTextResponse("no such file of this recording", 404)
        return FileResponse(files[name], content_disposition_type="inline")

    async def block(request: Request) -> Response:
        place, name, digest = _place(request), request.path_params["name"], request.path_params["digest"]
        known = {"etag": f'"{digest}"', "cache-control": "private, max-age=31536000, immutable"}
        if request.headers.get("if-none-match") == known["etag"]:
            return Response(status_code=304, headers=known)
        page = shelf.files(*place).get("report.html")
        found = None if page is None else await run_in_threadpool(read_block, page, name, digest)
        if found is None:
            return PlainTextResponse("the report was told anew since; load its page again", 404)
        return Response(found, media_type="application/octet-stream", headers=known)

    async def state(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(shelf.stamp, *_place(request)))

    async def save(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(shelf.save, *_place(request), await _said(request)))

    async def edit(request: Request) -> Response:
        await run_in_threadpool(shelf.edit_people, *_place(request), await _said(request))
        return JSONResponse({})

    def told(status: int) -> Callable[[Request, Exception], Response]:
        def answer(request: Request, error: Exception) -> Response:
            if "text/html" in request.headers.get("accept", ""):  # somebody reads it
                return PlainTextResponse(str(error), status)
            return JSONResponse({"error": str(error)}, status)

        return answer

    base = f"/{token}/{{database:int}}"
    here = f"{base}/{{recording:int}}"
    app = Starlette(
        routes=[
            Route(f"/{token}/", start),
            Route(f"/{token}/jobs", jobs),
            Route(f"/{token}/jobs", begin, methods=["POST"]),
            Route(f"/{token}/uploads", announce, methods=["POST"]),
            Route(f"/{token}/uploads", upload, methods=["PUT"]),
            Route(f"/{token}/jobs/{{job:int}}/stop", stop, methods=["POST"]),
            Route(f"/{token}/jobs/{{job:int}}/again", again, methods=["POST"]),
            Route(f"{base}/model", models),
            Route(f"{base}/model/train", train, methods=["POST"]),
            Route(f"{base}/model/choose", choose, methods=["POST"]),
            Route(f"{base}/model/{{name}}/report.html", training),
            Route(f"{here}/state", state),
            Route(f"{here}/labels", save, methods=["POST"]),
            Route(f"{here}/tracks", edit, methods=["POST"]),
            Route(f"{here}/resume", resume, methods=["POST"]),
            Route(f"{here}/latest.jpg", latest),
            Route(f"{here}/block/{{name}}/{{digest}}", block),
            Route(f"{here}/{{name}}", file),
        ],
        exception_handlers={
            Conflict: told(409), MissingError: told(404), StorageError: told(500), BehaviorError: told(400),
            ValueError: told(400), TooMuch: told(413),
        },
    )  # fmt: skip
    return Guard(app, token, port)


def _place(request: Request) -> tuple[int, int]:
    return request.path_params["database"], request.path_params["recording"]


def _number(said: Any) -> int:
    try:
        return int(said)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected a whole number, got {said!r}") from error


async def _said(request: Request) -> dict[str, Any]:
    said = await request.json()
    if not isinstance(said, dict):
        raise DataError("expected an object")
    return said


def _start_page(shelf: Shelf, work: Work) -> Response:
    places = [Place(number, shelf.called(number), work.offered(number)) for number, _ in shelf.databases()]
    return _page(*render_index(shelf.cards(), "Posescribe studio", places, VIDEO_SUFFIXES))


def _models_page(shelf: Shelf, work: Work, number: int) -> Response:
    coded, models = work.models(number)
    return _page(*render_models(shelf.called(number), coded, models, KINDS, number))


def _page(page: str, policy: str) -> Response:
    return HTMLResponse(page, headers={"content-security-policy": f"{policy}; frame-ancestors 'none'"})
