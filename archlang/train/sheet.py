"""A sheet of images as training sees them: each row a sample, first as it is, then draw by draw."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.augment import Augment
from archlang.train.colours import recoloured
from archlang.train.data import IGNORE, Data
from archlang.train.draws import seed_of
from archlang.train.inputs import Preprocess
from archlang.train.joint import check, draws_of
from archlang.train.loader import Each
from archlang.train.palette import Colour, colours, laid_over
from archlang.train.prepare import Preparation
from archlang.train.views import augmented, mixed

_LEAST, _GAP, _WHITE = 72, 4, 255
_LARGE = (224, 224)


class Layout(NamedTuple):
    """How many samples, how many draws of each, and the height and width of an image.

    Without ``size``, it is that of the images, or 224x224 where they differ.
    """

    rows: int = 8
    columns: int = 8
    size: tuple[int, int] | None = None


def sheet(data: Data, augment: Augment, *, seed: int = 0, layout: Layout | None = None) -> Tensor:
    """The sheet, uint8 [3, H, W]. Column k has what epoch k has of the sample, with this seed.

    The samples are training images chosen by ``seed``. Masks are laid over their images in
    colour. Mixing, which is done to batches, is done to a column. Of several inputs a sample has a
    row for each, below one another. Raises ``TrainError``.
    """
    layout = layout or Layout()
    order = torch.Generator().manual_seed(seed_of("sheet", seed))
    chosen = torch.randperm(len(data.train), generator=order)[: layout.rows]
    size = layout.size or data.train.size or _LARGE
    several = len(data.inputs) > 1
    parts = {name: data.of_input(name) for name in data.inputs}
    own = {
        name: augment.of_input(name, part.train.channels) if several else augment
        for name, part in parts.items()
    }
    prepares = {name: _prepared(part, own[name], size) for name, part in parts.items()}
    check(augment, data.train, {n: (part.train, prepares[n]) for n, part in parts.items()})

    def column(epoch: int, plain: bool = False) -> Tensor:
        shown = [
            _column(part, Augment() if plain else own[n], prepares[n], chosen, epoch, (seed, n))
            for n, part in parts.items()
        ]
        return torch.stack(shown, 1).flatten(0, 1)

    draws = [column(epoch) for epoch in range(layout.columns)]
    return _arranged([column(0, plain=True), *draws])


def _column(
    data: Data, how: Augment, prepare: Preparation, chosen: Tensor, epoch: int, of: tuple[int, str]
) -> Tensor:
    """The ``chosen`` samples as an epoch sees them, uint8 [N, 3, H, W]; ``of`` a seed, an input."""
    draws: dict[str, int] = {"seed": draws_of(how, *of), "epoch": epoch}
    each = Each(data.train, prepare, how, draws["seed"])
    images, targets = (
        torch.stack(part)
        for part in zip(*(each.seen(epoch, i) for i in chosen.tolist()), strict=True)
    )
    masks = targets if targets.ndim > 1 else None
    images = recoloured(how, images, chosen, prepare.colours, **draws)
    images, masks = augmented(how, images, masks, chosen, fill=prepare.fill, **draws)
    if how.mixing:
        mixing: dict[str, int] = {"classes": len(data.classes), "seed": of[0], "step": epoch}
        shares, _ = mixed(how.mixing, images.float(), targets, **mixing)
        images = shares.round().to(torch.uint8)
    return _coloured(images, masks, colours(len(data.classes), data.palette))


def _prepared(data: Data, augment: Augment, size: tuple[int, int]) -> Preparation:
    """How images come to the size; the mean is measured where something is filled with it."""
    how = Preprocess() if augment.random_erasing else Preprocess(mode="none")
    shape = (data.train.channels, *size)
    return Preparation.measured(data, shape, how, colours=augment.pca_noise > 0)


def _coloured(images: Tensor, masks: Tensor | None, palette: tuple[Colour, ...]) -> Tensor:
    """Images [N, c, H, W] as uint8 [N, 3, H, W], with their masks over them.

    Of more than three channels the first three are shown, of two the first.
    """
    shown = images[:, :3] if images.shape[1] > 2 else images[:, :1].expand(-1, 3, -1, -1)
    if masks is None:
        return shown
    return laid_over(shown, masks, palette, IGNORE)


def _arranged(columns: list[Tensor]) -> Tensor:
    """Columns of images on white, the first set off; small images are enlarged."""
    height, width = columns[0].shape[-2:]
    times = max(1, -(-_LEAST // max(height, width)))
    strips = [
        torch.cat(
            [F.pad(_larger(image, times), (0, 0, 0, _GAP), value=_WHITE) for image in part], 1
        )
        for part in columns
    ]
    gaps = [3 * _GAP, *(_GAP for _ in strips[1:])]
    whole = [F.pad(strip, (0, gap), value=_WHITE) for strip, gap in zip(strips, gaps, strict=True)]
    return F.pad(torch.cat(whole, 2), (_GAP, 0, _GAP, 0), value=_WHITE)


def _larger(image: Tensor, times: int) -> Tensor:
    return image.repeat_interleave(times, 1).repeat_interleave(times, 2)


def png(picture: Tensor) -> bytes:
    """A picture uint8 [3, H, W] as a PNG file."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG")
    return file.getvalue()
