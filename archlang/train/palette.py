"""Colours of classes, for masks that people look at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

NOWHERE: Colour = (224, 224, 224)
"""Of pixels that belong to no class."""

_TOLD_APART: tuple[Colour, ...] = (
    *((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((0, 114, 178), (213, 94, 0), (204, 121, 167)),
)
"""Colours that people of any colour vision tell apart; Okabe and Ito 2008."""


def colours(count: int, given: Sequence[Colour] = ()) -> tuple[Colour, ...]:
    """A colour for each of ``count`` classes: those ``given``, or the first is black."""
    if len(given) >= count:
        return tuple(given[:count])
    return tuple(_TOLD_APART[i] if i < len(_TOLD_APART) else _of_bits(i) for i in range(count))


def _of_bits(number: int) -> Colour:
    """The bits of a number dealt out to red, green and blue in turn, the lowest weighing most.

    As the masks of Pascal VOC are coloured; Everingham et al. 2010.
    """
    red = green = blue = 0
    for place in range(7, -1, -1):
        red |= (number & 1) << place
        green |= (number >> 1 & 1) << place
        blue |= (number >> 2 & 1) << place
        number >>= 3
    return red, green, blue


def laid_over(images: Tensor, masks: Tensor, palette: Sequence[Colour], none: int) -> Tensor:
    """Images uint8 [N, 3, H, W], half of their masks' colours; as they are where it is ``none``."""
    table = torch.zeros(256, 3)
    table[: len(palette)] = torch.tensor(palette, dtype=torch.float32)
    over = (images.float() + table[masks.long()].permute(0, 3, 1, 2)) / 2
    return torch.where((masks == none)[:, None], images.float(), over).to(torch.uint8)
