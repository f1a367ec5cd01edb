"""Training: a network, a data set and a recipe make a checkpoint. Needs PyTorch.

What imports PyTorch is imported as it is asked for: recipes are read without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archlang.train.errors import InterruptedRunError, TrainError, UsageError

if TYPE_CHECKING:
    from archlang.train.data import Data, load
    from archlang.train.deployed import Deployed, deploy
    from archlang.train.evaluation import Evaluation, evaluate
    from archlang.train.inference import Predictions, ensemble, mc_dropout, predict
    from archlang.train.recipe import Recipe
    from archlang.train.run import Result, train
    from archlang.train.saved import Trained, trained
    from archlang.train.segmentation import Segmented, segment
    from archlang.train.sweeps.api import sweep
    from archlang.train.sweeps.results import Sweep

__all__ = [
    "Data",
    "Deployed",
    "Evaluation",
    "InterruptedRunError",
    "Predictions",
    "Recipe",
    "Result",
    "Segmented",
    "Sweep",
    "TrainError",
    "Trained",
    "UsageError",
    "deploy",
    "ensemble",
    "evaluate",
    "load",
    "mc_dropout",
    "predict",
    "segment",
    "sweep",
    "train",
    "trained",
]

_HOMES = {
    **dict.fromkeys(("Data", "load"), "data"),
    "Recipe": "recipe",
    **dict.fromkeys(("Deployed", "deploy"), "deployed"),
    **dict.fromkeys(("Result", "train"), "run"),
    **dict.fromkeys(("Trained", "trained"), "saved"),
    "Sweep": "sweeps.results",
    "sweep": "sweeps.api",
    **dict.fromkeys(("Segmented", "segment"), "segmentation"),
    **dict.fromkeys(("Evaluation", "evaluate"), "evaluation"),
    **dict.fromkeys(("Predictions", "ensemble", "mc_dropout", "predict"), "inference"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"archlang.train.{_HOMES[name]}"), name)
