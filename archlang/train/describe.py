"""What a data set has, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch

from archlang.train.data import Data, FileSamples, Samples, Task
from archlang.train.measure import mask_counts, moments, value_counts
from archlang.train.workers import Tell

Size = tuple[int, int]


class Learned(NamedTuple):
    """What an output learns: its classes, and how many images, or pixels, are of each, by part."""

    task: Task
    classes: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Description:
    """The figures of a data set.

    ``images`` are counted by part; ``counts`` by part and class: images, or for masks pixels.
    ``smallest`` and ``largest`` are heights and widths, both None where nobody looked.
    ``mean`` and ``std`` are those of the training images' channels, white being 1. Of several
    inputs these are the first's, and ``inputs`` has each; where outputs have labels or masks of
    their own, ``task``, ``classes`` and ``counts`` are the first's, and ``outputs`` has each's.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    images: Mapping[str, int]
    counts: Mapping[str, tuple[int, ...]]
    channels: int
    smallest: Size | None
    largest: Size | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    inputs: Mapping[str, Description] = field(default_factory=dict)
    outputs: Mapping[str, Learned] = field(default_factory=dict)


def describe(data: Data, workers: int = 0, tell: Tell | None = None) -> Description:
    """The figures of ``data``; decodes every training image, and raises ``TrainError`` if it can't.

    Mean and deviation are exact: all pixels count once, in float64. ``workers`` processes read
    files, and change no number; ``tell`` hears how far they are.
    """
    if data.own or len(data.inputs) > 1:
        inputs = {n: describe(data.of_input(n), workers, tell) for n in data.inputs}
        outputs = {
            name: Learned(data.task_of(name), classes, _counted(data.of_output(name), workers))
            for name, classes in data.own.items()
        }
        first = next(iter(inputs.values()))
        learned = next(iter(outputs.values()), Learned(first.task, first.classes, first.counts))
        several = inputs if len(inputs) > 1 else {}
        return replace(first, inputs=several, outputs=outputs, **learned._asdict())
    mean, std = moments(value_counts(data.train, workers, tell))
    sizes = [size for samples in data.parts.values() for size in _sizes(samples)]
    return Description(
        data.name,
        data.task,
        data.classes,
        {part: len(samples) for part, samples in data.parts.items()},
        _counted(data, workers),
        data.train.channels,
        (min(h for h, _ in sizes), min(w for _, w in sizes)) if sizes else None,
        (max(h for h, _ in sizes), max(w for _, w in sizes)) if sizes else None,
        mean,
        std,
    )


def _sizes(samples: Samples) -> list[Size]:
    if samples.size is not None:
        return [samples.size]
    return list(set(samples.sizes)) if isinstance(samples, FileSamples) else []


def _counted(data: Data, workers: int = 0) -> dict[str, tuple[int, ...]]:
    """How many are of each class, by part."""
    return {part: _counts(s, len(data.classes), workers) for part, s in data.parts.items()}


def _counts(samples: Samples, classes: int, workers: int) -> tuple[int, ...]:
    if samples.labels is not None:
        return tuple(torch.bincount(samples.labels, minlength=classes).tolist())
    return tuple(mask_counts(samples, workers)[:classes].tolist())
