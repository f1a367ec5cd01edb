"""Numbers that move on with a place: f(i + period) == f(i) + step, for every whole i."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

LONGEST = 4096
"""The longest period that is worked with."""


class Moving(NamedTuple):
    """The values of one period, from 0 on, and how far the next one is."""

    step: int
    values: tuple[int, ...]

    def __call__(self, i: int) -> int:
        turns, at = divmod(i, len(self.values))
        return turns * self.step + self.values[at]

    @property
    def rate(self) -> int | Fraction:
        """By how much it moves from one place to the next, on average."""
        whole, rest = divmod(self.step, len(self.values))
        return whole if not rest else Fraction(self.step, len(self.values))


PLACE = Moving(1, (0,))
"""The place itself."""


def after(outer: Moving, rise: int, shift: int, run: int) -> Moving | None:
    """outer((rise*i + shift) // run); None where its period is too long."""
    if run == 1 and len(outer.values) == 1:
        return Moving(outer.step * rise, (outer.step * shift + outer.values[0],))
    return _after(outer, rise, shift, run)


@lru_cache(maxsize=4096)
def _after(outer: Moving, rise: int, shift: int, run: int) -> Moving | None:
    common = gcd(rise, run)
    rise, shift, run = rise // common, shift // common, run // common
    period = run * (len(outer.values) // gcd(len(outer.values), rise))
    if period > LONGEST:
        return None
    step = period // run * rise * outer.step // len(outer.values)
    return _least(step, tuple(outer((rise * i + shift) // run) for i in range(period)))


def outermost(a: Moving, b: Moving, *, low: bool) -> Moving | None:
    """The lesser of the two everywhere, or the greater; None where they move at other rates."""
    if a == b:
        return a
    if a.step * len(b.values) != b.step * len(a.values):
        return None
    pick = min if low else max
    if len(a.values) == len(b.values) == 1:
        return Moving(a.step, (pick(a.values[0], b.values[0]),))
    period = lcm(len(a.values), len(b.values))
    if period > LONGEST:
        return None
    step = a.step * (period // len(a.values))
    return _least(step, tuple(pick(a(i), b(i)) for i in range(period)))


def _least(step: int, values: tuple[int, ...]) -> Moving:
    """The same with the least period."""
    period = len(values)
    for parts in range(period, 1, -1):
        part, rest = divmod(period, parts)
        if rest or step % parts:
            continue
        move = step // parts
        if all(b - a == move for a, b in zip(values, values[part:], strict=False)):
            return Moving(move, values[:part])
    return Moving(step, values)
