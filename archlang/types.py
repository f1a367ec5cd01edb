"""What flows through a network: sizes, shapes and the rules that map them.

A size is a ``Dim``. Every ``Dim`` is an ``int``, its value at the input size that the
network is checked with. A ``SymbolicDim`` is one that depends on the input's size, and
says so; sizes that do not are plain integers. Layers never compute a size along a spatial
axis by themselves: they hand a ``SizeRule`` to ``through``, so a new kind of ``Dim`` needs
no change in any layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TypeAlias

from archlang.sizes.functions import SizeRule

Dim: TypeAlias = int
Shape: TypeAlias = tuple[Dim, ...]


class SymbolicDim(int):
    """A size that depends on the sizes of the input; as an ``int``, its value at their defaults."""

    symbols: frozenset[str]

    def __new__(cls, value: int, symbols: Iterable[str]) -> SymbolicDim:
        dim = super().__new__(cls, value)
        dim.symbols = frozenset(symbols)
        return dim


def symbols(dim: Dim) -> frozenset[str]:
    """The input sizes that ``dim`` depends on, by name."""
    return dim.symbols if isinstance(dim, SymbolicDim) else frozenset()


def derived(value: int, *dims: Dim) -> Dim:
    """``value``, computed from ``dims``, keeping what they depend on."""
    names = frozenset().union(*(symbols(d) for d in dims))
    return SymbolicDim(value, names) if names else int(value)


def through(dim: Dim, rule: SizeRule) -> Dim | None:
    """The size after ``rule``; None where it rejects the size."""
    value = rule.of(int(dim))
    if value is None or (rule.period, rule.step, rule.start) == (1, 0, 1):
        return value  # the same for every size, so it depends on none
    return derived(value, dim)


def same(a: Dim, b: Dim) -> bool:
    """Whether two sizes are equal."""
    return int(a) == int(b)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of sizes (1 of none)."""
    dims = tuple(dims)
    return derived(prod(dims), *dims)


def total(dims: Iterable[Dim]) -> Dim:
    """The sum of sizes."""
    dims = tuple(dims)
    return derived(sum(dims), *dims)


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
def constant_rule(size: int) -> SizeRule:
    """Whatever comes in, ``size`` comes out."""
    return SizeRule(lambda n: size, 1, 0, 1)


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

    def with_axis(self, axis: int, size: Dim) -> Tensor:
        return Tensor((*self.shape[:axis], size, *self.shape[axis + 1 :]))

    def __str__(self) -> str:
        return f"[{', '.join(str(int(d)) for d in self.shape)}]"
