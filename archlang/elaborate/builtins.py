"""The functions of the language that take numbers: ``range``, ``min``, ``ceil``, …"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from archlang.elaborate.origins import made_at
from archlang.elaborate.problem import fail
from archlang.elaborate.values import Given, Value, describe, whole, written
from archlang.source import Span

_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "round": round, "ceil": ceil, "floor": floor, "abs": abs,
}  # fmt: skip
BUILTINS = ("range", *_OF_ONE, "min", "max", "len", "sum")


def numbers(name: str, values: list[Any], span: Span) -> list[Any]:
    """The numbers that a function is given: one by one, or as a list."""
    if name in ("min", "max", "sum") and len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = list(values[0])
    elif name == "sum":
        fail("A104", "`sum` takes a list", span)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
            fail("A105", f"`{name}` takes numbers, not {describe(value)}", span)
    return values


def of_numbers(name: str, values: Sequence[Any], span: Span) -> Value:
    """What a function makes of numbers."""
    if name == "sum":
        return whole(sum(values))
    if name in ("min", "max"):
        if not values:
            fail("A108", f"the {name} of nothing", span)
        return min(values) if name == "min" else max(values)
    if len(values) != 1:
        fail("A104", f"`{name}` takes one number", span)
    return _OF_ONE[name](values[0])


def numbers_from(
    values: Sequence[Any],
    given: Sequence[Given],
    span: Span,
    listed: Callable[[int, Span], None],
) -> list[int]:
    """``range`` of what is ``given``, which has these ``values``.

    ``listed`` is told how long the list will be, and raises where it is too long.
    """
    if not 1 <= len(values) <= 3:
        fail("A104", "`range` takes one to three whole numbers", span)
    for value, argument in zip(values, given, strict=True):
        if not isinstance(value, int):
            origin = made_at(argument.origin) if argument.origin is not None else None
            message = f"`range` takes whole numbers, not `{written(value)}`"
            fail("A105", message, argument.span, written=origin)
    if len(values) == 3 and values[2] == 0:
        fail("A108", "`range` with a step of zero has no end", span)
    found = range(*(int(v) for v in values))
    listed(len(found) if bits(max(values, key=abs)) <= 60 else 2**60, span)
    return list(found)


def bits(value: int | Fraction) -> int:
    """How long a number is."""
    if isinstance(value, int):
        return value.bit_length()
    return max(value.numerator.bit_length(), value.denominator.bit_length())
