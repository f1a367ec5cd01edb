"""Pooling over a sliding window."""

from collections.abc import Iterator
from typing import Any, ClassVar

from archlang.arguments import (
    NaturalSize,
    OptionalSize,
    Size,
    Truth,
    other_sizes,
    per_axis,
    plain,
    spatial_axes,
)
from archlang.autograd import suggested
from archlang.op import Fresh, LayerError, Torch, Weightless, Work
from archlang.step import BYTES, Step, Value
from archlang.strides import contiguous
from archlang.types import Dim, Tensor, product, through, window_rule
from archlang.window import Window, shifted, sliding


class _Reduction(Weightless, Fresh):
    """What pools share: an output is a mean, sums and a quotient, or the largest, comparisons."""

    averages: ClassVar[bool] = False

    def gathered(self, y: Tensor, *xs: Tensor) -> Dim:
        """The values that all windows hold together, padding included."""
        raise NotImplementedError

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        gathered = self.gathered(y, *xs)
        return Work(pool=gathered if self.averages else gathered - y.numel)


def _over_windows(step: Step, x: Value, y: Tensor, indices: bool, last: bool = False) -> Value:
    """What pools to several values keeps its input; the largest, also where it stood (int64).

    Over one axis, it is pooled as an image of one row. ``last`` says that a volume whose
    channels come last stays so.
    """
    sizes = step.sizes(y)
    row = x.rank == 3
    if row:
        x, sizes = x.unsqueeze(2), (*sizes[:2], 1, sizes[2])
    form = x if last or x.rank == 4 else x.view(x.sizes, contiguous(x.sizes))
    result = suggested(step, sizes, form)
    places = [suggested(step, sizes, form, "int64")] if indices else []
    if x.grad:
        step.keep(x, *places)
    return result.select(2) if row else result


