"""From stored images to what a network takes: the same in training, evaluation and use."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.data import Data, Samples
from archlang.train.errors import UsageError
from archlang.train.inputs import Fit, Mode, Preprocess
from archlang.train.measure import colour_axes, images_of, moments, total, value_counts
from archlang.train.workers import Tell


@dataclass(frozen=True)
class Preparation:
    """Bring images to ``shape`` [C, H, W], subtract ``mean``, divide by ``std``, repeat grey.

    ``mean`` and ``std`` have one number for each stored channel, in units where white is 1.
    ``mean_image``, float32 [c, H, W], takes the place of ``mean`` where there is one.
    ``colours``, float64 [c, c], are the axes along which ``augment.pca_noise`` moves.
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mode: Mode = "channel_mean_std"
    fit: Fit = "stretch"
    crop_share: float = 0.875
    mean_image: Tensor | None = field(default=None, repr=False, compare=False)
    colours: Tensor | None = field(default=None, repr=False, compare=False)

    @classmethod
    def measured(
        cls,
        data: Data,
        shape: tuple[int, int, int],
        how: Preprocess | None = None,
        *,
        colours: bool = False,
        workers: int = 0,
        tell: Tell | None = None,
    ) -> Preparation:
        """For a network's input ``shape``, measured on all training images in float64.

        Every stored pixel counts once; a mean image is that of the images brought to ``shape``.
        ``colours`` are measured where they are asked for. ``workers`` processes read files, and
        change no number; ``tell`` hears how far they are.
        Raises ``TrainError`` where a file cannot be decoded.
        """
        found = cls._taken(data, shape, how or Preprocess(), workers, tell)
        if not colours:
            return found
        return replace(found, colours=colour_axes(data.train, workers, tell))

    @classmethod
    def _taken(
        cls,
        data: Data,
        shape: tuple[int, int, int],
        how: Preprocess,
        workers: int,
        tell: Tell | None,
    ) -> Preparation:
        """What is taken from every image."""
        same_size = data.train.size is not None
        fit: Fit = how.fit or ("stretch" if same_size or data.task != "classification" else "crop")
        channels = data.train.channels
        for name, given in (("mean", how.mean), ("std", how.std)):
            if given is not None and len(given) != channels:
                raise UsageError(
                    f"`preprocess.{name}` has {len(given)} numbers, "
                    f"but {data.name}'s images have {channels} channels"
                )
        blank = cls(shape, (0.0,) * channels, (1.0,) * channels, how.mode, fit, how.crop_share)
        if how.mode == "none":
            return blank
        if how.mode == "mean_image":
            image = blank._mean_image(data.train, workers, tell)
            mean = tuple(image.double().mean((1, 2)).tolist())
            return cls(shape, mean, blank.std, how.mode, fit, how.crop_share, image)
        known = how.mean is not None and (how.std is not None or how.mode == "channel_mean")
        counts = torch.zeros(channels, 256) if known else value_counts(data.train, workers, tell)
        mean, std = moments(counts if how.mode.startswith("channel") else counts.sum(0, True))
        mean, std = (how.mean or mean), (how.std or std)
        if len(mean) < channels:
            mean, std = mean * channels, std * channels
        if how.mode in ("centre", "channel_mean"):
            std = blank.std
        return cls(shape, mean, std, how.mode, fit, how.crop_share)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Preparation:
        """What ``plain`` gave, back from a checkpoint."""
        shape, mean, std = (tuple(plain[name]) for name in ("shape", "mean", "std"))
        names = ("mode", "fit", "crop_share")
        rest: dict[str, Any] = {name: plain[name] for name in names if name in plain}
        if text := plain.get("mean_image"):
            array = np.frombuffer(b64decode(text), "<f4").astype(np.float32)
            rest["mean_image"] = torch.from_numpy(array).view(len(mean), *shape[1:])
        if axes := plain.get("colours"):
            rest["colours"] = torch.tensor(axes, dtype=torch.float64)
        return cls(shape, mean, std, **rest)

    def plain(self) -> dict[str, Any]:
        """It as lists, numbers and text, for a checkpoint or JSON; ``of`` is its inverse."""
        found: dict[str, Any] = {
            "shape": list(self.shape),
            "mean": list(self.mean),
            "std": list(self.std),
            "mode": self.mode,
            "fit": self.fit,
            "crop_share": self.crop_share,
        }
        if self.colours is not None:
            found["colours"] = self.colours.tolist()
        if self.mean_image is not None:
            found["mean_image"] = b64encode(
                self.mean_image.numpy().astype("<f4").tobytes()
            ).decode()
        return found

    @property
    def fill(self) -> Tensor:
        """The colour that stands for nothing, uint8 [c]: it becomes about 0."""
        return (torch.tensor(self.mean) * 255).round().clamp(0, 255).to(torch.uint8)

    def region(self, height: int, width: int) -> tuple[int, int, int, int]:
        """What of an image of this size the network sees: top, left, height and width in it."""
        if self.fit == "stretch":
            return 0, 0, height, width
        scale = max(self.shape[1] / height, self.shape[2] / width) / self.crop_share
        h, w = (
            max(1, min(long, round(short / scale)))
            for short, long in zip(self.shape[1:], (height, width), strict=True)
        )
        return (height - h) // 2, (width - w) // 2, h, w

    def sized(self, images: Tensor, *, masks: bool = False) -> Tensor:
        """Uint8 [N, c, h, w] brought to the network's height and width, uint8 still.

        ``masks`` takes the nearest pixel, for between two classes there is none.
        """
        height, width = self.shape[1:]
        h, w = images.shape[-2:]
        if self.fit == "stretch":
            return _resized(images, (height, width), masks)
        scale = max(height / h, width / w) / self.crop_share
        covering = max(height, round(h * scale)), max(width, round(w * scale))
        resized = _resized(images, covering, masks)
        top, left = (covering[0] - height) // 2, (covering[1] - width) // 2
        return resized[..., top : top + height, left : left + width]

    def normalised(self, images: Tensor) -> Tensor:
        """Float32 [N, *shape] from uint8 [N, c, H, W]."""
        x = images.to(torch.float32)
        if self.mode != "none":
            mean = (
                _column(self.mean, x.device)
                if self.mean_image is None
                else self.mean_image.to(x.device) * 255
            )
            x = x.sub_(mean).div_(_column(self.std, x.device))
        else:
            x = x.div_(255)
        if x.shape[1] == self.shape[0]:
            return x
        # A copy: a convolution would make its own of a view, forward and backward.
        return x.expand(-1, self.shape[0], -1, -1).contiguous()

    def __call__(self, images: Tensor, offsets: Tensor | None = None) -> Tensor:
        """Float32 [N, *shape] from uint8 [N, c, h, w].

        ``offsets``, int64 [N, 2], shift each image down and right by so many pixels of the
        result; black moves in.
        """
        x = self.sized(images)
        return self.normalised(x if offsets is None else shifted(x, offsets))

    def notes(self, data: Data) -> list[str]:
        """What it changes about the images of ``data``, one line each."""
        stored, wanted = data.train.size, self.shape
        found: list[str] = []
        size = f"{wanted[1]}x{wanted[2]}"
        if self.fit == "crop":
            found.append(f"the images are resized, and {size} of their middle is kept")
        elif stored is None:
            found.append(f"the images differ in size, and are resized to {size}")
        elif stored != wanted[1:]:
            found.append(f"the images of {stored[0]}x{stored[1]} are resized to {size}")
        if data.train.channels != wanted[0]:
            found.append(f"the images are grey: their one channel is repeated {wanted[0]} times")
        return found

    def _mean_image(self, samples: Samples, workers: int, tell: Tell | None) -> Tensor:
        """The mean of each pixel, float32 [c, H, W] with white 1, summed without rounding."""
        sums = total(samples, self._summed, workers, tell)
        return (sums.double() / (255 * len(samples))).float()

    def _summed(self, samples: Samples, numbers: range) -> Tensor:
        sums = torch.zeros(samples.channels, *self.shape[1:], dtype=torch.int64)
        for images in images_of(samples, numbers):
            sums += self.sized(images).sum(0, dtype=torch.int64).cpu()
        return sums


@cache
def _column(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A number a channel, [C, 1, 1], in units where white is 255."""
    return (torch.tensor(values, dtype=torch.float64) * 255).float().to(device)[:, None, None]


def _resized(images: Tensor, size: tuple[int, int], masks: bool) -> Tensor:
    if tuple(images.shape[-2:]) == size:
        return images
    if masks:
        return F.interpolate(images, size, mode="nearest-exact")
    smaller = size[0] < images.shape[-2] or size[1] < images.shape[-1]
    x = F.interpolate(images.float(), size, mode="bilinear", antialias=smaller)
    return x.round_().clamp_(0, 255).to(torch.uint8)


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
