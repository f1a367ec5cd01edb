"""What is said of mistakes: suggestions, places, and each one once."""

from __future__ import annotations

import pytest

import archlang
from tests.elaborate.checks import codes, error, errors, model

SUGGESTED = [
    ("conf(3x3, 4)", "A103", "conv"),
    ("Conv(3x3, 4)", "A103", "conv(3x3, 4)"),
    ("RELU", "A103", "relu"),
    ("max_pool(2)", "A103", "maxpool(2)"),
    ("batchnorm", "A103", "bn"),
    ("conv(3x3, 4, strides=2)", "A104", "stride"),
    ("conv(3x3, 4, Stride=2)", "A104", "stride"),
    ("conv(3x3, 4, padd=2)", "A104", "pad"),
    ("maxpool(2, kernels=3)", "A104", "kernel"),
    ("conv(3x3, 4, nonsense=2)", "A104", None),
    ("conv(3x3, 4, pad_mode=reflekt)", "A103", None),
    ("conv(3x3, 4, pad=sme)", "A103", None),
    ("adds { relu | tanh }", "A103", "add"),
    ("skip1 = relu; concat { identity | skip }", "A103", None),
    ("skip1 = relu; concat { identity | skip2 }", "A103", "skip1"),
    ("bottelneck(4)", "A103", "bottleneck"),
    ("bottleneck(widht=4)", "A104", "width"),
    ("let width = 4; conv(1x1, widht)", "A103", "width"),
    ("relu; output outt", "A103", None),
    ("features = relu; output feature", "A103", "features"),
    ("linear(4, axis=0) -> zzzzzz", "A103", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "meant"), SUGGESTED)
def test_suggestions(body: str, code: str, meant: str | None) -> None:
    found = error(model(body, before="block bottleneck(width) { conv(1x1, width) }"))
    assert found.code == code
    if meant is not None:
        assert f"`{meant}`" in found.to_json()["help"]


ARGUMENTS = [
    ("conv(3x3)", "A104", "channels"),
    ("conv", "A104", "channels"),
    ("conv()", "A104", "kernel"),
    ("conv(channels=4)", "A104", "kernel"),
    ("slice(0)", "A104", "end"),
    ("drop_path", "A104", "p"),
    ("conv(3x3, 4, 1, same, 1, 1, true, zeros, 9)", "A104", "arguments"),
    ("relu(1)", "A105", "inplace"),
    ("sigmoid(1)", "A104", "sigmoid"),
    ("conv(3x3, 4, stride=2, stride=2)", "A104", "stride"),
    ("conv(3x3, 4, pad=same, pad=0)", "A104", "pad"),
    ("conv(3x3, true)", "A105", "channels"),
    ("conv(3x3, 4.5)", "A105", "channels"),
    ("conv(3x3, 0)", "A105", "channels"),
    ("conv(3x3, -1)", "A105", "channels"),
    ("conv(0x3, 4)", "A105", "kernel"),
    ('conv("big", 4)', "A105", "kernel"),
    ("conv(relu, 4)", "A105", "kernel"),
    ("conv(3x3, 4, bias=1)", "A105", "bias"),
    ("conv(3x3, 4, pad=reflect)", "A105", "pad"),
    ("conv(3x3, 4, pad_mode=same)", "A105", "pad_mode"),
    ("conv(3x3, 4, pad=[1, 2])", "A105", "pad"),
    ("conv(3x3, 4, pad=-1)", "A105", "pad"),
    ("dropout(2)", "A105", "p"),
    ("dropout(-0.1)", "A105", "p"),
    ("drop_path(true)", "A105", "p"),
    ("bn(eps=same)", "A105", "eps"),
    ("conv(3x3x3, 4)", "A202", "kernel"),
    ("conv(3x3, 4, stride=2x2x2)", "A202", "stride"),
    ("conv(9x9, 4, pad=0)", "A202", "kernel"),
    ("conv(3x3, 4, groups=2)", "A202", "groups"),
    ("conv(3x3, 4, groups=3)", "A202", "groups"),
    ("maxpool(2, pad=2)", "A202", "pad"),
    ("conv(3x3, 4, pad=8, pad_mode=reflect)", "A202", "pad"),
    ("attention(2)", "A202", "attention"),
    ("linear(4)", "A206", "linear"),
    ("conv(2x2, 4)", "A207", "even"),
    ("conv(4, 4, pad=same)", "A207", "even"),
    ("slice(2, 2)", "A208", ""),
    ("softmax(axis=3)", "A202", "axis"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "about"), ARGUMENTS)
