"""A chain of boxes with skips one inside the other, drawn as a U: down, across and up again.

Each skip is then a straight line from what it comes from to what it goes to, on one height.
"""

from __future__ import annotations

from itertools import pairwise

from archlang.draw.cells import Cell, Plan
from archlang.draw.layout import GAP
from archlang.draw.parts import Card
from archlang.draw.scene import Point

ACROSS = 72.0
"""Between the arms."""


def skips(plan: Plan) -> list[tuple[int, int]]:
    """The skips of a chain that makes a U, as rows, the longest first; none where it makes none."""
    rows = plan.root.rows
    if any(len(row) > 1 or not isinstance(row[0].part, Card) for row in rows):
        return []
    found = sorted((a.row, b.row) for a, b in plan.edges if b.row != a.row + 1)
    nested = all(one[0] < two[0] and two[1] < one[1] for one, two in pairwise(found))
    joined = len(plan.edges) - len(found) == len(rows) - 1
    return found if len(found) > 1 and nested and joined else []


def lay(plan: Plan, found: list[tuple[int, int]]) -> list[list[Point]]:
    """Place the cells of a U, whose sizes are known; the ways of the plan's edges."""
    cells = [row[0] for row in plan.root.rows]
    turn = found[-1][1]
    down, up = cells[:turn], cells[turn:]
    left = max(cell.cross for cell in down)
    right = max(cell.cross for cell in up)
    middles = (left / 2, left + ACROSS + right / 2)
    for arm, middle in zip((down, up), middles, strict=True):
        for cell in arm:
            cell.c = middle - cell.spine
    plan.root.main = _heights(cells, found)
    plan.root.cross = left + ACROSS + right
    return [_way(start, end, turn) for start, end in plan.edges]


def _heights(cells: list[Cell], found: list[tuple[int, int]]) -> float:
    """Place the cells along the arms, both ends of a skip on one height; how high it all is."""
    starts = [start for start, _ in found]
    ends = [end for _, end in found]
    first, last = cells[: starts[0]], cells[ends[0] + 1 :][::-1]
    top = max(_stack(first, 0.0), _stack(last, 0.0))
    for arm in (first, last):
        _stack(arm, top - _stack(arm, 0.0))
    for number, (start, end) in enumerate(found):
        pair = cells[start], cells[end]
        high = max(cell.main for cell in pair)
        for cell in pair:
            cell.m = top + (high - cell.main) / 2
        top += high + GAP
        inner = found[number + 1] if number + 1 < len(found) else (end, end)
        arms = cells[start + 1 : inner[0]], cells[inner[1] + 1 : end][::-1]
        top = max(_stack(arm, top) for arm in arms)
    return top - GAP


def _stack(arm: list[Cell], top: float) -> float:
    """Place cells below each other from a height on; where what follows begins."""
    for cell in arm:
        cell.m = top
        top += cell.main + GAP
    return top


def _way(start: Cell, end: Cell, turn: int) -> list[Point]:
    """A tensor's way: down the left arm, across, or up the right one."""
    across = start.c + start.cross
    beside = start.m + start.main / 2
    if start.row < turn <= end.row:
        if end.row == start.row + 1:
            spine = end.c + end.spine
            return [(across, beside), (spine, beside), (spine, end.m + end.main)]
        return [(across, beside), (end.c, beside)]
    spine = start.c + start.spine
    if start.row < turn:
        return [(spine, start.m + start.main), (spine, end.m)]
    return [(spine, start.m), (spine, end.m + end.main)]
