"""Attention."""

from typing import Any

from archlang.arguments import PositiveInt, Probability, Truth
from archlang.op import Fresh, LayerError, Torch
from archlang.types import Dim, Shape, Tensor, divides, product, total
from archlang.window import WHOLE, Window


class Attention(Fresh, name="attention"):
    """Multi-head self-attention: each position gathers a weighted mean of all positions.

    In each of `heads` heads, which share the features evenly, the weights are the softmax of
    query · key / sqrt(D / heads). `dropout` is the probability of dropping a weight in
    training.

    Shape: [T, D] -> [T, D].
    Multiply-accumulates: 4*T*D*D for the four projections, 2*T*T*D for the two products.

    Vaswani et al. 2017, Attention is all you need.

        attention(12) : [197, 768] -> [197, 768]
    """

    depth = 2

    heads: PositiveInt
    bias: Truth = True
    dropout: Probability = 0.0

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank != 2:
            raise LayerError(
                "`attention` needs a tensor [T, D], positions by features, "
                f"not one of {x.rank} {'axis' if x.rank == 1 else 'axes'}"
            )
        if not divides(self.heads, x.shape[1]):
            raise LayerError(
                f"`heads` {self.heads} does not divide the features that arrive, {int(x.shape[1])}",
                field="heads",
            )
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return ((WHOLE, WHOLE),)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        d = x.shape[1]
        shapes: dict[str, Shape] = {
            "in_proj_weight": (product((3, d)), d),
            "out_proj.weight": (d, d),
        }
        if self.bias:
            shapes |= {"in_proj_bias": (product((3, d)),), "out_proj.bias": (d,)}
        return shapes

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        t, d = y.shape
        return total((product((4, t, d, d)), product((2, t, t, d))))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options: dict[str, Any] = {}
        if self.dropout:
            options["dropout"] = self.dropout
        if not self.bias:
            options["bias"] = False
        return nn.MultiheadAttention(int(x.shape[1]), self.heads, **options, batch_first=True)

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        (x,) = args
        return f"{module}({x}, {x}, {x}, need_weights=False)[0]"
