"""In one process: every analysis of a network that is elaborated, and how it grows.

The peer propagates shapes through torchvision's module on the meta device, which is traced
already: that alone says nothing of memory, receptive fields or other input sizes.
"""

from __future__ import annotations

from collections.abc import Callable

import archlang
from archlang.analyses.cost import total
from archlang.analyses.memory.account import Memory, Setting
from archlang.analyses.proofs import prove
from archlang.analyses.receptive import field_of, sight
from archlang.analyses.sizes import growth, legal
from archlang.analyses.work import total_work
from archlang.graph import Graph
from benchmarks.growth import LARGE, SMALL, spec
from benchmarks.paired import RESNET, Goal, Row, main, time_row, timed

ROUNDS = 15


def everything(graph: Graph) -> Callable[[], int]:
    """All that there is to ask of a graph, nothing of it known before."""

    def ask() -> int:
        graph.worked_out.clear()
        memory = Memory(graph, Setting(batch=8))
        sight(graph)
        for node in graph.nodes:
            field_of(graph, node)
        found = total(graph), legal(graph), prove(graph), growth(graph), total_work(graph)
        assert len(found) == 5
        return memory.kept + memory.inference.total + memory.step.total

    return ask


def run() -> list[Row]:
    import torch
    from torch.fx import symbolic_trace
    from torch.fx.passes.shape_prop import ShapeProp
    from torchvision.models import resnet152

    graph = archlang.load(RESNET, "resnet152").graph
    with torch.device("meta"):
        traced = symbolic_trace(resnet152())
        image = torch.empty(1, 3, 224, 224)

    def theirs() -> object:
        return ShapeProp(traced).propagate(image)

    rows = [
        time_row(
            "all analyses of ResNet-152",
            "torch.fx's shapes on meta",
            timed(everything(graph), theirs, ROUNDS),
            Goal("at least", 2),
        )
    ]
    large, small = (archlang.loads(spec(layers)).graph for layers in (LARGE, SMALL))
    pairs = timed(everything(large), everything(small), 5)
    what, peer = f"all analyses, {LARGE:,} layers", f"{SMALL:,} layers"
    return [*rows, time_row(what, peer, pairs, Goal("at most", 12))]


if __name__ == "__main__":
    main(run)
