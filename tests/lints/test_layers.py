"""Each lint finds what it is about, and nothing like it that is right."""

import pytest

from archlang.diagnostic import CODES
from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.lints import Choice, lint
from archlang.lints.layers import LINTS
from archlang.source import Source, edited


def found(text, choice=None):
    program = Program(Source("m.arch", text))
    assert not program.diagnostics
    graphs = [inspect(program, name)[0] for name in program.complete]
    return lint(program, [g for g in graphs if g is not None], choice)


def codes(body, head="input x: [3, 33, 33]"):
    return [d.code for d in found(f"model m {{\n{head}\n{body}\n}}\n")]


ODD = {
    "A301": [
        "conv(3x3, 8) -> bn",
        "conv(3x3, 8, pad=0) -> instancenorm",
        "global_avgpool -> linear(8) -> bn",
        "conv_transpose(2x2, 8, stride=2) -> bn(affine=false) -> relu",
    ],
    "A303": ["dropout -> bn", "channel_dropout(0.1) -> relu -> bn", "dropout -> dropout(0) -> bn"],
    "A304": [
        "global_avgpool -> linear(10) -> softmax",
        "conv(1x1, 5) -> log_softmax",
        "conv(1x1, 5) -> softmax(axis=-3)",
    ],
    "A305": ["conv(1x1, 8, stride=2)", "maxpool(2x2, stride=3)", "avgpool(2x3, stride=3)"],
    "A306": ["conv(3x3, 8, stride=2, dilation=2, pad=0)"],
    "A307": ["add { relu(inplace=true) | identity }", "y = conv(3x3, 3); a = relu(inplace=true); "
             "add { y | a }"],
    "A310": ["bn(32)", "groupnorm(3, 32)", "layernorm(eps=1)"],
}  # fmt: skip
FINE = {
    "A301": [
        "conv(3x3, 8, bias=false) -> bn",
        "conv(3x3, 8) -> relu -> bn",
        "conv(3x3, 8) -> layernorm",
        "conv(3x3, 8) -> groupnorm(2)",
        "y = conv(3x3, 3); z = bn; add { y | z }",
        "concat { conv(3x3, 8) | conv(1x1, 8) } -> bn",
        "flatten(1) -> linear(8) -> bn",
        "attention_input = flatten(1); linear(8, axis=1) -> bn",
    ],
    "A303": ["dropout(0) -> bn", "bn -> dropout", "dropout -> conv(3x3, 8) -> relu -> bn",
             "dropout -> layernorm", "drop_path(0.1) -> bn"],
    "A304": ["softmax -> conv(1x1, 3)", "conv(1x1, 5) -> softmax(axis=1)", "sigmoid"],
    "A305": ["conv(2x2, 8, stride=2)", "add { conv(1x1, 8, stride=2) | conv(3x3, 8, stride=2) }",
             "conv(33x33, 4, pad=0) -> conv(1x1, 4, stride=2)", "upsample(2) -> maxpool(2x2)"],
    "A306": ["conv(3x3, 8, dilation=2)", "conv(3x3, 8, stride=2, pad=0)",
             "conv(2x2, 8, stride=2, pad=0)"],
    "A307": ["conv(3x3, 8) -> relu(inplace=true)", "relu",
             "conv(3x3, 8) -> hardswish -> mish(inplace=true)"],
    "A310": ["bn", "bn(0.001)", "groupnorm(3)"],
}  # fmt: skip


@pytest.mark.parametrize(("code", "body"), [(c, b) for c, some in ODD.items() for b in some])
def test_what_is_odd(code, body):
    assert codes(body) == [code]


@pytest.mark.parametrize(("code", "body"), [(c, b) for c, some in FINE.items() for b in some])
def test_what_is_right(code, body):
    assert code not in codes(body)


def test_every_lint_of_layers_is_held():
    assert set(LINTS) == set(ODD) == set(FINE)
    assert all(c in CODES and c.startswith("A3") for c in LINTS)


