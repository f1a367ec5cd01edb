"""Augmentation at work: images changed as the seed, the epoch and their numbers say.

What costs little in a batch (flips, shifts, crops after padding, erasing) is done for the
whole batch at once, on its device; the rest by torchvision's transforms v2, image by image, in
the loader's workers. Masks go along with their images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.augment import Augment, Mixing, RandomErasing
from archlang.train.data import IGNORE
from archlang.train.draws import drawing_from, seed_of, uniform
from archlang.train.errors import UsageError

Views = Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor | None]]


def views(augment: Augment, size: tuple[int, int]) -> Views | None:
    """What is done image by image: uint8 [C, h, w] and a mask [(M,) h, w], to the same kinds.

    Draws from PyTorch's CPU generator. None where there is nothing to do.
    """
    if not augment.per_image:
        return None
    v2, tv = _transforms(), _tensors()
    whole = v2.Compose(_steps(augment, v2, tv, size))

    def view(image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if mask is None:
            return whole(tv.Image(image)).as_subclass(Tensor), None
        seen, went = whole(tv.Image(image), tv.Mask(mask))
        return seen.as_subclass(Tensor), went.as_subclass(Tensor)

    return view


def _steps(augment: Augment, v2: Any, tv: Any, size: tuple[int, int]) -> list[Any]:
    fill = {tv.Image: 0, tv.Mask: IGNORE}
    steps: list[Any] = []
    if crop := augment.random_resized_crop:
        steps.append(v2.RandomResizedCrop(size, crop.scale, crop.ratio, antialias=True))
    if augment.rotation:
        bilinear = v2.InterpolationMode.BILINEAR
        steps.append(v2.RandomRotation(augment.rotation, interpolation=bilinear, fill=fill))
    if augment.lens_distortion:
        from archlang.train.lens import LensDistortion

        steps.append(LensDistortion(augment.lens_distortion))
    if augment.rand_augment:
        steps.append(v2.RandAugment(augment.rand_augment.num_ops, augment.rand_augment.magnitude))
    if augment.color_jitter:
        steps.append(v2.ColorJitter(**augment.color_jitter.model_dump()))
    return steps


def augmented(
    augment: Augment,
    images: Tensor,
    masks: Tensor | None,
    samples: Tensor,
    *,
    seed: int,
    epoch: int,
    fill: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """What is done to a whole batch: uint8 [N, C, H, W] and masks [N, (M,) H, W], on any device.

    ``samples`` int64 [N] are the numbers of the images in the data set, and with ``seed``
    and ``epoch`` all that the draws depend on. ``fill`` [C] is the colour of what is erased.
    """
    size = images.shape[-2], images.shape[-1]
    return Changes.drawn(augment, size, samples, seed=seed, epoch=epoch).of(images, masks, fill)


class Changes(NamedTuple):
    """What becomes of images [N, C, H, W] in a batch.

    Drawn for many batches at once and then ``split``: the draws are some thirty operations, which
    would take longer than the step of a small network.
    """

    augment: Augment
    moves: _Moves | None
    holes: Tensor | None
    """Five draws for each image: float64 [N, 5]."""

    @classmethod
    def drawn(
        cls, augment: Augment, size: tuple[int, int], samples: Tensor, *, seed: int, epoch: int
    ) -> Changes:
        """For images of ``size``, as follows from ``seed``, ``epoch`` and their numbers [N]."""
        moves = _mirrors(augment) or augment.shift or augment.pad_crop
        count = 11 if augment.random_erasing else 6 if moves else 0
        if not count:
            return cls(augment, None, None)
        draws = uniform(seed_of("augment", seed, epoch), samples, count)
        return cls(
            augment,
            _Moves.drawn(augment, size, draws.unbind(1)) if moves else None,
            draws[:, 6:] if augment.random_erasing else None,
        )

    def split(self, counts: Sequence[int]) -> Iterator[Changes]:
        """Those of so many images each, in order."""
        whole = [self.augment] * len(counts)
        nothing = [None] * len(counts)
        moves = nothing if self.moves is None else self.moves.split(counts)
        holes = nothing if self.holes is None else torch.split(self.holes, list(counts))
        return map(Changes, whole, moves, holes)

    def of(
        self, images: Tensor, masks: Tensor | None, fill: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Images uint8 [N, C, H, W] and masks [N, (M,) H, W], changed; ``fill`` [C] in a hole."""
        if self.moves is not None:
            images = self.moves.of(images, 0)
            if masks is not None:
                several = masks.ndim == 4
                moved = self.moves.of(masks if several else masks[:, None], IGNORE)
                masks = moved if several else moved[:, 0]
        if self.holes is not None and self.augment.random_erasing:
            images = _erased(images, self.augment.random_erasing, self.holes.unbind(1), fill)
        return images, masks


