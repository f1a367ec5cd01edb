"""What a picture is made of: cards and groups of them, from a network's regions.

A card is a box that is not opened: a layer with those that work on its values one by one (its norm,
its activation), before it or behind, or a whole part of the network. A group is a part that is
open. Equal copies in a row are one part; layers that hand on what they are given, such as
`identity`, are none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal, TypeAlias

from archlang.analyses.cost import costs
from archlang.diagnostic import Diagnostic
from archlang.draw.broken import absent
from archlang.graph import Graph, Node, Region
from archlang.op import View
from archlang.window import pointwise


@dataclass(eq=False, slots=True)
class Card:
    """A closed box. ``nodes`` are what it stands for, ``all`` with those of equal copies."""

    kind: Literal["input", "layer", "join", "part", "pass"]
    nodes: list[Node]
    all: list[Node]
    path: str
    name: str = ""
    template: str = ""
    copies: int = 1
    others: list[str] = field(default_factory=list)
    """The paths of its further copies."""
    note: str = ""
    """What a closed part is a copy of, or made of."""
    details: tuple[str, ...] = ()
    """What else is said of one."""
    first: int = 0
    """The place in ``nodes`` of the layer that the others only serve."""
    wrong: Diagnostic | None = None
    """What is wrong with it."""

    @property
    def layer(self) -> Node:
        """The layer that the others of its box only serve."""
        return self.nodes[self.first]

    @property
    def names(self) -> str:
        """Its name, and that of its last copy."""
        return _names(self)


@dataclass(eq=False, slots=True)
class Group:
    """An open part: ``framed`` ones are drawn with a border and a name.

    ``straight`` is the place among its branches of what arrives, unchanged, where the way of that
    is drawn straight and the others lie beside it; -1 where none is.
    """

    items: list[Part]
    path: str
    name: str = ""
    template: str = ""
    framed: bool = True
    straight: int = -1
    copies: int = 1
    others: list[str] = field(default_factory=list)
    """The paths of its further copies."""
    extra: list[Node] = field(default_factory=list)
    """The nodes of its further copies."""
    note: str = ""
    """What else is said of it."""

    @property
    def names(self) -> str:
        """Its name, and that of its last copy."""
        return _names(self)

    @property
    def nodes(self) -> list[Node]:
        """Those that are drawn, in order."""
        return [n for item in self.items for n in item.nodes]

    @property
    def wrong(self) -> bool:
        """Whether something is wrong with what is in it."""
        return any(item.wrong for item in self.items)

    @property
    def all(self) -> list[Node]:
        """Those that it stands for, copies included."""
        return [*(n for item in self.items for n in item.all), *self.extra]


Part: TypeAlias = Card | Group


class Structure:
    """A network's parts, and what each node is drawn as.

    ``params`` are the parameters of each node; ``inputs`` what each takes, handed-on tensors
    traced to where they were made. A parameter, which depends on no input, takes none. Copies are
    equal in what ``apart`` says of their nodes, too.
    """

    def __init__(self, graph: Graph, apart: Callable[[Node], Hashable] | None = None) -> None:
        self.graph = graph
        self.apart = apart or (lambda node: None)
        self.params = [cost.params for cost in costs(graph)]
        self._same: dict[int, int] = {}
        for node in graph.nodes:
            if _hands_on(node):
                self._same[node.index] = self.origin(node.inputs[0].index)
        self.inputs = {
            n.index: [] if starts(n) else [self.origin(i.index) for i in n.inputs]
            for n in graph.nodes
            if n.index not in self._same
        }
        self.users: dict[int, list[int]] = {i: [] for i in self.inputs}
        for index, sources in self.inputs.items():
            for source in dict.fromkeys(sources):
                self.users[source].append(index)
        self._copy: dict[int, int] = {}
        self._wrong = {self.origin(n.index): finding for n, finding in graph.disputed}
        self.items = self._parts(graph.root)

    def origin(self, index: int) -> int:
        """The node that made a tensor."""
        return self._same.get(index, index)

    def drawn(self, index: int) -> int:
        """The node that is drawn for one: itself, or its like in the first of equal copies."""
        while index in self._copy:
            index = self._copy[index]
        return index

    def share(self, nodes: list[Node]) -> int:
        """The parameters of some nodes."""
        return sum(self.params[n.index] for n in nodes)

    # From regions to parts

    def _parts(self, region: Region) -> list[Part]:
        found: list[Part] = []
        for part in region.parts:
            if isinstance(part, Node):
                if part.index not in self._same:
                    self._add(found, part)
            elif part.kind == "merge":
                found.extend(self._merge(part))
            elif part.path is None:
                found.extend(self._parts(part))
            elif items := self._parts(part):
                found.append(_scope(part, items))
        return self._folded(found)

    def _add(self, found: list[Part], node: Node) -> None:
        """A layer, in the box of the one before it where one of them only serves the other."""
        last = found[-1] if found else None
        wrong = self._wrong.get(node.index)
        if isinstance(last, Card) and last.kind == "layer":
            tail = last.nodes[-1].index
            alone = self.inputs[node.index] == [tail] and len(self.users[tail]) == 1
            serves = alone and node.op.depth > 0 and follows(last.layer) and not absent(node)
            goes_with = alone and self._goes_with(last, node)
            if serves or (goes_with and not (last.first and _norms(node))):
                last.nodes.append(node)
                last.all.append(node)
                if serves:
                    last.first = len(last.nodes) - 1
                    last.path, last.name = node.path, label(node.path)
                last.wrong = last.wrong or wrong
                return
        kind: Literal["input", "layer", "join"]
        kind = "join" if node.op.merges and not wrong else "layer" if node.inputs else "input"
        found.append(Card(kind, [node], [node], node.path, label(node.path), wrong=wrong))

    def _goes_with(self, card: Card, node: Node) -> bool:
        """Whether a layer only follows that of a card, or both are out of an error's reach."""
        if absent(node):
            spoken = card.name or card.wrong or node.index in self._wrong or node.output.shape
            return absent(card.nodes[0]) and not spoken
        return follows(node)

    def _merge(self, region: Region) -> list[Part]:
        items: list[Part] = []
        empty: list[bool] = []
        for part in region.parts:
            if isinstance(part, Region):
                inside = self._parts(part)
                empty.append(not inside)
                if inside:
                    items.append(inside[0] if len(inside) == 1 else _unframed(inside))
            else:
                self._add(items, part)
        if len(items) < 2:
            return items
        group = _unframed(items)
        group.straight = self._straight(group.nodes, empty)
        return [group]

    def _straight(self, nodes: list[Node], empty: list[bool]) -> int:
        """The first branch, or one beside branches that come from elsewhere, if it only hands on.

        ``nodes`` are those of a merge, its join last, and ``empty`` are its branches without any.
        """
        inside = {n.index for n in nodes}
        taken = {i for n in nodes[:-1] for i in self.inputs[n.index]} - inside
        joined = self.inputs[nodes[-1].index]
        latest = max(i for i in (*taken, *joined) if i not in inside)
        for place, (tensor, nothing) in enumerate(zip(joined, empty, strict=False)):
            if nothing and tensor == latest and (place == 0 or tensor not in taken):
                return place
        return -1

    # Equal copies

    def _folded(self, found: list[Part]) -> list[Part]:
        out: list[Part] = []
        for part in found:
            if out and self._repeats(out[-1], part):
                self._fold(out[-1], part)
            else:
                out.append(part)
        return out

    def _repeats(self, one: Part, next_: Part) -> bool:
        """Whether a part does the same as the one before it, to what that comes to."""
        if one.wrong or next_.wrong:
            return False
        if type(one) is not type(next_) or (isinstance(one, Card) and one.kind != "layer"):
            return False
        if one.template != next_.template or len(one.nodes) != len(next_.nodes):
            return False
        if self._key(one) != self._key(next_):
            return False
        inside = {n.index for n in next_.all}
        arriving = {i for n in next_.nodes for i in self.inputs[n.index]} - inside
        before = {n.index for n in one.all}
        leaving = {i for i in before if any(user not in before for user in self.users[i])}
        taken = {user for i in leaving for user in self.users[i]} - before
        return len(arriving) == 1 and arriving == leaving and taken <= inside

    def _key(self, part: Part) -> list[object]:
        """What makes parts equal: layers, sizes, copies, and how they are joined inside."""
        nodes = part.nodes
        start = {n.index: place for place, n in enumerate(nodes)}
        return [
            *((str(n.op), n.output.shape, n.params, n.first, self.apart(n)) for n in nodes),
            *(tuple(start.get(self.drawn(i), -1) for i in self.inputs[n.index]) for n in nodes),
            *_copies(part),
        ]

    def _fold(self, one: Part, next_: Part) -> None:
        for first, copy in zip(one.nodes, next_.nodes, strict=True):
            self._copy[copy.index] = first.index
        if isinstance(one, Group):
            one.extra.extend(next_.all)
        else:
            one.all.extend(next_.all)
        one.copies += 1
        one.others.append(next_.path)


