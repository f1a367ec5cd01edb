"""A network's picture: its parts, opened to a level, laid out as a scene."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.draw import ushape
from archlang.draw.broken import absent
from archlang.draw.cells import Cell, Plan, plan
from archlang.draw.layout import Direction, Layout, joined
from archlang.draw.levels import Level, opened
from archlang.draw.paint import Paint
from archlang.draw.parts import Card, Group, Structure
from archlang.draw.routes import routes
from archlang.draw.scene import Box, Point, Rect, Scene, Text, Wire
from archlang.draw.words import (
    BAR,
    LEADING,
    PAD_X,
    PAD_Y,
    Words,
    frame_title,
    lines,
    shape_text,
    size_of,
)
from archlang.network import Network
from archlang.wording import si

MARGIN = 16.0
HEAD = 34.0
TINTS = 6
"""How many hues templates have."""


def picture(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
    paint: Paint | None = None,
) -> Scene:
    """The scene of a network, opened to a level; ``expand`` are patterns of paths to open.

    ``paint`` tells more of its parts, or colours them. Where things lie does not depend on a
    theme. A unit is a CSS pixel. Raises ``ValueError`` for a pattern that no part matches.
    """
    paint = paint or Paint()
    structure = Structure(network.graph, paint.apart)
    drawing = _Drawing(network, structure, level, paint)
    items = opened(structure, level, expand)
    paint.prepare(items)
    cells = plan(structure, items)
    layout = Layout(direction, drawing.size)
    layout.turn(cells)
    ways = _ways(cells, layout)
    drawing.centre(layout.rect(cells.root).width)
    drawing.boxes_of(cells.root, layout, -1)
    wires = []
    straight = {start: (end, way) for (start, end), way in ways.items()}
    for start, end in cells.edges:
        way = ways[start, end]
        if start not in drawing.places:
            continue
        if end not in drawing.places:  # on along the straight way beside branches
            end, rest = straight[end]
            way = joined(way, rest)
        points = tuple((x + drawing.left, y + HEAD) for x, y in way)
        wires.append(Wire(points, drawing.places[start], drawing.places[end]))
    return drawing.scene(layout.rect(cells.root), wires)


def _ways(cells: Plan, layout: Layout) -> dict[tuple[Cell, Cell], list[Point]]:
    """Give all cells their places; the ways of the edges."""
    skips = ushape.skips(cells) if layout.down else None
    if skips is not None:
        ushape.fold(cells, skips)
    found = routes(cells, skips.edges if skips else ())
    layout.size(cells.root)
    if skips is not None:
        return ushape.lay(cells, skips, layout, found)
    layout.place(cells.root)
    return layout.ways(found)


class _Drawing:
    """The boxes of a scene as they are made."""

    def __init__(self, network: Network, structure: Structure, level: Level, paint: Paint) -> None:
        self.network, self.structure, self.level, self.paint = network, structure, level, paint
        self.total = network.totals.params
        self.title, self.aside = head(network)
        self.width = self.left = 0.0
        self.boxes: list[Box] = []
        self.places: dict[Cell, int] = {}
        self.tints: dict[str, str] = {}
        self.words: dict[Card, list[Words]] = {}

    def centre(self, width: float) -> None:
        """Find how wide the picture is, and where a network of this width begins."""
        head = self.title.width + 12 + self.aside.width
        self.width = max(width, head) + 2 * MARGIN
        self.left = (self.width - width) / 2

    def _lines(self, card: Card) -> list[Words]:
        if card not in self.words:
            said = lines(card, named=self.level == "overview")
            self.words[card] = self.paint.lines(card, said)
        return self.words[card]

    def _share(self, card: Card) -> float:
        """What a card's bar shows, of the parameters if nothing else; 0 where it has no bar."""
        barred = self.level != "layer" and card.kind in ("part", "layer")
        if not barred or len(self._lines(card)) < 2:
            return 0.0
        share = self.paint.share(card)
        if share is None:
            share = self.structure.share(card.all) / self.total if self.total else 0.0
        return share

    def size(self, card: Card) -> tuple[float, float]:
        """Width and height of a card."""
        return size_of(self._lines(card), join=card.kind == "join", bar=self._share(card) > 0)

    def boxes_of(self, cell: Cell, layout: Layout, parent: int) -> None:
        """Add a cell's box, and then those inside it."""
        part = cell.part
        drawn = part.framed if isinstance(part, Group) else part.kind != "pass"
        if drawn:
            left, top, width, height = layout.rect(cell)
            rect = Rect(left + self.left, top + HEAD, width, height)
            if isinstance(part, Group):
                words = frame_title(part)
                at = layout.title(cell, words)
                box = self._frame(part, rect, [x + self.left for x in at])
            else:
                box = self._card(part, rect)
            level = 0 if parent < 0 else self.boxes[parent].level + 1
            self.places[cell] = len(self.boxes)
            self.boxes.append(box._replace(level=level, parent=parent))
            parent = self.places[cell]
        for row in cell.rows:
            for kid in row:
                self.boxes_of(kid, layout, parent)

    def _tint(self, template: str) -> str:
        return self.tints.setdefault(template, f"template{len(self.tints) % TINTS}")

    def _frame(self, group: Group, rect: Rect, at: list[float]) -> Box:
        words = frame_title(group)
        texts = tuple(_text(w, x, rect.y + 16) for w, x in zip(words, at, strict=True))
        own = self._tint(group.template) if group.template else "plain"
        tint, shade = self.paint.coat(group, own)
        box = Box(rect, "frame", tint, group.path, self._about(group), texts, 0, shade=shade)
        return box._replace(stacked=group.copies > 1)

    def _card(self, card: Card, rect: Rect) -> Box:
        words = self._lines(card)
        share = self._share(card)
        high = len(words) * LEADING + (BAR if share else 0)
        top = rect.y + (rect.height - high) / 2 + LEADING - 4
        middle = rect.x + rect.width / 2
        texts = tuple(
            _text(w, middle - w.width / 2, top + i * LEADING) for i, w in enumerate(words)
        )
        strip = Rect(rect.x + PAD_X, rect.y + rect.height - PAD_Y - 1, rect.width - 2 * PAD_X, 3)
        tint, shade = self.paint.coat(card, self._card_tint(card))
        box = Box(
            rect,
            "join" if card.kind == "join" else "card",
            tint,
            card.path,
            self._about(card),
            texts,
            0,
            stacked=card.copies > 1,
            shade=shade,
        )
        return box._replace(bar=strip, share=share) if share else box

    def _card_tint(self, card: Card) -> str:
        plain = card.kind != "part" or not card.template or card.wrong or absent(card.nodes[0])
        return tint(card) if plain else self._tint(card.template)

    def _about(self, part: Card | Group) -> str:
        """What a reader who sees no picture is told of a box."""
        nodes = part.nodes
        where = f"{part.path} – {part.others[-1]}" if part.others else part.path
        single = isinstance(part, Card) and part.kind in ("layer", "join")
        what = ", ".join(str(n.op) for n in nodes) if single else ""
        params = self.structure.share(part.all)
        said = [where, what or part.template, trouble(part), shape_text(nodes[-1])]
        if params:
            percent = f", {params / self.total:.1%}" if self.total else ""
            said.append(f"{params:,} parameters{percent}")
        return self.paint.about(part, "; ".join(s for s in said if s))

    def scene(self, extent: Rect, wires: list[Wire]) -> Scene:
        """All of it, under the network's name."""
        head = (
            _text(self.title, MARGIN, 23),
            _text(self.aside, MARGIN + self.title.width + 12, 23),
        )
        inputs = ", ".join(f"{n} {'×'.join(map(str, s))}" for n, s in self.network.inputs.items())
        about = f"{self.level} of {self.network.name}: {inputs}; {self.aside.text}"
        return Scene(
            self.network.name,
            about,
            self.width,
            extent.height + HEAD + MARGIN,
            tuple(self.boxes),
            tuple(wires),
            head,
        )


