"""Pooling over all positions, or to a given size."""

from itertools import pairwise
from typing import Any, ClassVar

from archlang.arguments import (
    Size,
    per_axis,
    plain,
    spatial_axes,
)
from archlang.autograd import amax_backward, suggested, summed
from archlang.op import Recast, Torch
from archlang.ops.pool import AvgPool, MaxPool, _over_windows, _Pool, _Reduction
from archlang.step import Step, Value
from archlang.types import Dim, Tensor, constant_rule, product, through
from archlang.window import WHOLE, Reach, Window, ratio, shifted


class _GlobalPool(_Reduction):
    """What pools over all positions share: they need no module."""

    fixes = True
    reduction: ClassVar[str]
    slider: ClassVar[type[_Pool]]
    """The pool that does to each window what this one does to the whole."""

    def sliding(self, x: Tensor) -> Recast | None:
        return Recast(self.slider(kernel=tuple(int(size) for size in x.spatial), stride=1))

    def gathered(self, y: Tensor, *xs: Tensor) -> Dim:
        return xs[0].numel

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        spatial_axes(x.shape, self.name)
        return Tensor((x.channels,))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        if self.reduction == "mean":
            summed(step, x)
        return step.make(step.sizes(y), x.dtype, x.grad)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return ((shifted(0, 0), *(WHOLE,) * (xs[0].rank - 1)),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        axes = ", ".join(str(axis) for axis in range(2, xs[0].rank + 1))
        return f"{args[0]}.{self.reduction}(({axes}{',' if xs[0].rank == 2 else ''}))"


class GlobalAvgPool(_GlobalPool, name="global_avgpool"):
    """The mean of each channel over all positions.

    Shape: [C, *S] -> [C], with one to three axes S.

    Lin et al. 2014, Network in network.

        global_avgpool : [2048, 7, 7] -> [2048]
    """

    known_as = ("gap", "global_average_pool", "global_average_pooling", "global_pool")
    averages = keeps_layout = True
    reduction = "mean"
    slider = AvgPool
    usual = "AdaptiveAvgPool{}d"


class GlobalMaxPool(_GlobalPool, name="global_maxpool"):
    """The largest value of each channel over all positions.

    Shape: [C, *S] -> [C], with one to three axes S.

    Oquab et al. 2015, Is object localization for free?

        global_maxpool : [2048, 7, 7] -> [2048]
    """

    known_as = ("gmp", "global_max_pooling")
    keeps_output = True
    reduction = "amax"
    slider = MaxPool
    usual = "AdaptiveMaxPool{}d"

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        result = super().saved(step, y, x)
        if x.grad:
            step.keep(x, result)
        return result

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return amax_backward(step, y, xs[0])


class _AdaptivePool(_Reduction):
    """What pools to a given size share."""

    fixes = True
    module: ClassVar[str]
    slider: ClassVar[type[_Pool]]
    """The pool that does to each window what this one does to its own."""

    size: Size

    def gathered(self, y: Tensor, *xs: Tensor) -> Dim:
        axes = zip(xs[0].spatial, y.spatial, strict=True)
        return product((y.channels, *(_overlapping(size, out) for size, out in axes)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        wanted = per_axis(self.size, spatial_axes(x.shape, self.name), "size")
        sizes = [through(s, constant_rule(w)) for s, w in zip(x.spatial, wanted, strict=True)]
        return Tensor((x.channels, *(s for s in sizes if s is not None)))

    def sliding(self, x: Tensor) -> Recast | None:
        from archlang.ops.shape import Identity  # here: pages follow the order of the imports

        wanted = per_axis(self.size, x.rank - 1, "size")
        windows = [_regular(int(s), w) for s, w in zip(x.spatial, wanted, strict=True)]
        regular = [w for w in windows if w is not None]
        if len(regular) < len(windows):
            return None
        kernel, stride = (tuple(ends) for ends in zip(*regular, strict=True))
        if set(kernel) == {1}:
            return Recast(Identity(), idle=True)
        if stride == kernel:
            return Recast(self.slider(kernel=kernel))
        return Recast(self.slider(kernel=kernel, stride=plain(stride)))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cpu") if x.rank == 5 else x
        return _over_windows(step, x, y, indices=True)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        sizes = enumerate(zip(xs[0].spatial, y.spatial, strict=True), 1)
        return ((shifted(0, 0), *(_shared_out(axis, int(n), int(m)) for axis, (n, m) in sizes)),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        return getattr(nn, f"{self.module}{x.rank - 1}d")(plain(self.size))


def _regular(size: int, parts: int) -> tuple[int, int] | None:
    """Kernel and stride of the ``parts`` windows over an axis; None where they are not alike.

    Window i goes from i*size // parts up to ceil((i + 1)*size / parts), as PyTorch has it.
    """
    starts = [i * size // parts for i in range(parts)]
    ends = [-(-(i + 1) * size // parts) for i in range(parts)]
    kernels = {end - start for start, end in zip(starts, ends, strict=True)}
    strides = {b - a for a, b in pairwise(starts)} or {1}
    if len(kernels) > 1 or len(strides) > 1 or strides == {0}:
        return None
    return kernels.pop(), strides.pop()


def _overlapping(size: int, windows: int) -> int:
    """The lengths of all windows along an axis: from i*size/windows up to (i+1)*size/windows."""
    ends = ((i * size // windows, -(-(i + 1) * size // windows)) for i in range(windows))
    return sum(end - start for start, end in ends)


def _shared_out(axis: int, size: int, places: int) -> Reach:
    """An axis shared out among so many places, those of neighbours overlapping by one at most."""
    return WHOLE if places == 1 else ratio(axis, size, places, 0, size - 1)


class AdaptiveAvgPool(_AdaptivePool, name="adaptive_avgpool"):
    """The means over windows laid out so that `size` comes out, whatever comes in.

    Shape: [C, *S] -> [C, *size], with one to three axes S.

    He et al. 2015, Spatial pyramid pooling in deep convolutional networks.

        adaptive_avgpool(6x6) : [256, 13, 13] -> [256, 6, 6]
    """

    known_as = ("adaptive_average_pool", "adaptive_avg_pooling")
    averages = True
    module = "AdaptiveAvgPool"
    slider = AvgPool

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cpu") if x.rank == 5 else x
        if all(size == 1 for size in y.spatial):
            summed(step, x)  # a plain mean
            return suggested(step, step.sizes(y), x)
        return _over_windows(step, x, y, indices=False)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        mean = all(size == 1 for size in y.sizes[2:])
        return xs[0].bytes if step.turned and not mean else 0  # a copy of the gradient it makes


class AdaptiveMaxPool(_AdaptivePool, name="adaptive_maxpool"):
    """The largest values in windows laid out so that `size` comes out, whatever comes in.

    Shape: [C, *S] -> [C, *size], with one to three axes S.

    He et al. 2015, Spatial pyramid pooling in deep convolutional networks.

        adaptive_maxpool(4x4) : [256, 13, 13] -> [256, 4, 4]
    """

    known_as = ("adaptive_max_pooling",)
    module = "AdaptiveMaxPool"
    slider = MaxPool
