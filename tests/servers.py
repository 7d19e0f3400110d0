"""Servers on loopback that have the files of a folder: HTTP with byte ranges, and SSH."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import asyncssh


@dataclass
class Had:
    """A server, how it behaves, and what it was asked.

    Attributes:
        address: of the folder, without a slash at its end.
        ranges: whether a part of a file can be had.
        status: what it answers to everything, if anything.
        key: what an address must hold, else the answer is 403.
        breaks: how many more answers of over 1,000 bytes are cut off in the middle.
        served: bytes of files that were sent.
        asked: the whole request paths, with queries.
    """

    address: str = ""
    ranges: bool = True
    status: int | None = None
    key: str = ""
    breaks: int = 0
    served: int = 0
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def http_server(folder: Path) -> Iterator[Had]:
    """Lists the folder at `/`, as servers of files do; tells versions apart by size and time of change."""
    had = Had()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the reader left
                super().handle()

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            had.asked.append(self.path)
            path = folder / unquote(urlsplit(self.path).path).lstrip("/")
            status = had.status or (200 if path.exists() else 404)
            if status != 200 or had.key not in self.path:
                self.send_error(status if status != 200 else 403)
                return
            if path.is_dir():
                names = [f"{quote(one.name)}{'/' * one.is_dir()}" for one in sorted(path.iterdir())]
                links = "".join(f'<a href="/{name}">{name}</a>\n' for name in names)
                self._send(200, links.encode(), {"Content-Type": "text/html"}, with_body=with_body)
                return
            data, found = path.read_bytes(), path.stat()
            headers = {"Content-Type": "video/mp4", "ETag": f'"{found.st_size}-{found.st_mtime_ns}"'}
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked and had.ranges:
                first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
                headers |= {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
                self._send(206, data[first : last + 1], headers, with_body=with_body)
            else:
                self._send(200, data, headers, with_body=with_body)

        def _send(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if not with_body:
                return
            if had.breaks and len(body) > 1000:
                had.breaks -= 1
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                return
            had.served += len(body)
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        had.address = f"http://127.0.0.1:{server.server_port}"
        yield had
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def ssh_server(folder: Path, known_hosts: Path | None) -> Iterator[str]:
    """The address of the folder, for a user `me` with the password `word`; its key is written where hosts are known."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    started: list[int] = []
    connections: list[asyncssh.SSHServerConnection] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("me", "word")

    def files(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    def run() -> None:
        async def serve() -> asyncssh.SSHAcceptor:
            return await asyncssh.listen(
                "127.0.0.1", 0, server_factory=Server, server_host_keys=[key], sftp_factory=files
            )

        acceptor = loop.run_until_complete(serve())
        started.append(acceptor.get_port())
        ready.set()
        loop.run_forever()
        acceptor.close()
        for connection in connections:
            connection.abort()
            loop.run_until_complete(connection.wait_closed())
        loop.run_until_complete(acceptor.wait_closed())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    if known_hosts is not None:
        known_hosts.parent.mkdir(parents=True, exist_ok=True)
        known_hosts.write_text(f"[127.0.0.1]:{started[0]} {key.export_public_key().decode()}")
    try:
        yield f"sftp://me:word@127.0.0.1:{started[0]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
