"""Which images a step sees: a function of the seed and the step, and of nothing else."""

from __future__ import annotations

from hashlib import blake2b

import torch
from torch import Tensor


def generator(purpose: str, seed: int, epoch: int) -> torch.Generator:
    """A fresh generator for one purpose in one epoch, the same on every device."""
    digest = blake2b(f"{purpose}:{seed}:{epoch}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


class Sampler:
    """Shuffled batches of ``count`` images, ``size`` at a time, every image once an epoch.

    A last batch of one image joins the one before it: batch norm cannot learn from one.
    """

    def __init__(self, count: int, size: int, seed: int, device: torch.device) -> None:
        self.count, self.size, self.seed, self.device = count, size, seed, device
        lone = size > 1 and count > size and count % size == 1
        self.per_epoch = -(-count // size) - int(lone)
        self._order: tuple[int, Tensor] | None = None
        self._offsets: tuple[int, Tensor] | None = None

    def indices(self, step: int) -> Tensor:
        """The images of ``step``, counted from 0 through all epochs: int64, on the device."""
        epoch, batch = divmod(step, self.per_epoch)
        if self._order is None or self._order[0] != epoch:
            order = torch.randperm(self.count, generator=generator("order", self.seed, epoch))
            self._order = epoch, order.to(self.device)
        end = self.count if batch == self.per_epoch - 1 else (batch + 1) * self.size
        return self._order[1][batch * self.size : end]

    def offsets(self, step: int, indices: Tensor, reach: tuple[int, int]) -> Tensor:
        """Pixels to shift each image by in the epoch of ``step``: int64 [N, 2], within reach.

        Drawn for every image of the set, so it depends on no batch size.
        """
        epoch = step // self.per_epoch
        if self._offsets is None or self._offsets[0] != epoch:
            random = generator("shift", self.seed, epoch)
            drawn = [torch.randint(-r, r + 1, (self.count,), generator=random) for r in reach]
            self._offsets = epoch, torch.stack(drawn, 1).to(self.device)
        return self._offsets[1][indices]
