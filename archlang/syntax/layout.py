"""Which tokens share a line, and how far it is indented.

What the author put on one line stays there if it fits, and what he broke stays broken. A line that
is too long breaks before `->`, or its braces open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from archlang.syntax.printer import INDENT
from archlang.syntax.spacing import space
from archlang.syntax.tokens import BODIES, CLOSING, OPENING, Token, is_else

WIDTH = 100
STEP = len(INDENT)
BAR = 2
"""How far a `|` stands left of the statements between the bars."""


@dataclass(eq=False, slots=True)
class Line:
    """The tokens of one line, and the blanks before each: before the first, its indentation."""

    tokens: list[Token]
    gaps: list[int]
    level: int
    """Where the statement, or the item of a list, stands that the line is of."""
    blank: bool = False
    """Whether an empty line stands above."""

    @property
    def first(self) -> Token:
        return self.tokens[0]

    def text(self) -> str:
        """The line as written."""
        parts: list[str] = []
        for token, gap in zip(self.tokens, self.gaps, strict=True):
            mark = ";" if token.starts and token.semicolon and parts else ""
            parts.append(f"{mark}{' ' * gap}{token.text}")
        return "".join(parts)

    def columns(self) -> list[int]:
        """Where each token stands."""
        column, found = 0, []
        for i, (token, gap) in enumerate(zip(self.tokens, self.gaps, strict=True)):
            column += gap + (1 if i and token.starts and token.semicolon else 0)
            found.append(column)
            column += len(token.text)
        return found


@dataclass(slots=True)
class _Frame:
    """An open bracket: where lines in it start, and lines in brackets that end one of its lines."""

    indent: int
    close: int
    base: int


@dataclass(slots=True)
class _Layout:
    frames: list[_Frame] = field(default_factory=lambda: [_Frame(0, 0, 0)])

    def start(self, token: Token) -> tuple[int, int]:
        """The indentation of a line that starts with a token, and its level."""
        frame = self.frames[-1]
        if token.text in CLOSING:
            return self.frames[-1].close, self.frames[-1].close
        if token.kind == "comment":
            return frame.indent, frame.indent
        if token.text == "|" and token.in_body:
            frame.base = frame.indent
            return frame.indent - BAR, frame.indent
        goes_on = token.in_body and not token.starts and not (
            is_else(token) and token.before is not None and token.before.text == "}"
        )  # fmt: skip
        indent = frame.indent + (STEP if goes_on or (is_else(token) and not token.in_body) else 0)
        if token.role != "signature":
            frame.base = indent
        return indent, frame.indent

    def passes(self, token: Token, column: int) -> None:
        """Take notice of a token that stands in a column."""
        if token.starts:
            self.frames[-1].base = self.frames[-1].indent
        if token.text in CLOSING and token.kind == "mark":
            self.frames.pop()
        elif token.text in OPENING and token.kind == "mark":
            base = self.frames[-1].base
            if token.multiline or token.text == "{":
                self.frames.append(
                    _Frame(base + STEP, base, base + STEP if token.multiline else base)
                )
            else:
                self.frames.append(_Frame(column + 1, column, base))


def lines(found: list[Token]) -> list[Line]:
    """The lines of a file."""
    while True:
        made = list(_lines(found))
        if not sum(_shorten(line) for line in made if _width(line) > WIDTH):
            return made


def _lines(found: list[Token]) -> Iterator[Line]:
    layout = _Layout()
    line: Line | None = None
    column = 0
    for before, token in pairwise([None, *found]):
        assert token is not None
        if before is None or line is None or _breaks(before, token):
            if line is not None:
                yield line
            indent, level = layout.start(token)
            line = Line([], [], level, _blank(before, token))
            gap = column = indent
        else:
            gap = 2 if token.kind == "comment" else space(before, token)
            column += gap + (1 if token.starts and token.semicolon else 0)
        line.tokens.append(token)
        line.gaps.append(gap)
        layout.passes(token, column)
        column += len(token.text)
    if line is not None:
        yield line


def _blank(before: Token | None, token: Token) -> bool:
    """Whether the author's empty line is kept: not at the ends of what brackets hold."""
    return (
        before is not None
        and token.lines > 1
        and not (before.kind == "mark" and before.text in OPENING)
        and not (token.kind == "mark" and token.text in CLOSING)
    )


