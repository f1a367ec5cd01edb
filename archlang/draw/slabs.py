"""Where the slabs of a volume picture lie: on lines to the right, beside each other at branches.

Stretches of slabs whose maps have one size stand close together, and have one label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from math import log2
from typing import TypeAlias

from archlang.draw.cells import Cell
from archlang.draw.parts import Card, Group, Part
from archlang.draw.words import Words, shape_text

THICK = (6.0, -8.0, 4.0)
"""The thickness of a slab: so much for each doubling of its channels, from so much, at least."""
HIGH = (22.0, 9.0, 9.0)
"""Its height and width, in the same way, by the sizes of its map."""
RECEDES = (0.3, 0.24)
"""How far to the right and up a unit of its width leads."""
CLOSE, APART, LANES = 4.0, 26.0, 26.0
"""Between slabs of a stretch, between stretches, and between branches."""
LABEL = 10.0
"""From a slab to its label."""
LEADING = 14.0
COPIES = 12
"""The most copies that are drawn as so many slabs."""


@dataclass(eq=False, slots=True)
class Slab:
    """A tensor: the cell that makes it, and how large it is drawn, in so many copies."""

    cell: Cell
    thick: float
    high: float
    dx: float
    dy: float
    copies: int
    x: float = 0
    y: float = 0
    """The middle of its left face, in all three axes."""

    @property
    def card(self) -> Card:
        """What it stands for."""
        assert isinstance(self.cell.part, Card)
        return self.cell.part

    @property
    def width(self) -> float:
        """The length along the line of all its copies."""
        return self.copies * (self.thick + CLOSE) - CLOSE

    @property
    def top(self) -> float:
        """Its highest place."""
        return self.y - (self.high + self.dy) / 2

    @property
    def bottom(self) -> float:
        """Its lowest place."""
        return self.y + (self.high + self.dy) / 2


@dataclass(eq=False, slots=True)
class Stretch:
    """Neighbours whose maps have one size; ``label`` are the lines below all of them.

    ``marks`` are what stands below single ones, with the number of slabs that each is for.
    """

    slabs: list[Slab]
    label: list[Words]
    marks: list[tuple[Words, list[Slab]]] = field(default_factory=list)
    begin: float = 0


@dataclass(eq=False, slots=True)
class Fork:
    """Branches: lines beside each other. Where the first ``leads``, it goes straight on."""

    lanes: list[Line]
    leads: bool
    begin: float = 0
    end: float = 0


Line: TypeAlias = "list[Stretch | Fork]"


def slab(cell: Cell) -> Slab:
    """How large a cell's tensor is drawn.

    Of three sizes of a map the last two are its height and width; one alone is its height.
    """
    part = cell.part
    assert isinstance(part, Card)
    channels, *sizes = (int(d) for d in part.nodes[-1].output.shape or (1,))
    rows, columns = (sizes[-2], sizes[-1]) if len(sizes) > 1 else (*sizes, 1, 1)[:2]
    wide = _length(HIGH, columns)
    copies = part.copies if part.copies <= COPIES else 1
    return Slab(
        cell,
        _length(THICK, channels),
        _length(HIGH, rows),
        wide * RECEDES[0],
        wide * RECEDES[1],
        copies,
    )


def _length(scale: tuple[float, float, float], size: int) -> float:
    doubling, start, least = scale
    return max(least, start + doubling * log2(max(size, 1)))


# What lies on the line, and what beside it


def line(cell: Cell, *, apart: bool) -> Line:
    """A cell's slabs as a line; ``apart`` where each has a label of its own."""
    found: Line = []
    for key, run in groupby(_flat(cell), key=lambda item: _key(item, apart)):
        if key is None:
            found += [_fork(item, apart) for item in run if isinstance(item, list)]
        else:
            found.append(_stretch([item for item in run if isinstance(item, Cell)], apart))
    return found


_Flat: TypeAlias = "list[Cell | list[Cell]]"


def _flat(cell: Cell) -> _Flat:
    """The cards in a cell, those of the groups in it among them, and rows of branches."""
    if isinstance(cell.part, Card):
        return [cell]
    found: _Flat = []
    for row in cell.rows:
        lanes = [kid for kid in row if kid.part.nodes]
        if len(lanes) > 1:
            found.append(lanes)
        else:
            found += [item for kid in lanes for item in _flat(kid)]
    return found


def _key(item: Cell | list[Cell], apart: bool) -> object:
    if isinstance(item, list):
        return None
    node = item.part.nodes[-1]
    if apart or not node.inputs:
        return id(item)
    return (len(node.output.shape), *node.output.shape[1:])


def _fork(lanes: list[Cell], apart: bool) -> Fork:
    first, *rest = lanes
    leads = first.goes_on and not any(lane.goes_on for lane in rest)
    return Fork([line(lane, apart=apart) for lane in lanes], leads)


def _stretch(cells: list[Cell], apart: bool) -> Stretch:
    slabs = [slab(cell) for cell in cells]
    last = slabs[-1].card
    label = _names(cells, apart)
    _, *sizes = last.nodes[-1].output.shape or (1,)
    said = [_width(s.card) + (_copies(s.card) if len(slabs) > 1 else "") for s in slabs]
    marks = []
    if not apart and (len(set(said)) > 1 or not said[0].isdigit()):
        for width, run in groupby(zip(said, slabs, strict=True), key=lambda pair: pair[0]):
            marks.append((Words(width, 9, ink="faint"), [s for _, s in run]))
        label += [Words("×".join(map(str, map(int, sizes))))] if sizes else []
    else:
        label.append(Words(shape_text(last.nodes[-1])))
    return Stretch(slabs, label, marks)


