"""Sizes along one axis as functions of the input's size: exact, for every input size.

A ``Function`` is partial, f(x) for whole x >= 1; it is undefined (None) where some layer rejects
the size. It comes with a law: f(x + period) == f(x) + step for every x >= start, and both sides
are defined for the same x. What is known of one period from ``start`` is thus known of all
larger sizes, so that whatever is decided below by looking at finitely many sizes is a proof.

There are two forms, and each function has one that is its own:

- ``Stair``: rise * floor((slope * x + shift) / run) + base, for x >= least. Convolutions and
  pools are stairs, in ceil mode too: there PyTorch takes the lesser of two floors with one run,
  and the lesser of floor((x + a) / s) and floor((x + b) / s) is floor((x + min(a, b)) / s).
  Transposed convolutions are stairs with run 1. A stair after a stair is, for all chains of
  these, again a stair: floor((floor(u / s) + c) / t) == floor((u + s * c) / (s * t)).
- ``Table``: the values below ``start`` and those of one period. It is made only where needed.

**A layer after a function.** Let f have the law (P, Q, T), and the layer (p, q, t). Moving x by
P * m moves f(x) by Q * m; with m = p / gcd(p, Q) that is a multiple of p, so that the result moves
by q * Q * m / p, once f(x) >= t: that is, after ceil((t - least f) / Q) further periods.

**Two functions that must agree.** Over L = lcm(P1, P2) their difference moves by a constant d. If
d is 0, they agree alike in every stretch of L from both starts on. Else each residue has at most
one root: where the difference is at most ``gap`` over the first stretch, there is none more than
gap / |d| stretches further. What comes out is a ``Set`` of sizes, periodic from some size on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from math import gcd, lcm
from typing import Any, NamedTuple, TypeAlias

from archlang.sizes.sets import LIMIT, NONE, Set, TooLongError, within

Values: TypeAlias = tuple[int | None, ...]


class SizeRule(NamedTuple):
    """How a layer maps a size along one axis.

    ``of(n)`` is the size that comes out, or None where the layer rejects ``n``. The rest
    certifies that the rule is a straight staircase: ``of(n + period) == of(n) + step`` for
    every ``n >= start``.
    """

    of: Callable[[int], int | None]
    period: int
    step: int
    start: int


class Stair(NamedTuple):
    """rise * floor((slope * x + shift) / run) + base, for x >= least; made by ``stair``."""

    rise: int
    slope: int
    shift: int
    run: int
    base: int
    least: int

    def __call__(self, x: int) -> int | None:
        return None if x < self.least else self.value(x)

    def value(self, x: int) -> int:
        """The value at any x, also below ``least``."""
        return self.rise * ((self.slope * x + self.shift) // self.run) + self.base

    @property
    def law(self) -> tuple[int, int, int]:
        """Period, step and start."""
        return self.run, self.rise * self.slope, self.least

    @property
    def domain(self) -> Set:
        """Where it is defined."""
        return within(self.least, None)

    def first(self, value: int) -> int:
        """The least x with at least this value, for a stair that rises."""
        floor_ = -(-(value - self.base) // self.rise)
        return max(self.least, -(-(floor_ * self.run - self.shift) // self.slope))


class Table(NamedTuple):
    """The values from 1 on, then those of one period, which moves by ``step``; see ``table``."""

    low: Values
    tail: Values
    step: int

    def __call__(self, x: int) -> int | None:
        return self.low[x - 1] if x <= len(self.low) else self.repeated(x)

    def repeated(self, x: int) -> int | None:
        """What the law says of any x, also below ``start``."""
        turns, at = divmod(x - len(self.low) - 1, len(self.tail))
        value = self.tail[at]
        return None if value is None else value + turns * self.step

    @property
    def law(self) -> tuple[int, int, int]:
        """Period, step and start."""
        return len(self.tail), self.step, len(self.low) + 1

    @property
    def domain(self) -> Set:
        """Where it is defined."""
        return Set.of((v is not None for v in self.low), (v is not None for v in self.tail))


Function: TypeAlias = Stair | Table


def stair(rise: int, slope: int, shift: int, run: int, base: int, least: int) -> Stair:
    """The one stair of these values: in lowest terms, 0 <= shift < run, rise > 0.

    It is the only one of its values: gcd(slope, run) being 1, a step is rise times floor or ceil
    of slope / run, so the values say rise, then slope / run, then shift and base.
    """
    if rise * slope == 0:
        return Stair(1, 0, 0, 1, rise * (shift // run) + base, max(1, least))
    if rise < 0:  # -floor(u / s) == floor((s - 1 - u) / s)
        rise, slope, shift = -rise, -slope, run - 1 - shift
    common = gcd(slope, run)
    slope, shift, run = slope // common, shift // common, run // common
    if run == 1:
        return Stair(1, rise * slope, 0, 1, rise * shift + base, max(1, least))
    turns, shift = divmod(shift, run)
    return Stair(rise, slope, shift, run, rise * turns + base, max(1, least))


INPUT = stair(1, 1, 0, 1, 0, 1)
"""The size itself."""


def constant(value: int) -> Stair:
    """The same for every size."""
    return stair(1, 0, 0, 1, value, 1)


def tabulated(of: Callable[[int], int | None], period: int, step: int, start: int) -> Function:
    """The function of this law, in its own form; raises ``TooLongError``."""
    if period + start > LIMIT:
        raise TooLongError(period + start)
    low = tuple(of(x) for x in range(1, start))
    tail = tuple(of(x) for x in range(start, start + period))
    return table(low, tail, step)


def table(low: Values, tail: Values, step: int) -> Function:
    """A function by its values: of the least period and start; a stair where it is one."""
    if all(v is None for v in tail):
        tail, step = (None,), 0
    tail, step = _least_period(tail, step)
    law, kept = Table(low, tail, step), len(low)
    while kept and low[kept - 1] == law.repeated(kept):
        kept -= 1
    moved = tuple(map(law.repeated, range(kept + 1, kept + 1 + len(tail))))
    return _as_stair(low[:kept], moved, step) or Table(low[:kept], moved, step)


def _least_period(tail: Values, step: int) -> tuple[Values, int]:
    divisor = 2
    while divisor <= len(tail):
        part, rest = divmod(len(tail), divisor)
        if rest or step % divisor or not _repeats(tail, part, step // divisor):
            divisor += 1
        else:
            tail, step = tail[:part], step // divisor
    return tail, step


def _repeats(tail: Values, part: int, step: int) -> bool:
    return all(
        (a is None) == (b is None) and (a is None or b is None or b - a == step)
        for a, b in zip(tail, tail[part:], strict=False)
    )


def _as_stair(low: Values, tail: Values, step: int) -> Stair | None:
    """The stair with these values, where there is one: defined from some size on."""
    if any(v is not None for v in low) or any(v is None for v in tail):
        return None
    values = [v for v in tail if v is not None]
    steps = [b - a for a, b in zip(values, [*values[1:], values[0] + step], strict=True)]
    start, run = len(low) + 1, len(values)
    if run == 1:
        return stair(1, step, 0, 1, values[0] - step * start, start)
    rise = max(steps) - min(steps)
    base = values[0] % rise if rise else 0
    if not rise or step % rise or any(v % rise != base for v in values):
        return None
    lows = [run * ((v - base) // rise) - step // rise * (start + i) for i, v in enumerate(values)]
    if max(lows) > min(lows) + run - 1:
        return None
    return stair(rise, step // rise, max(lows), run, base, start)


@lru_cache(maxsize=4096)
def rule_function(rule: SizeRule) -> Function:
    """A layer's rule as a function of the size that arrives; raises ``TooLongError``."""
    return tabulated(rule.of, rule.period, rule.step, rule.start)


