"""One style for all specs: spaces, indentation and columns; words and comments stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from archlang.source import Edit, Source, Span
from archlang.syntax.columns import align
from archlang.syntax.layout import Line, lines
from archlang.syntax.parser import parse
from archlang.syntax.tokens import Token, tokens


class FormatError(RuntimeError):
    """Formatting would have changed what a spec says: never right, and nothing comes of it."""


def format_source(source: Source) -> str:
    """A spec in the one style; raises ``ArchError`` where it has a syntax error.

    The result has the same syntax tree and the same comments, and formatting it changes nothing.
    """
    return _checked(source)[0]


def format_range(source: Source, start: int, end: int) -> list[Edit]:
    """The edits that format the statements which text from ``start`` to ``end`` touches.

    They stand as ``format_source`` would lay them out; raises ``ArchError`` as that does.
    """
    text, laid = _checked(source)
    edits = []
    for (a, x), (b, y) in pairwise(_anchors(source.text, text, laid)):
        touched = a <= end and start < b
        if touched and source.text[a:b] != text[x:y]:
            edits.append(Edit(Span(source, a, b), text[x:y]))
    return edits


def _checked(source: Source) -> tuple[str, list[Line]]:
    """The formatted text and its lines, held against the tree and the comments of the source."""
    tree = parse(source)
    laid = lines(tokens(source.text))
    align(laid)
    text = "".join(("\n" if line.blank else "") + line.text() + "\n" for line in laid)
    if text != source.text:
        again = parse(Source(source.name, text))
        before, after = ([c.text.rstrip() for c in file.comments] for file in (tree, again))
        if again != tree or before != after:
            raise FormatError(f"the formatted {source.name} is not the spec that it was")
    return text, laid


def _anchors(source: str, text: str, laid: list[Line]) -> Iterator[tuple[int, int]]:
    """Where a statement's line starts in the source, and where it does in the formatted text."""
    yield 0, 0
    place, known = 0, 0
    for line in laid:
        place += line.blank
        first = line.first
        if _stands_alone(first) and (first.lines or not known) and place:
            known = source.rfind("\n", 0, first.start) + 1
            yield known, place
        place += len(line.text()) + 1
    yield len(source), len(text)


def _stands_alone(token: Token) -> bool:
    """Whether a line that starts with a token may be formatted without the one above."""
    if token.kind == "comment":
        return token.in_body
    return token.starts or token.text == "}" or (token.text == "|" and token.in_body)