def _mirrors(augment: Augment) -> bool:
    return augment.horizontal_flip > 0 or augment.vertical_flip > 0


class _Moves(NamedTuple):
    """Where each image of a batch is mirrored, and how far it is moved; None where none is."""

    reach: tuple[int, int]
    """The pixels that an image moves at most, down and right."""
    flips: tuple[Tensor | None, Tensor | None]
    """Whether it is exchanged top and bottom, left and right: bool [N]."""
    corner: tuple[Tensor, Tensor] | None
    """Which window of the padded image is seen, by its first row and column: int64 [N]."""

    @classmethod
    def drawn(cls, augment: Augment, size: tuple[int, int], draws: tuple[Tensor, ...]) -> _Moves:
        """From six columns of draws."""
        reach = _reach(augment, size[0]), _reach(augment, size[1])
        down, right = (
            _within(shift, round(augment.shift * length)) + _within(crop, augment.pad_crop)
            for shift, crop, length in zip(draws[2:4], draws[4:6], size, strict=True)
        )
        flips = (
            draws[1] < augment.vertical_flip if augment.vertical_flip else None,
            draws[0] < augment.horizontal_flip if augment.horizontal_flip else None,
        )
        return cls(reach, flips, (reach[0] - down, reach[1] - right) if any(reach) else None)

    def split(self, counts: Sequence[int]) -> Iterator[_Moves]:
        """Those of so many images each, in order."""

        def parts(of: Tensor | None) -> Sequence[Any]:
            return [None] * len(counts) if of is None else torch.split(of, list(counts))

        flips = zip(*map(parts, self.flips), strict=True)
        corners = parts(None) if self.corner is None else zip(*map(parts, self.corner), strict=True)
        return map(_Moves, [self.reach] * len(counts), flips, corners)

    def of(self, images: Tensor, fill: int) -> Tensor:
        """Images [N, C, H, W], moved; ``fill`` moves in."""
        for axis, chosen in zip((2, 3), self.flips, strict=True):
            if chosen is not None:
                here = chosen[:, None, None, None].to(images.device)
                images = torch.where(here, images.flip(axis), images)
        if self.corner is None:
            return images
        n, _, height, width = images.shape
        y, x = self.reach
        windows = F.pad(images, (x, x, y, y), value=fill).unfold(2, height, 1).unfold(3, width, 1)
        one, top, left = (part.to(images.device) for part in (torch.arange(n), *self.corner))
        return windows[one, :, top, left]


def mixed(
    mixing: Mixing, images: Tensor, labels: Tensor, *, classes: int, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """Images [N, C, H, W] and labels [N], mixed: labels become shares [N, classes].

    What is drawn follows from ``seed`` and ``step``.
    """
    v2 = _transforms()
    with drawing_from("mixing", seed, step):
        first = float(torch.rand(())) < 0.5 if mixing.mixup and mixing.cutmix else mixing.mixup > 0
        mix = (
            v2.MixUp(alpha=mixing.mixup, num_classes=classes)
            if first
            else v2.CutMix(alpha=mixing.cutmix, num_classes=classes)
        )
        pairs: tuple[Tensor, Tensor] = mix(images, labels)
    return pairs


def _reach(augment: Augment, length: int) -> int:
    """The pixels that an image moves at most along a side."""
    return round(augment.shift * length) + augment.pad_crop


def _within(draws: Tensor, reach: int) -> Tensor:
    """Whole numbers from -reach to reach."""
    return (draws * (2 * reach + 1)).long() - reach


def _erased(
    images: Tensor, erasing: RandomErasing, draws: tuple[Tensor, ...], fill: Tensor
) -> Tensor:
    """Images with a rectangle of ``fill`` [C] each; one too long is cut at the image's size."""
    height, width = images.shape[-2:]
    chosen, share, shape, top, left = draws
    area = height * width * (erasing.scale[0] + share * (erasing.scale[1] - erasing.scale[0]))
    low, high = log(erasing.ratio[0]), log(erasing.ratio[1])
    ratio = (low + shape * (high - low)).exp()

    def inside(size: int, length: Tensor, start: Tensor) -> Tensor:
        long = length.sqrt().round().clamp(1, size)
        first = (start * (size - long + 1)).floor()
        at = torch.arange(size)
        return (at >= first[:, None]) & (at < (first + long)[:, None])

    rows = inside(height, area * ratio, top) & (chosen < erasing.p)[:, None]
    columns = inside(width, area / ratio, left)
    hole = (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
    return torch.where(hole, fill.to(images.device)[:, None, None], images)


def _transforms() -> Any:
    try:
        from torchvision.transforms import v2
    except ImportError:
        raise UsageError(
            "this augmentation is torchvision's, which is not installed",
            "pip install 'archlang[torch]'",
        ) from None
    return v2


def _tensors() -> Any:
    from torchvision import tv_tensors

    return tv_tensors
