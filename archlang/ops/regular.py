"""Regularisation: layers that act in training, and pass their input through at inference."""

from typing import Any

from archlang.arguments import Probability, Truth
from archlang.op import Torch, View
from archlang.types import Tensor


class Dropout(View, name="dropout"):
    """Set each value to 0 with probability `p`, and scale the others by 1/(1-p), in training.

    At inference its output is its input, so it makes no neurons.

    Shape: [*A] -> [*A].

    Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting.

        dropout(0.2) : [4096] -> [4096]
    """

    p: Probability = 0.5
    inplace: Truth = False

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        options: dict[str, Any] = {"inplace": True} if self.inplace else {}
        return nn.Dropout(self.p, **options)


class DropPath(View, name="drop_path"):
    """Set a whole sample to 0 with probability `p`, and scale the others by 1/(1-p), in training.

    Last in a residual branch, it leaves the branch out. At inference its output is its
    input, so it makes no neurons.

    Shape: [*A] -> [*A].

    Huang et al. 2016, Deep networks with stochastic depth.

        drop_path(0.1) : [96, 56, 56] -> [96, 56, 56]
    """

    p: Probability

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.DropPath(self.p)
