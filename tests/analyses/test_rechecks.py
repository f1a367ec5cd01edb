"""What an edit cannot have changed is not checked again, and nothing else is left out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archlang import inspection
from archlang.analyses import rechecks
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.graph import Graph
from archlang.source import Edit, Source, Span
from tests.diagnostics.mutations import SPECS, mutated, outcome

TEXT = """use "std/conv"
let width = 8
let twice(n) = 2*n
block stem(c) { conv_bn(3x3, c) }
block head { global_avgpool -> linear(10) }
model first { input x: [3, 32, 32]; stem(width) -> head }
model second(c) { input x: [3, 32, 32]; stem(c) -> head }
model third = second(twice(4))
model alone { input x: [3, 32, 32]; conv(3x3, 5) }
"""


def program(text: str) -> Program:
    return Program(Source("spec.arch", text))


@pytest.mark.parametrize(
    ("was", "now", "changed"),
    [
        ("width = 8", "width = 9", {"first"}),
        ("2*n", "3*n", {"third"}),
        ("conv_bn(3x3, c)", "conv_bn(5x5, c)", {"first", "second", "third"}),
        ("linear(10)", "linear(11)", {"first", "second", "third"}),
        ("conv(3x3, 5)", "conv(3x3, 6)", {"alone"}),
        ("twice(4)", "twice(5)", {"third"}),
        ("let width = 8\n", "let width = 8\n\n# more\n", set()),
        ("let width = 8\n", "let width = 8\nlet relu = tanh\n", set()),
        ("block stem", "let linear = linear(bias=false)\nblock stem",
         {"first", "second", "third"}),
    ],
)  # fmt: skip
def test_a_model_is_made_from_what_it_names(was: str, now: str, changed: set[str]) -> None:
    before, after = program(TEXT), program(TEXT.replace(was, now))
    assert not before.diagnostics
    assert not after.diagnostics
    found = {n for n in before.models if not rechecks.unchanged(before, after, n)}
    assert found == changed


def test_a_file_that_is_used_is_part_of_it() -> None:
    key = "/nowhere/parts.arch"
    text = 'use "parts.arch"\nmodel one { input x: [8]; part }\nmodel two { input x: [8]; relu }\n'
    parts = "let n = 3\nblock part { linear(n) }\nblock other { relu }\n"
    source = Source("/nowhere/spec.arch", text)
    before = Program(source, given={key: Source(key, parts)})
    for was, now, changed in (("n = 3", "n = 4", {"one"}), ("{ relu }", "{ tanh }", set())):
        after = Program(source, given={key: Source(key, parts.replace(was, now))})
        found = {n for n in before.models if not rechecks.unchanged(before, after, n)}
        assert found == changed


def test_what_cannot_be_read_may_be_anything() -> None:
    damaged = program(TEXT + "block broken { conv(3x3, \n")
    assert damaged.damaged
    assert not rechecks.unchanged(damaged, damaged, "alone")


def test_only_what_an_edit_changed_is_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(made: Program, name: str) -> tuple[Graph | None, list[object]]:
        looked.append(name)
        return None, []

    before = program(TEXT)
    at = TEXT.index("width = 8") + len("width = ")
    edit = Edit(Span(before.source, at, at + 1), "9")
    finding = Diagnostic("A201", "not as stated", edit.span)
    checks = rechecks.Rechecks(before, "alone", look, finding, [])  # type: ignore[arg-type]
    assert checks.holds((edit,))
    assert looked == ["alone", "first", "first"]
    assert before.mended == {(edit,): {"alone": [], "first": []}}


def test_a_model_that_fails_alike_is_not_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only where a fix of what is known leaves nothing else in it."""
    text = TEXT.replace("linear(10)", "linear(10, bais=false)")
    spec = program(text)
    (finding,) = inspection.inspect(spec, "first")[1]
    left = {name: [] for name in ("first", "second", "third") if name in spec.complete}
    assert spec.mended == {finding.fixes[0].edits: left}
    worked_out: list[str] = []
    monkeypatch.setattr(
        inspection, "_worked_out", lambda *given: worked_out.append(given[1]) or (None, [])
    )
    assert inspection.inspect(spec, "third", known=[finding]) == (None, [])
    assert worked_out == []
    monkeypatch.undo()
    own = text.replace("stem(c) -> head }\nmodel third", "stem(c) -> head -> relv }\nmodel third")
    spec = program(own)
    (finding,) = inspection.inspect(spec, "first")[1]
    assert [d.code for d in inspection.inspect(spec, "third", known=[finding])[1]] == ["A103"]


def test_the_search_ends_when_enough_was_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "model m { input x: [3, 8, 8]; conv(3x3, 4, stride=2) : [4, 8, 8] }\n"
    for most, ways in ((0, 0), (rechecks.LAYERS, 1)):
        monkeypatch.setattr(rechecks, "LAYERS", most)
        (finding,) = inspection.inspect(program(text), "m")[1]
        assert bool(finding.fixes) == bool(ways)


def test_the_documentation_says_when_it_ends() -> None:
    page = Path(__file__).parents[2] / "docs" / "language.md"
    assert f"{rechecks.LAYERS:,} layers of its edited forms" in page.read_text(encoding="utf-8")


def found_in(seed: int, count: int) -> list[tuple[str, list[object]]]:
    r = random.Random(seed)
    done = [outcome(mutated(r.choice(SPECS), r)) for _ in range(count)]
    assert [f"{o.mutation}: {o.failure}" for o in done if o.failure] == []
    return [(str(o.mutation), [d.to_json() for d in o.found]) for o in done]


@pytest.mark.parametrize(("seed", "count"), [(5, 12), pytest.param(6, 400, marks=pytest.mark.slow)])
def test_the_same_is_found_as_by_checking_all(
    seed: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "LAYERS", 10**9)  # or the one that works out more ends earlier
    quick = found_in(seed, count)
    monkeypatch.setattr(rechecks, "unchanged", lambda *_: False)
    monkeypatch.setattr("archlang.analyses.definitions.unchanged", lambda *_: False)
    monkeypatch.setattr(
        inspection,
        "_look",
        lambda p, n, s, i, solved=None: inspection._worked_out(p, n, s, i, solved),
    )
    assert found_in(seed, count) == quick
