"""In one process: ResNet-152 from its text to its totals.

The peer builds torchvision's module on the meta device, traces it and propagates shapes
through it, which is how one learns of every layer's shape before there are weights.
"""

from __future__ import annotations

from benchmarks.paired import RESNET, Goal, Row, main, time_row, timed

ROUNDS = 15


def run() -> list[Row]:
    import torch
    from torch.fx import GraphModule, symbolic_trace
    from torch.fx.passes.shape_prop import ShapeProp
    from torchvision.models import resnet152

    import archlang

    text = RESNET.read_text(encoding="utf-8")

    def ours() -> archlang.Network:
        network = archlang.loads(text, model="resnet152")
        assert network.totals.depth == 152
        return network

    def theirs() -> GraphModule:
        with torch.device("meta"):
            traced = symbolic_trace(resnet152())
            ShapeProp(traced).propagate(torch.empty(1, 3, 224, 224))
        return traced

    pairs = timed(ours, theirs, ROUNDS)
    what, peer = "text to totals, ResNet-152", "torch.fx on meta"
    return [time_row(what, peer, pairs, Goal("at least", 3))]


if __name__ == "__main__":
    main(run)
