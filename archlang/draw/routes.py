"""The ways of tensors from card to card: along spines and lanes, and across in the gaps.

No way leads through a box that it does not end at, whatever the network: below a cell, above it
and beside its group's rows there is nothing but ways.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from archlang.draw.cells import Cell, Lane, Plan
from archlang.draw.parts import Card

Key: TypeAlias = tuple[Cell, Cell | None]
"""A column's line: two cells may have one spine."""


class Column(NamedTuple):
    """A way along the flow: a cell's spine, or the lane of ``source`` in a group."""

    cell: Cell
    source: Cell | None = None

    @property
    def key(self) -> Key:
        """What is equal for columns that lie in one line."""
        return (self.cell if self.source else self.cell.column(), self.source)


class Gap(NamedTuple):
    """A way across, in one gap of a group."""

    group: Cell
    number: int


@dataclass(slots=True)
class Route:
    """A tensor's way: columns, and the gaps in which it gets from one to the next.

    In a gap its track is that of the cell beside it: the one that it comes from, or the join that
    it goes to.
    ``leaves`` holds where it begins at the side of a card, not where the flow leaves it, and
    ``side`` where it ends at one.
    """

    start: Cell
    end: Cell
    columns: list[Column]
    gaps: list[tuple[Gap, Cell]] = field(default_factory=list)
    leaves: bool = False
    side: bool = False

    def turn(self, gap: Gap, column: Column) -> None:
        """Go across in a gap to a column, where that is another one."""
        last = self.columns[-1]
        if last.source:
            last.cell.lanes[last.source].cover(gap.number) if last.cell is gap.group else None
        if column.source:
            lane = column.cell.lanes.setdefault(column.source, Lane(gap.number, gap.number))
            if column.cell is gap.group:
                lane.cover(gap.number)
        if last.key == column.key:
            return
        joins = column.cell is self.end and _joins(self.end)
        track = self.end if joins else self.start
        tracks = gap.group.tracks[gap.number]
        tracks.setdefault(track, len(tracks))
        self.columns.append(column)
        self.gaps.append((gap, track))


def routes(plan: Plan, but: Collection[tuple[Cell, Cell]] = ()) -> list[Route]:
    """The ways of all edges ``but`` some; notes in the cells what room they need."""
    _clear(plan.root)
    found = [_route(start, end) for start, end in plan.edges if (start, end) not in but]
    _places(plan.root)
    return found


def _clear(cell: Cell) -> None:
    cell.tracks = [{} for _ in range(len(cell.rows) + 1)]
    for row in cell.rows:
        for kid in row:
            _clear(kid)


def _route(start: Cell, end: Cell) -> Route:
    branch = _branch(start)
    if branch is not None:
        return _along(start, end, branch)
    route = Route(start, end, [Column(start)])
    above = _above(start)
    inward = [end]
    while inward[0].parent not in above:
        assert inward[0].parent is not None
        inward.insert(0, inward[0].parent)
    common = inward[0].parent
    at = start
    while at.parent is not common:
        assert at.parent is not None
        at = _out(route, at, at.parent)
    assert common is not None
    _over(route, common, at, inward[0])
    for around, cell in pairwise(inward):
        if cell.turned:  # at its height the straight way passes it
            route.side = True
            break
        _into(route, around, cell)
    return route


def _branch(cell: Cell) -> Cell | None:
    """The branch across the flow that a card is in."""
    if not cell.turned:
        return None
    while cell.parent is not None and cell.parent.turned:
        cell = cell.parent
    return cell


def _along(start: Cell, end: Cell, branch: Cell) -> Route:
    """A way across the flow: to the next card of a branch, or from its last one to the join."""
    if _branch(end) is branch:
        return Route(start, end, [], leaves=True, side=True)
    group = branch.parent
    assert group is not None
    group.lanes[start] = Lane(branch.row + 1, end.row + 1)
    return Route(start, end, [Column(group, start)], leaves=True, side=True)


