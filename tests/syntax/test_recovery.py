"""After a syntax error the rest of the text is read: every error by itself, and each one once."""

from __future__ import annotations

import random

import pytest

from archlang.cli.check import check_file
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.outline import innermost, statements, tokens
from archlang.syntax.parser import read
from archlang.syntax.recovery import Hole, Patched
from tests.syntax.sketches import SKETCHES, sketch


def found(text: str) -> list[Diagnostic]:
    return read(Source("text", text))[1]


def lines(text: str) -> list[tuple[str, int]]:
    return [(d.code, d.span.line) for d in found(text)]


def test_every_statement_with_an_error_has_one() -> None:
    text = """model m(classes = 10) {
    input image: [3, 32, 32]
    conv(3x3 64) -> relu tanh
    relu
    let a = 3 + * 4; let b = ; let c = 5
    residual {
        conv(3x3,, 64)
      | relu | | tanh
    }
    a = concat { relu -> | tanh } -> relu ->
}
block b(c { relu }
use std/resnet
model n { input x: [3]; linear(4, ) }
"""
    assert lines(text) == [
        ("A101", 3), ("A101", 5), ("A101", 5), ("A101", 7), ("A101", 8), ("A101", 10),
        ("A101", 10), ("A102", 12), ("A101", 13),
    ]  # fmt: skip
    assert [i.name for i in read(Source("text", text))[0].items if isinstance(i, ast.Model)] == [
        "m", "n",
    ]  # fmt: skip


OPEN = {
    # what is written, and the line and text of the one error
    "a string": ('model m {\n  require 1 : "abc\n  relu\n}', 2, '"abc'),
    "a string in one line": ('model m { require 1 : "abc }', 1, '"abc }'),
    "parameters": ("model m(a, b {\n  relu\n}", 1, "("),
    "arguments": ("model m {\n  conv(3x3, 4\n  relu\n}", 2, "("),
    "arguments in a chain": ("model m {\n  conv(3x3, 4 -> relu\n}", 2, "("),
    "arguments, a comma last": ("model m {\n  conv(3x3,\n  4,\n relu\n  tanh\n}", 2, "("),
    "a list": ("let a = [1, 2\nmodel m { relu }", 1, "["),
    "an index": ("model m {\n  let a = b[1 + 2\n  relu\n}", 2, "["),
    "a shape": ("model m {\n  input x: [3, 8\n  relu\n}", 2, "["),
    "a signature": ("block b : [C, H {\n  relu\n}", 1, "["),
    "parentheses": ("let a = 3*(4 + 5\nmodel m { relu }", 1, "("),
    "a body": ("model m {\n  relu\n\nmodel n { relu }", 1, "{"),
    "a body, the last": ("model n { relu }\nmodel m {\n  relu\n", 2, "{"),
    "a merge": ("model m {\n  add {\n    relu\n  tanh\n}\nmodel n { relu }", 2, "{"),
    "a merge in one line": ("model m {\n  add { relu | tanh\n  tanh\n}", 2, "{"),
    "an if": ("model m {\n  if a == 3 {\n    relu\n  tanh\n}", 2, "{"),
    "two merges": ("model m {\n  add {\n    mul {\n      relu\n    }\n  tanh\n}", 2, "{"),
    "closing by another": ("model m {\n  conv(3x3, 4]\n  relu\n}", 2, "("),
    "a brace by another": ("model m {\n  add { conv(3x3, 4}\n  relu\n}", 2, "("),
}


@pytest.mark.parametrize(("text", "line", "points"), OPEN.values(), ids=OPEN.keys())
def test_what_is_left_open_is_one_error_that_shows_where_it_was_opened(
    text: str, line: int, points: str
) -> None:
    (error,) = found(text)
    places = [error.span, *(n.span for n in error.related)]
    assert error.code == "A102"
    assert (line, points) in [(s.line, s.text) for s in places]
    error.render()


