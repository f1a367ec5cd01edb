"""How good a network is: every sample counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from archlang.train.batch import Many, called, count, one_of
from archlang.train.device import autocast
from archlang.train.distributed import World
from archlang.train.task import Meter, Task, main_outputs


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Many, Many]],
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
            outputs = called(model, images)
        for name, logits in main_outputs(outputs, aux or {}).items():
            meter = meters.setdefault(name, task.of(name).meter(device))
            meter.add(logits.float()[: count(targets)], one_of(targets, name))
    model.train(was_training)
    scores: dict[str, dict[str, Any]] = {}
    for name, meter in meters.items():
        (world or World()).add_up(meter.sums)
        scores[name] = meter.score()
    first = next(iter(scores.values()))
    return first if len(scores) == 1 else {**first, "outputs": scores}
