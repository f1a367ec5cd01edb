"""The parser: text in, syntax tree out, or a diagnostic in the user's own words."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from lark import Lark
from lark.exceptions import UnexpectedInput, VisitError

from archlang.collector import paused
from archlang.diagnostic import ArchError, Diagnostic, Fix, Note
from archlang.limits import advice, current
from archlang.source import Edit, Source, Span
from archlang.syntax import ast
from archlang.syntax.builder import Builder, NumberTooLongError
from archlang.syntax.lexer import Lexer

LANGUAGE_VERSION = 1

_TOKENS = re.compile(r'"[^"\n]*"|#[^\n]*|[{}()\[\]"]')
_NO_TEXT = re.compile("[\0\udc80-\udcff]")
"""What bytes that are no text become: NUL, and what stands for a byte that is not UTF-8."""
_CLOSES = {"}": "{", ")": "(", "]": "["}


def _cache_file() -> str:
    """Where the parser's tables are kept between runs: building them costs 0.2 s."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "archlang"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"grammar-{sys.version_info.major}.{sys.version_info.minor}.bin")


def grammar() -> str:
    """The text of the grammar."""
    return files("archlang.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _lark() -> Lark:
    try:
        cache: str | bool = _cache_file()
    except OSError:
        cache = False
    return Lark(
        grammar(),
        parser="lalr",
        start=["file", "expr"],
        propagate_positions=True,
        cache=cache,
        _plugins={"ContextualLexer": Lexer},
    )


def parse(source: Source) -> ast.File:
    """The syntax tree of a whole spec; raises ``ArchError`` with every syntax error.

    Nothing more is known of the spec, so no ways out are offered.
    """
    try:
        file, found = read(source)
    except ArchError as error:
        found = list(error.diagnostics)
    if found:
        raise ArchError([replace(d, fixes=()) for d in found])
    return file


def read(source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """The syntax tree of what can be read of a spec, and every syntax error.

    ``File.damaged`` has the words of what cannot be read. Raises ``ArchError`` where the text is
    beyond a limit, or no text.
    """
    _check_limits(source)
    try:
        if _brackets_fit(source):
            return _file(source, _tree(source.text, "file")), []
    except UnexpectedInput:
        pass
    except _BROKEN as error:
        _refused(source, error)
    from archlang.syntax.recovery import recovered  # few texts need it

    try:
        tops, damaged, found = recovered(source, lambda text: _tree(text, "file"))
    except _BROKEN as error:
        _refused(source, error)
    file = _file(source, tops, found)
    file.damaged = damaged
    return file, found


def _file(source: Source, tops: list[Any], found: list[Diagnostic] | None = None) -> ast.File:
    items = [t for t in tops if not isinstance(t, ast.Number)]
    versions = [t for t in tops if isinstance(t, ast.Number)]
    this = f"archlang {LANGUAGE_VERSION}"
    for version in versions:
        span = Span(source, version.start, version.end)
        if version is not tops[0] and not found:
            _fail("A113", "the version of the language stands on the first line", span)
        if version.value != LANGUAGE_VERSION:
            _fail(
                "A113",
                f"the spec is written in archlang {version.text}, and this program reads {this}",
                span,
                fixes=(Fix(f"write `{this}`", (Edit(span, this),)),),
            )
    pinned = LANGUAGE_VERSION if versions else None
    return ast.File(0, len(source.text), source, pinned, items, comments(source.text))


def comments(text: str) -> list[ast.Comment]:
    """The comments of a text."""
    found = (m for m in _TOKENS.finditer(text) if m.group().startswith("#"))
    return [ast.Comment(m.start(), m.end(), m.group()[1:]) for m in found]


def parse_expression(source: Source) -> ast.Expr:
    """The syntax tree of one expression; raises ``ArchError``."""
    _check_limits(source)
    try:
        if not _brackets_fit(source):
            from archlang.syntax.brackets import lone_error

            raise ArchError([lone_error(source)])
        expression: ast.Expr = _tree(source.text, "expr")
        return expression
    except UnexpectedInput as error:
        from archlang.syntax.wording import explained

        raise ArchError([explained(source, error)]) from None
    except _BROKEN as error:
        _refused(source, error)


_BROKEN = (VisitError, RecursionError)


def _tree(text: str, start: str) -> Any:
    with paused():
        return Builder().transform(_lark().parse(text, start=start))


def _refused(source: Source, error: Exception) -> NoReturn:
    """Text that no error message could be long enough for."""
    if not isinstance(error, VisitError) or isinstance(error.orig_exc, RecursionError):
        _too_deep(source)
    if not isinstance(error.orig_exc, NumberTooLongError):
        raise error
    text = str(error.orig_exc.args[0])
    at = source.text.find(text)
    _fail("A001", f"a number of {len(text)} characters", Span(source, at, at + len(text)))


def _too_deep(source: Source) -> NoReturn:
    longest = max(source.text.split("\n"), key=len)
    at = source.text.find(longest)
    span = Span(source, at, at + len(longest))
    _fail("A001", "an expression nests too deep", span, help="name its parts with `let`")


def _fail(
    code: str, message: str, span: Span, label: str = "", *related: Note, help: str = "",
    fixes: tuple[Fix, ...] = (),
) -> NoReturn:  # fmt: skip
    raise ArchError([Diagnostic(code, message, span, label, related, help=help, fixes=fixes)])


def _check_limits(source: Source) -> None:
    text, limits = source.text, current()
    if len(text) > limits.characters:
        _fail(
            "A001",
            f"the spec is {len(text):,} characters long; the most that is read is "
            f"{limits.characters:,}",
            Span(source, 0, 0),
            help=advice("characters", len(text)),
        )
    if wrong := _NO_TEXT.search(text):
        nul = wrong[0] == "\0"
        _fail(
            "A002",
            f"{source.name} is not {'a text file' if nul else 'text in UTF-8'}",
            Span(source, wrong.start(), wrong.end()),
            "a NUL character" if nul else f"the byte 0x{ord(wrong[0]) - 0xDC00:02X}",
            help="" if nul else "save it as UTF-8",
        )
    start = 0
    while len(text) - start > limits.line:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > limits.line:
            _fail(
                "A001",
                f"a line of {end - start:,} characters; the longest that is read is "
                f"{limits.line:,}",
                Span(source, start, start + 1),
                help="break the line before `->`, or after a comma; " + advice("line", end - start),
            )
        start = end + 1


def _brackets_fit(source: Source) -> bool:
    """Whether every bracket and string is closed; raises where they nest too deep."""
    opened: list[str] = []
    most = current().nesting
    for match in _TOKENS.finditer(source.text):
        bracket, at = match.group(), match.start()
        if bracket in "{([":
            opened.append(bracket)
            if len(opened) > most:
                here = Span(source, at, at + 1)
                message = f"brackets nest deeper than {most}"
                _fail("A001", message, here, "one too many", help=advice("nesting"))
        elif bracket == '"' or (
            bracket in _CLOSES and (not opened or opened.pop() != _CLOSES[bracket])
        ):
            return False
    return not opened
