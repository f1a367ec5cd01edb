"""Normalisation."""

from typing import Any

from archlang.arguments import Number, Truth, Whole, axis_of
from archlang.op import Fresh, LayerError, Torch
from archlang.types import Dim, Shape, Tensor


class _Norm(Fresh):
    """What normalisations share: their arithmetic is no product of matrices."""

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0


class BatchNorm(_Norm, name="bn"):
    """Give each channel zero mean and unit variance over the batch and all positions.

    At inference it uses running statistics, kept as buffers. With `affine` it then scales
    and shifts each channel by learned figures.

    Shape: [C, *S] -> [C, *S], with none to three axes S.

    Ioffe and Szegedy 2015, Batch normalization.

        bn : [64, 56, 56] -> [64, 56, 56]
    """

    eps: Number = 1e-5
    momentum: Number = 0.1
    affine: Truth = True

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank not in (1, 2, 3, 4):
            raise LayerError(
                "`bn` needs a tensor [F], [C, L], [C, H, W] or [C, D, H, W], "
                f"not one of {x.rank} axes"
            )
        if self.eps < 0:
            raise LayerError(f"`eps` must be at least 0, not {self.eps}", field="eps")
        return x

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {"weight": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        return {
            "running_mean": (x.channels,),
            "running_var": (x.channels,),
            "num_batches_tracked": (),
        }

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


class LayerNorm(_Norm, name="layernorm"):
    """Give the values along one axis zero mean and unit variance, each position by itself.

    With `affine` it then scales and shifts each by learned figures. `layernorm(axis=0)`
    normalises the channels of an image, as ConvNeXt does.

    Shape: [*A] -> [*A]; the axis is the last, unless `axis` names another.

    Ba et al. 2016, Layer normalization.

        layernorm(eps=1e-6) : [197, 768] -> [197, 768]
    """

    eps: Number = 1e-5
    axis: Whole = -1
    affine: Truth = True

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axis_of(self.axis, x.rank)
        return x

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        (x,) = xs
        size = x.shape[axis_of(self.axis, x.rank)]
        return {"weight": (size,), "bias": (size,)} if self.affine else {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        axis = axis_of(self.axis, x.rank)
        options: dict[str, Any] = {}
        if self.eps != 1e-5:
            options["eps"] = self.eps
        if not self.affine:
            options["elementwise_affine"] = False
        if axis == x.rank - 1:
            return nn.LayerNorm(int(x.shape[axis]), **options)
        return nn.AxisLayerNorm(int(x.shape[axis]), dim=axis + 1, **options)
