"""What flows through a network: sizes, shapes and the rules that map them.

A size is a ``Dim``. Every ``Dim`` is an ``int``, its value at the input size that the
network is checked with. A ``SymbolicDim`` is one that depends on the input's size, and
says how; sizes that do not are plain integers. Layers never compute a size along a spatial
axis by themselves: they hand a ``SizeRule`` to ``through``, so that what is known of a size
for every input stays known behind any layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple, TypeAlias

from archlang.sizes import forms
from archlang.sizes.forms import Form
from archlang.sizes.functions import INPUT, Function, SizeRule as SizeRule, after
from archlang.sizes.sets import TooLongError

Dim: TypeAlias = int
Shape: TypeAlias = tuple[Dim, ...]


class SymbolicDim(int):
    """A size that depends on the sizes of the input; as an ``int``, its value at their defaults.

    ``symbols`` names those sizes. ``atom`` is the size as a function of one of them, where it
    is one that layers made; ``form`` is it in general.
    """

    symbols: frozenset[str]
    atom: tuple[str, Function] | None
    made: Callable[[], Form | None] | None
    unknown: str
    """Why it cannot be stated for every input, where that is known."""

    def __new__(
        cls,
        value: int,
        symbols: Iterable[str],
        atom: tuple[str, Function] | None = None,
        made: Callable[[], Form | None] | None = None,
        unknown: str = "",
    ) -> SymbolicDim:
        dim = int.__new__(cls, value)
        dim.symbols = symbols if isinstance(symbols, frozenset) else frozenset(symbols)
        dim.atom, dim.made, dim.unknown = atom, made, unknown
        return dim

    @cached_property
    def form(self) -> Form | None:
        """The size for every input; None where it cannot be stated."""
        if self.atom is not None:
            return forms.of(*self.atom)
        return self.made() if self.made is not None else None

    @cached_property
    def function(self) -> tuple[str, Function] | None:
        """The name of an input size, and the function of it that this size is, if it is one.

        Raises ``TooLongError``.
        """
        if self.atom is not None or self.form is None:
            return self.atom
        found = self.form.function()
        return found[:2] if found is not None and found[2] == 1 else None


class SymbolicRatio(Fraction):
    """A number that depends on the sizes of the input, not whole at their defaults: ``H/3``."""

    symbols: frozenset[str]
    made: Callable[[], Form | None]

    def __new__(
        cls, value: Fraction, symbols: Iterable[str], made: Callable[[], Form | None]
    ) -> SymbolicRatio:
        ratio = super().__new__(cls, value)
        ratio.symbols, ratio.made = frozenset(symbols), made
        return ratio

    @cached_property
    def form(self) -> Form | None:
        """The number for every input; None where it cannot be stated."""
        return self.made()


def input_dim(value: int, name: str) -> SymbolicDim:
    """The input size ``name``, ``value`` by default."""
    return _made(int(value), frozenset((name,)), name, INPUT)


@lru_cache(maxsize=4096)
def _made(value: int, symbols: frozenset[str], name: str, function: Function) -> SymbolicDim:
    """A size that layers made: the same one for the same function, so that it is known again."""
    return SymbolicDim(value, symbols, (name, function))


def symbols(dim: Dim) -> frozenset[str]:
    """The input sizes that ``dim`` depends on, by name."""
    return dim.symbols if isinstance(dim, SymbolicDim) else frozenset()


def form_of(size: Dim | Fraction) -> Form | None:
    """A size for every input; None where it cannot be stated."""
    if isinstance(size, (SymbolicDim, SymbolicRatio)):
        return size.form
    return forms.number(size if isinstance(size, Fraction) else int(size))


def derived(
    value: int, *dims: Dim, made: Callable[[tuple[Form, ...]], Form | None] | None = None
) -> Dim:
    """``value``, computed from ``dims``, keeping what they depend on.

    ``made`` says how, as forms; without it, nothing is known but the value.
    """
    names: frozenset[str] = frozenset()
    for dim in dims:
        if isinstance(dim, SymbolicDim):
            names = names | dim.symbols if names else dim.symbols
    if not names:
        return int(value)

    def form() -> Form | None:
        parts = [form_of(d) for d in dims]
        whole = tuple(p for p in parts if p is not None)
        return made(whole) if made is not None and len(whole) == len(parts) else None

    return SymbolicDim(value, names, made=form)


def through(dim: Dim, rule: SizeRule) -> Dim | None:
    """The size after ``rule``; None where it rejects the size."""
    value = rule.of(int(dim))
    if value is None or (rule.period, rule.step, rule.start) == (1, 0, 1):
        return value  # the same for every size, so it depends on none
    if not isinstance(dim, SymbolicDim):
        return int(value)
    if value == dim and (rule.period, rule.step, rule.start) == (1, 1, 1):
        return dim  # it moves as the size does, and so is the size
    try:
        known = dim.atom or dim.function
        if known is None:
            return SymbolicDim(value, dim.symbols)
        made = after(known[1], rule)
        if made == known[1] and dim.atom is not None:
            return dim
        return _made(value, dim.symbols, known[0], made)
    except TooLongError as error:
        return SymbolicDim(value, dim.symbols, unknown=str(error))


class Condition(NamedTuple):
    """Two sizes that stand so to each other at the default input, and must for every input."""

    left: Dim
    right: Dim
    relation: str = "=="


_heard: list[list[Condition]] = []


class Heard:
    """Inside, ``conditions`` are those on the input under which what is asked comes out so.

    A class, not a generator: every layer of a network is asked inside one.
    """

    __slots__ = ("conditions",)

    def __enter__(self) -> Heard:
        self.conditions: list[Condition] = []
        _heard.append(self.conditions)
        return self

    def __exit__(self, *error: object) -> None:
        _heard.pop()


def same(a: Dim, b: Dim) -> bool:
    """Whether two sizes are equal. Where only some inputs make them so, that is a condition."""
    if int(a) != int(b):
        return False
    if _heard and (symbols(a) or symbols(b)) and not alike(a, b):
        _heard[-1].append(Condition(a, b))
    return True


def alike(a: Dim | Fraction, b: Dim) -> bool:
    """Whether two sizes that depend on the input's are plainly one, for every input."""
    if a is b:
        return True
    atom = getattr(a, "atom", None)
    return atom is not None and atom == getattr(b, "atom", None)


