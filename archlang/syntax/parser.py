"""The parser: text in, syntax tree out, or a diagnostic in the user's own words."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from archlang.collector import paused
from archlang.diagnostic import ArchError, Diagnostic, Note
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.builder import Builder, NumberTooLongError

LANGUAGE_VERSION = 1
MAX_LINE = 20_000
MAX_TEXT = 4_000_000
MAX_NESTING = 64

_TOKENS = re.compile(r'"[^"\n]*"|#[^\n]*|[{}()\[\]]')
_CLOSES = {"}": "{", ")": "(", "]": "["}
_WORDS = {
    "NAME": "a name", "NUMBER": "a number", "SIZE": "a size such as 3x3", "STRING": "a string",
    "TRUTH": "`true` or `false`", "TIMES": "`x`", "_ARROW": "`->`", "_BAR": "`|`",
    "_LB": "`{`", "_RB": "`}`", "_LS": "`[`", "_RS": "`]`", "_LP": "`(`", "_RP": "`)`",
    "_COMMA": "`,`", "_ELSE": "`else`", "_SEP": "the end of the line",
    "$END": "the end of the file",
    "EQUAL": "`=`", "_COLON": "`:`", "SHARED": "`shared`", "AUX": "`aux`", "INPUT": "`input`",
    "OUTPUT": "`output`", "REQUIRE": "`require`", "LET": "`let`", "NOT": "`not`", "OR": "`or`",
    "AND": "`and`", "COMPARE": "a comparison", "PLUS": "`+`", "MINUS": "`-`", "POWER": "`**`",
    "TIMES_OP": "`*`", "REST": "`...`", "UNKNOWN": "`?`",
}  # fmt: skip
_GROUPS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "a value",
        frozenset({"NUMBER", "SIZE", "TRUTH", "NAME", "STRING", "_LP", "_LS", "MINUS", "NOT"}),
    ),
    ("a value", frozenset({"NUMBER", "SIZE", "TRUTH", "NAME", "STRING", "_LP", "_LS", "MINUS"})),
    (
        "an operator",
        frozenset({"PLUS", "MINUS", "TIMES_OP", "POWER", "COMPARE", "AND", "OR", "IF"}),
    ),
    ("`block`, `model`, `let` or `use`", frozenset({"BLOCK", "MODEL", "LET", "USE"})),
    (
        "a statement",
        frozenset({"NAME", "IF", "FOR", "SHARED", "AUX", "INPUT", "OUTPUT", "REQUIRE", "LET"}),
    ),
    ("a layer", frozenset({"NAME", "_LB"})),
)


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
        grammar(), parser="lalr", start=["file", "expr"], propagate_positions=True, cache=cache
    )


def parse(source: Source) -> ast.File:
    """The syntax tree of a whole spec; raises ``ArchError``."""
    _check_limits(source)
    _check_brackets(source)
    tops = _run(source, "file")
    items = [t for t in tops if not isinstance(t, ast.Number)]
    versions = [t for t in tops if isinstance(t, ast.Number)]
    for version in versions:
        span = Span(source, version.start, version.end)
        if version is not tops[0]:
            _fail("A113", "the version of the language stands on the first line", span)
        if version.value != LANGUAGE_VERSION:
            _fail(
                "A113",
                f"the spec is written in archlang {version.text}, "
                f"and this program reads archlang {LANGUAGE_VERSION}",
                span,
            )
    comments = [
        ast.Comment(m.start(), m.end(), m.group()[1:])
        for m in _TOKENS.finditer(source.text)
        if m.group().startswith("#")
    ]
    pinned = LANGUAGE_VERSION if versions else None
    return ast.File(0, len(source.text), source, pinned, items, comments)


def parse_expression(source: Source) -> ast.Expr:
    """The syntax tree of one expression; raises ``ArchError``."""
    _check_limits(source)
    _check_brackets(source)
    expression: ast.Expr = _run(source, "expr")
    return expression


def _run(source: Source, start: str) -> Any:
    try:
        with paused():
            return Builder().transform(_lark().parse(source.text, start=start))
    except UnexpectedInput as error:
        _explain(source, error)
    except VisitError as error:
        if isinstance(error.orig_exc, RecursionError):
            _too_deep(source)
        if not isinstance(error.orig_exc, NumberTooLongError):
            raise
        text = str(error.orig_exc.args[0])
        at = source.text.find(text)
        _fail("A001", f"a number of {len(text)} characters", Span(source, at, at + len(text)))
    except RecursionError:
        _too_deep(source)


def _too_deep(source: Source) -> NoReturn:
    longest = max(source.text.split("\n"), key=len)
    at = source.text.find(longest)
    span = Span(source, at, at + len(longest))
    _fail("A001", "an expression nests too deep", span, help="name its parts with `let`")


def _fail(
    code: str, message: str, span: Span, label: str = "", *related: Note, help: str = ""
) -> NoReturn:
    raise ArchError([Diagnostic(code, message, span, label, related, help=help)])


def _check_limits(source: Source) -> None:
    text = source.text
    if len(text) > MAX_TEXT:
        _fail(
            "A001",
            f"the spec is {len(text):,} characters long; the most that is read is {MAX_TEXT:,}",
            Span(source, 0, 0),
        )
    if (nul := text.find("\0")) >= 0:
        _fail(
            "A002",
            f"{source.name} is not a text file",
            Span(source, nul, nul + 1),
            "a NUL character",
        )
    start = 0
    while len(text) - start > MAX_LINE:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > MAX_LINE:
            _fail(
                "A001",
                f"a line of {end - start:,} characters; the longest that is read is {MAX_LINE:,}",
                Span(source, start, start + 1),
                help="break the line before `->`, or after a comma",
            )
        start = end + 1


def _check_brackets(source: Source) -> None:
    opened: list[tuple[str, int]] = []
    for match in _TOKENS.finditer(source.text):
        bracket, at = match.group(), match.start()
        here = Span(source, at, at + 1)
        if bracket in "{([":
            opened.append((bracket, at))
            if len(opened) > MAX_NESTING:
                _fail("A001", f"brackets nest deeper than {MAX_NESTING}", here, "one too many")
        elif bracket in _CLOSES:
            if not opened:
                _fail("A102", f"`{bracket}` closes nothing", here)
            last, opener = opened.pop()
            if last != _CLOSES[bracket]:
                note = Note(Span(source, opener, opener + 1), f"`{last}` is opened here")
                _fail("A102", f"`{last}` is closed by `{bracket}`", here, "", note)
    if opened:
        bracket, at = opened[-1]
        _fail("A102", f"`{bracket}` is never closed", Span(source, at, at + 1), "opened here")


def _explain(source: Source, error: UnexpectedInput) -> NoReturn:
    """One sentence for what the parser met, and what it could have gone on with."""
    text = source.text
    at = min(error.pos_in_stream or 0, len(text))
    if isinstance(error, UnexpectedCharacters):
        if text[at] == '"':
            end = text.find("\n", at)
            span = Span(source, at, len(text) if end < 0 else end)
            _fail("A102", "a string is not closed on its line", span, "opened here")
        message = f"`{text[at]}` has no meaning here"
        _fail("A101", message, Span(source, at, at + 1), _expected(error.allowed))
    assert isinstance(error, UnexpectedToken)
    expected = _expected(error.expected)
    token: Token = error.token
    if token.type == "$END":
        end = len(text.rstrip())
        _fail("A101", "the spec ends too early", Span(source, max(end - 1, 0), end), expected)
    shown = token.strip()
    if not shown or shown.startswith("#"):
        _fail("A101", "the line ends too early", Span(source, at, at + 1), expected)
    lead = len(token) - len(token.lstrip())
    word = shown.split()[0]
    span = Span(source, at + lead, at + lead + len(word))
    _fail("A101", f"`{word}` cannot stand here", span, expected)


def _expected(terminals: Any) -> str:
    """``expected …`` in words, or nothing where too much could follow."""
    left = set(terminals or ())
    words: list[str] = []
    for word, group in _GROUPS:
        if len(group) > 1 and group <= left:
            words.append(word)
            left -= group
    words.extend(_WORDS.get(t, f"`{t.lower()}`") for t in sorted(left))
    words = list(dict.fromkeys(words))
    if not words or len(words) > 6:
        return ""
    return "expected " + (", ".join(words[:-1]) + " or " if words[1:] else "") + words[-1]
