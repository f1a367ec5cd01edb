"""Units: activations that learn, or that take several channels for each that they give."""

from dataclasses import replace
from typing import Any

from archlang.arguments import Number, PositiveInt, Whole, axis_of
from archlang.autograd import amax_backward, elementwise
from archlang.op import Fresh, LayerError, Recast, Torch, Weightless, Work, single
from archlang.step import Step, Value
from archlang.strides import contiguous
from archlang.types import Dim, Shape, Tensor, divided_rule, product, through
from archlang.window import Slide, Window, pointwise, sliding, unmoved


class PRelu(Fresh, name="prelu"):
    """The value x where x > 0, and x times a learned slope elsewhere.

    One slope is shared by all, or each channel has its own: `num_parameters` is 1 or C. They
    start at `init`.

    Shape: [C, *S] -> [C, *S], with any number of axes S.

    He et al. 2015, Delving deep into rectifiers.

        prelu(64) : [64, 56, 56] -> [64, 56, 56]
    """

    num_parameters: PositiveInt = 1
    init: Number = 0.25

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if self.num_parameters != 1 and (x.rank == 0 or self.num_parameters != x.channels):
            raise LayerError(
                f"`num_parameters` is 1 or the channels that arrive, "
                f"{int(x.channels) if x.rank else 1}, not {self.num_parameters}",
                field="num_parameters",
            )
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        return {"weight": (self.num_parameters,)}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=y.numel)

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self) if self.num_parameters == 1 or single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x, slopes = step.low(x), step.low(step.weights["weight"])
        if slopes.grad:
            step.keep(x, slopes)
        rows = (1, self.num_parameters, *(1,) * (x.rank - 2))
        return replace(elementwise(step, x, slopes.view(rows, contiguous(rows))), grad=slopes.grad)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        # a gradient for each use of a slope, summed up afterwards; both are made, wanted or not
        return y.bytes if xs[0].grad else 2 * y.bytes

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        given = () if self.num_parameters == 1 else (self.num_parameters,)
        options = {} if self.init == 0.25 else {"init": self.init}
        return nn.PReLU(*given, **options)


class Maxout(Weightless, Fresh, name="maxout"):
    """The largest of each `pieces` values that follow one another along an axis.

    After a linear or a convolution, a unit so learns the shape of its own activation.

    Shape: [*A, S, *B] -> [*A, S / pieces, *B]; `pieces` divides S. The axis is the first, the
    channels, unless `axis` names another.

    Goodfellow et al. 2013, Maxout networks.

        maxout(2) : [128, 28, 28] -> [64, 28, 28]
    """

    keeps_output = True

    pieces: PositiveInt
    axis: Whole = 0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=product((self.pieces - 1, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        out = through(x.shape[axis], divided_rule(self.pieces))
        if out is None:
            raise LayerError(
                f"`pieces` {self.pieces} does not divide an axis of {int(x.shape[axis])}",
                field="pieces",
            )
        return x.with_axis(axis, out)

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self.model_copy(update={"axis": 0})) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        result = step.make(step.sizes(y), x.dtype, x.grad)
        if x.grad:
            step.keep(x, result)
        return result

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return amax_backward(step, y, xs[0])

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axis = axis_of(self.axis, y.rank)
        taken = sliding(axis, self.pieces, self.pieces, 0)
        return ((*unmoved(y.rank)[:axis], taken, *unmoved(y.rank)[axis + 1 :]),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        axis = axis_of(self.axis, xs[0].rank) + 1
        return f"{args[0]}.unflatten({axis}, (-1, {self.pieces})).amax({axis + 1})"


class Glu(Weightless, Fresh, name="glu"):
    """The first half of an axis times the sigmoid of the second.

    Shape: [*A, S, *B] -> [*A, S / 2, *B]; S is even. The axis is the first, the channels,
    unless `axis` names another.

    Dauphin et al. 2017, Language modeling with gated convolutional networks.

        glu : [128, 28, 28] -> [64, 28, 28]
    """

    torch_takes = "dim=-1"
    axis: Whole = 0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=product((2, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        out = through(x.shape[axis], divided_rule(2))
        if out is None:
            raise LayerError(
                f"an axis of {int(x.shape[axis])} has no two equal halves", field="axis"
            )
        return x.with_axis(axis, out)

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self.model_copy(update={"axis": 0})) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        if x.grad:
            step.keep(x)
        return elementwise(step, x.view((x.sizes[0], *map(int, y.shape)), x.strides))

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axis = axis_of(self.axis, y.rank)
        half = int(y.shape[axis])
        taken = Slide(axis, 1, 1, 0, half, half)
        return ((*unmoved(y.rank)[:axis], taken, *unmoved(y.rank)[axis + 1 :]),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.GLU(dim=axis_of(self.axis, xs[0].rank) + 1)
