"""What a run says of itself before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.train.data import Data
from archlang.train.data.maps import notes_on_maps
from archlang.train.device import describe
from archlang.train.memory import Budget
from archlang.train.network import Network
from archlang.train.preparations import AnyPreparation
from archlang.train.recipe import Recipe
from archlang.train.workers import crowded
from archlang.wording import bytes_text, count


def introduction(
    network: Network, data: Data, prepare: AnyPreparation, recipe: Recipe, budget: Budget
) -> Iterator[str]:
    """Device, network, data and recipe, and what may be a surprise about them: lines."""
    yield f"device: {describe(budget.device)}"
    yield f"network: {network.name}, {network.totals.params:,} parameters"
    yield (
        f"data: {data.name}, {len(data.train):,} images to learn from, "
        f"{_kept(data)}{len(data.test):,} to test with, {_classes(data)}"
    )
    for note in (*data.notes, *prepare.notes(data), *notes_on_maps(network, data)):
        yield f"note: {note}"
    if crowd := crowded(recipe.workers):
        yield f"note: {crowd}"
    if data.valid is None:
        yield "note: the best epoch is chosen by the test images; --set split.valid=0.1 keeps some"
    yield (
        f"recipe: {recipe.optimizer.name}, lr {_rate(recipe)}, {recipe.schedule.name}, "
        f"{count(recipe.epochs, 'epoch')}, batch {_batch(recipe, budget)}, seed {recipe.seed}"
    )
    if budget.predicted is not None:
        yield f"memory: a step takes {bytes_text(budget.predicted)} (predicted)"
    elif budget.unknown:
        yield f"memory: what a step takes is not predicted with {budget.unknown}"
    if warning := budget.warning():
        yield f"warning: {warning}"


def _kept(data: Data) -> str:
    return "" if data.valid is None else f"{len(data.valid):,} to choose the best epoch by, "


def _classes(data: Data) -> str:
    own = data.own or {"": data.classes}
    return ", ".join(
        f"{len(classes)} classes" + (f" of `{n}`" if n else "") for n, classes in own.items()
    )


def _rate(recipe: Recipe) -> str:
    optimizer = recipe.optimizer
    rate = optimizer.rate(recipe.batch_size)
    if optimizer.lr_batch in (None, recipe.batch_size):
        return f"{rate:g}"
    return f"{rate:g} ({optimizer.lr:g} for a batch of {optimizer.lr_batch})"


def _batch(recipe: Recipe, budget: Budget) -> str:
    if budget.parts == 1:
        return str(recipe.batch_size)
    return f"{recipe.batch_size} ({budget.parts} parts of {budget.batch})"
