"""Where each layer looks, held against what PyTorch's outputs depend on."""

from __future__ import annotations

import random
from math import prod

import pytest

import archlang
from archlang.analyses.receptive.places import Runs, each
from archlang.analyses.receptive.trace import trace
from tests.analyses.witness import Witness
from tests.ops.cases import CASES, Case
from tests.ops.test_layers import load
from tests.properties.comparison import at_its_size
from tests.properties.draws import DRAWS
from tests.properties.text import spec
from tests.properties.tree import Layer, Line, Net

BLURRED = {
    "conv",
    "conv_transpose",
    "locally_connected",
    "channel_shuffle",
    "pixel_shuffle",
    "groupnorm",
}
"""Layers whose outputs count as dependent on all channels, though each looks at some."""
HEAVY = 100_000
"""Of an input with more values fewer places are asked about."""


def asked(runs: Runs, size: int, r: random.Random, most: int) -> set[int]:
    """Indices to ask about: the edges of what is claimed, those beside them, and some others."""
    edges = {edge + step for run in runs for edge in run for step in (-1, 0, 1)}
    picked = set(r.sample(sorted(edges), most)) if len(edges) > most else edges
    return (picked | {0, size - 1, r.randrange(size)}) & set(range(size))


def starts(shape: tuple[int, ...], r: random.Random, most: int) -> list[tuple[Runs, ...]]:
    """Places of an output: corners, and some between; with all channels of an image."""
    places = [tuple(r.randrange(n) for n in shape) for _ in range(most - 2)]
    places += [tuple(0 for _ in shape), tuple(n - 1 for n in shape)]
    return [
        tuple(
            ((0, n - 1),) if axis == 0 and len(shape) > 2 else ((i, i),)
            for axis, (i, n) in enumerate(zip(place, shape, strict=True))
        )
        for place in places[:most]
    ]


def difference(network: archlang.Network, r: random.Random, *, blurred: bool = True) -> str:
    """Where places of an output depend on other than what is said; empty where they do not.

    With ``blurred`` they may depend on fewer channels.
    """
    witness, graph = Witness(network), network.graph
    heavy = any(prod(shape) > HEAVY for shape in network.inputs.values())
    for output, node in graph.outputs.items():
        for start in starts(network.outputs[output], r, 1 if heavy else 3):
            found = trace(graph, {node.index: start})
            for name, given in graph.inputs.items():
                for axis, runs in enumerate(found.of(given)):
                    said = set(each(runs))
                    for index in asked(runs, network.inputs[name][axis], r, 2 if heavy else 6):
                        box = tuple(slice(a, b + 1) for ((a, b),) in start)
                        depends = bool(witness.reached(name, axis, index)[output][box].any())
                        if depends != (index in said) and (depends or axis or not blurred):
                            where = f"{output} at {start}, {name} along {axis}"
                            return f"{where}: {runs}, but at {index} it is {depends}"
    return ""


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.spec} : {c.takes}")
def test_case(case: Case) -> None:
    network = load(case.spec, case.takes)
    ops = {n.op.name for n in network.graph.nodes}
    assert not difference(network, random.Random(case.spec), blurred=bool(ops & BLURRED))


def drawn(name: str, r: random.Random) -> archlang.Network | None:
    """A layer with random arguments on a random tensor; None where it does not take it."""
    ranks, _, draw = DRAWS[name]
    shape = (r.choice((1, 2, 4, 6)), *(r.randint(1, 11) for _ in range(r.choice(ranks) - 1)))
    try:
        args = draw(r, shape)
        return at_its_size(spec(Net({"image": shape}, [Line([Layer(name, args)])]), 0))
    except (archlang.ArchError, IndexError, ValueError):
        return None


@pytest.mark.parametrize("name", DRAWS)
def test_random_arguments(name: str) -> None:
    r = random.Random(name)
    networks = [network for _ in range(40) if (network := drawn(name, r)) is not None][:6]
    assert networks
    for network in networks:
        blurred = name in BLURRED or network.outputs["output"] == network.inputs["image"]
        wrong = difference(network, r, blurred=blurred)
        assert not wrong, f"{network.graph.nodes[-1].op} on {network.inputs}: {wrong}"


def test_a_wrong_window_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load("conv(3x3, 2)", "1x9x9")
    assert not difference(network, random.Random(0))
    for wrong in ("conv(3x3, 2, dilation=2)", "conv(1x1, 2)", "conv(3x3, 2, pad=[[0, 2], [1, 1]])"):
        other = load(wrong, "1x9x9").graph.nodes[-1].op
        monkeypatch.setattr(network.graph.nodes[-1], "op", other)
        monkeypatch.setattr(network, "to_torch", load("conv(3x3, 2)", "1x9x9").to_torch)
        assert difference(network, random.Random(0))
