"""The space between two words or marks on one line."""

from __future__ import annotations

from archlang.syntax.tokens import Token

_CLOSES = frozenset({",", ")", "]"})


def space(a: Token, b: Token) -> int:
    """How many blanks stand between two tokens that follow each other."""
    if b.semicolon and b.starts:
        return 1
    if b.text in _CLOSES or a.text in ("(", "["):
        return 0
    if "tight" in (a.role, b.role) or "slice" in (a.role, b.role) or a.role == "unary":
        return 0
    if b.role == "input" and b.text == ":":
        return 0
    if b.text == "(":
        return int(a.kind != "word" or a.role in ("keyword", "times"))
    if b.text == "[":
        value = a.kind in ("word", "number", "string") and a.role not in ("keyword", "times")
        return int(not value and a.text not in (")", "]"))
    return 1
