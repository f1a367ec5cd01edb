"""A finding stands where the slip likely is: the other places it could have come from hold."""

from __future__ import annotations

from textwrap import dedent

import pytest

from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.elaborate.findings import distinct
from archlang.inspection import definitions, inspect
from archlang.source import Source

NET = """
    model net(widths, layers = 2) {
        input image: [3, 32, 32]
        conv(3x3, widths[0]) -> conv(3x3, widths[1]) : [8, 32, 32]
        require depth == layers
    }
"""


def found(text: str) -> list[Diagnostic]:
    """What `check` finds in a text: each model's findings, and no mistake twice."""
    program = Program(Source("m.arch", dedent(text).strip() + "\n"))
    out = definitions(program)
    for name in program.complete:
        out = [*out, *distinct(inspect(program, name, known=out)[1], out)]
    return out


def only(text: str) -> Diagnostic:
    (finding,) = found(text)
    return finding


def test_a_model_whose_neighbours_hold_is_to_blame() -> None:
    finding = only(NET + "    model a = net([4, 8])\n    model b = net([4, 9])\n")
    assert finding.span.text == "9"
    assert finding.span.line == 7
    assert "`a` is built the same way" in finding.label
    assert finding.related[0].text == "specified 8; inferred 9"
    assert finding.place.text == "8"


def test_what_fails_in_every_model_is_left_where_it_fails() -> None:
    text = (
        NET.replace("[8, 32", "[7, 32") + "    model a = net([4, 8])\n    model b = net([5, 8])\n"
    )
    finding = only(text)
    assert finding.span.text == "7"
    assert not finding.shows


def test_a_figure_that_one_model_alone_states_says_nothing_of_the_others() -> None:
    net = NET.replace("layers = 2", "layers = 0").replace(
        "depth == layers", "layers == 0 or depth == layers"
    )
    finding = only(net + "    model a = net([4, 8])\n    model b = net([4, 8], layers=3)\n")
    assert finding.span.text == "3"
    assert finding.label == "likely wrong here: with `2` it holds"
    assert finding.place.text == "layers == 0 or depth == layers"


def test_a_use_of_a_block_whose_others_hold_is_to_blame() -> None:
    finding = only("""
        block unit(c) { require c % 8 == 0; conv(3x3, c) }
        model m { input image: [3, 32, 32]; unit(8)
            unit(12)
            unit(16)
        }
    """)
    assert finding.span.text == "unit(12)"


def test_the_only_use_of_a_block_is_not() -> None:
    finding = only("""
        block unit(c) { require c % 8 == 0; conv(3x3, c) }
        model m { input image: [3, 32, 32]; unit(12) }
    """)
    assert finding.span.text == "c % 8 == 0"


ROWS = """
    model m { input image: [3, 32, 32]
        let rows = [
            [8, 1, 32],
            [12, ROW],
            [16, 1, 16],
        ]
        for c, s, out in rows {
            conv(3x3, c, stride=s)    : [c, out, out]
        }
    }
"""


def test_an_item_of_a_list_is_to_blame_where_the_others_hold() -> None:
    finding = only(ROWS.replace("ROW", "2, 15"))
    assert finding.span.text == "15"
    assert finding.label == "likely wrong here: the other items pass"
    assert finding.place.text == "out, out"


def test_what_fails_for_several_items_is_to_blame_itself() -> None:
    finding = only(
        ROWS.replace("ROW", "2, 16")
        .replace("1, 16]", "2, 8]")
        .replace("[c, out", "[c, out + 2*s - 2")
    )
    assert finding.span.text == "out + 2*s - 2"


def test_a_loop_over_numbers_has_no_items_to_blame() -> None:
    finding = only("""
        model m { input image: [3, 32, 32]
            for i in range(3) { conv(3x3, 8 + i) : [9 - i % 2, _, _] }
        }
    """)
    assert finding.span.text == "9 - i % 2"


