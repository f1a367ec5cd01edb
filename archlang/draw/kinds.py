"""What kinds of boxes a picture has, their hues, and what a legend calls them."""

from __future__ import annotations

from collections import Counter

from archlang.draw.parts import Card
from archlang.graph import Node

HUES = {
    "input": ("part",),
    "map": ("weights", "weights1", "weights2"),
    "vector": ("vector", "vector1"),
    "pool": ("pool",),
    "norm": ("norm", "norm1"),
    "view": ("view",),
    "join": ("join1", "join2"),
    "part": tuple(f"template{n}" for n in (2, 3, 1, 4, 5, 0)),
}
"""The tints of each role, for its kinds in turn: tensors with sizes are maps, others vectors."""
MOST = 3
"""Layers that a legend names of one kind."""


class Kinds:
    """The kinds of a picture's boxes, in the order in which they come."""

    def __init__(self) -> None:
        self._tints: dict[tuple[str, str], str] = {}
        self._said: dict[str, Counter[str]] = {}

    def tint(self, card: Card) -> str:
        """A card's tint; its kind is in the legend from then on."""
        role, what = _kind(card)
        if (role, what) not in self._tints:
            hues = HUES[role]
            used = sum(1 for other, _ in self._tints if other == role)
            self._tints[role, what] = hues[used % len(hues)]
        found = self._tints[role, what]
        self._said.setdefault(found, Counter())[_said(card, what)] += 1
        return found

    def legend(self) -> list[tuple[str, str]]:
        """Each tint with what it stands for: what most of its boxes are, or all of them."""
        found = []
        for tint, said in self._said.items():
            by_first: dict[str, str] = {}
            for text, _ in said.most_common():
                by_first.setdefault(text.partition(" + ")[0], text)
            found.append((tint, ", ".join(list(by_first.values())[:MOST])))
        return found


def _kind(card: Card) -> tuple[str, str]:
    """What a card is, and of which kind among those."""
    if card.kind == "input":
        return "input", ""
    if card.kind == "part" and (template := _template(card)):
        return "part", template
    node = _main(card)
    return _role(node), node.op.name


def _main(card: Card) -> Node:
    """The layer that says most of a card: its first, or the last with weights of a part."""
    if card.kind != "part":
        return card.nodes[0]
    return next((n for n in reversed(card.nodes) if n.op.depth), card.nodes[-1])


def _role(node: Node) -> str:
    if node.op.merges:
        return "join"
    if node.op.depth:
        return "map" if len(node.output.shape) > 1 else "vector"
    work = node.op.work(node.output, *node.tensors)
    return "pool" if work.pool else "norm" if work.norm or work.activation else "view"


def _template(card: Card) -> str:
    """What a closed part is a copy of, or made of; "" where that has no name."""
    said = card.note.rpartition(" ×")[0]
    own = card.template if card.template != card.nodes[-1].op.name else ""
    return said or own


def _said(card: Card, what: str) -> str:
    if card.kind in ("input", "part"):
        return what or card.kind
    return " + ".join(dict.fromkeys(n.op.name for n in card.nodes))
