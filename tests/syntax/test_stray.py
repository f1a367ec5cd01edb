"""Statements run together with chains: one finding, on the user's line, mended as is meant."""

from __future__ import annotations

import pytest

from archlang.syntax.stray import FORMS
from tests.syntax.test_habits import HEAD, found, mended, only

BEHIND = [
    # what is written, what is to be written
    ("flatten -> linear(10) -> output logits",
     "logits = flatten -> linear(10)\n    output logits"),
    ("flatten\n    -> linear(10)\n    -> output logits",
     "logits = flatten\n    -> linear(10)\n    output logits"),
    ("h = flatten -> output h  # the end", "h = flatten\n    output h  # the end"),
    ("a = tanh\n    flatten -> output a", "a = tanh\n    flatten\n    output a"),
    ("flatten -> output logits: [3072]", "logits = flatten : [3072]\n    output logits"),
    ("flatten output h", "h = flatten\n    output h"),
    ("add {\n        relu\n      | tanh\n    } -> output sum",
     "sum = add {\n        relu\n      | tanh\n    }\n    output sum"),
    ("tanh -> let k = 3 -> conv(3x3, k)", "tanh\n    let k = 3\n    conv(3x3, k)"),
    ("tanh -> require params < 3M", "tanh\n    require params < 3M"),
    ("tanh -> relu require params < 3M", "tanh -> relu\n    require params < 3M"),
    ("tanh -> aux side weight=0.3", "side = tanh\n    aux side weight=0.3"),
    ("tanh -> shared t = relu -> tanh", "tanh\n    shared t = relu -> tanh"),
    ("-> relu -> tanh", "relu -> tanh"),
    ("let k = 3 -> conv(3x3, k)", "let k = 3\n    conv(3x3, k)"),
    ("relu -> h = tanh -> output h", "relu; h = tanh\n    output h"),
]  # fmt: skip
ALONE = [
    ("input -> relu", "image -> relu"),
    ("a = input -> relu", "a = image -> relu"),
    ("relu -> output", "relu"),
    ("relu\n    output", "relu"),
    ("relu -> output : [3, 32, 32]", "relu : [3, 32, 32]"),
    ("relu\n    output: [3, 32, 32]", "relu : [3, 32, 32]"),
]
NAMED = [
    ("flatten\n    output logits: [3072]", "logits = flatten : [3072]\n    output logits"),
    ("a = flatten\n    output a: [3072]", "a = flatten : [3072]\n    output a"),
    ("flatten\n    output logits = linear(3)",
     "flatten\n    logits = linear(3)\n    output logits"),
    ("flatten\n    output linear(3)", "flatten\n    output = linear(3)"),
    ("flatten\n    output tanh -> linear(3)", "flatten\n    output = tanh -> linear(3)"),
    ("tanh\n    flatten -> linear(3)  # the head\n    output logits",
     "tanh\n    logits = flatten -> linear(3)  # the head\n    output logits"),
    ("tanh; flatten; output logits", "tanh; logits = flatten; output logits"),
    ("tanh\n    aux side weight=0.1", "side = tanh\n    aux side weight=0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), [*BEHIND, *ALONE, *NAMED])
def test_it_is_one_finding_and_mended(wrong: str, right: str) -> None:
    text = f"{HEAD}    {wrong}\n}}\n"
    finding = only(text)
    assert mended(text, finding) == f"{HEAD}    {right}\n}}\n"
    assert len(finding.fixes) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "flatten -> output logits: [10]",
        "output tanh -> relu\n    flatten",
        "tanh -> input other: [3]",
        "let k = 3\n    output k",
        "relu -> output(10)",
        "a = relu\n    output image, b",
    ],
)
def test_what_would_be_wrong_is_not_proposed(wrong: str) -> None:
    assert not only(f"{HEAD}    {wrong}\n}}\n").fixes


@pytest.mark.parametrize("word", sorted(FORMS))
def test_a_word_alone_is_pointed_at(word: str) -> None:
    finding = only(f"{HEAD}    relu\n    {word}\n}}\n")
    assert (finding.span.text, finding.label) == (word, FORMS[word])


def test_in_one_line_of_another_body() -> None:
    text = f"{HEAD}    residual {{ relu -> output h }}\n}}\n"
    assert [d.span.text for d in found(text)] == ["output"]


def test_a_long_statement_is_pointed_at_alone() -> None:
    chain = "\n    -> ".join(["relu"] * 80)
    finding = only(f"{HEAD}    {chain} -> output h\n}}\n")
    assert finding.span.text == "output"
    assert not finding.fixes
