"""Shared sub-networks: one set of weights, many uses."""

from __future__ import annotations

import pytest
import torch

import archlang
from tests.elaborate.checks import codes, error, errors, model, paths

BLOCK = "block b(c = 3) { conv(1x1, c); relu }"

PATHS = [
    ("shared s = conv(1x1, 3); s -> s", ["s"]),
    ("shared s = conv(1x1, 3) -> bn; s -> s", ["s.0", "s.1"]),
    ("shared s = { conv(1x1, 3); bn }; s -> s", ["s.0", "s.1"]),
    ("shared s = b; s -> s", ["s.0"]),
    ("shared s = b x 2; s -> s", ["s.0.0", "s.1.0"]),
    ("shared s = { c = conv(1x1, 3); bn }; s x 3", ["s.c", "s.0"]),
    # uses take no number
    ("shared s = bn; s; bn; s; bn", ["s", "0", "1"]),
    # not parts: the label names the layer beside
    ("shared s = bn; h = s -> conv(1x1, 4)", ["s", "h"]),
    ("shared s = bn; h = s; conv(1x1, 4)", ["s", "0"]),
    # used inside labelled groups, repetitions and merges
    ("shared s = bn; g = { s; conv(1x1, 3) }; s", ["s", "g.0"]),
    ("shared s = bn -> relu; g = { h = { s }; conv(1x1, 3) }; s", ["s.0", "g.0"]),
    ("shared s = bn; { s -> conv(1x1, 3) } x 2", ["s", "0", "1"]),
    ("shared s = bn; add { s | s -> conv(1x1, 3) }", ["s", "0"]),
    ("shared s = bn; for i in range(3) { s; t[i] = conv(1x1, 3) }", ["s", "t0", "t1", "t2"]),
    # declared, and not run
    ("shared s = bn; bn", ["0"]),
]


@pytest.mark.parametrize(("body", "expected"), PATHS)
def test_paths(body: str, expected: list[str]) -> None:
    text = model(body, before=BLOCK)
    assert sorted(paths(text)) == sorted(expected)
    module = archlang.loads(text).to_torch().eval()
    assert module(torch.zeros(2, 3, 8, 8)).shape[0] == 2


def test_weights_are_counted_once_and_work_each_time() -> None:
    network = archlang.loads(model("shared s = conv(3x3, 3); s -> s -> s"))
    assert network.totals.params == 3 * 3 * 9 + 3
    assert network.totals.macs == 3 * (64 * 27 * 3)
    assert sum(p.numel() for p in network.to_torch().parameters()) == network.totals.params


def test_uses_run_with_the_same_tensors() -> None:
    text = """model siamese {
        input left: [1, 12, 12]
        input right: [1, 12, 12]
        shared tower = { conv(3x3, 4) -> relu -> flatten -> linear(5) }
        a = left -> tower
        b = right -> tower
        output a, b
    }"""
    module = archlang.loads(text).to_torch()
    x = torch.randn(2, 1, 12, 12)
    out = module(x, x)
    assert torch.equal(out["a"], out["b"])
    with torch.no_grad():
        module.get_submodule("tower.3").weight.mul_(2)
    changed = module(x, x)
    assert torch.equal(changed["a"], changed["b"])
    assert not torch.equal(changed["a"], out["a"])


def test_gradients_of_all_uses_add_up() -> None:
    module = archlang.loads(model("shared s = linear(3, axis=0, bias=false); s -> s")).to_torch()
    plain = archlang.loads(model("linear(3, axis=0, bias=false) x 2")).to_torch()
    weight = module.get_parameter("s.weight")
    plain.load_state_dict({"0.weight": weight.data, "1.weight": weight.data})
    x = torch.randn(2, 3, 8, 8)
    for network in (module, plain):
        network(x).square().sum().backward()
    total = plain.get_parameter("0.weight").grad + plain.get_parameter("1.weight").grad
    torch.testing.assert_close(weight.grad, total)


DIFFER = [
    "shared s = conv(1x1, 4); s -> s",
    "shared s = linear(4, axis=0); s -> s",
    "shared s = bn; s -> conv(1x1, 4) -> s",
    "shared s = bn(affine=false); s -> conv(1x1, 4) -> s",
    "shared s = layernorm; s -> maxpool(2) -> s",
    "shared s = layernorm(affine=false); s -> maxpool(2) -> s",
]


@pytest.mark.parametrize("body", DIFFER)
def test_uses_that_would_need_other_weights(body: str) -> None:
    found = error(model(body))
    assert found.code == "A210"
    assert "`s`" in found.message


@pytest.mark.parametrize(
    "layer",
    ["bn", "maxpool(2)", "softmax(axis=-1)", "layernorm(axis=0)", "global_avgpool", "conv(1, 3)"],
)
def test_uses_on_other_ranks_are_refused_or_right(layer: str) -> None:
    body = f"shared s = {layer}; a = image -> s; b = image -> flatten(start=1) -> s; output a, b"
    text = model(body)
    try:
        network = archlang.loads(text)
    except archlang.ArchError:
        assert codes(text) == ["A210"]
        return
    out = network.to_torch().eval()(torch.randn(2, 3, 8, 8))
    assert {n: tuple(t.shape[1:]) for n, t in out.items()} == network.outputs


def test_uses_that_run_other_layers() -> None:
    before = "block b : [C, H, W] { if H > 4 { conv(1x1, C) } else { bn } }"
    assert codes(model("shared s = b; s -> maxpool(2) -> s", before=before)) == ["A210"]


def test_a_shared_network_takes_no_arguments() -> None:
    assert error(model("shared s = conv(1x1, 3); s(4)")).code == "A105"


def test_it_sees_what_stands_before_it_only() -> None:
    assert codes(model("shared s = conv(1x1, c); let c = 3; s")) == ["A103"]
    assert paths(model("let c = 3; shared s = conv(1x1, c); let c = 4; s -> s")) == ["s"]


def test_a_mistake_inside_is_reported_once_for_all_uses() -> None:
    assert codes(model("shared s = conv(2x2, 3); s -> s -> s")) == ["A207"]


def test_two_with_one_name() -> None:
    assert [e.code for e in errors(model("shared s = bn; shared s = relu; s"))] in (
        ["A111"], ["A106"]
    )  # fmt: skip


def test_a_first_use_that_nothing_needs() -> None:
    module = archlang.loads(model("shared s = relu -> tanh; a = image -> s; image -> s")).to_torch()
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(module(x), x.relu().tanh())


def test_a_shared_network_in_a_shared_network() -> None:
    text = model("shared s = conv(1x1, 3); shared t = s -> bn -> s; t -> t")
    network = archlang.loads(text)
    assert sorted(paths(text)) in (["s", "t"], ["s", "t.0"])
    assert network.totals.params == 12 + 6
    assert network.totals.macs == 4 * 64 * 9
    assert network.to_torch().eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)


def test_a_use_of_which_not_all_is_known_is_not_compared() -> None:
    body = "shared s = { conv(1x1, 3); relv; conv(3x3, 4) : [4, 8, 8] }; image -> s; image -> s"
    assert codes(model(body)) == ["A103"]
    text = model(
        "input other: [3, 9, 8 +]; shared s = { relu : [3, 8, 8] }; other -> s; image -> s"
    )
    assert codes(text) == ["A101"]
