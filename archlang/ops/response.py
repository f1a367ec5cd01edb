"""Response normalisation: a value against those of other channels, or of other positions."""

from math import prod
from typing import Any

from archlang.arguments import Number, PositiveInt, Whole, axis_of
from archlang.autograd import contiguous, div, elementwise, mul, unary
from archlang.op import Fresh, LayerError, Torch, Weightless, Work
from archlang.step import BYTES, Step, Value
from archlang.types import Dim, Shape, Tensor, product
from archlang.window import Slide, Window, across, unmoved


class LocalResponseNorm(Weightless, Fresh, name="lrn"):
    """Divide each value by (k + alpha * m)^beta, m the mean square over `size` channels around it.

    Channels beyond the first and last count as 0, and the mean is always over `size`. PyTorch
    takes the mean where the paper takes the sum: the paper's alpha is `alpha` / `size`, so
    AlexNet's 1e-4 over 5 channels is `lrn(5, alpha=5e-4, k=2)`.

    Shape: [C, *S] -> [C, *S], with at least one axis S.

    Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks.

        lrn(5, k=2) : [96, 55, 55] -> [96, 55, 55]
    """

    known_as = ("local_response_norm", "local_response_normalization")
    size: PositiveInt
    alpha: Number = 1e-4
    beta: Number = 0.75
    k: Number = 1.0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        # A square, `size` sums, alpha, k, the power and the quotient.
        return Work(norm=product((self.size + 5, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank < 2:
            raise LayerError(f"`lrn` needs a tensor [C, …] of two or more axes, not {x}")
        return x

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        if x.rank > 4:
            x = contiguous(step, x)
        square = mul(step, x, x)
        row = x.rank == 3
        inner = x.sizes[1:] if row else (x.sizes[1], x.sizes[2], prod(x.sizes[3:]))
        padded = step.make((x.sizes[0], 1, inner[0] + self.size - 1, *inner[1:]), x.dtype, x.grad)
        step.drop(square)
        if not row:
            padded = step.wide(padded, "cpu")
        mean = step.make(x.sizes, padded.dtype, x.grad, square.strides)
        if x.grad:
            step.keep(padded)
        step.drop(padded)
        added = unary(step, mean, "nothing")
        power = unary(step, step.wide(added, "cuda"), "input")
        step.drop(mean, added)
        return div(step, x, power)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        near = Slide(0, 1, 1, -(self.size // 2), (self.size - 1) // 2)
        return ((near, *unmoved(y.rank)[1:]),)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return 3 * y.bytes  # those of a quotient, and what they are worked out from

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        defaults = {p.name: p.default for p in self.parameters()}
        said = {n: getattr(self, n) for n in ("alpha", "beta", "k")}
        options = {n: v for n, v in said.items() if v != defaults[n]}
        module = nn.LocalResponseNorm if xs[0].rank <= 3 else nn.VolumeResponseNorm
        return module(self.size, **options)


class GlobalResponseNorm(Fresh, name="grn"):
    """Make channels compete: each is scaled by its norm over all positions, relative to the mean.

    With n the norm of a channel divided by the mean of all channels' norms plus `eps`, the
    output is gamma * (x * n) + beta + x. Both gamma and beta are learned, one figure a channel
    each, and start at 0, so that it starts as the identity.

    Shape: [C, *S] -> [C, *S], with at least one axis S; the channels are the first axis, unless
    `axis` names another (2, in ConvNeXt's [H, W, C]).

    Woo et al. 2023, ConvNeXt V2: co-designing and scaling ConvNets with masked autoencoders.

        grn(axis=2) : [14, 14, 1536] -> [14, 14, 1536]
    """

    known_as = ("global_response_norm", "global_response_normalization")
    axis: Whole = 0
    eps: Number = 1e-6

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        # A square, its sum, x * n, gamma, beta and x.
        return Work(norm=product((6, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis_of(self.axis, x.rank)
        if x.rank < 2:
            raise LayerError(f"`grn` needs a tensor [C, …] of two or more axes, not {x}")
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return across(y.rank, tuple(range(y.rank)))

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        stored = (1, *(size if i == axis else 1 for i, size in enumerate(x.shape)))
        return {"gamma": stored, "beta": stored}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axis = axis_of(self.axis, y.rank) + 1
        lengths = tuple(1 if 0 < i != axis else n for i, n in enumerate(x.sizes))
        wide = "float32" if step.autocast and step.device == "cuda" else x.dtype
        norms = step.make(lengths, wide, x.grad)
        mean = step.make((x.sizes[0], *(1,) * (x.rank - 1)), wide, x.grad)
        if x.grad:
            step.keep(x, norms)
        relative = div(step, norms, mean)
        mixed = mul(step, x, relative)
        scaled = mul(step, step.weights["gamma"], mixed)
        step.drop(mixed)
        shifted = elementwise(step, scaled, step.weights["beta"])
        step.drop(scaled)
        return elementwise(step, shifted, x)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        # the other gradient of a product, summed up; where dtypes differ, casts beside it
        axis = axis_of(self.axis, y.rank - 1) + 1
        norms = y.sizes[0] * y.sizes[axis] * BYTES[y.dtype]
        return norms + (y.bytes if x.dtype == y.dtype else 2 * y.bytes + x.bytes)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        options: dict[str, Any] = {} if self.eps == 1e-6 else {"eps": self.eps}
        return nn.GlobalResponseNorm(int(x.shape[axis]), dim=axis + 1, ndim=x.rank + 1, **options)
