"""Layers that rearrange what arrives, and learned tensors."""

from collections.abc import Iterable
from math import prod
from typing import Any, ClassVar

from archlang.arguments import Axes, Lengths, Number, PositiveInt, Sizes, Truth, Whole, axis_of
from archlang.autograd import flatten, reshape, suggested
from archlang.op import Fresh, LayerError, Recast, Torch, View, Weightless, Work, single
from archlang.step import Step, Value
from archlang.strides import contiguous
from archlang.types import (
    Shape,
    Tensor,
    divided_rule,
    divides,
    product,
    quotient,
    same,
    slice_rule,
    through,
)
from archlang.window import Window, mixing, pointwise, relaid, shifted, unmoved


class Identity(View, name="identity"):
    """What arrives, unchanged.

    Shape: [*A] -> [*A].

        identity : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("noop", "pass_through")

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.Identity()


class Flatten(View, name="flatten"):
    """Lay the axes from `start` to `end` out as one; both ends count.

    Shape: [*A, *S, *B] -> [*A, F, *B], F being the product of S.

        flatten : [16, 5, 5] -> [400]
    """

    torch_takes = "start_dim end_dim"
    start: Whole = 0
    end: Whole = -1

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        start, end = axis_of(self.start, x.rank, "start"), axis_of(self.end, x.rank, "end")
        if start > end:
            raise LayerError(f"`start`, axis {start}, comes after `end`, axis {end}", field="start")
        merged = product(x.shape[start : end + 1])
        return Tensor((*x.shape[:start], merged, *x.shape[end + 1 :]))

    def flattens(self, x: Tensor) -> bool:
        return axis_of(self.start, x.rank) == 0 and axis_of(self.end, x.rank) == x.rank - 1

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(Identity(), idle=True)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        start, end = (axis_of(a, x.rank - 1) + 1 for a in (self.start, self.end))
        return x if start == end else flatten(step, x, start, end)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return (relaid(xs[0].shape, y.shape),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        options = {}
        for option, axis, default in (("start_dim", self.start, 0), ("end_dim", self.end, -1)):
            if axis != default:
                options[option] = axis if axis < 0 else axis + 1
        return nn.Flatten(**options)


class Reshape(View, name="reshape"):
    """Lay the values out in other sizes, in the same order; one size may be -1: what is left.

    Shape: [*A] -> [*sizes], of as many values.

        reshape(8, 8, -1) : [64, 49] -> [8, 8, 49]
    """

    known_as = ("view", "unflatten")
    variadic: ClassVar[str] = "sizes"

    sizes: Lengths = []  # noqa: RUF012 - pydantic copies it

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if not self.sizes:
            raise LayerError("`reshape` needs at least one size", field="sizes")
        if self.sizes.count(-1) > 1:
            raise LayerError("only one size of `reshape` may be -1", field="sizes")
        known = prod(size for size in self.sizes if size != -1)
        if not (divides(known, x.numel) if -1 in self.sizes else same(x.numel, known)):
            raise LayerError(
                f"{x} has {int(x.numel):,} values, which {_listed(self.sizes)} does not hold",
                field="sizes",
            )
        left = quotient(x.numel, known)
        return Tensor(tuple(left if size == -1 else size for size in self.sizes))

    def flattens(self, x: Tensor) -> bool:
        return len(self.sizes) == 1

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(Identity(), idle=True) if len(self.sizes) == 1 else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return reshape(step, x, (x.sizes[0], *y.shape))

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return (relaid(xs[0].shape, y.shape),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        return f"{args[0]}.reshape({args[0]}.shape[0], {_listed(self.sizes)})"


class Permute(View, name="permute"):
    """Put the axes in another order: `permute(1, 2, 0)` makes axis 1 the first.

    Shape: [A0, A1, …] -> [A(axes 0), A(axes 1), …]; each axis is named once, from the back
    where negative.

        permute(1, 2, 0) : [96, 56, 28] -> [56, 28, 96]
    """

    known_as = ("transpose",)
    variadic: ClassVar[str] = "axes"

    axes: Axes = ()

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        order = self.order(x.rank)
        if sorted(order) != list(range(x.rank)):
            raise LayerError(
                f"`permute` names each axis of the tensor once, {_listed(range(x.rank))} in some "
                f"order, not {_listed(self.axes) or 'none'}",
                field="axes",
            )
        return Tensor(tuple(x.shape[axis] for axis in order))

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        order = self.order(y.rank)
        return (tuple(shifted(order.index(axis), 0) for axis in range(y.rank)),)

    def order(self, rank: int) -> tuple[int, ...]:
        """The axes, counted from the front."""
        return tuple(axis_of(axis, rank, "axes") for axis in self.axes)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return x.permute((0, *(axis + 1 for axis in self.order(y.rank))))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        order = (0, *(axis + 1 for axis in self.order(xs[0].rank)))
        return f"{args[0]}.permute({_listed(order)})"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)


def _moved(y: Tensor, axis: int, start: int) -> Window:
    """A part of one axis, from ``start`` on, and all of the others."""
    return (*unmoved(y.rank)[:axis], shifted(axis, start), *unmoved(y.rank)[axis + 1 :])


class Slice(View, name="slice"):
    """The part of one axis from `start` up to, but not including, `end`.

    As in Python, a negative one counts from the back, and one that lies outside the axis
    stands for its edge; something must be left (A208).

    Shape: [*A, S, *B] -> [*A, end - start, *B]; the axis is the first, unless `axis` names
    another.

        slice(0, 58) : [116, 28, 28] -> [58, 28, 28]
    """

    known_as = ("narrow",)
    start: Whole
    end: Whole
    axis: Whole = 0

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        out = through(x.shape[axis], slice_rule(self.start, self.end))
        if out is None:
            size = int(x.shape[axis])
            raise LayerError(
                f"nothing is left of an axis of {size} from {self.start} up to {self.end}",
                code="A208",
                field="end",
            )
        return x.with_axis(axis, out)

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self.model_copy(update={"axis": 0})) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return x.view((x.sizes[0], *map(int, y.shape)), x.strides)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axis = axis_of(self.axis, y.rank)
        start = range(xs[0].shape[axis])[self.start : self.end].start
        return (_moved(y, axis, start),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        skipped = ":, " * (axis_of(self.axis, xs[0].rank) + 1)
        return f"{args[0]}[{skipped}{self.start}:{self.end}]"


class Split(View, name="split"):
    """The piece number `index`, from 0, of an axis cut into `parts` equal pieces.

    As in Python, a negative `index` counts from the back.

    Shape: [*A, S, *B] -> [*A, S / parts, *B]; `parts` divides S. The axis is the first, unless
    `axis` names another.

    Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks.

        split(2, 0) : [116, 28, 28] -> [58, 28, 28]
    """

    known_as = ("chunk",)
    parts: PositiveInt
    index: Whole
    axis: Whole = 0

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        if not -self.parts <= self.index < self.parts:
            raise LayerError(
                f"there is no piece {self.index} of {self.parts}; they count from 0", field="index"
            )
        out = through(x.shape[axis], divided_rule(self.parts))
        if out is None:
            raise LayerError(
                f"`parts` {self.parts} does not divide an axis of {int(x.shape[axis])}",
                field="parts",
            )
        return x.with_axis(axis, out)

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self.model_copy(update={"axis": 0})) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        axis = axis_of(self.axis, y.rank) + 1
        parts = (self.parts, int(y.shape[axis - 1]))
        return reshape(step, x, (*x.sizes[:axis], *parts, *x.sizes[axis + 1 :])).select(axis)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axis = axis_of(self.axis, y.rank)
        return (_moved(y, axis, self.index % self.parts * int(y.shape[axis])),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        axis = axis_of(self.axis, xs[0].rank) + 1
        # not `chunk`: what gives several views lets none be written over in training
        return f"{args[0]}.unflatten({axis}, ({self.parts}, -1)).select({axis}, {self.index})"


class ChannelShuffle(Weightless, Fresh, name="channel_shuffle"):
    """Deal the channels of `groups` groups out in turn: the first of each, then the second, …

    Shape: [C, *S] -> [C, *S], with at least one axis S; `groups` divides C.

    Zhang et al. 2018, ShuffleNet.

        channel_shuffle(2) : [116, 28, 28] -> [116, 28, 28]
    """

    groups: PositiveInt

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank < 2:
            raise LayerError(
                f"`channel_shuffle` needs a tensor [C, …] of two or more axes, not {x}"
            )
        if not divides(self.groups, x.channels):
            raise LayerError(
                f"`groups` {self.groups} does not divide the channels that arrive, "
                f"{int(x.channels)}",
                field="groups",
            )
        return x

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return suggested(step, x.sizes, x)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return mixing(y, 0)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.ChannelShuffle(self.groups)


class Parameter(View, name="parameter"):
    """A learned tensor, whatever arrives: a class token, a position embedding, a layer scale.

    It starts filled with `init`; its key is its own path, and with `batch` it is stored with
    a leading 1. It is a weight, so it makes no neurons.

    Shape: [*A] -> [*shape].

    Dosovitskiy et al. 2021, An image is worth 16x16 words.

        parameter([1, 768], batch=true) : [196, 768] -> [1, 768]
    """

    keeps_output = True

    shape: Sizes
    init: Number = 0.0
    batch: Truth = False

    def infer(self, *xs: Tensor) -> Tensor:
        if not self.shape:
            raise LayerError("`shape` needs at least one size", field="shape")
        return Tensor(tuple(int(size) for size in self.shape))

    def caption(self, y: Tensor, *xs: Tensor) -> str:
        return self.name

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return (None,) * len(xs)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        return {"": (1, *self.shape) if self.batch else tuple(self.shape)}

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        stored = step.weights[""]
        if step.once:
            return stored if self.batch else stored.unsqueeze(0)
        sizes = step.sizes(y)
        strides = stored.strides[-y.rank :]
        return stored.view(sizes, contiguous(sizes) if sizes[0] == 1 else (0, *strides))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        stored = [int(size) for size in self.params()[""]]
        return nn.full_parameter(stored, self.init)

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        return f"{module}.expand({args[0]}.shape[0]{', -1' * len(self.shape)})"

    def once(self, module: str) -> str | None:
        return module if self.batch else f"{module}[None]"
