"""A trained network as a program takes it along: from pixels to logits, with its classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from archlang.analyses.varying import Axis
from archlang.network import Network
from archlang.train.errors import UsageError
from archlang.train.prepare import Preparation
from archlang.train.saved import Run, Trained, trained
from archlang.types import Shape

ONE_SIZE = "the mean image has that size"
"""Why the sizes of an input may not vary."""


@dataclass(frozen=True)
class Deployed:
    """The network of a run behind what was done to its images.

    ``module`` is in evaluation mode and takes float32 [N, c, H, W] for each input, pixels from 0
    to 1 with the c channels that the images of the training had; ``inputs`` are these shapes
    without the batch. It subtracts and divides as in training, repeats grey, and gives the
    network's outputs in float32, in whatever precision it was trained. ``state_dict`` is the
    network's.
    """

    trained: Trained
    network: Network
    module: nn.Module
    inputs: dict[str, Shape]

    @property
    def axes(self) -> list[Axis]:
        """Which sizes of the images it takes, as ``Network.varying``."""
        images = {n for n, p in self.trained.prepares.items() if p.mean_image is not None}
        return [
            replace(axis, step=0, reason=ONE_SIZE) if axis.input in images else axis
            for axis in self.network.varying()
        ]

    @property
    def about(self) -> dict[str, str]:
        """What a file keeps beside the program, as JSON by name.

        ``classes`` are those of the output, or of each output by its name; ``images`` says for
        each input how an image comes to its size: ``stretch``, or ``crop`` with ``crop_share``.
        """
        one = self.trained
        classes = {name: one.classes_of(name) for name in one.output_names}
        images = {
            name: {"shape": self.inputs[name], "fit": p.fit, "crop_share": p.crop_share}
            for name, p in one.prepares.items()
        }
        told = classes if len(classes) > 1 else one.classes_of(one.output_names[0])
        found = {"model": self.network.name, "classes": told, "images": images}
        return {name: json.dumps(value, ensure_ascii=False) for name, value in found.items()}

    def taken(self) -> Iterator[str]:
        """What the network takes for each input without what is before it here, in words."""
        for name, prepare in self.trained.prepares.items():
            yield f"`{name}` takes {_in_words(prepare)}"


def deploy(run: Run, *, device: str = "auto") -> Deployed:
    """What ``trained`` finds, to be used on pixels or exported.

    Raises ``UsageError`` as that does, and where the network is of no spec.
    """
    one = trained(run, device=device)
    if not isinstance(one.network, Network):
        raise UsageError(f"`{one.network.name}` was made by no spec, so nothing is known of it")
    module = deepcopy(one.module).to(memory_format=torch.contiguous_format)
    normalise = [_Normalise.of(prepare, one.device) for prepare in one.prepares.values()]

    def prepared(_: nn.Module, images: tuple[Any, ...]) -> tuple[Tensor, ...]:
        return tuple(do(image) for do, image in zip(normalise, images, strict=True))

    module.register_forward_pre_hook(prepared)
    inputs: dict[str, Shape] = {n: (len(p.mean), *p.shape[1:]) for n, p in one.prepares.items()}
    return Deployed(one, one.network, module, inputs)


@dataclass(frozen=True)
class _Normalise:
    """Float32 [N, channels, H, W] out of pixels from 0 to 1, as ``Preparation.normalised``."""

    mean: Tensor
    std: Tensor
    channels: int

    @classmethod
    def of(cls, prepare: Preparation, device: torch.device) -> _Normalise:
        mean, std = (torch.tensor(v)[:, None, None] for v in (prepare.mean, prepare.std))
        if prepare.mean_image is not None:
            mean = prepare.mean_image
        return cls(mean.to(device), std.to(device), prepare.shape[0])

    def __call__(self, images: Tensor) -> Tensor:
        x = (images - self.mean) / self.std
        return x if len(self.std) == self.channels else x.expand(-1, self.channels, -1, -1)


def _in_words(prepare: Preparation) -> str:
    mean, std = (", ".join(f"{v:.6g}" for v in values) for values in (prepare.mean, prepare.std))
    if prepare.mode == "none":
        return "pixels from 0 to 1"
    less = "the mean image in run.json" if prepare.mean_image is not None else mean
    divided = f", divided by {std}" if set(prepare.std) != {1} else ""
    return f"pixels from 0 to 1 less {less}{divided}"
