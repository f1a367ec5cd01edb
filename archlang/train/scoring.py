"""How good a network is: every sample counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archlang.train.device import autocast
from archlang.train.distributed import World
from archlang.train.task import Meter, Task, main_outputs


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
    them; an image without a target is run and not counted. The score is the first output's;
    of several, ``outputs`` has each one's, by name.
    """
    was_training = model.training
    model.eval()
    meters: dict[str, Meter] = {}
    for images, targets in batches:
        with autocast(device, dtype):
            outputs = model(images)
        for name, logits in main_outputs(outputs, aux or {}).items():
            meter = meters.setdefault(name, task.meter(device))
            meter.add(logits.float()[: len(targets)], targets)
    model.train(was_training)
    scores: dict[str, dict[str, Any]] = {}
    for name, meter in meters.items():
        (world or World()).add_up(meter.sums)
        scores[name] = meter.score()
    first = next(iter(scores.values()))
    return first if len(scores) == 1 else {**first, "outputs": scores}
