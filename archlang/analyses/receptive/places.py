"""Sets of places along an axis, and which places of what arrives a set of an output's depends on.

A set is written as its runs: pairs of the first and last place of each stretch without a gap, in
order. Each is exact, holes and borders included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

from archlang.window import Laid, Reach, Slide

Runs: TypeAlias = tuple[tuple[int, int], ...]

MOST = 2**21
"""Values laid out anew that are followed one by one; of more, all count."""
_OWN = (1, 1, 0, 0)
"""How a slide that looks at its own place rises, runs, starts and ends."""


def whole(size: int) -> Runs:
    """All places of an axis."""
    return ((0, int(size) - 1),)


def joined(runs: Iterable[tuple[int, int]]) -> Runs:
    """Runs in any order, overlapping or not, as a set."""
    found: list[tuple[int, int]] = []
    runs = sorted(runs)
    if len(runs) == 1:
        return (runs[0],)
    for first, last in runs:
        if found and first <= found[-1][1] + 1:
            if last > found[-1][1]:
                found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def union(a: Runs, b: Runs) -> Runs:
    """What is in either."""
    return a if a == b else joined((*a, *b))


def count(runs: Runs) -> int:
    """How many places there are."""
    return sum(last - first + 1 for first, last in runs)


def missing(runs: Runs, size: int) -> Runs:
    """The places of an axis that are not there."""
    edges = (-1, *(edge for run in runs for edge in run), size)
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((a + 1, b - 1) for a, b in gaps if b - a > 1)


def each(runs: Runs) -> Iterator[int]:
    """Its places one by one."""
    for first, last in runs:
        yield from range(first, last + 1)


def seen(reach: Reach, places: Sequence[Runs], size: int) -> tuple[Runs, bool]:
    """The places of an axis of ``size`` that those of an output depend on, axis by axis.

    And whether some lay outside of it.
    """
    if isinstance(reach, Slide):
        return _slid(reach, places[reach.axis], int(size))
    if isinstance(reach, Laid):
        return _before(reach, places), False
    return whole(size), False


@lru_cache(maxsize=4096)
def _slid(slide: Slide, runs: Runs, size: int) -> tuple[Runs, bool]:
    """The same of one that slides: most layers look from where another one does."""
    if slide.whole:
        return whole(size), False
    if slide[1:5] == _OWN and (not runs or runs[-1][1] < size) and not slide.piece:
        return runs, False
    looked = joined(_looked(slide, runs))
    if not looked or (looked[0][0] >= 0 and looked[-1][1] < size):
        return looked, False
    if slide.outside == "zeros":
        return _within(looked, size - 1), not slide.piece
    return joined(_folded(slide, looked, size)), not slide.piece


def _looked(slide: Slide, runs: Runs) -> Iterator[tuple[int, int]]:
    """The places that a slide looks at, also those outside of the axis."""
    _, rise, run, first, last, spread, *_ = slide
    if slide.touching:
        for a, b in runs:
            low, high = (rise * a + first) // run, (rise * b + last) // run
            if low <= high:
                yield low, high
    elif rise == run == 1 and not slide.beyond:
        for a, b in runs:
            yield from ((a + j, b + j) for j in range(first, last + 1, spread))
    else:
        for i in each(runs):
            yield from _looked_from(slide, i)


def _looked_from(slide: Slide, i: int) -> Iterator[tuple[int, int]]:
    _, rise, run, first, last, spread, *_ = slide
    low, high = (rise * i + first) // run, (rise * i + last) // run
    if slide.beyond and (rise * i + first) % run:
        low, high = low - slide.beyond, high + slide.beyond
    if spread == 1:
        if low <= high:
            yield low, high
    else:
        taken = (j for j in range(low, high + 1) if (run * j - rise * i - last) % spread == 0)
        yield from ((j, j) for j in taken)


def _within(looked: Runs, end: int) -> Runs:
    return tuple((max(a, 0), min(b, end)) for a, b in looked if b >= 0 and a <= end)


def _folded(slide: Slide, looked: Runs, size: int) -> Iterator[tuple[int, int]]:
    """What is read in place of what lies outside of an axis."""
    end = size - 1
    for first, last in looked:
        if slide.outside == "replicate":
            yield min(max(first, 0), end), min(max(last, 0), end)
            continue
        if last >= 0 and first <= end:
            yield max(first, 0), min(last, end)
        before, after = min(last, -1), max(first, size)
        if slide.outside == "reflect":
            if first < 0:
                yield -before, -first
            if last > end:
                yield 2 * end - last, 2 * end - after
        elif slide.outside == "circular":
            if first < 0:
                yield first + size, before + size
            if last > end:
                yield after - size, last - size


def _all(runs: Runs, size: int) -> bool:
    return runs == whole(size)


def _before(laid: Laid, places: Sequence[Runs]) -> Runs:
    """The places of one of the axes that were laid out anew."""
    inner = prod(laid.before[laid.at + 1 :])
    size = laid.before[laid.at]
    taken = [places[axis] for axis in laid.axes]
    if prod(map(count, taken)) > MOST or all(map(_all, taken, laid.after)):
        return whole(size)
    strides = [prod(laid.after[k + 1 :]) for k in range(len(laid.after))]
    found: set[int] = set()
    *outer, last = [list(each(runs)) for runs in taken]
    for spot in product(*outer):
        start = sum(i * stride for i, stride in zip(spot, strides, strict=False))
        found.update((start + i) // inner % size for i in last)
    return joined((j, j) for j in found)
