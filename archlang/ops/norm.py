"""Normalisation."""

from dataclasses import replace
from math import prod
from typing import Any

from archlang import strides as lie
from archlang.arguments import (
    Number,
    PositiveInt,
    Truth,
    spatial_axes,
)
from archlang.autograd import contiguous, in_its_format, suggested
from archlang.op import Fresh, LayerError, Recast, Torch, Work, single
from archlang.step import BYTES, Step, Value
from archlang.types import Dim, Shape, Tensor, divides, product, unlike
from archlang.window import Window, across, pointwise


class _Norm(Fresh):
    """What normalisations share: their arithmetic is no product of matrices."""

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0


def _by_statistics(y: Tensor, affine: bool) -> Work:
    """For each scalar the sum of a mean, a difference, its square, their sum, and a product.

    With ``affine`` a product and a sum more. Figures of a whole mean are not counted.
    """
    return Work(norm=product((7 if affine else 5, y.numel)))


def _running_statistics(x: Tensor) -> dict[str, Shape]:
    return {
        "running_mean": (x.channels,),
        "running_var": (x.channels,),
        "num_batches_tracked": (),
    }


def batch_norm(
    step: Step, x: Value, weight: Value | None, tracked: bool = True, own: bool = False
) -> Value:
    """Batch norm keeps its input, and in training the mean and deviation of each channel.

    They are float32 as soon as anything beside the input is. With ``own`` they are made in
    evaluation, too.
    """
    grad = x.grad or step.learns
    out = suggested(step, x.sizes, x)
    x = in_its_format(step, x) if step.device == "cuda" and grad else x
    dtype = "float32" if weight is not None or tracked or step.device == "cuda" else x.dtype
    figures = (x.sizes[1],)
    own = own or step.training
    statistics = [step.make(figures, dtype) for _ in ("mean", "deviation")] if own else []
    if grad:
        step.keep(x, *statistics)
        step.keep(*([] if weight is None else [weight]))
    if step.device == "cpu":
        step.drop(*(step.make(figures, dtype) for _ in ("factor", "summand")))
    return replace(out, grad=grad)


def normalised(step: Step, x: Value, statistics: tuple[int, ...], out: Value) -> Value:
    """A norm of each sample by itself keeps its input, and a mean and a deviation of each part."""
    weight = step.weights.get("weight")
    grad = x.grad or step.learns
    dtype = x.dtype if weight is None and step.device == "cpu" else "float32"
    made = [step.make(statistics, dtype) for _ in ("mean", "deviation")]
    if grad:
        step.keep(x, *made)
    return replace(out, grad=grad)


