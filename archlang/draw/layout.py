"""Where everything lies. A group's size depends on what is in it alone, so layout is one pass.

All is reckoned along the flow (``m``) and across it (``c``), and turned into places at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, TypeAlias

from archlang.draw.cells import Cell, Plan, branches, lead
from archlang.draw.parts import Card, Group
from archlang.draw.routes import Column, Route, sort_tracks
from archlang.draw.scene import Point, Rect
from archlang.draw.words import Words, frame_title

Direction: TypeAlias = Literal["TB", "LR"]

GAP, TRACK, ARROW = 20.0, 8.0, 12.0
BETWEEN = 18.0
"""Between neighbours of a row."""
LANE = 9.0
CLOSE = 10.0
"""Between rows where no arrow needs room."""
WIDE = 460.0
"""The longest branch that is laid across the flow."""
FRAME = 12.0
TITLE = 22.0
"""The band that a frame's name takes."""


CLEAR = 7.0
"""Between texts of a line, and between a text and a way."""


class Layout:
    """Sizes and places of cells; ``measure`` gives width and height of a card."""

    def __init__(self, direction: Direction, measure: Callable[[Card], tuple[float, float]]):
        self.down = direction == "TB"
        self.measure = measure

    def turn(self, plan: Plan) -> None:
        """Lay branches beside a straight way across the flow, if they are not too long for that."""
        for branch, cards in branches(plan):
            whole = {branch, *cards}
            for card in cards:
                while card is not branch and card.parent is not None:
                    card = card.parent
                    whole.add(card)
            for cell in whole:
                cell.turned = True
            self.size(branch)
            for cell in whole:
                cell.turned = branch.cross <= WIDE

    # Sizes

    def size(self, cell: Cell) -> None:
        """Give a cell and all inside it their sizes."""
        if isinstance(cell.part, Card):
            wide, high = self.measure(cell.part)
            cell.main, cell.cross = (high, wide) if self.down else (wide, high)
            cell.spine, cell.middle = cell.cross / 2, cell.main / 2
            return
        for row in cell.rows:
            for kid in row:
                self.size(kid)
        if cell.turned:
            self._across_size(cell)
            return
        titles = _titles(cell.part)
        band = TITLE if titles else 0.0
        edge = FRAME if cell.part.framed else 0.0
        before = edge + (band if not self.down else 0.0)
        _spread(cell)
        left = max(kid.spine - kid.offset for row in cell.rows for kid in row)
        right = max(kid.offset + kid.cross - kid.spine for row in cell.rows for kid in row)
        if self.down and titles:
            near, far = (right, left) if cell.flipped else (left, right)
            near, far = _around(titles, near, far)
            left, right = (far, near) if cell.flipped else (near, far)
        cell.spine = before + left
        cell.content = cell.spine + right
        lanes = 1 + max((lane.place for lane in cell.lanes.values()), default=-1)
        cell.cross = cell.content + (lanes * LANE + 4 if lanes else 0) + edge
        cell.gaps = [self._gap(cell, number) for number in range(len(cell.rows) + 1)]
        if cell.part.framed:
            cell.gaps[0] += FRAME
            cell.gaps[-1] += FRAME
            cell.gaps[-1 if cell.up else 0] += band - 8 if self.down else 0
        cell.main = sum(cell.gaps) + sum(max(k.main for k in row) for row in cell.rows)
        if not self.down and titles:
            spare = max(0.0, beside(titles) + 2 * FRAME - cell.main)
            cell.main += spare
            cell.gaps[-1] += spare

    def _across_size(self, cell: Cell) -> None:
        """Sizes of a group whose cells lie one behind the other across the flow."""
        kids = [row[0] for row in cell.rows]
        titles = _titles(cell.part)
        edge, band = (FRAME, TITLE - 8) if titles else (0.0, 0.0)
        cell.gaps = [edge, edge]
        cell.gaps[-1 if cell.up else 0] += band if self.down else 0.0
        cell.spine = edge + (0.0 if self.down else band)
        cell.cross = cell.spine + sum(k.cross for k in kids) + GAP * (len(kids) - 1) + edge
        cell.middle = cell.gaps[0] + max(kid.middle for kid in kids)
        behind = max(kid.main - kid.middle for kid in kids)
        if titles and self.down:
            cell.cross = max(cell.cross, beside(titles) + 2 * FRAME)
        elif titles:
            before, behind = _around(titles, cell.middle - edge, behind)
            cell.middle = before + edge
        cell.main = cell.middle + behind + cell.gaps[-1]

    @staticmethod
    def _gap(cell: Cell, number: int) -> float:
        tracks = len(cell.tracks[number])
        if number == len(cell.rows):
            return tracks * TRACK + 6 if tracks else 0.0
        room = tracks * TRACK + ARROW + 4 if tracks else 0.0
        close = any(map(_taps, cell.rows[number])) or (number and _passes(cell.rows[number - 1]))
        return max(room, CLOSE if close else GAP) if number else room

    # Places

    def place(self, cell: Cell, m: float = 0, c: float = 0) -> None:
        """Give a cell and all inside it, whose sizes are known, their places."""
        cell.m, cell.c = m, c
        if cell.turned:
            at = c + cell.spine
            for (kid,) in cell.rows:
                self.place(kid, m + cell.middle - kid.middle, at)
                at += kid.cross + GAP
            return
        at = m
        for gap, row in zip(cell.gaps, cell.rows, strict=False):
            at += gap
            for kid in row:
                self.place(kid, at, c + cell.spine + kid.offset - kid.spine)
            at += max(k.main for k in row)

    def point(self, m: float, c: float) -> Point:
        """A place on the picture."""
        return (c, m) if self.down else (m, c)

    def rect(self, cell: Cell) -> Rect:
        """A cell's rectangle on the picture."""
        x, y = self.point(cell.m, cell.c)
        width, height = self.point(cell.main, cell.cross)
        return Rect(x, y, width, height)

    def title(self, cell: Cell, words: list[Words]) -> list[float]:
        """Where on the picture the texts of a frame's name begin: none lies on its spine."""
        x, _, _, _ = self.rect(cell)
        widths = [w.width for w in words]
        found = [x + FRAME]
        spine = cell.middle if cell.turned else cell.spine
        near = spine - FRAME
        if cell.flipped and not cell.turned:  # the lanes are before it
            found[0] += cell.cross - cell.content - FRAME
            near, spine = cell.content - cell.spine, cell.cross - cell.spine
        if len(words) > 1:
            split = self.down != cell.turned and beside(widths) > near - CLEAR
            found.append(x + spine + CLEAR if split else found[0] + widths[0] + CLEAR)
        return found

    # Ways

    def ways(self, found: list[Route]) -> dict[tuple[Cell, Cell], list[Point]]:
        """The ways of tensors between cells that have their places, by their ends."""
        sort_tracks(found, self._across)
        return {(route.start, route.end): self._points(route) for route in found}

    def _points(self, route: Route) -> list[Point]:
        """A tensor's way, corner by corner."""
        start, end = route.start, route.end
        across = [self._across(column) for column in route.columns]
        found = [(start.m + start.main, across[0])] if not route.leaves else []
        if route.leaves:
            middle = start.m + start.middle
            found += [(middle, c) for c in (start.c + start.cross, *across)]
        for (gap, track), (before, after) in zip(route.gaps, pairwise(across), strict=True):
            m = self._along(gap.group, gap.number, track)
            found += [(m, before), (m, after)]
        if route.side:
            middle, last = end.m + end.middle, found[-1][1]
            found += [(middle, last), (middle, end.c if last <= end.c else end.c + end.cross)]
        else:
            found.append((end.m, across[-1]))
        return [self.point(m, c) for m, c in _straight(found)]

    @staticmethod
    def _across(column: Column) -> float:
        cell, source = column
        if source is None:
            return cell.c + cell.spine
        return cell.c + cell.content + LANE * (cell.lanes[source].place + 1)

    def _along(self, cell: Cell, number: int, track: Cell) -> float:
        """Where a track of a gap lies."""
        at = cell.m + sum(cell.gaps[:number])
        at += sum(max(k.main for k in row) for row in cell.rows[:number])
        framed = isinstance(cell.part, Group) and cell.part.framed
        if framed and number == 0:
            at += FRAME + (TITLE - 8 if self.down and not cell.up else 0) - TRACK / 2
        return at + TRACK * (cell.tracks[number][track] + 1) - (2 if not framed else 0)


