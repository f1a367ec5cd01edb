"""One process, or several that train one network together: the only place that knows."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn


class World:
    """The processes of a run. This one is alone, and needs no process group."""

    rank = 0
    """Which of the processes this is, counted from 0; the first writes files and talks."""
    size = 1
    """How many there are."""

    @property
    def first(self) -> bool:
        """Whether this process writes the files and talks."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The module that computes together with those of the other processes."""
        return model

    def unsynced(self, model: nn.Module, wanted: bool) -> AbstractContextManager[None]:
        """Inside, gradients stay in their process where that is ``wanted``."""
        return nullcontext()

    def add_up(self, value: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        return value
