"""``render --watch``: the page that follows a spec, and what it keeps from others."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from archlang.cli.live import Board, Server, serving
from tests.cli.following import Following, following, soon

SPEC = """model net {
    input image: [3, 8, 8]
    conv(3x3, 8) -> relu
    conv(3x3, 16)
}
"""
SHAPE = SPEC.replace("conv(3x3, 16)", "conv(99x99, 16, pad=0)")
SYNTAX = SPEC.replace("16)", "16, <b>")


class Client:
    """A browser's part: it asks for pages, and hears what changes."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())

    @contextmanager
    def events(self) -> Iterator[Iterator[dict[str, object]]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", "/events")
            answer = connection.getresponse()
            assert answer.getheader("Content-Type") == "text/event-stream"
            lines = (line.decode() for line in iter(answer.readline, b""))
            yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))


def page(run: Following) -> Client:
    """Where a running program serves."""
    found = soon(lambda: re.search(r"serving http://127\.0\.0\.1:(\d+)/", run.out))
    return Client(int(found[1]))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(SPEC)
    return path


def test_the_page_follows_the_spec_and_keeps_the_last_good_picture(net):
    with following(net.parent, "render", "net.arch", "--watch", "--format", "svg") as run:
        client = page(run)
        assert client.get("/")[0] == 200
        with client.events() as told:
            assert next(told) == {"error": "", "picture": True, "sketch": False}
            assert "16×8×8" in client.get("/picture")[1]
            net.write_text(SPEC.replace("16", "24"))
            assert next(told)["error"] == ""
            good = client.get("/picture")[1]
            assert "24×8×8" in good
            net.write_text(SYNTAX)
            state = next(told)
            assert "error[A10" in str(state["error"])
            assert not state["sketch"]
            assert client.get("/picture")[1] == good
            net.write_text(SHAPE)
            state = next(told)
            assert "the kernel, 99, is larger" in str(state["error"])
            assert state["sketch"]
            assert client.get("/picture")[1] == good
            assert "99" in client.get("/sketch")[1]
            net.write_text(SPEC)
            assert next(told) == {"error": "", "picture": True, "sketch": False}
            assert client.get("/sketch")[0] == 404
        assert run.interrupt() == 130
        assert "Traceback" not in run.err


def test_a_spec_that_is_wrong_from_the_start(net):
    net.write_text(SHAPE)
    with following(net.parent, "render", "net.arch", "--watch", "--format", "svg") as run:
        client = page(run)
        with client.events() as told:
            state = next(told)
            assert state["error"]
            assert not state["picture"]
            assert "not reached" not in client.get("/sketch")[1]
            assert "image" in client.get("/sketch")[1]
            net.unlink()
            assert "the terminal says why" in str(next(told)["error"])


@pytest.fixture
def board() -> Iterator[tuple[Board, Client]]:
    board = Board()
    board.show(b"<p>a picture</p>", "")
    server = Server(board, 0)
    with serving(server):
        yield board, Client(server.server_port)


def test_another_name_for_this_machine_gets_nothing(board):
    _, client = board
    for path in ("/", "/picture", "/events"):
        for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1", ""):
            status, text, _ = client.get(path, Host=host)
            assert status == 403
            assert "picture" not in text
    assert client.get("/picture", Host=f"localhost:{client.port}")[0] == 200


@pytest.mark.parametrize(
    "path", ["/net.arch", "/../net.arch", "//etc/passwd", "/sketch", "/picture?x", "http://a/"]
)
def test_no_file_is_served(board, path):
    _, client = board
    assert client.get(path)[0] in (403, 404)


def test_it_is_on_this_machine_alone(board):
    _, client = board
    server = Server(Board(), 0)
    with server:
        assert server.server_address[0] == "127.0.0.1"
    with socket.socket(socket.AF_INET6) as other, pytest.raises(OSError):
        other.connect(("::1", client.port))


def test_what_answers_may_do(board):
    _, client = board
    _, text, headers = client.get("/")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert "innerHTML" not in text
    assert "https://" not in text
    assert client.get("/picture")[2]["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_a_page_hears_of_each_change(board):
    shown, client = board
    with client.events() as first, client.events() as second:
        for told in (first, second):
            assert next(told)["picture"]
        shown.show(None, "<script>")
        for told in (first, second):
            assert next(told) == {"error": "<script>", "picture": True, "sketch": False}


def test_a_port_that_is_taken(run, net):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("render", str(net), "--watch", "--port", str(port))
    assert ended.code == 2
    assert f"cannot serve on port {port}" in ended.err


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "8000"],
        ["--open"],
        ["out.svg", "--watch", "--open"],
        ["-", "--watch"],
        ["--watch", "--format", "pdf"],
    ],
)
def test_options_that_do_not_go_together(run, net, options):
    ended = run("render", str(net), *options)
    assert ended.code == 2
    assert "--watch" in ended.err


@pytest.fixture
def browser():
    """A page of a real browser, where there is one."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        for options in ({}, {"executable_path": "/usr/bin/chromium"}):
            try:
                chromium = playwright.chromium.launch(args=["--no-sandbox"], **options)
                break
            except api.Error:
                continue
        else:
            pytest.skip("no Chromium")
        yield chromium.new_page()
        chromium.close()


def test_in_a_browser(net, browser):
    trouble: list[str] = []
    browser.on("console", lambda message: trouble.append(message.text))
    browser.on("pageerror", lambda error: trouble.append(str(error)))
    frame = browser.frame_locator("#frame")
    options = ("--level", "layer", "--format", "svg")
    with following(net.parent, "render", "net.arch", "--watch", *options) as run:
        browser.goto(f"http://127.0.0.1:{page(run).port}/#kept")
        frame.get_by_text("3×3 conv, 16").first.wait_for()
        net.write_text(SPEC.replace("16", "24"))
        frame.get_by_text("3×3 conv, 24").first.wait_for()
        assert browser.frames[1].url.endswith("/picture#kept")
        net.write_text(SYNTAX)
        browser.locator("#error").get_by_text("<b>").wait_for()
        assert frame.get_by_text("3×3 conv, 24").count()
        net.write_text(SHAPE)
        browser.get_by_role("button").click()
        frame.locator("text", has_text="conv(99x99, 16, pad=0)").wait_for()
        net.write_text(SPEC)
        frame.get_by_text("3×3 conv, 16").first.wait_for()
        assert not browser.locator("#trouble").is_visible()
        assert browser.url.endswith("/#kept")
        assert browser.frames[1].url.endswith("/picture#kept")
        assert not trouble
        run.interrupt()
        browser.locator("#gone").wait_for()
