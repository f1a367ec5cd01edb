"""The page of ``render --watch``: on this machine alone, it shows a spec's picture as it is saved.

The picture stands in a frame of its own, so that whatever document it is, its rules are its own
too. The page around it holds the message of an error, and loads the frame anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from archlang.cli.common import CLEAN, FINDINGS, print_diagnostics, stop
from archlang.cli.watch import again

if TYPE_CHECKING:
    from archlang.cli.render import Drawn


HOST = "127.0.0.1"
PAGES = ("svg", "html")
"""The formats that a browser shows."""
ALIVE = 10.0
"""Seconds after which a page is told that nothing has changed, so that one that is gone is seen."""
OWN = "frame-ancestors 'self'"
"""A picture's document says itself what it may do; it is shown in our page only."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WRAP = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>picture</title>
<style>body {{ margin: 0; display: grid; justify-items: center }}</style>
{0}</html>
"""


@dataclass
class Board:
    """What the page shows: ``picture`` is the last good one, ``sketch`` the one up to an error."""

    picture: bytes | None = None
    sketch: bytes | None = None
    error: str = ""
    version: int = 0
    _news: Condition = field(default_factory=Condition)

    def show(self, document: bytes | None, error: str) -> None:
        """Put up a document; where there is an error, beside the last good one."""
        with self._news:
            if error:
                self.sketch = document
            else:
                self.picture, self.sketch = document, None
            self.error = error
            self.version += 1
            self._news.notify_all()

    def told(self) -> Iterator[bytes]:
        """What a page is told: how things are, and again when that changes; "" to keep it."""
        seen = -1
        while True:
            with self._news:
                news = self._news.wait_for(lambda: self.version != seen, ALIVE)  # noqa: B023
                seen = self.version
                state = {
                    "error": self.error,
                    "picture": self.picture is not None,
                    "sketch": self.sketch is not None,
                }
            yield json.dumps(state).encode() if news else b""


class Handler(BaseHTTPRequestHandler):
    """Answers for the page, its two pictures and what changes, and for nothing else."""

    server: Server

    def do_GET(self) -> None:
        """Answer a request; one made under another name than this machine's is refused.

        A page elsewhere could have its own name lead here, and read what it gets.
        """
        if self.headers.get("Host", "") not in self.server.names:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        board = self.server.board
        match self.path:
            case "/":
                self._send(PAGE, PAGE_RULES)
            case "/picture" if board.picture is not None:
                self._send(board.picture, OWN)
            case "/sketch" if board.sketch is not None:
                self._send(board.sketch, OWN)
            case "/events":
                self._tell(board)
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    def _start(self, kind: str, **more: str) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in {"Content-Type": kind, **HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, document: bytes, rules: str) -> None:
        length = str(len(document))
        more = {"Content-Security-Policy": rules, "Content-Length": length}
        self._start("text/html; charset=utf-8", **more)
        self.wfile.write(document)

    def _tell(self, board: Board) -> None:
        self._start("text/event-stream")
        try:
            for state in board.told():
                self.wfile.write(b"data: " + state + b"\n\n" if state else b":\n\n")
                self.wfile.flush()
        except OSError:  # the page is closed
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked for is our own page."""


class Server(ThreadingHTTPServer):
    """Serves a board on this machine's own address; a port of 0 is a free one."""

    daemon_threads = True

    def __init__(self, board: Board, port: int) -> None:
        super().__init__((HOST, port), Handler)
        self.board = board
        self.names = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a page that is closed while it is answered is no error."""


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """Answer requests meanwhile."""
    with server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def serve(file: str, drawn: Callable[[], Drawn], kind: str, port: int, opened: bool) -> NoReturn:
    """Serve the picture of a spec, drawn anew whenever it is saved, until an interrupt.

    ``opened`` shows the page in a browser.
    """
    board = Board()
    try:
        server = Server(board, port)
    except OSError as error:
        stop(f"cannot serve on port {port}: {(error.strerror or 'it cannot be had').lower()}")

    def once() -> None:
        first = not board.version
        try:
            made = drawn()
        except typer.Exit:
            if not first:
                board.show(None, "There is nothing to draw: the terminal says why.")
            raise
        errors = [d.render() for d in made.found if d.severity == "error"]
        board.show(made.data and document(made.data, kind), "\n\n".join(errors))
        print_diagnostics(made.found, sys.stderr)
        if first:
            print(f"serving {server.url} to this machine until Ctrl-C", flush=True)
            if opened:
                import webbrowser

                webbrowser.open(server.url)
        raise typer.Exit(FINDINGS if errors else CLEAN)

    with serving(server):
        again([file], once, clear=False)


def document(data: bytes, kind: str) -> bytes:
    """A picture as a document of a browser's."""
    return data if kind == "html" else WRAP.format(data.decode()).encode()


PAGE = files("archlang.cli").joinpath("live.html").read_bytes()
PAGE_RULES = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page holds nothing of the spec: what it is told, it sets as text."""
