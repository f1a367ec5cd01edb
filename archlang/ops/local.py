"""Locally connected layers."""

from math import prod
from typing import Any

from archlang.arguments import (
    Margins,
    PositiveInt,
    Size,
    Truth,
    margins,
    per_axis,
    spatial_axes,
)
from archlang.autograd import flatten, matmul, pad, reshape
from archlang.op import Fresh, LayerError, Torch, Work
from archlang.step import BYTES, Step, Value
from archlang.strides import contiguous
from archlang.types import Dim, Shape, Tensor, product, through, window_rule
from archlang.window import WHOLE, Window, sliding


class LocallyConnected(Fresh, name="locally_connected"):
    """Slide a window over the input as a convolution does, with weights of its own at each place.

    The weight of one place is that of a convolution, [channels, C, *kernel]; those of all are
    [*places, channels, C, *kernel], and the biases [channels, *places]. So the weights depend
    on the size of what arrives. `pad` is a number, a size, or a pair [before, after] an axis.

    Shape: [C, *S] -> [channels, *floor((S + 2*pad - kernel) / stride + 1)], with one to three
    axes S.

    LeCun 1989, Generalization and network design strategies; Taigman et al. 2014, DeepFace.

        locally_connected(3x3, 16) : [16, 25, 25] -> [16, 23, 23]
    """

    known_as = ("local_conv",)
    depth = 1

    kernel: Size
    channels: PositiveInt
    stride: Size = 1
    pad: Margins = 0
    bias: Truth = True

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axes = spatial_axes(x.shape, self.name)
        kernel = per_axis(self.kernel, axes, "kernel")
        stride = per_axis(self.stride, axes, "stride")
        pads = margins(self.pad, axes, "pad")
        sizes = []
        for size, k, s, (before, after) in zip(x.spatial, kernel, stride, pads, strict=True):
            out = through(size, window_rule(k, s, before, after))
            if out is None:
                padded = f" ({before + size + after} with its padding)" if before + after else ""
                raise LayerError(
                    f"the kernel, {k}, is larger than the input, {int(size)}{padded}",
                    field="kernel",
                )
            sizes.append(out)
        return Tensor((self.channels, *sizes))

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axes = xs[0].rank - 1
        kernel, stride = (
            per_axis(self.kernel, axes, "kernel"),
            per_axis(self.stride, axes, "stride"),
        )
        pads = (before for before, _ in margins(self.pad, axes, "pad"))
        figures = enumerate(zip(kernel, stride, pads, strict=True), 1)
        return ((WHOLE, *(sliding(axis, *each) for axis, each in figures)),)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        y = self.infer(x)
        kernel = per_axis(self.kernel, x.rank - 1, "kernel")
        shapes: dict[str, Shape] = {
            "weight": (*y.spatial, self.channels, x.channels, *kernel),
        }
        if self.bias:
            shapes["bias"] = y.shape
        return shapes

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(bias=y.numel if self.bias else 0)

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        (x,) = xs
        kernel = per_axis(self.kernel, x.rank - 1, "kernel")
        return product((*y.shape, x.channels, prod(kernel)))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axes = x.rank - 2
        figures = zip(
            per_axis(self.kernel, axes, "kernel"),
            per_axis(self.stride, axes, "stride"),
            margins(self.pad, axes, "pad"),
            strict=True,
        )
        kernel, stride, pads = zip(*figures, strict=True)
        inner = (n + sum(pair) for n, pair in zip(x.sizes[2:], pads, strict=True))
        windows = padded = pad(step, x, (*x.sizes[:2], *inner), "zeros")
        places = step.sizes(y)[2:]
        windows = windows.view(
            (*windows.sizes[:2], *places, *kernel),
            (
                *windows.strides[:2],
                *(a * b for a, b in zip(windows.strides[2:], stride, strict=True)),
                *windows.strides[2:],
            ),
        )
        order = (*range(2, axes + 2), 0, 1, *range(axes + 2, 2 * axes + 2))
        windows = flatten(step, windows.permute(order), axes + 1, 2 * axes + 1)
        windows = flatten(step, windows, 0, axes - 1)
        step.drop(*([] if windows.storage is padded.storage else [padded]))
        weight = step.weights["weight"]
        matrix = (prod(places), self.channels, windows.sizes[2])
        weight = weight.view(matrix, contiguous(matrix)).permute((0, 2, 1))
        matmul(step, windows, weight)
        made = step.make((*windows.sizes[:2], self.channels), step.low_of(x), weight.grad)
        return reshape(step, made.permute((1, 2, 0)), step.sizes(y))

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        kernel = per_axis(self.kernel, x.rank - 2, "kernel")
        windows = prod(y.sizes[2:]) * prod(x.sizes[:2]) * prod(kernel)
        # The gradient of all windows; what they are summed up in comes once the windows are gone.
        return windows * BYTES[y.dtype] - x.bytes if x.grad else 0

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axes = x.rank - 1
        pads = margins(self.pad, axes, "pad")
        options: dict[str, Any] = {}
        if any(s != 1 for s in per_axis(self.stride, axes, "stride")):
            options["stride"] = per_axis(self.stride, axes, "stride")
        if any(map(any, pads)):
            options["padding"] = pads
        if not self.bias:
            options["bias"] = False
        kernel = per_axis(self.kernel, axes, "kernel")
        places = tuple(int(size) for size in self.infer(x).spatial)
        return nn.LocallyConnected(int(x.channels), self.channels, kernel, places, **options)
