"""Where something holds of several input sizes: unions of boxes, a set of sizes for each side.

Sizes along different axes do not depend on each other, until a ``flatten`` multiplies them. There
c * f(H) * g(W) == K has finitely many solutions in values of f and g: K / c is parted into two
factors in every way, and each way is a box.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from math import isqrt

from archlang.sizes.forms import Form, Monomial
from archlang.sizes.functions import RELATIONS, Function, constant, where
from archlang.sizes.sets import EVERY, Set, TooLongError

MOST_BOXES = 4096
LARGEST_PRODUCT = 10**12
"""The largest product of sizes that is parted into factors."""


@dataclass(frozen=True)
class Region:
    """A union of boxes. A name that a box leaves out may have any size."""

    boxes: tuple[Mapping[str, Set], ...]

    def __contains__(self, sizes: object) -> bool:
        assert isinstance(sizes, Mapping)
        return any(all(sizes[n] in s for n, s in box.items()) for box in self.boxes)

    def __and__(self, other: Region) -> Region:
        if other.boxes in (self.boxes, EVERYWHERE.boxes):
            return self
        if len(self.boxes) * len(other.boxes) > MOST_BOXES**2:
            raise TooLongError(len(self.boxes) * len(other.boxes))
        return union(_overlap(a, b) for a in self.boxes for b in other.boxes)

    def __or__(self, other: Region) -> Region:
        return union(iter((*self.boxes, *other.boxes)))

    def __sub__(self, other: Region) -> Region:
        pieces = list(self.boxes)
        for taken in other.boxes:
            pieces = [piece for box in pieces for piece in _without(box, taken)]
            if len(pieces) > MOST_BOXES:
                raise TooLongError(len(pieces))
        return union(iter(pieces))

    def __invert__(self) -> Region:
        """Where it does not hold."""
        return EVERYWHERE - self

    @property
    def empty(self) -> bool:
        return not self.boxes

    def along(self, name: str, others: Mapping[str, int]) -> Set:
        """The sizes that ``name`` may have where all other names have the sizes given."""
        found = EVERY - EVERY
        for box in self.boxes:
            if all(others[n] in s for n, s in box.items() if n != name):
                found = found | box.get(name, EVERY)
        return found

    def square(self, names: tuple[str, ...]) -> Set:
        """The sizes that all names may have at once."""
        found = EVERY - EVERY
        for box in self.boxes:
            found = found | reduce(operator.and_, (box.get(n, EVERY) for n in names), EVERY)
        return found


EVERYWHERE, NOWHERE = Region(({},)), Region(())


def union(boxes: Iterator[Mapping[str, Set]]) -> Region:
    """The union of boxes: those without any size are left out, and equal ones said once."""
    kept: list[Mapping[str, Set]] = []
    for box in boxes:
        tight = {n: s for n, s in box.items() if s != EVERY}
        if not any(s.empty for s in tight.values()) and tight not in kept:
            kept.append(tight)
        if len(kept) > MOST_BOXES:
            raise TooLongError(len(kept))
    return EVERYWHERE if {} in kept else Region(tuple(_joined(kept)))


def _joined(boxes: list[Mapping[str, Set]]) -> list[Mapping[str, Set]]:
    """The same union, boxes that differ along one size at most joined."""
    out: list[Mapping[str, Set]] = []
    for box in boxes:
        for i, other in enumerate(out):
            names = {n for n in {*box, *other} if box.get(n, EVERY) != other.get(n, EVERY)}
            if len(names) == 1:
                (name,) = names
                both = {**box, name: box.get(name, EVERY) | other.get(name, EVERY)}
                out[i] = {n: s for n, s in both.items() if s != EVERY}
                break
        else:
            out.append(box)
    return out if len(out) == len(boxes) else _joined(out)


def _without(box: Mapping[str, Set], taken: Mapping[str, Set]) -> list[Mapping[str, Set]]:
    """A box without another: what is outside along one name, then along the next, …"""
    pieces: list[Mapping[str, Set]] = []
    rest = dict(box)
    for name, inside in taken.items():
        sizes = rest.get(name, EVERY)
        kept, outside = sizes & inside, sizes - inside
        if kept.empty:
            return [box]
        if not outside.empty:
            pieces.append({**rest, name: outside})
        rest[name] = kept
    return pieces


def _overlap(a: Mapping[str, Set], b: Mapping[str, Set]) -> Mapping[str, Set]:
    return {n: a.get(n, EVERY) & b.get(n, EVERY) for n in {**a, **b}}


def solved(left: Form, relation: str, right: Form) -> Region | None:
    """Where ``left`` stands so to ``right``; None where that is no union of boxes.

    Sizes for which either is undefined may count or not. Raises ``TooLongError``.
    """
    apart = left - right
    if not apart.terms or not apart.expanded().terms:
        return EVERYWHERE if RELATIONS[relation](0, 0) else NOWHERE
    if not apart.names:
        return EVERYWHERE if RELATIONS[relation](apart.free, 0) else NOWHERE
    if len(apart.names) == 1:
        (name,) = apart.names
        f, g = _function(left), _function(right)
        if f is None or g is None or f[1] != g[1]:
            f, g = _function(apart), (constant(0), 1)
        if f is not None:
            return union(iter([{name: where(f[0], relation, g[0])}]))
    if relation not in ("==", "!="):
        return None
    where_equal = _product(apart)
    return where_equal if relation == "==" or where_equal is None else ~where_equal


def _function(form: Form) -> tuple[Function, int] | None:
    """A form of one size, or of none, as a function over a whole number."""
    if not form.names:
        return constant(form.free.numerator), form.free.denominator
    made = form.function()
    return None if made is None else made[1:]


def _product(apart: Form) -> Region | None:
    """Where a single product and a number add up to 0."""
    products = [m for m in apart.terms if m]
    if len(products) != 1:
        return None
    value = Fraction(-apart.free, apart.terms[products[0]])
    if value.denominator != 1 or value < 1:
        return NOWHERE  # sizes are at least 1
    if value > LARGEST_PRODUCT:
        return None
    return union(_parted(products[0], value.numerator))


def _parted(product: Monomial, value: int) -> Iterator[Mapping[str, Set]]:
    """The boxes where the functions of a product come to ``value`` together."""
    (name, size), rest = product[0], product[1:]
    for factor in _divisors(value) if rest else [value]:
        here = where(size, "==", constant(factor))
        if not here.empty:
            for box in _parted(rest, value // factor) if rest else [{}]:
                yield _overlap({name: here}, box)


@lru_cache(maxsize=256)
def _divisors(value: int) -> list[int]:
    small = [n for n in range(1, isqrt(value) + 1) if value % n == 0]
    return [*small, *(value // n for n in reversed(small) if n * n != value)]
