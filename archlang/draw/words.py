"""What stands in a box: the lines of its text, and how large that makes it."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

from archlang.draw.broken import absent
from archlang.draw.font import fitted, width
from archlang.draw.parts import Card, Group, follows, starts
from archlang.draw.scene import Ink
from archlang.graph import Node

TITLE, SMALL = 12.0, 10.5
ROOM = 240.0
"""The longest line."""
LEADING = 15.0
PAD_X, PAD_Y = 10.0, 7.0
BAR = 7.0
"""What the bar of parameters and the space above it take."""


class Words(NamedTuple):
    """A line of a box: its text, its size and how it is set."""

    text: str
    size: float = SMALL
    bold: bool = False
    ink: Ink = "text"

    @property
    def width(self) -> float:
        """Its measured length."""
        return width(self.text, self.size, self.bold)

    def fitted(self, room: float = ROOM) -> Words:
        """It, cut to the room of a line."""
        return self._replace(text=fitted(self.text, self.size, room, self.bold))


def shape_text(node: Node) -> str:
    """``64×112×112``."""
    return "×".join(str(int(d)) for d in node.output.shape)


def caption(node: Node) -> str:
    """A layer in few words."""
    shared = "" if node.first else " (shared)"
    return f"{node.op.caption(node.output, *node.tensors)}{shared}"


def lines(card: Card, *, named: bool) -> list[Words]:
    """The lines of a card; ``named`` where the names of parts matter more than their layers."""
    if absent(card.nodes[0]) if card.nodes else False:
        return _absent(card)
    said = _said(card, named)
    if card.wrong:
        at = len(said) - (len(said) > 1)
        said[at:at] = _error(": ".join(filter(None, (card.wrong.message, card.wrong.label))))
    return said


def _absent(card: Card) -> list[Words]:
    """What errors keep from being there: what was asked for, why not, and what it was given."""
    captions = list(dict.fromkeys(map(caption, card.nodes)))
    if card.wrong is None:
        title = card.names or card.template or " → ".join(captions)
        known = shape_text(card.nodes[-1]) or "not reached"
        return [Words(title, TITLE, True, "faint").fitted(), Words(known, ink="faint")]
    head = Words(captions[0], TITLE, True, "title").fitted(1.5 * ROOM)
    met = " and ".join(shape_text(n) for n in card.nodes[0].inputs if n.output.shape)
    given = [Words(f"given {met}").fitted(1.5 * ROOM)] if met else []
    return [head, *_error(card.wrong.message), *given]


def _error(message: str) -> list[Words]:
    """A message in a few lines."""
    found = wrap(message.replace("`", ""), 34)
    cut = [*found[:2], found[2] + (" …" if len(found) > 3 else "")] if len(found) > 2 else found
    return [Words(line, ink="error").fitted() for line in cut]


def _said(card: Card, named: bool) -> list[Words]:
    """What is said of a card where nothing is wrong."""
    if card.kind == "pass":
        return []
    if card.kind == "join":
        return _joined(card.nodes[0])
    copies = f" ×{card.copies}" if card.copies > 1 else ""
    before = after = ""
    titles: list[str] = []
    if card.kind == "layer" and follows(card.layer):
        return [Words(_names(card.nodes) + copies, ink="title").fitted()]
    if card.kind == "input":
        titles = [card.path]
    elif card.kind == "part":
        titles = [card.names or card.template or card.path, card.note, *card.details]
    else:
        own = named or starts(card.layer)
        titles = [card.names if own else "", caption(card.layer)]
        if not named:
            before = _names(card.nodes[: card.first])
            after = _names(card.nodes[card.first + 1 :])
    titles = list(dict.fromkeys(t for t in titles if t))
    faint = [Words(t, ink="faint").fitted() for t in (before, *titles[1:], after) if t]
    return [
        *faint[: bool(before)],
        Words(titles[0] + copies, TITLE, True, "title").fitted(),
        *faint[bool(before) :],
        Words(shape_text(card.nodes[-1])).fitted(),
    ]


def _names(nodes: list[Node]) -> str:
    return " · ".join(n.op.name for n in nodes)


def _joined(node: Node) -> list[Words]:
    """A join's sign, with what it says of itself where that begins with it."""
    text = caption(node)
    if not node.op.sign or not text.startswith(node.op.sign):
        text = node.op.sign or text
    return [Words(text, TITLE, True, "title").fitted(2 * ROOM)]


def frame_title(group: Group) -> list[Words]:
    """The name of an open part, and what it is a copy of, side by side."""
    copies = f" ×{group.copies}" if group.copies > 1 else ""
    name = group.names or group.template or group.path
    found = [Words(name + copies, SMALL + 0.5, True, "title").fitted()]
    template = group.template if group.name and group.template != group.name else ""
    if said := " · ".join(filter(None, (template, group.note))):
        found.append(Words(said, SMALL, ink="faint").fitted())
    return found


def size_of(text: list[Words], *, join: bool, bar: bool) -> tuple[float, float]:
    """Width and height of a card with these lines."""
    if not text:
        return 0.0, 0.0
    wide = max(line.width for line in text)
    if join:
        return (22.0, 22.0) if len(text[0].text) == 1 else (wide + 2 * PAD_X, 22.0)
    low = 34.0 if len(text) == 1 else 72.0
    return max(wide + 2 * PAD_X, low), len(text) * LEADING + 2 * PAD_Y - 2 + (BAR if bar else 0)
