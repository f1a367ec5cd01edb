"""Which input sizes may vary, held against the module run at other sizes."""

from __future__ import annotations

import random

import pytest
import torch

import archlang
from archlang.analyses import varying as analysis
from archlang.analyses.sizes import legal
from archlang.analyses.varying import Axis, varying
from archlang.sizes.sets import Set
from tests.analyses.layers import layers
from tests.backends.networks import NAMES, network, tensors
from tests.sizes.networks import Maker
from tests.sizes.witness import worked_out


def steps(text: str) -> dict[str, tuple[int, str]]:
    """For each size with a name its step, and why it may not vary."""
    found = archlang.loads(text).varying()
    return {a.name: (a.step, a.reason) for a in found if a.name}


def model(body: str, shape: str = "[3, H=32, W=32]") -> str:
    return f"model m {{\n    input x: {shape}\n    {body}\n}}"


@pytest.mark.parametrize(
    ("body", "step"),
    [
        ("conv(3x3, 4, stride=2) -> relu -> global_avgpool -> linear(2)", 1),
        ("conv(3x3, 4) -> adaptive_avgpool(2x2) -> flatten -> linear(2)", 1),
        (
            "require H % 2 == 0 and W % 2 == 0\n a = conv(3x3, 4)\n"
            "maxpool(2) -> conv_transpose(2x2, 4, stride=2); concat { identity | a }",
            2,
        ),
        ("require H % 12 == 0 and W % 12 == 8\n conv(3x3, 4)", 12),
        ("require params >= 100 and macs <= 120K\n conv(3x3, 4)", 1),
    ],
)
def test_sizes_that_may_vary(body: str, step: int) -> None:
    shape = "[3, H=36, W=32]" if step == 12 else "[3, H=32, W=32]"
    assert steps(model(body, shape)) == {"H": (step, ""), "W": (step, "")}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("flatten -> linear(2)", "`1` is made for it"),
        ("flatten(start=1) -> permute(1, 0) -> add{identity|pos = parameter([H*W, 3])}",
         "`pos` is made for it"),
        ("conv(3x3, H // 8)", "`H // 8` is built in"),
        ("for i in range(H // 8) { relu }", "`range(H // 8)` is built in"),
        ("if H > 16 and H < 64 { relu } else { tanh }", "`H > 16 and H < 64` decides what runs"),
        ("conv(3x3, 4 if H == 32 else 5)", "`H == 32` decides what runs"),
        ("maxpool(2) -> flatten -> linear(2)", "`2` is made for it"),
        ("require H >= 8 and H <= 64\n relu",
         "another size is refused: the network requires `H >= 8 and H <= 64`"),
        ("require H <= W\n relu", "another size is refused: the network requires `H <= W`"),
        ("require H == 32\n relu", "another size is refused: the network requires `H == 32`"),
        ("relu -> slice(0, H // 2, axis=1)", "`H // 2` is built in"),
    ],
)  # fmt: skip
def test_sizes_that_may_not(body: str, why: str) -> None:
    assert steps(model(body))["H"] == (0, why)


def test_two_sizes_that_only_vary_together() -> None:
    found = steps(model('require H == W : "square"\n    relu'))
    assert {step for step, _ in found.values()} == {0}
    assert all("`H == W`: square" in why for _, why in found.values())


def test_sizes_that_may_not_both_vary() -> None:
    found = steps(model("require H == 32 or W == 32\n    relu"))
    assert found["H"] == (1, "")
    assert found["W"][0] == 0
    assert "`H == 32 or W == 32`" in found["W"][1]


def test_a_size_without_a_name() -> None:
    (axis,) = archlang.loads(model("relu", "[8]")).varying()
    assert (axis.name, axis.step, axis.reason) == ("", 0, "the spec gives it no name")


def test_one_name_for_two_inputs() -> None:
    text = "model m { input a: [1, L=8]; input b: [2, L]; concat { a | b } -> conv(3, 2) }"
    found = archlang.loads(text).varying()
    assert [(a.input, a.axis, a.step) for a in found if a.name] == [("a", 1, 1), ("b", 1, 1)]


def test_what_runs_in_training_only_does_not_count() -> None:
    body = "a = conv(3x3, 4)\n h = a -> flatten -> linear(2)\n aux h\n a -> global_avgpool"
    assert steps(model(body))["H"] == (1, "")


