"""Data sets: images of uint8 with labels, split into what is learned from and what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archlang.op import nearest
from archlang.train.errors import TrainError, UsageError
from archlang.train.network import Network


@dataclass(frozen=True)
class Data:
    """A labelled data set.

    Images are uint8 [N, C, H, W], labels int64 [N] in 0 … len(classes) - 1. ``suggests``
    holds fields of the recipe that suit it, for where a user gives none. Raises
    ``TrainError`` where these do not hold.
    """

    name: str
    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_labels: Tensor = field(repr=False)
    classes: tuple[str, ...]
    suggests: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, images, labels in (
            ("training", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if not len(images):
                raise TrainError(f"{self.name} has no {part} images")
            if len(images) != len(labels):
                raise TrainError(
                    f"{self.name} has {len(images):,} {part} images, but {len(labels):,} labels",
                    "the two files belong to different data; get both from one place",
                )
            low, high = int(labels.min()), int(labels.max())
            if low < 0 or high >= len(self.classes):
                raise TrainError(
                    f"{self.name} has {len(self.classes)} classes, "
                    f"but a {part} label is {low if low < 0 else high}",
                    f"labels count from 0 to {len(self.classes) - 1}",
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise TrainError(f"{self.name}'s training and test images differ in size")

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image as stored."""
        return tuple(self.train_images.shape[1:])

    def to(self, device: torch.device) -> Data:
        """The same with its tensors on ``device``."""
        return Data(
            self.name,
            self.train_images.to(device),
            self.train_labels.to(device),
            self.test_images.to(device),
            self.test_labels.to(device),
            self.classes,
            self.suggests,
        )


@dataclass(frozen=True)
class Reader:
    """How to get a data set by name, and whether a path may follow the name."""

    read: Callable[[Path | None], Data]
    takes_path: bool


READERS: dict[str, Reader] = {}


def reader(
    name: str, *, takes_path: bool
) -> Callable[[Callable[[Path | None], Data]], Callable[[Path | None], Data]]:
    """Make a function known as the reader of the data set ``name``."""

    def register(read: Callable[[Path | None], Data]) -> Callable[[Path | None], Data]:
        if name in READERS:
            raise TypeError(f"two data sets are named `{name}`")
        READERS[name] = Reader(read, takes_path)
        return read

    return register


def load(spec: str) -> Data:
    """The data set that ``NAME`` or ``NAME:PATH`` names; raises ``TrainError``."""
    name, _, path = spec.partition(":")
    found = READERS.get(name)
    if found is None:
        guess = nearest(name, list(READERS))
        known = ", ".join(sorted(READERS))
        hint = f"did you mean `{guess}`? " if guess else ""
        raise UsageError(f"there is no data set named `{name}`", f"{hint}known are {known}")
    if path and not found.takes_path:
        raise UsageError(f"`{name}` takes no path", f"write `--data {name}`")
    return found.read(Path(path).expanduser() if path else None)


def check_fit(network: Network, data: Data) -> tuple[int, int, int]:
    """The network's input [C, H, W], if it can learn this data; raises ``TrainError``."""
    shape = _image_input(network)
    if shape[0] not in (data.shape[0], 3) or (shape[0] == 3 and data.shape[0] not in (1, 3)):
        raise TrainError(
            f"`{network.name}` takes {shape[0]} channels, "
            f"but {data.name}'s images have {data.shape[0]}",
            f"declare the input as {_brackets((data.shape[0], *shape[1:]))}",
        )
    if len(network.outputs) != 1:
        raise TrainError(
            f"`{network.name}` has {len(network.outputs)} outputs, and training a classifier "
            "takes one",
            "name the one that holds the classes: `output logits`",
        )
    (output,) = network.outputs.values()
    wanted = len(data.classes)
    if len(output) != 1:
        raise TrainError(
            f"`{network.name}` yields {_brackets(output)}, and a classifier yields one number "
            f"for each class: [{wanted}]",
            f"end it with `global_avgpool -> linear({wanted})` or `flatten -> linear({wanted})`",
        )
    if output[0] != wanted:
        hint = f"end it with `linear({wanted})`"
        if any("classes" in text for text in network.files.values()):
            hint = f"`--set classes={wanted}` if it has such a parameter; otherwise {hint}"
        raise TrainError(
            f"`{network.name}` has {output[0]} outputs, but {data.name} has {wanted} classes", hint
        )
    return shape


def _image_input(network: Network) -> tuple[int, int, int]:
    if len(network.inputs) != 1:
        names = ", ".join(network.inputs)
        raise TrainError(
            f"`{network.name}` takes {len(network.inputs)} inputs ({names}), "
            "and image classification gives one"
        )
    ((name, shape),) = network.inputs.items()
    if len(shape) != 3:
        raise TrainError(
            f"`{network.name}` takes {_brackets(shape)}, and images are [C, H, W]",
            f"declare `input {name}: [1, 28, 28]`, and start with `flatten` for a vector",
        )
    return shape[0], shape[1], shape[2]


def _brackets(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
