"""What is said of a run that differs, and what is no difference."""

from __future__ import annotations

from typing import Any

from archlang.train.changes import MOST, difference

SPEC = "model m {\n    input x: [4]\n    linear(3)\n}\n"


def of(text: str, name: str = "m.arch", **used: str) -> dict[str, Any]:
    return {"files": {name: text, **used}}


def test_one_change_stands_behind_what_it_is_about() -> None:
    old = {"recipe": {"epochs": 3, "lr": 1.0}, "gone": 1}
    assert difference(old, old) == ""
    assert difference(old, {**old, "recipe": {"epochs": 5, "lr": 1.0}}) == (
        ": recipe.epochs was 3 and is 5"
    )


def test_several_stand_below() -> None:
    old = {"recipe": {"epochs": 3}, "gone": 1}
    assert difference(old, {"recipe": {"epochs": 5}, "come": True}) == (
        ":\n  recipe.epochs was 3 and is 5\n  gone was 1 and is unset\n  come was unset and is True"
    )
    many = {str(i): i for i in range(MOST + 2)}
    assert difference(many, {}).splitlines()[-1] == "  2 more"


def test_lines_of_a_spec() -> None:
    now = SPEC.replace("linear(3)", "linear(4)\n    relu")
    assert difference(of(SPEC), of(now)) == (
        ":\n  m.arch, line 3:\n    - linear(3)\n    + linear(4)\n    + relu"
    )
    long = SPEC.replace("linear(3)", "relu\n" * 20 + "linear(3)")
    assert difference(of(SPEC), of(long)).splitlines()[-1] == "    12 lines more"


def test_neither_comments_nor_layout_nor_the_name_of_the_file() -> None:
    other = "# mine\n\nmodel m {\n  input x: [4] # in\n\n  linear( 3 )\n}"
    assert difference(of(SPEC), of(other)) == ""
    assert difference(of(SPEC), of(SPEC, "other.arch")) == ""
    damaged = "model {"
    assert "model {" in difference(of(damaged), of(SPEC))


def test_files_that_are_used() -> None:
    with_one = of(SPEC, body="block b { relu }\n")
    assert difference(of(SPEC), with_one) == ": body is used now"
    assert difference(with_one, of(SPEC)) == ": body is no longer used"
    assert "- block b { relu }" in difference(with_one, of(SPEC, body="block b { elu }\n"))
