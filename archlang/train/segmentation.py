"""Segmentation: images in, masks out; the class of each pixel, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.data import IGNORE
from archlang.train.data.maps import Middle, middles
from archlang.train.device import fitting, random_kept
from archlang.train.errors import UsageError
from archlang.train.given import Batch, Images, decoded, first_of, read
from archlang.train.heap import heap_kept
from archlang.train.inference import Draws, check_finite
from archlang.train.palette import NOWHERE, Colour, laid_over
from archlang.train.prepare import Preparation
from archlang.train.saved import Run, Trained
from archlang.train.uncertainty import entropy


@dataclass(frozen=True)
class Segmented:
    """What an image of h by w pixels shows, pixel by pixel, as the mean of ``draws``.

    ``image`` is uint8 [c, h, w]; ``mask`` uint8 [h, w] holds the number of each pixel's class,
    and ``IGNORE`` where the network saw nothing. ``entropy`` and ``mutual_information``,
    float32 [h, w] in nats, are those of ``Spread``: how uncertain a pixel is, and how far
    the draws are at odds about it; 0 where nothing was seen.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Colour, ...] = field(repr=False)
    image: Tensor = field(repr=False)
    mask: Tensor = field(repr=False)
    entropy: Tensor = field(repr=False)
    mutual_information: Tensor = field(repr=False)
    draws: int = 1
    output: str = "output"
    outputs: tuple[str, ...] = ("output",)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of each class in the pixels that the network saw."""
        counts = torch.bincount(self.mask[self.seen].flatten().long(), minlength=len(self.classes))
        return tuple((counts.double() / counts.sum()).tolist())

    @property
    def seen(self) -> Tensor:
        """Where the network saw something: bool [h, w]."""
        return self.mask != IGNORE

    def mean(self, map_: Tensor) -> float:
        """The mean of ``entropy`` or ``mutual_information`` over the pixels that it saw."""
        return float(map_[self.seen].double().mean())

    def mask_png(self) -> bytes:
        """The mask as a PNG with a palette: its values are classes, so it can be learned from."""
        from PIL import Image

        picture = Image.fromarray(self.mask.numpy()).convert("L")
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        table = [*self.palette, *((0, 0, 0),) * (256 - len(self.palette))][:256]
        if len(self.classes) <= IGNORE:
            table[IGNORE] = NOWHERE
        picture.putpalette([part for colour in table for part in colour])
        return _png(picture)

    def overlay_png(self) -> bytes:
        """The image with the mask's colours over it, as a PNG."""
        from PIL import Image

        rgb = self.image[:3] if len(self.image) > 2 else self.image[:1].expand(3, -1, -1)
        over = laid_over(rgb[None], self.mask[None], self.palette, IGNORE)[0]
        return _png(Image.fromarray(over.permute(1, 2, 0).contiguous().numpy()))

    def map_png(self, map_: Tensor) -> bytes:
        """``entropy`` or ``mutual_information`` as a grey PNG: white is the most, log K nats."""
        from PIL import Image

        white = (map_ * (255 / log(max(len(self.classes), 2)))).round().clamp(0, 255)
        return _png(Image.fromarray(white.to(torch.uint8).numpy()))


def segment(
    run: Run | Sequence[Run],
    images: Images,
    passes: int | None = None,
    *,
    seed: int = 0,
    output: str | None = None,
    device: str = "auto",
    batch_size: int = 8,
) -> Iterator[Segmented]:
    """The mask of each image, by a network that tells a class for each pixel, or by several.

    Probabilities are averaged over all draws, brought to the image's own size, and the most
    probable class is taken. ``passes`` and ``seed`` are those of ``ensemble``; ``output`` is, if
    not given, the first that has masks. An image is yielded as it is done. Raises ``TrainError``,
    at once where it can be known.
    """
    runs = [run] if isinstance(run, Run) else run
    draws = Draws.of(runs, passes, seed=seed, output=output, device=device, pixels=True)
    first = draws.members[0]
    if not first.per_pixel(draws.output):
        raise UsageError(
            f"`{draws.asked}` tells one class for an image, so there are no masks",
            "`archlang predict` names it",
        )
    for other in draws.members[1:]:
        _check_same_size(first, other)
    names, batches = read(images, batch_size, first)
    return _segmented(draws, names, batches, batch_size)


