"""Parts as cells: which lie in which row of the group around them.

A group is rows of cells along the flow. A row comes behind all that its cells take from, so that
branches lie side by side, and what joins them behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archlang.draw.parts import Card, Group, Part, Structure


@dataclass(eq=False, slots=True)
class Lane:
    """A way along the flow beside a group's rows, from one gap between them to another."""

    first: int
    last: int
    place: int = 0

    def cover(self, gap: int) -> None:
        """Let it reach a gap."""
        self.first, self.last = min(self.first, gap), max(self.last, gap)


@dataclass(eq=False, slots=True)
class Cell:
    """A part's place: ``main`` is its length along the flow, ``cross`` its width across.

    ``spine`` is where across it is entered and left, ``middle`` where along it that is for one
    that is ``turned``; ``m`` and ``c`` are where it begins. A
    group has gaps before, between and behind its ``rows``: ``tracks`` are the ways across in
    each, ``lanes`` the ways along beside them, by the cell that the tensor comes from.
    """

    part: Part
    parent: Cell | None = None
    row: int = 0
    rows: list[list[Cell]] = field(default_factory=list)
    main: float = 0
    cross: float = 0
    spine: float = 0
    middle: float = 0
    offset: float = 0
    """Where its spine is, from that of its group."""
    m: float = 0
    c: float = 0
    content: float = 0
    gaps: list[float] = field(default_factory=list)
    tracks: list[dict[Cell, int]] = field(default_factory=list)
    lanes: dict[Cell, Lane] = field(default_factory=dict)
    turned: bool = False
    """Whether what is in it goes across the flow, away from the straight way beside it."""
    up: bool = False
    flipped: bool = False
    """Whether the picture shows it upside down, or mirrored, as it does the arms of a U."""
    goes_on: bool = False
    """Whether it leads to the last row of its group, and first to the row behind it."""
    behind: Cell | None = None
    """The only cell of its group that it takes from."""
    entered: Cell | None = None
    left: Cell | None = None
    """The cells whose tensors have its spine, in and out: those of others take lanes."""

    @property
    def level(self) -> int:
        """How many groups are around it."""
        return 0 if self.parent is None else self.parent.level + 1

    @property
    def aligned(self) -> bool:
        """Whether its spine is that of the group around it."""
        if self.parent is None:
            return False
        row = self.parent.rows[self.row]
        return len(row) == 1 or lead(row) is self

    def column(self) -> Cell:
        """The outermost cell with this one's spine."""
        cell = self
        while cell.aligned and cell.parent is not None:
            cell = cell.parent
        return cell


def lead(row: list[Cell]) -> Cell | None:
    """The cell of a row that goes straight on, where the others lie beside it.

    That is what arrives, unchanged; what alone leads on; or a group, if the other is a card.
    """
    for cell in row:
        if _passes(cell):
            return cell
    if row[0].goes_on and not any(cell.goes_on for cell in row[1:]):
        return row[0]
    large = [cell for cell in row if cell.rows]
    return large[0] if len(row) == 2 and len(large) == 1 else None


def _passes(cell: Cell) -> bool:
    return isinstance(cell.part, Card) and cell.part.kind == "pass"


@dataclass(slots=True)
class Plan:
    """All cells, and the tensors that go from card to card."""

    root: Cell
    edges: list[tuple[Cell, Cell]]


def plan(structure: Structure, items: list[Part]) -> Plan:
    """The cells of a picture, in rows, and its edges."""
    root = Cell(Group(items, "", framed=False))
    holder: dict[int, Cell] = {}
    passes: dict[Cell, Cell] = {}
    _cells(root, holder, passes)
    edges: dict[tuple[Cell, Cell], None] = {}
    for index in sorted(holder):
        target = holder[index]
        for source in structure.inputs[index]:
            start = holder[structure.drawn(source)]
            if start is not target:
                _connect(edges, start, target, passes)
    found = list(edges)
    _rank(root, found)
    return Plan(root, found)


def _cells(cell: Cell, holder: dict[int, Cell], passes: dict[Cell, Cell]) -> None:
    part = cell.part
    if isinstance(part, Card):
        for node in part.nodes:
            holder[node.index] = cell
        return
    kids = [Cell(item, cell) for item in part.items]
    for kid in kids:
        _cells(kid, holder, passes)
    if part.straight >= 0 and kids[-1].part.nodes:
        straight = Cell(Card("pass", [], [], part.path), cell)
        passes[kids[-1]] = straight
        kids.insert(part.straight, straight)
    cell.rows = [kids]


def _connect(
    edges: dict[tuple[Cell, Cell], None], start: Cell, end: Cell, passes: dict[Cell, Cell]
) -> None:
    """An edge; one that comes from outside to a join with a straight way takes that."""
    straight = passes.get(end)
    if straight is not None and not _within(start, straight.parent):
        edges[start, straight] = None
        edges[straight, end] = None
    else:
        edges[start, end] = None


