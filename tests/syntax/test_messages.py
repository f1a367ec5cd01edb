"""What is said of text that is no spec: in the user's words, and pointing at the spot."""

from __future__ import annotations

import random
import re

import pytest

from archlang.diagnostic import ArchError, Diagnostic
from archlang.source import Source
from archlang.syntax.parser import parse, parse_expression
from tests.syntax.sketches import SKETCHES, sketch

TERMINAL = re.compile(r"\b_?[A-Z][A-Z0-9_]+\b|\$END|__ANON|Token\(|\bTerminal\b")


def refused(text: str) -> Diagnostic:
    with pytest.raises(ArchError) as caught:
        parse(Source("text", text))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def words(diagnostic: Diagnostic) -> str:
    """All that is said, what is quoted from the spec left out."""
    said = [diagnostic.message, diagnostic.label, diagnostic.help, *diagnostic.notes]
    said += [note.text for note in diagnostic.related]
    return re.sub(r"`[^`]*`", "``", " ".join(said))


def in_model(line: str) -> str:
    return f"model m {{\n    input x: [3, 8, 8]\n    {line}\n    relu\n}}\n"


BAD = [
    # what is written, the code, what is pointed at
    (in_model("conv(3x3, 64"), "A102", "("),
    (in_model("conv(3x3, [64)"), "A102", "["),
    (in_model("add { relu | tanh"), "A102", "{"),
    (in_model("relu }"), "A102", "}"),
    (in_model('require 1 == 2 : "text'), "A102", '"text'),
    (in_model("conv(3x3 64)"), "A101", "64"),
    (in_model("conv(3x3,, 64)"), "A101", ","),
    (in_model("conv(=64)"), "A101", "="),
    (in_model("conv 3x3"), "A101", "3x3"),
    (in_model("conv(3x3, ?+1)"), "A101", "+"),
    (in_model("conv([?])"), "A101", "?"),
    (in_model("relu x ?"), "A101", "?"),
    (in_model("let a = ?"), "A101", "?"),
    (in_model("conv(3x3, ?, pad=?)"), None, None),
    (in_model("relu -> -> tanh"), "A101", "->"),
    (in_model("-> relu"), "A101", "->"),
    (in_model("tanh\n -> relu"), None, None),
    (in_model("relu ->"), None, None),
    (in_model("relu x"), "A101", None),
    (in_model("relu x -> tanh"), "A101", "->"),
    (in_model("relu x 3 x 3"), "A101", "x"),
    (in_model("3 -> relu"), "A101", "3"),
    (in_model("relu = = tanh"), "A101", "="),
    (in_model("relu tanh"), "A101", "tanh"),
    (in_model("add { | relu | | tanh }"), "A101", "|"),
    (in_model("if { relu }"), "A101", "{"),
    (in_model("if x == 1 relu"), "A101", "relu"),
    (in_model("for in [1] { relu }"), "A101", None),
    (in_model("for i [1] { relu }"), "A101", "["),
    (in_model("relu : [64, 8"), "A102", "["),
    (in_model("relu : 64"), "A101", "64"),
    (in_model("input [3, 8, 8]"), "A101", "input"),
    (in_model("let = 3"), "A101", "let"),
    (in_model("let a 3"), "A101", "3"),
    (in_model("let a = 3 +"), "A101", None),
    (in_model("let a = 1 < 2 < 3"), "A101", "<"),
    (in_model("let a = 3..5"), "A101", None),
    (in_model("let a = 3px"), "A101", None),
    (in_model("let a = [b for c]"), "A101", None),
    (in_model("let a = 'text'"), "A101", "'text'"),
    (in_model("shared = relu"), None, None),
    (in_model("shared a relu"), "A101", "relu"),
    (in_model("output"), "A101", None),
    (in_model("aux a weight 0.3"), "A101", None),
    (in_model("relu $ tanh"), "A101", "$"),
    (in_model("relu && tanh"), "A101", "&"),
    (in_model("block b { relu }"), "A101", None),
    ("model { relu }", "A101", "{"),
    ("model m(a b) { relu }", "A101", "b"),
    ("model m", "A101", None),
    ("model m = 3", "A101", "3"),
    ("model m = resnet", "A101", None),
    ("relu -> tanh", "A101", "relu"),
    ("block b : { relu }", "A101", "{"),
    ("block b : [C] -> { relu }", "A101", "{"),
    ("use std/resnet", "A101", "std/resnet"),
    ("input x: [3]", "A101", "input"),
    ("archlang 2\nmodel m { relu }", "A113", "archlang 2"),
    ("model m { relu }\narchlang 1", "A113", "archlang 1"),
    ("archlang one", "A101", "one"),
    ("model m { relu } }", "A102", "}"),
]