def _check_same_size(one: Trained, other: Trained) -> None:
    """Raise ``UsageError`` where two networks do not see the same pixels."""
    a, b = (
        (m.prepare.shape[1:], m.prepare.fit, m.prepare.fit == "crop" and m.prepare.crop_share)
        for m in (one, other)
    )
    if a != b:
        raise UsageError(
            f"{one.path} sees images at {a[0][0]}x{a[0][1]} ({a[1]}), "
            f"but {other.path} at {b[0][0]}x{b[0][1]} ({b[1]})",
            "masks are averaged pixel by pixel: the networks of an ensemble see the same ones",
        )


def _segmented(
    draws: Draws, names: Sequence[str], batches: Iterator[Batch], batch_size: int
) -> Iterator[Segmented]:
    with heap_kept():  # until the last mask is taken, or no more are wanted
        done = 0
        for number, batch in enumerate(batches):
            yield from _of_batch(draws, batch, number, names[done:], batch_size)
            done += len(first_of(batch))


def _of_batch(
    draws: Draws, batch: Batch, number: int, names: Sequence[str], batch_size: int
) -> Iterator[Segmented]:
    """What the images of a batch show; ``names`` begin with theirs."""
    first = draws.members[0]
    middle = middles(first.network)[draws.output]
    assert middle is not None
    with random_kept(first.device), fitting(batch_size):
        mean, shared = _mean(draws, batch, number, names)
    for i, here in enumerate(first_of(batch)):
        image = here if isinstance(here, Tensor) else decoded(here, first, first.prepare)
        with fitting(1):
            mask, total, at_odds = _placed(mean[i], shared[i], image, first.prepare, middle)
        yield Segmented(
            names[i],
            first.classes_of(draws.output),
            first.palette(draws.output),
            image.cpu(),
            mask,
            total,
            at_odds,
            draws.count,
            draws.output,
            draws.outputs,
        )


def _mean(draws: Draws, batch: Batch, number: int, names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The mean probabilities [n, K, H, W] and the mutual information [n, H, W], float64.

    Draw after draw is added up, for all of them together would be too many.
    """
    mean, own = torch.zeros(()), torch.zeros(())
    for count, p in enumerate(draws.probabilities(batch, number), start=1):
        p = p.cpu()
        check_finite(p[None], names)
        each = entropy(p.movedim(1, -1))
        # From the first draw on, so that equal draws give exactly 0.
        mean = p if count == 1 else mean + (p - mean) / count
        own = each if count == 1 else own + (each - own) / count
    return mean, (entropy(mean.movedim(1, -1)) - own).clamp(min=0)


def _placed(
    mean: Tensor, shared: Tensor, image: Tensor, prepare: Preparation, part: Middle
) -> tuple[Tensor, Tensor, Tensor]:
    """Mask, entropy and mutual information [h, w] at the size of ``image`` [c, h, w]."""
    height, width = image.shape[-2:]
    top, left, h, w = _middle(prepare, (height, width), part)
    there = slice(top, top + h), slice(left, left + w)
    probable, at_odds = _resized(mean, (h, w)), _resized(shared[None], (h, w))[0]
    mask = torch.full((height, width), IGNORE, dtype=torch.uint8)
    total, odds = torch.zeros(height, width), torch.zeros(height, width)
    mask[there] = probable.argmax(0).to(torch.uint8)
    total[there] = entropy(probable.movedim(0, -1)).float()
    odds[there] = at_odds.float()
    return mask, total, odds


def _middle(
    prepare: Preparation, image: tuple[int, int], part: Middle
) -> tuple[int, int, int, int]:
    """What of an image a map tells about: top, left, height and width in it.

    It is the middle of what the network sees, where maps are smaller than its input.
    """
    top, left, h, w = prepare.region(*image)
    places = []
    told = part.height * part.every, part.width * part.every
    for start, seen, side, length in zip((top, left), (h, w), prepare.shape[1:], told, strict=True):
        edge = round(seen * (side - length) / (2 * side))
        places.append((start + edge, max(1, seen - 2 * edge)))
    (top, h), (left, w) = places
    return top, left, h, w


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps [k, H, W] at another size; between pixels bilinear."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    return F.interpolate(maps[None], size, mode="bilinear", antialias=True)[0]


def _png(picture: object) -> bytes:
    from io import BytesIO

    file = BytesIO()
    picture.save(file, "PNG")  # type: ignore[attr-defined]
    return file.getvalue()
