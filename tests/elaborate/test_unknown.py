"""``?``: solved from what a spec states, for every size of the input, or refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import archlang
from archlang.diagnostic import Diagnostic
from tests.elaborate.checks import codes, error, model

OPEN = "[3, H=32, W=32]"
"""Sizes that are proven, not only checked."""


def solved(text: str, **options: Any) -> list[Any]:
    """The values of each ``?``, in the order of their first use."""
    return [s.value for s in archlang.loads(text, **options).graph.solved]


def said(found: Diagnostic) -> str:
    return " | ".join((found.message, found.label, *found.notes, found.help))


# Worked out by hand: out = floor((in + 2*pad - dilation*(kernel-1) - 1)/stride) + 1

SOLVED = [
    # the same size needs 2*pad = k-1
    ("conv(3x3, 8, pad=?) : [8, H, W]", OPEN, [1]),
    ("conv(5x5, 8, pad=?) : [8, H, W]", OPEN, [2]),
    ("conv(3x3, 8, pad=?, dilation=4) : [8, H, W]", OPEN, [4]),
    ("conv(3x3, 8, pad=?) : [8, H-2, W-2]", OPEN, [0]),
    # floor((H + 2p - 7)/2) + 1 is ceil(H/2) = floor((H+1)/2) for 2p - 5 = 1
    ("conv(7x7, 8, stride=2, pad=?) : [8, ceil(H/2), ceil(W/2)]", OPEN, [3]),
    # H = 224 alone leaves pads 2 and 3: floor((224 + 2p - 7)/4) + 1 = 56; every H leaves 3
    ("conv(7x7, 8, stride=4, pad=?) : [8, ceil(H/4), ceil(W/4)]", "[3, H=224, W=224]", [3]),
    ("conv(7x7, 8, stride=?, pad=?) : [8, ceil(H/2), ceil(W/2)]", OPEN, [2, 3]),
    ("maxpool(3x3, stride=?, pad=1) : [3, ceil(H/2), ceil(W/2)]", OPEN, [2]),
    ("conv(?, 8, pad=0) : [8, H-4, W-4]", OPEN, [5]),
    ("conv(3x3, 8, pad=0, dilation=?) : [8, H-6, W-6]", OPEN, [3]),
    ("conv(3x3, ?, pad=?) : [64, H, W]", OPEN, [64, 1]),
    ("conv(3x3, channels=?) : [64, _, _]", OPEN, [64]),
    # (H-1)*2 - 2 + 2 + extra + 1 = 2*H - 1 + extra
    ("conv_transpose(3x3, 8, stride=2, pad=1, output_pad=?) : [8, 2*H, 2*W]", OPEN, [1]),
    ("conv_transpose(2x2, 8, stride=?) : [8, 2*H, 2*W]", OPEN, [2]),
    ("upsample(?) : [3, 3*H, 3*W]", OPEN, [3]),
    ("crop(?) : [3, H-4, W-4]", OPEN, [2]),
    ("adaptive_avgpool(?) : [3, 7, 7]", OPEN, [7]),
    ("linear(?, axis=0) -> global_avgpool : [20000]", OPEN, [20000]),
    # a window of 3 by 2 covers 32 in 15 steps, or in 16 where the last may overhang
    ("maxpool(3x3, stride=2, ceil=?) : [3, H//2, _]", OPEN, [True]),
    ("flatten(?) : [3, H*W]", OPEN, [1]),
    ("permute(?, 1, 0) : [W, H, 3]", OPEN, [2]),
    ("reshape(?, 32) : [96, 32]", "[3, 32, 32]", [96]),
    # LeNet-5: 28 + 4 - 4 = 28, halved 14; 14 - 4 = 10, halved 5
    ("conv(5x5, 6, pad=?) -> tanh -> avgpool(2x2) : [6, 14, 14]\n"
     "conv(5x5, 16, pad=?) -> tanh -> avgpool(2x2) : [16, 5, 5]\n"
     "flatten -> linear(?) : [120]", "[1, 28, 28]", [2, 0, 120]),
    # branches that must agree
    ("add { conv(5x5, ?, pad=?) | identity }", OPEN, [3, 2]),
    ("concat { conv(5x5, ?, pad=?) | identity } : [16, H, W]", OPEN, [13, 2]),
    ("concat { maxpool(2x2) -> conv_transpose(2x2, 8, stride=?) | identity }\n"
     "require H % 2 == 0 and W % 2 == 0", OPEN, [2]),
    # a fixed linear leaves one size to the input, so nothing need grow with it
    ("conv(3x3, 8, pad=?) : [8, H, W]\nflatten -> linear(10)", OPEN, [1]),
    # what is stated for every size is met for every size, though a linear leaves only one
    ("conv(3x3, 8, stride=?, pad=?) : [8, ceil(H/2), ceil(W/2)]\nflatten -> linear(?) : [10]",
     OPEN, [2, 1, 10]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "shape", "values"), SOLVED, ids=lambda v: str(v)[:60])
def test_it_is_solved(body: str, shape: str, values: list[Any]) -> None:
    text = model(body, shape)
    assert solved(text) == values
    for value in values:
        text = text.replace("?", str(value).lower(), 1)
    plain = archlang.loads(text)
    found = archlang.loads(model(body, shape))
    assert [str(n.op) for n in plain.graph.nodes] == [str(n.op) for n in found.graph.nodes]
    assert (plain.totals, plain.outputs) == (found.totals, found.outputs)
    assert found.to_source().partition("import")[2] == plain.to_source().partition("import")[2]


BLOCK = "block u(c) : [C, H, W] -> [c, ceil(H/2), ceil(W/2)] { conv(5x5, c, 2, pad=?) }"


def test_one_value_fits_every_use_of_a_block() -> None:
    assert solved(model("u(8) -> u(16)", OPEN, BLOCK)) == [2]


def test_the_argument_of_a_block_and_of_a_model() -> None:
    before = "block u(c, p) { conv(5x5, c, pad=p) }"
    assert solved(model("u(8, p=?) : [8, H, W]\nu(4, ?) : [4, H-4, W-4]", OPEN, before)) == [2, 0]
    text = f"model a(p) {{\ninput x: {OPEN}\nconv(3x3, 4, pad=p) : [4, H, W]\n}}\nmodel b = a(?)"
    assert solved(text, model="b") == [1]


@pytest.mark.parametrize(
    ("before", "body", "value"),
    [
        ("block u(k) { conv(5x5, 8, pad=k - 3) }", "u(?) : [8, H, W]", 5),
        ("let f(k) = 2*k\nblock u(k) { conv(5x5, 8, pad=k) }", "u(f(?)) : [8, H, W]", 1),
        ("let u = conv(5x5, 8, pad=?)", "u : [8, H, W]", 2),
        ("block u(l) { l -> relu }", "u(conv(5x5, 8, pad=?)) : [8, 32, 32]", 2),
        ("block u(n) { if n > 4 { conv(1x1, n) } else { relu } }", "u(?) : [7, H, W]", 7),
    ],
)
def test_through_names_and_arithmetic(before: str, body: str, value: int) -> None:
    assert solved(model(body, OPEN, before)) == [value]


def test_a_mark_that_is_never_reached_is_no_matter() -> None:
    assert solved(model("if false { conv(3x3, 8, pad=?) }\nrelu")) == []


def test_other_sizes_take_the_same_values() -> None:
    text = model("conv(7x7, 8, stride=2, pad=?) : [8, ceil(H/2), ceil(W/2)]", OPEN)
    network = archlang.loads(text)
    other = network.at({"image": (3, 57, 9)})
    assert other.outputs == {"output": (8, 29, 5)}
    assert [s.value for s in other.graph.solved] == [3]
    assert archlang.loads(text, inputs={"image": (3, 57, 9)}).outputs == other.outputs
    assert [axis.step for axis in network.varying()] == [0, 1, 1]


def test_settings_count() -> None:
    text = "model m(c = 8) {\ninput x: [3, 8, 8]\nconv(1x1, ?) : [c, _, _]\n}"
    assert (solved(text), solved(text, settings={"c": 20})) == ([8], [20])


# What does not determine it, or cannot be met

UNDETERMINED = [
    ("conv(3x3, ?)", "1, 2, 3, … meet all", "assert the shape behind it, as in `: [1, 32, 32]`"),
    ("conv(?, 8) : [8, H, W]", "1, 3, 5, … meet all", "write the value"),
    ("conv(3x3, 9, groups=?)", "1 or 3 meet all", "write the value"),
    ("conv(3x3, 8, bias=?)", "false or true meet all", "write the value"),
    ("conv(3x3, ?) -> conv(3x3, 37, groups=37)", "37, 74, 111, … meet", "[37, 32, 32]"),
    ("conv(3x3, ?) -> conv(3x3, 200, groups=100)", "100 or 200 meet", "[100, 32, 32]"),
    ("dropout(?)", "no shape depends on it", "write the value"),
    ("conv(?, 8, pad=?) : [8, H, W]", "`kernel=1`, `pad=0`; `kernel=3`, `pad=1`; `ker", "write"),
    ("conv(3x3, 8, pad=?) -> conv(3x3, 8, pad=?) : [8, H, W]",
     "`pad=0`, `pad=2`; `pad=1`, `pad=1`; `pad=2`, `pad=0`", "[8, 30, 30]` for 0"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "label", "help_"), UNDETERMINED)
def test_it_is_not_determined(body: str, label: str, help_: str) -> None:
    found = error(model(body, OPEN))
    assert found.code == "A212"
    assert found.message.startswith("the spec does not determine ")
    assert label in said(found)
    assert help_ in found.help
    assert found.span.text == "?"


def test_a_fixed_input_leaves_more_open_than_a_named_one() -> None:
    assert solved(
        model("maxpool(2x2, stride=?) : [3, ceil(H/8), _]\nrequire H % 8 == 0", OPEN)
    ) == [8]
    found = error(model("maxpool(2x2, stride=?) : [3, 4, 4]", "[3, 32, 32]"))
    assert "8, 9 or 10 meet all" in found.label  # floor(30/s) + 1 = 4


UNMET = [
    ("conv(4x4, 8, pad=?) : [8, H, W]", ["`pad=1` it is 31, not 32", "`pad=2` it is 33, not 32"]),
    ("add { conv(5x5, ?, pad=0) | identity }", ["`channels=3` the branches have 28 and 32"]),
    ("conv(3x3, 8, pad=?) : [8, H, W]; relu : [8, H+2, W+2]", ["`pad=1` it is 32, not 34"]),
    ("u(8) : [8, H, W]; u(16) : [16, H-2, W-2]",
     ["`pad=1` it is 32, not 30"]),
    # the first use wants 2*pad - 4 = -4, the second -6
    ("v(8); v(4)", ["with `pad=0` it is 24, not 22 in `v(4)`, used at <text>:5:11"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "notes"), UNMET)
def test_no_value_meets_what_is_stated(body: str, notes: list[str]) -> None:
    before = (
        "block u(c) { conv(3x3, c, pad=?) }\n"
        "block v(c) : [C, H, W] -> [c, H - 8 + c//2, W - 8 + c//2] { conv(5x5, c, pad=?) }"
    )
    found = error(model(body, OPEN, before))
    assert found.code == "A213"
    assert found.message.startswith("no value of ")
    assert found.message.endswith(" meets all that the spec states")
    for note in notes:
        assert note in " | ".join(found.notes)
    assert found.span.text == "?"
    assert any(n.text == "this is not met" for n in found.related)


def test_the_only_value_that_fits_the_default_is_proven_like_any_other() -> None:
    found = error(model("conv(3x3, 8, stride=2, pad=?) : [8, H/2, W/2]", OPEN))
    assert found.code == "A201"
    assert found.fixes[0].text == "state it: `require H % 2 == 0 and W % 2 == 0`"
    assert found.notes[-1] == "with `pad=1`, all that fits the default input"


def test_values_that_fit_the_default_alone() -> None:
    body = "conv(7x7, 8, stride=4, pad=?) : [8, H//4 + 1, W//4 + 1]"
    found = error(model(body, "[3, H=31, W=31]"))
    assert found.code in ("A201", "A213")
    assert "does not hold for every size" in said(found)


def test_other_mistakes_are_said_instead() -> None:
    assert codes(model("conv(3x3, 8, pad=?) : [8, H, W]\nnothing", OPEN)) == ["A103"]
    assert codes(model("nothing\nconv(3x3, 8, pad=?)", OPEN)) == ["A103"]
    assert codes(model("conv(3x3, 8, padd=?) : [8, H, W]", OPEN)) == ["A104"]
    assert codes(model("relu : [4, H, W]\nconv(3x3, 8, pad=?) : [8, H, W]", OPEN)) == ["A201"]


def test_where_it_cannot_stand() -> None:
    assert codes(f"let g = max(?, 2)\n{model('relu')}") == ["A105"]
    for body in ("conv(pad=?+1)", "conv([?])", "relu x ?", "let a = ?", "? -> relu"):
        assert codes(model(body)) == ["A101"]
    assert "a `?`, not a layer" in error(model("u(?)", before="block u(l) { l }")).message


def test_more_than_is_tried_is_said_soon() -> None:
    pads = " -> ".join(["conv(3x3, 8, pad=?)"] * 7)
    found = error(model(f"{pads} : [8, H+1, W+1]", OPEN))
    assert found.code == "A001"
    assert "too many values would have to be tried" in found.message
    assert len(found.related) == 6
    copies = "block u(n) { relu x n -> conv(1x1, n) }"
    assert error(model("u(?) : [2000, H, W]", OPEN, copies)).code == "A001"


# Random layers

small = st.integers(1, 5)


@st.composite
def layers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A layer by name and arguments."""
    kernel = draw(small)
    window = {"kernel": kernel, "stride": draw(st.integers(1, 4)), "dilation": draw(small)}
    name = draw(st.sampled_from(["conv", "conv_transpose", "maxpool", "avgpool"]))
    if name == "conv":
        return name, {
            "channels": draw(st.integers(1, 200)),
            "pad": draw(st.integers(0, 6)),
            **window,
        }
    if name == "conv_transpose":
        extra = draw(st.integers(0, max(window["stride"], window["dilation"]) - 1))
        pad = draw(st.integers(0, 2))
        return name, {"channels": draw(small), "pad": pad, "output_pad": extra, **window}
    if name == "avgpool":
        window.pop("dilation")
    return name, {"pad": draw(st.integers(0, kernel // 2)), **window}


def call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())})"