def _breaks(before: Token, token: Token) -> bool:
    """Whether a token starts a line; ``before`` stands before it."""
    if before.kind == "comment":
        return True
    if token.kind == "comment":
        return token.lines > 0
    return token.forced or (_in_body if token.in_body else _in_list)(before, token)


def _in_body(before: Token, token: Token) -> bool:
    own = token.inside
    if before is own or token.text == "}":
        body = own if before is own else token.other
        return body is not None and body.multiline
    if token.text in ")]":
        return _in_list(before, token)
    if token.text == "|":
        return own is not None and own.multiline
    if token.starts:
        return before.text != "|" and token.broken
    if token.text == "->":
        return token.broken or _behind(token)
    if token.text == ":":
        return token.broken
    if is_else(token):
        opened = before.other if before.text == "}" else None
        return (token.broken or _behind(token)) and not (opened is not None and opened.multiline)
    return before.text == "," and (token.broken or before.broken)


def _in_list(before: Token, token: Token) -> bool:
    if before is token.inside:
        return token.broken
    if token.text in CLOSING:
        return token.broken and token.other is not None and token.other.multiline
    if is_else(token):
        return token.broken or _behind(token)
    return before.text == "," and (token.broken or before.broken)


def _behind(token: Token) -> bool:
    """Whether the author broke the line behind a token, which now breaks before it."""
    return token.after is not None and token.after.broken and not token.after.commented


def _shorten(line: Line) -> bool:
    """Break a line that is too long, if there is where: whether anything changed."""
    first = line.first
    if first.kind == "comment" or not (first.in_body or first.text == "}"):
        return False
    own = first.inside
    parts = _parts(line, [t for t in line.tokens if t.inside is own])
    braces = [
        t
        for width, part in parts
        if width > WIDTH
        for t in part
        if t.text == "{" and t.inside is own and not t.multiline and t.after is not t.other
    ]
    for brace in braces:
        brace.multiline = True
        _open(brace)
    if not braces:
        for _, part in parts[1:]:
            part[0].forced = True
    return bool(braces or parts[1:])


def _open(brace: Token) -> None:
    """Give each statement right in a body a line of its own."""
    token = brace.after
    while token is not None and token is not brace.other:
        if token.starts and token.inside is brace:
            token.broken = True
        token = token.after


def _parts(line: Line, own: list[Token]) -> list[tuple[int, list[Token]]]:
    """The widths and tokens of the lines that one is broken into: as few as do."""
    marks, later = _marks(line, own)
    columns, width = line.columns(), _width(line)
    places = [i for i, t in enumerate(line.tokens) if t in marks]
    ends = [*places, len(line.tokens)]
    cuts, origin, indent, pieces = [0], columns[0], columns[0], []
    for place, end in pairwise(ends):
        stop = columns[end] - 1 if end < len(columns) else width
        if indent + stop - origin > WIDTH:
            pieces.append(indent + columns[place] - 1 - origin)
            cuts.append(place)
            origin, indent = columns[place], later
    pieces.append(indent + width - origin)
    spans = pairwise([*cuts, len(line.tokens)])
    return [(wide, line.tokens[a:b]) for wide, (a, b) in zip(pieces, spans, strict=True)]


def _marks(line: Line, own: list[Token]) -> tuple[set[Token], int]:
    """What a long line may break before, and how far what comes then is indented."""
    statements = {t for t in own[1:] if t.starts and t.semicolon}
    if statements:
        return statements, line.level
    head = own[0].head
    if head is not None and head.text in BODIES and head in line.tokens:
        return {t for t in own[1:] if t.text == ":"}, line.level + STEP
    marks = {t for t in own[1:] if t.text == "->" or t.role in ("shape", "message")}
    return marks, line.level + STEP


def _width(line: Line) -> int:
    """How wide its code is."""
    columns, last = line.columns(), line.tokens[-1]
    if last.kind == "comment":
        return columns[-1] - 2
    return columns[-1] + len(last.text)
