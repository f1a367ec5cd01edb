"""Normalisation along one axis."""

from typing import Any

from archlang import strides as lie
from archlang.arguments import Number, OptionalNumber, Truth, Whole, axis_of
from archlang.autograd import contiguous, in_its_format, mul, unary
from archlang.op import Recast, Torch, Work, single
from archlang.ops.norm import _by_statistics, _Norm, normalised
from archlang.step import BYTES, Step, Value
from archlang.types import Shape, Tensor, product
from archlang.window import Window, across


class _AlongAxis(_Norm):
    """What norms along one axis share."""

    eps: OptionalNumber = None
    axis: Whole = -1
    affine: Truth = True

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis_of(self.axis, x.rank)
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return across(y.rank, (axis_of(self.axis, y.rank),))

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self.model_copy(update={"axis": 0})) if single(*maps) else None


class LayerNorm(_AlongAxis, name="layernorm"):
    """Give the values along one axis zero mean and unit variance, each position by itself.

    With `affine` it then scales and shifts each by learned figures. `layernorm(axis=0)`
    normalises the channels of an image, as ConvNeXt does.

    Shape: [*A] -> [*A]; the axis is the last, unless `axis` names another.

    Ba et al. 2016, Layer normalization.

        layernorm(eps=1e-6) : [197, 768] -> [197, 768]
    """

    known_as = ("layer_normalization", "ln")
    torch_takes = "normalized_shape eps elementwise_affine"
    eps: Number = 1e-5

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return _by_statistics(y, self.affine)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        size = x.shape[axis_of(self.axis, x.rank)]
        return {"weight": (size,), "bias": (size,)} if self.affine else {}

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axis = axis_of(self.axis, y.rank) + 1
        x = step.wide(x, "cuda").movedim(axis, -1)
        copy = contiguous(step, x)
        out = step.make(x.sizes, x.dtype, x.grad)
        out = normalised(step, x, (*x.sizes[:-1], 1), out).movedim(-1, axis)
        step.drop(*([] if copy is x else [copy]))
        return out

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        # copies of what it took and of its gradient, where the axis is not the innermost
        axis = axis_of(self.axis, y.rank - 1) + 1
        gradient = y.view(y.sizes, lie.contiguous(y.sizes)) if step.plain else y
        moved = (v.movedim(axis, -1) for v in (xs[0], gradient))
        return sum(y.bytes for v in moved if not lie.is_contiguous(*v.lie))

    def gives_plain(self, x: Value, plain: bool) -> bool:
        return axis_of(self.axis, x.rank - 1) == x.rank - 2

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        options: dict[str, Any] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if not self.affine:
            options["elementwise_affine"] = False
        if axis == x.rank - 1:
            return nn.LayerNorm(int(x.shape[axis]), **options)
        return nn.AxisLayerNorm(int(x.shape[axis]), dim=axis + 1, **options)


class RMSNorm(_AlongAxis, name="rmsnorm"):
    """Divide the values along one axis by the root of their mean square, each position by itself.

    `eps` is added to the mean square; unsaid, it is the smallest step from 1 that the numbers
    can make, as in PyTorch. With `affine` each is then scaled by a learned figure.

    Shape: [*A] -> [*A]; the axis is the last, unless `axis` names another.

    Zhang and Sennrich 2019, Root mean square layer normalization.

        rmsnorm : [197, 768] -> [197, 768]
    """

    known_as = ("rms_normalization",)
    torch_takes = "normalized_shape eps elementwise_affine"

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(norm=product((4 if self.affine else 3, y.numel)))  # square, sum, product

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x.shape[axis_of(self.axis, x.rank)],)} if self.affine else {}

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axis = axis_of(self.axis, y.rank) + 1
        x = step.wide(x, "cuda").movedim(axis, -1)
        dtype, rows = x.dtype, (*x.sizes[:-1], 1)
        weight = step.weights.get("weight")
        if step.device == "cuda":
            out = step.make(x.sizes, x.dtype, x.grad or (weight is not None and weight.grad))
            if out.grad:
                step.keep(x, step.make(rows, "float32"))
            return out.movedim(-1, axis)
        x = step.cast(x, "float32")
        square = unary(step, x, "input")
        mean = step.make(rows, "float32", x.grad)
        inverse = unary(step, mean, "output")
        step.drop(square, mean)
        out = first = mul(step, x, inverse)
        if weight is not None:
            out = mul(step, first, weight)
            step.drop(first)
        result = in_its_format(step, out)
        step.drop(*([] if result is out else [out]))
        return step.cast(result, dtype).movedim(-1, axis)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        if step.device == "cuda":
            return 0
        axis = axis_of(self.axis, y.rank - 1) + 1
        whole = y.numel * BYTES["float32"]
        rows = whole // y.sizes[axis]
        if not x.grad:
            return whole
        # The gradient of the square comes last: a part of the gradient, that of the square, and
        # three to work it out. What came out, its gradient and the inverse are gone by then.
        return 5 * whole - (x.bytes + y.bytes + rows + (whole if self.affine else 0))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        options: dict[str, Any] = {} if self.eps is None else {"eps": self.eps}
        if not self.affine:
            options["elementwise_affine"] = False
        if axis == x.rank - 1:
            return nn.RMSNorm(int(x.shape[axis]), **options)
        return nn.AxisRMSNorm(int(x.shape[axis]), dim=axis + 1, **options)
