"""How findings look: in terminals of any width, with and without Unicode and colour."""

from __future__ import annotations

import io

import pytest

from archlang.cli.common import (
    Color,
    color_as,
    frame_of,
    print_diagnostics,
    use_color,
    width_of,
)
from archlang.diagnostic import Diagnostic, Note
from archlang.source import Source, Span
from archlang.terminal import cells, in_ascii


def finding(text: str, word: str, label: str = "here", **more: object) -> Diagnostic:
    at = text.index(word)
    span = Span(Source("net.arch", text), at, at + len(word))
    return Diagnostic("A101", "no such thing", span, label, **more)  # type: ignore[arg-type]


def column(rendered: str, mark: str = "^") -> int:
    """The column of a terminal where the mark starts."""
    (line,) = (part for part in rendered.splitlines() if mark in part)
    return cells(line[: line.index(mark)])


LINES = [
    "\trelu -> wrong",
    "\t\trelu\t-> wrong",
    "# 卷积 wrong",
    '"テスト" -> wrong',
    "# e\u0301e\u0301 wrong",
    "# \N{ROCKET}\N{ROCKET} wrong",
    "# \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16} wrong",
    "# a\N{ZERO WIDTH JOINER}b wrong",
    "# \x1b[31m wrong",
    "# ﷽ ßẞ Σ wrong",
    "# " + "x" * 300 + " wrong",
    "# " + "卷" * 300 + " wrong",
    "# wrong " + "卷" * 300,
]


@pytest.mark.parametrize("width", [40, 60, 100, 200])
@pytest.mark.parametrize("text", LINES, ids=range(len(LINES)))
def test_the_mark_stands_below_the_word(text: str, width: int) -> None:
    rendered = finding(text, "wrong").render(width=width)
    (shown,) = (line for line in rendered.splitlines() if line.startswith("1 |"))
    assert column(rendered) == cells(shown[: shown.index("wrong")])
    assert rendered.count("^") == len("wrong")
    assert cells(shown) <= width


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.parametrize("text", LINES, ids=range(len(LINES)))
def test_the_mark_stands_below_the_word_in_ascii_too(text: str, width: int) -> None:
    rendered = finding(text, "wrong").render(width=width, frame="ascii")
    (shown,) = (line for line in rendered.splitlines() if line.startswith("1 |"))
    assert rendered.isascii()
    assert column(rendered) == shown.expandtabs(4).index("wrong")
    assert len(shown) <= width


def test_columns_are_those_of_terminals() -> None:
    """Character by character as rich has them, which follows Unicode's tables."""
    from rich.cells import cell_len

    marks = "aé卷ﾃＡ🚀\u0301\u1112\u1161\u11abᄒิि🏽→│━✔𝔸"
    assert [cells(mark) for mark in marks] == [cell_len(mark) for mark in marks]
    assert cells("a\u200bb") == cells("a\N{REPLACEMENT CHARACTER}b") == 3
    assert cells("\t") == 4


def test_a_terminal_gets_lines_and_wrapped_text() -> None:
    found = finding(
        "relu -> wrong -> relu",
        "wrong",
        "this is said at some length, for it does not fit into one line of forty columns",
        notes=("a note that goes on for quite a while, as notes will where there is much to say",),
        help="and so does what might be done about it, which is a help in words",
        related=(Note(Span(Source("net.arch", "relu -> wrong -> relu"), 0, 4), "this too"),),
    )
    for frame in ("plain", "boxes", "ascii"):
        rendered = found.render(width=50, wrap=True, frame=frame)
        assert all(cells(line) <= 50 for line in rendered.splitlines()), rendered
        unwrapped = found.render(width=50, frame=frame)
        assert "".join(rendered.split()).count("somelength") == 1
        assert len(unwrapped.splitlines()) < len(rendered.splitlines())
    boxes = found.render(frame="boxes")
    assert "┌─ net.arch:1:9" in boxes
    assert "1 │ relu" in boxes
    assert "━━━━━ this is" in boxes


def test_ascii_is_ascii() -> None:
    found = finding("# ä 卷 wrong", "wrong", "a × b → c …")
    text = found.render(frame="ascii")
    assert text.isascii()
    assert "a x b -> c ..." in text
    assert in_ascii("ä") == "\\xe4"


def test_colour_paints_and_changes_nothing_else() -> None:
    import re

    found = finding("relu -> wrong", "wrong", notes=("a",), help="b")
    painted = found.render(color=True)
    assert "\x1b[1;31m" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == found.render()


class Stream(io.StringIO):
    def __init__(self, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal, self._encoding = terminal, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self.terminal


SETTINGS = [
    # terminal, NO_COLOR, FORCE_COLOR, and whether there is colour
    (True, None, None, True), (False, None, None, False), (True, "1", None, False),
    (False, None, "1", True), (False, "1", "1", False), (True, "", None, True),
    (False, None, "0", False), (False, None, "", False),
]  # fmt: skip


@pytest.mark.parametrize(("terminal", "no", "force", "expected"), SETTINGS)
def test_when_there_is_colour(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool, no: str | None, force: str | None, expected: bool,
) -> None:  # fmt: skip
    for name, value in (("NO_COLOR", no), ("FORCE_COLOR", force)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert use_color(Stream(terminal)) is expected


def test_what_is_asked_for_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for choice, expected in ((Color.always, True), (Color.never, False), (Color.auto, False)):
        color_as(choice)
        assert use_color(Stream(False)) is expected


@pytest.mark.parametrize(("said", "width"), [("40", 40), ("", None), ("0", None), ("x", None)])
def test_columns_say_how_wide_it_is(
    monkeypatch: pytest.MonkeyPatch, said: str, width: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", said)
    assert width_of(Stream(False)) == width


def test_in_few_columns_what_is_said_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Stream(True)
    print_diagnostics([finding("relu -> wrong", "wrong", "a label " * 8)], out)
    assert max(map(len, out.getvalue().splitlines())) <= 40


def test_the_frame_is_what_a_stream_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert frame_of(Stream(True)) == "boxes"
    assert frame_of(Stream(False)) == "plain"
    assert frame_of(Stream(True, "latin-1")) == "ascii"
    assert frame_of(Stream(False, "ANSI_X3.4-1968")) == "ascii"
    monkeypatch.setenv("TERM", "dumb")
    assert frame_of(Stream(True)) == "ascii"


def test_places_for_people_and_for_editors() -> None:
    found = finding("relu\n# é\N{ROCKET}卷 wrong", "wrong").to_json()
    assert found["start"] == {"line": 2, "column": 7}
    assert found["range"]["start"] == {"line": 1, "character": 7}  # the rocket is two units
    assert found["bytes"] == [5 + 2 + 2 + 4 + 3 + 1, 5 + 2 + 2 + 4 + 3 + 1 + 5]
