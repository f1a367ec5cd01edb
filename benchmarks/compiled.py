"""A compiled ResNet-50 at work on the CPU: as fast as torchvision's, with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import archlang
from benchmarks.paired import RESNET, Goal, Row, main, time_row, timed

if TYPE_CHECKING:
    from torch import nn

BATCH, SIZE, THREADS = 4, 160, 2
ROUNDS = 31


def models() -> tuple[nn.Module, nn.Module]:
    """ResNet-50 compiled and torchvision's, after asserting that they compute the same."""
    import torch
    from torchvision.models import resnet50

    theirs = resnet50()
    ours = archlang.load(RESNET, model="resnet50").to_torch()
    ours.load_state_dict(theirs.state_dict())
    with torch.inference_mode():
        image = torch.randn(2, 3, 64, 64)
        torch.testing.assert_close(ours.eval()(image), theirs.eval()(image))
    return ours, theirs


def step(model: nn.Module) -> Callable[[], object]:
    """A training step without the optimiser: forward, loss, backward."""
    import torch
    from torch.nn import functional

    images = torch.randn(BATCH, 3, SIZE, SIZE)
    labels = torch.arange(BATCH)

    def run() -> None:
        model.train()
        model.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images), labels).backward()

    return run


def evaluation(model: nn.Module) -> Callable[[], object]:
    """A forward for evaluation."""
    import torch

    images = torch.randn(BATCH, 3, SIZE, SIZE)

    def run() -> None:
        model.eval()
        with torch.inference_mode():
            model(images)

    return run


def run() -> list[Row]:
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    ours, theirs = models()
    rows = []
    for kind, work in (("forward and backward", step), ("forward, evaluation", evaluation)):
        pairs = timed(work(ours), work(theirs), ROUNDS)
        what = f"compiled ResNet-50, {kind}"
        rows.append(time_row(what, "torchvision", pairs, Goal("at most", 1.02)))
    return rows


if __name__ == "__main__":
    main(run)
