"""Numbers that depend on the input's sizes: what arithmetic makes of them, for every size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from archlang.sizes.claims import Claim, Compared
from archlang.sizes.forms import Form, number, of, total
from archlang.sizes.functions import combined, constant
from archlang.sizes.sets import TooLongError
from archlang.types import SymbolicDim, SymbolicRatio, form_of

Number = int | Fraction
_POWERS = 8
"""The highest power of a size whose form is worked out."""


PLAIN = frozenset({int, bool, str, Fraction, type(None)})
"""What is the same for every input."""


def is_symbolic(value: Any) -> bool:
    """Whether a value depends on the input's sizes; a list does where an item does."""
    kind = type(value)
    if kind in PLAIN:
        return False
    if kind is list or kind is tuple:
        return any(map(is_symbolic, value))
    return kind is SymbolicDim or kind is SymbolicRatio


def are_numbers(*values: Any) -> bool:
    """Whether all are numbers."""
    return all(isinstance(v, (int, Fraction)) and not isinstance(v, bool) for v in values)


def kept(
    value: Number, operands: Sequence[Number], rule: Callable[..., Form | None] | None
) -> Number:
    """``value`` as what ``rule`` makes of the operands' forms; None where it has no form."""

    def form() -> Form | None:
        parts = tuple(form_of(v) for v in operands)
        return None if rule is None or None in parts else _made(rule, parts)

    names: frozenset[str] = frozenset()
    for operand in operands:
        if isinstance(operand, (SymbolicDim, SymbolicRatio)):
            names = names | operand.symbols if names else operand.symbols
    if isinstance(value, int):
        return SymbolicDim(value, names, made=form)
    return SymbolicRatio(value, names, form)


@lru_cache(maxsize=4096)
def _made(rule: Callable[..., Form | None], parts: tuple[Form | None, ...]) -> Form | None:
    """What a rule makes of forms: a function of one size as one atom.

    So ``(H - 2)*(W - 2)`` is what a flatten gives.
    """
    try:
        form = rule(*parts)
        if form is None or (len(form.terms) == 1 and min(form.terms.values()) > 0):
            return form
        made = form.function()
    except TooLongError:
        return None
    return of(*made[:2]) if made is not None and made[2] == 1 else form


def arithmetic(symbol: str, left: Number, right: Number, value: Number) -> Number:
    """What an operator gives, ``value`` at the sizes that are checked."""
    if (
        type(right) is int
        and right == 1
        and (symbol in "**/" or (symbol == "//" and _is_size(left)))
    ):
        return left
    return kept(value, (left, right), _OPERATORS[symbol])


def _is_size(value: Number) -> bool:
    """Whether layers made a number: it is whole, whatever the input."""
    return isinstance(value, SymbolicDim) and value.atom is not None


def negative(value: Number) -> Number:
    """The number with the other sign."""
    return kept(-value, (value,), _negated)


def function(name: str, values: Sequence[Number], value: Number) -> Number:
    """What a function of numbers gives, ``value`` at the sizes that are checked."""
    if name in ("ceil", "floor") and _is_size(values[0]):
        return values[0]
    return kept(value, values, _FUNCTIONS.get(name))


def claim(left: Number, relation: str, right: Number) -> Claim:
    """That two numbers stand so to each other."""
    return Compared(form_of(left), relation, form_of(right))


def _negated(a: Form) -> Form:
    return a.times(-1)


def _summed(*parts: Form) -> Form:
    return total(parts)


def _divided(a: Form, b: Form) -> Form | None:
    return None if b.names else a.times(Fraction(1) / b.free)


def _floored(a: Form, b: Form) -> Form | None:
    quotient = _divided(a, b)
    return None if quotient is None else quotient.floor()


def _rest(a: Form, b: Form) -> Form | None:
    floor = _floored(a, b)
    return None if floor is None else a - floor * b


def _power(a: Form, b: Form) -> Form | None:
    if b.names or b.free not in range(_POWERS + 1):
        return None
    return reduce(Form.__mul__, [a] * int(b.free), number(1))


def _ceiled(a: Form) -> Form | None:
    floor = a.times(-1).floor()
    return None if floor is None else floor.times(-1)


def _extreme(choose: Callable[[int, int], int]) -> Callable[..., Form | None]:
    def both(a: Form | None, b: Form) -> Form | None:
        if a is None or len(a.names | b.names) != 1:
            return None
        (name,) = a.names | b.names
        made = [(p.function() if p.names else (name, constant(int(p.free)), p.free.denominator))
                for p in (a, b)]  # fmt: skip
        functions = [m[1] for m in made if m is not None and m[2] == 1]
        if len(functions) != 2:
            return None
        return of(name, combined(functions[0], functions[1], choose, ordered=True))

    return lambda first, *rest: reduce(both, rest, first)


_OPERATORS: dict[str, Callable[[Form, Form], Form | None]] = {
    "+": Form.__add__, "-": Form.__sub__, "*": Form.__mul__, "/": _divided,
    "//": _floored, "%": _rest, "**": _power,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Form | None]] = {
    "ceil": _ceiled, "floor": Form.floor, "min": _extreme(min), "max": _extreme(max),
    "sum": _summed,
}  # fmt: skip
