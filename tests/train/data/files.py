"""Small images in files, as data sets have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def picture(
    path: Path, *, size: tuple[int, int] = (6, 5), mode: str = "RGB", seed: int = 0
) -> Path:
    """A random image of a height and a width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = size if channels == 1 else (*size, channels)
    pixels = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return path


def classes(
    root: Path, names: Sequence[str] = ("cat", "dog"), count: int = 10, **options: object
) -> Path:
    """A folder for each class."""
    for i, name in enumerate(names):
        for n in range(count):
            picture(root / name / f"{n}.png", seed=100 * i + n, **options)  # type: ignore[arg-type]
    return root


def mask(path: Path, values: Sequence[Sequence[int]] | np.ndarray) -> Path:
    """A mask with these classes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, np.uint8)).save(path)
    return path


def pairs(root: Path, count: int = 5, highest: int = 2, size: tuple[int, int] = (6, 5)) -> Path:
    """images/ beside masks/."""
    for n in range(count):
        picture(root / "images" / f"{n}.png", size=size, mode="L", seed=n)
        values = np.random.RandomState(n).randint(0, highest + 1, size)
        values[0, 0] = highest
        mask(root / "masks" / f"{n}.png", values)
    return root