def _scope(region: Region, items: list[Part]) -> Part:
    """A part with a name. One that holds a single box is that box, under its own name."""
    path = region.path or ""
    template = region.name if region.kind == "block" else ""
    if len(items) == 1 and items[0].copies == 1:
        (item,) = items
        if isinstance(item, Card) or item.framed:
            item.path, item.name = path, label(path)
            item.template = template or item.template
            return item
        items = item.items if item.straight < 0 else items
    return Group(items, path, label(path), template)


def _copies(part: Part) -> Iterator[tuple[str, int]]:
    """The template of each part inside, and how many of it there are."""
    for item in part.items if isinstance(part, Group) else ():
        yield item.template, item.copies
        yield from _copies(item)


def _unframed(items: list[Part]) -> Group:
    return Group(items, items[-1].path, framed=False)


def _names(part: Part) -> str:
    return span(part.name, label(part.others[-1])) if part.name and part.others else part.name


def span(first: str, last: str) -> str:
    """Two names as one, what they share said once: ``conv2–3``."""
    if first == last:
        return first
    shared = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    )
    rest = last[shared:] if shared > len(last) / 2 else last
    return f"{first}–{rest or last}"


def label(path: str) -> str:
    """The last name of a path; "" for a number, which nobody chose."""
    last = path.rpartition(".")[2]
    return "" if last.isdigit() else last


def _hands_on(node: Node) -> bool:
    """Whether a node gives out what it takes, and says nothing by it."""
    op = node.op
    return (
        isinstance(op, View)
        and len(node.inputs) == 1
        and not type(op).model_fields
        and node.output.shape == node.inputs[0].output.shape
    )


def starts(node: Node) -> bool:
    """Whether a node depends on nothing that it takes: it gives out a parameter of its own."""
    if not isinstance(node.op, View) or not node.params:
        return False
    return not any(node.op.window(node.output, *node.tensors))


def _norms(node: Node) -> bool:
    return bool(node.op.work(node.output, *node.tensors).norm)


def follows(node: Node) -> bool:
    """Whether a layer works on values one by one: it norms, activates or drops them."""
    if len(node.inputs) != 1 or node.output.shape != node.inputs[0].output.shape:
        return False
    work = node.op.work(node.output, *node.tensors)
    if node.op.macs(node.output, *node.tensors) or work.pool:
        return False
    if work.norm or work.activation:
        return True
    windows = node.op.window(node.output, *node.tensors)
    return isinstance(node.op, View) and windows == pointwise(*node.tensors)
