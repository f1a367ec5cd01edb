"""The kinds of argument that layers take, and how each is checked and spread over axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from pydantic import PlainValidator

from archlang.op import LayerError, Op, format_value
from archlang.wording import count

LARGEST = 2**31 - 1
"""The largest number a layer takes: PyTorch's own sizes overflow not far above it."""


def _whole(value: object, least: int, kind: str = "a whole number") -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be {kind}, not `{format_value(value)}`")
    if value < least:
        raise ValueError(f"must be at least {least}, not {int(value)}")
    if value > LARGEST:
        raise ValueError(f"is {int(value):,}; the largest that a layer takes is {LARGEST:,}")
    return int(value)


def _sized(value: object, least: int) -> int | tuple[int, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(_whole(v, least) for v in value)
    return _whole(value, least, "a whole number or a size such as 3x3")


def _padding(value: object) -> Any:
    if value in ("same", "valid"):
        return value
    if isinstance(value, str):
        raise ValueError(f"must be `same`, `valid`, a number or a size, not `{value}`")
    return _margins(value)


def _margins(value: object) -> Any:
    if isinstance(value, list):
        if not all(isinstance(v, (list, tuple)) and len(v) == 2 for v in value):
            raise ValueError(
                "as a list has one pair [before, after] for each axis, like [[1, 2], [1, 2]]"
            )
        return [[_whole(a, 0), _whole(b, 0)] for a, b in value]
    return _sized(value, 0)


def _ratio(value: object) -> int | Fraction:
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        raise ValueError(f"must be a number, not `{format_value(value)}`")
    ratio = Fraction(value)
    if ratio <= 0:
        raise ValueError(f"must be more than 0, not {format_value(value)}")
    if max(ratio.numerator, ratio.denominator) > LARGEST:
        raise ValueError(f"as a ratio of whole numbers takes them up to {LARGEST:,}")
    return ratio.numerator if ratio.denominator == 1 else ratio


def _ratios(value: object) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_ratio(v) for v in value)
    return _ratio(value)


def _number(value: object, kind: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        raise ValueError(f"must be {kind}, not `{format_value(value)}`")
    return float(value)


def _probability(value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"is a probability, from 0 to 1, not {format_value(value)}")
    return number


def _numbers(value: object) -> float | list[float]:
    if isinstance(value, list):
        return [_number(v) for v in value]
    return _number(value, "a number or a list of numbers")


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be `true` or `false`, not `{format_value(value)}`")
    return value


def _wholes(value: object) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)):
        raise ValueError(f"must be a list of whole numbers, not `{format_value(value)}`")
    return tuple(_whole(v, -LARGEST) for v in value)


def _sizes(value: object) -> list[int]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of sizes, like [1, 768], not `{format_value(value)}`")
    for size in value:
        _whole(size, 1)
    return list(value)


def _lengths(value: object) -> list[int]:
    if not isinstance(value, list):
        raise ValueError(f"must be sizes, of which one may be -1, not `{format_value(value)}`")
    for size in value:
        if size != -1:
            _whole(size, 1)
    return list(value)


# The last part of each says what it takes: the reference documentation shows it.

Whole: TypeAlias = Annotated[int, PlainValidator(lambda v: _whole(v, -LARGEST)), "a whole number"]
PositiveInt: TypeAlias = Annotated[
    int, PlainValidator(lambda v: _whole(v, 1)), "a whole number from 1"
]
Size: TypeAlias = Annotated[
    int | tuple[int, ...], PlainValidator(lambda v: _sized(v, 1)), "a size or a number, from 1"
]
"""A whole number that holds for every axis, or one for each (``3x3``), each at least 1."""
NaturalSize: TypeAlias = Annotated[
    int | tuple[int, ...], PlainValidator(lambda v: _sized(v, 0)), "a size or a number, from 0"
]
Padding: TypeAlias = Annotated[
    Literal["same", "valid"] | int | tuple[int, ...] | list[list[int]],
    PlainValidator(_padding),
    "`same`, `valid`, a number, a size or pairs",
]
"""``same``, ``valid``, a number, a size, or a list of pairs ``[before, after]``, one an axis."""
Margins: TypeAlias = Annotated[
    int | tuple[int, ...] | list[list[int]],
    PlainValidator(_margins),
    "a number, a size or pairs",
]
"""A number, a size, or a list of pairs ``[before, after]``, one an axis."""
Ratios: TypeAlias = Annotated[
    int | Fraction | tuple[int, ...] | list[int | Fraction] | None,
    PlainValidator(_ratios),
    "a number, a size or a list of numbers, more than 0",
]
"""Exact numbers more than 0: one that holds for every axis, or one for each; may be left out."""
Number: TypeAlias = Annotated[float, PlainValidator(_number), "a number"]
Numbers: TypeAlias = Annotated[
    float | list[float], PlainValidator(_numbers), "a number or a list of numbers"
]
Probability: TypeAlias = Annotated[float, PlainValidator(_probability), "a number from 0 to 1"]
Truth: TypeAlias = Annotated[bool, PlainValidator(_truth), "`true` or `false`"]
Axes: TypeAlias = Annotated[tuple[int, ...], PlainValidator(_wholes), "whole numbers"]
Sizes: TypeAlias = Annotated[list[int], PlainValidator(_sizes), "a list of sizes"]
"""A list of sizes; those that depend on the input's still say so."""
Lengths: TypeAlias = Annotated[list[int], PlainValidator(_lengths), "sizes, of which one may be -1"]
"""Sizes, and -1 for what is left; those that depend on the input's still say so."""
OptionalSize: TypeAlias = Annotated[
    int | tuple[int, ...] | None,
    PlainValidator(lambda v: _sized(v, 1)),
    "a size or a number, from 1",
]
"""A size that may be left out."""
OptionalNumber: TypeAlias = Annotated[float | None, PlainValidator(_number), "a number"]
"""A number that may be left out."""
OptionalWhole: TypeAlias = Annotated[
    int | None, PlainValidator(lambda v: _whole(v, -LARGEST)), "a whole number"
]
"""A whole number that may be left out."""


