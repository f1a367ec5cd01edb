"""One edit of a random network is reported as that edit; what loads is what PyTorch loads."""

from __future__ import annotations

import random
from collections import Counter
from copy import deepcopy
from functools import cache
from itertools import combinations, pairwise

import pytest
import torch

import archlang
from archlang.analyses.differences import Change, Differences
from tests.properties.generator import network
from tests.properties.text import spec
from tests.properties.tree import Layer, Net

COUNTER = "num_batches_tracked"
STATISTICS = ("running_mean", "running_var", COUNTER)
SEEDS = range(100)


@cache
def made(seed: int) -> Net:
    return network(seed)


@cache
def accepted() -> list[tuple[int, archlang.Network]]:
    """The networks that are right, with their seeds."""
    nets = ((seed, edited(made(seed), seed)) for seed in SEEDS)
    return [(seed, net) for seed, net in nets if net is not None]


def edited(net: Net, seed: int) -> archlang.Network | None:
    try:
        return archlang.loads(spec(net, seed))
    except archlang.ArchError:
        return None


def between(a: archlang.Network, b: archlang.Network) -> Differences:
    return Differences(a.graph, b.graph)


def shown(change: Change) -> tuple[str, int | None, int | None]:
    return change.kind, change.a and change.a.index, change.b and change.b.index


def test_a_network_does_not_differ_from_itself() -> None:
    for seed, net in accepted():
        assert between(net, net).equal
        again = edited(made(seed), seed + 1)  # the same, written in another way
        assert again is None or between(net, again).equal, seed


@pytest.mark.parametrize("name", ["tanh", "identity", "bn", "dropout"])
def test_an_inserted_layer_is_the_one_that_is_added(name: str) -> None:
    tried = 0
    for seed, net in accepted():
        r = random.Random(seed)
        other = deepcopy(made(seed))
        line = r.choice(other.body)
        line.parts.insert(r.randint(0, len(line.parts)), Layer(name))
        new = edited(other, seed)
        if new is None:
            continue
        tried += 1
        found, back = between(net, new), between(new, net)
        counts = Counter(c.kind for c in found.changes)
        assert counts["added"] == 1, (seed, counts)
        assert set(counts) <= {"added", "equal", "moved"}, (seed, counts)
        assert Counter(c.kind for c in back.changes)["removed"] == 1
    assert tried > 15


def test_a_changed_argument_is_the_one_that_is_said() -> None:
    tried = 0
    for seed, net in accepted():
        other = deepcopy(made(seed))
        layers = [
            part
            for line in other.body
            for part in line.parts
            if isinstance(part, Layer) and part.name in ("conv", "linear", "conv_transpose")
        ]
        if not layers:
            continue
        layer = random.Random(seed).choice(layers)
        layer.args["bias"] = not layer.args.get("bias", True)
        new = edited(other, seed)
        assert new is not None
        tried += 1
        (change,) = (c for c in between(net, new).changes if c.kind != "equal")
        assert list(change.arguments) == ["bias"]
        assert list(change.tensors) == ["bias"]
    assert tried > 15


def test_exchanging_the_networks_exchanges_the_sides() -> None:
    nets = [net for _, net in accepted()[:40]]
    turn = {"added": "removed", "removed": "added"}
    for a, b in pairwise(nets):
        there = {shown(c) for c in between(a, b).changes}
        back = {(turn.get(k, k), y, x) for k, x, y in map(shown, between(b, a).changes)}
        assert there == back


def test_pytorch_loads_what_is_said_to_load() -> None:
    mixed = 0
    nets = [net for _, net in accepted()[:40]]
    with torch.device("meta"):
        modules = [net.to_torch("meta") for net in nets]
    for (a, x), (b, y) in combinations(zip(nets, modules, strict=True), 2):
        w = between(a, b).weights
        given, own = x.state_dict(), y.state_dict()
        fitting = given.copy()  # with the versions of its modules, which tell of counters
        statistics = {k for k in w.unexpected if k.endswith(STATISTICS)}  # norms refuse others'
        for key in (*w.differing, *statistics):
            del fitting[key]
        result = y.load_state_dict(fitting, strict=False, assign=True)
        missing = {k for k in w.missing if not k.endswith(COUNTER)}  # these it makes itself
        assert {k for k in result.missing_keys if not k.endswith(COUNTER)} == {
            *missing,
            *w.differing,
        }
        assert set(result.missing_keys) <= {*w.missing, *w.differing}
        assert set(result.unexpected_keys) == {*w.unexpected} - statistics
        assert set(w.loads) == {*own} - {*w.missing, *w.differing}
        assert sum(own[k].numel() for k, _ in y.named_parameters()) == w.params["all"]
        learned = {k for k, _ in y.named_parameters()}
        assert sum(own[k].numel() for k in w.loads if k in learned) == w.params["loads"]
        if w.differing:
            with pytest.raises(RuntimeError, match="size mismatch"):
                y.load_state_dict(given, strict=False)
        mixed += bool(w.loads) and not w.strict
    assert mixed > 3
