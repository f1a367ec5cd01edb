"""Where claims hold, against brute force over two sizes."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from archlang.sizes.claims import Claim, Compared, Every, Known, Not, either
from archlang.sizes.forms import Form, number, of
from archlang.sizes.functions import INPUT, RELATIONS, after
from archlang.sizes.regions import EVERYWHERE, NOWHERE, Region, solved
from archlang.sizes.sets import within
from archlang.types import slice_rule, transposed_rule, window_rule

H, W = of("H", INPUT), of("W", INPUT)
SIDE = range(1, 45)
RULES = [
    window_rule(3, 2, 1, 1),
    window_rule(2, 2, 0, 0),
    window_rule(5, 1, 0, 0),
    window_rule(3, 3, 1, 1),
    transposed_rule(2, 2, 0, 0, 1, 0),
    slice_rule(0, 6),
]


def some_form(r: random.Random, name: str) -> Form:
    f = INPUT
    for _ in range(r.randint(0, 3)):
        f = after(f, r.choice(RULES))
    return of(name, f)


def check(claim: Claim, region: Region | None) -> None:
    """That a region is where a claim holds, as far as the claim is defined."""
    assert region is not None
    for h in SIDE:
        for w in SIDE:
            sizes = {"H": h, "W": w}
            truth = claim.holds(sizes)
            if truth is not None:
                assert (sizes in region) == truth, (sizes, claim)


@pytest.mark.parametrize("seed", range(150))
def test_one_size(seed: int) -> None:
    r = random.Random(seed)
    left = some_form(r, "H").times(Fraction(r.randint(1, 3), r.randint(1, 3)))
    right = r.choice([some_form(r, "H") + some_form(r, "H"), number(r.randint(0, 30))])
    for relation in RELATIONS:
        check(Compared(left, relation, right), solved(left, relation, right))


@pytest.mark.parametrize("seed", range(60))
def test_products(seed: int) -> None:
    """As in a flatten: what the sizes come to together is fixed."""
    r = random.Random(seed)
    parts = [some_form(r, "H"), some_form(r, "W"), some_form(r, "W")][: r.randint(2, 3)]
    whole = parts[0] * parts[1] * (parts[2] if len(parts) == 3 else number(1))
    values = (whole.at({"H": s, "W": s - 3}) for s in range(r.randint(20, 40), 400))
    at = next((v for v in values if v is not None and v > 0), 1)
    left, right = whole.times(16) + number(1), number(16 * at + 1)
    defined = Every(tuple(Compared(p, ">=", number(1)) for p in parts))
    claim = Every((Compared(left, "==", right), defined))
    check(claim, claim.region())


def test_squares() -> None:
    region = solved(H * H * W, "==", number(12**3))
    assert region is not None
    assert {"H": 12, "W": 12} in region
    assert region.square(("H", "W")) == within(12, 12)


@pytest.mark.parametrize("seed", range(100))
def test_logic(seed: int) -> None:
    r = random.Random(seed)

    def some(depth: int) -> Claim:
        kind = r.randint(0, 3) if depth else 0
        if kind == 0:
            name, relation = r.choice("HW"), r.choice(list(RELATIONS))
            return Compared(some_form(r, name), relation, number(r.randint(0, 12)))
        if kind == 1:
            return Not(some(depth - 1))
        parts = tuple(some(depth - 1) for _ in range(r.randint(0, 3)))
        return Every(parts) if kind == 2 else either(parts)

    claim = some(3)
    region = claim.region()
    assert region is not None
    for h in range(7, 45):  # every form is defined there
        for w in range(7, 45):
            truth = claim.holds({"H": h, "W": w})
            if truth is not None:
                assert ({"H": h, "W": w} in region) == truth


def test_along_and_square() -> None:
    tall, wide = {"H": within(5, 9), "W": within(2, 3)}, {"H": within(1, 2), "W": within(2, 9)}
    region = Region((tall, wide))
    assert region.along("H", {"W": 3}) == within(5, 9) | within(1, 2)
    assert region.along("H", {"W": 4}) == within(1, 2)
    assert region.square(("H", "W")) == within(2, 2)
    assert EVERYWHERE & region == region
    assert (region & NOWHERE).empty
    assert ~NOWHERE == EVERYWHERE


def test_what_cannot_be_stated() -> None:
    assert solved(H * W, "==", H + W) is None
    assert solved(H * W, "<", number(9)) is None
    assert Compared(None, "==", H).region() is None
    assert Every((Known(True), Compared(None, "==", H))).region() is None
    assert solved(H * W, "==", W * H) == EVERYWHERE
    assert solved(H, "==", H + number(1)) == NOWHERE
