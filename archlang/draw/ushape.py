"""A chain of parts with skips one inside the other, drawn as a U: down, across and up again.

It is laid out as a chain without its skips, and folded where it turns. Each skip is then a straight
line from what it comes from to what it goes to, on one height. What lies beside a part's straight
way lies on the outer side of both arms.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, TypeAlias

from archlang.draw.cells import Cell, Plan
from archlang.draw.layout import Layout
from archlang.draw.parts import Card
from archlang.draw.routes import Route
from archlang.draw.scene import Point

ACROSS = 60.0
"""Between the arms."""
TURN = 18.0
"""Between the lowest parts of the arms and the way from one arm to the other."""

Edge: TypeAlias = tuple[Cell, Cell]


class Skips(NamedTuple):
    """The skips of a U, the innermost first, and the row that the up arm begins with."""

    edges: list[Edge]
    turn: int


def skips(plan: Plan) -> Skips | None:
    """The skips of a chain that makes a U; none where it makes none."""
    if any(len(row) > 1 for row in plan.root.rows):
        return None
    rows = {edge: (_top(edge[0]).row, _top(edge[1]).row) for edge in plan.edges}
    found = sorted((e for e, (a, b) in rows.items() if b > a + 1), key=lambda e: -rows[e][0])
    nested = all(rows[b][0] < rows[a][0] and rows[a][1] < rows[b][1] for a, b in pairwise(found))
    if len(found) < 2 or not nested:
        return None
    if not all(_reached(start) and _reached(end) for start, end in found):
        return None
    turn = rows[found[0]][1]
    over = {edge[0] for edge, (a, b) in rows.items() if a == turn - 1 and b == turn}
    return Skips(found, turn) if len(over) == 1 else None


def fold(plan: Plan, skips: Skips) -> None:
    """Let the cells know on which arm they are, before their sizes are known."""
    for (cell,) in plan.root.rows:
        _mark(cell, up=cell.row >= skips.turn)


def lay(plan: Plan, skips: Skips, layout: Layout, found: list[Route]) -> dict[Edge, list[Point]]:
    """Place the cells of a U, whose sizes are known; the ways of the plan's edges.

    ``found`` are the routes of all edges but the skips.
    """
    root = plan.root
    cells = [row[0] for row in root.rows]
    turn = _heights(cells, skips, root)
    layout.place(root)
    down, up = cells[: skips.turn], cells[skips.turn :]
    left = max(cell.cross - cell.spine for cell in down)
    right = left + max(c.spine for c in down) + ACROSS + max(c.spine for c in up)
    ways = {}
    for edge, points in layout.ways(found).items():
        before = [(left - x + root.spine, y) for x, y in points if y <= turn]
        after = [(right + x - root.spine, 2 * turn - y) for x, y in points if y > turn]
        across = [(left, turn), (right, turn)] if before and after else []
        ways[edge] = [*before, *across, *after]
    for cell in down:
        _shift(cell, left + root.spine, None)
    for cell in up:
        _shift(cell, right - root.spine, 2 * turn)
    for start, end in skips.edges:
        height = start.m + start.main / 2
        ways[start, end] = [(start.c + start.cross, height), (end.c, height)]
    root.main, root.cross = turn, right + max(cell.cross - cell.spine for cell in up)
    return ways


def _top(cell: Cell) -> Cell:
    while cell.parent is not None and cell.parent.parent is not None:
        cell = cell.parent
    return cell


def _reached(cell: Cell) -> bool:
    """Whether nothing lies between a card and the other arm."""
    if not isinstance(cell.part, Card) or cell.part.kind == "pass" or cell.turned:
        return False
    while cell.parent is not None:
        if cell.parent.rows[cell.row][0] is not cell:
            return False
        cell = cell.parent
    return True


def _mark(cell: Cell, *, up: bool) -> None:
    cell.up, cell.flipped = up, not up
    for row in cell.rows:
        for kid in row:
            _mark(kid, up=up)


def _heights(cells: list[Cell], skips: Skips, root: Cell) -> float:
    """Set the gaps of a chain so that both ends of a skip lie as far from the turn.

    How far along the chain that is.
    """
    far = {skips.turn - 1: TURN, skips.turn: TURN}
    low, high = skips.turn - 1, skips.turn

    def reach(row: int, at: int) -> None:
        """Place the cells of an arm from the last placed one to this, as close as they may be."""
        step = 1 if row >= skips.turn else -1
        while at != row:
            gap = root.gaps[max(at, at + step)]
            far[at + step] = far[at] + cells[at].main + gap
            at += step

    for start, end in skips.edges:
        one, other = _top(start), _top(end)
        reach(one.row, low)
        reach(other.row, high)
        low, high = one.row, other.row
        ends = far[low] + one.main - _middle(start), far[high] + _middle(end)
        far[low] += max(ends) - ends[0]
        far[high] += max(ends) - ends[1]
    reach(0, low)
    reach(len(cells) - 1, high)
    turn = max(far[row] + cells[row].main for row in (0, len(cells) - 1))
    root.gaps[0] = turn - far[0] - cells[0].main
    for row in range(1, len(cells)):
        if row == skips.turn:
            root.gaps[row] = far[row] + far[row - 1]
        else:
            inner, outer = (row, row - 1) if row < skips.turn else (row - 1, row)
            root.gaps[row] = far[outer] - far[inner] - cells[inner].main
    return turn


def _middle(cell: Cell) -> float:
    """How far the middle of a card is from where the part of the chain that it is in begins."""
    middle = cell.main / 2
    while cell.parent is not None and cell.parent.parent is not None:
        group = cell.parent
        rows = group.rows[: cell.row]
        middle += sum(group.gaps[: cell.row + 1]) + sum(max(k.main for k in r) for r in rows)
        cell = group
    return middle


def _shift(cell: Cell, c: float, turned: float | None) -> None:
    """Take a cell and all in it from the chain to an arm: from ``turned`` up, or down, mirrored."""
    if turned is None:
        cell.c = c - cell.c - cell.cross
    else:
        cell.c += c
        cell.m = turned - cell.m - cell.main
    for row in cell.rows:
        for kid in row:
            _shift(kid, c, turned)
