"""Slips of the hand in every spec: few findings, near the slip, and no failure.

The figures of thousands come from ``python -m tests.diagnostics.mutate``.
"""

from __future__ import annotations

import random
from functools import cache

import pytest

from tests.diagnostics.mutations import KINDS, SPECS, Mutation, Outcome, mutated, outcome, untouched

EACH = 8
"""Mutations of each spec."""
NEAR = 0.95
"""How many of the findings have a primary span on the line of the slip or beside it, at least."""


@cache
def outcomes() -> list[Outcome]:
    r = random.Random(2)
    return [outcome(mutated(spec, r)) for spec in SPECS for _ in range(EACH)]


def wrong() -> list[Outcome]:
    return [o for o in outcomes() if not o.right]


def test_nothing_fails_or_hangs() -> None:
    assert [f"{o.mutation}: {o.failure}" for o in outcomes() if o.failure] == []
    assert max(o.seconds for o in outcomes()) < 10


def test_what_is_wrong_is_said_and_only_once() -> None:
    many = [f"{o.mutation}: {[d.message for d in o.found]}" for o in wrong() if len(o.found) > 3]
    assert len(many) <= len(wrong()) // 100, many
    assert sum(len(o.found) == 1 for o in wrong()) > 0.9 * len(wrong())


def test_it_is_said_near_the_slip() -> None:
    near = sum((o.distance(every=False) or 0) <= 1 for o in wrong() if o.found)
    assert near >= NEAR * len(wrong())


def test_the_right_name_is_suggested() -> None:
    answers = [o.suggested for o in wrong() if o.suggested is not None]
    assert len(answers) > 5
    assert sum(answers) >= 0.9 * len(answers)


def test_syntax_errors_are_on_the_line_or_beside_it() -> None:
    syntax = [o for o in wrong() if any(d.code == "A101" for d in o.found)]
    assert len(syntax) > 50
    far = [str(o.mutation) for o in syntax if (o.distance(every=True) or 0) > 1]
    assert len(far) <= len(syntax) // 50, far


@pytest.mark.parametrize("kind", KINDS)
def test_mutations_change_one_word(kind: str) -> None:
    r = random.Random(0)
    made = [m for m in (mutated(r.choice(SPECS), r) for _ in range(100)) if m.kind == kind]
    assert made
    for m in made:
        text = m.spec.read_text(encoding="utf-8")
        assert text[m.start : m.start + len(m.was)] == m.was
        assert m.text == text[: m.start] + m.now + text[m.start + len(m.was) :] != text


def test_a_model_is_left_out_only_where_the_slip_is_none_of_its_business() -> None:
    (resnet,) = (s for s in SPECS if s.name == "resnet.arch")
    text = resnet.read_text(encoding="utf-8")
    at = text.index("model resnet50")
    assert "resnet50" not in untouched(Mutation(resnet, "delete", text, at + 6, "resnet50", ""))
    assert "resnet18" in untouched(Mutation(resnet, "delete", text, at + 6, "resnet50", ""))
    assert (
        untouched(Mutation(resnet, "delete", text, text.index("model resnet("), "model", ""))
        == set()
    )