def _width(card: Card) -> str:
    """The channels that come out of a card; those of each branch, where they come together."""
    node = card.nodes[-1]
    channels, *sizes = node.output.shape or (1,)
    grows = len(node.inputs) == 2 and any(n.op.merges for n in node.inputs)
    if card.kind == "part" and node.op.merges and not grows:
        widths = [x.shape[0] for x in node.tensors if list(x.shape[1:]) == sizes]
        if len(widths) == len(node.inputs) and sum(widths) == channels:
            return "+".join(str(int(w)) for w in widths)
    return str(int(channels))


def _copies(card: Card) -> str:
    """How many there are of a card, where that is more than are drawn."""
    return f" ×{card.copies}" if card.copies > COPIES else ""


def _names(cells: list[Cell], apart: bool) -> list[Words]:
    """What a stretch is called: its card, or the open part that it is all of."""
    card = cells[0].part
    assert isinstance(card, Card)
    copies = f" ×{card.copies}" if card.copies > 1 else ""
    if len(cells) == 1 and (apart or card.kind in ("part", "input")):
        name = card.path if card.kind == "input" else card.names or card.template
        name = "" if shape_text(card.nodes[-1]).endswith(name) else name
        said = [Words(name + copies, bold=True, ink="title").fitted()] if name else []
        note = card.note if card.note != name else ""
        return [*said, *([Words(note, ink="faint").fitted()] if note else [])]
    whole = _whole(cells)
    if len(whole) == 1:
        return [Words(whole[0].names, bold=True, ink="title").fitted()]
    many = _copies(card).strip() if len(cells) == 1 else ""
    return [Words(many, ink="faint")] if many else []


def _whole(cells: list[Cell]) -> list[Group]:
    """The largest open parts with a name all of whose slabs are among some."""
    there = {id(cell.part) for cell in cells}
    found: dict[int, Group] = {}
    inside: dict[Cell, bool] = {}
    for cell in cells:
        at, last = cell.parent, None
        while at is not None and isinstance(at.part, Group):
            if at not in inside:
                inside[at] = all(card in there for card in _cards(at.part))
            if not inside[at]:
                break
            last = at.part if at.part.framed and at.part.name else last
            at = at.parent
        if last is not None:
            found[id(last)] = last
    return list(found.values())


def _cards(part: Part) -> Iterator[int]:
    if isinstance(part, Card):
        yield id(part)
    else:
        for item in part.items:
            yield from _cards(item)


# Places


def extent(items: Line) -> tuple[float, float]:
    """How far a line reaches above and below its middle, labels included."""
    up = down = 0.0
    for item in items:
        if isinstance(item, Fork):
            above, below = _offsets(item)[1:]
        else:
            high = max((s.high + s.dy) / 2 for s in item.slabs)
            above = high
            below = high + LABEL + LEADING * (len(item.label) + bool(item.marks))
        up, down = max(up, above), max(down, below)
    return up, down


def _offsets(fork: Fork) -> tuple[list[float], float, float]:
    """The middles of a fork's lines from its own, and how far it reaches above and below."""
    extents = [extent(lane) for lane in fork.lanes]
    middles = [0.0]
    for (_, below), (above, _) in pairwise(extents):
        middles.append(middles[-1] + below + LANES + above)
    shift = 0.0 if fork.leads else -middles[-1] / 2
    middles = [m + shift for m in middles]
    return middles, extents[0][0] - middles[0], middles[-1] + extents[-1][1]


def place(items: Line, x: float, y: float) -> float:
    """Place a line from ``x`` on with its middle at ``y``; where it ends."""
    for item in items:
        item.begin = x
        if isinstance(item, Fork):
            middles = _offsets(item)[0]
            item.end = x = max(
                place(lane, x, y + middle) for lane, middle in zip(item.lanes, middles, strict=True)
            )
        else:
            x = _place(item, x, y)
    return x


def _place(item: Stretch, x: float, y: float) -> float:
    """Place a stretch from ``x`` on; where the next may begin."""
    first = item.slabs[0]
    at = x + first.dx / 2
    for words, run in item.marks or [(Words(""), item.slabs)]:
        wide = sum(s.width + CLOSE for s in run) - CLOSE
        spare = max(0.0, words.width + 4 - wide)
        at += spare / 2
        for one in run:
            one.x, one.y = at, y
            at += one.width + CLOSE
        at += spare / 2
    left, right = front(item.slabs)
    label = max((w.width for w in item.label), default=0.0)
    beyond = x - ((left + right) / 2 - label / 2)
    if beyond > 0:
        for one in item.slabs:
            one.x += beyond
        left, right = front(item.slabs)
    end = max(s.x + s.width + s.dx / 2 for s in item.slabs)
    return max(end, (left + right) / 2 + label / 2) + APART


def front(slabs: list[Slab]) -> tuple[float, float]:
    """Where the front of some slabs begins and ends."""
    first, last = slabs[0], slabs[-1]
    return first.x - first.dx / 2, last.x + last.width - last.dx / 2


def direct(items: Line) -> Iterator[tuple[tuple[Slab, Slab], float]]:
    """The pairs of slabs one behind the other, and where a way from line to line may turn."""
    for item in items:
        if isinstance(item, Fork):
            for lane in item.lanes:
                yield from direct(lane)
        else:
            yield from ((pair, pair[1].x) for pair in pairwise(item.slabs))
    for before, after in pairwise(items):
        turn = after.begin - APART / 2
        yield from (((one, other), turn) for one in _ends(before, -1) for other in _ends(after, 0))


def _ends(item: Stretch | Fork, side: int) -> list[Slab]:
    """The first slabs of an item, or its last."""
    if isinstance(item, Stretch):
        return [item.slabs[side]]
    return [slab for lane in item.lanes for slab in _ends(lane[side], side)]
