"""The engine held against brute force: every value and set, at every size."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest

from archlang.sizes.functions import (
    INPUT,
    RELATIONS,
    Function,
    SizeRule,
    Stair,
    after,
    combined,
    constant,
    rule_function,
    scaled,
    stair,
    tabulated,
    where,
)
from archlang.sizes.sets import EVERY, NONE, Set, TooLongError, within
from archlang.types import constant_rule, slice_rule, transposed_rule, window_rule

SIZES = range(1, 400)


def ratio(above: int, below: int) -> SizeRule:
    return SizeRule(lambda n: n * above // below or None, below, above, -(-below // above))


def divided(parts: int) -> SizeRule:
    return SizeRule(lambda n: None if n % parts else n // parts, parts, 1, 1)


def rounded_up(multiple: int) -> SizeRule:
    return SizeRule(lambda n: -(-n // multiple) * multiple, multiple, multiple, 1)


def some_rule(r: random.Random) -> SizeRule:
    k, s, a, b, d = (r.randint(*ends) for ends in ((1, 5), (1, 3), (0, 2), (0, 2), (1, 2)))
    makers: list[Callable[[], SizeRule]] = [
        lambda: window_rule(k, s, a, b, d),
        lambda: window_rule(k, s, min(a, k // 2), min(a, k // 2), d, ceil=True),
        lambda: window_rule(k, s, a, b, d, least=r.randint(1, 6)),
        lambda: transposed_rule(k, s, a, b, d, r.randint(0, 1)),
        lambda: ratio(r.choice((1, 2, 3, 5)), r.choice((1, 2, 4))),
        lambda: divided(r.randint(1, 3)),
        lambda: rounded_up(r.randint(1, 4)),
        lambda: slice_rule(r.randint(-3, 3), r.choice((-2, -1, 4, 9, 60))),
        lambda: constant_rule(r.randint(1, 9)),
    ]
    return r.choice(makers)()


Brute = Callable[[int], int | None]


def chain(r: random.Random, length: int) -> tuple[Function, Brute]:
    """Some layers in a row, composed, and one after the other."""
    rules = [some_rule(r) for _ in range(length)]
    f: Function = INPUT
    for rule in rules:
        f = after(f, rule)

    def brute(x: int) -> int | None:
        value: int | None = x
        for rule in rules:
            value = None if value is None else rule.of(value)
        return value

    return f, brute


@pytest.mark.parametrize("seed", range(300))
def test_layers_in_a_row(seed: int) -> None:
    r = random.Random(seed)
    f, brute = chain(r, r.randint(1, 6))
    expected = [brute(x) for x in SIZES]
    assert [f(x) for x in SIZES] == expected
    assert [x in f.domain for x in SIZES] == [v is not None for v in expected]
    period, step, start = f.law
    for x in range(start, start + 2 * period):
        now, then = f(x), f(x + period)
        assert then == (None if now is None else now + step)


@pytest.mark.parametrize("seed", range(300))
def test_two_branches(seed: int) -> None:
    r = random.Random(seed)
    (f, first), (g, second) = chain(r, r.randint(1, 4)), chain(r, r.randint(1, 4))
    values = [(first(x), second(x)) for x in SIZES]
    for relation, holds in RELATIONS.items():
        expected = [a is not None and b is not None and holds(a, b) for a, b in values]
        assert [x in where(f, relation, g) for x in SIZES] == expected, relation
    k = r.randint(-3, 12)
    for relation, holds in RELATIONS.items():
        expected = [a is not None and holds(a, k) for a, _ in values]
        assert [x in where(f, relation, constant(k)) for x in SIZES] == expected
        expected = [a is not None and holds(k, a) for a, _ in values]
        assert [x in where(constant(k), relation, f) for x in SIZES] == expected


@pytest.mark.parametrize("seed", range(150))
def test_arithmetic(seed: int) -> None:
    r = random.Random(seed)
    (f, first), (g, second) = chain(r, r.randint(1, 3)), chain(r, r.randint(1, 3))
    a, b = r.randint(-3, 3), r.randint(-3, 3)
    cases: list[tuple[Function, Callable[[int, int], int]]] = [
        (combined(f, g, lambda x, y: a * x + b * y), lambda x, y: a * x + b * y),
        (combined(f, g, min, ordered=True), min),
        (combined(f, g, max, ordered=True), max),
        (combined(scaled(a, f), g, lambda x, y: x - y), lambda x, y: a * x - y),
    ]
    for h, brute in cases:
        for x in SIZES:
            u, v = first(x), second(x)
            assert h(x) == (None if u is None or v is None else brute(u, v))


def test_one_form_for_each_function() -> None:
    """However a function is made, it is the same tuple exactly where its values are the same."""
    made: dict[tuple[int | None, ...], Function] = {}
    for rise, slope, shift, run, base in product(
        (1, 2, -1), (0, 1, 2, 3), (0, 1, 5), (1, 2, 4), (0, 3)
    ):
        of = lambda x, a=rise, b=slope, c=shift, d=run, e=base: a * ((b * x + c) // d) + e  # noqa: E731
        f = stair(rise, slope, shift, run, base, 1)
        assert tabulated(of, run, rise * slope, 1) == f
        assert tabulated(of, 2 * run, 2 * rise * slope, 7) == f
        assert made.setdefault(tuple(of(x) for x in SIZES), f) == f


def test_chains_need_no_table() -> None:
    """Ceil mode is a stair too, and so is what lies thirty strides on."""
    pool = rule_function(window_rule(3, 2, 0, 0, ceil=True))
    assert pool == stair(1, 1, 0, 2, 0, 2)
    f: Function = INPUT
    for _ in range(30):
        f = after(f, window_rule(3, 2, 1, 1))
    assert f == stair(1, 1, 2**30 - 1, 2**30, 0, 1)
    for _ in range(30):
        f = after(f, transposed_rule(2, 2, 0, 0, 1, 0))
    assert f == stair(2**30, 1, 2**30 - 1, 2**30, 0, 1)
    assert all(isinstance(rule_function(window_rule(k, s, p, p)), Stair)
               for k in range(1, 8) for s in range(1, 8) for p in range(4))  # fmt: skip


def test_periods_that_explode_are_refused() -> None:
    deep: list[Function] = []
    for padding in (1, 2):
        f: Function = INPUT
        for _ in range(30):
            f = after(f, window_rule(4, 2, padding, padding))
        deep.append(f)
    with pytest.raises(TooLongError, match="1,073,741,824"):
        where(deep[0], "==", deep[1])
    with pytest.raises(TooLongError):
        after(INPUT, SizeRule(lambda n: n // 10**6 * 3, 10**6, 3, 1))


SETS = [
    EVERY,
    NONE,
    within(63, None),
    within(223, 254),
    where(after(INPUT, rounded_up(32)), "==", INPUT),
    Set.of((True, False, True), (False, True, False)),
    Set.of((False,) * 9, (True, True, False, False, False)),
]


@pytest.mark.parametrize(("a", "b"), [*product(SETS, SETS)])
def test_sets(a: Set, b: Set) -> None:
    for x in range(300):
        assert (x in (a & b)) == (x in a and x in b)
        assert (x in (a | b)) == (x in a or x in b)
        assert (x in (a - b)) == (x in a and x not in b)
    same = all((x in a) == (x in b) for x in range(400))
    assert (a == b) == same
    assert a.empty == (not any(x in a for x in range(400)))
    assert a.bounded == (not any(x in a for x in range(300, 400)))


@pytest.mark.parametrize("a", SETS)
def test_nearest(a: Set) -> None:
    for x in range(300):
        assert a.above(x) == next((y for y in range(x, 500) if y in a), None)
        assert a.below(x) == next((y for y in range(x, 0, -1) if y in a), None)
    assert a.least == next((y for y in range(1, 500) if y in a), None)


@pytest.mark.parametrize("a", SETS)
def test_as_data(a: Set) -> None:
    data = a.to_json()
    for x in range(1, 300):
        below = any(first <= x <= last for first, last in data["intervals"])
        beyond = x >= data["start"] and x % data["period"] in data["residues"]
        assert (below or beyond) == (x in a)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (EVERY, "H >= 1"),
        (NONE, "no H"),
        (within(63, None), "H >= 63"),
        (within(223, 254), "223 <= H <= 254"),
        (within(1, 9), "H <= 9"),
        (within(7, 7), "H == 7"),
        (SETS[4], "H % 32 == 0"),
        (SETS[4] & within(64, None), "H % 32 == 0 and H >= 64"),
        (SETS[4] | within(3, 4), "3 <= H <= 4 or (H % 32 == 0 and H >= 32)"),
        (EVERY - SETS[4], "H % 32 != 0"),
        (Set.of((), (True, False, False, True, True, True)), "H % 6 in {0, 1, 4, 5}"),
        (Set.of((), (True, True, True, True, False, False)), "H % 6 in {1..4}"),
    ],
)  # fmt: skip
def test_words(made: Set, words: str) -> None:
    assert made.words() == words


@pytest.mark.parametrize(
    ("made", "condition"),
    [
        (within(63, None), "H >= 63"),
        (within(223, 254), "H >= 223 and H <= 254"),
        (within(7, 7) | within(1, 3), "H <= 3 or H == 7"),
        (SETS[4], "H % 32 == 0"),
        (SETS[4] & within(64, None), "H % 32 == 0 and H >= 64"),
        (EVERY - SETS[4], "H % 32 != 0"),
        (Set.of((), (False, True)), "H % 2 == 0"),
        (Set.of((), (True, False, False, True, True, True)), "(H + 2) % 6 < 4"),
        (Set.of((), (True, False, True, True, False, False)), "H % 6 == 1 or (H + 3) % 6 < 2"),
        (Set.of((False,) * 6, (True, False, True, True, False, False)),
         "(H % 6 == 1 or (H + 3) % 6 < 2) and H >= 7"),
        (Set.of((), (True, False) * 5 + (False,)), None),
        (NONE, None),
    ],
)  # fmt: skip
def test_as_a_condition(made: Set, condition: str | None) -> None:
    assert made.condition() == condition
    if condition is not None:
        code = compile(condition, "<condition>", "eval")
        assert all(eval(code, {"H": x}) == (x in made) for x in range(1, 300))
