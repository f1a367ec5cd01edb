"""A number that is wrong anywhere in the text is found; what is offered holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.analyses.numerals import next_to, numerals
from archlang.analyses.reached import reached
from archlang.analyses.slips import Slips
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.source import Source, edited
from archlang.syntax.parser import parse

SPEC = """\
let wide = 64
let widths = [16, 32]
block unit(c, k = 3, s = 1) : [C, H, W] -> [c, _, _] { conv(k, c, stride=s) -> relu }
model net(rows, classes = 10, weights = 0) {
    input image: [3, H=32, W=32]
    unit(widths[0])                             : [16, H, W]
    unit(32, s=2)                               : [32, 16, 16]
    for c, s, n in rows { unit(c, s=s) -> unit(c) x n }
    unit(wide, 5)                               : [64, 8, 8]
    conv(3x3, 8, pad=1) -> flatten              : [512]
    linear(classes)                             : [10]
    require depth == 8
    require params == weights
}
model a = net([[48, 2, 2]], weights=147138)
"""
SLIPS = {
    "an argument where a block is used": ("unit(32, s=2)", "unit(33, s=2)"),
    "a named one": ("unit(32, s=2)", "unit(32, s=1)"),
    "an argument of a layer": ("pad=1", "pad=0"),
    "its channels": ("conv(3x3, 8,", "conv(3x3, 9,"),
    "a size": ("conv(3x3, 8,", "conv(3x4, 8,"),
    "a value of the file": ("let wide = 64", "let wide = 63"),
    "an item of a list": ("[16, 32]", "[17, 32]"),
    "a row of a table": ("[48, 2, 2]", "[48, 1, 2]"),
    "how often": ("[48, 2, 2]", "[48, 2, 1]"),
    "a default": ("classes = 10", "classes = 11"),
    "the input": ("H=32, W=32", "H=33, W=32"),
    "a stated size": ("[32, 16, 16]", "[32, 15, 16]"),
    "a stated figure": ("depth == 8", "depth == 9"),
    "a figure that is given": ("weights=147138", "weights=147139"),
}


def look(text: str) -> tuple[Program, list[Diagnostic]]:
    program = Program(Source("net.arch", text))
    assert not program.diagnostics
    return program, inspect(program, program.complete[0])[1]


def offered(text: str) -> list[tuple[Fix, str]]:
    """What is offered, with what it makes of the text."""
    source = Source("net.arch", text)
    return [(f, edited(source, f.edits).text) for d in look(text)[1] for f in d.fixes]


def test_the_spec_is_right() -> None:
    assert look(SPEC)[1] == []


@pytest.mark.parametrize("what", SLIPS)
def test_a_slip_is_found_wherever_it_is(what: str) -> None:
    was, now = SLIPS[what]
    assert SPEC.count(was) == 1
    made = offered(SPEC.replace(was, now))
    assert SPEC in [text for _, text in made]
    for _, text in made:
        assert look(text)[1] == []


def test_it_is_said_with_what_it_is_in() -> None:
    ((fix, _), *_) = offered(SPEC.replace("unit(32, s=2)", "unit(33, s=2)"))
    assert fix.text == "`32` instead of `33` in `unit(33, s=2)`"
    ((fix, _), *_) = offered(SPEC.replace("unit(32, s=2)", "unit(32, s=1)"))
    assert fix.text == "`s=2` in `unit(32, s=1)`"
    ((fix, _), *_) = offered(SPEC.replace("depth == 8", "depth == 9"))
    assert fix.text == "state `8` instead of `9`"
    assert not fix.safe


def test_a_limit_is_not_raised_and_no_exception_is_made_of_it() -> None:
    body = "model m(n = 10) {{ input x: [8]; linear(n); require {} }}\n"
    assert offered(body.format("params <= 20")) == []
    assert offered(body.format("n != 10 or params <= 20")) == []
    ((_, text),) = offered(body.format("n != 10 or params == 91"))
    assert text == body.format("n != 10 or params == 90")


def test_the_input_is_changed_only_where_nothing_else_would_do() -> None:
    text = "model m { input x: [3, 8, 8]; add { identity | conv(1x1, 4) } }\n"
    assert [t for _, t in offered(text)] == [text.replace("4)", "3)")]
    text = SPEC.replace("H=32, W=32", "H=33, W=32")
    assert [t for _, t in offered(text)] == [SPEC]


def test_trying_leaves_the_tree_as_it_was() -> None:
    text = SPEC.replace("conv(3x3, 8,", "conv(3x3, 9,").replace("wide = 64", "wide = 65")
    program, _ = look(text)
    assert program.files[-1] == parse(Source("net.arch", text))


def test_work_is_bounded() -> None:
    program = Program(Source("net.arch", SPEC.replace("depth == 8", "depth == 80")))
    graph, found = program.work_out("a")
    slips = Slips(program, "a", graph, found)
    slips.work = 0
    assert list(slips.fixes(found[0] if found else look(SPEC.replace("8", "80"))[1][0])) == []


def test_numbers_next_to_one() -> None:
    program = Program(Source("m.arch", "model m { input x: [64]; linear(129) -> pad(-1, 3x3) }"))
    near = {n.span.text: list(next_to(n)) for n in numerals(program, "m")}
    assert near["129"] == ["128", "130"]
    assert near["64"] == []  # 63 and 65 are what one slips into, not what is meant
    assert near["1"] == ["2"]
    assert near["3x3"] == ["2x3", "4x3", "3x2", "3x4"]


def test_a_fix_in_a_file_that_is_used(tmp_path: Path) -> None:
    (tmp_path / "part.arch").write_text("block unit { conv(3x3, 9) -> relu }\n")
    text = 'use "part"\nmodel m { input x: [3, 8, 8]; unit : [8, 8, 8] }\n'
    program = Program(Source("net.arch", text), str(tmp_path / "net.arch"))
    (finding,) = inspect(program, "m")[1]
    fix = finding.fixes[0]
    assert [e.text for e in fix.edits] == ["8"]
    assert fix.edits[0].span.text == "9"
    assert fix.edits[0].span.source.name.endswith("part.arch")
    made = program.edited(fix.edits)
    assert made is not None
    assert inspect(made, "m")[1] == []


def test_what_a_model_is_made_with() -> None:
    text = (
        "let n = 3\nlet k = 4\nblock one { conv(n, 8) }\nblock two { one -> relu }\n"
        "model a { input x: [3, 8, 8]; two }\nmodel b { input x: [3, 8, 8]; conv(k, 8, pad=0) }\n"
        "model c(d = k) { input x: [3, 8, 8]; linear(d, axis=0) }\nmodel e = c(5)\n"
    )
    program = Program(Source("m.arch", text))
    names = {m: [w.item.name for w in reached(program, m)] for m in program.complete}
    assert names == {"a": ["n", "one", "two", "a"], "b": ["k", "b"], "c": ["k", "c"],
                     "e": ["k", "c", "e"]}  # fmt: skip


def test_a_number_that_makes_a_far_larger_network_is_no_slip() -> None:
    """Here that would be `n[1]`: it is given up long before all of it is there."""
    text = """model m {
    input image: [3, 64, 64]
    let n = [2, 30000]
    { conv(3x3, 8) -> relu } x n[0]
    maxpool(2)                 : [8, 33, 32]
}
"""
    program = Program(Source("m.arch", text))
    _, (finding,) = inspect(program, "m")
    assert finding.fixes
    assert program.spent["work"] < 5_000
