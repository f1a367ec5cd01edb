"""What the parser gives: spans, comments, documentation, values; and the grammar itself."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from lark import Lark
from lark.exceptions import GrammarError

from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import grammar, parse, parse_expression
from tests.syntax.sketches import SKETCHES, sketch
from tests.syntax.trees import walk

EXPRESSIONS = (
    ast.Number, ast.Truth, ast.SizeLiteral, ast.String, ast.Name, ast.ListLiteral,
    ast.Comprehension, ast.Unary, ast.Binary, ast.Conditional, ast.Call, ast.Index, ast.Slice,
)  # fmt: skip
STATEMENTS = (
    ast.Pipe, ast.Shared, ast.Aux, ast.Input, ast.Output, ast.Require, ast.Let, ast.If, ast.For,
)  # fmt: skip
STAGES = (ast.Use, ast.Reference, ast.Group, ast.Merge, ast.Repeat)
ITEMS = (ast.Block, ast.Model, ast.Alias, ast.UseFile)


def parsed(text: str) -> ast.File:
    return parse(Source("text", text))


def first(text: str) -> ast.Stmt:
    """The first statement of a model's body."""
    model = parsed(f"model m {{\n{text}\n}}").items[0]
    assert isinstance(model, ast.Model)
    return model.body.branches[0].stmts[0]


# The grammar


def strict(text: str) -> Lark:
    return Lark(text, parser="lalr", start=["file", "expr"], strict=True)


def test_the_grammar_has_no_conflict() -> None:
    strict(grammar())


def test_a_conflict_would_be_found() -> None:
    with pytest.raises(GrammarError):
        strict(grammar().replace("?sum: product |", "?sum: product | sum sum |"))


# Spans


@pytest.mark.parametrize("name", SKETCHES)
def test_each_span_covers_what_it_is_of(name: str) -> None:
    """The text that a node points at is, by itself, that node."""
    file = parse(sketch(name))
    for node in walk(file.items):
        text = file.span(node).text
        assert text == text.strip()
        if isinstance(node, EXPRESSIONS):
            assert parse_expression(Source("part", text)) == node
        elif isinstance(node, STATEMENTS):
            assert first(text) == node
        elif isinstance(node, STAGES):
            pipe = first(text)
            assert isinstance(pipe, ast.Pipe)
            assert pipe.chain.stages == [node]
        elif isinstance(node, ITEMS):
            assert parsed(text).items == [node]


