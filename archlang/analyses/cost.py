"""What a network costs: parameters, buffers, multiply-accumulates, neurons, depth.

Parameters and buffers are counted once for shared weights, and for every module that
exists: auxiliary heads and parts that no output needs included, as
``sum(p.numel() for p in model.parameters())`` has it. MACs, neurons and depth are of
evaluation: only what an output needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import NamedTuple

from archlang.analyses.alike import each
from archlang.graph import Graph, Node
from archlang.types import Tensor


class NodeCost(NamedTuple):
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


def _first_cost(node: Node, plain: Mapping[int, Tensor]) -> NodeCost:
    """The cost of one node, if it is the first that uses its weights.

    ``plain`` are the shapes that there are, as plain numbers, by the tensors' ids.
    """
    output, tensors = plain[id(node.output)], [plain[id(n.output)] for n in node.inputs]
    return NodeCost(
        params=_scalars(node.params),
        buffers=_scalars(node.buffers),
        macs=int(node.op.macs(output, *tensors)),
        neurons=int(node.op.neurons(output, *tensors)),
    )


def _scalars(tensors: dict[str, tuple[int, ...]]) -> int:
    return sum(map(prod, tensors.values()))


def costs(graph: Graph) -> list[NodeCost]:
    """The cost of each node of ``graph``, in its order; of shared weights at their first use."""
    if "costs" not in graph.worked_out:
        shapes = {id(n.output): n.output for n in graph.nodes}
        plain = {key: shape.plain for key, shape in shapes.items()}
        if_first = each(graph, lambda node: _first_cost(node, plain))
        graph.worked_out["costs"] = [
            cost if node.first else cost._replace(params=0, buffers=0)
            for node, cost in zip(graph.nodes, if_first, strict=True)
        ]
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
    running = [n for n in chosen if n.index in live]
    run = [every[n.index] for n in running]
    macs = sum([c.macs for c in run])
    return Totals(
        params=sum([every[n.index].params for n in chosen]),
        buffers=sum([every[n.index].buffers for n in chosen]),
        macs=macs,
        flops=2 * macs,
        neurons=sum([c.neurons for c in run]),
        depth=_depth(running),
    )


def _depth(nodes: Iterable[Node]) -> int:
    """The longest path through ``nodes``, in layers that multiply."""
    depths: dict[int, int] = {}
    for node in nodes:
        before = 0
        for taken in node.inputs:
            before = max(before, depths.get(taken.index, 0))
        depths[node.index] = before + node.op.depth
    return max(depths.values(), default=0)
