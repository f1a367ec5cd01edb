"""A spec as words, marks and comments, each with the bracket it stands in.

The formatter moves these about and changes none of them, so nothing that was written can be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>#[^\n]*)|(?P<string>\"[^\"\n]*\")|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:x\d+)+(?!\w)|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?(?:[KMG]i?B|[KMG])?)"
    r"|(?P<mark>->|\.\.\.|\*\*|//|[=!<>]=|.)",
    re.ASCII,
)
OPENING, CLOSING = frozenset("({["), frozenset(")}]")
BODIES = frozenset({"block", "model", "if", "for"})
"""What starts a statement whose body it is that stands in braces behind it."""
_BEHIND = OPENING | {"->", ",", "|"}
_BEFORE = CLOSING | {"->", ",", "|", ":"}
_WORDS = frozenset({"if", "else", "in", "and", "or", "not", "for"})
_NAMES = frozenset({"shared", "aux", "input", "output", "require", "let", "block", "model"})
_DECLARES = frozenset({"block", "model", "let"})
_LOOSER = frozenset({"+", "-", "==", "!=", "<", ">", "<=", ">=", ",", ":", "=", "->", "|"}) | _WORDS


@dataclass(eq=False, slots=True)
class Token:
    """A word, a mark, or a comment."""

    kind: str
    text: str
    start: int
    column: int
    """How many characters stand before it on its line."""
    margin: int
    """How far its line is indented."""
    lines: int
    """Line breaks between it and what stands before it."""
    gap: int
    """Characters between it and what stands before it on its line."""
    semicolon: bool = False
    """Whether a `;` parts it from what stands before it."""
    broken: bool = False
    """Whether a line break parts it from the code before it."""
    commented: bool = False
    """Whether a comment does."""
    forced: bool = False
    """Whether it starts a line because the line was too long."""
    inside: Token | None = None
    """The innermost bracket that it stands in; brackets themselves stand outside."""
    other: Token | None = None
    """A bracket's other half."""
    before: Token | None = None
    """The code before it."""
    after: Token | None = None
    """The code after it."""
    head: Token | None = field(default=None, repr=False)
    """What starts the statement that it stands in, as long as it stands in no bracket there."""
    role: str = ""
    """Which of the things that its text may be: `times`, `unary`, `tight`, `slice`, …"""
    multiline: bool = False
    """Of an opening bracket: whether what is in it stands on lines of its own."""

    @property
    def starts(self) -> bool:
        """Whether it starts a statement."""
        return self.head is self

    @property
    def in_body(self) -> bool:
        """Whether it stands right in a body, or at the top of the file."""
        return self.inside is None or self.inside.text == "{"

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str) -> list[Token]:
    """What a spec without syntax errors consists of, its separators left out."""
    found = list(_split(text))
    _relate([t for t in found if t.kind != "comment"], found)
    return found


def _split(text: str) -> Iterator[Token]:
    lines = gap = line = margin = 0
    first = True
    semicolon = False
    for match in _TOKEN.finditer(text):
        kind, start = str(match.lastgroup), match.start()
        if kind == "space":
            lines += match.group().count("\n")
            gap += len(match.group())
            broken = text.rfind("\n", start, match.end()) + 1
            line, first = max(line, broken), first or broken > 0
        elif match.group() == ";":
            semicolon, gap = True, 0
        else:
            written = match.group().rstrip() if kind == "comment" else match.group()
            margin, first = start - line if first else margin, False
            yield Token(kind, written, start, start - line, margin, lines, gap, semicolon)
            lines, gap, semicolon = 0, 0, False


def _relate(code: list[Token], found: list[Token]) -> None:
    """Fill in what tokens are to each other."""
    _part(found)
    for i, token in enumerate(code):
        token.before = code[i - 1] if i else None
        token.after = code[i + 1] if i + 1 < len(code) else None
    heads: dict[Token | None, Token] = {}
    spaced: dict[Token | None, bool] = {}
    for token in code:
        own = token.inside
        if _starts(token):
            heads[own] = token
        token.head = heads.get(own)
        token.role = _role(token, spaced)
        if token.text in ("(", "["):
            token.multiline = token.after is not None and token.after.broken
        if token.broken:
            _spread(token.other if token.text == "}" else own)


