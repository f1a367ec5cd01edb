"""Merges: layers that take the results of several branches."""

from functools import reduce
from typing import Any, ClassVar, Literal

from archlang.arguments import Whole, axis_of
from archlang.autograd import elementwise, mul
from archlang.op import Fresh, LayerError, Recast, Torch, Weightless, Work
from archlang.step import Step, Value, promoted
from archlang.strides import channels_last, suggests_channels_last
from archlang.types import Dim, Tensor, product, same, symbols, total
from archlang.window import WHOLE, Window, piece, pointwise, shifted, unmoved


class _Merge(Weightless, Fresh):
    """What merges share: they need no module."""

    merges = keeps_layout = True
    implicit: ClassVar[Literal["", "first", "last"]] = ""
    """Where an identity branch is added to a body written with one branch."""
    most: ClassVar[int | None] = None
    """The most branches that may be written."""

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(elementwise=product((len(xs) - 1, y.numel)))

    def refuse(self, xs: tuple[Tensor, ...], why: str) -> LayerError:
        """The error for shapes that PyTorch rejects (A203), or would stretch (A204)."""
        code = "A204" if not isinstance(self, Concat) and _broadcast(xs) else "A203"
        return LayerError(f"branches of `{self.name}` are {_listed(xs)}: {why}", code=code)

    def on_map(self, *maps: Tensor) -> Recast | None:
        """What comes together must see windows of one size."""
        return Recast(self) if len({x.spatial for x in maps}) == 1 else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        return reduce(lambda a, b: elementwise(step, a, b), xs)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        # what is stretched gets a gradient of the whole size, which is then summed up
        return y.bytes * sum(x.grad and x.numel < y.numel for x in xs) if self.stretches else 0

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None


def _listed(xs: tuple[Tensor, ...]) -> str:
    shapes = [str(x) for x in xs]
    return f"{', '.join(shapes[:-1])} and {shapes[-1]}"


def _equal(xs: tuple[Tensor, ...], but: int | None = None) -> bool:
    """Whether all have the same sizes, apart from the axis ``but``."""
    return all(
        x.rank == xs[0].rank
        and all(i == but or same(x.shape[i], xs[0].shape[i]) for i in range(x.rank))
        for x in xs
    )


def _broadcast(xs: tuple[Tensor, ...]) -> bool:
    """Whether PyTorch would stretch one to another, with a batch of one at least."""
    rank = max(x.rank for x in xs) + 1
    rows = [(1,) * (rank - x.rank) + x.shape for x in xs]
    return all(len({int(size) for size in sizes} - {1}) <= 1 for sizes in zip(*rows, strict=True))


class Add(_Merge, name="add"):
    """The sum of its branches, which must all have one shape.

    Shape: [*A], [*A], … -> [*A].

    He et al. 2016, Deep residual learning for image recognition.

        add { conv(3x3, 3) | identity } : [3, 32, 32] -> [3, 32, 32]
    """

    known_as = ("sum", "plus")
    stretches = passes_gradient = True
    sign = "⊕"

    def infer(self, *xs: Tensor) -> Tensor:
        if not _equal(xs):
            raise self.refuse(xs, "only equal shapes are added")
        return xs[0]

    def known(self, *xs: Tensor) -> int | None:
        return 0

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        return " + ".join(args)


class Residual(Add, name="residual"):
    """The sum of its branches; one alone is added to what arrives.

    Shape: [*A], [*A], … -> [*A].

    He et al. 2016, Deep residual learning for image recognition.

        residual { conv(3x3, 64) -> relu } : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("shortcut", "skip_connection")
    implicit = "last"


class Sub(_Merge, name="sub"):
    """The first of two branches less the second, which has the same shape.

    Shape: [*A], [*A] -> [*A].

    Koch et al. 2015, Siamese neural networks for one-shot image recognition.

        sub { identity | avgpool(3x3, stride=1, pad=1) } : [3, 32, 32] -> [3, 32, 32]
    """

    known_as = ("subtract", "minus")
    least = most = 2
    stretches = True
    sign = "⊖"

    def infer(self, *xs: Tensor) -> Tensor:
        if not _equal(xs):
            raise self.refuse(xs, "only equal shapes are subtracted")
        return xs[0]

    def known(self, *xs: Tensor) -> int | None:
        return 0

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        return " - ".join(args)


class Mul(_Merge, name="mul"):
    """The product of its branches, value by value.

    Sizes of 1 are stretched to those of the other branches, and a vector [C] over all
    positions of [C, *S].

    Shape: [C, *S], [C, *S] or [C] or sizes of 1, … -> [C, *S].

    Srivastava et al. 2015, Highway networks.

        mul { identity | global_avgpool -> sigmoid } : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("multiply", "times", "product")
    stretches = True
    sign = "⊗"

    def infer(self, *xs: Tensor) -> Tensor:
        rank = max(x.rank for x in xs)
        if any(x.rank not in (1, rank) for x in xs):
            raise self.refuse(xs, "each needs as many axes as the others, or to be a vector [C]")
        rows = [x.shape if x.rank == rank else (*x.shape, *(1,) * (rank - 1)) for x in xs]
        sizes = [_stretched(sizes) for sizes in zip(*rows, strict=True)]
        if any(size is None for size in sizes):
            raise self.refuse(xs, "only sizes that are equal, or 1, are multiplied")
        return Tensor(tuple(size for size in sizes if size is not None))

    def known(self, *xs: Tensor) -> int | None:
        whole = (i for i, x in enumerate(xs) if x.rank > 1 and 1 not in x.shape)
        return next(whole, None)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        rank = max(x.rank for x in xs)
        full = [
            x.view((*x.sizes, *(1,) * (rank - x.rank)), (*x.strides, *(0,) * (rank - x.rank)))
            if x.rank < rank
            else x
            for x in xs
        ]
        return reduce(lambda a, b: mul(step, a, b), full)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        if len(xs) > 2 and all(x.grad and x.bytes == y.bytes for x in xs):
            return (2 - len(xs)) * y.bytes  # two at a time; a product goes after each pair
        return super().workspace(step, y, *xs)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return tuple(
            tuple(
                WHOLE if size == 1 < y.shape[axis] else shifted(axis, 0)
                for axis, size in enumerate(x.shape)
            )
            for x in xs
        )

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        rank = max(x.rank for x in xs)
        return " * ".join(
            arg if x.rank == rank else f"{arg}[:, :{', None' * (rank - 1)}]"
            for arg, x in zip(args, xs, strict=True)
        )


