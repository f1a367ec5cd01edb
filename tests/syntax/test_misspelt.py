"""The language's own words with a slip in them: one finding, and the fix writes the word."""

from __future__ import annotations

import pytest

from tests.syntax.test_habits import HEAD, found, mended, only

STATEMENTS = [
    # what is written, what is to be written
    ("lte w = 8\n    conv(3x3, w)", "let w = 8\n    conv(3x3, w)"),
    ("le f(n) = n * 2\n    conv(3x3, f(4))", "let f(n) = n * 2\n    conv(3x3, f(4))"),
    ("conv(3x3, 8); lett k = 3; conv(3x3, k)", "conv(3x3, 8); let k = 3; conv(3x3, k)"),
    ("inptu other: [3, 32, 32]\n    add { image | other }",
     "input other: [3, 32, 32]\n    add { image | other }"),
    ("a = relu\n    b = tanh\n    outptu a, b", "a = relu\n    b = tanh\n    output a, b"),
    ("relu\n    reqire params < 5M", "relu\n    require params < 5M"),
    ("side = relu\n    auxx side weight=0.3", "side = relu\n    aux side weight=0.3"),
    ("shard t = relu\n    t -> t", "shared t = relu\n    t -> t"),
    ("iff true { relu }", "if true { relu }"),
    ("if true { relu } esle { tanh }", "if true { relu } else { tanh }"),
    ("fro i in range(3) { relu }", "for i in range(3) { relu }"),
    ("for i inn range(3) { relu }", "for i in range(3) { relu }"),
    ("let w = [8 fro i in range(3)]\n    conv(3x3, w[0])",
     "let w = [8 for i in range(3)]\n    conv(3x3, w[0])"),
    ("let w = 8 fi true else 9\n    conv(3x3, w)", "let w = 8 if true else 9\n    conv(3x3, w)"),
    ("let w = 8 if true els 9\n    conv(3x3, w)", "let w = 8 if true else 9\n    conv(3x3, w)"),
    ("let w = 8 if nto false else 9\n    conv(3x3, w)",
     "let w = 8 if not false else 9\n    conv(3x3, w)"),
    ("relu\n    require params < 5M adn depth < 3", "relu\n    require params < 5M and depth < 3"),
    ("relu\n    require depth < 3 ro params < 5M", "relu\n    require depth < 3 or params < 5M"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), STATEMENTS)
def test_a_word_with_a_slip_is_one_finding_and_mended(wrong: str, right: str) -> None:
    text = f"{HEAD}    {wrong}\n}}\n"
    finding = only(text)
    assert not found(f"{HEAD}    {right}\n}}\n")
    assert mended(text, finding) == f"{HEAD}    {right}\n}}\n"
    assert finding.fixes[0].safe


def test_a_misspelt_use_makes_no_name_unknown() -> None:
    text = 'us "std/resnet"\n' + f"{HEAD}    conv(3x3, 64) -> basic_block(64)\n}}\n"
    finding = only(text)
    assert finding.span.text == "us"
    assert mended(text, finding) == text.replace("us ", "use ", 1)


@pytest.mark.parametrize(
    "run_together",
    ["for i inrange(3) { relu }", "for i inn { relu }", "iftrue { relu }"],
)
def test_a_word_of_the_language_is_whole(run_together: str) -> None:
    assert found(f"{HEAD}    {run_together}\n}}\n")


@pytest.mark.parametrize("word", ["modelm", "modelx1"])
def test_an_item_begins_with_a_whole_word(word: str) -> None:
    assert found(HEAD.replace("model m", word) + "    relu\n}\n")


def test_a_name_that_begins_with_such_a_word_is_a_name() -> None:
    names = "".join(f"    let {w}s = 1\n" for w in ("if", "in", "for", "use", "model", "block"))
    used = "ifs + ins + fors + uses + models + blocks"
    assert not [d for d in found(f"{HEAD}{names}    conv(3x3, {used})\n}}\n") if d.code != "A302"]


def test_what_a_habit_knows_better_is_its() -> None:
    text = f"{HEAD}    if false {{ relu }}\n    elif true {{ tanh }}\n}}\n"
    assert only(text).label == "write `else if`"
