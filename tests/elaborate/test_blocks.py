"""Blocks: parameters, signatures, scope, recursion; and the shapes that specs state."""

from __future__ import annotations

import pytest

import archlang
from tests.elaborate.checks import codes, error, errors, model, paths, shape


def block(text: str, use: str = "b", given: str = "[3, 8, 8]") -> str:
    return model(use, given, before=f"block {text}")


GOOD = [
    ("b : [C, H, W] { conv(1x1, 2*C) }", "b", (6, 8, 8)),
    ("b : [C, H, W] -> [2*C, H, W] { conv(1x1, 2*C) }", "b", (6, 8, 8)),
    ("b : [C, H, W] -> [_, H/2, ceil(W/2)] { maxpool(2) }", "b", (3, 4, 4)),
    ("b : [C, H, W] -> [_, _, _] { maxpool(2) }", "b", (3, 4, 4)),
    ("b(c) : [C, H, W] -> [c, H, W] { conv(1x1, c) }", "b(7)", (7, 8, 8)),
    ("b(c = 4) : [C, H, W] -> [c, H, W] { conv(1x1, c) }", "b", (4, 8, 8)),
    # literal and repeated sizes
    ("b : [3, H, H] { relu }", "b", (3, 8, 8)),
    ("b : [3, 8, 8] { relu }", "b", (3, 8, 8)),
    ("b : [C, H, H] -> [C*H*H] { flatten }", "b", (192,)),
    ("b : [C, 2*4, W] { relu }", "b", (3, 8, 8)),
    # a name on the left that is a parameter states a size
    ("b(C) : [C, H, W] { relu }", "b(3)", (3, 8, 8)),
    # sizes used in the body
    ("b : [C, H, W] { if H > 4 { maxpool(2) } }", "b", (3, 4, 4)),
    ("b : [C, H, W] { let half = H // 2; adaptive_avgpool(half) }", "b", (3, 4, 4)),
    ("b : [C, H, W] { maxpool(2); conv(1x1, H) }", "b", (8, 4, 4)),
    ("b(r = C) : [C, H, W] { conv(1x1, r) }", "b", (3, 8, 8)),
    ("b(c, d = 2*c) { conv(1x1, c) -> conv(1x1, d) }", "b(4)", (8, 8, 8)),
    ("b : [C, ...] -> [2*C, ...] { conv(1, 2*C) }", "b", (6, 8, 8)),
    ("b : [C, ...] { linear(2*C) }", "flatten -> b", (384,)),
    ("b : [C, H, ...] -> [H, _, ...] { permute(1, 0, 2) }", "b", (8, 3, 8)),
    ("b : [...] -> [...] { flatten }", "b", (192,)),
    ("b { }", "b", (3, 8, 8)),
    ("b() { relu }", "b()", (3, 8, 8)),
]


@pytest.mark.parametrize(("text", "use", "expected"), GOOD)
def test_blocks(text: str, use: str, expected: tuple[int, ...]) -> None:
    assert shape(block(text, use)) == expected


WRONG = [
    ("b : [C, L] { relu }", "b", "A209"),
    ("b : [C] { relu }", "b", "A209"),
    ("b : [4, H, W] { relu }", "b", "A209"),
    ("b : [C, C, W] { relu }", "b", "A209"),
    ("b(C) : [C, H, W] { relu }", "b(4)", "A209"),
    ("b : [C, H, W] -> [C, H, W] { maxpool(2) }", "b", "A209"),
    ("b : [C, H, W] -> [C] { maxpool(2) }", "b", "A209"),
    ("b : [C, H, W] -> [4, _, _] { relu }", "b", "A209"),
    ("b : [C, H, W] -> [C, H/3, W] { relu }", "b", "A209"),
    ("b : [C, H, W, D, ...] { relu }", "b", "A209"),
    ("b : [4, ...] { relu }", "b", "A209"),
    ("b : [C, ...] -> [C, H, ...] { relu }", "b", "A103"),
    ("b : [C, ...] -> [4, ...] { relu }", "b", "A209"),
    ("b : [C, ...] -> [C, _, ...] { flatten }", "b", "A209"),
    ("b : [..., C] { relu }", "b", "A101"),
    ("b : [C, H, W] -> [D, H, W] { relu }", "b", "A103"),
    ("b { conv(1x1, C) }", "b", "A103"),
    ("b(c) { conv(1x1, c) }", "b", "A104"),
    ("b(c) { conv(1x1, c) }", "b(1, 2)", "A104"),
    ("b(c) { conv(1x1, c) }", "b(d=1)", "A104"),
    ("b(c) { conv(1x1, c) }", "b(1, c=2)", "A104"),
    ("b { relu }", "b(1)", "A104"),
    ("b { b }", "b", "A109"),
    ("b(n) { if n > 0 { b(n - 1) } }", "b(3)", "A109"),
    ("b { a }\nblock a { b }", "b", "A109"),
    ("b { relu }\nblock b { tanh }", "b", "A106"),
    ("b { image }", "b", "A103"),
    ("b { x }", "x = relu; b", "A103"),
]