def test_a_body_left_open_is_told_at_the_line_that_lacks_its_brace() -> None:
    (error,) = found("model m {\n  add {\n    relu\n    tanh\n  relu\n}")
    assert (error.span.line, error.label) == (4, "`}` is missing after this")
    assert [(n.span.line, n.text) for n in error.related] == [(2, "opened here")]


def test_what_only_lacks_its_last_brace_is_read() -> None:
    text = "model m {\n  input x: [3, 8, 8]\n  residual {\n    relu\n  }\n  relu(1\n  2)\n"
    assert len(found(text)) == 1, "what stands in brackets that do not match is not known"
    tree, _ = read(Source("-", text.replace("(1\n  2)", "")))
    (model,) = tree.items
    assert isinstance(model, ast.Model)
    assert len(model.body.branches[0].stmts) == 3


@pytest.mark.parametrize("ends", ["  residual {\n    relu", "  residual { relu", "  )", "  a -> {"])
def test_where_more_is_missing_nothing_is_read(ends: str) -> None:
    tree, errors = read(Source("-", f"model m {{\n  input x: [3, 8, 8]\n{ends}\n"))
    assert len(errors) == 1
    assert not tree.items


def test_of_two_braces_in_a_row_one_is_too_many() -> None:
    (error,) = found("model m {\n  add { {\n    relu\n  | tanh\n  }\n  relu\n}")
    assert (error.span.line, error.span.text) == (2, "{")


def test_a_bracket_that_is_closed_further_left_is_closed_by_anothers() -> None:
    rows = "let a = [\n    [ [1, 2],\n    [3, 4],\n]\nmodel m {\n  relu\n}"
    (error,) = found(rows)
    assert (error.span.line, error.span.text) == (2, "[")


NOTHING = [
    ("model m {\n  relu }\n  tanh\n}", 2, "}"),
    ("model m {\n  relu)\n  tanh\n}", 2, ")"),
    ("model m {\n  conv(3x3, 4]) -> relu\n}", 2, "]"),
    ("model m\n  relu\n}", 1, "m"),
    ("model m {\n  add\n    relu\n  }\n  tanh\n}", 2, "add"),
    ("model m { relu } }", 1, "}"),
    ("model m {\n  relu\n}\n}\nmodel n { relu }", 4, "}"),
]


@pytest.mark.parametrize(("text", "line", "points"), NOTHING)
def test_what_closes_nothing(text: str, line: int, points: str) -> None:
    (error,) = found(text)
    assert (error.code, error.span.line, error.span.text) == ("A102", line, points)


def test_what_can_be_read_is_checked_and_nothing_else() -> None:
    text = """block ok(c) : [C, H, W] -> [c, H, W] {
    residual { conv(3x3, c, pad=) }
    rleu
}
block bad(c { relu }
model m {
    input image: [3, H=32, W=32]
    let n = 4 +
    conv(3x3 n) : [4, H, W]
    a = bad(3) -> ok(4)
    concat { a | identity } : [7, H, W]
    conv(3x3, 7, groups=5)
    conv(3x3, 4, groups=n)
}
"""
    program = Program(Source("text", text))
    assert len(program.diagnostics) == 4
    _, more = program.work_out("m")
    assert sorted((d.code, d.span.line) for d in more) == [("A103", 3), ("A202", 12)]


@pytest.mark.parametrize("name", SKETCHES)
def test_statements_are_those_of_the_tree(name: str) -> None:
    """What the outline takes for a statement is one for the grammar too."""
    source = sketch(name)
    starts = {s.start for s in statements(tokens(source.text), trust=True)}
    file, errors = read(source)
    assert not errors
    assert {i.start for i in file.items} <= starts

    def inside(body: ast.Body) -> None:
        for branch in body.branches:
            for stmt in branch.stmts:
                assert stmt.start in starts, source.text[stmt.start : stmt.end]

    for item in file.items:
        if isinstance(item, (ast.Block, ast.Model)):
            inside(item.body)


