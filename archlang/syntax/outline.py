"""The outline of a text that may be broken: its statements and items, by brackets and line breaks.

It is what a reader sees at a glance, and where the parser goes on after a syntax error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

OPENS = {"{": "}", "(": ")", "[": "]"}
CLOSES = {"}": "{", ")": "(", "]": "["}
_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*)|(?P<string>\"[^\"\n]*\")|(?P<open>\"[^\n]*)|(?P<line>\n)"
    r"|(?P<mark>->|[;|,:{}()\[\]])|(?P<word>[A-Za-z_]\w*)|(?P<other>[^\s\"#;|,:{}()\[\]A-Za-z_]+?)"
    r"(?=->|[\s\"#;|,:{}()\[\]A-Za-z_]|$)",
    re.ASCII,
)
_JOINS_NEXT = frozenset({"->", "|", ",", "else", "{", "(", "["})
_JOINS_LAST = frozenset({"->", "|", ",", "else", "}", ")", "]", ":"})
_ITEM = re.compile(
    r"[ \t]*(?:(?:block|model)[ \t]+[A-Za-z_]\w*[ \t]*(?:[(:={]|$)|use[ \t]+\"|archlang[ \t]+\d)"
    r"(?<!block x \()"
)
_LET = re.compile(r"[ \t]*let\b")


class Token(NamedTuple):
    """A word or mark that is no comment, and how it stands on its line."""

    text: str
    start: int
    end: int
    broken: bool
    """Whether a line break stands before it that ends a statement."""
    parted: bool
    """Whether a `;` stands before it."""
    first: bool
    """Whether it is the first of its line."""
    last: bool
    """Whether it is the last of its line, but for a comment."""
    indent: int
    """How far its line is indented."""
    unclosed: bool = False
    """Whether it is a string without its second quote."""


def tokens(text: str, start: int = 0, end: int | None = None, tail: bool = False) -> list[Token]:
    """What a stretch of text consists of, in order, its comments left out.

    What stands behind a lone quote is in its token, or with ``tail`` taken as text of its own.
    """
    raw = list(_raw(text, start, len(text) if end is None else end, tail))
    found: list[Token] = []
    for number, (word, at, line, parted, indent, unclosed) in enumerate(raw):
        before = raw[number - 1] if number else None
        after = raw[number + 1] if number + 1 < len(raw) else None
        new = before is None or before[2] != line
        joined = word in _JOINS_LAST or (before is not None and before[0] in _JOINS_NEXT)
        last = after is None or after[2] != line
        if new and word == "|" and not last:  # what is in a branch is as deep as its first word
            bar, branch = at, raw[number + 1][1]
            for later in range(number, len(raw)):
                if raw[later][2] != line:
                    break
                raw[later] = (*raw[later][:4], indent + branch - bar, raw[later][5])
        found.append(
            Token(word, at, at + len(word), new and not joined, parted, new, last, indent, unclosed)
        )
    return found


def _raw(
    text: str, at: int, end: int, tail: bool
) -> Iterator[tuple[str, int, int, bool, int, bool]]:
    line, parted = 0, False
    begin = text.rfind("\n", 0, at) + 1
    indent = _indent(text, begin)
    while (match := _TOKEN.search(text, at, end)) is not None:
        kind, at = match.lastgroup, match.end()
        if kind == "line":
            line, indent = line + 1, _indent(text, at)
        elif match.group() == ";":
            parted = True
        elif kind == "open" and tail:
            yield '"', match.start(), line, parted, indent, True
            at, parted = match.start() + 1, False
        elif kind != "comment":
            yield match.group(), match.start(), line, parted, indent, kind == "open"
            parted = False


def _indent(text: str, begin: int) -> int:
    match = re.compile(r"[ \t]*").match(text, begin)
    return len(match.group().expandtabs(4)) if match else 0


def regions(text: str) -> list[tuple[int, int]]:
    """Where each item of the file starts, by the look of its first line, and where the next does.

    Brackets are not trusted. A `let` starts an item only where nothing is open before it.
    """
    starts: list[int] = []
    base: int | None = None
    depth = 0
    for match in re.finditer(r"[^\n]*\n?", text):
        line = match.group()
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = _indent(text, match.start())
        base = indent if base is None else base
        if indent <= base and (_is_item(line) or (depth <= 0 and _LET.match(line))):
            starts.append(match.start())
            depth = 0
        code = re.sub(r'"[^"]*"|#.*', "", line)
        depth += sum(map(code.count, "{([")) - sum(map(code.count, "})]"))
    if not starts or text[: starts[0]].strip():
        starts.insert(0, 0)
    return list(pairwise([*starts, len(text)]))


def _is_item(line: str) -> bool:
    return bool(_ITEM.match(line)) and not re.match(r"[ \t]*(?:block|model)[ \t]+x[ \t]*\(", line)


@dataclass(slots=True)
class Stretch:
    """A statement, or at depth 0 an item."""

    start: int
    end: int
    depth: int
    parent: Stretch | None
    indent: int = 0
    colon: int = -1
    """Where the last `:` stands that is in no bracket inside of it."""
    hangs: bool = False
    """Whether the line below that stands further in belongs to it: a body without braces."""


def statements(found: list[Token], *, trust: bool) -> list[Stretch]:
    """The statements of a text whose braces are in order, those that are inside others too.

    Without ``trust`` in round and square brackets, these end with their line.
    """
    made: list[Stretch] = []
    open_: list[Stretch | None] = [None]
    inside = 0
    for token in found:
        if token.text in "{}|" or ((token.broken or token.parted) and not (trust and inside)):
            inside = 0 if token.text in "{}|" or not trust else inside
        if (own := open_[-1]) is not None and not token.parted and token.text not in "{}|":
            below = token.broken and token.indent > own.indent
            own.hangs = own.hangs or len(open_) == 1 or own.colon == own.end - 1
            starts = token.broken and not (below and own.hangs)
        else:
            starts = token.parted or token.broken or token.text == "|"
        if (starts and not (trust and inside)) or token.text == "}":
            open_[-1] = None
        if token.text == "}" and len(open_) > 1:
            open_.pop()
        if token.text == "|" and not inside:
            continue
        own = open_[-1]
        if own is None:
            parent = next((s for s in reversed(open_[:-1]) if s is not None), None)
            own = open_[-1] = Stretch(token.start, token.end, len(open_) - 1, parent, token.indent)
            made.append(own)
        own.end = token.end
        if token.text in "([":
            inside += 1
        elif token.text in ")]":
            inside = max(0, inside - 1)
        elif token.text == "{":
            open_.append(None)
        elif token.text == ":" and not inside:
            own.colon = token.start
    return made


def innermost(made: list[Stretch], at: int) -> Stretch | None:
    """The smallest statement that ``at`` stands in."""
    around = [s for s in made if s.start <= at < s.end]
    return max(around, key=lambda s: s.depth, default=None)
