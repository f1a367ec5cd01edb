"""Where each layer looks, held against what PyTorch's outputs depend on."""

from __future__ import annotations

import random

import pytest

import archlang
from tests.analyses.receptive import blurs, difference
from tests.ops.cases import CASES, Case
from tests.ops.test_layers import load
from tests.properties.comparison import at_its_size
from tests.properties.draws import DRAWS
from tests.properties.text import spec
from tests.properties.tree import Layer, Line, Net


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.spec} : {c.takes}")
def test_case(case: Case) -> None:
    network = load(case.spec, case.takes)
    blurred = any(blurs(n.op) for n in network.graph.nodes)
    r = random.Random(case.spec)
    assert not difference(network, r, channels=not blurred, whole=False)


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
        blurred = blurs(network.graph.nodes[-1].op)
        wrong = difference(network, r, channels=not blurred, whole=False)
        assert not wrong, f"{network.graph.nodes[-1].op} on {network.inputs}: {wrong}"


@pytest.mark.parametrize("wrong", ["dilation=2", "pad=[[0, 2], [1, 1]]", "stride=2"])
def test_a_wrong_window_is_found(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, other = load("conv(3x3, 2)", "1x9x9"), load(f"conv(3x3, 2, {wrong})", "1x9x9")
    assert not difference(network, random.Random(0))
    network = load("conv(3x3, 2)", "1x9x9")
    monkeypatch.setattr(network.graph.nodes[-1], "op", other.graph.nodes[-1].op)
    monkeypatch.setattr(network, "to_torch", load("conv(3x3, 2)", "1x9x9").to_torch)
    assert difference(network, random.Random(0))
