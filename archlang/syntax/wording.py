"""What a syntax error is called: what was met, and what could have stood there, in words."""

from __future__ import annotations

import re
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from archlang.diagnostic import Diagnostic
from archlang.source import Source, Span

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


def explained(source: Source, error: UnexpectedInput) -> Diagnostic:
    """One sentence for what the parser met, and what it could have gone on with."""
    text = source.text
    at = min(error.pos_in_stream or 0, len(text))
    if isinstance(error, UnexpectedCharacters):
        if text[at] == '"':
            end = text.find("\n", at)
            span = Span(source, at, len(text) if end < 0 else end)
            return Diagnostic("A102", "a string is not closed on its line", span, "opened here")
        message = f"`{text[at]}` has no meaning here"
        return Diagnostic("A101", message, Span(source, at, at + 1), _expected(error.allowed))
    assert isinstance(error, UnexpectedToken)
    return _unexpected(source, error.token, at, _expected(error.expected))


def _unexpected(source: Source, token: Token, at: int, expected: str) -> Diagnostic:
    """What is said of a word or mark that cannot stand where it does."""
    text, shown = source.text, token.strip()
    word = shown.split()[0] if shown and not shown.startswith("#") else ""
    if word in _CLOSERS and (open_ := _OPEN_END.search(_bare(text[: at + len(token)]))):
        span = Span(source, open_.start(1), open_.end(1))
        return Diagnostic("A101", f"nothing comes behind `{span.text}`", span, expected)
    if token.type == "$END":
        end = len(text.rstrip())
        span = Span(source, max(end - 1, 0), end)
        return Diagnostic("A101", "the spec ends too early", span, expected)
    if not word:
        return Diagnostic("A101", "the line ends too early", Span(source, at, at), expected)
    lead = len(token) - len(token.lstrip())
    span = Span(source, at + lead, at + lead + len(word))
    return Diagnostic("A101", f"`{word}` cannot stand here", span, expected)


_CLOSERS = frozenset({"}", ")", "]"})
_OPEN_END = re.compile(r"(->|\||=|[-+*/%]|\b(?:and|or|not|in|else))[\s;]*[})\]]$")


def _bare(text: str) -> str:
    """A text without its comments, every place where it was."""
    return re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text)


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
