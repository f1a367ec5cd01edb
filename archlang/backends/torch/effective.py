"""The effective receptive field: how strongly a place depends on each place of the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from archlang.backends.torch.build import build
from archlang.graph import Graph, Node

SEEDS = 8


def effective_field(
    graph: Graph, node: Node, places: Sequence[tuple[tuple[int, int], ...]], seeds: int = SEEDS
) -> dict[str, torch.Tensor]:
    """The energy of the gradient of some places of a tensor, in evaluation after initialisation.

    ``places`` are runs of first and last index, axis by axis. For each of so many ``seeds`` the
    weights are drawn as PyTorch draws them, the input and what is sent back through the places
    from a normal distribution. Gives for each input the mean of the squared gradient, [C, *S].

    Luo et al. 2016, Understanding the effective receptive field in deep convolutional neural
    networks.
    """
    ending = replace(graph, outputs={"place": node}, aux={}, worked_out={})
    energy = {name: torch.zeros(_shape(x)) for name, x in graph.inputs.items()}
    with torch.random.fork_rng(devices=[]):
        for seed in range(seeds):
            torch.manual_seed(seed)
            module = build(ending).eval().requires_grad_(False)
            given = [torch.randn(1, *_shape(x)).requires_grad_() for x in graph.inputs.values()]
            y: torch.Tensor = module(*given)[0]
            for axis, runs in enumerate(places):
                taken = [i for first, last in runs for i in range(first, last + 1)]
                y = y.index_select(axis, torch.tensor(taken))
            found = torch.autograd.grad(y, given, torch.randn_like(y), allow_unused=True)
            for name, gradient in zip(energy, found, strict=True):
                if gradient is not None:
                    energy[name] += gradient[0].square() / seeds
    return energy


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(int(size) for size in node.output.shape)
