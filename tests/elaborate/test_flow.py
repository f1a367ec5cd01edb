"""The pipeline: named tensors, merges, several inputs and outputs, auxiliary outputs."""

from __future__ import annotations

import pytest
import torch

import archlang
from tests.elaborate.checks import codes, error, model, paths, shape

SHAPES = [
    # a body is a pipeline
    ("conv(3x3, 4); relu; maxpool(2)", (4, 4, 4)),
    ("conv(3x3, 4) -> relu -> maxpool(2)", (4, 4, 4)),
    # names yield tensors
    ("a = conv(3x3, 4); maxpool(2); a", (4, 8, 8)),
    ("a = conv(3x3, 4) -> maxpool(2); relu; image -> conv(1x1, 5)", (5, 8, 8)),
    ("a = conv(3x3, 4); maxpool(2); concat { a -> maxpool(2) | identity }", (8, 4, 4)),
    ("a = image; conv(3x3, 4); a", (3, 8, 8)),
    ("add { a = conv(1x1, 4) | conv(1x1, 4) }; concat { a | identity }", (8, 8, 8)),
    ("{ a = conv(1x1, 4); maxpool(2) }; a", (4, 8, 8)),
    ("g = { a = conv(1x1, 4); maxpool(2) }; a", (4, 8, 8)),
    ("g = { a = conv(1x1, 4); maxpool(2) }; a; g", (4, 4, 4)),
    ("for i in range(3) { t[i] = conv(1x1, i + 1) }; t[1]", (2, 8, 8)),
    ("for i in range(3) { t[i] = conv(1x1, i + 1) }; t0", (1, 8, 8)),
    ("t1 = conv(1x1, 5); relu -> maxpool(2); t[1]", (5, 8, 8)),
    ("a = conv(1x1, 4); if true { b = conv(1x1, 5) }; a -> relu; b", (5, 8, 8)),
    # merges
    ("add { conv(1x1, 4) | conv(3x3, 4) | conv(5x5, 4) }", (4, 8, 8)),
    ("mul { identity | global_avgpool }", (3, 8, 8)),
    ("mul { identity | adaptive_avgpool(1) | conv(1x1, 1) }", (3, 8, 8)),
    ("concat { conv(1x1, 4) | conv(3x3, 5) | identity }", (12, 8, 8)),
    ("concat(axis=1) { identity | maxpool(2x1) }", (3, 12, 8)),
    ("residual { conv(3x3, 3) -> relu }", (3, 8, 8)),
    ("residual { conv(3x3, 4, stride=2) | conv(1x1, 4, stride=2) }", (4, 4, 4)),
    ("gate { global_avgpool -> linear(3) -> sigmoid }", (3, 8, 8)),
    ("dense { conv(3x3, 5) }", (8, 8, 8)),
    ("dense { conv(3x3, 5) } x 4", (23, 8, 8)),
    # a merge left with one branch is that branch
    ("add { conv(1x1, 4) }", (4, 8, 8)),
    ("concat { conv(1x1, 4) }", (4, 8, 8)),
    ("mul { conv(1x1, 4) | if false { identity } }", (4, 8, 8)),
    ("residual { conv(1x1, 4) | if false { identity } }", (4, 8, 8)),
    # x n
    ("conv(3x3, 4) x 3 -> maxpool(2)", (4, 4, 4)),
    ("maxpool(2) × 2", (3, 2, 2)),
    ("{ conv(3x3, 4) -> maxpool(2) } x 3", (4, 1, 1)),
    ("maxpool(2) x 0", (3, 8, 8)),
    ("let n = 3; maxpool(2) x (n - 1)", (3, 2, 2)),
    ("let n = [1, 2]; maxpool(2) x n[1]", (3, 2, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), SHAPES)
def test_shapes(body: str, expected: tuple[int, ...]) -> None:
    text = model(body)
    assert shape(text) == expected
    module = archlang.loads(text).to_torch().eval()
    assert tuple(module(torch.zeros(2, 3, 8, 8)).shape) == (2, *expected)


VALUES = [
    ("residual { tanh }", lambda x: x + x.tanh()),
    ("residual { tanh | sigmoid }", lambda x: x.tanh() + x.sigmoid()),
    ("gate { tanh }", lambda x: x * x.tanh()),
    ("dense { tanh }", lambda x: torch.cat((x, x.tanh()), 1)),
    ("concat { tanh | identity | sigmoid }", lambda x: torch.cat((x.tanh(), x, x.sigmoid()), 1)),
    ("add { tanh | identity | sigmoid }", lambda x: x.tanh() + x + x.sigmoid()),
    ("mul { tanh | identity }", lambda x: x.tanh() * x),
    ("a = tanh; sigmoid; add { a | identity }", lambda x: x.tanh() + x.tanh().sigmoid()),
    ("{ residual { tanh } } x 2", lambda x: (x + x.tanh()) + (x + x.tanh()).tanh()),
    ("tanh; { sigmoid -> image } -> relu", lambda x: x.relu()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), VALUES, ids=[v[0] for v in VALUES])
def test_values(body: str, expected: object) -> None:
    x = torch.randn(2, 3, 8, 8)
    assert callable(expected)
    torch.testing.assert_close(archlang.loads(model(body)).to_torch()(x), expected(x))


WRONG = [
    ("add { conv(1x1, 4) | identity }", "A203"),
    ("add { conv(1x1, 1) | identity }", "A204"),
    ("add { global_avgpool | identity }", "A203"),
    ("concat { maxpool(2) | identity }", "A203"),
    ("concat { conv(1x1, 4) | adaptive_avgpool(1) }", "A203"),
    ("concat { flatten | identity }", "A203"),
    ("mul { conv(1x1, 4) | identity }", "A203"),
    ("residual { conv(3x3, 4) }", "A203"),
    ("gate { linear(4, axis=0) }", "A203"),
    ("dense { maxpool(2) }", "A203"),
    ("gate { relu | tanh }", "A110"),
    ("dense { relu | tanh }", "A110"),
    ("relu { tanh | identity }", "A110"),
    ("{ relu | tanh }", "A110"),
    ("add", "A110"),
    ("b { relu }", "A103"),
    ("add { if false { relu } | if false { tanh } }", "A110"),
    ("add { | relu | }", "A101"),
    ("relu(3) { tanh }", "A110"),
    ("maxpool(2) x (0 - 1)", "A105"),
    ("maxpool(2) x 1.5", "A105"),
    ("maxpool(2) x true", "A105"),
    ("unknown", "A103"),
    ("a; a = relu", "A103"),
    ("t[1]", "A103"),
    ("a = relu; a(3)", "A105"),
    ("let a = 3; a", "A105"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
def test_what_has_no_meaning(body: str, code: str) -> None:
    assert error(model(body)).code == code


def test_branches_that_differ_are_all_shown() -> None:
    found = error(model("residual {\n conv(3x3, 4, stride=2)\n}"))
    assert [n.text for n in found.related] == [
        "branch 1: [4, 4, 4]",
        "implicit identity: [3, 8, 8]",
    ]
    assert [n.span.text for n in found.related] == ["conv(3x3, 4, stride=2)", "}"]
    assert found.span.text == "residual"


# Inputs and outputs

TWO = "model m {{\n input a: [3, 8]\n input b: [4, 8]\n {}\n}}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("concat { a | b }", {"output": (7, 8)}),
        ("a -> conv(3, 4); add { identity | b }", {"output": (4, 8)}),
        ("c = a -> conv(3, 4); d = b -> relu; output d, c", {"d": (4, 8), "c": (4, 8)}),
        ("a -> relu; output a", {"a": (3, 8)}),
    ],
)
def test_several_inputs(body: str, expected: dict[str, tuple[int, ...]]) -> None:
    network = archlang.loads(TWO.format(body))
    assert network.outputs == expected
    assert network.inputs == {"a": (3, 8), "b": (4, 8)}
    out = network.to_torch()(torch.zeros(2, 3, 8), torch.zeros(2, 4, 8))
    out = out if isinstance(out, dict) else {next(iter(expected)): out}
    assert {n: tuple(t.shape[1:]) for n, t in out.items()} == expected
    assert list(out) == list(expected)


@pytest.mark.parametrize(
    "body", ["relu", "conv(3, 4) -> relu", "add { relu | tanh }", "a = relu", "b1", "relu x 3"]
)
def test_several_inputs_give_no_current_tensor(body: str) -> None:
    before = "block b1 : [C, L] { relu }\n"
    assert set(codes(before + TWO.format(body))) == {"A112"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("model m { relu }", "A112"),
        ("model m { input a: [3]; input a: [3]; a -> relu }", "A106"),
        ("model m { input a: [0]; relu }", "A208"),
        ("model m { input a: [-1]; relu }", "A208"),
        ("model m { input a: [1.5]; relu }", "A105"),
        ("model m { input a: [3]; relu; output b }", "A103"),
        ("model m { input a: [3]; b = relu; output b, b }", "A106"),
        ("model m { input a: [3]; { input b: [3] } }", "A110"),
        ("block b { input a: [3] }\nmodel m { input a: [3]; b }", "A110"),
        ("block b { relu; output x }\nmodel m { input a: [3]; b }", "A110"),
        ("block b { c = relu; aux c }\nmodel m { input a: [3]; b }", "A110"),
        ("model m { input a: [3]; relu; aux b }", "A103"),
        ("model m { input a: [3]; b = relu; aux b; aux b }", "A106"),
        ("model m { input a: [3]; b = relu; aux b wait=3 }", "A103"),
        ("model m { input a: [3]; b = relu; aux b weight=true }", "A105"),
    ],
)
def test_inputs_and_outputs_that_are_wrong(text: str, code: str) -> None:
    assert error(text).code == code


