"""Specs with mistakes by the hundred: what is done about them grows no faster than the text.

What is counted is work, not time: words that are read, names that are compared, layers that are
worked out again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archlang.analyses import repairs, slips
from archlang.cli.check import Checked, check_program
from archlang.elaborate import Program, declared, problem, traces
from archlang.elaborate.findings import EXPLAINED
from archlang.source import Source
from archlang.syntax import lexer, outline, recovery
from archlang.syntax.parser import read


def model(lines: str, before: str = "") -> str:
    return f"{before}model net {{\n  input x: [3, 32, 32]\n{lines}}}\n"


def checked(text: str) -> Checked:
    return check_program("<t>", Program(Source("<t>", text)))


class Count:
    """Counts the calls of a function that it stands for."""

    def __init__(self, patch: pytest.MonkeyPatch, where: Any, name: str) -> None:
        self.calls, original = 0, getattr(where, name)

        def counted(*args: Any, **options: Any) -> Any:
            self.calls += 1
            return original(*args, **options)

        patch.setattr(where, name, counted)


BROKEN = {
    "closing brackets": lambda n: model("  relu )\n" * n),
    "two brackets": lambda n: model("  conv(3x3, 8]\n" * n),
    "strings": lambda n: model('  relu "\n' * n),
    "modules": lambda n: model("  nn.ReLU()\n" * n),
    "arrows": lambda n: model("  relu => relu\n" * n),
    "in bodies": lambda n: model("  add { relu | tanh => relu }\n" * n),
    "behind what is right": lambda n: model("  relu\n" * n + "  relu -> -> relu\n" * 40),
    "items": lambda n: model("  relu\n" * n) + "let a = = 1\n" * 40,
    "models": lambda n: model("  relu => relu\n") * n,
    "bodies without braces": lambda n: "block a:\n  relu\n\n" * n,
}


@pytest.mark.parametrize("made", BROKEN.values(), ids=BROKEN.keys())
def test_no_word_is_read_for_each_error_anew(
    made: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = made(200)
    words = len(outline.tokens(text))
    read(Source("warm", text))
    looked = Count(monkeypatch, outline, "Token")
    parsed = Count(monkeypatch, lexer._StateLexer, "match")
    _, found = read(Source("<t>", text))
    assert found
    assert looked.calls <= 6 * words
    assert parsed.calls <= 20 * words


def test_so_many_errors_of_syntax_are_looked_for() -> None:
    for line in ("relu )", "relu => relu", 'relu "'):
        _, found = read(Source("<t>", model(f"  {line}\n" * 90)))
        assert len(found) == recovery.MOST
        assert [n for d in found for n in d.notes if "may be more" in n] == [found[-1].notes[-1]]
        _, few = read(Source("<t>", model(f"  {line}\n" * 3)))
        assert not any("may be more" in note for d in few for note in d.notes)


@pytest.mark.parametrize("line", ["let a{} = b{}", "foo{}", "foo"])
def test_names_that_mean_nothing_are_compared_within_a_budget(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = Count(monkeypatch, declared, "_one_off")
    text = model("".join("  " + line.replace("{}", str(i)) + "\n" for i in range(900)))
    found = checked(text).found
    assert found[0].code == "A103"
    assert compared.calls <= problem.COMPARED + 900


def test_the_first_of_many_names_has_its_suggestion() -> None:
    lines = "".join(f"  let channels{i} = chanels{i}\n" for i in range(600))
    found = checked(model(lines, "let chanels = 1\n")).found
    assert found[0].help or found[0].fixes or found[0].label


def test_a_name_is_answered_the_same_at_the_same_place() -> None:
    asked = problem.Asked()
    source = Source("<t>", "x" * 9000)
    asks = [(f"n{i}", problem.Span(source, i, i + 1)) for i in range(300)]
    first = [asked.takes(name, span, 150, 0) for name, span in asks]
    assert first == [asked.takes(name, span, 150, 0) for name, span in asks]
    assert 0 < sum(first) < len(first)


def test_how_sizes_came_about_is_told_for_the_first_of_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Count(monkeypatch, traces, "_unsaid")
    checked(model("  conv(3x3, 8, pad=same): [1, 1, 1]\n" * 400))
    assert told.calls <= 3 * EXPLAINED * EXPLAINED


def test_ways_out_are_searched_within_a_budget_of_a_spec() -> None:
    one = "model m{} {{\n  input x: [3, 32, 32]\n  conv(3x3, 8): [1, 1, 1]\n}}\n"
    program = Program(Source("<t>", "".join(one.format(i) for i in range(150))))
    found = check_program("<t>", program).found
    assert len(found) > 100
    assert found[0].fixes
    assert program.spent["searches"] <= repairs.SEARCHES
    assert program.spent["slips"] <= slips.WORK_OF_ALL + 2 * slips.OVERHEAD
