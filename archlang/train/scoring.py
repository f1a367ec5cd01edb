"""How good a network is: every sample counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archlang.train.device import autocast
from archlang.train.distributed import World
from archlang.train.task import Task, main_output


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    task: Task,
    device: torch.device,
    *,
    aux: Mapping[str, float] | None = None,
    dtype: str = "float32",
    world: World | None = None,
) -> dict[str, Any]:
    """Score ``model`` on prepared images and targets; leaves it in the mode it was in.

    Each process gives its own batches, as many as every other, and has the score of all of
    them; an image without a target is run and not counted.
    """
    was_training = model.training
    model.eval()
    meter = task.meter(device)
    for images, targets in batches:
        with autocast(device, dtype):
            outputs = model(images)
        meter.add(main_output(outputs, aux or {}).float()[: len(targets)], targets)
    (world or World()).add_up(meter.sums)
    model.train(was_training)
    return meter.score()