def test_an_item_of_too_few_values() -> None:
    finding = only(ROWS.replace("ROW", "2").replace("[8, 1, 32],\n", ""))
    assert finding.code == "A108"
    assert finding.span.text == "[12, 2]"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("let k = 4\n    conv(k, 8, pad=same)", "4"),
        ("unit(4x4)", "4x4"),
        ("let n = 7 / 2\n    conv(3x3, 3) x n\n    conv(3x3, 3) x (n - 1)", "7 / 2"),
        ("let d = 0\n    conv(3x3, 8 // d)", "0"),
        ("let t = 1/2 if false else 0\n    conv(3x3, floor(t))", "0"),
        ("let c = [8, 0]\n    conv(3x3, c[1])", "0"),
        ("for c in [[8, 8], [0, 8]][1:] { conv(3x3, c[0]) }", "0"),
        ("for c in [w for w in [0]] { conv(3x3, c) }", "0"),
    ],
)
def test_a_value_is_to_blame_where_it_is_written(body: str, value: str) -> None:
    text = (
        f"block unit(k) {{ conv(k, 8) }}\nmodel m {{\n    input image: [3, 32, 32]\n    {body}\n}}"
    )
    finding = only(text)
    assert finding.span.text == value
    assert finding.shows


def test_a_number_that_mends_all_is_to_blame() -> None:
    finding = only("""
        block tower : [1, H, W] -> [40] {
            flatten
            linear(39)
        }
        model m { input image: [1, 8, 8]; tower : [40] }
    """)
    assert finding.code == "A209"
    assert finding.span.text == "39"
    assert finding.place.text == "40"


NAMED = [
    ("model m { input image: [3, 8, 8]\n let nn = 2\n relu x n\n tanh x n }", "nn"),
    ("model m { input image: [3, 8, 8]\n let deep = 2\n relu x deep\n tanh x dep }", "dep"),
    ("model m { input image: [3, 8, 8]\n let vn = 2\n relu x v1\n tanh x v1 }", "vn"),
    ("model nett(c) { input image: [3, 8, 8]\n conv(3x3, c) }\n"
     "model a = net(8)\nmodel b = net(9)", "nett"),
    ("model net(h) { input image: [3, 8, 8]\n conv(3x3, k)\n conv(3x3, k) }\n"
     "model a = net(k=8)\nmodel b = net(k=9)", "h"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrong"), NAMED)
def test_a_name_is_wrong_where_it_is_used_less(text: str, wrong: str) -> None:
    finding = only(text)
    assert finding.span.text == wrong
    assert finding.fixes or finding.help


def test_a_merge_of_two_findings_tells_both() -> None:
    net = NET.replace("require", "require params < 800\n        require")
    finding = only(net + "    model a = net([4, 8])\n    model b = net([40, 8], layers=3)\n")
    assert finding.span.text == "model b = net([40, 8], layers=3)"
    assert [s.text for s in finding.shows] == ["params < 800", "depth == layers"]
    assert any("depth is 2" in note for note in finding.notes)


@pytest.mark.parametrize("kind", ["a function", "a size", "a truth value", "a layer"])
def test_a_value_of_another_kind_is_told_where_it_is_given(kind: str) -> None:
    given = {"a function": "f", "a size": "3x3", "a truth value": "true", "a layer": "relu"}[kind]
    finding = only(f"""
        block unit(c, s) : [C, H, W] -> [c, ceil(H/s), ceil(W/s)] {{ conv(3x3, c, stride=s) }}
        model m {{
            input image: [3, 32, 32]
            let f(n) = n + 1
            unit(8, {given})
        }}
    """)
    assert finding.code == "A105"
    assert (finding.span.line, finding.span.text) == (5, given)
    assert kind in finding.message or given in finding.message


def test_a_function_is_printed_by_its_name() -> None:
    for use in ("conv(3x3, f)", "conv(f, 8)", "conv([f, 3], 8)", "dropout(f)", "relu x f"):
        text = f"model m {{ input image: [3, 32, 32]; let f(n) = n + 1; {use} }}"
        finding = only(text)
        assert len(finding.message) < 120
        assert "ast." not in finding.message


@pytest.mark.parametrize("name", ["e", "t", "l", "le"])
def test_a_let_that_nothing_uses_is_to_blame_for_a_letter_without_meaning(name: str) -> None:
    finding = only(f"""
        model m {{
            input image: [3, H=32, W=32]
            let {name}(c) = 2*c
            conv(3x3, n(8)) -> conv(3x3, n(16))
        }}
    """)
    assert finding.code == "A103"
    assert (finding.span.line, finding.span.text) == ((3, name) if len(name) == 1 else (4, "n"))
