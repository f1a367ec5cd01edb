"""A running mean of the weights, beside those that learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from archlang.train.distributed import placed
from archlang.train.recipe import Ema


class Average:
    """The running mean of a module's weights and statistics; what is counted is copied.

    Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging.
    """

    def __init__(self, model: nn.Module, recipe: Ema) -> None:
        self.model, self.recipe = model, recipe
        here = model.state_dict(keep_vars=True)
        self.mean = {name: value.detach().clone() for name, value in here.items()}
        # Looked up once: all that changes weights does so in place.
        pairs = [(mean, here[name]) for name, mean in self.mean.items()]
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averaged = [mean for mean, _ in floats], [value for _, value in floats]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after ``step``, counted from 0."""
        torch._foreach_lerp_(*self._averaged, 1 - self.recipe.at(step))
        for mean, value in self._copied:
            mean.copy_(value)

    def used(self) -> AbstractContextManager[None]:
        """Inside, the module has the mean for its weights."""
        return put(self.model, self.mean)

    def state(self) -> dict[str, Tensor]:
        """The mean, by the names of the ``state_dict``."""
        return self.mean

    def restore(self, mean: Mapping[str, Tensor]) -> None:
        """Go on from ``state``."""
        with torch.no_grad():
            for name, value in self.mean.items():
                value.copy_(placed(mean[name], value))


@contextmanager
def put(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, the module has these for the values of its ``state_dict``."""
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    _copy(model, weights)
    try:
        yield
    finally:
        _copy(model, before)


@torch.no_grad()
def _copy(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    for name, value in model.state_dict().items():
        value.copy_(placed(values[name], value))