@pytest.mark.parametrize(("text", "use", "code"), WRONG)
def test_blocks_that_are_wrong(text: str, use: str, code: str) -> None:
    assert error(block(text, use)).code == code


def test_a_block_given_to_itself_ends() -> None:
    """No recursion: passing a block as a value does not get round it."""
    found = errors(model("b(b)", before="block b(f) { relu -> f(f) }"))
    assert {d.code for d in found} <= {"A109", "A001"}


def test_the_ring_of_blocks_is_named() -> None:
    found = error(block("a { b }\nblock b { c }\nblock c { a }", "a"))
    assert found.code == "A109"
    assert "a → b → c → a" in found.message


def test_a_block_may_stand_below_its_use() -> None:
    assert shape("model m { input x: [3]; b }\nblock b { linear(4) }") == (4,)


def test_a_mistake_in_a_block_is_reported_once_with_where_it_is_used() -> None:
    found = error(block("b { conv(2x2, 4) }", "b -> relu -> b x 3"))
    assert found.code == "A207"
    assert found.span.text == "2x2"
    assert any("in b" in note for note in found.notes)


def test_a_signature_that_fails_points_at_both() -> None:
    found = error(block("b : [4, H, W] { relu }"))
    assert found.span.text == "4"
    assert found.label == "likely wrong here: with `3` it holds"
    assert [n.span.text for n in found.related] == ["b"]


def test_a_signature_that_holds_elsewhere_is_right() -> None:
    found = error(block("b : [4, H, W] { relu }", "b -> conv(3x3, 4) -> b"))
    assert found.span.text == "3"
    assert [n.span.text for n in found.related] == ["b", "4"]


# Assertions

HELD = [
    "conv(3x3, 4) : [4, 8, 8]",
    "conv(3x3, 4) : [_, 8, _]",
    "require H % 2 == 0 and W % 2 == 0; maxpool(2) : [3, H/2, W/2]",
    "maxpool(3, stride=2) : [3, ceil(H/2) - 1, floor((W - 1)/2)]",
    "maxpool(3x3, stride=2, pad=1) : [3, ceil(H/2), ceil(W/2)]",
    "let n = 2; conv(1x1, 2*n) : [2*n, H, W]",
    "a = conv(1x1, 4) -> relu : [4, H, W]",
    "relu x 3 : [3, H, W]",
    "flatten : [3*H*W]",
    "residual {\n conv(1x1, 3)\n} : [3, H, W]",
    "relu : [3, 8, 8]; maxpool(2) : [3, 4, 4]",
]


@pytest.mark.parametrize("body", HELD)
def test_assertions_that_hold(body: str) -> None:
    archlang.loads(model(body, "[3, H=8, W=8]"))


BROKEN = [
    ("conv(3x3, 4) : [5, 8, 8]", "specified 5; inferred 4", "5"),
    ("maxpool(2) : [3, 8, 8]", "specified 8, 8; inferred H//2, W//2 (4, 4)", "8, 8"),
    ("maxpool(2) : [4, 4, 8]", "specified 4, 4, 8; inferred 3, H//2, W//2 (3, 4, 4)", "4, 4, 8"),
    ("maxpool(2) : [3, H, _]", "specified H (8); inferred H//2 (4)", "H"),
    ("flatten : [3, 8, 8]", "specified 3 axes; inferred [3*H*W], here [192]", "[3, 8, 8]"),
    ("relu : [3, 8]", "specified 2 axes; inferred [3, H, W], here [3, 8, 8]", "[3, 8]"),
    ("relu : [3, 8, 8.5]", "specified 8.5; inferred W (8)", "8.5"),
]