@lru_cache(maxsize=16384)
def after(before: Function, rule: SizeRule) -> Function:
    """The size behind a layer, as a function of the input's size; raises ``TooLongError``."""
    return composed(before, rule_function(rule))


def composed(f: Function, g: Function) -> Function:
    """g(f(x)), for f that does not fall; raises ``TooLongError``."""
    if isinstance(f, Stair) and isinstance(g, Stair) and f.slope > 0:
        closed = _closed(f, g)
        if closed is not None:
            return closed
    (period, step, start), (p, q, t) = f.law, g.law
    if step < 0:
        raise ValueError("a size that falls as the input grows")
    if step:
        turns = p // gcd(p, step)
        if turns * period > LIMIT:
            raise TooLongError(turns * period)
        live = [v for x in range(start, start + period) if (v := f(x)) is not None]
        start += period * max(0, -(-(t - min(live)) // step)) if live else 0
        period, step = period * turns, step * turns // p * q

    def of(x: int) -> int | None:
        value = f(x)
        return None if value is None or value < 1 else g(value)

    return tabulated(of, period, step, start)


def _closed(f: Stair, g: Stair) -> Stair | None:
    """g(f(x)) as a stair, where it is one."""
    least = f.first(g.least)
    slope, shift = g.slope * f.rise, g.slope * f.base + g.shift
    common = gcd(slope, g.run)
    slope, shift, run = slope // common, shift // common, g.run // common
    if run == 1:
        return stair(g.rise * slope, f.slope, f.shift, f.run, g.rise * shift + g.base, least)
    if slope == 1:
        return stair(g.rise, f.slope, f.shift + f.run * shift, f.run * run, g.base, least)
    if f.run == 1:
        return stair(g.rise, slope * f.slope, slope * f.shift + shift, run, g.base, least)
    return None


def combined(
    f: Function, g: Function, operation: Callable[[int, int], int], *, ordered: bool = False
) -> Function:
    """Both put together at every size; raises ``TooLongError``.

    ``operation`` is linear, or, where ``ordered`` says so, the lesser or the greater of the two.
    """
    period, start, drift = _together(f, g)
    step = operation(f.law[1] * (period // f.law[0]), g.law[1] * (period // g.law[0]))
    if ordered and drift:
        start += period * (_gap(f, g, period, start) // abs(drift) + 1)

    def of(x: int) -> int | None:
        a, b = f(x), g(x)
        return None if a is None or b is None else operation(a, b)

    return tabulated(of, period, step, start)


def scaled(factor: int, f: Function) -> Function:
    """The function times a whole number."""
    if isinstance(f, Stair):
        base = factor * f.base
        return stair(factor * f.rise, f.slope, f.shift, f.run, base, f.least)
    low, tail = (tuple(None if v is None else factor * v for v in row) for row in f[:2])
    return table(low, tail, factor * f.step)


def floored(f: Function, below: int) -> Function:
    """The function divided by a whole number, rounded down; raises ``TooLongError``."""
    if isinstance(f, Stair) and f.slope:
        closed = _closed(f, Stair(1, 1, 0, below, 0, f.value(f.least)))
        if closed is not None:
            return closed
    period, step, start = f.law
    turns = below // gcd(below, step)

    def of(x: int) -> int | None:
        value = f(x)
        return None if value is None else value // below

    return tabulated(of, period * turns, step * turns // below, start)


def _together(f: Function, g: Function) -> tuple[int, int, int]:
    """The period and start of both, and by how much f - g moves in one such period."""
    period = lcm(f.law[0], g.law[0])
    if period > LIMIT:
        raise TooLongError(period)
    drift = f.law[1] * (period // f.law[0]) - g.law[1] * (period // g.law[0])
    return period, max(f.law[2], g.law[2]), drift


def _gap(f: Function, g: Function, period: int, start: int) -> int:
    """The largest difference over one period."""
    both = ((f(x), g(x)) for x in range(start, start + period))
    return max((abs(a - b) for a, b in both if a is not None and b is not None), default=0)


@lru_cache(maxsize=4096)
def where(f: Function, relation: str, g: Function) -> Set:
    """The sizes where both are defined and f ``relation`` g, exactly; raises ``TooLongError``."""
    if f == g and relation == "==":
        return f.domain
    if isinstance(f, Stair) and isinstance(g, Stair):
        if relation == "==" and f[:-1] == g[:-1]:
            return f.domain & g.domain
        if g.slope == 0 and f.slope > 0:
            return _against(f, relation, g.base) & g.domain
        if f.slope == 0 and g.slope > 0:
            return where(g, TURNED.get(relation, relation), f)
    period, start, drift = _together(f, g)
    if drift:  # beyond, neither overtakes the other any more
        start += period * (_gap(f, g, period, start) // abs(drift) + 1)
    if start > LIMIT:
        raise TooLongError(start)
    compare = RELATIONS[relation]

    def holds(x: int) -> bool:
        a, b = f(x), g(x)
        return a is not None and b is not None and compare(a, b)

    return Set.of(map(holds, range(1, start)), map(holds, range(start, start + period)))


RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _against(f: Stair, relation: str, value: int) -> Set:
    """Where a rising stair stands so to a number: it passes it once."""
    first, beyond = f.first(value), f.first(value + 1)
    reached = within(first, beyond - 1) if f(first) == value else NONE
    match relation:
        case "==":
            return reached
        case "!=":
            return f.domain - reached
        case ">=" | "<":
            above = within(first, None)
        case _:
            above = within(beyond, None)
    return above if relation in (">", ">=") else f.domain - above