def _within(cell: Cell, group: Cell | None) -> bool:
    at: Cell | None = cell
    while at is not None and at is not group:
        at = at.parent
    return at is not None


def _rank(root: Cell, edges: list[tuple[Cell, Cell]]) -> None:
    """Put the cells of every group into rows by the longest way to them."""
    takes: dict[Cell, dict[Cell, None]] = {}
    outside: set[Cell] = set()
    for start, end in edges:
        around = {}
        cell: Cell | None = start
        while cell is not None and cell.parent is not None:
            around[cell.parent] = cell
            cell = cell.parent
        at = end
        while at.parent is not None and at.parent not in around:
            outside.add(at)
            at = at.parent
        if at.parent is not None and around[at.parent] is not at:
            takes.setdefault(at, {})[around[at.parent]] = None
    _rows(root, takes, outside)


def _rows(cell: Cell, takes: dict[Cell, dict[Cell, None]], outside: set[Cell]) -> None:
    if not cell.rows:
        return
    kids = cell.rows[0]
    used: dict[Cell, list[Cell]] = {}
    for kid in kids:
        kid.row = 1 + max((k.row for k in takes.get(kid, ())), default=-1)
        for source in takes.get(kid, ()):
            used.setdefault(source, []).append(kid)
    for kid in reversed(kids):
        if not takes.get(kid) and kid not in outside and kid in used:
            kid.row = min(user.row for user in used[kid]) - 1
    rows: list[list[Cell]] = [[] for _ in range(1 + max(k.row for k in kids))]
    for kid in kids:
        rows[kid.row].append(kid)
        before = list(takes.get(kid, ()))
        kid.behind = before[0] if len(before) == 1 else None
    _lead_on(rows, used)
    for row in rows:
        _order(row, takes)
    cell.rows = [row for row in rows if row]
    for number, row in enumerate(cell.rows):
        for kid in row:
            kid.row = number
    for kid in kids:
        _rows(kid, takes, outside)


def _lead_on(rows: list[list[Cell]], used: dict[Cell, list[Cell]]) -> None:
    """Find which cells lead to the last row, and first to the row behind them."""
    ends = set(rows[-1])
    for row in reversed(rows):
        ends.update(kid for kid in row if any(user in ends for user in used.get(kid, ())))
        for kid in row:
            followed = any(user.row == kid.row + 1 for user in used.get(kid, ()))
            kid.goes_on = kid in ends and (followed or row is rows[-1])


def _order(row: list[Cell], takes: dict[Cell, dict[Cell, None]]) -> None:
    """Sort a row by where the cells that it takes from lie; what goes on comes before what ends.

    Branches that all take from one place keep their order.
    """

    def place(cell: Cell) -> tuple[bool, float]:
        at = [k.c for k in takes.get(cell, ())]
        return not cell.goes_on, sum(at) / len(at) if at else 0.0

    row.sort(key=place)
    for number, cell in enumerate(row):
        cell.c = number - (len(row) - 1) / 2


def branches(plan: Plan) -> list[tuple[Cell, list[Cell]]]:
    """What may lie across the flow, and the cards in it: a chain beside a straight way.

    It takes the tensor of that way alone, and gives one to the join of both.
    """
    sources: dict[Cell, list[Cell]] = {}
    users: dict[Cell, list[Cell]] = {}
    for start, end in plan.edges:
        sources.setdefault(end, []).append(start)
        users.setdefault(start, []).append(end)
    found = []
    for group in _groups(plan.root):
        if [len(row) for row in group.rows] != [2, 1]:
            continue
        (straight, branch), (join,) = group.rows
        cards = _chain(branch)
        if not _passes(straight) or not cards or len(sources.get(join, ())) != 2:
            continue
        before = [sources[straight], *([card] for card in cards)]
        comes = [sources.get(card, way) == way for card, way in zip(cards, before, strict=False)]
        after = [*cards[1:], join]
        goes = [users.get(card) == [way] for card, way in zip(cards, after, strict=True)]
        if all(comes) and all(goes):
            found.append((branch, cards))
    return found


def _groups(cell: Cell) -> Iterator[Cell]:
    yield cell
    for row in cell.rows:
        for kid in row:
            yield from _groups(kid)


def _chain(cell: Cell) -> list[Cell]:
    """The cards of a cell in which one follows the other; none where it is more than that."""
    if not cell.rows:
        return [] if _passes(cell) else [cell]
    found = []
    for row in cell.rows:
        cards = _chain(row[0]) if len(row) == 1 else []
        if not cards:
            return []
        found += cards
    return found
