"""A network as the volumes of its tensors, as papers and slides show it: slabs along a line.

A slab's height and width go by the logarithm of its map's, its thickness by that of its channels.
It stands in a cabinet projection: the width recedes to the upper right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.draw.cells import Cell, plan
from archlang.draw.kinds import Kinds
from archlang.draw.levels import Level, closed, opened
from archlang.draw.parts import Card, Group, Part, Structure, follows
from archlang.draw.scene import Box, Point, Rect, Scene, Text, Wire
from archlang.draw.slabs import (
    APART,
    CLOSE,
    LABEL,
    LEADING,
    Fork,
    Line,
    Slab,
    Stretch,
    direct,
    extent,
    front,
    line,
    place,
)
from archlang.draw.ways import ways
from archlang.draw.words import Words, caption, shape_text
from archlang.network import Network
from archlang.wording import si

MARGIN = 20.0
HEAD = 40.0
ARC, STEP = 16.0, 11.0
"""From a slab's top to the lowest arc over it, and from arc to arc."""
SEEN = 6.0
"""The shortest way to a next slab that is drawn."""
LEGEND = 24.0
LEAST = 420.0
"""The room that a legend has, however narrow the picture."""
SWATCH = 11.0


def volume(network: Network, *, level: Level = "overview", expand: Sequence[str] = ()) -> Scene:
    """The volumes of a network's tensors, opened to a level, as a scene.

    In an overview each part is one slab, what comes out of it; further on each tensor is one,
    but branches that come together along an axis are one with all their widths. A unit is a CSS
    pixel. Raises ``ValueError`` for a pattern in ``expand`` that no part matches.
    """
    structure = Structure(network.graph)
    cells = plan(structure, _joined(structure, opened(structure, level, expand)))
    items = line(cells.root, apart=level == "overview")
    figure = _Figure(network, structure, level)
    figure.add(cells.root, items, ways(cells))
    return figure.scene()


def _whole(structure: Structure, part: Part) -> Part:
    """A part, in which branches that come together along an axis are one box."""
    if isinstance(part, Card):
        return part
    last = part.items[-1]
    if isinstance(last, Card) and last.kind == "join" and len(part.items) > 2:
        node = last.nodes[0]
        wider = all(node.output.shape != x.shape for x in node.tensors)
        if wider and _parallel(structure, part.items[:-1]):
            card = closed(part)
            card.note = caption(node)
            if not card.name and card.template == node.op.name:
                card.template = ""
            return card
    return replace(part, items=_joined(structure, part.items))


def _joined(structure: Structure, items: list[Part]) -> list[Part]:
    """Parts with the boxes in them put together that are one slab."""
    found: list[Part] = []
    for item in items:
        whole = _whole(structure, item)
        if not (found and _absorbed(structure, found[-1], whole)):
            found.append(whole)
    return found


def _absorbed(structure: Structure, part: Part, next_: Part) -> bool:
    """Put a layer that only follows a join, as an activation, into its box, if it is one."""
    while isinstance(part, Group):
        part = part.items[-1]
    if part.kind != "join" or not isinstance(next_, Card) or next_.copies > 1:
        return False
    tail = part.nodes[-1].index
    if not follows(next_.nodes[0]) or structure.users[tail] != [next_.nodes[0].index]:
        return False
    part.nodes = part.nodes + next_.nodes
    part.all = part.all + next_.all
    return True


def _parallel(structure: Structure, items: list[Part]) -> bool:
    """Whether none of some parts takes from another one."""
    made = {n.index: place for place, item in enumerate(items) for n in item.all}
    return all(
        made.get(source, place) == place
        for place, item in enumerate(items)
        for n in item.nodes
        for source in structure.inputs[n.index]
    )


