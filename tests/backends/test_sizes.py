"""A compiled network takes every legal size, and refuses all others with a message."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.analyses.sizes import Legal, legal
from archlang.backends.torch.build import build
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.graph import Graph
from tests.analyses.layers import layers
from tests.backends.guarded import made
from tests.backends.networks import HEADS, tensors
from tests.sizes.networks import Maker
from tests.sizes.witness import points, worked_out
from tests.specs.covered import SPECS

AUX = """
model aux_pool {
    input x: [3, H=32, W=32]
    a = conv(3x3, 4, stride=2)
    side = a -> avgpool(5x5, stride=3) -> conv(1x1, 2)
    aux side
    a -> relu
}
"""
# Every legal size, and no other


def near(found: Legal, r: random.Random) -> Iterator[dict[str, int]]:
    """The default's sizes and those next to it, the least, and legal ones next to any."""
    for step in (0, 1, -1):
        yield {n: s + step for n, s in found.defaults.items()}
    for name in found.names:
        along = found.along(name)
        for size in (along.least, along.above(found.defaults[name] + 1), r.randint(1, 300)):
            yield found.defaults | {name: size or 1}
    if least := found.square.least:
        yield dict.fromkeys(found.names, least)
        yield dict.fromkeys(found.names, found.square.above(r.randint(1, 200)) or least)
        yield dict.fromkeys(found.names, max(1, least - 1))


def shapes(graph: Graph, sizes: Mapping[str, int]) -> list[tuple[int, ...]]:
    return [tuple(n.output.at(sizes).shape) for n in graph.inputs.values()]


def ask(module: nn.Module, graph: Graph, sizes: Mapping[str, int], device: str) -> bool:
    """Whether a module takes these sizes; what comes out is held against the graph."""
    found = legal(graph, training=module.training and bool(graph.aux))
    given = [torch.zeros(2, *s, device=device) for s in shapes(graph, sizes)]
    if not found.holds(sizes):
        with pytest.raises(ValueError, match=r"but \w+ takes .*: .* (not legal|not hold at)"):
            module(*given)
        return False
    with torch.no_grad():
        result = module(*given)
    ends = dict(graph.outputs)
    if module.training:
        ends |= {n: aux.node for n, aux in graph.aux.items()}
    for node, tensor in zip(ends.values(), tensors(result), strict=True):
        assert tuple(tensor.shape[1:]) == node.output.at(sizes).shape
    return True


@pytest.mark.parametrize("file", sorted(SPECS.glob("*.arch")), ids=lambda f: f.stem)
def test_one_model_of_every_spec(file: Path) -> None:
    """At every legal size it runs as what is worked out there, of the same layers."""
    network = archlang.load(file, Program(read_source(file), str(file)).complete[0])
    graph = network.graph
    module = network.to_torch("meta").eval()
    counts = Counter(
        ask(module, graph, sizes, "meta") for sizes in near(legal(graph), random.Random(0))
    )
    assert counts[True] >= 1
    whole = legal(graph, training=True)  # the spec is worked out with its auxiliary outputs
    taken = [s for s in near(legal(graph), random.Random(1)) if whole.holds(s)]
    for sizes in taken[1:3]:
        again = network.at(dict(zip(graph.inputs, shapes(graph, sizes), strict=True)))
        assert layers(again.graph) == layers(graph)
    if graph.aux:
        module.train()
        for sizes in near(legal(graph, training=True), random.Random(0)):
            ask(module, graph, sizes, "meta")


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_random_networks(first: int) -> None:
    torch.set_num_threads(1)
    counts: Counter[bool] = Counter()
    for seed in range(first, first + 20):
        net = Maker(seed).net()
        graph = worked_out(net.spec)
        module = build(graph, "meta").eval()
        asked = list(points(net, legal(graph), random.Random(seed), dense=False))
        for h, w in random.Random(seed).sample(asked, 20):
            if legal(graph).exact:
                counts[ask(module, graph, {"H": h, "W": w}, "meta")] += 1
    assert min(counts.values()) > sum(counts.values()) / 10


