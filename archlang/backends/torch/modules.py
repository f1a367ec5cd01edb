"""The modules that networks need and PyTorch lacks; exported source carries those it uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Uneven(nn.Module):
    """A convolution whose padding differs before and after an axis."""

    convolve: Callable[..., Tensor]
    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        *,
        padding: Sequence[tuple[int, int]],
        **options: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        self.pads = [n for pair in reversed(padding) for n in pair]

    def forward(self, input: Tensor) -> Tensor:
        """Pad, then convolve."""
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        padded = functional.pad(input, self.pads, mode=mode)
        return self.convolve(
            padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, pads={self.pads}"


class UnevenConv1d(_Uneven, nn.Conv1d):
    """``nn.Conv1d`` with ``padding`` a pair (before, after) for its axis."""

    convolve = staticmethod(functional.conv1d)


class UnevenConv2d(_Uneven, nn.Conv2d):
    """``nn.Conv2d`` with ``padding`` a pair (before, after) for each axis."""

    convolve = staticmethod(functional.conv2d)


class UnevenConv3d(_Uneven, nn.Conv3d):
    """``nn.Conv3d`` with ``padding`` a pair (before, after) for each axis."""

    convolve = staticmethod(functional.conv3d)


class AxisLinear(nn.Linear):
    """``nn.Linear`` along ``dim``, the batch counted."""

    def __init__(self, in_features: int, out_features: int, dim: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Multiply ``dim`` by the weight."""
        return super().forward(input.movedim(self.dim, -1)).movedim(-1, self.dim)