def test_an_error_in_a_statement_hides_no_other() -> None:
    """Two statements are damaged: two errors, where they are; the others are still there."""
    r = random.Random(0)
    for _ in range(40):
        source = sketch(r.choice(sorted(SKETCHES)))
        made = [s for s in statements(tokens(source.text), trust=True) if s.depth == 1]
        if len(made) < 3:
            continue
        text = source.text
        for stretch in (two := sorted(r.sample(made, 2), key=lambda s: -s.start)):
            text = text[: stretch.start] + "= " + text[stretch.start :]
        places = sorted(s.start + 2 * n for n, s in enumerate(reversed(two)))
        assert [d.span.start for d in found(text)] == places


def test_places_of_a_patched_text_are_those_of_the_original() -> None:
    text = "abc DAMAGED def GONE ghi"
    patched = Patched(text, [Hole(4, 11, "x"), Hole(16, 20, "longer than before")])
    assert patched.text == "abc x def longer than before ghi"
    for word in ("abc", "def", "ghi"):
        assert patched.back(patched.text.index(word)) == text.index(word)
    assert patched.back(patched.text.index("before")) <= text.index(" ghi")
    assert innermost(statements(tokens("a\nb"), trust=True), 2) is not None


def test_what_a_damaged_use_would_bring_in_is_not_missed() -> None:
    text = "model m { input x: [3, 8, 8]; basic_block(3) -> conv(3x3) }"
    program = Program(Source("text", f'"std/resnet"\n{text}'))
    assert [d.code for d in program.diagnostics] == ["A101"]
    assert [d.code for d in program.work_out("m")[1]] == ["A104"]


def checked(text: str) -> list[Diagnostic]:
    """The errors that `check` finds."""
    out = check_file("-", None, None, None, data=text.encode()).found
    return [d for d in out if d.severity == "error"]


HEADS = ["m(c = )", "m(c = 3 d = 4)", "m(c = 3", "m(c, = 2)", "m c = 3", "m(größe c = 2)"]


@pytest.mark.parametrize("head", HEADS)
def test_a_body_behind_a_damaged_head_is_read(head: str) -> None:
    text = f"""model {head} {{
    input image: [3, 32, 32]
    conv(3x3 8) -> rleu
    conv(3x3, c) : [c, d, 32]
    linear(10 : [9]
}}
model other = m(c=4)
model sound {{ input image: [3, 32, 32]; rlu }}
"""
    told = [(d.code, d.span.line) for d in checked(text)]
    first = 2 if "ö" in head else 1
    assert told[:first] == [("A102" if head == "m(c = 3" else "A101", 1)] * first
    assert told[first:] == [("A101", 3), ("A102", 5), ("A103", 8)]


def test_bodies_of_blocks_behind_damaged_heads_are_read() -> None:
    text = """block one(c d) { conv(3x3 c) }
block two(c d) { conv(3x3, c }
model m { input image: [3, 32, 32]; one(3) -> two(3, 4) -> tahn }
"""
    told = [(d.code, d.span.line) for d in checked(text)]
    assert told == [("A101", 1), ("A101", 1), ("A101", 2), ("A102", 2), ("A103", 3)]


@pytest.mark.parametrize(
    "text", ["model m(c = ) { relu } }", "model m(c = ) { relu } {", "model m("]
)
def test_a_head_whose_body_cannot_be_told_is_one_finding(text: str) -> None:
    assert checked(f"{text}\nmodel n {{ input x: [3, 8, 8]; relu }}\n")


def test_holes_that_would_fill_each_other_end_the_search() -> None:
    """What stands behind this head looks like arguments of the hole that stands for it."""
    text = 'archlangarchlang 1 32\nuUse "std/resnet"\nmodel m (  \ufffdput x: [3], relu -> {10 }\n'
    assert found(text)
    assert checked(text.replace("], relu", "]; relu"))