def _stretched(sizes: tuple[Dim, ...]) -> Dim | None:
    """The size that sizes of 1 are stretched to; None where the others differ.

    What is 1 for every input is stretched to any size. What happens to be 1 at the input that is
    checked must stay so, if it is stretched there.
    """
    open_ = [size for size in sizes if symbols(size) or size != 1] or [sizes[0]]
    wide = [size for size in open_ if size != 1] or open_
    if not all(same(size, wide[0]) for size in wide):
        return None
    for size in open_:
        if size != wide[0]:
            same(size, 1)
    return wide[0]


class Gate(Mul, name="gate"):
    """What arrives, times the branch computed from it.

    Shape: [C, *S] -> [C, *S]; the branch gives [C, *S], [C] or sizes of 1.

    Hu et al. 2018, Squeeze-and-excitation networks.

        gate { global_avgpool -> linear(64) -> sigmoid } : [64, 56, 56] -> [64, 56, 56]
    """

    implicit = "first"
    most = 1


class Concat(_Merge, name="concat"):
    """Its branches side by side along one axis: the channels, unless `axis` names another.

    Shape: [C1, *S], [C2, *S], … -> [C1 + C2 + …, *S]; but for the joined axis all are equal.

    Szegedy et al. 2015, Going deeper with convolutions.

        concat { conv(1x1, 64) | conv(3x3, 128) } : [192, 28, 28] -> [192, 28, 28]
    """

    known_as = ("cat", "concatenate")
    passes_gradient = True
    sign = "⧺"

    axis: Whole = 0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def infer(self, *xs: Tensor) -> Tensor:
        if not _equal(tuple(Tensor((0,) * x.rank) for x in xs)):
            raise self.refuse(xs, "only tensors of as many axes are joined")
        axis = axis_of(self.axis, xs[0].rank)
        if not _equal(xs, but=axis):
            raise self.refuse(xs, f"to be joined along axis {axis}, all others must be equal")
        return xs[0].with_axis(axis, total(x.shape[axis] for x in xs))

    def caption(self, y: Tensor, *xs: Tensor) -> str:
        axis = axis_of(self.axis, y.rank)
        sizes = "+".join(str(int(x.shape[axis])) for x in xs)
        parts = sizes if len(xs) <= 6 else f"{len(xs)} tensors"
        return f"{self.sign} {parts} = {int(y.shape[axis])}"

    def on_map(self, *maps: Tensor) -> Recast | None:
        alike = len({x.spatial for x in maps}) == 1
        return Recast(self.model_copy(update={"axis": 0})) if alike else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        if len(xs) == 1:
            return xs[0]
        last = all(suggests_channels_last(*x.lie) for x in xs)
        sizes = step.sizes(y)
        strides = channels_last(sizes) if last else None
        return step.make(sizes, promoted(*xs), any(x.grad for x in xs), strides)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        axis = axis_of(self.axis, y.rank)
        if len(xs) == 1:
            return pointwise(*xs)
        windows: list[Window] = []
        start = 0
        for x in xs:
            whole = unmoved(x.rank)
            windows.append((*whole[:axis], piece(axis, start), *whole[axis + 1 :]))
            start += int(x.shape[axis])
        return tuple(windows)

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        if len(args) == 1:
            return args[0]
        return f"torch.cat(({', '.join(args)}), {axis_of(self.axis, xs[0].rank) + 1})"


class Dense(Concat, name="dense"):
    """What arrives, with the branch computed from it joined behind.

    Shape: [C, *S] -> [C + K, *S]; the branch gives [K, *S].

    Huang et al. 2017, Densely connected convolutional networks.

        dense { bn -> relu -> conv(3x3, 32, bias=false) } : [64, 56, 56] -> [96, 56, 56]
    """

    implicit = "first"
    most = 1
