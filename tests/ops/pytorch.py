"""What PyTorch says of a layer, asked directly."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archlang.ops  # noqa: F401 - registers the layers
from archlang.backends.torch import modules
from archlang.op import Op
from archlang.types import Tensor

NN = SimpleNamespace(**{**vars(torch.nn), **vars(modules)})


class Layer(torch.nn.Module):
    """A layer as PyTorch runs it, its module or weight at `part`."""

    def __init__(self, op: Op, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        xs = tuple(Tensor(shape) for shape in shapes)
        self.part = op.lower(NN, *xs)
        names = tuple(f"xs[{i}]" for i in range(len(xs)))
        self.code = compile(op.call("self.part", names, xs), "call", "eval")

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        value = eval(self.code, {"torch": torch}, {"self": self, "xs": xs})
        assert isinstance(value, torch.Tensor)
        return value


def multiplications(module: torch.nn.Module, *inputs: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The result, and the multiply-accumulates for one sample as PyTorch counts them.

    PyTorch counts attention only where it is written out as products of matrices.
    """
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        result = module(*inputs)
    return result, counter.get_total_flops() // 2 // inputs[0].shape[0]


def shapes_by_key(module: torch.nn.Module) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Shapes of the parameters and of the buffers of a `Layer`, by the layer's own keys."""
    return tuple(
        {key.removeprefix("part").removeprefix("."): tuple(t.shape) for key, t in tensors}
        for tensors in (module.named_parameters(), module.named_buffers())
    )