NATURAL = 1024
"""The largest number that is tried one by one for a `?`."""


def natural(op: type[Op], field: str) -> Sequence[Any] | None:
    """What a `?` for a parameter of a layer may be; None where it is no matter of shapes.

    Truths and words are all there are of them. Of numbers these are the first whole ones, from 0
    or 1: a size with several axes has the same along each, a padding the same on both sides.
    """
    info = op.model_fields[field]
    found = (m.func for m in info.metadata if isinstance(m, PlainValidator))
    check: Any = next(found, None)

    def taken(value: object) -> Any:
        try:
            return None if check is None else check(value)
        except ValueError:
            return None

    if taken(True) is not None:
        return (False, True)
    first = next((n for n in (0, 1) if taken(n) is not None), None)
    if first is None:
        return sorted(words(op, field)) or range(NATURAL + 1)
    return None if isinstance(taken(first), float) else range(first, NATURAL + 1)


def margins(
    value: int | tuple[int, ...] | list[list[int]], axes: int, field: str
) -> tuple[tuple[int, int], ...]:
    """``value`` before and after each axis; raises where it is given for another number."""
    if not isinstance(value, list):
        return tuple((n, n) for n in per_axis(value, axes, field))
    if len(value) != axes:
        raise LayerError(
            f"`{field}` gives {count(len(value), 'pair')}, one for each axis, "
            f"but the tensor has {axes} beside its channels",
            field=field,
        )
    return tuple((before, after) for before, after in value)


def per_axis(value: int | Sequence[int], axes: int, field: str) -> tuple[int, ...]:
    """``value`` for each of ``axes`` axes; raises where it is given for another number of them."""
    if isinstance(value, int):
        return (value,) * axes
    if len(value) != axes:
        raise LayerError(
            f"`{field}` {format_value(tuple(value))} is for {count(len(value), 'axis')}, "
            f"but the tensor has {axes} beside its channels",
            field=field,
        )
    return tuple(value)


def other_sizes(
    now: tuple[int, ...], most: tuple[int, ...], first: tuple[int, ...] | None = None
) -> Iterator[int | tuple[int, ...]]:
    """Sizes to try in place of ``now``: ``first``, one for all axes, each axis by itself.

    None is more than ``most``.
    """
    tried = [] if first is None else [first]
    tried += [(n,) * len(now) for n in range(min(most) + 1)]
    if len(set(now)) > 1 or len(set(most)) > 1:
        for axis, largest in enumerate(most):
            tried += [(*now[:axis], n, *now[axis + 1 :]) for n in range(largest + 1)]
    yield from (plain(size) for size in dict.fromkeys(tried) if size != now)


def plain(value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all axes have the same: what a reader of the module would write."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    return value


VECTOR = (
    "a vector has no positions: `linear` takes one; `adaptive_avgpool(1x1)` keeps the axes that "
    "`global_avgpool` and `flatten` leave out"
)


def spatial_axes(shape: Sequence[int], layer: str) -> int:
    """How many axes a convolution or pool slides over: 1, 2 or 3; raises for other ranks."""
    axes = len(shape) - 1
    if axes not in (1, 2, 3):
        raise LayerError(
            f"`{layer}` needs a tensor [C, L], [C, H, W] or [C, D, H, W], "
            f"not one of {len(shape)} {'axis' if len(shape) == 1 else 'axes'}",
            hint=VECTOR if len(shape) == 1 else "",
        )
    return axes


def axis_of(axis: int, rank: int, field: str = "axis") -> int:
    """``axis`` counted from the front; raises where the tensor has no such axis."""
    if not -rank <= axis < rank:
        there = count(rank, "axis")
        raise LayerError(f"there is no axis {axis} in a tensor of {there}", field=field)
    return axis % rank


@cache
def words(op: type[Op], field: str) -> frozenset[str]:
    """The words that a parameter of a layer takes: ``same``, ``valid``, ``reflect``, …"""

    def literals(annotation: object) -> Iterator[str]:
        if get_origin(annotation) is Literal:
            yield from (a for a in get_args(annotation) if isinstance(a, str))
        else:
            for inner in get_args(annotation):
                yield from literals(inner)

    about = op.model_fields[field]
    return frozenset(w for a in (about.annotation, *about.metadata) for w in literals(a))


def all_words() -> frozenset[str]:
    """The words that layers take as arguments."""
    return _words_of(tuple(Op.registry.values()))


@lru_cache(maxsize=1)
def _words_of(layers: tuple[type[Op], ...]) -> frozenset[str]:
    return frozenset(word for op in layers for f in op.model_fields for word in words(op, f))
