"""How the account of memory speaks of a recipe. Needs no PyTorch."""

from __future__ import annotations

from typing import cast

from archlang.analyses.memory.account import Setting
from archlang.step import Device
from archlang.train.recipe import Recipe

_OPTIMIZERS = {"sgd": "momentum"}
"""What the account calls an optimizer with momentum, where it has another name."""


def setting_of(recipe: Recipe, device: str, parts: int) -> Setting | None:
    """The setting of a step in which each batch is worked through in so many ``parts``.

    ``device`` is PyTorch's name of its kind. None where the account does not know it.
    """
    optimizer = recipe.optimizer
    momentum = getattr(optimizer, "momentum", 0.0)
    if device not in ("cpu", "cuda") or (optimizer.name == "rmsprop" and momentum):
        return None
    name = _OPTIMIZERS.get(optimizer.name, optimizer.name) if momentum else optimizer.name
    batch, ema = -(-recipe.batch_size // parts), recipe.ema is not None
    kind = cast(Device, device)
    return Setting(batch, name, recipe.dtype, kind, ema, recipe.recompute)
