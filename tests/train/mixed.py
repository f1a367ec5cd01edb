"""A network that tells a class for the image and one for each pixel, and data for it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from archlang.train import Data
from tests.train import outputs

SPEC = """
model mixed {
    input image: [1, 12, 16]
    body = conv(3x3, 8) -> groupnorm(2) -> relu
    kind = body -> flatten -> linear(2)
    where = body -> conv(3x3, 3)
    output kind, where
}
"""
KINDS, PLACES = ("high", "low"), ("0", "1", "2")
CLASSES = {"kind": KINDS, "where": PLACES}
RECIPE: dict[str, Any] = {**outputs.RECIPE, "epochs": 12}


def part(count: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """A bright bar, high or low, whose left half is one class and whose right half another.

    The first row of a mask has no class.
    """
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 90, (count, 1, 12, 16), generator=random)
    kind = torch.randint(0, 2, (count,), generator=random)
    masks = torch.zeros(count, 12, 16, dtype=torch.uint8)
    for image, mask, low in zip(images, masks, kind.tolist(), strict=True):
        top = 6 * low + int(torch.randint(1, 3, (), generator=random))
        left = int(torch.randint(0, 8, (), generator=random))
        image[:, top : top + 4, left : left + 4] += 90
        image[:, top : top + 4, left + 4 : left + 8] += 160
        mask[top : top + 4, left : left + 4] = 1
        mask[top : top + 4, left + 4 : left + 8] = 2
    masks[:, 0] = 255
    return images.byte(), {"kind": kind, "where": masks}


def mixed(train: int = 49, test: int = 20) -> Data:
    """In memory."""
    return Data.held("mixed", CLASSES, part(train, 0), part(test, 1))


def written(root: Path, train: int = 49, test: int = 20) -> Path:
    """The same as a table of files."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "mixed.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["where", "path", "kind", "split"])
        for use, (images, targets) in (("train", part(train, 0)), ("test", part(test, 1))):
            for i, image in enumerate(images):
                names = [f"{use}-mask-{i}.png", f"{use}-{i}.png"]
                for name, array in zip(names, (targets["where"][i], image[0]), strict=True):
                    Image.fromarray(array.numpy()).save(root / name)
                table.writerow([*names, KINDS[int(targets["kind"][i])], use])
    return root / "mixed.csv"
