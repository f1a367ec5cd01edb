"""What a network costs: parameters, buffers, multiply-accumulates, neurons, depth.

Parameters and buffers are counted once for shared weights, and for every module that
exists: auxiliary heads and parts that no output needs included, as
``sum(p.numel() for p in model.parameters())`` has it. MACs, neurons and depth are of
evaluation: only what an output needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import prod

from archlang.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class NodeCost:
    """The cost of one use of a layer, for one sample."""

    params: int
    buffers: int
    macs: int
    neurons: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The cost of a network, for one sample; ``flops`` are 2 × ``macs``.

    ``depth`` is the convolutions, linears and attention projections on the longest path.
    """

    params: int
    buffers: int
    macs: int
    flops: int
    neurons: int
    depth: int

    def to_json(self) -> dict[str, int]:
        """As plain data."""
        return asdict(self)


def node_cost(node: Node) -> NodeCost:
    """The cost of one node; shared weights are counted at their first use."""
    output, tensors = node.output.plain, [n.output.plain for n in node.inputs]
    return NodeCost(
        params=_scalars(node.params) if node.first else 0,
        buffers=_scalars(node.buffers) if node.first else 0,
        macs=int(node.op.macs(output, *tensors)),
        neurons=int(node.op.neurons(output, *tensors)),
    )


def _scalars(tensors: dict[str, tuple[int, ...]]) -> int:
    return sum(prod(map(int, shape)) for shape in tensors.values())


def costs(graph: Graph) -> list[NodeCost]:
    """The cost of each node of ``graph``, in its order."""
    if "costs" not in graph.worked_out:
        graph.worked_out["costs"] = [node_cost(n) for n in graph.nodes]
    found: list[NodeCost] = graph.worked_out["costs"]
    return found


def total(graph: Graph, nodes: Iterable[Node] | None = None) -> Totals:
    """The cost of a network, or of some of its nodes (those of a region)."""
    if nodes is not None:
        return _total(graph, list(nodes))
    if "total" not in graph.worked_out:
        graph.worked_out["total"] = _total(graph, graph.nodes)
    found: Totals = graph.worked_out["total"]
    return found


def _total(graph: Graph, chosen: list[Node]) -> Totals:
    live = graph.live()
    every = costs(graph)
    each = [every[n.index] for n in chosen]
    running = [every[n.index] for n in chosen if n.index in live]
    macs = sum(c.macs for c in running)
    return Totals(
        params=sum(c.params for c in each),
        buffers=sum(c.buffers for c in each),
        macs=macs,
        flops=2 * macs,
        neurons=sum(c.neurons for c in running),
        depth=_depth(chosen, live),
    )


def _depth(nodes: Iterable[Node], live: set[int]) -> int:
    """The longest path through ``nodes``, in layers that multiply."""
    depths: dict[int, int] = {}
    for node in nodes:
        if node.index in live:
            before = max((depths.get(n.index, 0) for n in node.inputs), default=0)
            depths[node.index] = before + node.op.depth
    return max(depths.values(), default=0)
