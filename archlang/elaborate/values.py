"""What an expression may come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from archlang.diagnostic import Diagnostic
from archlang.elaborate.unknown import Unknown
from archlang.op import Op, Parameter, format_value
from archlang.source import Span
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.origins import Origin
    from archlang.elaborate.scope import Env

Value: TypeAlias = Any
"""int, Fraction, bool, str, tuple (a size), list, or one of the classes here."""


@dataclass(slots=True, unsafe_hash=True)  # frozen, each of many would take three times as long
class Given:
    """An argument: its value and where it was written. It is not changed."""

    name: str | None
    value: Value
    span: Span = field(compare=False)
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class BlockDef:
    """A block, and the names that its body sees."""

    node: ast.Block
    env: Env


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """``let name(parameters) = value``, with the names that stood before it."""

    node: ast.Let
    env: Env


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """What a name stands for whose value could not be worked out, and why."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function of the language, by its name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A figure of a network that takes arguments, as ``memory(batch=64)`` does."""

    name: str
    parameters: tuple[Parameter, ...]
    of: Callable[..., int]


@dataclass(frozen=True, slots=True)
class Partial:
    """A layer or block, with some of its arguments or none, each with its parameter's name."""

    target: type[Op] | BlockDef
    given: tuple[Given, ...] = ()

    @property
    def name(self) -> str:
        return self.target.node.name if isinstance(self.target, BlockDef) else self.target.name

    @property
    def parameters(self) -> list[Parameter]:
        if isinstance(self.target, BlockDef):
            return parameters(self.target.node.params)
        return self.target.parameters()

    @property
    def kind(self) -> str:
        return "block" if isinstance(self.target, BlockDef) else "layer"


def parameters(params: list[ast.Param]) -> list[Parameter]:
    """The parameters of a block, model or function as arguments are bound to them."""
    return [Parameter(p.name, p.default is None) for p in params]


@dataclass(slots=True, eq=False)
class SharedNetwork:
    """``shared name = chain``: the chain, the names it sees, and its path."""

    node: ast.Shared
    env: Env
    path: str
    runs: list[tuple[str, str]] | None = None
    """What its first use ran: layers by path. Every use must run the same."""


def describe(value: Value) -> str:
    """The kind of a value, in words."""
    match value:
        case bool():
            return "a truth value"
        case int() | Fraction():
            return "a number"
        case str():
            return "a word"
        case tuple():
            return "a size"
        case list():
            return "a list"
        case Partial():
            return f"a {value.kind}"
        case Function() | Builtin():
            return "a function"
        case Unknown():
            return "a `?`"
        case SharedNetwork():
            return "a shared network"
        case Measure():
            return f"a figure that takes arguments, as in `{value.name}(…)`"
    raise TypeError(f"no kind for {value!r}")


def written(value: Value, depth: int = 0) -> str:
    """A value as a user would write it; long and deep lists are cut short."""
    match value:
        case Fraction():
            return format_value(float(value))
        case list():
            if depth == 3:
                return "[…]"
            items = [written(v, depth + 1) for v in value[:8]] + ["…"] * (len(value) > 8)
            return f"[{', '.join(items)}]"
        case Partial():
            args = [(f"{g.name}=" if g.name else "") + written(g.value) for g in value.given]
            return f"{value.name}({', '.join(args)})" if args else value.name
        case Function() | SharedNetwork():
            return value.node.name
        case Builtin() | Measure():
            return value.name
        case Unknown():
            return "?"
        case _:
            return format_value(value)


def whole(value: Fraction | int) -> int | Fraction:
    """A number in its simplest form: a fraction that is whole becomes an ``int``."""
    return value if isinstance(value, int) or value.denominator != 1 else value.numerator