@pytest.mark.parametrize(("body", "label", "points"), BROKEN)
def test_assertions_that_do_not_hold(body: str, label: str, points: str) -> None:
    found = error(model(body, "[3, H=8, W=8]"))
    assert (found.code, found.message) == ("A201", "shape assertion failed")
    assert found.label == label
    assert found.span.text == points


def test_the_flow_goes_on_with_what_was_inferred() -> None:
    body = "conv(3x3, 4) : [5, 8, 8]\n maxpool(2) : [4, 4, 4]\n relu : [4, 4, 5]"
    assert codes(model(body)) == ["A201", "A201"]


def test_how_a_size_came_about_is_told() -> None:
    body = "conv(5x5, 6) -> avgpool(2x2)\nconv(5x5, 16, pad=0) -> tanh -> avgpool(2x2) : [16, 6, 6]"
    found = error(model(body, "[1, 28, 28]"))
    assert found.label == "specified 6, 6; inferred 5, 5"
    assert "H: 28 conv 28 avgpool 14 conv 10 avgpool 5, and W the same" in found.notes


def test_assertions_in_blocks_are_checked_at_each_use() -> None:
    text = block("b : [C, H, W] { maxpool(2) : [C, H/2, W/2] }", "b -> b -> b")
    assert shape(text) == (3, 1, 1)
    assert codes(block("b : [C, H, W] { maxpool(2) : [C, 4, 4] }", "b -> b")) == ["A201"]


# Requirements

MET = [
    "require H % 4 == 0 and W == 8",
    "require params <= 5M",
    "require params == 112 and macs == 64*108 and flops == 2*macs",
    "require depth == 1 and buffers == 0",
    "require neurons == 64*4",
    'require params < 1K : "small"',
    "let params = 3; require params == 3",
]


@pytest.mark.parametrize("line", MET)
def test_requirements_that_are_met(line: str) -> None:
    archlang.loads(model(f"{line}\n conv(3x3, 4)", "[3, H=8, W=8]"))
    archlang.loads(model(f"conv(3x3, 4)\n {line}", "[3, H=8, W=8]"))


MISSED = [
    ('require H % 3 == 0 : "three poolings"', "three poolings", "8"),
    ('require params <= 100 : "a budget"', "a budget", "params <= 100"),
    ("require macs < 100 and 1 == 1", "macs < 100 and 1 == 1", "macs < 100 and 1 == 1"),
    ("require params/2 > 1M", "params/2 > 1M", "params/2 > 1M"),
]


@pytest.mark.parametrize(("line", "says", "points"), MISSED)
def test_requirements_that_are_not_met(line: str, says: str, points: str) -> None:
    found = error(model(f"{line}\n conv(3x3, 4)", "[3, H=8, W=8]"))
    assert found.code == "A205"
    assert says in found.message
    assert found.span.text == points


def test_what_a_budget_came_to_is_told() -> None:
    found = error(model("require params <= 100 and macs > 0\nconv(3x3, 4)"))
    assert found.notes == ("params is 112, 12 more than 100",)


def test_what_adds_most_to_a_budget_is_told() -> None:
    body = "require 1K >= params\na = conv(3x3, 64)\nconv(1x1, 128) x 2\nbn"
    assert error(model(body)).notes == (
        "params is 26,880, 25,880 more than 1,000 (26.9 times)",
        "most params: conv at 1 16,512 (61 %), conv at 0 8,320 (31 %), a 1,792 (7 %)",
    )


def test_only_what_is_not_met_of_a_budget_is_told() -> None:
    found = error(model("require macs > 0 and (depth >= 2 or buffers == 1)\nconv(3x3, 4)"))
    assert found.notes == ("depth is 1, 1 less than 2", "buffers is 0, 1 less than 1")


def test_a_budget_in_a_block_is_of_the_block() -> None:
    text = block("b { conv(1x1, 3); require params <= 12 }", "conv(3x3, 3) -> b")
    assert paths(text) == ["0", "1.0"]
    found = error(text.replace("12", "11"))
    assert found.code == "A205"
    assert found.notes[0] == "params is 12, 1 more than 11"
    assert found.notes[-1].startswith("in b(), used at ")


def test_several_budgets_are_all_reported() -> None:
    body = "require params <= 1; require macs <= 1; require depth > 5; conv(3x3, 4)"
    assert codes(model(body)) == ["A205"] * 3