@pytest.mark.parametrize("name", NAMES)
def test_the_module_runs_wherever_it_is_said_to(name: str) -> None:
    found = network(name)
    module = found.to_torch("meta").eval()
    state = {k: t.shape for k, t in module.state_dict().items()}
    for axis in (a for a in found.varying() if a.step):
        for size in (axis.size + axis.step, axis.size + 5 * axis.step, *axis.smaller):
            shape = list(found.inputs[axis.input])
            shape[axis.axis] = size
            again = found.at({axis.input: tuple(shape)})
            assert {k: t.shape for k, t in again.to_torch("meta").state_dict().items()} == state
            assert layers(again.graph) == layers(found.graph)
            given = [torch.zeros(2, *s, device="meta") for s in again.inputs.values()]
            got = [tuple(t.shape[1:]) for t in tensors(module(*given))]
            assert got == list(again.outputs.values())


def test_what_runs_is_the_same_wherever_it_is_said_to() -> None:
    """Each ``if`` is decided alike, each number built in the same: beyond, they are not."""
    body = (
        "if H > 20 { conv(3x3, 4) } else { conv(5x5, 4) }\n"
        "conv(1x1, 8 if W >= 16 else 4) -> global_avgpool -> linear(2)"
    )
    found = archlang.loads(model(body))
    axes = {a.name: a for a in found.varying() if a.name}
    assert {n: (a.step, a.least) for n, a in axes.items()} == {"H": (1, 21), "W": (1, 16)}
    for h, w in ((21, 16), (22, 400), (500, 17)):
        assert layers(found.at({"x": (3, h, w)}).graph) == layers(found.graph)
    for h, w in ((20, 16), (21, 15)):
        assert layers(found.at({"x": (3, h, w)}).graph) != layers(found.graph)


@pytest.mark.parametrize("seed", range(40))
def test_random_networks_vary_within_what_is_legal(seed: int) -> None:
    """All sizes of a name with all of the other: so an export is legal wherever it is open."""
    graph = worked_out(Maker(seed).net().spec)
    found, r = legal(graph), random.Random(seed)
    axes = {a.name: a for a in varying(graph) if a.name}

    def drawn(axis: Axis) -> int:
        return axis.least + axis.step * r.choice([0, 1, r.randint(0, 60), r.randint(0, 4000)])

    for _ in range(100):
        assert found.holds({name: drawn(axis) for name, axis in axes.items()})
    for axis in axes.values():
        assert (axis.size - axis.least) % (axis.step or 1) == 0
        assert bool(axis.step) != bool(axis.reason)
        assert axis.smaller == sorted(set(axis.smaller), reverse=True)
        assert not axis.smaller or (axis.smaller[0] < axis.size and axis.smaller[-1] == axis.least)


@pytest.mark.parametrize("seed", range(200))
def test_the_closest_steps(seed: int) -> None:
    """Against trying every step, far beyond where a set begins to repeat."""
    r = random.Random(seed)
    kept = r.choice([0.3, 0.8, 0.95])
    low, tail = ([r.random() < kept for _ in range(r.randint(1, 12))] for _ in range(2))
    sizes = Set.of(low, tail)
    size = r.choice([n for n in range(1, 60) if n in sizes] or [1])
    if size not in sizes:
        return
    fits = (k for k in range(1, 120) if all(n in sizes for n in range(size, size + 150 * k, k)))
    step = next(fits, None)
    found = analysis._progression(sizes, size)
    assert (found and found[0]) == step
    if found:
        step, least = found
        assert all(n in sizes for n in range(least, size, step))
        assert least - step not in sizes


def test_sizes_of_another_form_are_left_out() -> None:
    text = model("require H == 5 or H >= 8\n require W % 4 < 2\n relu", "[3, H=16, W=17]")
    axes = {a.name: (a.step, a.least) for a in archlang.loads(text).varying() if a.name}
    assert axes == {"H": (1, 8), "W": (4, 1)}


def test_a_range_that_ends_stays() -> None:
    body = "maxpool(8) -> flatten -> linear(2)"
    assert legal(archlang.loads(model(body)).graph).along("H").words() == "32 <= H <= 39"
    assert steps(model(body))["H"] == (0, "`2` is made for it")


def test_two_sizes_that_meet_leave_a_third_free() -> None:
    text = (
        "model m { input a: [1, H=16, W=8]; input b: [1, H, V=9]; "
        "concat(axis=2) { a | b } -> maxpool(2) }"
    )
    assert steps(text) == {
        "H": (1, ""),
        "W": (0, "`maxpool` works on a size that V and W make together"),
        "V": (0, "`maxpool` works on a size that V and W make together"),
    }