def test_arguments_that_are_wrong(body: str, code: str, about: str) -> None:
    found = error(model(body))
    assert found.code == code
    assert about in found.message
    assert found.span.text in body


POINTS = [
    ("conv(3x3, 4, groups=2)", "groups=2"),
    ("conv(3x3, 4, stride=0)", "stride=0"),
    ("conv(2x2, 4)", "2x2"),
    ("relu -> conv(9x9, 4, pad=0) -> tanh", "9x9"),
    ("relu -> linear(4) -> tanh", "linear(4)"),
    ("relu -> conf(3x3, 4) -> tanh", "conf"),
    ("conv(3x3, 4, strides=2)", "strides=2"),
    ("conv(3x3, 4 + nn)", "nn"),
    ("add { relu | conv(1x1, 4) }", "add"),
]


@pytest.mark.parametrize(("body", "points"), POINTS)
def test_the_smallest_span_is_pointed_at(body: str, points: str) -> None:
    assert error(model(body)).span.text == points


ONCE = [
    "conv(2x2, 4) -> relu -> bn -> linear(4, axis=0)",
    "conv(2x2, 4)\n relu : [4, 4, 4]\n linear(3, axis=0)",
    "conv(2x2, 4) x 5",
    "{ conv(2x2, 4) -> relu } x 5 -> conv(3x3, 4)",
    "for i in range(5) { conv(2x2, 4) }",
    "residual { conv(2x2, 4) }",
    "a = conv(2x2, 4); b = a -> relu; concat { a | b }; aux b; output a",
    "for i in range(3) { t[i] = conv(2x2, 4) }; concat { t[0] | t[1] | t2 }",
    "a = undefined; b = a -> relu; concat { a | b | identity }",
    "if C == 3 { conv(2x2, 4) }; relu",
    "shared s = conv(2x2, 4); s -> s",
    "g = { a = conv(2x2, 4) -> relu }; a -> relu; g",
    "let n = undefined; conv(1x1, n) -> conv(1x1, n + 1)",
    "let f(a) = undefined*a; conv(1x1, f(1)) -> conv(1x1, f(2))",
    "if undefined { relu } else { tanh }",
    "for i in undefined { relu }",
    "require undefined == 3; relu",
    "aux nothing; relu",
    "conv(1x1, 4) -> relu : [5, undefined, 8]",
]  # fmt: skip


@pytest.mark.parametrize("body", ONCE)
def test_one_mistake_is_reported_once(body: str) -> None:
    text = (
        model("b", before=f"block b : [C, H, W] {{ {body} }}") if "C == 3" in body else model(body)
    )
    assert len(errors(text)) == 1, [d.message for d in errors(text)]


INPUTS = [
    "model m {\n input image: [0, 8, 8]\n relu -> tanh\n}",
    "model m {\n input image: [undefined, 8, 8]\n relu -> conv(3x3, 4)\n}",
    "model m {\n input a: [1.5, 8]\n input b: [3, 8]\n add { a | b }\n}",
]


@pytest.mark.parametrize("text", INPUTS)
def test_a_wrong_input_is_reported_once(text: str) -> None:
    assert len(errors(text)) == 1


ALL = [
    ("add { conv(2x2, 4) | conv(4x4, 4) }", ["A207", "A207"]),
    ("a = conv(2x2, 4); image -> conv(4x4, 4)", ["A207", "A207"]),
    ("conv(3x3, 4, strides=2); require 1 == 2; let n = undefined", ["A104", "A205", "A103"]),
    ("relu : [4, 8, 8]; tanh : [5, 8, 8]", ["A201", "A201"]),
    ("relu : [4, 8, 8]; conv(2x2, 4)", ["A201", "A207"]),
    ("undefined1; image -> undefined2; image -> relu", ["A103", "A103"]),
    ("a = bn; a = bn; train = bn", ["A111", "A111"]),
    ("b(1) -> b(2)", ["A104", "A104"]),
]


@pytest.mark.parametrize(("body", "expected"), ALL)
def test_independent_mistakes_are_all_reported(body: str, expected: list[str]) -> None:
    assert codes(model(body, before="block b { relu }")) == expected