@given(layers(), st.data(), st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.filter_too_much])  # fmt: skip
def test_a_figure_left_out_is_found(
    layer: tuple[str, dict[str, Any]], data: st.DataObject, named: bool
) -> None:
    """The value left out is the one found, or among several; PyTorch gives the stated sizes."""
    import torch

    name, arguments = layer
    height, width = data.draw(st.integers(18, 40)), data.draw(st.integers(18, 40))
    shape = f"[3, H={height}, W={width}]" if named else f"[3, {height}, {width}]"
    try:
        plain = archlang.loads(model(call(name, arguments), shape))
    except archlang.ArchError:
        assume(False)
    field = data.draw(st.sampled_from(sorted(arguments)))
    end = next(iter(plain.graph.outputs.values())).output
    stated = end.symbolic if named else str(end)
    text = model(f"{call(name, {**arguments, field: '?'})} : {stated}", shape)
    try:
        network = archlang.loads(text)
    except archlang.ArchError as refused:
        (found,) = refused.diagnostics
        assert found.code == "A212", found.render()
        listed = found.label.replace(", …", "").replace(" or ", ", ").partition(" meet")[0]
        values = [int(v) for v in listed.split(", ")]
        assert values == sorted(values)
        assert arguments[field] in values or arguments[field] > values[-1], found.render()
        values.append(arguments[field])
    else:
        values = [s.value for s in network.graph.solved]
        assert values == [arguments[field]]
    for value in values:
        filled = archlang.loads(model(call(name, {**arguments, field: value}), shape))
        out = filled.to_torch().eval()(torch.zeros(1, 3, height, width))
        assert tuple(out.shape[1:]) == tuple(map(int, end.shape))
