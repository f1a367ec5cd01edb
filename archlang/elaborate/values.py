"""What an expression may come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    from archlang.elaborate.spent import Worked

Key: TypeAlias = tuple[Any, ...]
Value: TypeAlias = Any
"""int, Fraction, bool, str, tuple (a size), list, or one of the classes here."""


class _Written:
    """A value that is printed as a user would write it: what it sees is no part of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return written(self)


@dataclass(slots=True, unsafe_hash=True)  # frozen, each of many would take three times as long
class Given:
    """An argument: its value and where it was written. It is not changed."""

    name: str | None
    value: Value
    span: Span = field(compare=False)
    origin: Origin | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class BlockDef:
    """A block, and the names that its body sees."""

    node: ast.Block
    env: Env
    parameters: list[Parameter] = field(init=False, repr=False)
    plain: Partial = field(init=False, repr=False)
    """It without arguments."""

    def __post_init__(self) -> None:
        self.parameters = parameters(self.node.params)
        self.plain = Partial(self)


@dataclass(slots=True, eq=False, repr=False)
class Function(_Written):
    """``let name(parameters) = value``, with the names that stood before it."""

    node: ast.Let
    env: Env
    parameters: list[Parameter] = field(init=False, repr=False)
    known: dict[Key, Worked] = field(default_factory=dict, repr=False)
    """What it is of plain values: it sees nothing else, so that it is the same again."""

    def __post_init__(self) -> None:
        self.parameters = parameters(self.node.params or [])


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """What a name stands for whose value could not be worked out, and why."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True, repr=False)
class Builtin(_Written):
    """A function of the language, by its name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measure(_Written):
    """A figure of a network that takes arguments, as ``memory(batch=64)`` does."""

    name: str
    parameters: tuple[Parameter, ...]
    of: Callable[..., int]


@dataclass(slots=True, unsafe_hash=True, repr=False)  # as those of Given: it is not changed
class Partial(_Written):
    """A layer or block, with some of its arguments or none, each with its parameter's name."""

    target: type[Op] | BlockDef
    given: tuple[Given, ...] = ()

    @property
    def name(self) -> str:
        return self.target.node.name if isinstance(self.target, BlockDef) else self.target.name

    @property
    def parameters(self) -> list[Parameter]:
        target = self.target
        return target.parameters if isinstance(target, BlockDef) else target.parameters()

    @property
    def kind(self) -> str:
        return "block" if isinstance(self.target, BlockDef) else "layer"


def parameters(params: list[ast.Param]) -> list[Parameter]:
    """The parameters of a block, model or function as arguments are bound to them."""
    return [Parameter(p.name, p.default is None) for p in params]


@dataclass(slots=True, eq=False, repr=False)
class SharedNetwork(_Written):
    """``shared name = chain``: the chain, the names it sees, and its path."""

    node: ast.Shared
    env: Env
    path: str
    runs: list[tuple[str, str]] | None = None
    """What its first use ran: layers by path. Every use must run the same."""


class UnlikeError(Exception):
    """A value of which it is not known what it leads to."""


def plain(given: Iterable[Given]) -> Key:
    """Arguments as what they lead to; raises ``UnlikeError`` where another value may be alike."""
    key = []
    for argument in given:
        value = argument.value
        kind = type(value)
        key.append((argument.name, kind, value if kind in _SCALARS else _plain(value)))
    return tuple(key)


_SCALARS = frozenset({int, bool, str})


def _plain(value: Value) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return kind, value
    if kind is Fraction:  # its own hash is that of the float that may equal it, and slow
        return kind, value.as_integer_ratio()
    if kind is tuple or kind is list:
        return kind, tuple(map(_plain, value))
    if kind is Partial:
        return value.target, plain(value.given)
    raise UnlikeError


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


_AS_IT_IS = frozenset({bool, str, tuple})


def written(value: Value, depth: int = 0) -> str:
    """A value as a user would write it; long and deep lists are cut short."""
    if type(value) is int:
        return str(value)
    if type(value) in _AS_IT_IS:
        return format_value(value)
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
