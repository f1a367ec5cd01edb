"""A network as plain text, for terminals and notebooks: a line a box, rails for the tensors.

Each box stands on the rail that it goes on from. A tensor that goes several ways splits into as
many rails; what skips boxes runs on the left of them, so that a U-Net is a valley.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archlang.draw.cells import Cell, Plan, plan
from archlang.draw.levels import Level, opened
from archlang.draw.parts import Card, Group, Structure
from archlang.draw.ways import cards, ways
from archlang.draw.words import caption, shape_text
from archlang.network import Network
from archlang.wording import si

WIDTH = 100
MOST = 16
"""Rails beside each other: beyond, a tensor's further ways share one."""
HEADS = ("", "output", "parameters")


class Row(NamedTuple):
    """A line: its rails, its text, how deep it lies, and its columns."""

    rails: str
    text: str
    depth: int = 0
    shape: str = ""
    params: str = ""


def text(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    width: int = WIDTH,
) -> str:
    """A network, opened to a level, as lines of at most ``width`` letters.

    ``expand`` are patterns of paths to open. Raises ``ValueError`` for one that no part matches.
    """
    structure = Structure(network.graph)
    rows = list(_rows(structure, plan(structure, opened(structure, level, expand))))
    totals = network.totals
    head = f"{network.name}   {si(totals.params)} parameters · {si(totals.macs)} MACs"
    return "\n".join([_cut(head, width), "", *_table(rows, width)]) + "\n"


def _table(rows: list[Row], width: int) -> Iterator[str]:
    """The rows under their headings, in columns."""
    rails = max(len(row.rails) for row in rows) + 2
    shapes = max(len(HEADS[1]), *(len(row.shape) for row in rows))
    params = max(len(HEADS[2]), *(len(row.params) for row in rows))
    texts = [f"{row.rails:{rails}}{'  ' * row.depth}{row.text}" for row in rows]
    room = min(max(map(len, texts)), max(width - shapes - params - 6, rails + 1))
    for said, shape, count in (
        HEADS,
        *((t, row.shape, row.params) for t, row in zip(texts, rows, strict=True)),
    ):
        line = f"{_cut(said, room):{room}}   {shape:{shapes}}   {count:>{params}}"
        yield _cut(line.rstrip(), width)


def _cut(said: str, room: int) -> str:
    return said if len(said) <= room else said[: room - 1] + "…"


def _rows(structure: Structure, found: Plan) -> Iterator[Row]:
    rails = _Rails(_users(found))
    for cell, depth in _lines(found.root, 0):
        part = cell.part
        if isinstance(part, Group):
            yield Row(rails.text(), f"▾ {_title(part)}", depth)
            continue
        if cell not in rails.users:  # a straight way: the rails show it
            continue
        mark = part.nodes[0].op.sign if part.kind == "join" else ""
        params = structure.share(part.all)
        shape = shape_text(part.nodes[-1])
        count = f"{params:,}" if params else ""
        yield Row(rails.card(cell, mark or "●"), _said(part), depth, shape, count)
        if split := rails.split(cell):
            yield Row(split, "")


def _lines(cell: Cell, depth: int) -> Iterator[tuple[Cell, int]]:
    """The cells that have a line, in an order in which each comes behind all that it takes from."""
    framed = isinstance(cell.part, Group) and cell.part.framed
    if framed or isinstance(cell.part, Card):
        yield cell, depth
    for row in cell.rows:
        for kid in row:
            yield from _lines(kid, depth + framed)


def _title(group: Group) -> str:
    copies = f" ×{group.copies}" if group.copies > 1 else ""
    template = group.template if group.template != group.name else ""
    return "  ".join(t for t in (group.names or group.path, template) if t) + copies


def _said(card: Card) -> str:
    """What a box says of itself, on one line."""
    copies = f" ×{card.copies}" if card.copies > 1 else ""
    if card.kind == "input":
        return card.path
    if card.kind == "part":
        said = [card.names or card.template or card.path, card.note]
    else:
        first = caption(card.nodes[0]).removeprefix(f"{card.nodes[0].op.sign} ")
        layers = [first, *(n.op.name for n in card.nodes[1:])]
        said = [card.names, " · ".join(layers)]
    return "  ".join(dict.fromkeys(s for s in said if s)) + copies