class DropConnectLinear(nn.Linear):
    """``nn.Linear`` along ``dim`` that, in training, drops each weight with probability ``p``.

    Those that stay are scaled by 1/(1-p); one draw holds for the whole batch. Wan et al. 2013,
    Regularization of neural networks using DropConnect.
    """

    def __init__(
        self, in_features: int, out_features: int, p: float, dim: int = -1, bias: bool = True
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.p, self.dim = p, dim

    def forward(self, input: Tensor) -> Tensor:
        """Multiply ``dim`` by what is left of the weight."""
        weight = functional.dropout(self.weight, self.p, self.training)
        return functional.linear(input.movedim(self.dim, -1), weight, self.bias).movedim(
            -1, self.dim
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"


class LocallyConnected(nn.Module):
    """A convolution whose weights differ from place to place.

    ``places`` are the sizes that come out; the weight is (*places, out_channels, in_channels,
    *kernel_size), the bias (out_channels, *places). ``padding`` is a pair (before, after) for
    each axis.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        places: tuple[int, ...],
        stride: tuple[int, ...] | None = None,
        padding: Sequence[tuple[int, int]] = (),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride or (1,) * len(kernel_size)
        self.pads = [n for pair in reversed(padding) for n in pair]
        self.weight = nn.Parameter(torch.empty(*places, out_channels, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels, *places)) if bias else None
        bound = self.weight.flatten(len(places) + 1).shape[-1] ** -0.5  # as a convolution has it
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Cut the windows out, and multiply those of each place by its weights."""
        windows = functional.pad(input, self.pads)
        axes = len(self.kernel_size)
        for axis in range(axes):
            windows = windows.unfold(axis + 2, self.kernel_size[axis], self.stride[axis])
        windows = windows.movedim((0, 1), (axes, axes + 1))  # (*places, batch, channels, *kernel)
        weight = self.weight.flatten(0, axes - 1).flatten(2).transpose(1, 2)
        windows = windows.flatten(axes + 1).flatten(0, axes - 1)
        if self.bias is None:
            output = torch.bmm(windows, weight)
        else:
            output = torch.baddbmm(self.bias.flatten(1).t().unsqueeze(1), windows, weight)
        return output.permute(1, 2, 0).reshape(-1, weight.shape[2], *self.weight.shape[:axes])

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, stride={self.stride}, pads={self.pads}"


class RatioUpsample(nn.Module):
    """``nn.Upsample`` by ratios (above, below) that floats cannot hold, one for each axis.

    The size is worked out in whole numbers: 100 times 115/100 is 115, where floats make it 114.
    """

    def __init__(
        self,
        ratios: Sequence[tuple[int, int]],
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__()
        self.ratios, self.mode, self.align_corners = tuple(ratios), mode, align_corners

    def forward(self, input: Tensor) -> Tensor:
        """Resize."""
        size = [n * a // b for n, (a, b) in zip(input.shape[2:], self.ratios, strict=True)]
        return functional.interpolate(input, size, mode=self.mode, align_corners=self.align_corners)

    def extra_repr(self) -> str:
        return f"{self.ratios}, mode={self.mode}"


class Normalize(nn.Module):
    """(x - mean) / std, with a number each or one for each channel.

    They are written into the module, not kept as buffers: what fills a module from a state
    dict would leave buffers that are not in it without values.
    """

    def __init__(self, mean: float | tuple[float, ...], std: float | tuple[float, ...]) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, input: Tensor) -> Tensor:
        """Shift and scale."""
        mean, std = (
            input.new_tensor(value).reshape(-1, *(1,) * (input.dim() - 2))
            for value in (self.mean, self.std)
        )
        return (input - mean) / std

    def extra_repr(self) -> str:
        return f"mean={self.mean}, std={self.std}"


class AxisLayerNorm(nn.LayerNorm):
    """``nn.LayerNorm`` along ``dim``, the batch counted."""

    def __init__(
        self, size: int, dim: int, eps: float = 1e-5, elementwise_affine: bool = True
    ) -> None:
        super().__init__(size, eps=eps, elementwise_affine=elementwise_affine)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Normalise along ``dim``."""
        return super().forward(input.movedim(self.dim, -1)).movedim(-1, self.dim)


class AxisRMSNorm(nn.RMSNorm):
    """``nn.RMSNorm`` along ``dim``, the batch counted."""

    def __init__(
        self, size: int, dim: int, eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        super().__init__(size, eps=eps, elementwise_affine=elementwise_affine)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Normalise along ``dim``."""
        return super().forward(input.movedim(self.dim, -1)).movedim(-1, self.dim)


class GlobalResponseNorm(nn.Module):
    """Scales each channel, along ``dim`` of ``ndim``, by its norm relative to the mean norm.

    Woo et al. 2023, ConvNeXt V2.
    """

    def __init__(self, channels: int, dim: int, ndim: int, eps: float = 1e-6) -> None:
        super().__init__()
        shape = [channels if axis == dim else 1 for axis in range(ndim)]
        self.gamma = nn.Parameter(torch.zeros(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.dim, self.eps = dim, eps
        self.positions = [axis for axis in range(1, ndim) if axis != dim]

    def forward(self, input: Tensor) -> Tensor:
        """Scale, shift and add to what arrived."""
        norms: Tensor = torch.linalg.vector_norm(input, dim=self.positions, keepdim=True)
        relative = norms / (norms.mean(self.dim, keepdim=True) + self.eps)
        return self.gamma * (input * relative) + self.beta + input

    def extra_repr(self) -> str:
        return f"{self.gamma.numel()}, dim={self.dim}, eps={self.eps}"


class VolumeResponseNorm(nn.LocalResponseNorm):
    """``nn.LocalResponseNorm`` of three or more axes beside the channels, however they lie."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; PyTorch's own joins the axes without looking at how they lie."""
        return super().forward(input.contiguous())


class DropPath(nn.Module):
    """Stochastic depth: in training, drops whole samples with probability ``p``.

    Those that stay are scaled by 1/(1-p). Huang et al. 2016, Deep networks with
    stochastic depth.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        """Drop samples, in training."""
        if not self.training or self.p == 0:
            return input
        stays = input.new_empty((input.shape[0], *(1,) * (input.ndim - 1)))
        stays = stays.bernoulli_(1 - self.p)
        if self.p < 1:
            stays = stays.div_(1 - self.p)
        return input * stays

    def extra_repr(self) -> str:
        return f"p={self.p}"


def full_parameter(shape: Sequence[int], init: float = 0.0) -> nn.Parameter:
    """A learned tensor filled with ``init``."""
    return nn.Parameter(torch.full(tuple(shape), float(init)))
