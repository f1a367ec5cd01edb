"""Attention."""

from typing import Any

from archlang.arguments import PositiveInt, Probability, Truth
from archlang.autograd import dropout, linear
from archlang.op import Fresh, LayerError, Torch, Work
from archlang.step import BYTES, Step, Value
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

    known_as = ("multihead_attention", "self_attention", "mha", "mhsa")
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

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        t, d = y.shape
        return Work(
            bias=product((4, t, d)) if self.bias else 0,
            activation=product((3, self.heads, t, t)),  # the softmax: exp, sum, quotient
            elementwise=y.numel,  # queries / sqrt(D / heads)
        )

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        t, d = y.shape
        return total((product((4, t, d, d)), product((2, t, t, d))))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        batch, t, d = x.sizes
        weights = step.weights
        if not step.training and step.autocast is None and self.bias and self.heads % 2 == 0:
            return self._in_evaluation(step, x)
        x = x.permute((1, 0, 2))
        projected = linear(step, x, weights["in_proj_weight"], weights.get("in_proj_bias"))
        packed = step.make((3, t, batch, d), projected.dtype, projected.grad)
        step.drop(projected)
        heads = (batch, self.heads, t, d // self.heads)
        mixed = self._mixed(step, packed, heads)
        out = linear(
            step,
            mixed.view((t * batch, d), (d, 1)),
            weights["out_proj.weight"],
            weights.get("out_proj.bias"),
        )
        return out.view((t, batch, d), (batch * d, d, 1)).permute((1, 0, 2))

    def _mixed(self, step: Step, packed: Value, heads: tuple[int, ...]) -> Value:
        """What the heads gather, laid out as [T, batch, D].

        One kernel keeps its operands, its output and the logarithm of each sum; written out,
        as the CPU does to drop weights, it keeps what each product takes.
        """
        batch, count, t, width = heads
        grad = packed.grad
        if step.device == "cuda" or not (self.dropout and step.training):
            gathered = step.make((t, batch, count * width), packed.dtype, grad)
            sums = step.make((batch, count, t), "float32")
            if grad:
                step.keep(packed, gathered, sums)
            step.drop(packed, sums)
            return gathered
        scaled = [step.make(heads, "float32", grad) for _ in ("query", "key")]
        values = packed if packed.dtype == "float32" else step.make(heads, "float32", grad)
        scores = step.make((batch, count, t, t), "float32", grad)
        shares = step.like(scores)
        step.drop(scores, step.like(scores, "bool"))
        left = dropout(step, shares, self.dropout)
        if grad:
            step.keep(*scaled, shares, left, values)
        gathered = step.make(heads, "float32")
        mixed = step.make((t, batch, count * width), "float32", grad)
        step.drop(gathered)
        return step.cast(mixed, step.autocast or "float32")

    def _in_evaluation(self, step: Step, x: Value) -> Value:
        """The output of the one kernel that has all, of no use where a gradient is wanted."""
        batch, t, d = x.sizes
        projected, packed = (step.make((batch, t, 3 * d), x.dtype) for _ in range(2))
        step.drop(projected)
        scores = step.make((batch, self.heads, t, t), x.dtype)
        step.drop(scores)
        gathered, out = step.make(x.sizes, x.dtype), step.make(x.sizes, x.dtype)
        step.drop(packed, gathered)
        return out

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        if step.device == "cuda":
            return 0
        batch, t, d = y.sizes
        # By then there is no gradient yet of the first projection, nor of what arrived.
        first = 3 * d * (d + self.bias) * BYTES[y.dtype]
        later = (y.bytes if x.grad else 0) + first
        if self.dropout:  # that of the values, or of the shares
            return max(y.bytes, batch * self.heads * t * t * BYTES["float32"]) - later
        return 4 * y.bytes - later  # of query, key and value, and a copy of what they come from

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
