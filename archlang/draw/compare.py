"""What has become of the parts of two networks, for pictures of them side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple, TypeAlias

from archlang.analyses.alignment import Pair
from archlang.analyses.cost import costs
from archlang.analyses.differences import Change, Differences, Kind
from archlang.draw.paint import Coat, Copies, Paint, every, groups
from archlang.draw.parts import Card, Group, Part
from archlang.draw.words import Words, shape_text
from archlang.graph import Graph, Node, Region
from archlang.types import Shape
from archlang.wording import si

Side: TypeAlias = Literal["a", "b"]
State: TypeAlias = Literal["same", "changed", "added", "removed"]
OTHER: dict[Side, Side] = {"a": "b", "b": "a"}
MARKS: dict[State, str] = {"same": "", "changed": "~", "added": "+", "removed": "−"}
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
                common.update(product(*(holders[s].get(n.index, ()) for s, n in sides(change))))

        self._shapes = {self.key("a", part): shape_text(part.nodes[-1]) for part in parts["a"]}
        keys = {side: [self.key(side, part) for part in found] for side, found in parts.items()}

        def alike(pair: tuple[int, int]) -> tuple[float, bool]:
            mine, theirs = keys["a"][pair[0]], keys["b"][pair[1]]
            whole = len(mine.nodes) + len(theirs.nodes)
            return 2 * common[pair] / whole, mine.open == theirs.open

        for x, y in sorted(common, key=alike, reverse=True):
            mine, theirs = keys["a"][x], keys["b"][y]
            if mine not in self.partner["a"] and theirs not in self.partner["b"]:
                self.partner["a"][mine] = theirs
                self.partner["b"][theirs] = mine

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


class SidePaint(Paint):
    """Marks and colours what has changed, in the picture of one of two networks."""

    def __init__(self, compared: Compared, side: Side) -> None:
        self.compared, self.side = compared, side

    def apart(self, node: Node) -> Hashable:
        """Copies that have not changed alike are no copies."""
        return self.compared.apart(self.side, node)

    def prepare(self, items: Sequence[Part]) -> None:
        """Mark the open parts."""
        for group in groups(items):
            state = self.compared.state(self.side, group)
            group.note = "" if state == "same" else self._marks(group)

    def lines(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box behind its mark, and what has changed."""
        state = self.compared.state(self.side, card)
        if not said:
            return said
        title, rest = said[0], said[1:]
        if mark := MARKS[state]:
            title = title._replace(text=f"{mark} {title.text}")
        if self.side == "b" and card.kind != "join":
            rest = self._resized(card, rest)
        if card.kind == "join":
            return [title]
        told = [Words(text, ink="title").fitted() for text in self._told(card, state)]
        return [title, *rest, *told]

    def _resized(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box, with the shape that was before the one that is."""
        before, after = self.compared.before(card), shape_text(card.nodes[-1])
        if not said or not before or before == after or said[-1].text != after:
            return said
        return [*said[:-1], said[-1]._replace(text=f"{before} → {after}")]

    def _told(self, card: Card, state: State) -> Iterator[str]:
        """What has become of a box: how many changes a closed part has, what those of a layer are."""
        if card.kind == "part" and state != "same":
            yield self._count(card)
        elif state == "changed":
            yield from self._changes(card)
        if params := self.compared.params(self.side, card):
            yield f"{'+' if params > 0 else '−'}{si(abs(params))} parameters"

    def _changes(self, card: Card) -> Iterator[str]:
        """The first thing that changed in a layer, in the second network, and what came or went."""
        found = self.compared.of(self.side, card)
        if self.side == "b":
            texts = [text for c in found if c.kind == "changed" for text in words_of(c)]
            yield from texts[:1]
        alone = [
            (c.kind, node.op.name) for c in found if c.kind != "changed" for _, node in sides(c)
        ]
        told = [f"{MARKS[STATES[kind]]} {name}" for kind, name in alone if kind in STATES]
        if told:
            yield ", ".join(dict.fromkeys(told))

    def _count(self, part: Part) -> str:
        """``9 changed, 4 added``, in layers; how many they are where all are on one side."""
        counts = self._counts(part)
        if self.compared.state(self.side, part) != "changed":
            count = counts.total()
            return f"{count:,} layer{'s' if count > 1 else ''}"
        return ", ".join(f"{count:,} {state}" for state, count in counts.items())

    def _marks(self, part: Part) -> str:
        """The same in short: ``~9 +4``."""
        counts = self._counts(part)
        return " ".join(f"{MARKS[state]}{count:,}" for state, count in counts.items())

    def _counts(self, part: Part) -> Counter[State]:
        """How many layers of a part have changed, have come, have gone."""
        counts = Counter(change.kind for change in self.compared.of(self.side, part))
        return Counter({state: counts[kind] for kind, state in STATES.items() if counts[kind]})

    def share(self, card: Card) -> float:
        """No bars."""
        return 0.0

    def coat(self, part: Part, tint: str) -> Coat:
        """The colour of what has become of it."""
        state = self.compared.state(self.side, part)
        if isinstance(part, Card):
            return Coat(tint if state == "same" and tint in ("input", "join") else state)
        return Coat("plain" if state == "same" else f"{state}-frame")

    def about(self, part: Part, said: str) -> str:
        """What is said of it, which network it is of, and what has become of it."""
        state = self.compared.state(self.side, part)
        return f"{self.side.upper()}: {said}; {state}"
