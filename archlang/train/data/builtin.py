"""Data sets that come by name: digits, and those in MNIST's files."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archlang.train.data.dataset import Data
from archlang.train.data.idx import read_idx
from archlang.train.data.registry import Asked, reader
from archlang.train.data.split import stratified_split
from archlang.train.errors import UsageError

_DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")
_FASHION = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_DIGITS = tuple("0123456789")


@reader("digits", here=lambda: find_spec("sklearn") is not None)
def digits(asked: Asked) -> Data:
    """scikit-learn's handwritten digits: 1,797 of 8x8, a fifth for the test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError(
            "the data set `digits` comes with scikit-learn, which is not installed",
            "pip install 'archlang[torch]'",
        ) from None
    bunch = load_digits()
    images = torch.from_numpy(np.rint(bunch.images * (255 / 16)).astype(np.uint8))[:, None]
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    learn, test = stratified_split(labels, 0.2, seed=0)
    return Data.held(
        "digits",
        _DIGITS,
        (images[learn], labels[learn]),
        (images[test], labels[test]),
        # So few images are learned by heart unless no two epochs show the same ones.
        suggests={"epochs": 20, "augment": {"shift": 0.07}},
    )


def fetcher(name: str) -> Callable[[Path], None]:
    """A download of a data set that torchvision has, in its own layout."""

    def fetch(folder: Path) -> None:
        from torchvision import datasets

        made: Any = getattr(datasets, name)
        for train in (True, False):
            made(folder, train=train, download=True)

    return fetch


@reader("mnist", path="FOLDER", download=fetcher("MNIST"))
def mnist(asked: Asked) -> Data:
    """MNIST, LeCun et al. 1998: 60,000 + 10,000 of 28x28, as four IDX files."""
    if asked.path is None:
        raise UsageError(
            "`mnist` is read from files, and no folder is given",
            "put its four IDX files into a folder and write `--data mnist:FOLDER`",
        )
    return _idx_folder("mnist", asked.path, "MNIST", _DIGITS)


@reader(
    "fashion-mnist",
    path="[FOLDER]",
    here=lambda: _DEBIAN_FASHION.is_dir(),
    download=fetcher("FashionMNIST"),
)
def fashion_mnist(asked: Asked) -> Data:
    """Fashion-MNIST, Xiao et al. 2017: 60,000 + 10,000 of 28x28; Debian's."""
    if asked.path is None and not _DEBIAN_FASHION.is_dir():
        raise UsageError(
            f"`fashion-mnist` is not installed: there is no {_DEBIAN_FASHION}",
            "apt install dataset-fashion-mnist, or put its four IDX files into a folder "
            "and write `--data fashion-mnist:FOLDER`",
        )
    return _idx_folder("fashion-mnist", asked.path or _DEBIAN_FASHION, "FashionMNIST", _FASHION)


def _idx_folder(name: str, folder: Path, torchvision: str, classes: tuple[str, ...]) -> Data:
    """A data set from the four files of MNIST's layout, or from where torchvision puts them."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}", f"`--data {name}:FOLDER` wants its four IDX files")
    if (folder / torchvision / "raw").is_dir():
        folder = folder / torchvision / "raw"

    def part(stem: str) -> tuple[Tensor, Tensor]:
        images = read_idx(_idx_file(folder, f"{stem}-images", 3), 3)[:, None]
        return images, read_idx(_idx_file(folder, f"{stem}-labels", 1), 1).long()

    return Data.held(name, classes, part("train"), part("t10k"))


def _idx_file(folder: Path, stem: str, axes: int) -> Path:
    """The file under any of the names it is handed round by."""
    names = [f"{stem}{dot}idx{axes}-ubyte{end}" for dot in "-." for end in (".gz", "")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"{folder} has no {names[1]}[.gz]",
        "the folder wants train-images, train-labels, t10k-images and t10k-labels",
    )
