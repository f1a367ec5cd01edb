"""How the values of a tensor lie in memory: strides, as PyTorch works them out.

Whether a reshape is a view or a copy, and so what is kept for the backward pass, depends on
them. Sizes and strides count the batch; strides are in values, not in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

Sizes: TypeAlias = tuple[int, ...]
Strides: TypeAlias = tuple[int, ...]


def ordered(sizes: Sizes, order: Sequence[int]) -> Strides:
    """Strides that lay the axes out one inside the other, those of ``order`` from inside out."""
    strides = [1] * len(sizes)
    step = 1
    for axis in order:
        strides[axis] = step
        step *= max(sizes[axis], 1)
    return tuple(strides)


def contiguous(sizes: Sizes) -> Strides:
    """The strides of a tensor laid out in the order of its axes."""
    return ordered(sizes, range(len(sizes) - 1, -1, -1))


def _inside_out(rank: int) -> tuple[int, ...]:
    """The axes of a channels-last image or volume from inside out: channels, W, H, batch."""
    return (1, *range(rank - 1, 1, -1), 0)


def channels_last(sizes: Sizes) -> Strides:
    """The strides of an image or volume whose channels lie together."""
    return ordered(sizes, _inside_out(len(sizes)))


def _is(sizes: Sizes, strides: Strides, wanted: Strides) -> bool:
    """Whether strides are those wanted, but for axes of one value."""
    return all(
        size == 1 or a == b for size, a, b in zip(sizes, strides, wanted, strict=True)
    ) or not prod(sizes)


def is_contiguous(sizes: Sizes, strides: Strides) -> bool:
    """Whether the values lie in the order of the axes, with none between."""
    return _is(sizes, strides, contiguous(sizes))


def is_channels_last(sizes: Sizes, strides: Strides) -> bool:
    """Whether they are an image or volume whose channels lie together, with none between."""
    return len(sizes) in (4, 5) and _is(sizes, strides, channels_last(sizes))


def is_dense(sizes: Sizes, strides: Strides) -> bool:
    """Whether no two values share a place and none is left out between."""
    axes = [axis for axis, size in enumerate(sizes) if size != 1]
    order = sorted(axes, key=lambda axis: strides[axis])
    wanted = ordered(sizes, order)
    return all(strides[axis] == wanted[axis] for axis in axes)


def suggests_channels_last(sizes: Sizes, strides: Strides) -> bool:
    """Whether PyTorch takes a tensor to be channels last (``suggest_memory_format``)."""
    if len(sizes) not in (4, 5) or strides[1] == 0:
        return False
    least = 0
    for axis in _inside_out(len(sizes)):
        if sizes[axis] == 0 or strides[axis] < least:
            return False
        if axis == 0 and least == strides[1]:
            return False  # [N, 1, 1, 1] would be either
        least = strides[axis] * (sizes[axis] if sizes[axis] > 1 else 1)
    return True


def viewed(sizes: Sizes, strides: Strides, new: Sizes) -> Strides | None:
    """The strides that show the same values in other sizes; None where only a copy can."""
    if not prod(sizes):
        return contiguous(new)
    found = [0] * len(new)
    axis = len(new) - 1
    base = strides[-1] if strides else 1
    have = made = 1
    for old in range(len(sizes) - 1, -1, -1):
        have *= sizes[old]
        if old and (sizes[old - 1] == 1 or strides[old - 1] == have * base):
            continue
        while axis >= 0 and (made < have or new[axis] == 1):
            found[axis] = made * base
            made *= new[axis]
            axis -= 1
        if made != have:
            return None
        if old:
            base, have, made = strides[old - 1], 1, 1
    return tuple(found) if axis == -1 else None


def broadcast(*shapes: Sizes) -> Sizes:
    """The sizes to which all are stretched."""
    rank = max(map(len, shapes))
    rows = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*rows, strict=True))


def elementwise(*operands: tuple[Sizes, Strides]) -> Strides:
    """The strides of what is worked out value by value (PyTorch's ``TensorIterator``)."""
    sizes = broadcast(*(s for s, _ in operands))
    if all(s == sizes for s, _ in operands):
        if all(is_contiguous(*o) for o in operands):
            return contiguous(sizes)
        if len(sizes) == 4 and all(is_channels_last(*o) for o in operands):
            return channels_last(sizes)
        if len({o[1] for o in operands}) == 1 and is_dense(*operands[0]):
            return operands[0][1]
    rows = [_stretched(sizes, *operand) for operand in operands]
    order = list(range(len(sizes) - 1, -1, -1))
    for place in range(1, len(order)):
        here = place
        for before in range(place - 1, -1, -1):
            comes = _compare(sizes, rows, order[before], order[here])
            if comes > 0:
                order[before], order[here] = order[here], order[before]
                here = before
            elif comes < 0:
                break
    return ordered(sizes, order)


def _stretched(sizes: Sizes, own: Sizes, strides: Strides) -> Strides:
    """Strides over the sizes that a tensor is stretched to: 0 where it is the same again."""
    ahead = len(sizes) - len(own)
    return (0,) * ahead + tuple(
        0 if mine == 1 and size != 1 else stride
        for mine, size, stride in zip(own, sizes[ahead:], strides, strict=True)
    )


def _compare(sizes: Sizes, rows: Sequence[Strides], inner: int, outer: int) -> int:
    """Above 0 where two axes should change places, below where they should not, 0 if unsaid."""
    for strides in rows:
        a, b = strides[inner], strides[outer]
        if a and b:
            if a != b:
                return 1 if a > b else -1
            if sizes[inner] > sizes[outer]:
                return 1
    return 0
