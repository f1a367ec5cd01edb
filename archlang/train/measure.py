"""What is measured on all images: sums of whole numbers, so exact for any number of workers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from archlang.train.data import Samples
from archlang.train.workers import Tell, done

_HELD, _FILES = 1024, 16
_LEAST = 1e-6
Some = Callable[[Samples, range], Tensor]
"""Sums over some of the samples, int64 of one shape."""


def total(samples: Samples, some: Some, workers: int = 0, tell: Tell | None = None) -> Tensor:
    """The sum of ``some`` over all samples, by so many processes where they lie in files.

    ``some`` can be pickled. Raises ``TrainError`` where a file cannot be decoded.
    """
    held = samples.tensors(workers, tell) is not None
    size, processes = (_HELD, 0) if held else (_FILES, workers)
    count = len(samples)
    piece = partial(_piece, samples, some, size)
    whole: Tensor | None = None
    for number, sums in enumerate(done(piece, -(-count // size), processes), start=1):
        whole = sums if whole is None else whole + sums
        if tell is not None and not held:
            tell(min(number * size, count), count)
    assert whole is not None
    return whole


def _piece(samples: Samples, some: Some, size: int, number: int) -> Tensor:
    return some(samples, range(number * size, min((number + 1) * size, len(samples)))).cpu()


def images_of(samples: Samples, numbers: range) -> list[Tensor]:
    """Images uint8 [n, C, h, w], as many at once as have one size and are at hand."""
    held = samples.tensors()
    if held is not None:
        return [held[0][numbers.start : numbers.stop]]
    return [samples[i][0][None] for i in numbers]


def value_counts(samples: Samples, workers: int = 0, tell: Tell | None = None) -> Tensor:
    """How many pixels have each of the 256 values: int64 [C, 256]."""
    return total(samples, _values, workers, tell)


def _values(samples: Samples, numbers: range) -> Tensor:
    counts = torch.zeros(samples.channels, 256, dtype=torch.int64)
    for images in images_of(samples, numbers):
        for channel, pixels in enumerate(images.unbind(1)):
            counts[channel] += torch.bincount(pixels.flatten(), minlength=256).cpu()
    return counts


def mask_counts(samples: Samples, workers: int = 0, tell: Tell | None = None) -> Tensor:
    """How many pixels of the masks have each of the 256 values: int64 [256]."""
    return total(samples, _mask_values, workers, tell)


def _mask_values(samples: Samples, numbers: range) -> Tensor:
    counts = torch.zeros(256, dtype=torch.int64)
    for i in numbers:
        mask = samples[i][1]
        if isinstance(mask, Tensor):
            counts += torch.bincount(mask.flatten(), minlength=256)
    return counts


def moments(counts: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each row of ``value_counts``, with white 1."""
    # Counts of the 256 values are exact and small, whatever the number of images.
    values = torch.arange(256, dtype=torch.float64) / 255
    share = counts.double() / counts.sum(1, keepdim=True).clamp(min=1)
    mean = (share * values).sum(1)
    variance = (share * (values - mean[:, None]) ** 2).sum(1)
    return tuple(mean.tolist()), tuple(variance.sqrt().clamp(min=_LEAST).tolist())


def colour_axes(samples: Samples, workers: int = 0, tell: Tell | None = None) -> Tensor:
    """The principal components of the colours of all pixels, float64 [C, C], white being 1.

    Row k is the k-th eigenvector of the covariance of the channels, the largest first, each as
    long as its eigenvalue is large.
    """
    sums = total(samples, _products, workers, tell)
    count, first, second = int(sums[0, 0]), sums[0, 1:].double(), sums[1:, 1:].double()
    mean = first / max(count, 1)
    covariance = (second / max(count, 1) - mean[:, None] * mean) / 255**2
    values, vectors = torch.linalg.eigh(covariance)
    # An eigenvector may point either way: here its largest part is positive.
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(0)[None]).sign()
    axes: Tensor = vectors * values.clamp(min=0)
    return axes.T.flip(0).contiguous()


def _products(samples: Samples, numbers: range) -> Tensor:
    """How many pixels, their sums [C] and the sums of their products [C, C], in one table."""
    channels = samples.channels
    table = torch.zeros(channels + 1, channels + 1, dtype=torch.int64)
    for images in images_of(samples, numbers):
        for part in torch.split(images, 64):
            # In float64 sums of whole numbers are exact up to 2**53.
            x = part.movedim(1, 0).reshape(channels, -1).double()
            table[0, 0] += x.shape[1]
            table[0, 1:] += x.sum(1).long().cpu()
            table[1:, 1:] += (x @ x.T).long().cpu()
    return table
