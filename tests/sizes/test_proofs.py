"""What a spec claims is proven for every legal size, or refuted by the least counterexample."""

from __future__ import annotations

import pytest

import archlang
from archlang.analyses.sizes import legal
from archlang.diagnostic import Diagnostic
from tests.elaborate.checks import error, errors, model
from tests.sizes.test_known import RESNET_D, along, unet

OPEN = "[3, H=64, W=64]"


def found(body: str, before: str = "", shape: str = OPEN) -> Diagnostic:
    return error(model(body, shape, before))


def accepted(body: str, before: str = "", shape: str = OPEN) -> archlang.Network:
    return archlang.loads(model(body, shape, before))


def offered(finding: Diagnostic) -> str:
    """The requirement that it offers, beside other ways out."""
    (said,) = (f.text for f in finding.fixes if f.text.startswith("state it: `require "))
    return said.partition("`")[2].removesuffix("`")


def test_a_unet_of_five_levels() -> None:
    finding = error(unet(5))
    assert finding.code == "A211"
    assert "unless H % 32 == 0 and W % 32 == 0" in finding.message
    assert finding.label == "at H = 33 they are 32 and 33"
    assert any("conv_transpose 32*(H//32)" in note for note in finding.notes)
    assert finding.related[0].span.text == "conv_transpose(2x2, 4, stride=2)"
    assert offered(finding) == "require H % 32 == 0 and W % 32 == 0"
    fixed = unet(5, offered(finding))
    assert along(fixed).words() == "H % 32 == 0"
    assert along(fixed, "W").words("W") == "W % 32 == 0"


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_unets(levels: int) -> None:
    finding = error(unet(levels))
    assert finding.label == f"at H = {2**levels + 1} they are {2**levels} and {2**levels + 1}"
    assert along(unet(levels, offered(finding))).words() == f"H % {2**levels} == 0"


def test_resnet_d_without_ceil() -> None:
    finding = error(RESNET_D)
    assert "H % 32 in {0, 29..31}" in finding.message
    assert offered(finding) == "require (H + 3) % 32 < 4 and (W + 3) % 32 < 4"
    assert {n.span.text for n in finding.related} >= {"avgpool(2x2)"}
    fixed = RESNET_D.replace("W=224]", f"W=224]\n{offered(finding)}")
    assert along(fixed).words() == "H % 32 in {0, 29..31}"
    assert along(RESNET_D.replace("avgpool(2x2)", "avgpool(2x2, ceil=true)")).words() == "H >= 1"


def test_branches_that_always_agree() -> None:
    accepted("add { conv(3x3, 8, stride=2) | maxpool(3x3, stride=2, pad=1) -> conv(1x1, 8) }")
    accepted("add { conv(2x2, 8, stride=2, pad=0) | avgpool(2x2) -> conv(1x1, 8) }")
    accepted("concat(axis=1) { maxpool(2x1) | identity }")
    accepted("gate { global_avgpool -> linear(3) }")
    accepted("mul { identity | adaptive_avgpool(1x1) }")


def test_stretched_branches_are_said() -> None:
    finding = found("residual { conv(3x3, 3, stride=2) -> conv_transpose(2x2, 3, stride=2) }")
    assert finding.label == "at H = 1 they are 2 and 1"
    assert finding.notes[-1] == "PyTorch would stretch the size of 1 without a word"
    finding = found("mul { identity | avgpool(64x64) }")
    assert "stretched at this size alone unless 64 <= H <= 127 and" in finding.message
    assert finding.label == "at H = 128 its size is 2, not 1"


def test_two_mistakes_are_two_findings() -> None:
    half = "residual { maxpool(2x2) -> conv_transpose(2x2, 3, stride=2) }"
    third = "residual { maxpool(3x3) -> conv_transpose(3x3, 3, stride=3) }"
    assert [d.code for d in errors(model(f"{half}\n{third}", "[3, H=66, W=66]"))] == ["A211"] * 2


def test_a_fixed_size_needs_no_proof() -> None:
    accepted("residual { maxpool(2x2) -> conv_transpose(2x2, 3, stride=2) }", shape="[3, 64, 64]")
    head = "residual { maxpool(2x2) -> conv_transpose(2x2, 3, stride=2) } -> flatten -> linear(4)"
    body = f"require H % 2 == 0 and W % 2 == 0\n{head}"
    assert tuple(legal(accepted(body).graph).defaults.values()) == (64, 64)


def test_periods_that_explode_end_in_a_finding() -> None:
    deep = " -> ".join(["maxpool(4, stride=2, pad=1)"] * 30)
    other = " -> ".join(["maxpool(4, stride=2, pad=2)"] * 30)
    text = model(f"add {{ {deep} | {other} -> slice(0, 1, axis=1) }}", "[1, L=2147483647]")
    finding = errors(text)[0]
    assert finding.code == "A001"
    assert "before they repeat; at most" in finding.notes[0]


