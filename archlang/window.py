"""Where a layer looks: for each axis of what arrives, which of its places an output depends on.

A layer answers ``window`` with a ``Window`` for each tensor that arrives: one ``Reach`` for each
of its axes, or None where the output does not depend on it. Channels count as an axis like any
other. Dependence is that of evaluation; a max pool depends on all of its window, a layer with
weights on whatever one of them, not being zero, could carry over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from archlang.types import Shape, Tensor

Outside: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]


class Slide(NamedTuple):
    """Output i, along its ``axis``, looks at j from first to last of what arrives.

    They are (rise*i + first) // run and (rise*i + last) // run. Of the j between them those count
    for which run*j - rise*i - last is a multiple of ``spread``. What lies outside of the axis is
    read as ``outside`` says. With ``whole`` the output depends on all other j as well, as a norm
    does. A ``piece`` is read by some outputs only, and by the others nothing is.
    """

    axis: int
    rise: int
    run: int
    first: int
    last: int
    spread: int = 1
    outside: Outside = "zeros"
    whole: bool = False
    piece: bool = False
    beyond: int = 0
    """Where rise*i + first is no multiple of run, so many more before first and behind last."""

    @property
    def touching(self) -> bool:
        """Whether neighbouring outputs look at neighbouring places, with none left out."""
        near = self.rise + self.first <= self.last + self.run
        return near and self.spread == 1 and not self.beyond

    @property
    def gapped(self) -> bool:
        """Whether some outputs may look at nothing."""
        return self.piece or self.first > self.last or (self.spread > 1 and self.run > 1)

    @property
    def regular(self) -> bool:
        """Whether every output looks at something, from first to last."""
        return not self.beyond and not self.gapped


class Whole(NamedTuple):
    """Every output depends on the whole axis; no axis of the output follows it."""


class Laid(NamedTuple):
    """Axes laid out anew, in the same order of values: ``before`` are sizes, then ``after``.

    The axis is number ``at`` of those before; ``axes`` are those of the output.
    """

    axes: tuple[int, ...]
    after: Shape
    before: Shape
    at: int


Reach: TypeAlias = Slide | Whole | Laid
Window: TypeAlias = tuple[Reach, ...] | None

WHOLE = Whole()


@lru_cache(maxsize=1024)
def sliding(
    axis: int, kernel: int, stride: int, before: int, spread: int = 1, outside: Outside = "zeros"
) -> Slide:
    """A kernel of so many values, ``spread`` apart, moved by ``stride``."""
    last = spread * (kernel - 1) - before
    return Slide(axis, stride, 1, -before, last, spread if kernel > 1 else 1, outside)


@lru_cache(maxsize=1024)
def transposed(axis: int, kernel: int, stride: int, before: int, spread: int = 1) -> Slide:
    """The places from which a kernel reaches an output, in steps of ``stride``."""
    first = before - spread * (kernel - 1) + stride - 1
    return Slide(axis, 1, stride, first, before, spread if kernel > 1 else 1)


@lru_cache(maxsize=1024)
def shifted(axis: int, by: int, outside: Outside = "zeros") -> Slide:
    """Output i is what stands at i + by."""
    return Slide(axis, 1, 1, by, by, 1, outside)


@lru_cache(maxsize=1024)
def piece(axis: int, start: int) -> Slide:
    """One of several pieces put side by side: it begins at output ``start``."""
    return Slide(axis, 1, 1, -start, -start, piece=True)


@lru_cache(maxsize=1024)
def ratio(axis: int, rise: int, run: int, first: int, last: int) -> Slide:
    """As ``Slide``, in lowest terms; what would lie outside is at the edge."""
    by = gcd(rise, run)
    return Slide(axis, rise // by, run // by, first // by, last // by, outside="replicate")


def between(axis: int, rise: int, run: int, first: int, beyond: int) -> Slide:
    """The whole numbers next to (rise*i + first) / run, or it alone where it is whole itself.

    With ``beyond`` so many more on both sides, where it is not.
    """
    last = first + run - 1
    if first % gcd(rise, run):  # it never is
        return ratio(axis, rise, run, first - beyond * run, last + beyond * run)
    slide = ratio(axis, rise, run, first, last)
    return slide if slide.run == 1 else slide._replace(beyond=beyond)


@lru_cache(maxsize=64)
def unmoved(rank: int) -> tuple[Slide, ...]:
    """Each output looks at its own place: what works on each value by itself."""
    return tuple(shifted(axis, 0) for axis in range(rank))


def pointwise(*xs: Tensor) -> tuple[Window, ...]:
    """Each output depends on what stands at its own place in each tensor."""
    return tuple(unmoved(x.rank) for x in xs)


@lru_cache(maxsize=256)
def across(rank: int, axes: tuple[int, ...]) -> tuple[Window, ...]:
    """Each output depends on its own place, and on all along ``axes`` of it: a norm's."""
    return (tuple(s._replace(whole=axis in axes) for axis, s in enumerate(unmoved(rank))),)


def mixing(x: Tensor, axis: int) -> tuple[Window, ...]:
    """Each output depends on all values along one axis, at its own place on the others."""
    return ((*unmoved(x.rank)[:axis], WHOLE, *unmoved(x.rank)[axis + 1 :]),)


def relaid(before: Sequence[int], after: Sequence[int]) -> Window:
    """The same values in the same order in other sizes, axis by axis where they agree."""
    window: list[Reach] = []
    i = j = 0
    while i < len(before):
        start, onto = i, j
        ahead, behind = int(before[i]), int(after[j]) if j < len(after) else 1
        i, j = i + 1, min(j + 1, len(after))
        while ahead != behind:
            if ahead < behind:
                ahead, i = ahead * int(before[i]), i + 1
            else:
                behind, j = behind * int(after[j]), j + 1
        if i - start == 1 and j - onto == 1:
            window.append(shifted(onto, 0))
            continue
        axes = tuple(range(onto, j))
        given = tuple(int(after[a]) for a in axes), tuple(int(n) for n in before[start:i])
        window.extend(Laid(axes, *given, at) for at in range(i - start))
    return tuple(window)
