"""Values along an axis as shares of their whole."""

from typing import Any

from archlang.arguments import Whole, axis_of
from archlang.op import Recast, Torch, Work, single
from archlang.ops.activation import _Activation
from archlang.step import Step, Value
from archlang.types import Tensor, product
from archlang.window import Window, across


class Softmax(_Activation, name="softmax"):
    """exp(x) divided by its sum along one axis: the channels, unless `axis` names another.

    Shape: [*A] -> [*A].

    Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.

        softmax : [1000] -> [1000]
    """

    module = "Softmax"
    saves = "output"
    probabilities = True
    torch_takes = "dim"
    axis: Whole = 0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=product((3, y.numel)))  # exp, sum, quotient

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis_of(self.axis, x.rank)
        return x

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(type(self)()) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cuda")
        result = step.make(x.sizes, x.dtype, x.grad)
        if x.grad:
            step.keep(result)
        return result

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        (x,) = xs
        return across(x.rank, (axis_of(self.axis, x.rank),))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        return getattr(nn, self.module)(dim=axis_of(self.axis, x.rank) + 1)


class LogSoftmax(Softmax, name="log_softmax"):
    """The logarithm of softmax along one axis: the channels, unless `axis` names another.

    Shape: [*A] -> [*A].

    Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.

        log_softmax : [1000] -> [1000]
    """

    module = "LogSoftmax"
