"""A small web server on this machine that serves bytes, in part if asked, and fails as it is told to."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """`files`: path -> content. `asked`: (path, Range header) of every request so far.

    `cut`: how many bytes the next connections send before they break off, one number a connection. `ranges`: whether
    parts are served at all. `says`: path -> (status, headers) to answer instead.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    ranges: bool = True
    says: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range", "")
        self.asked.append((handler.path, asked))
        if handler.path in self.says:
            status, headers = self.says[handler.path]
            _send(handler, status, headers, b"")
            return
        content = self.files.get(handler.path)
        if content is None:
            _send(handler, 404, {}, b"")
            return
        match = re.fullmatch(r"bytes=(\d+)-", asked)
        first = int(match[1]) if match and self.ranges else 0
        if first >= len(content) > 0:
            _send(handler, 416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            return
        place = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
        sent = content[first:][: self.cut.pop(0)] if self.cut else content[first:]
        _send(handler, 206 if first else 200, place, sent, length=len(content) - first)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    body: bytes,
    length: int | None = None,
) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server on a free port of this machine, gone at the end."""
    files = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        files.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()
