"""A plan without straight ways: what else than our own layout draws knows cards alone."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.draw.cells import Cell, Plan
from archlang.draw.parts import Card


def ways(found: Plan) -> list[tuple[Cell, Cell]]:
    """The tensors that go from card to card."""
    on = {start: end for start, end in found.edges if straight(start)}
    pairs = ((start, on.get(end, end)) for start, end in found.edges if start not in on)
    return list(dict.fromkeys(pairs))


def cards(cell: Cell) -> Iterator[Cell]:
    """The cards in a cell, each behind all that it takes from."""
    if isinstance(cell.part, Card) and not straight(cell):
        yield cell
    for row in cell.rows:
        for kid in row:
            yield from cards(kid)


def straight(cell: Cell) -> bool:
    """Whether a cell only keeps the way beside branches free."""
    return isinstance(cell.part, Card) and cell.part.kind == "pass"