def beside(widths: list[float]) -> float:
    """The length of texts side by side."""
    return sum(widths) + CLEAR * (len(widths) - 1)


def _titles(part: Card | Group) -> list[float]:
    """The lengths of the texts of a frame's name; none where there is no frame."""
    if isinstance(part, Card) or not part.framed:
        return []
    return [words.width for words in frame_title(part)]


def _around(titles: list[float], before: float, behind: float) -> tuple[float, float]:
    """Room on both sides of a way for a name that it crosses: all before it, or a part behind."""
    if beside(titles) <= before - CLEAR:
        return before, behind
    return max(before, titles[0] + CLEAR), max(behind, sum(titles[1:]) + CLEAR)


def _spread(cell: Cell) -> None:
    """Find where the spines of a group's cells lie, from the group's.

    Rows one below the other whose cells each go on from the one above them share columns.
    """
    at = 0
    while at < len(cell.rows):
        end = at + 1
        while end < len(cell.rows) and _continues(cell.rows[end - 1], cell.rows[end]):
            end += 1
        _columns(cell.rows[at:end])
        at = end


def _continues(row: list[Cell], next_: list[Cell]) -> bool:
    return len(row) == len(next_) and all(b.behind is a for a, b in zip(row, next_, strict=True))


def _columns(rows: list[list[Cell]]) -> None:
    """Place the spines of the cells of rows with the same columns."""
    before = [max(kid.spine for kid in column) for column in zip(*rows, strict=True)]
    after = [max(kid.cross - kid.spine for kid in column) for column in zip(*rows, strict=True)]
    spines = [before[0]]
    for number in range(1, len(before)):
        spines.append(spines[-1] + after[number - 1] + BETWEEN + before[number])
    first = rows[0][0] if len(before) == 1 else lead(rows[0])
    middle = (spines[-1] + after[-1]) / 2 if first is None else spines[rows[0].index(first)]
    for row in rows:
        for kid, spine in zip(row, spines, strict=True):
            kid.offset = spine - middle


def _passes(row: list[Cell]) -> bool:
    """Whether a straight way passes something that lies across the flow."""
    return any(cell.turned for cell in row)


def _taps(cell: Cell) -> bool:
    """Whether the first that a group holds is a straight way which does that."""
    framed = isinstance(cell.part, Group) and cell.part.framed
    return bool(cell.rows) and not framed and _passes(cell.rows[0])


def joined(way: list[Point], rest: list[Point]) -> list[Point]:
    """A way and what goes on from its end."""
    return _straight([*way, *rest])


def _straight(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A way without the corners at which it does not turn."""
    found: list[tuple[float, float]] = []
    for point in points:
        if found and point == found[-1]:
            continue
        while len(found) > 1 and any(
            found[-2][axis] == found[-1][axis] == point[axis] for axis in (0, 1)
        ):
            found.pop()
        found.append(point)
    return found
