"""The outline of a text that may be broken: its statements and items, by brackets and line breaks.

It is what a reader sees at a glance, and where the parser goes on after a syntax error.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

OPENS = {"{": "}", "(": ")", "[": "]"}
CLOSES = {"}": "{", ")": "(", "]": "["}
_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*)|(?P<string>\"[^\"\n]*\")|(?P<open>\"[^\n]*)|(?P<line>\n)"
    r"|(?P<mark>->|[;|,:{}()\[\]])|(?P<word>[A-Za-z_]\w*)|(?P<other>[^\s\"#;|,:{}()\[\]A-Za-z_]+?)"
    r"(?=->|[\s\"#;|,:{}()\[\]A-Za-z_]|$)",
    re.ASCII,
)
_MARKS = re.compile(r"\"[^\"\n]*\"|#[^\n]*|[{}()\[\]\"]")
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


_Raw: TypeAlias = tuple[str, int, bool, int, bool]
"""A word, where it starts, whether a `;` stands before it, its indent, whether it is left open."""


def tokens(text: str, start: int = 0, end: int | None = None, tail: bool = False) -> list[Token]:
    """What a stretch of text consists of, in order, its comments left out.

    What stands behind a lone quote is in its token, or with ``tail`` taken as text of its own.
    """
    return list(each_token(text, start, end, tail))


def each_token(
    text: str, start: int = 0, end: int | None = None, tail: bool = False
) -> Iterator[Token]:
    """The same one by one: no more of the text is read than is asked for, but for a line."""
    before = ""
    for line in _lines(text, start, len(text) if end is None else end, tail):
        for number, (word, at, parted, indent, unclosed) in enumerate(line):
            new, last = number == 0, number + 1 == len(line)
            joined = word in _JOINS_LAST or before in _JOINS_NEXT
            before, stop = word, at + len(word)
            yield Token(word, at, stop, new and not joined, parted, new, last, indent, unclosed)


def _lines(text: str, at: int, end: int, tail: bool) -> Iterator[list[_Raw]]:
    """The words of each line that has any."""
    line: list[_Raw] = []
    parted, shift = False, 0
    indent = _indent(text, text.rfind("\n", 0, at) + 1)
    for match in _each(text, at, end, tail):
        kind, word, at = match.lastgroup, match.group(), match.start()
        if kind == "line":
            if line:
                yield line
            line, shift, indent = [], 0, _indent(text, match.end())
            continue
        if word == ";":
            parted = True
            continue
        if kind == "comment":
            continue
        if len(line) == 1 and line[0][0] == "|":  # a branch is as deep as its first word
            shift = at - line[0][1]
        unclosed = kind == "open"
        line.append(('"' if unclosed and tail else word, at, parted, indent + shift, unclosed))
        parted = False
    if line:
        yield line


def _each(text: str, at: int, end: int, tail: bool) -> Iterator[re.Match[str]]:
    while (match := _TOKEN.search(text, at, end)) is not None:
        at = match.start() + 1 if tail and match.lastgroup == "open" else match.end()
        yield match


def joins(before: Sequence[Token], first: Token) -> bool:
    """Whether a line goes on with what the word before it, if there is one, is part of."""
    return first.text in _JOINS_LAST - {"|"} or any(
        t.text in _JOINS_NEXT - {"{", "|"} for t in before
    )


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
    body: int = 0
    """Where the body begins that it stands in, or the file."""
    bar: int | None = None
    """Where the `|` stands that its branch begins with, if one does."""
    hangs: bool = False
    """Whether the line below that stands further in belongs to it: a body without braces."""


class Statements:
    """The statements of a text whose braces are in order, those that are inside others too.

    They are told from its words, which are taken one after the other. Without ``trust`` in round
    and square brackets, these end with their line.
    """

    def __init__(self, trust: bool) -> None:
        self.trust = trust
        self.made: list[Stretch] = []
        self.open: list[Stretch | None] = [None]
        self.branches: list[tuple[int, int | None]] = [(0, None)]
        """Where each of the bodies around begins, and the `|` before its branch."""
        self.inside = 0

    def is_open(self, stretch: Stretch) -> bool:
        """Whether what comes next may belong to a statement."""
        return len(self.open) > stretch.depth and self.open[stretch.depth] is stretch

    def take(self, token: Token) -> None:
        """Go on with the next word."""
        trust, open_ = self.trust, self.open
        if token.text in "{}|" or ((token.broken or token.parted) and not (trust and self.inside)):
            self.inside = 0 if token.text in "{}|" or not trust else self.inside
        if (own := open_[-1]) is not None and not token.parted and token.text not in "{}|":
            below = token.broken and token.indent > own.indent
            own.hangs = own.hangs or len(open_) == 1 or own.colon == own.end - 1
            starts = token.broken and not (below and own.hangs)
        else:
            starts = token.parted or token.broken or token.text == "|"
        if token.text == "{" and len(open_) == 1 and not token.parted:
            starts = False  # the body of an item, on a line of its own
        if (starts and not (trust and self.inside)) or token.text == "}":
            open_[-1] = None
        if token.text == "}" and len(open_) > 1:
            open_.pop()
            self.branches.pop()
        if token.text == "|" and not self.inside:
            self.branches[-1] = (self.branches[-1][0], token.start)
            return
        own = self.stated(token)
        own.end = token.end
        if token.text in "([":
            self.inside += 1
        elif token.text in ")]":
            self.inside = max(0, self.inside - 1)
        elif token.text == "{":
            open_.append(None)
            self.branches.append((token.end, None))
        elif token.text == ":" and not self.inside:
            own.colon = token.start

    def stated(self, token: Token) -> Stretch:
        """The statement that a word stands in: a new one, where none is open."""
        own = self.open[-1]
        if own is None:
            parent = next((s for s in reversed(self.open[:-1]) if s is not None), None)
            depth, (body, bar) = len(self.open) - 1, self.branches[-1]
            own = Stretch(token.start, token.end, depth, parent, token.indent, body=body, bar=bar)
            self.open[-1] = own
            self.made.append(own)
        return own


def statements(found: Iterable[Token], *, trust: bool) -> list[Stretch]:
    """The statements that words make: see ``Statements``."""
    outline = Statements(trust)
    for token in found:
        outline.take(token)
    return outline.made


def innermost(made: list[Stretch], at: int) -> Stretch | None:
    """The smallest statement that ``at`` stands in."""
    stretch = last_before(made, at)
    while stretch is not None and stretch.end <= at:
        stretch = stretch.parent
    return stretch


def last_before(made: list[Stretch], at: int) -> Stretch | None:
    """The last statement that begins at a place or before it."""
    number = bisect_right(made, at, key=lambda s: s.start)
    return made[number - 1] if number else None


def ended(
    outline: Statements, words: Iterator[Token], at: int, holds: Callable[[Stretch], bool]
) -> Stretch | None:
    """The smallest statement around a place that ``holds``, once it has ended."""
    stretch: Stretch | None = None
    for word in words:
        outline.take(word)
        if word.start > at:
            stretch = stretch or last_before(outline.made, at)
            while stretch and not outline.is_open(stretch) and not holds(stretch):
                stretch = stretch.parent
            if stretch is None or not outline.is_open(stretch):
                return stretch
    stretch = stretch or last_before(outline.made, at)
    while stretch and not holds(stretch):
        stretch = stretch.parent
    return stretch


def balanced(found: Iterable[Token], pair: str) -> bool:
    """Whether all of a pair of brackets have their other halves."""
    depth = 0
    for token in found:
        depth += (token.text == pair[0]) - (token.text == pair[1])
        if depth < 0:
            return False
    return depth == 0


def encloses(text: str, start: int, end: int) -> bool:
    """Whether the brace at ``start`` is closed at the end of a stretch, and not before it."""
    depth = 0
    for token in each_token(text, start, end):
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0:
            return not text[token.end : end].strip()
    return False


def matches(text: str) -> bool:
    """Whether all brackets and strings of a text have their other halves."""
    depths = dict.fromkeys(OPENS, 0)
    for mark in _MARKS.findall(text):
        if mark in CLOSES:
            depths[CLOSES[mark]] -= 1
        elif mark in OPENS:
            depths[mark] += 1
        if mark == '"' or min(depths.values()) < 0:
            return False
    return not any(depths.values())


def one_more(count: Counter[str], token: Token) -> bool:
    """Whether the brackets are in order but for one of this kind too many."""
    other = {")": "]", "]": ")"}[token.text]
    return (
        count[token.text] == count[CLOSES[token.text]] + 1 and count[other] == count[CLOSES[other]]
    )
