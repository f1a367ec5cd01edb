"""What optimizers hold between steps, and what an update takes for itself.

As PyTorch does by default: on the CPU one parameter after another, on CUDA all at once
(``foreach``). Those by name have PyTorch's defaults, and no weight decay that is added to the
gradient: that takes a tensor more, and so does Nesterov momentum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.step import Device

COUNTER = 4
"""Bytes of the number of steps, which some keep for each parameter, on the CPU."""


@dataclass(frozen=True, slots=True)
class Optimizer:
    """``state`` tensors are kept for each parameter, as large as it.

    ``counted`` ones keep a number of steps beside. An update makes ``roots`` tensors as large
    as a parameter, and the last one lives until the next parameter's is there. ``sums`` are
    made before, and go with it. With ``weights_first`` vectors are its last group.
    """

    state: int = 0
    counted: bool = False
    roots: int = 0
    sums: int = 0
    weights_first: bool = False

    def held(self, sizes: Sequence[int], device: Device) -> list[int]:
        """Bytes of each tensor of its state, for parameters of ``sizes`` bytes."""
        counters = [COUNTER] * len(sizes) if self.counted and device == "cpu" else []
        return [size for size in sizes for _ in range(self.state)] + counters

    def rounds(self, sizes: Sequence[int], device: Device) -> list[list[int]]:
        """The tensors that an update makes, round by round; one lives into the next round."""
        made = self.sums + self.roots
        if not made:
            return []
        if device == "cuda":
            return [list(sizes)]
        # Without roots nothing is left to the next round.
        return [[size] * made + [0] * (not self.roots) for size in sizes]


OPTIMIZERS = {
    "sgd": Optimizer(),
    "momentum": Optimizer(state=1),
    "rmsprop": Optimizer(state=1, counted=True, roots=1),
    "adam": Optimizer(state=2, counted=True, roots=2),
    "adamw": Optimizer(state=2, counted=True, roots=2),
}
"""By name: ``sgd`` without momentum, ``momentum`` with it."""
