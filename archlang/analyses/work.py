"""What a network does beyond its multiply-accumulates: biases, norms, activations, pools, merges.

All are of evaluation, for one sample at the size that is checked: only what an output needs.
"""

from __future__ import annotations

from archlang.graph import Graph
from archlang.op import Work


def works(graph: Graph) -> list[Work]:
    """The operations of each node of ``graph``, in its order; none for one that does not run."""
    if "work" not in graph.worked_out:
        live = graph.live()
        graph.worked_out["work"] = [
            Work(*map(int, n.op.work(n.output, *n.tensors))) if n.index in live else Work()
            for n in graph.nodes
        ]
    found: list[Work] = graph.worked_out["work"]
    return found


def total_work(graph: Graph) -> Work:
    """The operations of a network."""
    each = works(graph)
    return Work(*map(sum, zip(*each, strict=True))) if each else Work()