@pytest.mark.parametrize(
    "claim",
    ["[8, ceil(H/2), ceil(W/2)]", "[8, (H + 1) // 2, _]", "[8, H - H // 2, W - floor(W/2)]",
     "[8, 32, 32]", "[_, _, _]"],
)  # fmt: skip
def test_assertions_that_hold(claim: str) -> None:
    accepted(f"conv(3x3, 8, stride=2) : {claim}")


def test_assertions_after_arithmetic() -> None:
    chain = "conv(3x3, 8, stride=2) -> conv(3x3, 8, stride=2)"
    accepted(f"let h = ceil(H / 4)\nlet f(n) = max(1, n)\n{chain} : [8, h, f(ceil(W / 4))]")
    accepted("conv(3x3, 8, pad=0) -> flatten(start=1) : [8, (H - 2) * (W - 2)]")
    accepted("concat(axis=1) { identity | maxpool(2x1) } : [3, H + H // 2, W]")


def test_arithmetic_that_changes_nothing() -> None:
    same = "block same : [C, H, W] -> [C, ceil(H/1), floor(W*1//1)] { relu }"
    accepted("maxpool(2x2) -> same", same)
    half = "let h = H / 2\n"  # whole at the default size, and yet no size
    accepted(f"{half}conv(3x3, 8, stride=2) : [8, ceil(h), ceil(W/2)]")
    finding = found(f"{half}maxpool(2x2) : [3, ceil(h), floor(W/2)]")
    assert (finding.code, finding.notes) == ("A201", ("at H = 3 it is 1, not 2",))
    accepted(f"{half}maxpool(2x2) : [3, h // 1, floor(W/2)]")


def test_division_is_exact() -> None:
    finding = found("maxpool(2x2) : [3, H/2, W//2]")
    assert (finding.code, finding.span.text) == ("A201", "H/2")
    assert finding.label == "specified H/2; inferred H//2"
    assert finding.notes[0] == "at H = 3 it is 1, not 3/2"
    assert offered(finding) == "require H % 2 == 0"
    accepted(f"{offered(finding)}\nmaxpool(2x2) : [3, H/2, W//2]")


def test_an_assertion_that_holds_for_some_sizes() -> None:
    finding = found("conv(3x3, 8, stride=2) -> maxpool(2x2) : [8, H // 4, _]")
    assert finding.notes == ("at H = 3 it is 1, not 0",)
    assert offered(finding) == "require H % 4 != 3"


def test_signatures_are_proven_at_each_use() -> None:
    half = "block half : [C, H, W] -> [C, H // 2, _] { maxpool(3x3, stride=2, pad=1) }"
    finding = found("half", half)
    assert (finding.code, finding.label) == ("A209", "specified H//2; inferred ceil(H/2)")
    both = found("maxpool(2x2) : [3, H/2, W/2]")
    assert (both.span.text, both.label) == ("H/2, W/2", "specified H/2, W/2; inferred H//2, W//2")
    assert offered(both) == "require H % 2 == 0 and W % 2 == 0"
    accepted(f"{offered(finding)}\nhalf", half)
    accepted("half", half, "[3, 64, 64]")
    accepted("conv_transpose(2x2, 3, stride=2) -> half", half)


def test_a_signature_of_squares() -> None:
    square = "block square : [C, H, H] { relu }"
    finding = found("square", square)
    assert (finding.code, offered(finding)) == ("A209", "require H == W")
    assert finding.notes == ("at H = 64 and W = 65 it is 65, not 64",)
    network = accepted("require H == W\nsquare", square)
    assert not legal(network.graph).holds({"H": 3, "W": 4})
    accepted("square", square, "[3, H=64, H]")


def test_given_sizes_are_what_weights_are_made_for() -> None:
    text = model("maxpool(2x2) -> flatten -> linear(4)", OPEN)
    network = archlang.loads(text, inputs={"image": (3, 32, 48)})
    assert legal(network.graph).along("H").words() == "32 <= H <= 33"


def test_one_requirement_is_offered_for_all_merges() -> None:
    body = (
        "d1 = conv(3x3, 4); maxpool(2x2); d2 = conv(3x3, 8); maxpool(2x2)\n"
        "conv_transpose(2x2, 8, stride=2); concat { d2 | identity }\n"
        "conv_transpose(2x2, 4, stride=2); concat { d1 | identity }"
    )
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(f"model m {{ input x: [3, H=16, W=16]\n{body}\n}}")
    first, second = caught.value.diagnostics
    assert [f.text for f in first.fixes] == [
        "state it: `require H % 4 == 0 and W % 4 == 0`",
        "state it: `require H % 4 < 2 and W % 4 < 2`",
    ]
    assert [f.text for f in second.fixes] == ["state it: `require H % 2 == 0 and W % 2 == 0`"]