class _Figure:
    """The scene as it is made."""

    def __init__(self, network: Network, structure: Structure, level: Level) -> None:
        self.network, self.structure, self.level = network, structure, level
        self.kinds = Kinds()
        self.boxes: list[Box] = []
        self.wires: list[Wire] = []
        self.texts: list[Text] = []
        self.slabs: dict[Cell, Slab] = {}
        self.places: dict[Cell, int] = {}
        self.turns: dict[tuple[Slab, int], float] = {}
        """Where ways over others turn to the first slab (0) and from the last (-1) of a line that
        lies below another one."""
        self.top = 0.0
        """The highest place of all."""

    def add(self, root: Cell, items: Line, edges: list[tuple[Cell, Cell]]) -> None:
        """Place and draw everything but title and legend."""
        up, self.bottom = extent(items)
        self.top = -up
        place(items, MARGIN, 0.0)
        self._draw(items)
        self._brackets(root)
        found = dict(direct(items))
        arcs = []
        for start, end in edges:
            one, other = self.slabs[start], self.slabs[end]
            if (one, other) in found:
                self._straight(one, other, found[one, other])
            else:
                arcs.append((one, other))
        self._arcs(arcs)

    def _draw(self, items: Line) -> None:
        for item in items:
            if isinstance(item, Fork):
                for number, lane in enumerate(item.lanes):
                    self._draw(lane)
                    for end, x in ((0, item.begin - APART / 2), (-1, item.end - APART / 2 + 5)):
                        last = lane[end]
                        if number and isinstance(last, Stretch):
                            self.turns[last.slabs[end], end] = x
            else:
                for slab in item.slabs:
                    self._slab(slab)
                self._label(item)

    def _slab(self, slab: Slab) -> None:
        card = slab.card
        self.slabs[slab.cell] = slab
        tint = self.kinds.tint(card)
        for copy in range(slab.copies):
            x = slab.x + copy * (slab.thick + CLOSE) - slab.dx / 2
            y = slab.y + (slab.dy - slab.high) / 2
            path = card.others[copy - 1] if copy else card.path
            about = "; ".join(s for s in (path, _what(card), shape_text(card.nodes[-1])) if s)
            self.places[slab.cell] = len(self.boxes)
            rect = Rect(x, y, slab.thick, slab.high)
            recedes = (slab.dx, slab.dy)
            self.boxes.append(Box(rect, "slab", tint, path, about, (), 0, recedes=recedes))

    def _label(self, stretch: Stretch) -> None:
        y = max(slab.bottom for slab in stretch.slabs) + LABEL
        if stretch.marks:
            for words, run in stretch.marks:
                self._middle(words, *front(run), y + 8)
            y += LEADING
        for words in stretch.label:
            self._middle(words, *front(stretch.slabs), y + 9)
            y += LEADING

    def _middle(self, words: Words, left: float, right: float, y: float) -> None:
        x = (left + right - words.width) / 2
        self.texts.append(Text(words.text, x, y, words.size, words.width, words.bold, words.ink))

    def _brackets(self, cell: Cell) -> tuple[float, float] | None:
        """A bar below each open part that there are several copies of; where a cell lies."""
        part = cell.part
        if isinstance(part, Card):
            slab = self.slabs.get(cell)
            return None if slab is None else front([slab])
        found = [self._brackets(kid) for row in cell.rows for kid in row]
        sides = [side for side in found if side is not None]
        if not sides:
            return None
        left, right = min(s[0] for s in sides), max(s[1] for s in sides)
        if part.copies > 1:
            words = Words(f"{part.template or part.names} ×{part.copies}", ink="faint")
            wide = max(words.width - right + left, 0.0) / 2
            y = self._free(left - wide, right + wide) + 8
            about = f"{part.path} – {part.others[-1]}; {words.text}"
            bar = Rect(left, y, right - left, 2.0)
            self.boxes.append(Box(bar, "card", "bracket", part.path, about, (), 0))
            self._middle(words, left, right, y + 15)
        return left, right

    def _free(self, left: float, right: float) -> float:
        """The lowest place of all that is drawn so far between two places."""
        lowest = [t.y + 3 for t in self.texts if t.x < right and left < t.x + t.width]
        return max(lowest + [s.bottom for s in self.slabs.values() if left < s.x < right])

    # Ways

    def _wire(self, points: list[Point], one: Slab, other: Slab) -> None:
        places = self.places[one.cell], self.places[other.cell] - other.copies + 1
        self.wires.append(Wire(tuple(points), *places))

    def _straight(self, one: Slab, other: Slab, turn: float | None) -> None:
        """The way to the next slab, if there is room: it turns at ``turn`` to another line."""
        start = (one.x + one.width + one.dx / 2, one.y)
        end = (other.x - other.dx / 2, other.y)
        if start[1] == end[1]:
            if end[0] - start[0] >= SEEN:
                self._wire([start, end], one, other)
            return
        at = turn if turn is not None else (start[0] + end[0]) / 2
        self._wire([start, (at, start[1]), (at, end[1]), end], one, other)

    def _arcs(self, arcs: list[tuple[Slab, Slab]]) -> None:
        """Ways over the slabs between, the shorter below the longer."""
        done: list[tuple[float, float, float]] = []
        for one, other in sorted(arcs, key=lambda pair: pair[1].x - pair[0].x):
            way, back = self._end(one, -1), self._end(other, 0)
            left, right = way[-1], back[-1]
            low, high = sorted((left[0], right[0]))
            tops = [s.top for s in self.slabs.values() if low <= s.x + s.width and s.x <= high]
            y = min(tops) - ARC
            for start, end, level in sorted(done, key=lambda arc: -arc[2]):
                if start <= high + 4 and low - 4 <= end and abs(y - level) < STEP:
                    y = level - STEP
            done.append((low, high, y))
            self.top = min(self.top, y)
            self._wire([*way, (left[0], y), (right[0], y), *back[::-1]], one, other)

    def _end(self, slab: Slab, end: int) -> list[Point]:
        """An arc's way at one of its slabs: from above it, or from beside the line that it ends."""
        turn = self.turns.get((slab, end))
        if turn is None:
            return [_above(slab, 0.3 if end == 0 else 0.7)]
        self.turns[slab, end] += 5 if end else -5
        for other, side in self.turns:
            if side == end and self.turns[other, side] == turn:
                self.turns[other, side] += 5 if end else -5
        beside = slab.x + slab.width + slab.dx / 2 if end else slab.x - slab.dx / 2
        return [(beside, slab.y), (turn, slab.y)]

    # All of it

    def scene(self) -> Scene:
        """The scene, under the network's name and over its legend."""
        totals = self.network.totals
        title = Words(self.network.name, 15, True, "title")
        note = f"{si(totals.params)} parameters · {si(totals.macs)} MACs"
        aside = Words(note, ink="faint")
        right = max(box.rect.x + box.rect.width + box.recedes[0] for box in self.boxes)
        right = max(right, *(text.x + text.width for text in self.texts), 0.0)
        head = MARGIN + title.width + 12 + aside.width
        room = max(right, head, LEAST)
        down = HEAD - self.top
        lowest = max(text.y for text in self.texts) + 12
        self._moved(0.0, down)
        right = max(right, head, self._legend(lowest + down + 14, room))
        self.texts += [
            Text(title.text, MARGIN, 25, title.size, title.width, True, "title"),
            Text(aside.text, MARGIN + title.width + 12, 25, aside.size, aside.width, ink="faint"),
        ]
        bottom = max(box.rect.y + box.rect.height for box in self.boxes) + MARGIN
        inputs = ", ".join(f"{n} {'×'.join(map(str, s))}" for n, s in self.network.inputs.items())
        about = f"volumes of {self.network.name}, {self.level}: {inputs}; {note}"
        return Scene(
            self.network.name,
            about,
            right + MARGIN,
            bottom,
            tuple(self.boxes),
            tuple(self.wires),
            tuple(self.texts),
        )

    def _moved(self, x: float, y: float) -> None:
        def moved(rect: Rect) -> Rect:
            return rect._replace(x=rect.x + x, y=rect.y + y)

        self.boxes = [box._replace(rect=moved(box.rect)) for box in self.boxes]
        self.texts = [text._replace(x=text.x + x, y=text.y + y) for text in self.texts]
        self.wires = [
            wire._replace(points=tuple((a + x, b + y) for a, b in wire.points))
            for wire in self.wires
        ]

    def _legend(self, y: float, room: float) -> float:
        """Add what each colour stands for from ``y`` on; how far to the right it reaches."""
        x = right = MARGIN
        for tint, said in self.kinds.legend():
            words = Words(said)
            if x > MARGIN and x + SWATCH + 10 + words.width > room:
                x, y = MARGIN, y + LEGEND - 6
            about = f"{said}: a colour of the legend"
            rect = Rect(x, y, SWATCH, SWATCH)
            self.boxes.append(Box(rect, "card", tint, said, about, (), 0, recedes=(4.0, 3.0)))
            x += SWATCH + 10
            self.texts.append(Text(said, x, y + 9.5, words.size, words.width))
            x += words.width
            right = max(right, x)
            x += 20
        return right


def _above(slab: Slab, share: float) -> Point:
    """A place on the upper edge of a slab's back, at a share of its thickness."""
    return slab.x + slab.width * share + slab.dx / 2, slab.top


def _what(card: Card) -> str:
    """A card's layers, or what it is a copy of."""
    if card.kind == "part":
        return card.note or card.template
    return ", ".join(str(n.op) for n in card.nodes)