@pytest.mark.parametrize("seed", range(500, 510))
def test_random_networks_with_tensors(seed: int) -> None:
    net = Maker(seed).net()
    graph = worked_out(net.spec)
    module = build(graph).eval()
    small = [(h, w) for h in range(1, 30) for w in range(1, 30)]
    for h, w in [net.shape[1:], *random.Random(seed).sample(small, 10)]:
        if legal(graph).exact:
            ask(module, graph, {"H": h, "W": w}, "cpu")


def test_a_wrong_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard, sizes that would be stretched pass."""
    graph = worked_out("model m { input x: [3, H=8, W=8]; residual { maxpool(2) -> upsample(2) } }")
    module = build(graph)
    assert ask(module, graph, {"H": 6, "W": 2}, "cpu")
    assert not ask(module, graph, {"H": 7, "W": 2}, "cpu")
    monkeypatch.setattr(Legal, "holds", lambda self, sizes: True)
    with pytest.raises(RuntimeError, match="size of tensor"):
        ask(build(graph), graph, {"H": 5, "W": 2}, "cpu")


# What is refused


def test_what_pytorch_would_stretch_without_a_word() -> None:
    graph = worked_out(
        "model m { input x: [3, H=8, W=8]; add { avgpool(2) | conv(1x1, 3, stride=2) } }"
    )
    module = build(graph)
    with pytest.raises(
        ValueError, match=r"H = 3 is not legal; the nearest that is legal: H = 2 or"
    ):
        module(torch.zeros(1, 3, 3, 8))  # a mean of 1 pixel, and 2 of the convolution
    assert module(torch.zeros(1, 3, 4, 8)).shape == (1, 3, 2, 4)


def test_sizes_that_only_training_refuses() -> None:
    network = archlang.loads(AUX)
    module = network.to_torch()
    small = torch.zeros(2, 3, 8, 32)
    assert module.eval()(small).shape == (2, 4, 4, 16)
    with pytest.raises(ValueError, match=r"H >= 9 and W >= 9 in training: H = 8 is not legal"):
        module.train()(small)
    assert module.eval()(small).shape == (2, 4, 4, 16)
    assert set(module.train()(torch.zeros(2, 3, 9, 9))) == {"output", "side"}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("stem", [(3, 33, 33)], r"`x` has 3 axes, not 4; a single sample needs a batch of 1"),
        ("stem", [(1, 4, 33, 33)], r"axis 1 of `x` is 4, and 3 is the only size taken$"),
        ("siamese", [(1, 1, 33, 33), (1, 1, 34, 33)], r"axis 2 of `right` is 34, .* as in `H=33`"),
        ("pair", [(1, 3, 12), (1, 2, 14)], r"H is both 12 and 14, and has to be the same"),
        ("pair", [(1, 3, 1), (1, 2, 1)], r"H = 1 is not legal; .* H = 2 \(pad it by 1\)"),
        ("pair", [(1, 3, 9), (4, 2, 9)], r"the batch is 1 in `a` and 4 in `b`"),
        ("unet", [(2, 3, 30, 33)], r"H = 28 or 32 \(pad it by 2\) and W = 32 or 36 \(pad it by 3"),
    ],
)
def test_messages(name: str, given: list[tuple[int, ...]], message: str) -> None:
    module, good = made(name)
    with pytest.raises(ValueError, match=message) as caught:
        module(*map(torch.zeros, given))
    assert all(str(list(shape)) in str(caught.value) for shape in given)
    module(*good)


def test_inputs_by_name() -> None:
    module, (a, b) = made("pair")
    assert torch.equal(module(b=b, a=a), module(a, b))
    with pytest.raises(ValueError, match="H is both"):
        module(a, b=b[..., :-2])


def test_heads_in_both_modes() -> None:
    module = archlang.loads(HEADS).to_torch()
    x = torch.zeros(2, 3, 16, 16)
    assert set(module.eval()(x)) < set(module.train()(x))
    for training in (True, False):
        with pytest.raises(ValueError, match="axis 3 of `image` is 15"):
            module.train(training)(x[..., 1:])
