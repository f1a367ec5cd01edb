"""What makes two runs the same, and what is written beside a run for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from archlang.train.data import Data, shown
from archlang.train.errors import UsageError
from archlang.train.network import Network
from archlang.train.preparations import AnyPreparation, preparation_of
from archlang.train.recipe import Recipe
from archlang.train.recipe.layers import in_text


def identify(
    network: Network, data: Data, prepare: AnyPreparation, recipe: Recipe
) -> dict[str, Any]:
    """All that changes what comes of a run: where it computes may change, nothing else."""
    return {
        "model": network.name,
        "files": dict(network.files),
        "settings": {k: plain(v) for k, v in network.settings.items()},
        "data": {
            "name": data.name,
            **{part: len(samples) for part, samples in data.parts.items()},
            **prepare.plain(),
        },
        "recipe": recipe.identity(),
    }


def recorded(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What ``identify`` gave, maybe in an older version, as this one gives it.

    What is new since has its default: without it the same was done.
    """
    data = identity["data"]
    return {
        **identity,
        "data": {**data, **preparation_of(data).plain()},
        "recipe": Recipe.recorded(identity["recipe"]),
    }


def classes_of(data: Data) -> dict[str, Any]:
    """The names of the classes as a checkpoint has them; of each output, where it has its own."""
    own = {"own": {n: list(classes) for n, classes in data.own.items()}} if data.own else {}
    return {"classes": list(data.classes), **own}


def check_recipe(network: Network, recipe: Recipe) -> None:
    """Raise ``UsageError`` where the recipe is for a network with other parameters, or outputs.

    And where the network has none to learn.
    """
    if not network.totals.params:
        raise UsageError(
            f"`{network.name}` has no parameters, and so nothing to learn",
            "add a layer that has weights, such as `linear` or `conv`",
        )
    _check_settings(network, recipe)
    _check_weights(network, recipe)


def _check_weights(network: Network, recipe: Recipe) -> None:
    """Raise ``UsageError`` where the recipe weighs what is no output."""
    for name in recipe.output_weights:
        if name in network.aux:
            raise UsageError(
                f"`output_weights` names `{name}`, which is an auxiliary output",
                f"the spec has its weight: `aux {name} weight={network.aux[name]:g}`",
            )
        if name not in network.outputs:
            raise UsageError(
                f"`output_weights` names `{name}`, and `{network.name}` has no such output",
                f"it has {', '.join(network.outputs)}",
            )


def _check_settings(network: Network, recipe: Recipe) -> None:
    """Raise ``UsageError`` where the network was built with other parameters than the recipe's."""
    for name, value in recipe.model.items():
        given = network.settings.get(name)
        if given is None or in_text(given) != in_text(value):
            raise UsageError(
                f"the recipe wants {network.name} with {name} = {in_text(value)}, and it was built "
                f"with {'its default' if given is None else in_text(given)}",
                "archlang.load(path, settings=recipe.model) builds it so",
            )


def said(data: Data) -> dict[str, Any]:
    """Where the data was read: ``data`` as asked for, and the ``path`` that this was.

    No part of what makes two runs the same, for a folder may move.
    """
    _, _, path = data.source.partition(":")
    found: dict[str, Any] = {"data": shown(data.source)} if data.source else {}
    if path:
        found["path"] = shown(Path(path).expanduser().resolve())
    if data.palette:
        found["palette"] = [list(colour) for colour in data.palette]
    return found


def versions() -> dict[str, str]:
    """What a run computes with."""
    return {"archlang": _version("archlang"), "torch": torch.__version__}


def plain(value: object) -> str | int | float | bool:
    """A value as JSON has it."""
    return value if isinstance(value, str | int | float | bool) else str(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
