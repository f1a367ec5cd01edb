"""Sets of sizes that repeat from some size on, exactly: ``H >= 63``, ``H % 32 == 0``.

A set is kept as what is true of 1, 2, … below ``start``, and of one period from there. It has one
form, of the least period and the least start, so that equal sets are equal tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import lcm
from typing import Any

LIMIT = 1 << 16
"""The longest stretch of sizes that is worked through one by one."""
LARGEST = 1 << 22
"""The largest size that a set can begin or end at."""


class TooLongError(ValueError):
    """More sizes would have to be told apart than are worked through."""

    def __init__(self, count: int, limit: int = LIMIT) -> None:
        super().__init__(
            f"{count:,} sizes would have to be told apart before they repeat; at most {limit:,} are"
        )


@dataclass(frozen=True)
class Set:
    """A set of sizes: a 1 in ``low`` for each that is in it, then in ``tail`` for one period."""

    low: bytes
    tail: bytes

    @staticmethod
    def of(low: Iterable[bool], tail: Iterable[bool]) -> Set:
        """The set by what is true of 1, 2, … and then of each size of one period."""
        return _canonical(bytes(low), bytes(tail))

    @property
    def start(self) -> int:
        """From which size on it repeats."""
        return len(self.low) + 1

    @property
    def period(self) -> int:
        return len(self.tail)

    def __contains__(self, size: object) -> bool:
        if not isinstance(size, int) or size < 1:
            return False
        if size < self.start:
            return bool(self.low[size - 1])
        return bool(self.tail[(size - self.start) % self.period])

    def __and__(self, other: Set) -> Set:
        if other in (self, EVERY):
            return self
        return self._with(other, lambda a, b: a & b)

    def __or__(self, other: Set) -> Set:
        return self._with(other, lambda a, b: a | b)

    def __sub__(self, other: Set) -> Set:
        return self._with(other, lambda a, b: a & ~b)

    def _with(self, other: Set, operation: Callable[[int, int], int]) -> Set:
        period, below = lcm(self.period, other.period), max(len(self.low), len(other.low))
        if period > LIMIT:
            raise TooLongError(period)

        def both(a: bytes, b: bytes) -> bytes:
            value = operation(int.from_bytes(a), int.from_bytes(b))
            return value.to_bytes(len(a))

        low, tail = zip(self._spread(below, period), other._spread(below, period), strict=True)
        return _canonical(both(*low), both(*tail))

    def _spread(self, below: int, period: int) -> tuple[bytes, bytes]:
        """The same, with a longer start and period."""
        more = below - len(self.low)
        turns = self.tail * (more // self.period + 2)
        at = more % self.period
        tail = (self.tail[at:] + self.tail[:at]) * (period // self.period)
        return self.low + turns[:more], tail

    @property
    def empty(self) -> bool:
        return 1 not in self.low and 1 not in self.tail

    @property
    def bounded(self) -> bool:
        """Whether it has a largest size, or none at all."""
        return 1 not in self.tail

    def above(self, size: int) -> int | None:
        """The least size in it from ``size`` on."""
        size = max(1, size)
        if size < self.start:
            at = self.low.find(1, size - 1)
            if at >= 0:
                return at + 1
            size = self.start
        turned = (size - self.start) % self.period
        at = (self.tail[turned:] + self.tail[:turned]).find(1)
        return None if at < 0 else size + at

    def below(self, size: int) -> int | None:
        """The largest size in it up to ``size``."""
        if size >= self.start:
            at = (size - self.start) % self.period + 1
            back = (self.tail[at:] + self.tail[:at])[::-1].find(1)
            if 0 <= back <= size - self.start:
                return size - back
            size = self.start - 1
        at = self.low.rfind(1, 0, max(0, size))
        return None if at < 0 else at + 1

    def around(self, size: int) -> tuple[int | None, int | None]:
        """The largest size in it up to ``size``, and the least from ``size`` on."""
        return self.below(size), self.above(size)

    @property
    def least(self) -> int | None:
        """The least size in it."""
        return self.above(1)

    @property
    def residues(self) -> list[int]:
        """What sizes from ``start`` on leave, divided by the period."""
        return sorted((self.start + i) % self.period for i, b in enumerate(self.tail) if b)

    def to_json(self, name: str = "H") -> dict[str, Any]:
        """As plain data.

        The sizes in it are those of ``intervals``, both ends counted, and from ``start`` on those
        that leave one of ``residues`` when divided by ``period``.
        """
        return {
            "words": self.words(name),
            "intervals": [list(run) for run in runs(i + 1 for i, b in enumerate(self.low) if b)],
            "start": self.start,
            "period": self.period,
            "residues": self.residues,
        }

    def words(self, name: str = "H") -> str:
        """As a user would write it: ``H >= 63``, ``H % 32 == 0``, ``223 <= H <= 254``."""
        intervals = list(runs(i + 1 for i, b in enumerate(self.low) if b))
        parts = [_interval(name, *run) for run in intervals[:MOST]]
        if len(intervals) > MOST:
            parts.append(f"{len(intervals) - MOST} more ranges up to {intervals[-1][1]}")
        if 1 in self.tail:
            parts.append(self._tail_words(name, bool(parts)))
        return " or ".join(parts) if parts else f"no {name}"

    def condition(self, name: str = "H") -> str | None:
        """As an expression of the language that is true of exactly these sizes.

        None where there is none, or it would be longer than anyone would write.
        """
        intervals = list(runs(i + 1 for i, b in enumerate(self.low) if b))
        parts = [_bounds(name, *run) for run in intervals]
        tails = self._tail_conditions(name)
        if 1 in self.tail:
            bound = f"{name} >= {self.above(self.start)}"
            tail = " or ".join(tails)
            if len(tails) > 1 and (parts or self.start > 1):
                tail = f"({tail})"
            parts.append(bound if not tail else tail if self.start == 1 else f"{tail} and {bound}")
        short = len(intervals) + len(tails) <= MOST // 2
        return " or ".join(parts) if parts and short else None

    def _tail_conditions(self, name: str) -> list[str]:
        """What is true of the sizes from ``start`` on, one for each unbroken run of residues."""
        found, period = self.residues, self.period
        if period == 1:
            return []
        if len(found) == period - 1 > 1:
            return [f"{name} % {period} != {(set(range(period)) - set(found)).pop()}"]
        made = []
        for first in (r for r in found if (r - 1) % period not in found):
            length = next(n for n in range(1, period) if (first + n) % period not in found)
            moved = f"({name} + {period - first})" if first else name
            single = f"{name} % {period} == {first}"
            made.append(single if length == 1 else f"{moved} % {period} < {length}")
        return made

    def _tail_words(self, name: str, grouped: bool) -> str:
        found, period = self.residues, self.period
        first = self.above(self.start)
        bound = f"{name} >= {first}"
        if period == 1:
            return bound
        if len(found) == 1:
            rule = f"{name} % {period} == {found[0]}"
        elif len(found) == period - 1:
            rule = f"{name} % {period} != {(set(range(period)) - set(found)).pop()}"
        else:
            shown = list(runs(found))
            more = ["…"] if len(shown) > MOST else []
            listed = ", ".join([*(_short(*run) for run in shown[:MOST]), *more])
            rule = f"{name} % {period} in {{{listed}}}"
        if self.start == 1:
            return rule
        return f"({rule} and {bound})" if grouped else f"{rule} and {bound}"


MOST = 8
"""How many ranges are named before the rest are counted."""


def _interval(name: str, first: int, last: int) -> str:
    if first == last:
        return f"{name} == {first}"
    return f"{name} <= {last}" if first == 1 else f"{first} <= {name} <= {last}"


def _bounds(name: str, first: int, last: int) -> str:
    if first == last:
        return f"{name} == {first}"
    below = f"{name} <= {last}"
    return below if first == 1 else f"{name} >= {first} and {below}"


def _short(first: int, last: int) -> str:
    if last - first < 2:
        return ", ".join(map(str, range(first, last + 1)))
    return f"{first}..{last}"


def runs(sizes: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Rising sizes as first and last of each unbroken run."""
    first = last = None
    for size in sizes:
        if first is not None and last is not None and size != last + 1:
            yield first, last
            first = size
        first, last = size if first is None else first, size
    if first is not None and last is not None:
        yield first, last


def _canonical(low: bytes, tail: bytes) -> Set:
    divisor = 2
    while divisor <= len(tail):
        part, rest = divmod(len(tail), divisor)
        if rest or tail[:part] * divisor != tail:
            divisor += 1
        else:
            tail = tail[:part]
    kept, at = len(low), len(tail) - 1
    for stretch in (tail * 1024, tail * 32, tail):  # most of a long start goes at once
        while low.endswith(stretch, 0, kept):
            kept -= len(stretch)
    while kept and low[kept - 1] == tail[at]:
        kept, at = kept - 1, at - 1 if at else len(tail) - 1
    at = (at + 1) % len(tail)
    return Set(low[:kept], tail[at:] + tail[:at])


def within(first: int, last: int | None) -> Set:
    """The sizes from ``first`` to ``last``, both counted; without ``last``, all from there."""
    first = max(1, first)
    if max(first, last or 0) > LARGEST:
        raise TooLongError(max(first, last or 0), LARGEST)
    if last is None:
        return _canonical(bytes(first - 1), b"\1")
    return _canonical(bytes(first - 1) + b"\1" * (last - first + 1), b"\0")


EVERY = within(1, None)
NONE = within(1, 0)
