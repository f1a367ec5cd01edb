"""What has become of the parts of two networks, for pictures of them side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import product
from typing import Literal, NamedTuple, TypeAlias

from archlang.analyses.alignment import Pair
from archlang.analyses.cost import costs
from archlang.analyses.differences import Change, Differences, Kind
from archlang.draw.paint import Copies, every
from archlang.draw.parts import Group, Part
from archlang.draw.words import shape_text
from archlang.graph import Graph, Node, Region
from archlang.types import Shape

Side: TypeAlias = Literal["a", "b"]
State: TypeAlias = Literal["same", "changed", "added", "removed"]
OTHER: dict[Side, Side] = {"a": "b", "b": "a"}
STATES: dict[Kind, State] = {"changed": "changed", "added": "added", "removed": "removed"}
"""What a layer's change makes it; what only has another path or other sizes is the same."""


class Key(NamedTuple):
    """What tells a part from others: whether it is open, and the nodes that it stands for."""

    open: bool
    nodes: frozenset[int]


class Compared:
    """The changes between two networks, by the parts that pictures of both have."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.graphs: dict[Side, Graph] = {"a": a, "b": b}
        self.differences = Differences(a, b)
        self.changes: dict[Side, dict[int, Change]] = {"a": {}, "b": {}}
        for change in self.differences.changes:
            for side, node in sides(change):
                self.changes[side][node.index] = change
        self.copies: dict[Side, Copies] = {}
        self.partner: dict[Side, dict[Key, Key]] = {"a": {}, "b": {}}
        self._scopes: dict[Side, dict[int, list[Hashable]]] = {"a": {}, "b": {}}
        self._shapes: dict[Key, str] = {}
        self._note(self.differences.root)

    def _note(self, scope: Pair) -> None:
        """Tell the layers of a scope on both sides what stands in it on one side alone."""
        for side, other in OTHER.items():
            region = getattr(scope, side)
            alone = list(self._alone(scope, other))
            if alone and isinstance(region, Region):
                for node in region.nodes():
                    self._scopes[side].setdefault(node.index, []).append(tuple(alone))
        for pair in scope.inside:
            if isinstance(pair.a, Region) and isinstance(pair.b, Region):
                self._note(pair)

    def _alone(self, scope: Pair, side: Side) -> Iterator[Hashable]:
        """What one network alone has right in a scope: where, and which layers."""
        for place, pair in enumerate(scope.inside):
            if getattr(pair, OTHER[side]) is None:
                yield (place, *(str(x.part.op) for x in pair.layers() if isinstance(x.part, Node)))

    def apart(self, side: Side, node: Node) -> Hashable:
        """What has to be equal of two layers for them to be drawn as copies."""
        change = self.changes[side][node.index]
        told = (change.kind, *words_of(change)) if change.kind in STATES else ()
        return (told, *self._scopes[side].get(node.index, ()))

    def key(self, side: Side, part: Part) -> Key:
        """The key of a part."""
        nodes = self.copies[side].of(part)
        return Key(isinstance(part, Group), frozenset(node.index for node in nodes))

    def match(self, copies: dict[Side, Copies], items: dict[Side, list[Part]]) -> None:
        """Find which parts of two pictures are each other's: those with most layers in common."""
        self.copies = copies
        parts = {side: every(found) for side, found in items.items()}
        holders: dict[Side, dict[int, list[int]]] = {"a": {}, "b": {}}
        for side, found in parts.items():
            for number, part in enumerate(found):
                for node in copies[side].of(part):
                    holders[side].setdefault(node.index, []).append(number)
        common: Counter[tuple[int, int]] = Counter()
        for change in self.differences.changes:
            if change.a and change.b:
                mine, theirs = (holders[s].get(n.index, ()) for s, n in sides(change))
                common.update(product(mine, theirs))

        self._shapes = {self.key("a", part): shape_text(part.nodes[-1]) for part in parts["a"]}
        keys = {side: [self.key(side, part) for part in found] for side, found in parts.items()}

        def alike(pair: tuple[int, int]) -> tuple[float, bool]:
            one, other = keys["a"][pair[0]], keys["b"][pair[1]]
            whole = len(one.nodes) + len(other.nodes)
            return 2 * common[pair] / whole, one.open == other.open

        for x, y in sorted(common, key=alike, reverse=True):
            one, other = keys["a"][x], keys["b"][y]
            if one not in self.partner["a"] and other not in self.partner["b"]:
                self.partner["a"][one] = other
                self.partner["b"][other] = one

    def of(self, side: Side, part: Part) -> list[Change]:
        """What changed in a part, with what its partner alone has."""
        mine, other = self.changes[side], OTHER[side]
        found = [mine[node.index] for node in self.copies[side].of(part)]
        partner = self.partner[side].get(self.key(side, part))
        theirs = (self.changes[other][index] for index in sorted(partner.nodes if partner else ()))
        gone = "added" if side == "a" else "removed"
        return [*found, *(change for change in theirs if change.kind == gone)]

    def state(self, side: Side, part: Part) -> State:
        """What has become of a part."""
        found = {STATES.get(change.kind, "same") for change in self.of(side, part)}
        return found.pop() if len(found) == 1 else "changed" if found - {"same"} else "same"

    def before(self, part: Part) -> str:
        """The shape that came out of the first network's like of a part; "" where it has none."""
        partner = self.partner["b"].get(self.key("b", part))
        return self._shapes.get(partner, "") if partner else ""

    def params(self, side: Side, part: Part) -> int:
        """How many parameters a box has more than before; told once of a pair, in the second.

        Over all boxes of both pictures these come to the difference of the networks.
        """
        partner = self.partner[side].get(self.key(side, part))
        alone = partner is None or partner.open
        if side == "a" and not alone:
            return 0
        own = self.changes[side]
        changes = (
            [own[n.index] for n in self.copies[side].of(part)] if alone else self.of(side, part)
        )
        return sum(self._params(change) for change in changes if side == "b" or change.b is None)

    def _params(self, change: Change) -> int:
        found = {side: costs(self.graphs[side])[node.index] for side, node in sides(change)}
        before, after = (found[side].params if side in found else 0 for side in OTHER)
        return after - before


