"""What a picture may say of its parts beside what they are: a figure, a change, another colour."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from archlang.draw.parts import Card, Group, Part, Structure
from archlang.draw.words import Words
from archlang.graph import Node


class Coat(NamedTuple):
    """A box's colour: a tint of the theme, or where ``shade`` is said a place on the scale."""

    tint: str
    shade: float | None = None


class Paint:
    """Tells a picture more. This one tells nothing: what is not overridden stays as it is."""

    def apart(self, node: Node) -> Hashable:
        """What has to be equal of two nodes for them to be drawn as copies."""
        return None

    def prepare(self, items: Sequence[Part]) -> None:
        """Look at all that will be drawn, and give open parts their notes."""

    def lines(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box, given those that it has anyway."""
        return said

    def share(self, card: Card) -> float | None:
        """What its bar shows; None for its share of the parameters."""
        return None

    def coat(self, part: Part, tint: str) -> Coat:
        """Its colour, given the one that it has anyway."""
        return Coat(tint)

    def about(self, part: Part, said: str) -> str:
        """What a reader who sees no picture is told of it, given what is said anyway."""
        return said


class Copies:
    """What each part stands for: also the like of its nodes in copies of the parts around it."""

    def __init__(self, structure: Structure) -> None:
        self._of: dict[int, list[Node]] = {}
        for node in structure.graph.nodes:
            if structure.origin(node.index) == node.index:
                self._of.setdefault(structure.drawn(node.index), []).append(node)

    def of(self, part: Part) -> list[Node]:
        """All nodes that a part stands for; the last copy's are last of each."""
        return [copy for node in part.nodes for copy in self._of[node.index]]

    def last(self, part: Part) -> Node:
        """The node whose tensor leaves the last copy."""
        return self._of[part.nodes[-1].index][-1]

    def around(self, part: Part) -> int:
        """How many copies there are of it by those of the parts around it."""
        return len(self._of[part.nodes[0].index]) // part.copies


def groups(items: Sequence[Part]) -> list[Group]:
    """All open parts, each before those inside it."""
    found: list[Group] = []
    for item in items:
        if isinstance(item, Group):
            found += [item, *groups(item.items)]
    return found


def cards(items: Sequence[Part]) -> list[Card]:
    """All boxes, in order."""
    found: list[Card] = []
    for item in items:
        found += [item] if isinstance(item, Card) else cards(item.items)
    return found


def every(items: Sequence[Part]) -> list[Part]:
    """All of both: the open parts, and then the boxes."""
    return [*groups(items), *cards(items)]
