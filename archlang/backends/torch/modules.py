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