def _spread(bracket: Token | None) -> None:
    """A body with a line break anywhere in it has its braces on lines of their own."""
    while bracket is not None and not (bracket.text == "{" and bracket.multiline):
        if bracket.text == "{":
            bracket.multiline = True
        bracket = bracket.inside


def _part(found: list[Token]) -> None:
    """Say of each token which bracket it stands in, and what parts it from the code before it."""
    opened: list[Token] = []
    broken = semicolon = commented = False
    for token in found:
        comment = token.kind == "comment"
        broken, semicolon = broken or token.lines > 0, semicolon or token.semicolon
        if not comment:
            token.broken, token.semicolon, token.commented = broken, semicolon, commented
            broken = semicolon = False
        commented = comment
        if not comment and token.text in CLOSING:
            token.other = opened.pop()
            token.other.other = token
        token.inside = opened[-1] if opened else None
        if not comment and token.text in OPENING:
            opened.append(token)


def _starts(token: Token) -> bool:
    """Whether a token starts a statement: line breaks that the grammar absorbs part none."""
    before = token.before
    if not token.in_body or token.text in CLOSING | {"|"}:
        return False
    if before is None or before is token.inside or before.text == "|" or token.semicolon:
        return True
    behind = before.text in _BEHIND or is_else(before)
    return token.broken and not behind and token.text not in _BEFORE and not is_else(token)


def is_else(token: Token) -> bool:
    """Whether it is the word of a condition, and no name."""
    return token.text == "else" and (token.after is None or token.after.text != "=")


def _role(token: Token, spaced: dict[Token | None, bool]) -> str:
    """What a token is, where its text may be several things.

    ``spaced`` says of each bracket whether a spaced division stands before in its product.
    """
    text, before = token.text, token.before
    if text in _LOOSER or token.starts:
        spaced[token.inside] = False
    if token.kind == "word":
        return _word(token)
    if text == "(" and before is not None and before.before is not None:
        word = before.before
        return "params" if word.text in _DECLARES and word.starts else ""
    if text == "-" and not _is_value(before):
        return "unary"
    if text in ("*", "/"):
        own = token.gap > 0 and token.after is not None and token.after.gap > 0
        own = own or spaced.get(token.inside, False)
        spaced[token.inside] = spaced.get(token.inside, False) or (own and text == "/")
        return "" if own else "tight"
    if text in ("//", "%"):
        spaced[token.inside] = True
    if text == "=":
        return _equals(token)
    if text == ":":
        return _colon(token)
    if text == "->" and _is_head(token, *BODIES):
        return "signature"
    return "tight" if text == "**" else ""


def _word(token: Token) -> str:
    before = token.before
    if token.text == "x" and before is not None and not token.starts:
        stage = before.text in CLOSING or (before.kind == "word" and before.role != "keyword")
        return "times" if stage and before.role != "names" else ""
    if token.text in _WORDS:
        return "keyword"
    if token.starts and token.text == "require" and not _is_label(token):
        return "keyword"
    after = token.after if token.starts and token.text in _NAMES else None
    return "names" if after is not None and after.kind == "word" else ""


def _equals(token: Token) -> str:
    if token.inside is not None and token.inside.text != "{":
        return "" if token.inside.role == "params" else "tight"
    return "tight" if _is_head(token, "aux") else ""


def _colon(token: Token) -> str:
    if not token.in_body:
        return "slice"
    if _is_head(token, "input"):
        return "input"
    if _is_head(token, "require"):
        return "message"
    return "signature" if _is_head(token, *BODIES) else "shape"


def _is_head(token: Token, *words: str) -> bool:
    """Whether its statement starts with one of the words, and that is no label."""
    head = token.head
    return head is not None and head.text in words and not _is_label(head)


def _is_label(token: Token) -> bool:
    """Whether the word that a statement starts with names it: `if` and `for` never do."""
    after = token.after
    if after is None or token.text in ("if", "for"):
        return False
    while after is not None and after.text == "[":
        after = after.other.after if after.other is not None else None
    return after is not None and after.text == "="


def _is_value(token: Token | None) -> bool:
    """Whether a value ends here, so that a minus behind it takes away from that."""
    if token is None:
        return False
    if token.kind == "word":
        return token.role not in ("keyword", "names", "times")
    return token.kind in ("number", "string") or token.text in (")", "]", "?")