class _Pool(_Reduction):
    """What sliding pools share. Their padding is at most half of the kernel."""

    kernel: Size
    stride: OptionalSize = None
    pad: NaturalSize = 0

    def slide(
        self, x: Tensor, dilation: int | tuple[int, ...], ceil: bool, unpadded: bool = False
    ) -> Tensor:
        """The tensor that comes out; raises where the window finds no place.

        With ``unpadded`` it must find one without the padding.
        """
        axes = spatial_axes(x.shape, self.name)
        kernel = per_axis(self.kernel, axes, "kernel")
        stride = kernel if self.stride is None else per_axis(self.stride, axes, "stride")
        pads = per_axis(self.pad, axes, "pad")
        spread = per_axis(dilation, axes, "dilation")
        sizes = []
        for size, k, s, p, d in zip(x.spatial, kernel, stride, pads, spread, strict=True):
            if p > k // 2:
                raise LayerError(
                    f"`pad` {p} is more than half of the kernel, {k}: "
                    "a window could lie in the padding alone",
                    field="pad",
                    hint=f"pad by at most {k // 2}",
                )
            out = through(size, window_rule(k, s, p, p, d, ceil, k if unpadded else 1))
            if out is None:
                raise _too_small(size, k, p, d, unpadded)
            sizes.append(out)
        return Tensor((x.channels, *sizes))

    def assumes(self) -> dict[str, str]:
        return {"stride": "the kernel", "pad": "0"}

    def others(self, x: Tensor, ceil: bool) -> Iterator[tuple[str, Any]]:
        """What ``repairs`` gives for a pool that rounds up where ``ceil``."""
        yield "ceil", not ceil
        kernel = per_axis(self.kernel, x.rank - 1, "kernel")
        now = per_axis(self.pad, x.rank - 1, "pad")
        for size in other_sizes(now, tuple(k // 2 for k in kernel)):
            yield "pad", size

    def gathered(self, y: Tensor, *xs: Tensor) -> Dim:
        return product((*per_axis(self.kernel, y.rank - 1, "kernel"), y.numel))

    def windows(self, y: Tensor, dilation: int | tuple[int, ...]) -> tuple[Window, ...]:
        """Where each output looks; a window may overhang the input."""
        axes = y.rank - 1
        kernel = per_axis(self.kernel, axes, "kernel")
        stride = kernel if self.stride is None else per_axis(self.stride, axes, "stride")
        spread = per_axis(dilation, axes, "dilation")
        figures = zip(kernel, stride, per_axis(self.pad, axes, "pad"), spread, strict=True)
        slides = (sliding(axis, *each) for axis, each in enumerate(figures, 1))
        return ((shifted(0, 0), *slides),)

    def options(self) -> dict[str, Any]:
        """Stride and padding as PyTorch takes them, where they are not its defaults."""
        options: dict[str, Any] = {}
        if self.stride is not None and plain(self.stride) != plain(self.kernel):
            options["stride"] = plain(self.stride)
        if plain(self.pad) != 0:
            options["padding"] = plain(self.pad)
        return options


def _too_small(size: Dim, kernel: int, pad: int, dilation: int, unpadded: bool) -> LayerError:
    extent = dilation * (kernel - 1) + 1
    spread = f", spread to {extent} by its dilation," if dilation > 1 else ""
    padded = f" ({int(size) + 2 * pad} with its padding)" if pad and not unpadded else ""
    bare = "; in 3-D, PyTorch wants an average to fit without padding" if unpadded and pad else ""
    return LayerError(
        f"the window, {kernel},{spread} is larger than the input, {int(size)}{padded}{bare}",
        field="kernel",
    )


class MaxPool(_Pool, name="maxpool"):
    """The largest value in each window of `kernel`, moved by `stride` (the kernel, if unsaid).

    Shape: [C, *S] -> [C, *floor((S + 2*pad - dilation*(kernel-1) - 1) / stride + 1)], with
    one to three axes S; `ceil` rounds up, but each window starts before the padding after S.

    Riesenhuber and Poggio 1999, Hierarchical models of object recognition in cortex.

        maxpool(3x3, stride=2, pad=1) : [64, 112, 112] -> [64, 56, 56]
    """

    known_as = ("max_pooling",)
    torch_takes = "kernel_size stride padding dilation return_indices ceil_mode"
    dilation: Size = 1
    ceil: Truth = False

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return self.slide(x, self.dilation, self.ceil)

    def repairs(self, *xs: Tensor) -> Iterator[tuple[str, Any]]:
        (x,) = xs
        return self.others(x, self.ceil)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cpu") if x.rank == 5 else x
        if x.rank == 3 and not x.grad and step.device == "cpu":
            return step.make(step.sizes(y), x.dtype)
        return _over_windows(step, x, y, indices=True, last=True)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        # a copy of the gradient that it makes, and one of the places
        return xs[0].bytes + y.numel * BYTES["int64"] if step.turned else 0

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return self.windows(y, self.dilation)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options = self.options()
        if plain(self.dilation) != 1:
            options["dilation"] = plain(self.dilation)
        if self.ceil:
            options["ceil_mode"] = True
        return getattr(nn, f"MaxPool{x.rank - 1}d")(plain(self.kernel), **options)


class AvgPool(_Pool, name="avgpool"):
    """The mean of each window of `kernel`, moved by `stride` (the kernel, if unsaid).

    Shape: [C, *S] -> [C, *floor((S + 2*pad - kernel) / stride + 1)], with one to three axes S;
    `ceil` rounds up, but each window starts before the padding after S. With
    `count_include_pad` the zeros of the padding count in the mean. With three axes S, the
    kernel must fit into the input without its padding.

    LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition.

        avgpool(2x2) : [6, 28, 28] -> [6, 14, 14]
    """

    known_as = ("average_pool", "average_pooling", "mean_pool", "avg_pooling")
    torch_takes = "kernel_size stride padding ceil_mode count_include_pad"
    averages = True

    ceil: Truth = False
    count_include_pad: Truth = True

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return self.slide(x, 1, self.ceil, unpadded=x.rank == 4)

    def repairs(self, *xs: Tensor) -> Iterator[tuple[str, Any]]:
        (x,) = xs
        return self.others(x, self.ceil)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cpu") if x.rank == 5 else x
        return _over_windows(step, x, y, indices=False)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return xs[0].bytes if step.turned else 0  # a copy of the gradient that it makes

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return self.windows(y, 1)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options = self.options()
        if self.ceil:
            options["ceil_mode"] = True
        if not self.count_include_pad:
            options["count_include_pad"] = False
        return getattr(nn, f"AvgPool{x.rank - 1}d")(plain(self.kernel), **options)
