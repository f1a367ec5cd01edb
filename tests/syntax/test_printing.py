"""Printing a tree and parsing the text gives the tree again."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse, parse_expression
from archlang.syntax.printer import print_expression, print_file
from tests.syntax import trees
from tests.syntax.sketches import SKETCHES, sketch

thorough = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_there_are_fifteen_sketches() -> None:
    assert len(SKETCHES) == 15


@pytest.mark.parametrize("name", SKETCHES)
def test_sketches_print_to_themselves(name: str) -> None:
    tree = parse(sketch(name))
    text = print_file(tree)
    again = parse(Source("printed", text))
    assert again == tree
    assert print_file(again) == text


@given(trees.expressions)
@thorough
def test_expressions_print_to_themselves(tree: ast.Expr) -> None:
    text = print_expression(tree)
    assert parse_expression(Source("printed", text)) == tree, text


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(trees.files)
@thorough
def test_files_print_to_themselves(tree: ast.File) -> None:
    text = print_file(tree)
    again = parse(Source("printed", text))
    assert again == tree, text
    assert print_file(again) == text


@pytest.mark.parametrize(
    "text",
    [
        "a + b*c - d",
        "(a + b)*c",
        "a - (b - c)",
        "-a**2",
        "(-a)**-b",
        "a**b**c",
        "(a**b)**c",
        "not a == b and c or d",
        "not (a and b)",
        "(a if b else c) if d else e",
        "a if b else c if d else e",
        "(a == b) == c",
        "(a + b)[0][1:2]",
        "[a, [b for c, d in e]]",
        "f(x=3, 4)",
        "a / b // c % d",
        "a - -b",
    ],
)
def test_no_more_parentheses_than_needed(text: str) -> None:
    assert print_expression(parse_expression(Source("text", text))).replace(" ", "") == (
        text.replace(" ", "")
    )


def test_trees_that_differ_are_not_equal() -> None:
    one, other = (parse_expression(Source("text", text)) for text in ("a - b - c", "a - (b - c)"))
    assert one != other


def test_a_label_named_else_is_no_other_branch() -> None:
    """The word takes line breaks before it to itself, so a `;` ends what stands before it."""
    for before in ("let a = 0", "relu", "if true { relu }", "let a = 1 if true else 2"):
        text = f"block b {{ {before}; else = relu; else[1] = {{ {before}; else = relu }} }}"
        tree = parse(Source("text", text))
        assert parse(Source("printed", print_file(tree))) == tree
