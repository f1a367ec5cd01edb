"""What a part of a batch counts for where pixels without a class are left out of its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from archlang.train.batch import Many, count
from archlang.train.data.samples import ONLY
from archlang.train.distributed import World
from archlang.train.loader import IGNORED


def factors(parts: Sequence[Many], world: World) -> Sequence[Mapping[str, float]]:
    """By what the loss of each output is multiplied in each part, given the targets of the parts.

    A loss is the mean over the pixels that have a class, and parts count by their images: so the
    pixels of a part where few have one would count for more than others. With these all pixels of
    a batch count alike, however it is shared out. Of masks that all outputs learn it is under
    ``ONLY``; what is not there is 1.
    """
    masks = [name for name, y in _named(parts[0]).items() if y.ndim > 2]
    if not masks or (len(parts) == 1 and world.size == 1):
        return [{} for _ in parts]
    found: list[dict[str, float]] = [{} for _ in parts]
    samples = world.total(sum(map(count, parts)))
    for name in masks:
        pixels = [float((_named(part)[name] != IGNORED).sum()) for part in parts]
        mean = world.total(sum(pixels)) / samples
        for part, here, of in zip(parts, pixels, found, strict=True):
            of[name] = here / count(part) / mean if mean else 1.0
    return found


def _named(targets: Many) -> Mapping[str, Tensor]:
    return {ONLY: targets} if isinstance(targets, Tensor) else targets