SPANS = [
    ("relu -> conv(3x3, 64, pad=0)", ast.Argument, ["3x3", "64", "pad=0"]),
    ("c = conv(3x3, 64) -> relu : [64, _, H]", ast.DimSpec, ["64", "_", "H"]),
    ("c = conv(3x3, 64) -> relu : [64, _, H]", ast.ShapeSpec, ["[64, _, H]"]),
    ("c[i, 2] = relu", ast.Label, ["c[i, 2]"]),
    ("c = relu -> tanh", ast.Chain, ["relu -> tanh"]),
    ("relu x (n - 1) -> tanh", ast.Repeat, ["relu x (n - 1)"]),
    ("relu x (n - 1) -> tanh", ast.Binary, ["n - 1"]),
    ("add { relu -> tanh | \n identity }", ast.Branch, ["relu -> tanh", "identity"]),
    ("add { relu | identity }", ast.Merge, ["add { relu | identity }"]),
    ("input x: [3, H=224]", ast.Input, ["input x: [3, H=224]"]),
    ("let f(a, b=2) = (a + b)*2 # text", ast.Param, ["a", "b=2"]),
    ("let f(a, b=2) = (a + b)*2 # text", ast.Let, ["let f(a, b=2) = (a + b)*2"]),
    ("output a,\n  b", ast.Name, ["a", "b"]),
    ('require a  # why\n', ast.Require, ["require a"]),
    ("if a { relu } # c\n else { tanh }", ast.If, ["if a { relu } # c\n else { tanh }"]),
    ("conv(\n  3x3, # size\n  64\n)", ast.Use, ["conv(\n  3x3, # size\n  64\n)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "expected"), SPANS)
def test_spans(text: str, kind: type[ast.Node], expected: list[str]) -> None:
    file = parsed(f"model m {{\n    {text}\n}}")
    (model,) = file.items
    assert isinstance(model, ast.Model)
    nodes = walk(model.body.branches[0].stmts)
    assert [file.span(node).text for node in nodes if type(node) is kind] == expected


def test_places_are_lines_and_columns_in_characters() -> None:
    file = parsed('let a = "λ"; let b = 1\n\nmodel m {\n  relu × 3\n}')
    numbers = [n for n in walk(file.items) if isinstance(n, ast.Number)]
    assert [str(file.span(n)) for n in numbers] == ["text:1:22", "text:4:10"]


def test_windows_line_ends() -> None:
    text = "# doc\nmodel m {\n  input x: [3]\n  relu ->\n  tanh\n}\n"
    windows = parsed(text.replace("\n", "\r\n"))
    assert windows == parsed(text)
    assert windows.doc(windows.items[0]) == "doc"


# Comments


def test_all_comments_are_kept() -> None:
    text = """# 1
let a = [1, # 2
  # 3
  2] # 4
# 5
model m( # 6
  b # 7
) { # 8
  # 9
  input x: [3] # 10
  relu -> # 11
    # 12
    tanh # 13
    -> relu
  add { # 14
    | relu # 15
    # 16
    | tanh
  } # 17
  if a { relu } # 18
  # 19
  else { tanh } # 20
  require "# no comment" == "a" # 21
} # 22
# 23"""
    file = parsed(text)
    assert [c.text.strip() for c in file.comments] == [str(n) for n in range(1, 24)]
    assert all(file.span(c).text == f"#{c.text}" for c in file.comments)


@pytest.mark.parametrize("name", SKETCHES)
def test_comments_change_nothing(name: str) -> None:
    source = sketch(name)
    lines = [f"{line} # {i}" for i, line in enumerate(source.text.split("\n"))]
    commented = parse(replace(source, text="\n# alone\n".join(lines)))
    assert commented == parse(source)
    assert len(commented.comments) >= 2 * len(lines) - 1


DOCS = [
    ("# A net.\n# Two lines.\nmodel m { relu }", "A net.\nTwo lines."),
    ("# Apart.\n\n# A net.\nmodel m { relu }", "A net."),
    ("# Apart.\n\nmodel m { relu }", ""),
    ("model m { relu } # behind", ""),
    ("model m {\n # inside\n relu }", ""),
    ("let a = 1 # of a\nmodel m { relu }", ""),
    ("#no space\n#\n#   more\nmodel m { relu }", "no space\n\nmore"),
]


@pytest.mark.parametrize(("text", "doc"), DOCS)
def test_documentation_stands_right_above(text: str, doc: str) -> None:
    file = parsed(text)
    assert file.doc(file.items[-1]) == doc


# Values


NUMBERS = [
    ("1.15", Fraction(23, 20)),
    ("0.1", Fraction(1, 10)),
    ("1e-5", Fraction(1, 100000)),
    ("2.50", Fraction(5, 2)),
    ("3.0", 3),
    ("5M", 5_000_000),
    ("1.5K", 1500),
    ("8GB", 8 * 10**9),
    ("2KiB", 2048),
    ("1.5MiB", 3 * 2**19),
    ("1GiB", 2**30),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_numbers_are_exact(text: str, value: Fraction | int) -> None:
    number = parse_expression(Source("text", text))
    assert isinstance(number, ast.Number)
    assert number.value == value
    assert type(number.value) is type(value)


SAME = [
    ("relu x 3", "relu × 3"),
    ("relu -> tanh", "relu\n  ->\n  tanh"),
    ("add { relu | tanh }", "add {\n | relu\n | tanh\n}"),
    ("relu; tanh", "relu\ntanh"),
    ("conv(3x3, 64)", "conv(\n  3x3,\n  64,\n)"),
    ("if a { relu } else { tanh }", "if a {\n relu\n}\nelse {\n tanh\n}"),
    ("let a = [1, 2]", "let a = [\n 1,\n 2,\n]"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_means_nothing(one: str, other: str) -> None:
    assert first(one) == first(other)


DIFFERENT = [
    ("relu x 3 -> tanh", "{ relu -> tanh } x 3"),
    ("a = relu -> tanh", "{ a = relu } -> tanh"),
    ("relu", "relu()"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_differs_is_not_equal(one: str, other: str) -> None:
    assert first(one) != first(other)


LABELS = [
    "bn", "block", "model", "use", "archlang", "in", "else", "true", "false", "and", "or", "not",
    "x", "let", "input", "output", "aux", "shared", "require", "conv", "add", "mlp", "weight",
    "_", "a1",
]  # fmt: skip


@pytest.mark.parametrize("word", LABELS)
def test_any_word_may_be_a_label(word: str) -> None:
    pipe = first(f"{word} = relu")
    assert isinstance(pipe, ast.Pipe)
    assert pipe.label is not None
    assert pipe.label.name == word


@pytest.mark.parametrize("word", ["if", "for"])
def test_but_if_and_for(word: str) -> None:
    with pytest.raises(Exception, match="A101"):
        first(f"{word} = relu")


def test_the_version_stands_first() -> None:
    assert parsed("archlang 1\nmodel m { relu }").version == 1
    assert parsed("# text\narchlang 1\n").version == 1
    assert parsed("model m { relu }").version is None
