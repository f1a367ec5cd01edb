"""Lens distortion, which torchvision's transforms v2 lack."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision import tv_tensors
from torchvision.transforms import v2

from archlang.train.data import IGNORE


class LensDistortion(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Barrel and pincushion: what is seen at radius r comes from r (1 + k r²).

    k is drawn from -strength … strength for every image; r is 1 in the corners. Wu et al.
    2015, Deep Image. Images uint8 [C, H, W] are read bilinearly, black from outside; masks
    [H, W] take the nearest pixel.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The k of one image."""
        return {"k": (2 * float(torch.rand(())) - 1) * self.strength}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image or the mask as the lens shows it; other things stay."""
        if isinstance(inpt, tv_tensors.Image):
            seen = distorted(inpt.as_subclass(Tensor), params["k"], "bilinear", 0)
        elif isinstance(inpt, tv_tensors.Mask):
            seen = distorted(inpt.as_subclass(Tensor)[None], params["k"], "nearest", IGNORE)[0]
        else:
            return inpt
        return tv_tensors.wrap(seen, like=inpt)


def distorted(image: Tensor, k: float, mode: str, fill: int) -> Tensor:
    """An image uint8 [C, H, W] with each pixel from r (1 + k r²), ``fill`` from outside."""
    _, height, width = image.shape
    y = (2 * torch.arange(height) + 1) / height - 1
    x = (2 * torch.arange(width) + 1) / width - 1
    # The two sides share r² evenly, whatever the shape of the image: 1 in the corners.
    factor = 1 + k * (y[:, None] ** 2 + x**2) / 2
    grid = torch.stack((x * factor, y[:, None] * factor), -1)[None]
    # Shifted by the filling, for grid_sample knows no other than 0.
    pixels = image[None].float() - fill
    seen = F.grid_sample(pixels, grid, mode=mode, padding_mode="zeros", align_corners=False)
    return (seen[0] + fill).round().clamp(0, 255).to(torch.uint8)
