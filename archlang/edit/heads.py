"""The heads of a network, and the layers that do the same position by position.

A head begins where a map is laid out as a vector, or pooled to a size of its own, and all that
follows comes from such beginnings alone: what is pooled only to weigh maps, as in squeeze and
excitation, is no head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archlang.graph import Graph, Node
from archlang.op import Recast
from archlang.types import Tensor


class Fault(NamedTuple):
    """A layer that keeps heads from becoming convolutions, why, and where these begin.

    ``aside`` holds where what is pooled only weighs other tensors, and is no head.
    """

    node: Node
    why: str
    begins: tuple[Node, ...]

    @property
    def aside(self) -> bool:
        return all(n.op.fixes for n in self.begins) and len(self.node.inputs) > 1


@dataclass(frozen=True)
class Heads:
    """The layers of heads, by the indices of their nodes.

    ``maps`` has the map that each tensor becomes, at the input that the network is checked with;
    ``layers`` the layer in the place of each. ``faults`` say what was left as it is, and why.
    """

    begins: tuple[Node, ...]
    maps: dict[int, Tensor] = field(default_factory=dict)
    layers: dict[int, Recast] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything becomes another layer."""
        return bool(self.layers)


def find(graph: Graph) -> Heads:
    """All heads that can become convolutions, and what keeps the others from it."""
    begins = [n for n in graph.nodes if _begins(n)]
    faults: list[Fault] = []
    while True:
        walk = _Walk(begins)
        fault = next(walk.through(graph.nodes), None)
        if fault is None:
            return Heads(tuple(begins), walk.maps, walk.layers, tuple(faults))
        if not fault.aside:
            faults.append(fault)
        begins = [n for n in begins if n not in fault.begins]


def _begins(node: Node) -> bool:
    if len(node.inputs) != 1:
        return False
    (x,) = node.tensors
    return x.rank in (2, 3, 4) and (node.op.fixes or node.op.flattens(x))


class _Walk:
    """One way through a network, from the beginnings of heads on.

    ``reach`` has for each node behind a beginning the beginnings before it; ``vectors`` for each
    whose tensor was a vector, those that laid it out.
    """

    def __init__(self, begins: Sequence[Node]) -> None:
        self.begins = {n.index: n for n in begins}
        self.reach: dict[int, set[int]] = {}
        self.vectors: dict[int, set[int]] = {}
        self.maps: dict[int, Tensor] = {}
        self.layers: dict[int, Recast] = {}

    def through(self, nodes: Sequence[Node]) -> Iterator[Fault]:
        """What cannot be done; what can is recorded."""
        for node in nodes:
            behind = [i.index for i in node.inputs if i.index in self.reach]
            if behind or node.index in self.begins:
                reach = {b for i in behind for b in self.reach[i]}
                self.reach[node.index] = reach | ({node.index} & self.begins.keys())
                yield from self.step(node, behind)

    def step(self, node: Node, behind: list[int]) -> Iterator[Fault]:
        begins = node.index in self.begins
        if len(behind) < len(node.inputs) and not begins:
            why = f"`{node.op.name}` joins what comes of it with tensors from elsewhere"
            yield self.fault(node, why, self.reach[node.index])
            return
        spread = [i for i in behind if i in self.vectors]
        origins = {b for i in spread for b in self.vectors[i]}
        maps = [self.maps.get(i.index, i.output) for i in node.inputs]
        if spread and len(spread) < len(node.inputs):
            yield self.fault(node, f"`{node.op.name}` joins its vector with maps", origins)
            return
        recast: Recast | None = Recast(node.op)
        why = ""
        if spread:
            recast = node.op.on_map(*maps)
            why = f"no layer does at each position of a map what `{node.op}` does to a vector"
            if node.op.merges:
                why = f"`{node.op.name}` joins vectors of maps that are not alike"
        elif begins and node.op.fixes:
            recast, origins = node.op.sliding(maps[0]), {node.index}
            why = f"the windows of `{node.op}` over {maps[0]} are not all alike"
        elif node.op.flattens(node.tensors[0]):
            recast, origins = node.op.on_map(*maps) if begins else None, {node.index}
            why = f"what follows `{node.op}` is made for one size"
            if not begins:
                origins = self.reach[node.index]
        if recast is None:
            yield self.fault(node, why, origins)
            return
        self.record(node, recast, maps, origins)

    def record(self, node: Node, recast: Recast, maps: list[Tensor], origins: set[int]) -> None:
        out = recast.op.infer(*maps)
        if out.rank != node.output.rank:
            self.vectors[node.index] = origins
        if origins:
            self.maps[node.index] = out
        if recast.op != node.op:
            self.layers[node.index] = recast

    def fault(self, node: Node, why: str, begins: set[int]) -> Fault:
        return Fault(node, why, tuple(self.begins[i] for i in sorted(begins) if i in self.begins))
