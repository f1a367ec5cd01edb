"""Linear layers."""

from typing import Any

from archlang.arguments import OptionalWhole, PositiveInt, Probability, Truth, axis_of
from archlang.autograd import dropout, linear
from archlang.op import Fresh, LayerError, Recast, Torch, Work
from archlang.ops.conv import Conv
from archlang.step import Step, Value
from archlang.types import Dim, Shape, Tensor, product
from archlang.window import Window, mixing


class Linear(Fresh, name="linear"):
    """Multiply one axis by a learned matrix, and add a bias.

    Shape: [*A, F] -> [*A, features]. It acts on the last axis unless `axis` names another;
    a tensor of three or more axes needs `axis` (A206), as a forgotten `flatten` looks like one.

    In training, weights are set to 0 with probability `drop_connect`, once for a whole batch.
    The others are scaled by 1/(1-p).

    Rosenblatt 1958, The perceptron; Wan et al. 2013, Regularization of neural networks using
    DropConnect.

        linear(10) : [400] -> [10]
    """

    known_as = ("dense", "fc", "fully_connected", "inner_product", "affine")
    torch_takes = "in_features out_features bias"
    depth = 1
    weights_viewed = True

    features: PositiveInt
    axis: OptionalWhole = None
    bias: Truth = True
    drop_connect: Probability = 0.0

    def acts_on(self, x: Tensor) -> int:
        """The axis it acts on, from the front; raises where that is unsaid or not there."""
        if self.axis is not None or x.rank == 0:
            return axis_of(-1 if self.axis is None else self.axis, x.rank)
        if x.rank >= 3:
            raise LayerError(
                f"`linear` would act on the last axis of {x} alone",
                code="A206",
                hint="a `flatten` before it is probably missing; if not, say `axis=-1`",
            )
        return x.rank - 1

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x.with_axis(self.acts_on(x), self.features)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        (x,) = xs
        return mixing(x, self.acts_on(x))

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        shapes: dict[str, Shape] = {"weight": (self.features, x.shape[self.acts_on(x)])}
        if self.bias:
            shapes["bias"] = (self.features,)
        return shapes

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(bias=y.numel if self.bias else 0)

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        (x,) = xs
        return product((*y.shape, x.shape[self.acts_on(x)]))

    def on_map(self, *maps: Tensor) -> Recast | None:
        (x,) = maps
        if self.drop_connect:
            return None  # a convolution has no such thing
        kernel = tuple(int(size) for size in x.spatial)
        pad: Any = "same" if set(kernel) == {1} else 0
        conv = Conv(kernel=kernel, channels=self.features, pad=pad, bias=self.bias)
        return Recast(conv, {"channels": "features"})

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axis = (y.rank - 1 if self.axis is None else axis_of(self.axis, y.rank)) + 1
        weight, bias = step.weights["weight"], step.weights.get("bias")
        if self.drop_connect:
            weight = dropout(step, weight, self.drop_connect)
        if axis < y.rank or self.drop_connect:
            x = x.movedim(axis, -1)
        return linear(step, x, weight, bias).movedim(-1, axis)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axis = self.acts_on(x)
        options: dict[str, Any] = {} if self.bias else {"bias": False}
        if self.drop_connect:
            options = {"p": self.drop_connect, "dim": axis + 1, **options}
            return nn.DropConnectLinear(int(x.shape[axis]), self.features, **options)
        if axis == x.rank - 1:
            return nn.Linear(int(x.shape[axis]), self.features, **options)
        return nn.AxisLinear(int(x.shape[axis]), self.features, dim=axis + 1, **options)