def unlike(a: Dim, b: Dim) -> bool:
    """Whether two sizes differ. Where only some inputs make them so, that is a condition."""
    if int(a) != int(b) and _heard and (symbols(a) or symbols(b)):
        _heard[-1].append(Condition(a, b, "!="))
    return int(a) != int(b)


def divides(parts: int, dim: Dim) -> bool:
    """Whether a size is a multiple of ``parts``; where only some inputs make it so, a condition."""
    rest = int(dim) % parts
    if not rest and isinstance(dim, SymbolicDim):
        same(quotient(dim, parts), derived(dim // parts, dim, made=_over(parts)))
    return not rest


def _over(parts: int) -> Callable[[tuple[Form, ...]], Form]:
    return lambda dims: dims[0].times(Fraction(1, parts))


def quotient(dim: Dim, parts: int) -> Dim:
    """A size divided by a number, rounded down."""
    return derived(int(dim) // parts, dim, made=lambda dims: _over(parts)(dims).floor())


def product(dims: Iterable[Dim]) -> Dim:
    """The product of sizes (1 of none)."""
    dims = tuple(dims)
    return derived(prod(map(int, dims)), *dims, made=forms.product)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of sizes."""
    dims = tuple(dims)
    return derived(sum(map(int, dims)), *dims, made=forms.total)


@lru_cache(maxsize=4096)
def window_rule(
    kernel: int,
    stride: int,
    before: int,
    after: int,
    dilation: int = 1,
    ceil: bool = False,
    least: int = 1,
) -> SizeRule:
    """A window of ``kernel`` sliding by ``stride`` over ``before + n + after``.

    With ``ceil`` the last window may overhang, but must start inside the input or the
    padding before it, as PyTorch has it. An ``n`` below ``least`` is rejected.
    """
    extent = dilation * (kernel - 1) + 1

    def of(n: int) -> int | None:
        room = n + before + after - extent
        if n < least or (room < 0 and not ceil):
            return None
        out = (room + (stride - 1 if ceil else 0)) // stride + 1
        if ceil and (out - 1) * stride >= n + before:
            out -= 1
        return out if out >= 1 else None

    return SizeRule(of, stride, 1, max(least, extent - before - after))


@lru_cache(maxsize=1024)
def transposed_rule(
    kernel: int, stride: int, before: int, after: int, dilation: int, extra: int
) -> SizeRule:
    """A transposed window: the sizes a window of the same figures could have come from."""
    fixed = dilation * (kernel - 1) + extra + 1 - before - after

    def of(n: int) -> int | None:
        out = (n - 1) * stride + fixed
        return out if out >= 1 else None

    return SizeRule(of, 1, stride, max(1, -(-(1 - fixed) // stride) + 1))


@lru_cache(maxsize=256)
def slice_rule(start: int, end: int) -> SizeRule:
    """The part of ``n`` from ``start`` up to ``end``, as Python slices; None of nothing."""

    def of(n: int) -> int | None:
        return len(range(n)[start:end]) or None

    reach = max(abs(start), abs(end))
    if start < 0 <= end:  # too far from the back for every larger size
        return SizeRule(of, 1, 0, reach + abs(start) + abs(end) + 1)
    return SizeRule(of, 1, 1 if end < 0 <= start else 0, max(1, reach, start - end + 1))


@lru_cache(maxsize=256)
def constant_rule(size: int, least: int = 1) -> SizeRule:
    """Whatever comes in, ``size`` comes out. An ``n`` below ``least`` is rejected."""
    return SizeRule(lambda n: size if n >= least else None, 1, 0, least)


@lru_cache(maxsize=256)
def ratio_rule(above: int, below: int) -> SizeRule:
    """``n`` times ``above / below`` in lowest terms, rounded down; None where nothing is left."""
    return SizeRule(lambda n: n * above // below or None, below, above, -(-below // above))


@lru_cache(maxsize=256)
def divided_rule(parts: int) -> SizeRule:
    """One of ``parts`` equal parts of ``n``; None where ``parts`` does not divide it."""
    return SizeRule(lambda n: None if n % parts else n // parts, parts, 1, 1)


def size_text(size: Dim | Fraction) -> str:
    """A size for every input: ``ceil(H/4)``, ``?`` where it is unknown."""
    form = form_of(size)
    return "?" if form is None else str(form)


@dataclass(frozen=True, slots=True)
class Tensor:
    """The shape of a tensor, the batch left out: ``[C, H, W]``, ``[F]``, ``[T, F]``, …"""

    shape: Shape

    @property
    def rank(self) -> int:
        """Number of axes, the batch not counted."""
        return len(self.shape)

    @property
    def channels(self) -> Dim:
        return self.shape[0]

    @property
    def spatial(self) -> Shape:
        """All axes but the channels."""
        return self.shape[1:]

    @property
    def numel(self) -> Dim:
        """Scalars of one sample."""
        return product(self.shape)

    @property
    def plain(self) -> Tensor:
        """The shape at the default input, nothing else known of its sizes."""
        return Tensor(tuple(map(int, self.shape)))

    def with_axis(self, axis: int, size: Dim) -> Tensor:
        return Tensor((*self.shape[:axis], size, *self.shape[axis + 1 :]))

    def __str__(self) -> str:
        return f"[{', '.join(str(int(d)) for d in self.shape)}]"

    def at(self, sizes: Mapping[str, int]) -> Tensor:
        """The shape for an input of these sizes; raises ``ValueError`` where it is not known."""
        values = [None if form is None else form.at(sizes) for form in map(form_of, self.shape)]
        if any(v is None for v in values):
            raise ValueError(f"the shape {self.symbolic} is not known at {dict(sizes)}")
        return Tensor(tuple(int(v) for v in values if v is not None))

    @property
    def shown(self) -> str:
        """The shape for every input with its value at the default beside, where it has one more."""
        if not any(isinstance(d, SymbolicDim) for d in self.shape):
            return str(self)
        return f"{self.symbolic}, here {self}"

    @property
    def symbolic(self) -> str:
        """The shape for every input: ``[64, ceil(H/4), ceil(W/4)]``, ``?`` for what is unknown."""
        return f"[{', '.join(map(size_text, self.shape))}]"
