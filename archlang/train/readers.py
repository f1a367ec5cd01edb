"""The data sets that come by name: each a function from a path to ``Data``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archlang.train.data import Data, reader
from archlang.train.errors import UsageError
from archlang.train.idx import read_idx

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


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices to learn from and to test with, the test having ``share`` of every class."""
    # RandomState is the one generator whose numbers are promised never to change.
    random = np.random.RandomState(seed)
    learn: list[Tensor] = []
    test: list[Tensor] = []
    for label in sorted(set(labels.tolist())):
        members = torch.nonzero(labels == label).flatten()
        members = members[torch.from_numpy(random.permutation(len(members)))]
        cut = round(share * len(members))
        test.append(members[:cut])
        learn.append(members[cut:])
    return torch.cat(learn).sort().values, torch.cat(test).sort().values


@reader("digits", takes_path=False)
def digits(path: Path | None) -> Data:
    """scikit-learn's handwritten digits: 1,797 of 8x8 in 17 greys, a fifth kept for the test."""
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
    return Data(
        "digits",
        images[learn],
        labels[learn],
        images[test],
        labels[test],
        _DIGITS,
        # So few images are learned by heart unless no two epochs show the same ones.
        suggests={"epochs": 20, "shift": 0.07},
    )


@reader("mnist", takes_path=True)
def mnist(path: Path | None) -> Data:
    """MNIST, LeCun et al. 1998: 60,000 + 10,000 of 28x28, from the four IDX files in a folder."""
    if path is None:
        raise UsageError(
            "`mnist` is read from files, and no folder is given",
            "put its four IDX files into a folder and write `--data mnist:FOLDER`",
        )
    return _idx_folder("mnist", path, _DIGITS)


@reader("fashion-mnist", takes_path=True)
def fashion_mnist(path: Path | None) -> Data:
    """Fashion-MNIST, Xiao et al. 2017: 60,000 + 10,000 of 28x28; without a path, Debian's."""
    if path is None and not _DEBIAN_FASHION.is_dir():
        raise UsageError(
            f"`fashion-mnist` is not installed: there is no {_DEBIAN_FASHION}",
            "apt install dataset-fashion-mnist, or put its four IDX files into a folder "
            "and write `--data fashion-mnist:FOLDER`",
        )
    return _idx_folder("fashion-mnist", path or _DEBIAN_FASHION, _FASHION)


def _idx_folder(name: str, folder: Path, classes: tuple[str, ...]) -> Data:
    """A data set from the four files of MNIST's layout."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}", f"`--data {name}:FOLDER` wants its four IDX files")

    def images(stem: str) -> Tensor:
        return read_idx(_idx_file(folder, f"{stem}-images", 3), 3)[:, None]

    def labels(stem: str) -> Tensor:
        return read_idx(_idx_file(folder, f"{stem}-labels", 1), 1).long()

    return Data(name, images("train"), labels("train"), images("t10k"), labels("t10k"), classes)


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
