"""What an output depends on, asked of PyTorch: a value that is no number spreads wherever it goes.

A slab of the input, all places with one index along one axis, is set to NaN; an output that comes
out as NaN depends on it, whatever the weights are. Where PyTorch multiplies by a weight of 0 that
comes from an upsampling's positions alone, that is no dependence: its weights are asked first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import Tensor

from archlang.network import Network

interpolate = F.interpolate
SMALL = 1e-6
"""A weight below this comes from rounding."""


class Witness:
    """A network as PyTorch runs it in evaluation, in double precision: nothing is transformed."""

    def __init__(self, network: Network) -> None:
        self.module = network.to_torch().eval().double()
        self.inputs = network.inputs
        self.outputs = list(network.outputs)
        self.known: dict[tuple[str, int, int], dict[str, Tensor]] = {}

    def run(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad(), spreading():
            out = self.module(*inputs.values())
        return dict(zip(self.outputs, (out,), strict=True)) if torch.is_tensor(out) else out

    def reached(self, name: str, axis: int, index: int) -> dict[str, Tensor]:
        """For each output, where it depends on one slab of an input."""
        if (name, axis, index) in self.known:
            return self.known[name, axis, index]
        inputs = {n: torch.rand(1, *shape, dtype=torch.double) for n, shape in self.inputs.items()}
        inputs[name].select(axis + 1, index).fill_(torch.nan)
        found = {n: y[0].isnan() for n, y in self.run(inputs).items()}
        self.known[name, axis, index] = found
        return found

    def depends(self, name: str, axis: int, indices: Iterable[int]) -> dict[int, dict[str, Tensor]]:
        """The same for several slabs."""
        return {index: self.reached(name, axis, index) for index in indices}


@contextmanager
def spreading() -> Iterator[None]:
    """Inside, an upsampling passes NaN on only where its weight is not 0."""
    F.interpolate = _interpolate
    try:
        yield
    finally:
        F.interpolate = interpolate


def _interpolate(x: Tensor, *args: Any, **options: Any) -> Tensor:
    mode = options.get("mode", args[2] if len(args) > 2 else "nearest")
    if mode.startswith("nearest"):
        return interpolate(x, *args, **options)
    out: Tensor = interpolate(x.nan_to_num(), *args, **options)
    mask = x.isnan().double()
    for axis in range(2, x.dim()):
        key = (x.shape[2:], axis, repr((args, options)))
        if key not in _weights:
            _weights[key] = (_weights_along(x, axis, args, options).abs() > SMALL).double()
        mask = (mask.movedim(axis, -1) @ _weights[key]).movedim(-1, axis)
    return out.masked_fill(mask > 0, torch.nan)


_weights: dict[Any, Tensor] = {}


def _weights_along(x: Tensor, axis: int, args: Any, options: Any) -> Tensor:
    """What each place along an axis adds to each point."""
    size = x.shape[axis]
    basis = torch.eye(size, dtype=x.dtype)
    basis = basis.reshape([size, 1, *(size if a == axis else 1 for a in range(2, x.dim()))])
    spread = basis.expand([size, 1, *x.shape[2:]]).contiguous()
    return interpolate(spread, *args, **options).movedim(axis, -1).flatten(1, -2)[:, 0]