def sides(change: Change) -> list[tuple[Side, Node]]:
    """The layers of a change, by side."""
    found: list[tuple[Side, Node]] = []
    if change.a is not None:
        found.append(("a", change.a))
    if change.b is not None:
        found.append(("b", change.b))
    return found


def words_of(change: Change) -> list[str]:
    """What has changed of a layer, in few words each: the first says most."""
    said = [f"{name} {_times(a)} → {_times(b)}" for name, (a, b) in change.arguments.items()]
    if not said and change.tensors:
        said.append(_arriving(change) or next(map(_tensor, change.tensors.items())))
    said += ["takes another tensor"] if change.takes else []
    return [*said, *(f"{name}: {a} → {b}" for name, (a, b) in change.other.items())]


def _times(text: str) -> str:
    """``3×3`` for ``3x3``."""
    parts = text.split("x")
    return "×".join(parts) if all(part.isdigit() for part in parts) else text


def _arriving(change: Change) -> str:
    """What another shape a layer is given: ``input channels 64 → 128``; "" where it is not."""
    assert change.a is not None
    assert change.b is not None
    before, after = ([x.output.shape for x in node.inputs] for node in (change.a, change.b))
    if len(before) != 1 or len(after) != 1 or len(before[0]) != len(after[0]):
        return ""
    axes = [axis for axis, (a, b) in enumerate(zip(before[0], after[0], strict=True)) if a != b]
    if axes == [0] and len(before[0]) > 1:
        return f"input channels {int(before[0][0])} → {int(after[0][0])}"
    return f"input {_shape(before[0])} → {_shape(after[0])}" if axes else ""


def _tensor(item: tuple[str, tuple[Shape | None, Shape | None]]) -> str:
    name, (a, b) = item
    return f"{name} {_shape(a)} → {_shape(b)}"


def _shape(shape: Shape | None) -> str:
    return "none" if shape is None else "×".join(str(int(size)) for size in shape)
