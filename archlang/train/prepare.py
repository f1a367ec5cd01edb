"""From stored images to what a network takes: the same in training, evaluation and use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.data import Data


@dataclass(frozen=True)
class Preparation:
    """Resize to ``shape`` [C, H, W], repeat a grey channel, standardise.

    ``mean`` and ``std`` have one number for each stored channel, in units where white is 1.
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def measured(cls, data: Data, shape: tuple[int, int, int]) -> Preparation:
        """For a network's input ``shape``, with the mean and deviation of the training images."""
        # Counts of the 256 values are exact and small, whatever the number of images.
        values = torch.arange(256, dtype=torch.float64) / 255
        means: list[float] = []
        deviations: list[float] = []
        for channel in data.train_images.unbind(1):
            counts = torch.bincount(channel.flatten(), minlength=256).cpu().double()
            share = counts / counts.sum()
            mean = float((share * values).sum())
            variance = float((share * (values - mean) ** 2).sum())
            means.append(mean)
            deviations.append(max(variance**0.5, 1e-6))
        return cls(shape, tuple(means), tuple(deviations))

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Preparation:
        """What ``plain`` gave, back from a checkpoint."""
        return cls(tuple(plain["shape"]), tuple(plain["mean"]), tuple(plain["std"]))

    def plain(self) -> dict[str, Any]:
        """It as a dictionary of lists, for a checkpoint."""
        return {name: list(value) for name, value in asdict(self).items()}

    def __call__(self, images: Tensor, offsets: Tensor | None = None) -> Tensor:
        """Float32 [N, *shape] from uint8 [N, c, h, w].

        ``offsets``, int64 [N, 2], shift each image down and right by so many pixels of the
        result; black moves in.
        """
        x = images.float() / 255
        if tuple(x.shape[-2:]) != self.shape[1:]:
            smaller = self.shape[1] < x.shape[-2] or self.shape[2] < x.shape[-1]
            x = F.interpolate(x, self.shape[1:], mode="bilinear", antialias=smaller)
        if offsets is not None:
            x = shifted(x, offsets)
        mean = x.new_tensor(self.mean)[:, None, None]
        std = x.new_tensor(self.std)[:, None, None]
        x = (x - mean) / std
        return x if x.shape[1] == self.shape[0] else x.expand(-1, self.shape[0], -1, -1)

    def notes(self, data: Data) -> list[str]:
        """What it changes about the images of ``data``, one line each."""
        stored, wanted = data.shape, self.shape
        found: list[str] = []
        if stored[1:] != wanted[1:]:
            found.append(
                f"the images of {stored[1]}x{stored[2]} are resized to {wanted[1]}x{wanted[2]}"
            )
        if stored[0] != wanted[0]:
            found.append(f"the images are grey: their one channel is repeated {wanted[0]} times")
        return found


def shifted(images: Tensor, offsets: Tensor) -> Tensor:
    """Images [N, C, H, W], each moved down and right by its row of ``offsets`` [N, 2]."""
    n, _, height, width = images.shape
    reach = int(offsets.abs().max())
    padded = F.pad(images, (reach, reach, reach, reach))
    device = images.device
    rows = torch.arange(height, device=device) + reach - offsets[:, :1]
    columns = torch.arange(width, device=device) + reach - offsets[:, 1:]
    picked = padded[
        torch.arange(n, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]
    ]
    return picked.permute(0, 3, 1, 2)