class BatchNorm(_Norm, name="bn"):
    """Give each channel zero mean and unit variance over the batch and all positions.

    At inference it uses running statistics, kept as buffers. With `affine` it then scales
    and shifts each channel by learned figures.

    Shape: [C, *S] -> [C, *S], with none to three axes S.

    Ioffe and Szegedy 2015, Batch normalization.

        bn : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("batchnorm", "batch_normalization")
    torch_takes = "num_features eps momentum affine"
    centres = True

    eps: Number = 1e-5
    momentum: Number = 0.1
    affine: Truth = True

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(norm=product((2, y.numel)))  # a difference and a product; affine folds in

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank not in (1, 2, 3, 4):
            raise LayerError(
                "`bn` needs a tensor [F], [C, L], [C, H, W] or [C, D, H, W], "
                f"not one of {x.rank} axes"
            )
        if self.eps < 0:
            raise LayerError(f"`eps` must be at least 0, not {self.eps:g}", field="eps")
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return _running_statistics(x)

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self) if single(*maps) else None

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return batch_norm(step, x, step.weights.get("weight"))

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        if step.turned:  # another kernel, which sums the gradient up in float32
            return 0 if y.dtype == "float32" else y.numel * BYTES["float32"]
        return y.bytes if step.device == "cpu" else 0

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options: dict[str, Any] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if self.momentum != 0.1:
            options["momentum"] = self.momentum
        if not self.affine:
            options["affine"] = False
        return getattr(nn, f"BatchNorm{max(1, x.rank - 1)}d")(int(x.channels), **options)


class GroupNorm(_Norm, name="groupnorm"):
    """Give the values of each of `groups` groups of channels zero mean and unit variance.

    The mean is over the channels of the group and all positions, for each sample by itself.
    With `affine` it then scales and shifts each channel by learned figures.

    Shape: [C, *S] -> [C, *S], with any number of axes S; `groups` divides C, and a group has
    more than one value.

    Wu and He 2018, Group normalization.

        groupnorm(32) : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("group_normalization", "gn")
    torch_takes = "num_groups num_channels eps affine"
    groups: PositiveInt
    eps: Number = 1e-5
    affine: Truth = True

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return _by_statistics(y, self.affine)

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if not divides(self.groups, x.channels):
            raise LayerError(
                f"`groups` {self.groups} does not divide the channels that arrive, "
                f"{int(x.channels)}",
                field="groups",
            )
        if not unlike(x.numel, self.groups):
            raise LayerError(
                f"each of {self.groups} groups of {x} is one value, which would come out as 0",
                field="groups",
                hint="PyTorch refuses it for a batch of one",
            )
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return across(y.rank, tuple(range(y.rank)))

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cuda")
        x = x if step.device == "cpu" else contiguous(step, x)
        return normalised(step, x, (x.sizes[0], self.groups), suggested(step, x.sizes, x))

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        sums = 2 * prod(y.sizes[:2]) * BYTES["float32"]  # over each channel of each sample
        return sums + (y.bytes if step.turned else 0)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options: dict[str, Any] = {} if self.eps == 1e-5 else {"eps": self.eps}
        if not self.affine:
            options["affine"] = False
        return nn.GroupNorm(self.groups, int(x.channels), **options)


class InstanceNorm(_Norm, name="instancenorm"):
    """Give each channel zero mean and unit variance over all positions, each sample by itself.

    With `affine` it then scales and shifts each channel by learned figures. With `track` it
    keeps running statistics as buffers, and uses them at inference.

    Shape: [C, *S] -> [C, *S], with one to three axes S; unless it tracks, more than one position.

    Ulyanov et al. 2016, Instance normalization: the missing ingredient for fast stylization.

        instancenorm : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("instance_normalization",)
    torch_takes = "num_features eps momentum affine track_running_stats"
    centres = True

    eps: Number = 1e-5
    momentum: Number = 0.1
    affine: Truth = False
    track: Truth = False

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(norm=product((2, y.numel))) if self.track else _by_statistics(y, self.affine)

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        spatial_axes(x.shape, self.name)
        if not self.track and not unlike(product(x.spatial), 1):
            raise LayerError(
                f"`instancenorm` needs more than one position in each channel, and {x} has one: "
                "it would come out as 0"
            )
        return x

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs) if self.track else across(y.rank, tuple(range(1, y.rank)))

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return _running_statistics(x) if self.track else {}

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        batch, channels, *inner = x.sizes
        flat = contiguous(step, x)
        rows = (1, batch * channels, *inner)
        flat = flat.view(rows, lie.contiguous(rows))
        weight = None
        if self.affine:
            weight, _ = (step.make((rows[1],), "float32", w.grad) for w in step.weights.values())
        if self.track:
            dtype = x.dtype if weight is None else "float32"
            repeated = [step.make((rows[1],), dtype) for _ in ("mean", "variance")]
            if flat.grad or (weight is not None and weight.grad):
                step.keep(*repeated)
        out = batch_norm(step, flat, weight, tracked=False, own=not self.track)
        return out.view(x.sizes, lie.contiguous(x.sizes))

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        # gradients of weights for each sample, which are then summed up
        samples = 2 * (y.sizes[0] - 1) * y.sizes[1] * BYTES["float32"] if self.affine else 0
        return samples + (y.bytes if step.device == "cpu" else 0)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        options: dict[str, Any] = {} if self.eps == 1e-5 else {"eps": self.eps}
        if self.momentum != 0.1:
            options["momentum"] = self.momentum
        if self.affine:
            options["affine"] = True
        if self.track:
            options["track_running_stats"] = True
        return getattr(nn, f"InstanceNorm{x.rank - 1}d")(int(x.channels), **options)