@pytest.mark.parametrize(("text", "code", "points"), [b for b in BAD if b[1]])
def test_bad_snippets(text: str, code: str, points: str | None) -> None:
    diagnostic = refused(text)
    assert diagnostic.code == code
    assert points is None or diagnostic.span.text == points
    assert not TERMINAL.search(words(diagnostic)), words(diagnostic)
    assert diagnostic.message[0] != " "
    diagnostic.render()


@pytest.mark.parametrize("text", [b[0] for b in BAD if not b[1]])
def test_good_snippets(text: str) -> None:
    """A line break before an arrow, or after it, joins lines; ``shared`` may be a label."""
    assert parse(Source("text", text)).items


def test_an_open_brace_points_to_where_it_was_opened() -> None:
    diagnostic = refused("model m {\n  add {\n  relu\n\nmodel n { relu }\n")
    assert diagnostic.span.line == 2
    assert "never closed" in diagnostic.message


def test_a_wrong_bracket_shows_the_one_it_meets() -> None:
    diagnostic = refused("model m {\n  conv(3x3, 4}\n}\n")
    assert diagnostic.span.text == "("
    assert diagnostic.related[0].span.text == "}"


EXPECTED = [
    (in_model("let a 3"), "`=`"),
    (in_model("let a = 3 +"), "a value"),
    (in_model("relu ->\n 3"), "a layer"),
    (in_model("conv(3x3,,)"), "a value, `?` or `)`"),
    ("3", "`block`, `model`, `let`, `use`"),
    ("use = 3", "a string"),
    ("model", "a name"),
]


@pytest.mark.parametrize(("text", "expected"), EXPECTED)
def test_what_could_stand_there_is_said(text: str, expected: str) -> None:
    assert expected in refused(text).label


@pytest.mark.parametrize("text", ["", "3 +", "a b", "(", "a if b", "[1 2]", "relu ->"])
def test_bad_expressions(text: str) -> None:
    with pytest.raises(ArchError) as caught:
        parse_expression(Source("text", text))
    assert not TERMINAL.search(words(caught.value.diagnostics[0]))


def damaged(r: random.Random, text: str) -> str:
    """A text with a stretch cut out, doubled, or something put in."""
    at = r.randrange(len(text))
    cut = at + r.randint(0, 3)
    put = r.choice(
        ("", "", text[at:cut] * 2, *'(){}[]|,=:;#"x', "->", "\n", "else", "if", "for", "1.5", "é")
    )
    return text[:at] + put + text[cut:]


@pytest.mark.parametrize("name", SKETCHES)
def test_damaged_specs_are_explained_in_words(name: str) -> None:
    r = random.Random(name)
    original = sketch(name).text
    refusals = 0
    for _ in range(25):
        text = damaged(r, original)
        try:
            parse(Source("text", text))
        except ArchError as error:
            refusals += 1
            for diagnostic in error.diagnostics:
                assert not TERMINAL.search(words(diagnostic)), (words(diagnostic), text)
                assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
                diagnostic.render()
    assert refusals > 5
