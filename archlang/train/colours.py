"""PCA colour noise: images moved along the principal components of all colours."""

from __future__ import annotations

import torch
from torch import Tensor

from archlang.train.augment import Augment
from archlang.train.draws import seed_of, uniform


def recoloured(
    augment: Augment,
    images: Tensor,
    samples: Tensor,
    axes: Tensor | None,
    *,
    seed: int,
    epoch: int,
) -> Tensor:
    """Images uint8 [N, C, H, W], each moved along the rows of ``axes`` [C, C].

    ``samples`` int64 [N] are their numbers in the data set, and with ``seed`` and ``epoch``
    all that the draws depend on. Krizhevsky et al. 2012.
    """
    if not augment.pca_noise or axes is None:
        return images
    draws = normal(uniform(seed_of("pca_noise", seed, epoch), samples, len(axes)))
    by = (augment.pca_noise * draws @ axes * 255).float().to(images.device)
    moved = images.float() + by[:, :, None, None]
    return moved.round_().clamp_(0, 255).to(torch.uint8)


def normal(draws: Tensor) -> Tensor:
    """Numbers of a normal distribution from those drawn evenly from 0 to 1."""
    found: Tensor = torch.special.ndtri(draws.clamp(min=2.0**-54))
    return found