def _above(cell: Cell) -> set[Cell]:
    found = set()
    at = cell.parent
    while at is not None:
        found.add(at)
        at = at.parent
    return found


def _out(route: Route, at: Cell, group: Cell) -> Cell:
    """Leave a group: by its spine, or by a lane where that is another's or not reached."""
    end = len(group.rows)
    if at.row == end - 1 and group.left in (None, route.start):
        group.left = route.start
        route.turn(Gap(group, end), Column(group))
    else:
        route.turn(Gap(group, at.row + 1), Column(group, route.start))
        group.lanes[route.start].cover(end)
    return group


def _arrival(route: Route, cell: Cell) -> Column:
    """Where a tensor enters a cell of a row."""
    if not cell.rows:
        return Column(cell)
    if cell.entered in (None, route.start):
        cell.entered = route.start
        return Column(cell)
    cell.lanes.setdefault(route.start, Lane(0, 0))
    return Column(cell, route.start)


def _over(route: Route, group: Cell, start: Cell, end: Cell) -> None:
    """Get from one row of a group to a later one."""
    if end.row == start.row + 1:
        route.turn(Gap(group, end.row), _arrival(route, end))
    else:
        route.turn(Gap(group, start.row + 1), Column(group, route.start))
        _end(route, group, end)


def _into(route: Route, group: Cell, cell: Cell) -> None:
    """Having come into a group, get to one of its rows."""
    if cell.row == 0:
        route.turn(Gap(group, 0), _arrival(route, cell))
        return
    route.turn(Gap(group, 0), Column(group, route.start))
    _end(route, group, cell)


def _end(route: Route, group: Cell, cell: Cell) -> None:
    """From a lane to a cell: to a card's side, where nothing lies between."""
    lane = group.lanes[route.start]
    if cell is route.end and len(group.rows[cell.row]) == 1 and _solid(cell):
        lane.cover(cell.row)
        lane.cover(cell.row + 1)
        route.side = True
    else:
        route.turn(Gap(group, cell.row), _arrival(route, cell))


def _joins(cell: Cell) -> bool:
    return isinstance(cell.part, Card) and cell.part.kind == "join"


def _solid(cell: Cell) -> bool:
    return isinstance(cell.part, Card) and cell.part.kind != "pass"


def _places(cell: Cell) -> None:
    """Give lanes their places: short ones nearest, and one place to those that never meet."""
    taken: list[list[Lane]] = []
    for lane in sorted(cell.lanes.values(), key=lambda lane: (lane.last - lane.first, lane.first)):
        for place, others in enumerate(taken):
            if all(lane.last < o.first or o.last < lane.first for o in others):
                lane.place = place
                others.append(lane)
                break
        else:
            lane.place = len(taken)
            taken.append([lane])
    for row in cell.rows:
        for kid in row:
            _places(kid)


def sort_tracks(found: list[Route], across: Callable[[Column], float]) -> None:
    """Put the tracks of each gap in order, so that no two tensors share a stretch of a column.

    What leaves a column has to do so before another comes into it. Where that goes round in a
    circle, the first that was met comes first. ``across`` is where a column lies.
    """
    leaving: dict[Gap, dict[float, set[Cell]]] = {}
    coming: dict[Gap, dict[float, set[Cell]]] = {}
    for route in found:
        for (gap, track), (before, after) in zip(route.gaps, pairwise(route.columns), strict=True):
            leaving.setdefault(gap, {}).setdefault(round(across(before), 3), set()).add(track)
            coming.setdefault(gap, {}).setdefault(round(across(after), 3), set()).add(track)
    for gap, columns in coming.items():
        tracks = gap.group.tracks[gap.number]
        above: dict[Cell, set[Cell]] = {track: set() for track in tracks}
        for key, later in columns.items():
            for track in later:
                above[track] |= leaving[gap].get(key, set()) - {track}
        left = list(tracks)
        for number in range(len(left)):
            free = next((t for t in left if not above[t].intersection(left)), left[0])
            left.remove(free)
            tracks[free] = number