def head(network: Network) -> tuple[Words, Words]:
    """What stands above a picture: the network's name, and what it costs."""
    totals = network.totals
    aside = Words(f"{si(totals.params)} parameters · {si(totals.macs)} MACs", ink="faint")
    if not network.graph.whole:
        count = len({finding.span for _, finding in network.graph.disputed})
        said = f"{count} error{'s' if count > 1 else ''}" if count else "not as it requires"
        known = ", drawn as far as it is known" if network.graph.missing else ""
        aside = Words(said + known, ink="error")
    return Words(network.name, 15, True, "title"), aside


def tint(card: Card) -> str:
    """The hue of a card without a template, by what it is or does."""
    if card.wrong:
        return "wrong"
    if absent(card.nodes[0]):
        return "absent"
    if card.kind in ("input", "join", "part"):
        return card.kind
    node = card.layer
    if node.op.depth:
        return "weights"
    work = node.op.work(node.output, *node.tensors)
    return "pool" if work.pool else "norm" if work.norm or work.activation else "view"


def trouble(part: Card | Group) -> str:
    """What is wrong with a box, or that an error keeps it away."""
    if isinstance(part, Card) and part.wrong:
        return part.wrong.message
    return "not reached" if absent(part.nodes[0]) else ""


def _text(words: Words, x: float, y: float) -> Text:
    return Text(words.text, x, y, words.size, words.width, words.bold, words.ink)
