"""The largest size that something fits at, found with few trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from archlang.sizes.sets import Set

MORE = 64
"""How many sizes are tried beyond one that fits, where more was seen to take less."""
GALLOP = 16
"""How many times as large as one that fits the next to be tried may be."""
FAR = 1 << 40
"""Beyond this no size is tried."""


class Largest(NamedTuple):
    """The largest ``size`` whose ``peak`` is within the limit, and the next one, which is not.

    ``next`` is None where there is no larger size.
    """

    size: int
    peak: int
    next: int | None
    over: int | None


class Search:
    """The trials of one search: what each size takes, which may raise with it or stay."""

    def __init__(self, peak: Callable[[int], int], limit: int, among: Set) -> None:
        self.peak, self.limit, self.among = peak, limit, among
        self.seen: dict[int, int] = {}

    def fits(self, size: int) -> bool:
        """Whether a size is within the limit."""
        if size not in self.seen:
            self.seen[size] = self.peak(size)
        return self.seen[size] <= self.limit

    def largest(self) -> Largest | None:
        """The largest size that fits, or None where the least does not.

        Between one that fits and one that does not all others are shut out by what they take
        growing with the size. Where it was seen to shrink, the next ``MORE`` sizes are tried, too.
        """
        low = self.among.least
        if low is None or not self.fits(low):
            return None
        low, high = self._bracket(low)
        if self.seen != dict(zip(sorted(self.seen), sorted(self.seen.values()), strict=True)):
            low, high = self._one_by_one(low)
        return Largest(low, self.seen[low], high, None if high is None else self.seen[high])

    def _bracket(self, low: int) -> tuple[int, int | None]:
        """The largest size that fits, and the next one."""
        before, high, halve = None, None, False
        while (size := self._next(before, low, high, halve)) is not None:
            halve = not halve and high is not None
            if self.fits(size):
                before, low = low, size
            else:
                high = size
        return low, high

    def _next(self, before: int | None, low: int, high: int | None, halve: bool) -> int | None:
        """A size to try: where a line through two that are known meets the limit, or half-way."""
        above = self.among.above(low + 1)
        if above is None or above == high or above > FAR:
            return None
        other = before if high is None else high
        if other is None:
            return above
        if halve and high is not None:
            guess = (low + high) // 2
        else:
            rise = abs(self.seen[low] - self.seen[other])
            run = abs(low - other) * (self.limit - self.seen[low])
            guess = low + min(run // rise if rise else low, GALLOP * low)
        below = self.among.below(min(guess, FAR if high is None else high - 1))
        return max(above, below or above)

    def _one_by_one(self, low: int) -> tuple[int, int | None]:
        """The largest of some sizes from ``low`` on that fits, and the next one."""
        size = self.among.above(low + 1)
        for _ in range(MORE):
            if size is None:
                break
            if self.fits(size):
                low = size
            size = self.among.above(size + 1)
        high = self.among.above(low + 1)
        if high is not None:
            self.fits(high)
        return low, high