def test_statements_that_leave_the_current_tensor() -> None:
    body = (
        "a = conv(1x1, 4); let n = 3; shared s = relu; require n == 3; aux a; maxpool(2); output a"
    )
    assert shape(model(body)) == (4, 8, 8)
    assert shape(model(body.replace("; output a", ""))) == (4, 4, 4)


# Auxiliary outputs


AUX = (
    "a = conv(1x1, 4) -> relu; h = a -> global_avgpool -> linear(2); a -> maxpool(2); "
    "aux h weight=0.3"
)


def test_auxiliary_outputs_are_of_training() -> None:
    network = archlang.loads(model(AUX))
    assert network.outputs == {"output": (4, 4, 4)}
    assert network.aux == {"h": 0.3}
    module = network.to_torch()
    x = torch.zeros(2, 3, 8, 8)
    trained = module.train()(x)
    assert {n: tuple(t.shape) for n, t in trained.items()} == {"output": (2, 4, 4, 4), "h": (2, 2)}
    assert module.eval()(x).shape == (2, 4, 4, 4)


def test_auxiliary_weights_always_exist_and_cost_nothing_in_evaluation() -> None:
    network = archlang.loads(model(AUX))
    plain = archlang.loads(model(AUX.replace("h = a -> global_avgpool -> linear(2); ", "")
                                 .replace("; aux h weight=0.3", "")))  # fmt: skip
    assert paths(model(AUX)) == ["a.0", "h.1"]
    assert network.totals.params == plain.totals.params + 4 * 2 + 2
    assert network.totals.macs == plain.totals.macs


def test_the_weight_of_an_auxiliary_output_is_one_unless_said() -> None:
    assert archlang.loads(model("h = relu; tanh; aux h")).aux == {"h": 1.0}


def test_side_flows_go_back_to_the_main_one() -> None:
    body = """i4a = conv(1x1, 4)
    side1 = i4a -> conv(1x1, 2)
    aux side1 weight=0.3
    i4a -> conv(1x1, 5)"""
    assert shape(model(body)) == (5, 8, 8)


def test_codes_of_a_long_flow_with_one_mistake() -> None:
    body = "a = conv(2x2, 4) -> relu; b = a -> bn; residual { conv(3x3, 9) }; concat { a | b }"
    assert codes(model(body)) == ["A207"]
