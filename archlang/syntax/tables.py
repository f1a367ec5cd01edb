"""Tables: lists, arguments and definitions whose parts the author put below each other.

The rows of a list are laid out anew where a part of them is aligned, so that a longer figure
keeps the table one. Elsewhere the blanks stay that line something up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import NamedTuple, TypeAlias

from archlang.syntax.layout import Line
from archlang.syntax.tokens import CLOSING, Token

Gaps: TypeAlias = dict[Token, int]
"""The blanks before a token beyond those that always stand there."""
ROUNDS = 8


class _Cell(NamedTuple):
    """An item of a list or of arguments: tokens ``first`` to ``last`` of its line."""

    first: int
    last: int


def settle(lines: list[Line], runs: list[list[Line]], gaps: Gaps) -> Gaps:
    """Add to the lines those gaps that line something up; gives them."""
    gaps = _lined_up(lines, runs, {t: gaps[t] for line in lines for t in _cells(line) if t in gaps})
    for table in _tables(lines):
        if any(t in gaps for line in table for t in line.tokens):
            gaps.update(_laid_out(table, gaps))
    gaps = {t: gap for t, gap in gaps.items() if gap}
    for line in lines:
        line.gaps = _widened(line, gaps)
    return gaps


def _widened(line: Line, gaps: Gaps) -> list[int]:
    return [g + gaps.get(t, 0) for g, t in zip(line.gaps, line.tokens, strict=True)]


def _columns(line: Line, gaps: Gaps) -> list[int]:
    return Line(line.tokens, _widened(line, gaps), line.level).columns()


def _cells(line: Line) -> dict[Token, _Cell]:
    """What may stand below what: items of brackets, and the `=` of definitions."""
    found: dict[Token, _Cell] = {}
    started: dict[Token | None, int] = {}
    code = [t for t in line.tokens if t.kind != "comment"]
    for i, (before, token) in enumerate(pairwise([None, *code])):
        assert token is not None
        if before is None:
            continue
        if token.text == "=" and token.in_body and token.role == "":
            found[token] = _Cell(i, i)
        ends = token.text == "," or token.text in CLOSING
        own = token.other if token.text in CLOSING else token.inside
        if ends and own in started:
            first = started.pop(own)
            found[line.tokens[first]] = _Cell(first, i - 1)
        inner = token.inside is not None and token.inside.text in "(["
        if inner and not ends and (before is token.inside or before.text == ","):
            started[token.inside] = i
    for first in started.values():
        found[line.tokens[first]] = _Cell(first, len(code) - 1)
    return found


def _lined_up(lines: list[Line], runs: list[list[Line]], gaps: Gaps) -> Gaps:
    """Those gaps whose token starts or ends where one of another line of the run does."""
    parts = {line: _cells(line) for line in lines}
    for _ in range(ROUNDS):
        kept: Gaps = {}
        for run in runs:
            if not any(t in gaps for line in run for t in parts[line]):
                continue
            spans = [(t, span) for line in run for t, span in _spans(line, parts[line], gaps)]
            starts = Counter((t.text == "=", a) for t, (a, _) in spans)
            ends = Counter((t.text == "=", b) for t, (_, b) in spans)
            for token, (a, b) in spans:
                equals = token.text == "="
                if token in gaps and (starts[equals, a] > 1 or ends[equals, b] > 1):
                    kept[token] = gaps[token]
        if kept == gaps:
            return kept
        gaps = kept
    return {}


def _spans(
    line: Line, cells: dict[Token, _Cell], gaps: Gaps
) -> Iterator[tuple[Token, tuple[int, int]]]:
    """Where the cells of a line start and end."""
    columns = _columns(line, gaps)
    for token, cell in cells.items():
        yield token, (columns[cell.first], columns[cell.last] + len(line.tokens[cell.last].text))


def _row(line: Line) -> Token | None:
    """The bracket of a line that is one list, an item of a list or argument."""
    first, last = line.first, [t for t in line.tokens if t.kind != "comment"][-1:]
    own = first.inside is not None and first.inside.text in "([" and first.text == "["
    whole = last and (
        last[0] is first.other or (last[0].text == "," and last[0].inside is first.inside)
    )
    closed = first.other in line.tokens
    return first if own and whole and closed else None


def _tables(lines: list[Line]) -> Iterator[list[Line]]:
    """Rows below each other that have as many items."""
    rows = [line for line in lines if line.first.kind != "comment"]

    def kind(line: Line) -> tuple[Token | None, int]:
        first = _row(line)
        if first is None:
            return None, 0
        return first.inside, len(_items(line))

    for (own, _), group in groupby(rows, kind):
        table = list(group)
        if own is not None and len(table) > 1:
            yield table


def _items(line: Line) -> list[_Cell]:
    """The items of a row."""
    return [cell for t, cell in _cells(line).items() if t.inside is line.first]


def _laid_out(table: list[Line], gaps: Gaps) -> Gaps:
    """The gaps of a table's rows: each column to the left or to the right, as it mostly was."""
    rows = [sorted(_items(line)) for line in table]
    made: Gaps = {t: 0 for line in table for t in line.tokens}
    pads = [0] * len(table)
    for column in range(len(rows[0])):
        cells = [row[column] for row in rows]
        columns = [_columns(line, gaps) for line in table]
        starts = Counter(c[cell.first] for c, cell in zip(columns, cells, strict=True))
        last = [line.tokens[cell.last] for line, cell in zip(table, cells, strict=True)]
        ends = Counter(
            c[cell.last] + len(t.text) for c, cell, t in zip(columns, cells, last, strict=True)
        )
        numbers = all(t.kind == "number" for t in last)
        right = max(ends.values()) + (0.5 if numbers else 0) > max(starts.values())
        plain = [Line(line.tokens, line.gaps, 0).columns() for line in table]
        sizes = [
            c[cell.last] + len(t.text) - c[cell.first]
            for c, cell, t in zip(plain, cells, last, strict=True)
        ]
        widest = max(sizes)
        fresh = [
            pad + (widest - size if right else 0) for pad, size in zip(pads, sizes, strict=True)
        ]
        heads = [line.tokens[cell.first] for line, cell in zip(table, cells, strict=True)]
        common = max(0, min(gaps.get(t, 0) for t in heads) - min(fresh))
        made.update({t: gap + common for t, gap in zip(heads, fresh, strict=True)})
        pads = [0 if right else widest - size for size in sizes]
    return made
