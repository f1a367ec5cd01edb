"""Polynomials in sizes: exact at every size, and written as users write them."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import pytest

from archlang.sizes.forms import Form, number, of
from archlang.sizes.functions import INPUT, after
from archlang.types import SizeRule, transposed_rule, window_rule

H, W = of("H", INPUT), of("W", INPUT)


def through(*rules: SizeRule, name: str = "H") -> Form:
    f = INPUT
    for rule in rules:
        f = after(f, rule)
    return of(name, f)


HALF = window_rule(3, 2, 1, 1)
DOUBLE = transposed_rule(2, 2, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (H, "H"),
        (through(window_rule(3, 1, 0, 0)), "H - 2"),
        (through(HALF), "ceil(H/2)"),
        (through(HALF, HALF), "ceil(H/4)"),
        (through(window_rule(2, 2, 0, 0)), "H//2"),
        (through(window_rule(11, 4, 2, 2)), "(H - 3)//4"),
        (through(window_rule(5, 2, 0, 0)), "(H - 3)//2"),
        (through(DOUBLE), "2*H"),
        (through(HALF, DOUBLE), "2*ceil(H/2)"),
        (through(window_rule(2, 2, 0, 0), DOUBLE), "2*(H//2)"),
        (through(DOUBLE, window_rule(3, 3, 0, 0)), "(2*H)//3"),
        (through(HALF) * through(HALF, name="W").times(64), "64*ceil(H/2)*ceil(W/2)"),
        (H.times(Fraction(1, 4)), "H/4"),
        (H * W - number(1), "H*W - 1"),
        (H - H, "0"),
        (number(7) - W, "-W + 7"),
    ],
)
def test_text(form: Form, text: str) -> None:
    assert str(form) == text


def some_form(r: random.Random) -> Form:
    rules = [r.choice([HALF, DOUBLE, window_rule(3, 1, 0, 0), window_rule(2, 2, 0, 0)])
             for _ in range(r.randint(0, 3))]  # fmt: skip
    return through(*rules, name=r.choice("HW"))


@pytest.mark.parametrize("seed", range(200))
def test_arithmetic(seed: int) -> None:
    r = random.Random(seed)
    a, b, c = some_form(r), some_form(r), some_form(r)
    k = Fraction(r.randint(-4, 4), r.randint(1, 4))
    made = (a * b).times(k) + c - number(r.randint(0, 3))
    other = (a - c) * b
    for _ in range(30):
        at = {"H": r.randint(10, 300), "W": r.randint(10, 300)}
        x, y, z = (f.at(at) for f in (a, b, c))
        assert x is not None
        assert y is not None
        assert z is not None
        assert made.at(at) == x * y * k + z + made.free
        assert other.at(at) == (x - z) * y
        assert other.expanded().at(at) == (x - z) * y
        assert made.fixed({"H": at["H"]}).at(at) == made.at(at)
        rounded = a.times(k).floor()
        assert rounded is not None
        assert rounded.at(at) == floor(x * k)


def test_expanded_forms_are_one() -> None:
    small = through(window_rule(3, 1, 0, 0))
    wide = through(window_rule(3, 1, 0, 0), name="W")
    written = H * W - H.times(2) - W.times(2) + number(4)
    assert small * wide != written
    assert (small * wide).expanded() == written.expanded()


def test_as_one_function() -> None:
    name, function, below = (through(HALF) + H).times(Fraction(1, 3)).function()
    assert (name, below) == ("H", 3)
    assert [function(x) for x in range(1, 50)] == [-(-x // 2) + x for x in range(1, 50)]
    assert (H * W).function() is None
    assert (H * H).function() is None
