"""Expressions of the language as Python text, and what such text comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from types import CodeType
from typing import Any

from archlang.arguments import plain
from archlang.syntax import ast

_BINDS = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8,
}  # fmt: skip
_ATOM = 9
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
FUNCTIONS = {
    "ceil": "math.ceil", "floor": "math.floor", "round": "round",
    "abs": "abs", "min": "min", "max": "max", "sum": "sum", "len": "len", "range": "range",
}  # fmt: skip
_SCOPE = {
    "__builtins__": {}, "math": math, "round": round, "min": min, "max": max, "sum": sum,
    "len": len, "range": range, "abs": abs,
}  # fmt: skip


class UnsayableError(ValueError):
    """An expression has no Python text, or a value is none that Python source can hold."""


def python_value(value: Any) -> Any:
    """A value of the language as Python has it; raises where it is no plain value."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, tuple):
        return plain(tuple(int(v) for v in value))
    if isinstance(value, list):
        return [python_value(v) for v in value]
    raise UnsayableError(value)


class Writer:
    """Writes expressions: ``names`` are those it may use, and what Python calls them.

    ``constants`` are values to put in place of other names. With ``exact``, ``/`` is
    Python's; without, it is ``//``, for divisions that come out whole.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        constants: Mapping[str, Any],
        exact: bool = True,
        functions: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        self.names, self.constants, self.exact = names, constants, exact
        self.functions = functions or {}
        self.inlined: Mapping[str, ast.Expr] = {}
        """Names to write as the expressions that they stand for."""

    def text(self, node: ast.Expr) -> str:
        """Python text; raises ``UnsayableError``."""
        return self.write(node)[0]

    def write(self, node: ast.Expr) -> tuple[str, int]:
        match node:
            case ast.Number() | ast.Truth() | ast.String() | ast.SizeLiteral():
                return literal(python_value(_literal(node))), _ATOM
            case ast.Name() if node.name in self.inlined:
                return self.write(self.inlined[node.name])
            case ast.Name():
                return self.name(node.name), _ATOM
            case ast.ListLiteral():
                return f"[{', '.join(self.text(i) for i in node.items)}]", _ATOM
            case ast.Binary() if not is_literal(node):
                return self.binary(node)
            case ast.Binary():
                return literal(evaluate(self.binary(node)[0], {})), _ATOM
            case ast.Unary():
                binds, sign = (3, "not ") if node.operator == "not" else (7, "-")
                return sign + self.tight(node.operand, binds), binds
            case ast.Conditional():
                then, test = self.tight(node.then, 1), self.tight(node.test, 1)
                return f"{then} if {test} else {self.text(node.otherwise)}", 0
            case ast.Call():
                return self.call(node), _ATOM
            case ast.Index():
                return f"{self.tight(node.base, _ATOM)}[{self.text(node.index)}]", _ATOM
            case ast.Slice():
                low, high = (self.text(e) if e else "" for e in (node.low, node.high))
                return f"{self.tight(node.base, _ATOM)}[{low}:{high}]", _ATOM
        raise UnsayableError(node)

    def name(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        if name in self.constants:
            return literal(python_value(self.constants[name]))
        raise UnsayableError(name)

    def call(self, node: ast.Call) -> str:
        texts = [(f"{a.name}=" if a.name else "") + self.text(a.value) for a in node.args]
        if node.name in self.functions:
            return f"{self.functions[node.name]()}({', '.join(texts)})"
        if node.name in FUNCTIONS and node.name not in self.names:
            return f"{FUNCTIONS[node.name]}({', '.join(texts)})"
        raise UnsayableError(node.name)

    def tight(self, node: ast.Expr, least: int) -> str:
        text, binds = self.write(node)
        return text if binds >= least else f"({text})"

    def binary(self, node: ast.Binary) -> tuple[str, int]:
        binds = _BINDS[node.operator]
        if node.operator == "**":
            raised = self.tight(node.right, 7)
            simple = isinstance(node.left, (ast.Name, ast.Number)) and raised.isalnum()
            gap = "" if simple else " "
            return f"{self.tight(node.left, _ATOM)}{gap}**{gap}{raised}", binds
        compares = binds == 4
        left = self.tight(node.left, binds + 1 if compares else binds)
        right = self.tight(node.right, 3 if node.operator == "and" else binds + 1)
        operator = "//" if node.operator == "/" and not self.exact else node.operator
        return f"{left} {operator} {right}", binds


def _literal(node: ast.Number | ast.Truth | ast.String | ast.SizeLiteral) -> Any:
    return node.values if isinstance(node, ast.SizeLiteral) else node.value


def is_literal(node: ast.Expr) -> bool:
    """Whether an expression names nothing."""
    match node:
        case ast.Number() | ast.Truth() | ast.String() | ast.SizeLiteral():
            return True
        case ast.Unary():
            return is_literal(node.operand)
        case ast.Binary():
            return is_literal(node.left) and is_literal(node.right)
        case ast.ListLiteral():
            return all(map(is_literal, node.items))
    return False


def opposite(node: ast.Expr) -> ast.Expr:
    """The expression that is true where ``node`` is false."""
    match node:
        case ast.Unary(operator="not"):
            return node.operand
        case ast.Binary() if node.operator in _OPPOSITE:
            return ast.Binary(node.start, node.end, _OPPOSITE[node.operator], node.left, node.right)
        case ast.Binary(operator="and" | "or"):
            other = "or" if node.operator == "and" else "and"
            left, right = opposite(node.left), opposite(node.right)
            return ast.Binary(node.start, node.end, other, left, right)
    return ast.Unary(node.start, node.end, "not", node)


def literal(value: Any) -> str:
    """A value as Python source, in the style of formatters."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


@lru_cache(maxsize=8192)
def _compiled(text: str) -> CodeType:
    return compile(text, "<expression>", "eval")


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """What Python text comes to; raises ``UnsayableError`` where it has no value."""
    try:
        return eval(_compiled(text), {**_SCOPE, **values})
    except Exception as error:
        raise UnsayableError(text) from error


@lru_cache(maxsize=8192)
def names_in(text: str) -> frozenset[str]:
    """The names that Python text uses."""
    return frozenset(n for n in _compiled(text).co_names) | frozenset(_inner(_compiled(text)))


def _inner(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from constant.co_names
            yield from _inner(constant)


def agrees(found: Any, wanted: Any) -> bool:
    """Whether a computed value may stand for one of the spec.

    A whole number must come out as one. A float may differ from the spec's exact fraction
    in its last bits, as floats that are computed do.
    """
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, int):
        return isinstance(found, int) and found == wanted
    if isinstance(wanted, float):
        return isinstance(found, (int, float)) and math.isclose(found, wanted, rel_tol=1e-12)
    if isinstance(wanted, (tuple, list)):
        same = type(found) is type(wanted) and len(found) == len(wanted)
        return same and all(map(agrees, found, wanted))
    return type(found) is type(wanted) and bool(found == wanted)


def type_text(values: list[Any]) -> str:
    """The annotation of a parameter that takes these values."""
    kinds = {_kind(v) for v in values}
    if kinds == {"int", "float"}:
        kinds = {"float"}
    return " | ".join(sorted(kinds, key=lambda k: (k == "None", len(k), k)))


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_kind(v) for v in value)}]"
    if isinstance(value, list):
        inner = type_text(value) if value else "int"
        return f"list[{inner}]"
    if isinstance(value, (bool, int, float, str)):
        return type(value).__name__
    return "nn.Module"