def test_mistakes_come_in_the_order_of_the_text() -> None:
    body = "a = conv(2x2, 4)\nimage -> relu : [4, 8, 8]\nrequire 1 == 2\nundefined"
    found = errors(model(body))
    assert [d.code for d in found] == ["A207", "A201", "A205", "A103"]
    lines = [d.span.line for d in found]
    assert lines == sorted(lines)


def test_mistakes_at_the_top_are_all_reported() -> None:
    text = (
        "let a = b\nlet c = d\nblock e { relu }\nblock e { tanh }\nmodel m { input x: [3]; relu }"
    )
    assert codes(text) == ["A103", "A103", "A106"]


def test_mistakes_are_told_as_plain_data() -> None:
    found = error(model("conv(2x2, 4)")).to_json()
    assert found["code"] == "A207"
    assert found["start"] == {"line": 4, "column": 10}
    assert found["end"] == {"line": 4, "column": 13}


def test_an_error_says_all_in_its_text() -> None:
    import archlang

    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(model("conv(2x2, 4)\nimage -> relu : [4, 8, 8]"))
    assert "error[A207]" in str(caught.value)
    assert "error[A201]" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "block b(c, c) { relu }\nmodel m { input x: [3]; b(1, 2) }",
        "model m(c, c) { input x: [3]; linear(c) }",
        "let f(a, a) = a\nmodel m { input x: [3]; linear(f(1, 2)) }",
    ],
)
def test_two_parameters_with_one_name(text: str) -> None:
    assert len(errors(text)) == 1


def test_numbers_of_the_network_are_known_in_require_only():
    text = "model m { input x: [8]; linear(4); let learned = params - 4 }"
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text)
    (found,) = caught.value.diagnostics
    assert found.code == "A103"
    assert "`params` is known only once the network is whole" in found.message
    assert archlang.loads(text.replace("let learned = params - 4", "require params == 36"))


def test_one_name_is_one_size() -> None:
    text = "model m {{ input a: [3, {}]; input b: [3, {}]; concat {{ a | b }} }}"
    assert archlang.loads(text.format("H=8, W=9", "H=8, W=9")).outputs == {"output": (6, 8, 9)}
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text.format("H=8, W=9", "H=7, W=9"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("A106", "H=7")
    assert found.message == "the size `H` is 8 already, not 7"
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text.format("H=8, W=9", "H=8, W=9"), inputs={"b": (3, 6, 9)})
    assert caught.value.diagnostics[0].message == "`H` is 8, not 6"
    given = {"a": (3, 6, 9), "b": (3, 6, 9)}
    assert archlang.loads(text.format("H=8, W=9", "H=8, W=9"), inputs=given).outputs


@pytest.mark.parametrize(
    "body",
    [
        "for a, b, a in [[3, 8, 1], [5, 16, 1]] { conv(3x3, b) }",
        "let w = [a for a, a in [[1, 2]]]\n    conv(3x3, w[0])",
        "for a, b in [[1, 2]] { for c, b, b in [[1, 2, 3]] { conv(3x3, b) } }",
        "let f(v, v) = v\n    conv(3x3, f(3))",
    ],
)
def test_a_name_is_given_once_in_a_head(body: str) -> None:
    found = error(model(body))
    assert found.code == "A106"
    assert found.span.text == found.related[0].span.text
    assert found.span.start > found.related[0].span.start


def test_names_that_are_not_used_may_be_alike() -> None:
    assert archlang.loads(model("for _, c, _ in [[3, 8, 1]] { conv(3x3, c) }"))
    assert archlang.loads(model("for a, b in [[3, 8]] { for b, a in [[5, 6]] { conv(3x3, b) } }"))


@pytest.mark.parametrize("merge", ["add", "concat"])
def test_a_merge_that_is_missing_is_told_at_the_brace(merge: str) -> None:
    other = {"add": "tanh", "concat": "conv(3x3, 8)"}[merge]
    text = model(f"{{\n        relu\n      | {other}\n    }}")
    found = error(text)
    assert (found.code, found.span.text, found.span.line) == ("A110", "{", 4)
    (inside,) = (n for n in found.related if n.text == "a second branch")
    assert inside.span.text == other


def test_branches_of_an_if_are_told_at_the_second() -> None:
    found = error(model("{ if true {\n        relu\n      | tanh\n    } }"))
    assert (found.code, found.span.text) == ("A110", "tanh")