def test_a_place_is_named_once_and_only_where_all_its_uses_are_odd():
    block = "block unit(norm) { conv(3x3, 8); if norm { bn } }\n"
    odd = found(block + "model m { input x: [3, 8, 8]; unit(true); unit(true) }")
    assert [d.code for d in odd] == ["A301"]
    assert found(block + "model m { input x: [3, 8, 8]; unit(true); unit(false) }") == []
    models = (
        "model a { input x: [3, 8, 8]; unit(true) }\nmodel b { input x: [3, 8, 8]; unit(false) }"
    )
    assert found(block + models) == []


def test_a_way_out_leaves_models_that_were_not_asked_about():
    text = """block unit(norm) { conv(3x3, 8); if norm { bn } }
model a { input x: [3, 8, 8]; unit(true) }
model b { input x: [3, 8, 8]; unit(false) }
"""
    program = Program(Source("m.arch", text))
    graph, _ = inspect(program, "a")
    (finding,) = lint(program, [graph])
    assert (finding.code, finding.fixes) == ("A301", ())


def test_a_way_out_that_breaks_a_requirement_is_not_offered():
    text = "model m {{ input x: [3, 8, 8]; conv(3x3, 8) -> bn; require params == {} }}"
    (finding,) = found(text.format(240))
    assert (finding.code, finding.fixes) == ("A301", ())
    (finding,) = found(text.format(240).replace("==", "<="))
    assert len(finding.fixes) == 1


def test_what_is_offered_leaves_nothing_to_say():
    for body in ("conv(3x3, 8) -> bn", "add { relu(inplace=true) | identity }"):
        text = f"model m {{ input x: [3, 8, 8]; {body} }}"
        (finding,) = found(text)
        (fix,) = finding.fixes
        made = edited(Source("m.arch", text), fix.edits)
        assert made.text != text
        assert found(made.text) == []


WAYS = [
    ("conv(1x1, 8, stride=2) -> relu", ["conv(3x3, 8, stride=2) -> relu"]),
    ("conv(1x1, 8, stride=2, pad=0)",
     ["conv(2x2, 8, stride=2, pad=0)", "conv(3x3, 8, stride=2, pad=0)"]),
    ("maxpool(2x2, stride=3) : [3, 11, 11]", ["maxpool(3x3, stride=3) : [3, 11, 11]"]),
    ("conv(1x3, 8, stride=2x2)", ["conv(3x3, 8, stride=2x2)"]),
    ("global_avgpool -> linear(10) -> softmax", ["global_avgpool -> linear(10)"]),
    ("global_avgpool -> linear(10)\n -> log_softmax", ["global_avgpool -> linear(10)"]),
    ("conv(3x3, 8) -> bn", ["conv(3x3, 8, bias=false) -> bn"]),
    ("bn(3)", ["bn"]), ("bn(3, momentum=0.2)", ["bn(momentum=0.2)"]), ("bn(eps=3)", ["bn"]),
    ("groupnorm(3, 3)", ["groupnorm(3)"]),
    ("bn(affine=false, eps=3)", ["bn(affine=false)"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "made"), WAYS)
def test_ways_out(body, made):
    text = f"model m {{ input x: [3, 33, 33]; {body} }}"
    (finding,) = found(text)
    ways = [edited(Source("m.arch", text), fix.edits).text for fix in finding.fixes]
    assert ways == [text.replace(body, other) for other in made]
    assert not any(fix.safe for fix in finding.fixes)


def test_lines_and_projects_choose():
    text = (
        "model m {{ input x: [3, 33, 33]\nconv(1x1, 8, stride=2) -> bn  # archlang: ignore[{}]\n}}"
    )
    assert [d.code for d in found(text.format("A301"))] == ["A305"]
    assert found(text.format("A301, A305")) == []
    assert [d.code for d in found(text.format("A301 A305 A303"))] == ["A308"]
    assert [d.code for d in found(text.format("A999"))] == ["A301", "A305", "A308"]
    assert [d.code for d in found(text.format(""), Choice(("A305",)))] == ["A305"]
    assert [d.code for d in found(text.format("A301"), Choice(ignore=("A3", "A305")))] == []
    assert [d.code for d in found(text.format(""), Choice(("A301",), ("A3",)))] == ["A301"]
    with pytest.raises(ValueError, match="no lint"):
        Choice(("A201",))
