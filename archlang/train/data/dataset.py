"""Data sets: samples with classes, split into what is learned from and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from archlang.train.data.samples import Samples, Task, TensorSamples
from archlang.train.errors import TrainError
from archlang.train.palette import Colour


@dataclass(frozen=True)
class Data:
    """Samples to learn from, to test with and, where there are some, to choose by.

    Labels count from 0 to len(classes) - 1, and so do the pixels of masks, but for ``IGNORE``.
    ``suggests`` holds fields of the recipe that suit the data, for where a user gives none.
    ``source`` is ``NAME`` or ``NAME:PATH``, as it was asked for; "" where it was not loaded.
    ``palette`` has the colours of the classes, where masks carry some.
    Raises ``TrainError`` where these do not hold.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples = field(repr=False)
    test: Samples = field(repr=False)
    valid: Samples | None = field(default=None, repr=False)
    suggests: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    palette: tuple[Colour, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for part, samples in self.parts.items():
            if not len(samples):
                raise TrainError(f"{self.name} has no {part} images")
            if isinstance(samples, TensorSamples) and len(samples) != len(samples.targets):
                raise TrainError(
                    f"{self.name} has {len(samples):,} {part} images, "
                    f"but {len(samples.targets):,} labels",
                    "the two files belong to different data; get both from one place",
                )
            if samples.labels is not None:
                self._check_labels(part, samples, samples.labels)
            if samples.channels != self.train.channels:
                raise TrainError(
                    f"{self.name}'s training images have {self.train.channels} channels, "
                    f"but its {part} images {samples.channels}"
                )

    def _check_labels(self, part: str, samples: Samples, labels: Tensor) -> None:
        wrong = torch.nonzero((labels < 0) | (labels >= len(self.classes))).flatten()
        if len(wrong):
            first = int(wrong[0])
            raise TrainError(
                f"{self.name} has {len(self.classes)} classes, but a {part} label is "
                f"{int(labels[first])}, that of {samples.name(first)}",
                f"labels count from 0 to {len(self.classes) - 1}",
            )

    @classmethod
    def held(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: tuple[Tensor, Tensor],
        test: tuple[Tensor, Tensor],
        **rest: Any,
    ) -> Data:
        """Data in memory: images uint8 [N, C, H, W] with labels int64 [N] or masks [N, H, W]."""
        return cls(name, classes, TensorSamples(*train), TensorSamples(*test), **rest)

    @property
    def task(self) -> Task:
        """What is learned: a class for each image, or for each of its pixels."""
        return self.train.task

    @property
    def parts(self) -> dict[str, Samples]:
        """Its samples by what they are for: training, test and, if there are some, validation."""
        parts = {"training": self.train, "test": self.test}
        return parts if self.valid is None else {**parts, "validation": self.valid}

    @property
    def train_images(self) -> Tensor:
        """The training images, where they fit in memory: uint8 [N, C, H, W]."""
        return _held(self.train)[0]

    @property
    def train_labels(self) -> Tensor:
        """The training labels int64 [N], of images that fit in memory."""
        return _held(self.train)[1]

    @property
    def test_images(self) -> Tensor:
        """The test images, where they fit in memory: uint8 [N, C, H, W]."""
        return _held(self.test)[0]

    @property
    def test_labels(self) -> Tensor:
        """The test labels int64 [N], of images that fit in memory."""
        return _held(self.test)[1]

    def to(self, device: torch.device) -> Data:
        """The same with what is in memory on ``device``."""

        def moved(samples: Samples) -> TensorSamples:
            images, labels = _held(samples)
            return TensorSamples(images.to(device), labels.to(device))

        return replace(self, train=moved(self.train), test=moved(self.test))


def _held(samples: Samples) -> tuple[Tensor, Tensor]:
    held = samples.tensors()
    if held is None:
        raise TrainError("the images differ in size, or are too many to be kept in memory")
    return held
