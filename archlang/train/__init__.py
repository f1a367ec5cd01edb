"""Training: a network, a data set and a recipe make a checkpoint. Needs PyTorch.

What imports PyTorch is imported as it is asked for: recipes are read without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archlang.train.errors import InterruptedRunError, TrainError, UsageError

if TYPE_CHECKING:
    from archlang.train.data import Data, load
    from archlang.train.recipe import Recipe
    from archlang.train.run import Result, train

__all__ = [
    "Data",
    "InterruptedRunError",
    "Recipe",
    "Result",
    "TrainError",
    "UsageError",
    "load",
    "train",
]

_HOMES = {"Data": "data", "load": "data", "Recipe": "recipe", "Result": "run", "train": "run"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"archlang.train.{_HOMES[name]}"), name)
