"""Data sets: samples with classes, split into what is learned from and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from archlang.train.data.columns import Columns, in_memory
from archlang.train.data.samples import IGNORE, FileSamples, Samples, Task, TensorSamples
from archlang.train.errors import TrainError
from archlang.train.palette import Colour

Held = tuple[Tensor | Mapping[str, Tensor], Tensor | Mapping[str, Tensor]]
"""Images and targets in memory, of several inputs or outputs by name."""


@dataclass(frozen=True)
class Data:
    """Samples to learn from, to test with and, where there are some, to choose by.

    Labels count from 0 to len(classes) - 1, and so do the pixels of masks, but for ``IGNORE``.
    ``suggests`` holds fields of the recipe that suit the data, for where a user gives none.
    ``source`` is ``NAME`` or ``NAME:PATH``, as it was asked for; "" where it was not loaded.
    ``palette`` has the colours of the classes, where masks carry some. Where each output has
    labels or masks of its own, ``own`` has the classes of each, by its name, and ``classes`` are
    the first's. ``notes`` are remarks on how it was read.
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
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part, samples in self.parts.items():
            if not len(samples):
                raise TrainError(f"{self.name} has no {part} images")
            for name, images in samples.inputs.items():
                self._check_images(part, name, images)
            if samples.labels is not None:
                self._check_labels(part, samples, samples.labels, self.classes)
            given = (*samples.answers, *samples.masks)
            if set(given) != self.own.keys():
                raise TrainError(
                    f"{self.name} names classes for {_names(self.own)}, but its {part} labels are "
                    f"those of {_names(given)}"
                )
            for output, labels in samples.answers.items():
                self._check_labels(part, samples, labels, self.own[output], output)
            if samples.labels is None:
                self._check_masks(part, samples)

    def _check_images(self, part: str, name: str, images: Samples) -> None:
        what = f"{part} images `{name}`" if name else f"{part} images"
        if isinstance(images, TensorSamples) and len(images) != len(images.targets):
            raise TrainError(
                f"{self.name} has {len(images):,} {what}, but {len(images.targets):,} labels",
                "the two files belong to different data; get both from one place",
            )
        learned = self.train.inputs.get(name)
        if learned is None:
            raise TrainError(f"{self.name} has {what}, and none to train with")
        if images.channels != learned.channels:
            raise TrainError(
                f"{self.name}'s {what.replace(part, 'training', 1)} have {learned.channels} "
                f"channels, but its {part} images {images.channels}"
            )

    def _check_labels(
        self,
        part: str,
        samples: Samples,
        labels: Tensor,
        classes: tuple[str, ...],
        output: str = "",
    ) -> None:
        wrong = torch.nonzero((labels < 0) | (labels >= len(classes))).flatten()
        if len(wrong):
            first = int(wrong[0])
            of = f" of `{output}`" if output else ""
            raise TrainError(
                f"{self.name} has {len(classes)} classes{of}, but a {part} label{of} is "
                f"{int(labels[first])}, that of {samples.name(first)}",
                f"labels count from 0 to {len(classes) - 1}",
            )

    def _check_masks(self, part: str, samples: Samples) -> None:
        """Look at masks in memory; those in files were looked at as they were listed."""
        images = next(iter(samples.inputs.values()))
        if not isinstance(images, TensorSamples):
            return
        for number, output in enumerate(samples.masks or ("",)):
            masks, of = images.of_mask(number).targets, f" of `{output}`" if output else ""
            if masks.shape[1:] != images.images.shape[2:]:
                sizes = ("x".join(map(str, x.shape[-2:])) for x in (masks, images.images))
                raise TrainError(
                    f"{self.name}'s {part} masks{of} have {' pixels, but its images '.join(sizes)}",
                    "a mask has the class of each pixel of its image: make both of one size",
                )
            classes = len(self.own[output] if output else self.classes)
            wrong = torch.nonzero(((masks < 0) | (masks >= classes)) & (masks != IGNORE))
            if len(wrong):
                place = tuple(wrong[0].tolist())
                raise TrainError(
                    f"{self.name} has {classes} classes{of}, but a pixel of a {part} mask{of} is "
                    f"{int(masks[place])}, in that of {samples.name(place[0])}",
                    f"masks count classes from 0 to {classes - 1}; {IGNORE} is for none of them",
                )

    @classmethod
    def held(
        cls,
        name: str,
        classes: tuple[str, ...] | Mapping[str, tuple[str, ...]],
        train: Held,
        test: Held,
        **rest: Any,
    ) -> Data:
        """Data in memory: images uint8 [N, C, H, W] with labels int64 [N] or masks [N, H, W].

        Of several inputs the images are by input; of outputs with labels or masks of their own
        these, and the ``classes``, by output.
        """
        if isinstance(classes, Mapping):
            rest["own"], classes = classes, next(iter(classes.values()))
        return cls(name, classes, in_memory(*train), in_memory(*test), **rest)

    @property
    def task(self) -> Task:
        """What is learned: a class for each image; or for each of its pixels, by any output."""
        return self.train.task

    def task_of(self, output: str) -> Task:
        """What an output learns, by its own labels or masks, or by those that all share."""
        return "classification" if output in self.train.answers else self.task

    @property
    def parts(self) -> dict[str, Samples]:
        """Its samples by what they are for: training, test and, if there are some, validation."""
        parts = {"training": self.train, "test": self.test}
        return parts if self.valid is None else {**parts, "validation": self.valid}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs; ``ONLY`` where there is one, which has none."""
        return tuple(self.train.inputs)

    def with_notes(self, notes: tuple[str, ...]) -> Data:
        """The same with more remarks."""
        return replace(self, notes=(*self.notes, *notes))

    def of_input(self, name: str) -> Data:
        """The data as a network sees it that takes this input alone.

        Of several masks of an image it is the first.
        """

        def seen(samples: Samples) -> Samples:
            images = samples.inputs[name]
            assert isinstance(images, FileSamples | TensorSamples)
            return images if images.labels is not None else images.of_mask(0)

        masked = self.train.masks and self.train.inputs[name].labels is None
        classes = self.own[self.train.masks[0]] if masked else self.classes
        return self._changed(seen, classes=classes, own={})

    def of_output(self, name: str) -> Data:
        """The first input's images with the labels, or masks, of this output, which has its own."""

        def answered(samples: Samples) -> Samples:
            first = next(iter(samples.inputs.values()))
            assert isinstance(first, FileSamples | TensorSamples)
            if name in samples.masks:
                return first.of_mask(samples.masks.index(name))
            return replace(first, targets=samples.answers[name])

        return self._changed(answered, classes=self.own[name], own={})

    def _changed(self, change: Callable[[Samples], Samples], **rest: Any) -> Data:
        valid = None if self.valid is None else change(self.valid)
        return replace(self, train=change(self.train), test=change(self.test), valid=valid, **rest)

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

        def moved(samples: Samples) -> Samples:
            if isinstance(samples, Columns):
                inputs = {name: moved(images) for name, images in samples.images.items()}
                own = {name: labels.to(device) for name, labels in samples.own.items()}
                return replace(samples, images=inputs, own=own)
            images, labels = _held(samples)
            return TensorSamples(images.to(device), labels.to(device))

        return replace(self, train=moved(self.train), test=moved(self.test))


def _held(samples: Samples) -> tuple[Tensor, Tensor]:
    held = samples.tensors()
    if held is None:
        raise TrainError("the images differ in size, or are too many to be kept in memory")
    return held


def _names(of: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in of) or "no output"
