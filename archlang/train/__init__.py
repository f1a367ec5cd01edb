"""Training: a network, a data set and a recipe make a checkpoint. Needs PyTorch."""

from archlang.train.data import Data, load
from archlang.train.errors import InterruptedRunError, TrainError, UsageError
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
