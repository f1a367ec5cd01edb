"""Batches: which samples a step sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from archlang.train.prepare import Preparation
from archlang.train.sampling import Sampler


class Batches:
    def __init__(
        self, samples: tuple[Tensor, Tensor], prepare: Preparation, augment: float = 0.0, *,
        batch_size: int, seed: int = 0, workers: int = 0, rank: int = 0, world: int = 1,
        device: torch.device = torch.device("cpu"), classes: int = 0,
    ) -> None:
        self.samples, self.prepare = samples, prepare
        self.rank, self.world = rank, world
        self.sampler = Sampler(len(samples[0]), batch_size, seed, device)
        self.per_epoch = self.sampler.per_epoch
        h, w = prepare.shape[1:]
        self.reach = round(augment * h), round(augment * w)

    def start(self, step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        for at in count(step):
            i = self.sampler.indices(at).tensor_split(self.world)[self.rank]
            offsets = self.sampler.offsets(at, i, self.reach) if any(self.reach) else None
            yield self.prepare(self.samples[0][i], offsets), self.samples[1][i]


class EvaluationBatches:
    def __init__(
        self, samples: tuple[Tensor, Tensor], prepare: Preparation, *, batch_size: int,
        workers: int = 0, rank: int = 0, world: int = 1,
        device: torch.device = torch.device("cpu"),
    ) -> None:
        self.samples, self.prepare, self.size = samples, prepare, batch_size
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in zip(self.samples[0].split(self.size), self.samples[1].split(self.size), strict=True):
            yield (
                self.prepare(x.tensor_split(self.world)[self.rank]),
                y.tensor_split(self.world)[self.rank],
            )
