"""What stands below each other: shapes, second statements, comments, and the cells of tables.

A column is the author's where his lines agree on one, and else as near as it can be. A gap that
lines up with nothing is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from archlang.syntax.layout import WIDTH, Line
from archlang.syntax.tables import Gaps, settle
from archlang.syntax.tokens import Token

ROUNDS = 12
"""More than it ever takes until nothing moves: what moves one column may move another."""
FAR, NEAR = 3, 2
"""Further blanks before shapes and second statements, behind the longest line."""


class _Mark(NamedTuple):
    """What may stand in a column: token number ``place`` of a line."""

    line: Line
    place: int
    least: int
    """The column that it stands in where nothing is aligned."""
    wanted: int
    """The column that the author gave it."""
    tail: int
    """How much code stands from there on."""

    @property
    def free(self) -> bool:
        """Whether it starts its line, as what goes on from the line above."""
        return self.place == 0

    @property
    def padded(self) -> bool:
        return self.wanted > self.least


def align(lines: list[Line]) -> None:
    """Set the gaps of lines in a file, all of which have the plain ones."""
    runs = list(_runs(lines))
    plain = [list(line.gaps) for line in lines]
    wanted = {
        t: t.column + moved for line in lines for moved in [_moved(line)] for t in line.tokens
    }
    gaps: Gaps = {
        t: t.gap - gap
        for line in lines
        for t, gap in zip(line.tokens[1:], line.gaps[1:], strict=True)
        if t.lines == 0 and t.gap > gap
    }
    for _ in range(ROUNDS):
        for line, own in zip(lines, plain, strict=True):
            line.gaps = list(own)
        gaps = settle(lines, runs, gaps)
        shapes = {c for t, c in wanted.items() if t.role == "shape"}
        for kind in ("second", "shape", "comment"):
            among = list(_beside(runs)) if kind == "second" else runs
            marked = [_marked(run, kind, wanted) for run in among]
            recurring = Counter(m.wanted for marks in marked for m in marks)
            for marks in marked:
                if kind == "second":
                    chosen = _second(marks, recurring, shapes)
                else:
                    chosen = _column(marks, recurring, FAR if kind == "shape" else 0)
                for mark, column in zip(marks, chosen, strict=True):
                    mark.line.gaps[mark.place] += column - mark.least
        placed = {t: c for line in lines for t, c in zip(line.tokens, line.columns(), strict=True)}
        if placed == wanted:
            return
        wanted = placed


def _moved(line: Line) -> int:
    """How far indentation moves what the author wrote on a line."""
    first = line.first
    head = first.head
    if first.role == "shape" and head is not None:
        return line.level - head.margin if head.column == head.margin else 0
    return line.gaps[0] - first.column


def _runs(lines: list[Line]) -> Iterator[list[Line]]:
    """Lines below each other, of one level."""
    run: list[Line] = []
    for line in lines:
        if run and (line.blank or line.level != run[-1].level):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _marked(run: list[Line], kind: str, wanted: dict[Token, int]) -> list[_Mark]:
    found = []
    for line in run:
        place = _find(line, kind)
        if place is not None:
            columns = line.columns()
            end = columns[-1] + len(line.tokens[-1].text)
            if line.tokens[-1].kind == "comment":
                end = columns[-1] - 2 if kind != "comment" else end
            least = columns[place]
            found.append(_Mark(line, place, least, wanted[line.tokens[place]], end - least))
    return found


def _find(line: Line, kind: str) -> int | None:
    """Which token of a line has a column of its own."""
    own = line.first.inside
    if kind == "comment":
        last = len(line.tokens) - 1
        return last if last and line.tokens[last].kind == "comment" else None
    if kind == "second":
        places = (
            i
            for i, t in enumerate(line.tokens)
            if i and t.starts and t.semicolon and t.inside is own
        )
        return next(places, None)
    return _last_shape(line)


def _last_shape(line: Line) -> int | None:
    """The colon before a shape that nothing stands behind but braces that close."""
    ends = [t for t in line.tokens if t.kind != "comment" and t.text != "}"][-1:]
    if not ends or ends[0].other is None or ends[0].other not in line.tokens:
        return None
    place = line.tokens.index(ends[0].other) - 1
    return place if place >= 0 and line.tokens[place].role == "shape" else None


def _beside(runs: list[list[Line]]) -> Iterator[list[Line]]:
    """The parts of runs that are lines of several statements throughout."""
    for run in runs:
        for several, part in groupby(run, lambda line: _find(line, "second") is not None):
            if several:
                yield list(part)


def _column(run: list[_Mark], recurring: Counter[int], far: int) -> list[int]:
    """The columns of shapes or of comments: one, but for those too long for it."""
    if not run:
        return []
    votes = Counter(m.wanted for m in run)
    ranked = sorted(votes, key=lambda c: (-votes[c], c))
    longest = max(m.least for m in run)
    for column in ranked:
        if recurring[column] > 1 and column >= longest:
            return [m.least if m.free and column + m.tail > WIDTH else column for m in run]
    if len(run) == 1 and not run[0].padded:
        return [longest]
    column = max(m.least + (0 if m.free else far) for m in run)
    if column + max(m.tail for m in run) <= WIDTH:
        return [column] * len(run)
    if votes[ranked[0]] == 1 or not far:
        ranked[0] = _widest(run, far)
    return [max(m.least, ranked[0] if m.least <= ranked[0] else 0) for m in run]


def _widest(run: list[_Mark], far: int) -> int:
    """The column behind as many of the lines as fit the width with it."""
    column = tail = 0
    for mark in sorted(run, key=lambda m: m.least):
        tail = max(tail, mark.tail)
        if mark.least + far + tail > WIDTH:
            break
        column = mark.least + far
    return column


def _second(run: list[_Mark], recurring: Counter[int], shapes: set[int]) -> list[int]:
    """The columns of statements behind the first of their lines, if the author made one.

    One line alone may share its column with others of the file, or with ``shapes`` there.
    """
    longest = max((m.least for m in run), default=0)
    if len(run) == 1:
        column = run[0].wanted
        return [
            column if run[0].padded and (column in shapes or recurring[column] > 1) else longest
        ]
    votes = Counter(m.wanted for m in run)
    made = {m.wanted for m in run if m.padded and votes[m.wanted] > 1}
    fits = [c for c in made if c >= longest]
    if not made:
        return [m.least for m in run]
    column = max(fits, key=lambda c: (votes[c], -c)) if fits else longest + NEAR
    return [column] * len(run)
