"""Convolutions."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any, Literal

from archlang.arguments import (
    NaturalSize,
    Padding,
    PositiveInt,
    Size,
    Truth,
    margins,
    other_sizes,
    per_axis,
    plain,
    spatial_axes,
)
from archlang.autograd import circular_backward, pad, suggested
from archlang.op import Fresh, LayerError, Torch, Work, format_value
from archlang.step import Step, Value
from archlang.strides import (
    Sizes,
    channels_last,
    contiguous,
    is_channels_last,
    suggests_channels_last,
)
from archlang.types import (
    Dim,
    Shape,
    Tensor,
    divides,
    product,
    quotient,
    through,
    transposed_rule,
    window_rule,
)
from archlang.window import WHOLE, Window, sliding, transposed

Pairs = tuple[tuple[int, int], ...]
_SLACK = {"reflect": 1, "circular": 0}
"""How much smaller than the axis the padding of a mode must be, where it must."""


class _Convolution(Fresh):
    """What convolutions share: a kernel, output channels, groups, a bias."""

    depth = 1

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}


def _divide(x: Tensor, channels: int, groups: int) -> None:
    for count, what in ((x.channels, "the channels that arrive"), (channels, "`channels`")):
        if not divides(groups, count):
            raise LayerError(
                f"`groups` {groups} does not divide {what}, {int(count)}", field="groups"
            )


class Conv(_Convolution, name="conv"):
    """Slide `channels` learned filters over the input (cross-correlation).

    Shape: [C, *S] -> [channels, *floor((S + 2*pad - dilation*(kernel-1) - 1) / stride + 1)],
    with one to three axes S. `pad` is `same` (dilation*(kernel-1)//2, odd kernels only),
    `valid` (0), a number, a size, or a pair [before, after] for each axis.

    LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition.

        conv(3x3, 64, stride=2) : [3, 32, 32] -> [64, 16, 16]
    """

    known_as = ("convolution", "convolutional", "cnn")
    torch_takes = "in_channels out_channels kernel_size stride padding=0 dilation groups bias"
    kernel: Size
    channels: PositiveInt
    stride: Size = 1
    pad: Padding = "same"
    dilation: Size = 1
    groups: PositiveInt = 1
    bias: Truth = True
    pad_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"

    def assumes(self) -> dict[str, str]:
        kernel = self.kernel if isinstance(self.kernel, tuple) else (self.kernel,)
        return {"pad": "`same`"} if max(kernel) > 1 else {}

    def pads(self, axes: int) -> Pairs:
        """The padding before and after each axis; raises for `same` with an even kernel."""
        if self.pad == "valid":
            return ((0, 0),) * axes
        if not isinstance(self.pad, str):
            return margins(self.pad, axes, "pad")
        kernel = per_axis(self.kernel, axes, "kernel")
        dilation = per_axis(self.dilation, axes, "dilation")
        if even := next((k for k in kernel if k % 2 == 0), None):
            raise LayerError(
                f"`pad=same` has no meaning for an even kernel: {even} would need "
                "more padding on one side",
                code="A207",
                field="kernel",
                hint="state the padding, such as `pad=0`",
            )
        return tuple((d * (k - 1) // 2,) * 2 for k, d in zip(kernel, dilation, strict=True))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axes = spatial_axes(x.shape, self.name)
        kernel = per_axis(self.kernel, axes, "kernel")
        stride = per_axis(self.stride, axes, "stride")
        dilation = per_axis(self.dilation, axes, "dilation")
        pads = self.pads(axes)
        _divide(x, self.channels, self.groups)
        self._check_pad_mode(x, pads)
        slack = _SLACK.get(self.pad_mode)
        sizes = []
        for size, k, s, d, (before, after) in zip(
            x.spatial, kernel, stride, dilation, pads, strict=True
        ):
            least = 1 if slack is None else max(before, after) + slack
            out = through(size, window_rule(k, s, before, after, d, least=least))
            if out is None:
                spread = f", spread to {d * (k - 1) + 1} by its dilation," if d > 1 else ""
                padded = f" ({before + size + after} with its padding)" if before + after else ""
                raise LayerError(
                    f"the kernel, {k},{spread} is larger than the input, {int(size)}{padded}",
                    field="kernel",
                )
            sizes.append(out)
        return Tensor((self.channels, *sizes))

    def caption(self, y: Tensor, *xs: Tensor) -> str:
        (x,) = xs
        text = super().caption(y, *xs)
        if self.groups > 1:
            text += ", depthwise" if self.groups == x.channels else f", {self.groups} groups"
        return text if self.dilation == 1 else f"{text}, dilation {format_value(self.dilation)}"

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axes = xs[0].rank - 1
        figures = (
            per_axis(self.kernel, axes, "kernel"),
            per_axis(self.stride, axes, "stride"),
            self.pads(axes),
            per_axis(self.dilation, axes, "dilation"),
        )
        slides = (
            sliding(axis, k, s, before, d, self.pad_mode)
            for axis, (k, s, (before, _), d) in enumerate(zip(*figures, strict=True), 1)
        )
        return ((WHOLE, *slides),)

    def _check_pad_mode(self, x: Tensor, pads: Pairs) -> None:
        slack = _SLACK.get(self.pad_mode)
        if slack is None:
            return
        for size, pair in zip(x.spatial, pads, strict=True):
            if max(pair) > size - slack:
                raise LayerError(
                    f"`pad_mode={self.pad_mode}` can pad an axis of {int(size)} "
                    f"by at most {int(size) - slack}, not {max(pair)}",
                    field="pad",
                )

    def repairs(self, *xs: Tensor) -> Iterator[tuple[str, Any]]:
        (x,) = xs
        axes = x.rank - 1
        kernel, dilation = per_axis(self.kernel, axes, "kernel"), self.dilation
        spread = per_axis(dilation, axes, "dilation")
        extents = tuple(d * (k - 1) for k, d in zip(kernel, spread, strict=True))
        now = tuple(before for before, _ in self.pads(axes))
        half = tuple(e // 2 for e in extents)
        for size in other_sizes(now, half, half):
            yield "pad", size
        for n in range(min(half) + 1):
            yield "pad", [[n, n + 1] for _ in range(axes)]

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return _weights(self, x, (self.channels, quotient(x.channels, self.groups)))

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(bias=y.numel if self.bias else 0)

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        (x,) = xs
        kernel = per_axis(self.kernel, x.rank - 1, "kernel")
        return product((*y.shape, quotient(x.channels, self.groups), prod(kernel)))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        sizes = self._padded(x)
        if sizes is not None:
            x = pad(step, x, sizes, self.pad_mode)
        return _convolved(self, step, x, y)

    def _padded(self, x: Value) -> Sizes | None:
        """The sizes of what arrives once a layer of its own has padded it, where one does."""
        pads = self.pads(x.rank - 2)
        if self.pad_mode == "zeros" and all(before == after for before, after in pads):
            return None
        inner = (n + sum(pair) for n, pair in zip(x.sizes[2:], pads, strict=True))
        return (*x.sizes[:2], *inner)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        sizes = self._padded(x)
        padded = x
        if sizes is not None:
            last = suggests_channels_last(*x.lie) and self.pad_mode != "circular"
            padded = x.view(sizes, channels_last(sizes) if last else contiguous(sizes))
        copied = _laid_out(step, step.low(padded), step.low(step.weights["weight"]))
        copied += _turned(step, y, padded)
        if sizes is None or not x.grad:
            return copied
        # The gradient of the padded copy, which is then that of what arrived; by then the
        # gradient of the output and the padded copy are gone.
        pads = self.pads(x.rank - 2)
        rest = circular_backward(padded, x, pads) if self.pad_mode == "circular" else 0
        return max(copied + padded.bytes - x.bytes, rest - y.bytes)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axes = x.rank - 1
        pads = self.pads(axes)
        options: dict[str, Any] = {}
        if any(s != 1 for s in per_axis(self.stride, axes, "stride")):
            options["stride"] = plain(self.stride)
        if any(before != after for before, after in pads):
            options["padding"] = pads
        elif any(before for before, _ in pads):
            options["padding"] = plain(tuple(before for before, _ in pads))
        if any(d != 1 for d in per_axis(self.dilation, axes, "dilation")):
            options["dilation"] = plain(self.dilation)
        if self.groups != 1:
            options["groups"] = self.groups
        if not self.bias:
            options["bias"] = False
        if self.pad_mode != "zeros":
            options["padding_mode"] = self.pad_mode
        uneven = any(before != after for before, after in pads)
        module = getattr(nn, f"{'UnevenConv' if uneven else 'Conv'}{axes}d")
        return module(int(x.channels), self.channels, plain(self.kernel), **options)


class ConvTranspose(_Convolution, name="conv_transpose"):
    """The transpose of a convolution: spread each input over a kernel and add up.

    Shape: [C, *S] -> [channels, *((S-1)*stride - 2*pad + dilation*(kernel-1) + output_pad + 1)].
    `output_pad` adds to one side, and must be smaller than the stride or the dilation.

    Zeiler et al. 2010, Deconvolutional networks.

        conv_transpose(2x2, 32, stride=2) : [64, 14, 14] -> [32, 28, 28]
    """

    known_as = ("deconv", "deconvolution", "upconv", "transposed_conv", "transpose_conv")
    torch_takes = "in_channels out_channels kernel_size stride padding output_padding groups bias"
    kernel: Size
    channels: PositiveInt
    stride: Size = 1
    pad: NaturalSize = 0
    output_pad: NaturalSize = 0
    dilation: Size = 1
    groups: PositiveInt = 1
    bias: Truth = True

    def assumes(self) -> dict[str, str]:
        return {"pad": "0"}

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axes = spatial_axes(x.shape, self.name)
        _divide(x, self.channels, self.groups)
        figures = [
            per_axis(getattr(self, f), axes, f)
            for f in ("kernel", "stride", "pad", "output_pad", "dilation")
        ]
        sizes = []
        for size, k, s, p, extra, d in zip(x.spatial, *figures, strict=True):
            if extra >= max(s, d):
                raise LayerError(
                    f"`output_pad` {extra} must be smaller than the stride or the dilation, "
                    f"the larger of which is {max(s, d)}",
                    field="output_pad",
                )
            out = through(size, transposed_rule(k, s, p, p, d, extra))
            if out is None:
                raise LayerError(
                    f"nothing is left of an axis of {int(size)} once `pad` {p} is cut off",
                    code="A208",
                    field="pad",
                )
            sizes.append(out)
        return Tensor((self.channels, *sizes))

    def repairs(self, *xs: Tensor) -> Iterator[tuple[str, Any]]:
        (x,) = xs
        axes = x.rank - 1
        stride, spread, kernel, pad, extra = (
            per_axis(getattr(self, f), axes, f)
            for f in ("stride", "dilation", "kernel", "pad", "output_pad")
        )
        most = tuple(max(s, d) - 1 for s, d in zip(stride, spread, strict=True))
        for size in other_sizes(extra, most):
            yield "output_pad", size
        for size in other_sizes(pad, tuple(k - 1 for k in kernel)):
            yield "pad", size

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axes = xs[0].rank - 1
        fields = ("kernel", "stride", "pad", "dilation")
        figures = zip(*(per_axis(getattr(self, f), axes, f) for f in fields), strict=True)
        return ((WHOLE, *(transposed(axis, *each) for axis, each in enumerate(figures, 1))),)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return _weights(self, x, (x.channels, self.channels // self.groups))

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(bias=y.numel if self.bias else 0)

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        (x,) = xs
        kernel = per_axis(self.kernel, x.rank - 1, "kernel")
        return product((*x.shape, self.channels // self.groups, prod(kernel)))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return _convolved(self, step, x, y)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return _turned(step, y, xs[0])

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        return getattr(nn, f"ConvTranspose{x.rank - 1}d")(
            int(x.channels),
            self.channels,
            plain(self.kernel),
            stride=plain(self.stride),
            padding=plain(self.pad),
            output_padding=plain(self.output_pad),
            groups=self.groups,
            bias=self.bias,
            dilation=plain(self.dilation),
        )


def _weights(op: Conv | ConvTranspose, x: Tensor, ends: tuple[Dim, Dim]) -> dict[str, Shape]:
    """The learned tensors of a convolution whose weight joins ``ends`` over its kernel."""
    shapes: dict[str, Shape] = {"weight": (*ends, *per_axis(op.kernel, x.rank - 1, "kernel"))}
    if op.bias:
        shapes["bias"] = (op.channels,)
    return shapes


def _laid_out(step: Step, x: Value, weight: Value) -> int:
    """Bytes of the copy of a weight that a CPU makes where ``x`` is channels last, if it does."""
    last = step.device == "cpu" and suggests_channels_last(*x.lie)
    if not last or is_channels_last(*weight.lie):
        return 0
    return step.like(weight).bytes


def _turned(step: Step, y: Value, x: Value) -> int:
    """Bytes of the copy of the gradient that a CPU makes where it lies otherwise than ``x``."""
    last = suggests_channels_last(*x.lie)
    turned = last and x.rank == 4 if step.plain else not last
    return y.bytes if turned and step.device == "cpu" else 0


def _convolved(op: Conv | ConvTranspose, step: Step, x: Value, y: Tensor) -> Value:
    """A convolution keeps its input and its weight, whichever gradient is asked for."""
    x, weight = step.low(x), step.low(step.weights["weight"])
    if "bias" in step.weights:
        step.low(step.weights["bias"])
    grad = x.grad or step.learns
    if grad:
        step.keep(x, weight)
    _laid_out(step, x, weight)
    if x.rank == 5 and step.device == "cpu" and not _by_onednn(op, x, weight):
        return step.make(step.sizes(y), x.dtype, grad)
    return replace(suggested(step, step.sizes(y), x), grad=grad)


def _by_onednn(op: Conv | ConvTranspose, x: Value, weight: Value) -> bool:
    """Whether oneDNN computes it, which keeps volumes channels last, on more than one thread."""
    if isinstance(op, ConvTranspose):
        stride = per_axis(op.stride, x.rank - 2, "stride")
        extra = per_axis(op.output_pad, x.rank - 2, "output_pad")
        if any(n >= s for n, s in zip(extra, stride, strict=True)):
            return False
    large = min(weight.sizes[-2:]) > 3 or prod(x.sizes[:4]) > 20480
    return x.dtype != "float32" or op.groups > 1 or large or x.sizes[0] > 1
