"""What the operators of the language make of two numbers, exactly."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from archlang.elaborate import symbolic
from archlang.elaborate.builtins import bits
from archlang.elaborate.problem import fail
from archlang.elaborate.scope import Env
from archlang.elaborate.values import whole
from archlang.limits import advice
from archlang.syntax import ast

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": Fraction,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
}  # fmt: skip
NUMERIC = frozenset(_OPERATORS) - {"+"}
"""Those of numbers alone: lists are added too."""
_WHOLE = frozenset("+-*")
"""Those that make of whole numbers a whole one."""


def arithmetic(node: ast.Binary, left: Any, right: Any, env: Env, most: int) -> int | Fraction:
    """The value of ``node``, whose sides have these values; ``most`` bits long at most."""
    symbol = node.operator
    if type(left) is int and type(right) is int and symbol in _WHOLE:
        made: int = _OPERATORS[symbol](left, right)
        if made.bit_length() <= most:
            return made
    if symbol in ("/", "//", "%") and right == 0:
        fail("A108", "a division by zero", env.span(node))
    if symbol == "**":
        left, right = _power(node, left, right, env, most)
    value = whole(_OPERATORS[symbol](left, right))
    if bits(value) > most:
        message = f"a number of more than {most} bits"
        fail("A001", message, env.span(node), help=advice("bits"))
    if type(left) in symbolic.PLAIN and type(right) in symbolic.PLAIN:
        return value
    return symbolic.arithmetic(symbol, left, right, value)


def _power(node: ast.Binary, left: Any, right: Any, env: Env, most: int) -> tuple[Any, int]:
    """A base and an exponent that is not below 0; raises where the power has no value."""
    if not isinstance(right, int):
        message = "a power that is not a whole number has no exact value"
        fail("A108", message, env.span(node))
    if abs(right) * (bits(left) - 1) > most:
        message = f"a power of more than {most} bits"
        fail("A001", message, env.span(node), help=advice("bits"))
    if right >= 0:
        return left, right
    if left == 0:
        fail("A108", "a division by zero", env.span(node))
    return Fraction(1) / left, -right
