"""Samples: images of uint8, each with its label or its mask, in memory or in files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from archlang.train.data.images import read_image, read_mask, shown
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
    """Images uint8 [C, H, W] with a label, or with a mask uint8 [H, W] of labels."""

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
        """The labels int64 [N] of each output, by its name, where each has its own."""
        return {}

    @abstractmethod
    def name(self, index: int) -> str:
        """What a message calls a sample: its file, or its number."""

    @abstractmethod
    def tensors(self, workers: int = 0, tell: Tell | None = None) -> tuple[Tensor, Tensor] | None:
        """All images uint8 [N, C, H, W] and labels int64 [N] or masks uint8 [N, H, W].

        None where they differ in size or are too many to be kept in memory. The first time,
        ``workers`` processes read files, and ``tell`` hears how far they are.
        """

    @abstractmethod
    def subset(self, indices: Tensor) -> Samples:
        """Some of the samples, in the order of ``indices`` int64 [M]."""


@dataclass(frozen=True)
class TensorSamples(Samples):
    """Samples in memory: ``images`` uint8 [N, C, H, W], ``targets`` [N] or [N, H, W]."""

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


@dataclass(frozen=True)
class FileSamples(Samples):
    """Samples in files, each decoded when it is asked for.

    ``targets`` are labels int64 [N], or the files of masks. ``sizes`` are the heights and
    widths, known from the files' headers. ``binary`` masks have 0 and 255 for 0 and 1. A file
    that cannot be decoded raises ``TrainError`` with its name.
    """

    paths: Sequence[Path] = field(repr=False)
    targets: Tensor | Sequence[Path] = field(repr=False)
    channels_: int
    sizes: Sequence[tuple[int, int]] = field(repr=False)
    binary: bool = False
    _held: list[tuple[Tensor, Tensor]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        image = read_image(self.paths[index], self.channels_)
        if isinstance(self.targets, Tensor):
            return image, int(self.targets[index])
        return image, read_mask(self.targets[index], binary=self.binary)

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
        masks = torch.empty(len(self), *self.size, dtype=torch.uint8)
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
            targets[indices] if isinstance(targets, Tensor) else [targets[i] for i in chosen],
            self.channels_,
            [self.sizes[i] for i in chosen] if self.sizes else [],
            self.binary,
        )
