"""PyTorch's operators: what each makes, and what autograd keeps of it.

What layers have in common, so that each can say in its own class what it runs. An operator
keeps a tensor only where a gradient that it is needed for is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from archlang import strides as lie
from archlang.step import BYTES, Dtype, Step, Value, promoted
from archlang.strides import Sizes


def contiguous(step: Step, x: Value) -> Value:
    """``x`` in the order of its axes: itself, or a copy."""
    return x if lie.is_contiguous(*x.lie) else step.make(x.sizes, x.dtype, x.grad)


def suggested(step: Step, sizes: Sizes, x: Value, dtype: Dtype | None = None) -> Value:
    """A new tensor, channels last where PyTorch takes ``x`` to be."""
    last = len(sizes) == x.rank and lie.suggests_channels_last(*x.lie)
    strides = lie.channels_last(sizes) if last else None
    return step.make(sizes, dtype or x.dtype, x.grad, strides)


def in_its_format(step: Step, x: Value) -> Value:
    """``x`` without gaps, in the order of its axes or channels last: itself, or a copy."""
    if lie.suggests_channels_last(*x.lie):
        return x if lie.is_channels_last(*x.lie) else suggested(step, x.sizes, x)
    return contiguous(step, x)


def reshape(step: Step, x: Value, sizes: Sequence[int]) -> Value:
    """``x`` in other sizes: a view where its layout allows one, a copy elsewhere."""
    new = tuple(sizes)
    if new == x.sizes:
        return x.view(x.sizes, x.strides)
    strides = lie.viewed(*x.lie, new)
    if strides is not None:
        return x.view(new, strides)
    return step.make(new, x.dtype, x.grad)


def flatten(step: Step, x: Value, start: int, end: int) -> Value:
    """Some axes of ``x`` laid out as one, the batch counted."""
    merged = prod(x.sizes[start : end + 1])
    return reshape(step, x, (*x.sizes[:start], merged, *x.sizes[end + 1 :]))


def elementwise(step: Step, *xs: Value) -> Value:
    """A new tensor worked out from ``xs`` value by value; nothing is kept."""
    sizes = lie.broadcast(*(x.sizes for x in xs))
    strides = lie.elementwise(*(x.lie for x in xs))
    dtype = promoted(*xs)
    casts = [step.like(x, dtype) for x in xs if x.dtype != dtype and step.device == "cpu"]
    result = step.make(sizes, dtype, any(x.grad for x in xs), strides)
    step.drop(*casts)
    return result


def mul(step: Step, a: Value, b: Value) -> Value:
    """A product keeps each operand that the other's gradient is worked out from."""
    step.keep(*([a] if b.grad else []), *([b] if a.grad else []))
    return elementwise(step, a, b)


def div(step: Step, a: Value, b: Value) -> Value:
    """A quotient keeps what it divides by, and what is divided where the other needs it."""
    step.keep(*([b] if a.grad or b.grad else []), *([a] if b.grad else []))
    return elementwise(step, a, b)


def unary(step: Step, x: Value, keeps: str, inplace: bool = False) -> Value:
    """A function of each value, which keeps its ``input``, its ``output`` or ``nothing``.

    In place, one that keeps its input keeps a copy of it.
    """
    if inplace:
        if x.grad and keeps != "nothing":
            step.keep(x if keeps == "output" else step.like(x))
        return x.view(x.sizes, x.strides)
    y = elementwise(step, x)
    if x.grad and keeps != "nothing":
        step.keep(x if keeps == "input" else y)
    return y


def summed(step: Step, x: Value) -> None:
    """What a sum over ``x`` takes for itself: on the CPU, one of low precision is in float32."""
    if step.device == "cpu" and x.dtype != "float32":
        step.like(x, "float32")


def amax_backward(step: Step, y: Value, x: Value) -> int:
    """Bytes that the gradient of ``x.amax(...)`` takes beside itself: equals share it.

    A mask, its sums as int64, and quotients; on the CPU copies of the mask as int64, then of
    mask and sums in the dtype of the gradient.
    """
    mask, sums = x.numel * BYTES["bool"], y.numel * BYTES["int64"]
    if step.device != "cpu":
        return mask + sums + y.bytes
    return mask + sums + max(x.numel * BYTES["int64"] - x.bytes, y.bytes + x.bytes)


def circular_backward(y: Value, x: Value, pads: Iterable[tuple[int, int]]) -> int:
    """Bytes that the gradient of circular padding takes beside itself.

    That of the output is copied whole for each part that was copied in, and the part twice; in
    the end for the middle, once.
    """
    axes = zip(y.sizes[2:], pads, strict=True)
    return y.bytes + max(0, 2 * max(y.bytes // n * max(pair) for n, pair in axes) - x.bytes)


def matmul(step: Step, a: Value, b: Value) -> tuple[Value, Value]:
    """The factors of a product of matrices, each kept where the other needs a gradient."""
    a, b = step.low(a), step.low(b)
    step.keep(*([a] if b.grad else []), *([b] if a.grad else []))
    return a, b


def linear(step: Step, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """The last axis of ``x`` times a matrix: other axes are laid out as one, copied if need be."""
    x = step.low(x)
    flat = x if x.rank == 2 else reshape(step, x, (prod(x.sizes[:-1]), x.sizes[-1]))
    if bias is not None:
        step.low(bias)
    flat, weight = matmul(step, flat, weight)
    grad = x.grad or weight.grad or (bias is not None and bias.grad)
    out = step.make((*x.sizes[:-1], weight.sizes[0]), x.dtype, grad)
    step.drop(*([] if flat.storage is x.storage else [flat]))
    return out


def dropout(step: Step, x: Value, p: float, noise: Sizes | None = None,
            inplace: bool = False, shifted: bool = False) -> Value:  # fmt: skip
    """What drops values keeps what it multiplied by: ``noise``, or as many values as ``x``.

    On CUDA the plain form keeps a byte a value. ``shifted`` is for dropout that adds, too.
    """
    if p == 0 or not step.training:
        return x
    plain = noise is None and not inplace and not shifted and p < 1
    if step.device == "cuda" and plain:
        mask = step.like(x, "bool")
    elif p == 1:
        mask = step.make((), x.dtype)
    else:
        mask = step.like(x) if noise is None else step.make(noise, x.dtype)
    if shifted and p < 1:
        step.like(mask)
    if x.grad:
        step.keep(mask)
    return x.view(x.sizes, x.strides) if inplace else elementwise(step, x, mask)


def pad(step: Step, x: Value, sizes: Sizes, mode: str) -> Value:
    """``x`` padded to ``sizes``; what repeats its values keeps it."""
    if mode == "zeros":
        return step.like(x) if sizes == x.sizes else suggested(step, sizes, x)
    if mode == "circular":
        return step.make(sizes, x.dtype, x.grad)
    x = x if mode == "reflect" and x.rank == 5 else step.wide(x, "cpu")
    if x.grad:
        step.keep(x)
    return suggested(step, sizes, x)
