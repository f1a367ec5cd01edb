"""Padding and cropping."""

from typing import Any, Literal

from archlang.arguments import Margins, Number, Size, margins, per_axis, plain, spatial_axes
from archlang.autograd import circular_backward, pad
from archlang.op import Fresh, LayerError, Op, Torch, View, Weightless, Work
from archlang.step import Step, Value
from archlang.types import Tensor, constant_rule, through, window_rule
from archlang.window import Window, shifted

_MODULES = {
    "zeros": "ConstantPad",
    "reflect": "ReflectionPad",
    "replicate": "ReplicationPad",
    "circular": "CircularPad",
}
_SLACK = {"reflect": 1, "circular": 0}
"""How much smaller than the axis the padding of a mode must be, where it must."""


class Pad(Weightless, Fresh, name="pad"):
    """Add `amount` on both sides of each axis beside the channels.

    `amount` is a number, a size, or a pair [before, after] for each axis. `mode` says what is
    added: with `zeros` 0, or `value`; with `reflect` the input mirrored at its edge, with
    `replicate` the edge again and again, with `circular` the input from its other end.

    Shape: [C, *S] -> [C, *(before + S + after)], with one to three axes S. `reflect` adds less
    than S on a side, `circular` at most S.

    Simonyan and Zisserman 2014, Very deep convolutional networks (zeros); Ronneberger et al.
    2015, U-Net (mirrored).

        pad(1, mode=reflect) : [64, 56, 56] -> [64, 58, 58]
    """

    known_as = ("zero_pad", "zero_padding", "reflection_pad", "replication_pad", "constant_pad")
    amount: Margins
    mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    value: Number = 0.0

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        pairs = margins(self.amount, spatial_axes(x.shape, self.name), "amount")
        if self.value and self.mode != "zeros":
            raise LayerError(
                f"`mode={self.mode}` adds what is there, so `value` has no meaning", field="value"
            )
        slack = _SLACK.get(self.mode)
        sizes = []
        for size, (before, after) in zip(x.spatial, pairs, strict=True):
            least = 1 if slack is None else max(before, after) + slack
            out = through(size, window_rule(1, 1, before, after, least=least))
            if out is None:
                raise LayerError(
                    f"`mode={self.mode}` can pad an axis of {int(size)} "
                    f"by at most {int(size) - (slack or 0)}, not {max(before, after)}",
                    field="amount",
                )
            sizes.append(out)
        return Tensor((x.channels, *sizes))

    @classmethod
    def bridge(cls, x: Tensor, y: Tensor) -> Op | None:
        amount = _apart(x, y)
        return None if amount is None else cls(amount=amount)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return pad(step, x, step.sizes(y), self.mode)

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        (x,) = xs
        pads = margins(self.amount, y.rank - 2, "amount")
        return circular_backward(y, x, pads) if x.grad and self.mode == "circular" else 0

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        pairs = margins(self.amount, y.rank - 1, "amount")
        moved = (shifted(axis, -before, self.mode) for axis, (before, _) in enumerate(pairs, 1))
        return ((shifted(0, 0), *moved),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        pairs = margins(self.amount, x.rank - 1, "amount")
        around = tuple(n for pair in reversed(pairs) for n in pair)
        amount = around[0] if len(set(around)) == 1 else around
        if self.mode == "zeros" and not self.value:
            return getattr(nn, f"ZeroPad{x.rank - 1}d")(amount)
        more = (self.value,) if self.mode == "zeros" else ()
        return getattr(nn, f"{_MODULES[self.mode]}{x.rank - 1}d")(amount, *more)


class Crop(View, name="crop"):
    """Cut `amount` off both sides of each axis beside the channels.

    An `amount` is a number, a size, or a pair [before, after] for each axis. Something must be
    left (A208).

    Shape: [C, *S] -> [C, *(S - before - after)], with one to three axes S.

    Ronneberger et al. 2015, U-Net: convolutional networks for biomedical image segmentation.

        crop(4) : [512, 64, 64] -> [512, 56, 56]
    """

    known_as = ("cropping",)
    amount: Margins

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        pairs = margins(self.amount, spatial_axes(x.shape, self.name), "amount")
        sizes = []
        for size, (before, after) in zip(x.spatial, pairs, strict=True):
            out = through(size, window_rule(before + after + 1, 1, 0, 0))
            if out is None:
                raise LayerError(
                    f"nothing is left of an axis of {int(size)} once {before} and {after} "
                    "are cut off its ends",
                    code="A208",
                    field="amount",
                )
            sizes.append(out)
        return Tensor((x.channels, *sizes))

    @classmethod
    def bridge(cls, x: Tensor, y: Tensor) -> Op | None:
        amount = _apart(y, x)
        return None if amount is None else cls(amount=amount)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return x.view(step.sizes(y), x.strides)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        pairs = margins(self.amount, y.rank - 1, "amount")
        moved = (shifted(axis, before) for axis, (before, _) in enumerate(pairs, 1))
        return ((shifted(0, 0), *moved),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        pairs = margins(self.amount, xs[0].rank - 1, "amount")
        kept = (f"{before or ''}:{-after or ''}" for before, after in pairs)
        return f"{args[0]}[:, :, {', '.join(kept)}]"


def _apart(x: Tensor, y: Tensor) -> int | tuple[int, ...] | list[list[int]] | None:
    """What ``y`` has more than ``x`` on both sides of each axis, one more behind where uneven.

    None where it has less.
    """
    if x.rank != y.rank or x.rank < 2:
        return None
    more = [int(b) - int(a) for a, b in zip(x.spatial, y.spatial, strict=True)]
    if min(more) < 0 or not any(more):
        return None
    if any(n % 2 for n in more):
        return [[n // 2, n - n // 2] for n in more]
    return plain(tuple(n // 2 for n in more))


class CenterCrop(View, name="center_crop"):
    """The middle of each axis beside the channels, `size` long: where a skip meets what is smaller.

    Where the same cannot be cut off both ends, one more is cut off the far one.

    Shape: [C, *S] -> [C, *size], with one to three axes S, each at least `size`.

    Ronneberger et al. 2015, U-Net: convolutional networks for biomedical image segmentation.

        center_crop(56x56) : [512, 64, 64] -> [512, 56, 56]
    """

    size: Size

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        wanted = per_axis(self.size, spatial_axes(x.shape, self.name), "size")
        sizes = []
        for size, want in zip(x.spatial, wanted, strict=True):
            out = through(size, constant_rule(want, least=want))
            if out is None:
                raise LayerError(
                    f"an axis of {int(size)} cannot be cropped to {want}", field="size"
                )
            sizes.append(out)
        return Tensor((x.channels, *sizes))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return x.view(step.sizes(y), x.strides)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        sizes = zip(xs[0].spatial, y.spatial, strict=True)
        moved = (shifted(axis, int(n - kept) // 2) for axis, (n, kept) in enumerate(sizes, 1))
        return ((shifted(0, 0), *moved),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        (x,) = args
        cuts = (
            f".narrow({axis}, ({x}.shape[{axis}] - {size}) // 2, {size})"
            for axis, size in enumerate(per_axis(self.size, xs[0].rank - 1, "size"), 2)
        )
        return f"{x}{''.join(cuts)}"
