"""Samples: images of uint8, each with its label or its mask, in memory or in files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from archlang.train.data.images import read_image, read_mask, shown
from archlang.train.errors import TrainError
from archlang.train.workers import Tell, done

Task = Literal["classification", "segmentation"]

IGNORE = 255
"""The value of a mask's pixels that belong to no class: they are neither learned nor counted."""

ONLY = ""
"""The input of a network that has one, whatever its name."""

_AT_ONCE = 16
IN_MEMORY = 2**30
"""Bytes of images that are kept in memory at most."""


class Samples(ABC):
    """Images uint8 [C, H, W] with a label, or with a mask uint8 [H, W] of labels.

    Where several outputs have masks of their own, an image has all of them: uint8 [M, H, W].
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]: ...

    @property
    @abstractmethod
    def channels(self) -> int:
        """The channels of every image."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int] | None:
        """Height and width where all images have one size, else None."""

    @property
    @abstractmethod
    def labels(self) -> Tensor | None:
        """The labels int64 [N]; None where samples have masks."""

    @property
    def task(self) -> Task:
        """What is learned from them."""
        return "classification" if self.labels is not None else "segmentation"

    @property
    def inputs(self) -> Mapping[str, Samples]:
        """The images of each input, by its name: of the only one, ``ONLY``, these."""
        return {ONLY: self}

    @property
    def answers(self) -> Mapping[str, Tensor]:
        """The labels int64 [N] of each output that has its own, by its name."""
        return {}

    @property
    def masks(self) -> tuple[str, ...]:
        """The outputs that have masks of their own, in the order in which images have them."""
        return ()

    @abstractmethod
    def name(self, index: int) -> str:
        """What a message calls a sample: its file, or its number."""

    @abstractmethod
    def tensors(self, workers: int = 0, tell: Tell | None = None) -> tuple[Tensor, Tensor] | None:
        """All images uint8 [N, C, H, W] and labels int64 [N] or masks uint8 [N, (M,) H, W].

        None where they differ in size or are too many to be kept in memory. The first time,
        ``workers`` processes read files, and ``tell`` hears how far they are.
        """

    @abstractmethod
    def subset(self, indices: Tensor) -> Samples:
        """Some of the samples, in the order of ``indices`` int64 [M]."""


@dataclass(frozen=True)
class TensorSamples(Samples):
    """Samples in memory: ``images`` uint8 [N, C, H, W], ``targets`` [N] or [N, (M,) H, W]."""

    images: Tensor = field(repr=False)
    targets: Tensor = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        target = self.targets[index]
        return self.images[index], target if target.ndim else int(target)

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        return self.images.shape[2], self.images.shape[3]

    @property
    def labels(self) -> Tensor | None:
        return self.targets if self.targets.ndim == 1 else None

    def name(self, index: int) -> str:
        return f"image {index}"

    def tensors(self, workers: int = 0, tell: Tell | None = None) -> tuple[Tensor, Tensor]:
        return self.images, self.targets

    def subset(self, indices: Tensor) -> TensorSamples:
        return TensorSamples(self.images[indices], self.targets[indices])

    def of_mask(self, number: int) -> TensorSamples:
        """The same images with one of their masks."""
        return self if self.targets.ndim < 4 else replace(self, targets=self.targets[:, number])


@dataclass(frozen=True)
class MaskFiles:
    """A mask for each image; ``binary`` ones have 0 and 255 for 0 and 1."""

    paths: Sequence[Path] = field(repr=False)
    binary: bool = False

    def read(self, index: int) -> Tensor:
        """The mask uint8 [H, W] of an image."""
        return read_mask(self.paths[index], binary=self.binary)

    def subset(self, chosen: Sequence[int]) -> MaskFiles:
        """Those of some of the images."""
        return MaskFiles([self.paths[i] for i in chosen], self.binary)


@dataclass(frozen=True)
class FileSamples(Samples):
    """Samples in files, each decoded when it is asked for.

    ``targets`` are labels int64 [N], or the files of masks: one of them, or several where several
    outputs have their own. ``sizes`` are the heights and widths, known from the files' headers.
    A file that cannot be decoded raises ``TrainError`` with its name.
    """

    paths: Sequence[Path] = field(repr=False)
    targets: Tensor | tuple[MaskFiles, ...] = field(repr=False)
    channels_: int
    sizes: Sequence[tuple[int, int]] = field(repr=False)
    _held: list[tuple[Tensor, Tensor]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        image = read_image(self.paths[index], self.channels_)
        if isinstance(self.targets, Tensor):
            return image, int(self.targets[index])
        masks = [files.read(index) for files in self.targets]
        return image, masks[0] if len(masks) == 1 else _stacked(masks, self, index)

    @property
    def channels(self) -> int:
        return self.channels_

    @cached_property
    def size(self) -> tuple[int, int] | None:
        return self.sizes[0] if len(set(self.sizes)) == 1 else None

    @property
    def labels(self) -> Tensor | None:
        return self.targets if isinstance(self.targets, Tensor) else None

    def name(self, index: int) -> str:
        return shown(self.paths[index])

    def tensors(self, workers: int = 0, tell: Tell | None = None) -> tuple[Tensor, Tensor] | None:
        if self.size is None or len(self) * self.channels * self.size[0] * self.size[1] > IN_MEMORY:
            return None
        if not self._held:
            self._held.append(self._read(workers, tell))
        return self._held[0]

    def _read(self, workers: int, tell: Tell | None) -> tuple[Tensor, Tensor]:
        assert self.size is not None
        images = torch.empty(len(self), self.channels, *self.size, dtype=torch.uint8)
        several = [] if self.labels is not None or len(self.targets) == 1 else [len(self.targets)]
        masks = torch.empty(len(self), *several, *self.size, dtype=torch.uint8)
        for number, (seen, targets) in enumerate(
            done(self._some, -(-len(self) // _AT_ONCE), workers)
        ):
            start = number * _AT_ONCE
            images[start : start + len(seen)] = seen
            if self.labels is None:
                masks[start : start + len(seen)] = targets
            if tell is not None:
                tell(start + len(seen), len(self))
        return images, masks if self.labels is None else self.labels

    def _some(self, number: int) -> tuple[Tensor, Tensor]:
        """So many at once as a worker hands over: images, and their masks or labels."""
        last = min((number + 1) * _AT_ONCE, len(self))
        pairs = [self[i] for i in range(number * _AT_ONCE, last)]
        images, targets = zip(*pairs, strict=True)
        return torch.stack(images), torch.stack([torch.as_tensor(t) for t in targets])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": []}

    def subset(self, indices: Tensor) -> FileSamples:
        chosen = indices.tolist()
        targets = self.targets
        return FileSamples(
            [self.paths[i] for i in chosen],
            targets[indices]
            if isinstance(targets, Tensor)
            else tuple(files.subset(chosen) for files in targets),
            self.channels_,
            [self.sizes[i] for i in chosen] if self.sizes else [],
        )

    def of_mask(self, number: int) -> FileSamples:
        """The same images with one of their masks."""
        assert not isinstance(self.targets, Tensor)
        return replace(self, targets=(self.targets[number],))


def _stacked(masks: list[Tensor], samples: FileSamples, index: int) -> Tensor:
    """The masks of an image as one tensor; raises ``TrainError`` where they differ in size."""
    if len({mask.shape for mask in masks}) > 1:
        sizes = " and ".join("x".join(map(str, mask.shape)) for mask in masks)
        raise TrainError(
            f"the masks of {samples.name(index)} have {sizes} pixels",
            "a mask has the class of each pixel of its image: make all of its size",
        )
    return torch.stack(masks)
