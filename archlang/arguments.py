"""The kinds of argument that layers take, and how each is checked and spread over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import PlainValidator

from archlang.op import LayerError, format_value

LARGEST = 2**31 - 1
"""The largest number a layer takes: PyTorch's own sizes overflow not far above it."""


def _whole(value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not `{format_value(value)}`")
    if value < least:
        raise ValueError(f"must be at least {least}, not {int(value)}")
    if value > LARGEST:
        raise ValueError(f"is {int(value):,}; the largest that a layer takes is {LARGEST:,}")
    return int(value)


def _sized(value: object, least: int) -> int | tuple[int, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(_whole(v, least) for v in value)
    return _whole(value, least)


def _padding(value: object) -> Any:
    if value in ("same", "valid"):
        return value
    if isinstance(value, str):
        raise ValueError(f"must be `same`, `valid`, a number or a size, not `{value}`")
    if isinstance(value, list):
        if not all(isinstance(v, (list, tuple)) and len(v) == 2 for v in value):
            raise ValueError(
                "as a list has one pair [before, after] for each axis, like [[1, 2], [1, 2]]"
            )
        return [[_whole(a, 0), _whole(b, 0)] for a, b in value]
    return _sized(value, 0)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not `{format_value(value)}`")
    return float(value)


def _probability(value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"is a probability, from 0 to 1, not {format_value(value)}")
    return number


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


Whole: TypeAlias = Annotated[int, PlainValidator(lambda v: _whole(v, -LARGEST))]
PositiveInt: TypeAlias = Annotated[int, PlainValidator(lambda v: _whole(v, 1))]
Size: TypeAlias = Annotated[int | tuple[int, ...], PlainValidator(lambda v: _sized(v, 1))]
"""A whole number that holds for every axis, or one for each (``3x3``), each at least 1."""
NaturalSize: TypeAlias = Annotated[int | tuple[int, ...], PlainValidator(lambda v: _sized(v, 0))]
Padding: TypeAlias = Annotated[
    Literal["same", "valid"] | int | tuple[int, ...] | list[list[int]], PlainValidator(_padding)
]
"""``same``, ``valid``, a number, a size, or a list of pairs ``[before, after]``, one an axis."""
Number: TypeAlias = Annotated[float, PlainValidator(_number)]
Probability: TypeAlias = Annotated[float, PlainValidator(_probability)]
Truth: TypeAlias = Annotated[bool, PlainValidator(_truth)]
Axes: TypeAlias = Annotated[tuple[int, ...], PlainValidator(_wholes)]
Sizes: TypeAlias = Annotated[list[int], PlainValidator(_sizes)]
"""A list of sizes; those that depend on the input's still say so."""
OptionalSize: TypeAlias = Annotated[
    int | tuple[int, ...] | None, PlainValidator(lambda v: _sized(v, 1))
]
"""A size that may be left out."""
OptionalWhole: TypeAlias = Annotated[int | None, PlainValidator(lambda v: _whole(v, -LARGEST))]
"""A whole number that may be left out."""


def per_axis(value: int | Sequence[int], axes: int, field: str) -> tuple[int, ...]:
    """``value`` for each of ``axes`` axes; raises where it is given for another number of them."""
    if isinstance(value, int):
        return (value,) * axes
    if len(value) != axes:
        raise LayerError(
            f"`{field}` {format_value(tuple(value))} is for {len(value)} axes, "
            f"but the tensor has {axes} beside its channels",
            field=field,
        )
    return tuple(value)


def plain(value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all axes have the same: what a reader of the module would write."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    return value


def spatial_axes(shape: Sequence[int], layer: str) -> int:
    """How many axes a convolution or pool slides over: 1, 2 or 3; raises for other ranks."""
    axes = len(shape) - 1
    if axes not in (1, 2, 3):
        raise LayerError(
            f"`{layer}` needs a tensor [C, L], [C, H, W] or [C, D, H, W], "
            f"not one of {len(shape)} {'axis' if len(shape) == 1 else 'axes'}"
        )
    return axes


def axis_of(axis: int, rank: int, field: str = "axis") -> int:
    """``axis`` counted from the front; raises where the tensor has no such axis."""
    if not -rank <= axis < rank:
        raise LayerError(f"there is no axis {axis} in a tensor of {rank} axes", field=field)
    return axis % rank
