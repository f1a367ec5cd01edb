"""How good a network is: every image counted once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from archlang.train.device import autocast
from archlang.train.loss import main_output
from archlang.train.prepare import Preparation


@dataclass(frozen=True)
class Score:
    """``correct`` of ``count`` images, and the mean cross-entropy in nats."""

    correct: int
    count: int
    loss: float

    @property
    def accuracy(self) -> float:
        """The share of images whose class got the highest score, 0 to 1."""
        return self.correct / self.count


@torch.no_grad()
def evaluate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    prepare: Preparation,
    *,
    batch_size: int,
    dtype: str = "float32",
) -> Score:
    """Score ``model`` on uint8 ``images`` [N, C, H, W]; leaves it in the mode it was in."""
    was_training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    loss = torch.zeros((), device=images.device)
    for start in range(0, len(labels), batch_size):
        x, y = images[start : start + batch_size], labels[start : start + batch_size]
        with autocast(images.device, dtype):
            logits = main_output(model(prepare(x)), {}).float()
        correct += (logits.argmax(1) == y).sum()
        loss += F.cross_entropy(logits, y, reduction="sum")
    model.train(was_training)
    return Score(int(correct), len(labels), float(loss) / len(labels))
