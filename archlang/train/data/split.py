"""One set of samples made into two, every class in the same share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from archlang.train.data.dataset import Data
from archlang.train.data.samples import Samples
from archlang.train.errors import TrainError


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices to learn from and to test with, the test having ``share`` of every class."""
    # RandomState is the one generator whose numbers are promised never to change.
    random = np.random.RandomState(seed)
    learn: list[Tensor] = []
    test: list[Tensor] = []
    for label in sorted(set(labels.tolist())):
        members = torch.nonzero(labels == label).flatten()
        members = members[torch.from_numpy(random.permutation(len(members)))]
        cut = round(share * len(members))
        test.append(members[:cut])
        learn.append(members[cut:])
    return torch.cat(learn).sort().values, torch.cat(test).sort().values


def split(samples: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """The samples to learn from, and ``share`` of them to keep; raises ``TrainError``.

    Where outputs have labels of their own, the first of them are in the same share.
    """
    labels = next(iter(samples.answers.values()), samples.labels)
    if labels is None:
        labels = torch.zeros(len(samples), dtype=torch.int64)
    learn, kept = stratified_split(labels, share, seed)
    if not len(learn) or not len(kept):
        raise TrainError(
            f"{len(samples)} samples cannot be split so that {share:.0%} of each class are kept",
            "add samples, or a folder of their own for the test",
        )
    return samples.subset(learn), samples.subset(kept)


def carved(data: Data, share: float, seed: int) -> Data:
    """The data with ``share`` of its training samples to choose by, unless it has some."""
    if not share or data.valid is not None:
        return data
    learn, kept = split(data.train, share, seed)
    return replace(data, train=learn, valid=kept)
