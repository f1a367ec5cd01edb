"""Samples of several images each, or with several targets: the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from archlang.train.data.files import Listed, samples_of
from archlang.train.data.samples import ONLY, Samples, TensorSamples
from archlang.train.errors import TrainError
from archlang.train.workers import Tell


@dataclass(frozen=True)
class Columns(Samples):
    """An image for each input, and a label or a mask for each output, of every sample.

    ``images`` has equally many of each input, by its name, or under ``ONLY`` those of the only
    one. The first of them carry the labels, or the masks, that all outputs share. Where each output
    has its own, ``own`` has the labels int64 [N] of those that tell a class for an image, that
    of the first first, and the others' masks are those of the first images, in the order of
    ``own_masks``. Where one image is asked for it is the first input's.
    """

    images: Mapping[str, Samples] = field(repr=False)
    own: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    own_masks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        counts = {f"`{name}`": len(samples) for name, samples in self.images.items()}
        counts |= {f"the labels `{name}`": len(labels) for name, labels in self.own.items()}
        (first, wanted), *others = counts.items()
        for name, count in others:
            if count != wanted:
                raise TrainError(
                    f"{first} has {wanted:,} images, but {name} {count:,}",
                    "each sample has an image for each input, and a label for each output",
                )

    @property
    def _first(self) -> Samples:
        return next(iter(self.images.values()))

    @property
    def inputs(self) -> Mapping[str, Samples]:
        return self.images

    @property
    def answers(self) -> Mapping[str, Tensor]:
        return self.own

    @property
    def masks(self) -> tuple[str, ...]:
        return self.own_masks

    def __len__(self) -> int:
        return len(self._first)

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        return self._first[index]

    @property
    def channels(self) -> int:
        return self._first.channels

    @property
    def size(self) -> tuple[int, int] | None:
        return self._first.size

    @property
    def labels(self) -> Tensor | None:
        return self._first.labels

    def name(self, index: int) -> str:
        return self._first.name(index)

    def tensors(self, workers: int = 0, tell: Tell | None = None) -> tuple[Tensor, Tensor] | None:
        return self._first.tensors(workers, tell)

    def subset(self, indices: Tensor) -> Columns:
        images = {name: samples.subset(indices) for name, samples in self.images.items()}
        own = {name: labels[indices] for name, labels in self.own.items()}
        return Columns(images, own, self.own_masks)


def in_memory(
    images: Tensor | Mapping[str, Tensor], targets: Tensor | Mapping[str, Tensor]
) -> Samples:
    """Samples of uint8 [N, C, H, W], by input where there are several, and their targets.

    Targets are labels int64 [N], or masks [N, H, W], or either by output.
    """
    if isinstance(images, Tensor) and isinstance(targets, Tensor):
        return TensorSamples(images, targets)
    by_input = {ONLY: images} if isinstance(images, Tensor) else images
    own = {} if isinstance(targets, Tensor) else targets
    labels = {name: one for name, one in own.items() if one.ndim == 1}
    masks = {name: one for name, one in own.items() if one.ndim > 1}
    if isinstance(targets, Tensor):
        first = targets
    else:
        first = _together(masks) if masks else next(iter(labels.values()))
    held: dict[str, Samples] = {}
    for name, tensor in by_input.items():
        # Masks are the first input's: one place where they are kept, and one that carries them.
        shared = first if not held or first.ndim == 1 else _nothing(len(tensor))
        held[name] = TensorSamples(tensor, shared)
    return Columns(held, labels, tuple(masks))


def _together(masks: Mapping[str, Tensor]) -> Tensor:
    """Masks [N, H, W] of several outputs as [N, M, H, W]; raises ``TrainError``."""
    (first, one), *others = masks.items()
    for name, other in others:
        if other.shape != one.shape:
            raise TrainError(
                f"the masks `{first}` are {list(one.shape)}, but `{name}` {list(other.shape)}",
                "a mask has the class of each pixel of its image: make all of its size",
            )
    return torch.stack([*masks.values()], 1) if others else one


@dataclass(frozen=True)
class Beside:
    """What a table has beside the images and the labels of its first columns.

    ``first`` is the input that those are of. ``images`` are the files of the other inputs, by
    input and then by part. Where ``outputs`` have targets of their own, ``own`` are the labels, by
    part and then by output, of ``classes``, and ``masks`` those whose masks are listed.
    """

    first: str = ONLY
    images: Mapping[str, Mapping[str, Sequence[Path]]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def around(self, parts: Mapping[str, Samples], *, verify: bool) -> dict[str, Samples]:
        """The samples of the parts with all their columns; raises ``TrainError``."""
        made: dict[str, dict[str, Samples]] = {part: {self.first: s} for part, s in parts.items()}
        for name, paths in self.images.items():
            listed = [Listed(paths[part], _labels(parts[part])) for part in parts]
            for part, samples in zip(parts, samples_of(listed, verify=verify), strict=True):
                made[part][name] = samples
        own = {part: self.own.get(part, {}) for part in made}
        return {part: Columns(images, own[part], self.masks) for part, images in made.items()}

    def own_classes(self, of_masks: Sequence[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The classes of each output that has its own, with those that the masks hold."""
        found = {**self.classes, **dict(zip(self.masks, of_masks, strict=False))}
        return {name: found[name] for name in self.outputs}


def _labels(samples: Samples) -> Tensor:
    """The labels of samples; of those with masks, as many that say nothing."""
    return _nothing(len(samples)) if samples.labels is None else samples.labels


def _nothing(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.int64)
