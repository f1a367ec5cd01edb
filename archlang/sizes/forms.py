"""Polynomials in functions of the input's sizes: ``64*ceil(H/4)*ceil(W/4) + 1``.

A ``Form`` says what a size, or a count of values or operations, is for every input size. Its
coefficients are exact; its atoms are functions of one size each, in their own form, so that forms
which differ in notation alone (``(H + 8)//4`` and ``H//4 + 2``) are equal. Where an atom is
undefined, the form means nothing: that is for the sizes themselves to say, and they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cached_property, lru_cache, reduce
from math import lcm
from typing import NamedTuple, TypeAlias

from archlang.sizes.functions import (
    INPUT,
    Function,
    Stair,
    combined,
    constant,
    floored,
    scaled,
    stair,
)

Number: TypeAlias = "int | Fraction"


class Atom(NamedTuple):
    """A function of the input's size of this name."""

    name: str
    size: Function


Monomial: TypeAlias = "tuple[Atom, ...]"


class Form:
    """A sum of products of atoms, each with a coefficient other than 0. Made by its operations."""

    def __init__(self, terms: Mapping[Monomial, Number]) -> None:
        self.terms = {m: c for m, c in terms.items() if c}

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Form) and self.terms == other.terms)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __add__(self, other: Form) -> Form:
        terms = dict(self.terms)
        for monomial, factor in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return Form(terms)

    def __sub__(self, other: Form) -> Form:
        return self + other.times(-1)

    def __mul__(self, other: Form) -> Form:
        terms: dict[Monomial, Number] = {}
        for a, x in self.terms.items():
            for b, y in other.terms.items():
                both = a + b if not a or not b else tuple(sorted(a + b, key=_order))
                terms[both] = terms.get(both, 0) + x * y
        return Form(terms)

    def times(self, factor: Number) -> Form:
        """The form times a number."""
        return Form({m: c * factor for m, c in self.terms.items()})

    @cached_property
    def names(self) -> frozenset[str]:
        """The input sizes that it depends on."""
        return frozenset(a.name for m in self.terms for a in m)

    @property
    def free(self) -> Number:
        """What stands in it without any atom."""
        return self.terms.get((), 0)

    def at(self, sizes: Mapping[str, int]) -> Number | None:
        """Its value at these sizes; None where an atom is undefined."""
        total: Number = 0
        for monomial, factor in self.terms.items():
            for atom in monomial:
                value = atom.size(sizes[atom.name])
                if value is None:
                    return None
                factor *= value
            total += factor
        return total.numerator if total.denominator == 1 else total

    def fixed(self, sizes: Mapping[str, int]) -> Form | None:
        """The form with some sizes given; None where an atom is undefined there."""
        out = Form({})
        for monomial, factor in self.terms.items():
            left = []
            for atom in monomial:
                value = atom.size(sizes[atom.name]) if atom.name in sizes else None
                if value is None and atom.name in sizes:
                    return None
                if value is None:
                    left.append(atom)
                else:
                    factor *= value
            out += Form({tuple(left): factor})
        return out

    def function(self) -> tuple[str, Function, int] | None:
        """The name of a size, a function of it, and a whole number: it is that over this.

        None where it is no such thing; raises ``TooLongError``.
        """
        if len(self.names) != 1 or any(len(m) > 1 for m in self.terms):
            return None
        below = lcm(*(c.denominator for c in self.terms.values()))
        total: Function = constant(int(self.free * below))
        for monomial, factor in self.terms.items():
            if monomial:
                part = scaled(int(factor * below), monomial[0].size)
                total = combined(part, total, lambda a, b: a + b)
        (name,) = self.names
        return name, total, below

    def floor(self) -> Form | None:
        """It rounded down; None where that is no form. Raises ``TooLongError``."""
        whole = {m: c // 1 for m, c in self.terms.items() if not m or c.denominator == 1}
        rest = self - Form(whole)
        if not rest.terms:
            return self
        made = rest.function()
        if made is None:
            return None
        name, above, below = made
        return Form(whole) + of(name, floored(above, below))

    def expanded(self) -> Form:
        """The same with atoms that have nothing to add or to multiply: one form for one sum."""
        return total(_expanded(m).times(c) for m, c in self.terms.items())

    def __str__(self) -> str:
        text = ""
        for monomial in sorted(self.terms, key=_rank):
            factor = self.terms[monomial]
            term = _term(monomial, -factor if factor < 0 else factor)
            sign = "-" if factor < 0 else "+"
            text = f"{text} {sign} {term}" if text else term if factor > 0 else f"-{term}"
        return text or "0"


@lru_cache(maxsize=4096)
def number(value: Number) -> Form:
    """A number as a form."""
    return Form({(): value})


@lru_cache(maxsize=4096)
def of(name: str, size: Function) -> Form:
    """A function of one size as a form."""
    if not isinstance(size, Stair):
        return Form({(Atom(name, size),): 1})
    if size.slope == 0:
        return number(size.base)
    return Form({(Atom(name, size._replace(least=1)),): 1})


@lru_cache(maxsize=4096)
def _expanded(monomial: Monomial) -> Form:
    return product(_expanded_atom(atom) for atom in monomial)


def _expanded_atom(atom: Atom) -> Form:
    name, size = atom
    if not isinstance(size, Stair):
        return Form({(atom,): 1})
    turns, slope = divmod(size.slope, size.run)
    terms: dict[Monomial, Number] = {(): size.base}
    if turns:
        terms[(Atom(name, INPUT),)] = size.rise * turns
    if slope:
        terms[(Atom(name, stair(1, slope, size.shift, size.run, 0, 1)),)] = size.rise
    return Form(terms)


def product(parts: Iterable[Form]) -> Form:
    """The product of forms (1 of none)."""
    return reduce(Form.__mul__, parts, number(1))


def total(parts: Iterable[Form]) -> Form:
    """The sum of forms."""
    return sum(parts, Form({}))


@lru_cache(maxsize=4096)
def _order(atom: Atom) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """An order of atoms: by name, then by law."""
    values = (v for row in atom.size for v in (row if isinstance(row, tuple) else (row,)))
    return atom.name, atom.size.law, tuple(-1 if v is None else v for v in values)


def _rank(monomial: Monomial) -> tuple[int, tuple[object, ...]]:
    return -len(monomial), tuple(map(_order, monomial))


def _term(monomial: Monomial, factor: Number) -> str:
    if len(monomial) == 1 and factor == 1:
        return _text(monomial[0])[0]
    powers = Counter(monomial)
    texts = [
        (t if strong else f"({t})") + (f"**{n}" if n > 1 else "")
        for (t, strong), n in ((_text(a), n) for a, n in powers.items())
    ]
    text = "*".join([str(factor.numerator)] * (factor.numerator != 1 or not texts) + texts)
    return text if factor.denominator == 1 else f"{text}/{factor.denominator}"


def _text(atom: Atom) -> tuple[str, bool]:
    """An atom as a user writes it, and whether it can stand in a product as it is."""
    name, size = atom
    if not isinstance(size, Stair):
        return f"f({name})", True
    rise, slope, shift, run, base, _ = size
    if run == 1:
        text, strong = _affine(name, rise * slope, shift), slope * rise == 1
    elif shift == run - 1 and (base >= 0 or rise != 1):
        text, strong = f"ceil({_affine(name, slope, 0)}/{run})", True
    else:
        if rise == 1 and shift:
            shift, base = shift + run * base, 0
        inner = _affine(name, slope, shift)
        text, strong = f"{inner if inner == name else f'({inner})'}//{run}", False
    if rise != 1 and run != 1:
        text, strong = f"{rise}*{text if strong else f'({text})'}", False
    return (f"{text} {'-' if base < 0 else '+'} {abs(base)}", False) if base else (text, strong)


def _affine(name: str, slope: int, shift: int) -> str:
    text = name if slope == 1 else f"{slope}*{name}"
    return f"{text} {'-' if shift < 0 else '+'} {abs(shift)}" if shift else text
