"""What a layer is to PyTorch: what holds its weights, and the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import nn

Built: TypeAlias = tuple[Any, Callable[[torch.Tensor], torch.Tensor]]


class RefusedError(Exception):
    """What the language refuses by its closed list, though PyTorch might run it."""


def axes_of(x: torch.Tensor) -> int:
    """The axes a window slides over; PyTorch has modules for 1, 2 and 3."""
    axes = x.dim() - 2
    if axes not in (1, 2, 3):
        raise ValueError(f"no convolution or pool over {axes} axes")
    return axes


def dim_of(axis: int, x: torch.Tensor) -> int:
    """An axis counted without the batch, as PyTorch counts it."""
    rank = x.dim() - 1
    if not -rank <= axis < rank:
        raise IndexError(f"no axis {axis}")
    return axis % rank + 1


def module(made: nn.Module) -> Built:
    return made, made
