"""How the account of memory speaks of a recipe. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import cast

from archlang.analyses.memory.account import Setting
from archlang.graph import Graph
from archlang.step import Device
from archlang.train.recipe import Recipe


def setting_of(
    recipe: Recipe, device: str, graph: Graph | None, processes: int = 1
) -> Setting | None:
    """The setting of a step; ``device`` is PyTorch's name of its kind.

    None where the account does not know it: ``unknown`` says why.
    """
    if unknown(recipe, device, processes):
        return None
    optimizer = recipe.optimizer
    return Setting(
        -(-recipe.batch_size // recipe.accumulate),
        replace(optimizer.taken, weights_first=optimizer.decay == "weights"),
        recipe.dtype,
        cast(Device, device),
        recipe.ema is not None,
        recipe.recompute,
        recipe.accumulate,
        _frozen(recipe, graph),
        recipe.channels_last,
    )


def unknown(recipe: Recipe, device: str, processes: int = 1) -> str:
    """What keeps a step from being predicted; "" where nothing does."""
    if device not in ("cpu", "cuda"):
        return f"the device {device}"
    if processes > 1:
        return "several processes"
    if recipe.channels_last and device != "cpu":
        return f"channels_last on {device}, where cuDNN chooses what it lays out anew"
    return "compile" if recipe.compile else ""


def _frozen(recipe: Recipe, graph: Graph | None) -> tuple[str, ...]:
    """The parameters that do not learn."""
    if graph is None or not recipe.freeze:
        return ()
    names = (node.key(key) for node in graph.nodes for key in node.params)
    return tuple(name for name in names if named(name, recipe.freeze))


def named(name: str, globs: Sequence[str]) -> bool:
    """Whether a glob is for ``name``, or for a module that it is in."""
    return any(fnmatchcase(path, glob) for path in paths(name) for glob in globs)


def paths(name: str) -> Iterator[str]:
    """``a.b.weight``, ``a.b`` and ``a``."""
    while name:
        yield name
        name = name.rpartition(".")[0]
