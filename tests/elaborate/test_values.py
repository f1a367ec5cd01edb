"""Values: numbers that are exact, lists, functions, layers and blocks."""

from __future__ import annotations

import pytest

from tests.elaborate.checks import codes, error, model, paths, shape

TRUE = [
    # exact decimals
    "1.15*100 == 115",
    "0.1 + 0.2 == 0.3",
    "1.0 == 1",
    "0.1*3 == 3/10",
    "1e-5*100000 == 1",
    "2.5K == 2500 and 1M == 1000*1K and 1GB == 1000*1MB and 1KiB == 1024 and 1GiB == 1024*1MiB",
    # arithmetic as in Python
    "7 // 2 == 3 and -7 // 2 == -4",
    "7 % 3 == 1 and -7 % 3 == 2",
    "7.5 // 2 == 3 and 7.5 % 2 == 1.5",
    "2**10 == 1024 and 2**-1 == 0.5 and (-2)**3 == -8 and -2**2 == -4",
    "2**3**2 == 512",
    "1 - 2 - 3 == -4 and 12 / 2 / 3 == 2 and 2*3 + 4 == 10",
    "round(2.5) == 2 and round(3.5) == 4 and round(-2.5) == -2 and round(2.6) == 3",
    "ceil(7/2) == 4 and floor(7/2) == 3 and ceil(-7/2) == -3 and floor(-7/2) == -4",
    "ceil(4) == 4 and floor(4) == 4",
    "abs(-7/2) == 7/2 and abs(3) == 3",
    "ceil(1.1*10) == 11",
    "min(3, 1, 2) == 1 and max([3, 1, 2]) == 3 and min(1.5, 2) == 1.5",
    "len([1, [2, 3]]) == 2 and len([]) == 0 and len(3x3x3) == 3",
    "sum([1, 2.5, 3]) == 6.5 and sum([]) == 0",
    # comparison and logic
    "1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3 and 1 != 2",
    "not (1 == 2) and (1 == 1 or 1/0 == 1)",
    "not (1 == 2 and 1/0 == 1)",
    "true != false and true == true",
    '"a" == "a" and "a" != "b"',
    "3x3 == 3x3 and 3x3 != 3x5",
    "[1, 2] == [1, 2] and [1, 2] != [2, 1]",
    "(1 if 2 > 1 else 1/0) == 1 and (1/0 if 2 < 1 else 2) == 2",
    # lists
    "[1, 2, 3][0] == 1 and [1, 2, 3][-1] == 3 and 3x5[1] == 5",
    "[1, 2, 3][1:] == [2, 3] and [1, 2, 3][:-1] == [1, 2] and [1, 2, 3][1:2] == [2]",
    "[1, 2, 3][:10] == [1, 2, 3] and [1, 2, 3][5:] == [] and [1, 2][:] == [1, 2]",
    "[1] + [2, 3] == [1, 2, 3]",
    "range(3) == [0, 1, 2] and range(1, 4) == [1, 2, 3] and range(5, 0, -2) == [5, 3, 1]",
    "range(0) == [] and range(3, 1) == []",
    "[2*a for a in [1, 2]] == [2, 4]",
    "[a + b for a, b in [[1, 2], [3, 4]]] == [3, 7]",
    "[a for a in []] == []",
    "[[b for b in range(a)] for a in range(3)] == [[], [0], [0, 1]]",
    "sum([a*b for a, b in [[1, 2], [3, 4]]]) == 14",
    "[a[0] for a in [3x5, 1x7]] == [3, 1]",
    "-[1, 2][0] == -1 and [-1, -2][-1] == -2",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(text: str) -> None:
    assert shape(model(f"require {text}; relu")) == (3, 8, 8)
    assert error(model(f"require not ({text}); relu")).code == "A205"


LETS = [
    ("let n = 4", "n", 4),
    ("let n = 4; let m = n*2", "m", 8),
    ("let n = 4; let n = n + 1", "n", 5),
    ("let f(a) = a*a", "f(3)", 9),
    ("let f(a, b = 2) = a*b", "f(3) + f(3, 3) + f(b=1, a=1)", 16),
    ("let f(a, b = a + 1) = a*b", "f(3)", 12),
    ("let f(a) = a + 1; let g(a) = f(f(a))", "g(1)", 3),
    ("let n = 4; let f(a) = a*n; let n = 5", "f(2)", 8),
    ("let divisible(v, d = 8) = max(d, floor(v + d/2) // d * d)", "divisible(18)", 16),
    ("let l = [3, 4]; let f(a) = l[a]", "f(1)", 4),
    ("let f() = 7", "f()", 7),
    ("let a = 1 if true else 1/0", "a", 1),
]


@pytest.mark.parametrize(("lets", "expression", "value"), LETS)
def test_let(lets: str, expression: str, value: int) -> None:
    assert shape(model(f"{lets}; linear({expression})", "[3]")) == (value,)
    if lets.count("let n") < 2:
        before = lets.replace("; ", "\n")
        assert shape(model(f"linear({expression})", "[3]", before=before)) == (value,)


def test_let_in_a_body_is_not_seen_outside() -> None:
    text = model("b; linear(n)", "[3]", before="block b { let n = 4; linear(n) }")
    assert codes(text) == ["A103"]


def test_let_at_the_top_is_seen_in_blocks() -> None:
    assert shape(model("b", "[3]", before="let n = 4\nblock b { linear(n) }")) == (4,)


WRONG = [
    ("let f(a) = f(a - 1); linear(f(3))", "A103"),
    ("let n = n + 1; linear(3)", "A103"),
    ("let f(a) = g(a); let g(a) = f(a); linear(f(1))", "A103"),
    ("let f(a) = b; let b = 3; linear(f(1))", "A103"),
    ("let f(a) = a; linear(f())", "A104"),
    ("let f(a) = a; linear(f(1, 2))", "A104"),
    ("let f(a) = a; linear(f(b=1))", "A104"),
    ("let f(a) = a; linear(f(1, a=1))", "A104"),
    ("let n = 3; linear(n(1))", "A105"),
    ("linear(1/0)", "A108"),
    ("linear(1 // 0)", "A108"),
    ("linear(1 % 0)", "A108"),
    ("linear(0**-1)", "A108"),
    ("linear([1, 2][2])", "A108"),
    ("linear([1, 2][-3])", "A108"),
    ("linear(min([]))", "A108"),
    ("linear(range(1, 5, 0)[0])", "A108"),
    ("linear([a for a, b in [[1, 2, 3]]][0])", "A108"),
    ("linear(7/2)", "A105"),
    ("linear(1.5)", "A105"),
    ("linear(true)", "A105"),
    ("linear(3x3)", "A105"),
    ("linear([3])", "A105"),
    ('linear("3")', "A105"),
    ("linear(relu)", "A105"),
    ("linear(range)", "A105"),
    ("linear(0)", "A105"),
    ("linear(1 + true)", "A105"),
    ("linear(1 if 3 else 2)", "A105"),
    ("linear(not 3)", "A105"),
    ("linear(3 and 4)", "A105"),
    ("linear([1, 2])", "A105"),
    ("linear(3[0])", "A105"),
    ("linear([3][true])", "A105"),
    ("linear(len(3))", "A104"),
    ("linear(sum(1, 2))", "A104"),
    ("linear(max(a=1))", "A104"),
    ("linear(round(1, 2))", "A104"),
    ("linear(max(true, 1))", "A105"),
    ("linear(n)", "A103"),
    ("linear(2**1000)", "A001"),
    ("linear(2**0.5)", "A108"),
    ("require 3; relu", "A105"),
    ("if 3 { relu }", "A105"),
    ("for i in 3 { relu }", "A105"),
    ("for a, b in [1, 2] { relu }", "A108"),
    ("require 1 == 2; relu", "A205"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
def test_what_has_no_value(body: str, code: str) -> None:
    assert error(model(body, "[3]")).code == code


CONTROL = [
    ("if C == 3 { conv(1x1, 4) } else { conv(1x1, 5) }", (4, 8, 8)),
    ("if C == 4 { conv(1x1, 4) } else if C == 3 { conv(1x1, 5) } else { relu }", (5, 8, 8)),
    ("if C == 4 { conv(1x1, 4) } else if C == 5 { conv(1x1, 5) } else { maxpool(2) }", (3, 4, 4)),
    ("if C == 4 { conv(1x1, 4) } else if C == 5 { conv(1x1, 5) }", (3, 8, 8)),
    ("if C == 4 { undefined -> conv(2x2, 4) }", (3, 8, 8)),
    ("for i in range(3) { maxpool(2) }", (3, 1, 1)),
    ("for i in [] { maxpool(99) }", (3, 8, 8)),
    ("for k, c in [[3x3, 4], [1x1, 5]] { conv(k, c) }", (5, 8, 8)),
    ("for a in 1x2 { conv(1x1, a + 4) }", (6, 8, 8)),
    ("for i in range(2) { for j in range(2) { conv(1x1, i + j + 1) } }", (3, 8, 8)),
    ("for i in range(2) { if i == 1 { maxpool(2) } }", (3, 4, 4)),
    ("let n = 1; for i in range(3) { let n = n*2 }; conv(1x1, n)", (8, 8, 8)),
    ("for l in [relu, tanh, maxpool(2)] { l }", (3, 4, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CONTROL)
def test_if_and_for(body: str, expected: tuple[int, ...]) -> None:
    if "let n" in body:  # whether a loop's `let` is seen after it is left open
        body = body.replace("conv(1x1, n)", "conv(1x1, 8)")
    text = model("b", before=f"block b : [C, H, W] {{ {body} }}")
    assert shape(text) == expected


ABSENT = [
    # a false `if` without `else` contributes nothing: no position, and as a whole branch no branch
    ("add { conv(1x1, 3) | if false { identity } }", ["0"], (3, 8, 8)),
    ("concat { if false { relu } | conv(1, 4) | if true { conv(1, 5) } }", ["0", "1"], (9, 8, 8)),
    ("concat { conv(1x1, 4) | if false { relu } else { identity } }", ["0"], (7, 8, 8)),
    ("concat { conv(1x1, 4) | relu -> relu; if false { relu } }", ["0"], (7, 8, 8)),
    ("concat { conv(1x1, 4) | if false { relu }; if false { relu } }", ["0"], (4, 8, 8)),
    ("concat { conv(1x1, 4) | let n = 1; if n == 2 { relu } }", ["0"], (4, 8, 8)),
    ("concat { conv(1x1, 4) | if true { if false { relu } } }", ["0"], (4, 8, 8)),
    ("conv(1x1, 4); if false { relu -> bn }; conv(1x1, 4)", ["0", "1"], (4, 8, 8)),
    ("residual { conv(1x1, 3) | if false { relu } }", ["0"], (3, 8, 8)),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected", "out"), ABSENT)
def test_absent_parts(body: str, expected: list[str], out: tuple[int, ...]) -> None:
    assert paths(model(body)) == expected
    assert shape(model(body)) == out


# Layers and blocks as values

VALUES = [
    ("block b(act) { conv(1x1, 4) -> act }", "b(relu)", ["0.0"]),
    ("block b(act = relu) { conv(1, 4) -> act }", "b; b(tanh); b(act=gelu)", ["0.0", "1.0", "2.0"]),
    ("block b(norm) { norm; norm }", "b(bn(eps=0.001))", ["0.0", "0.1"]),
    ("block b(f) { f(4) }", "b(conv(1x1))", ["0.0"]),
    ("block b(f) { f(4, bias=false) }", "b(conv(1x1, stride=2))", ["0.0"]),
    ("block b(f) { f }", "b(conv(1x1, 4))", ["0.0"]),
    ("block a(c) { conv(1x1, c) }\nblock b(f) { f(4) -> f(5) }", "b(a)", ["0.0.0", "0.1.0"]),
    ("block a(c, s) { conv(1x1, c, stride=s) }\nblock b(f) { f(4) }", "b(a(s=2))", ["0.0.0"]),
    ("block b(f, g) { f(g) }\nblock h(act) { bn -> act }", "b(h, relu)", ["0.0.0"]),
    ("let act = relu\nblock b { act -> bn }", "b", ["0.1"]),
    ("let f(c) = conv(1x1, c)\nlet g = f(4)", "g", ["0"]),
    ("let fs = [conv(1x1, 4), bn]", "for f in fs { f }", ["0", "1"]),
    ("block b(m) { m { conv(1x1, 3) | identity } }", "b(concat)", ["0.0"]),
    ("let cat = concat(axis=1)", "cat { conv(1x1, 3) | identity }", ["0"]),
    ("block block(c) { conv(1x1, c) }\nblock b(block) { block(4) }", "b(block)", ["0.0.0"]),
    # a word that is also a layer's name
    ("block b(m = linear) { upsample(2, mode=m) }", "b; b(bilinear); bn", ["2"]),
    ("block b(f) { f(4, axis=0) }", "upsample(2, mode=linear); b(linear)", ["1.0"]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "body", "expected"), VALUES)
def test_layers_and_blocks_are_values(before: str, body: str, expected: list[str]) -> None:
    assert paths(model(body, before=before)) == expected


WRONG_VALUES = [
    ("block b(f) { f(4) }", "b(3)", "A105"),
    ("block b(f) { f(4) }", "b([relu])", "A105"),
    ("block b(f) { f(4) }", "b(relu)", "A105"),
    ("block b(f) { f(channels=4) }", "b(conv(1x1, 3))", "A104"),
    ("block b(f) { f }", "b(conv(1x1))", "A104"),
    ("block b(f) { f(4) }", "b(g)", "A103"),
    ("let act = relu(slope=3)", "act", "A104"),
    ("", "upsample(2, mode=conv)", "A105"),
    ("", "upsample(2, mode=linear(4))", "A105"),
    ("block linear { relu }", "upsample(2, mode=linear)", "A105"),
]


@pytest.mark.parametrize(("before", "body", "code"), WRONG_VALUES)
def test_values_that_are_no_layer(before: str, body: str, code: str) -> None:
    assert error(model(body, before=before)).code == code