def _users(found: Plan) -> dict[Cell, list[Cell]]:
    """The cells that take from each, in the order of their lines."""
    users: dict[Cell, list[Cell]] = {cell: [] for cell in cards(found.root)}
    for start, end in ways(found):
        users[start].append(end)
    return users


def _later(one: Cell, other: Cell) -> bool:
    """Whether a cell lies in a later row than another one, where their ways part."""
    while one.level > other.level and one.parent is not None:
        one = one.parent
    while other.level > one.level and other.parent is not None:
        other = other.parent
    while one.parent is not other.parent and one.parent and other.parent:
        one, other = one.parent, other.parent
    return one.row > other.row


class _Rails:
    """The rails of a drawing as it grows: in each column the cells that a tensor still goes to."""

    def __init__(self, users: dict[Cell, list[Cell]]) -> None:
        self.users = users
        self.order = {cell: place for place, cell in enumerate(users)}
        self.columns: list[list[Cell]] = []
        self.at = 0
        """The column of the last card."""

    def text(self) -> str:
        """A line on which nothing happens."""
        return self._joined(["│" if column else " " for column in self.columns])

    def card(self, cell: Cell, mark: str) -> str:
        """The line of a card: what it takes ends in it."""
        taken = [n for n, column in enumerate(self.columns) if cell in column]
        for n in taken:
            self.columns[n] = [c for c in self.columns[n] if c is not cell]
        ended = [n for n in taken if not self.columns[n]]
        self.at = ended[0] if ended else self._free(0)
        signs = ["│" if column else " " for column in self.columns]
        for n in taken:
            last = n == max(taken)
            on = bool(self.columns[n])
            signs[n] = ("┤" if last else "┼") if on else ("┘" if last else "┴")
            if n < self.at:
                signs[n] = "├" if n == min(taken) else signs[n]
        signs[self.at] = mark
        self.columns[self.at] = self.users[cell][:]
        return self._joined(signs, [*taken, self.at])

    def split(self, cell: Cell) -> str:
        """The line behind a card whose tensor goes several ways; "" where it does not."""
        users = self._ordered(self.users[cell])
        if len(users) < 2:
            return ""
        self.columns[self.at] = users[:1]
        ways = [self.at]
        for user in users[1:]:
            if sum(map(bool, self.columns)) < MOST or len(ways) == 1:
                ways.append(self._free(self.at + 1))
                self.columns[ways[-1]] = [user]
            else:
                self.columns[ways[-1]].append(user)
        signs = ["│" if column else " " for column in self.columns]
        for n in ways:
            signs[n] = "├" if n == self.at else "┐" if n == max(ways) else "┬"
        return self._joined(signs, ways)

    def _free(self, start: int) -> int:
        """The first column from ``start`` on that no rail is in."""
        for n in range(start, len(self.columns)):
            if not self.columns[n]:
                return n
        self.columns += [[] for _ in range(max(start - len(self.columns), 0) + 1)]
        return len(self.columns) - 1

    def _ordered(self, users: list[Cell]) -> list[Cell]:
        """What skips others comes first, the farthest before all; branches keep their order."""
        skips = [u for u in users if any(_later(u, other) for other in users)]
        rest = [u for u in users if u not in skips]
        return [*sorted(skips, key=self.order.__getitem__, reverse=True), *rest]

    @staticmethod
    def _joined(signs: list[str], joined: Sequence[int] = ()) -> str:
        """A line's columns with what lies between: a bar from the first that is joined on."""
        low, high = (min(joined), max(joined)) if joined else (0, 0)
        line = ""
        for n, sign in enumerate(signs):
            crossed = low < n < high and sign == " "
            line += ("─" if crossed else sign) + ("─" if low <= n < high else " ")
        return line.rstrip()
