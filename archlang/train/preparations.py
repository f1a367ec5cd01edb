"""What a network's inputs are made of: one preparation, or one for each input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archlang.train.augment import Augment
from archlang.train.data import Data
from archlang.train.data.fit import Shape, by_input
from archlang.train.inputs import Fit, Preprocess
from archlang.train.prepare import Preparation
from archlang.train.workers import Tell


@dataclass(frozen=True)
class Preparations:
    """How the images of each input are prepared, by its name, in the network's order."""

    each: Mapping[str, Preparation]

    def plain(self) -> dict[str, Any]:
        """It as lists, numbers and text, for a checkpoint or JSON."""
        return {"inputs": {name: one.plain() for name, one in self.each.items()}}

    def notes(self, data: Data) -> list[str]:
        """What it changes about the images of ``data``, one line each."""
        notes = [(name, one.notes(data.of_input(name))) for name, one in self.each.items()]
        return [f"`{name}`: {note}" for name, lines in notes for note in lines]


AnyPreparation = Preparation | Preparations


def measured(
    data: Data,
    shapes: Mapping[str, Shape],
    how: Preprocess | None = None,
    augment: Augment | None = None,
    *,
    workers: int = 0,
    tell: Tell | None = None,
) -> AnyPreparation:
    """That of a network with inputs of these ``shapes``: each is measured by itself.

    All come to their size in one way, so that what lies at one place in the images of a sample
    still does. Raises ``TrainError``, as ``Preparation.measured`` does.
    """
    how, augment = how or Preprocess(), augment or Augment()
    parts = by_input(data, tuple(shapes))
    if len(parts) > 1:
        how = _of_one_fit(how, data, parts)
    found = {
        name: Preparation.measured(
            part,
            shapes[name],
            how,
            colours=augment.of_input(name, part.train.channels).pca_noise > 0,
            workers=workers,
            tell=tell,
        )
        for name, part in parts.items()
    }
    return Preparations(found) if len(found) > 1 else next(iter(found.values()))


def _of_one_fit(how: Preprocess, data: Data, parts: Mapping[str, Data]) -> Preprocess:
    """The same with the one way in which the images of all inputs come to their size."""
    same = all(part.train.size is not None for part in parts.values())
    fit: Fit = how.fit or ("stretch" if same or data.task != "classification" else "crop")
    return how.model_copy(update={"fit": fit})


def preparation_of(plain: Mapping[str, Any]) -> AnyPreparation:
    """What ``plain`` gave, back from a checkpoint."""
    if "inputs" not in plain:
        return Preparation.of(plain)
    return Preparations({name: Preparation.of(one) for name, one in plain["inputs"].items()})


def each_of(prepare: AnyPreparation, names: tuple[str, ...]) -> dict[str, Preparation]:
    """That of each input, by the network's names for them."""
    if isinstance(prepare, Preparation):
        return {names[0]: prepare}
    return dict(prepare.each)
