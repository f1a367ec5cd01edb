"""Predictions: images in, probabilities of classes out; by one network or by several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from archlang.train.data.files import visible
from archlang.train.data.images import ARRAY, EXTENSIONS, is_image, read_header, read_image
from archlang.train.device import random_kept, seed_everything
from archlang.train.errors import TrainError, UsageError
from archlang.train.saved import Run, Trained, trained
from archlang.train.uncertainty import Spread, dropout_alone, dropping_modules

Images: TypeAlias = Tensor | str | Path | Sequence[str | Path]
"""Uint8 [N, C, h, w], or files and folders of images."""


@dataclass(frozen=True)
class Predictions:
    """What N images show, by ``names``: their files, or numbers.

    ``spread`` has the probabilities of the K ``classes``, and how far the draws agree:
    ``members`` networks, each run ``passes`` times.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    spread: Spread = field(repr=False)
    members: int = 1
    passes: int = 1

    @property
    def probabilities(self) -> Tensor:
        """Float64 [N, K]: the mean over all draws."""
        return self.spread.mean

    @property
    def labels(self) -> tuple[str, ...]:
        """The most probable class of each image, the first of equals."""
        return tuple(best[0][0] for best in self.top(1))

    def top(self, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each image its ``k`` most probable classes with their probabilities."""
        return [
            [(self.classes[i], float(row[i])) for i in ranks]
            for row, ranks in zip(self.probabilities, self.ranks(k).tolist(), strict=True)
        ]

    def ranks(self, k: int) -> Tensor:
        """The indices of the ``k`` most probable classes, int64 [N, min(k, K)]."""
        return self.probabilities.argsort(dim=1, descending=True, stable=True)[:, :k]


def predict(run: Run, images: Images, *, device: str = "auto", batch_size: int = 64) -> Predictions:
    """What ``images`` show, by the network of a run; see ``trained`` for what a run can be.

    Images are brought to the network as in training: grey becomes colour and colour grey as the
    network was trained. Raises ``TrainError``: for what is no run, for a folder without images,
    for a file that cannot be decoded, and for a network that tells classes of pixels.
    """
    return _predicted([trained(run, device=device)], images, 1, False, 0, batch_size)


def mc_dropout(
    run: Run,
    images: Images,
    passes: int = 30,
    *,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 64,
) -> Predictions:
    """The same of ``passes`` passes with dropout turned on, and it alone.

    The probabilities are the mean; ``spread`` has variance, entropy and mutual information.
    The masks follow from ``seed``. Raises ``TrainError`` also where the network drops nothing.
    """
    return ensemble([run], images, passes, seed=seed, device=device, batch_size=batch_size)


def ensemble(
    runs: Sequence[Run],
    images: Images,
    passes: int | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 64,
) -> Predictions:
    """The mean of the probabilities of several networks; ``spread`` says how they disagree.

    Each prepares the images in its own way. With ``passes``, each is run so often with dropout,
    as in ``mc_dropout``. Raises ``TrainError`` also where their classes differ.
    """
    if not runs:
        raise UsageError("an ensemble wants at least one network")
    if passes is not None and passes < 1:
        raise UsageError(f"{passes} passes are none", "30 are usual")
    members = [trained(run, device=device) for run in runs]
    for other in members[1:]:
        _check_same_classes(members[0], other)
    return _predicted(members, images, passes or 1, passes is not None, seed, batch_size)


def _predicted(
    members: Sequence[Trained],
    images: Images,
    passes: int,
    dropping: bool,
    seed: int,
    batch_size: int,
) -> Predictions:
    for member in members:
        _check(member, dropping)
    names, batches = _read(images, batch_size)
    parts: list[Spread] = []
    with random_kept(members[0].device):
        for number, batch in enumerate(batches):
            draws: list[Tensor] = []
            for member in members:
                x = _prepared(member, batch)
                with dropout_alone(member.module) if dropping else nullcontext():
                    for _ in range(passes):
                        seed_everything(member.device, seed, number, len(draws))
                        draws.append(member.logits(x).double().softmax(1).cpu())
            parts.append(_finite(torch.stack(draws), names[sum(len(p.mean) for p in parts) :]))
    return Predictions(names, members[0].classes, Spread.joined(parts), len(members), passes)


def _finite(draws: Tensor, names: Sequence[str]) -> Spread:
    broken = ~draws.isfinite().all(0).all(-1)
    if bool(broken.any()):
        raise TrainError(
            f"the network gives numbers that are not finite for {names[int(broken.nonzero()[0])]}",
            "its weights are broken: take another checkpoint",
        )
    return Spread.of(draws)


def _check(member: Trained, dropping: bool) -> None:
    name = member.network.name
    if member.per_pixel:
        raise UsageError(
            f"`{name}` tells a class for each pixel, and predict names the class of an image",
            "`archlang evaluate` scores it",
        )
    if dropping and not dropping_modules(member.module):
        raise UsageError(
            f"`{name}` has no dropout, so every pass would be the same",
            "train it with `dropout(0.5)` before a linear layer, or leave the passes out",
        )


def _check_same_classes(one: Trained, other: Trained) -> None:
    if one.classes == other.classes:
        return
    if len(one.classes) != len(other.classes):
        what = f"{len(one.classes)} classes, but {other.path} {len(other.classes)}"
        raise UsageError(f"{one.path} tells apart {what}", "an ensemble shares its classes")
    pairs = enumerate(zip(one.classes, other.classes, strict=True))
    i, (a, b) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    raise UsageError(
        f"class {i} is {a} in {one.path}, but {b} in {other.path}", "an ensemble shares its classes"
    )


Batch: TypeAlias = Tensor | list[Path]


def _read(images: Images, size: int) -> tuple[tuple[str, ...], Iterator[Batch]]:
    """The names of all images, and them in batches."""
    if isinstance(images, Tensor):
        if images.dtype != torch.uint8 or images.ndim != 4 or not len(images):
            raise UsageError(
                f"images are uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}"
            )
        return tuple(map(str, range(len(images)))), iter(torch.split(images, size))
    given = [images] if isinstance(images, str | Path) else images
    paths = [found for path in given for found in _files(Path(path).expanduser())]
    if not paths:
        raise UsageError("no image is given")
    for path in paths:
        read_header(path)
    cut = (paths[i : i + size] for i in range(0, len(paths), size))
    return tuple(map(str, paths)), cut


def _files(path: Path) -> list[Path]:
    """The images that a path means: a file, or all in a folder and those in it."""
    if not path.exists():
        raise UsageError(f"there is no file {path}")
    if not path.is_dir():
        return [path]
    found = list(_inside(path))
    if not found:
        raise UsageError(
            f"{path} holds no images", f"images end in {', '.join((*EXTENSIONS, ARRAY))}"
        )
    return found


def _inside(folder: Path) -> Iterator[Path]:
    for path in visible(folder):
        if path.is_dir():
            yield from _inside(path)
        elif is_image(path):
            yield path


def _prepared(member: Trained, batch: Batch) -> Tensor:
    """Float32 [n, *shape] on the member's device, prepared as it was trained."""
    prepare, channels = member.prepare, len(member.prepare.mean)
    if isinstance(batch, Tensor):
        x = batch
        if x.shape[1] == 1 and channels == 3:
            x = x.expand(-1, 3, -1, -1)
        if x.shape[1] != channels:
            raise UsageError(
                f"the images have {x.shape[1]} channels, but `{member.network.name}` was trained "
                f"on images of {channels}"
            )
        x = prepare.sized(x.cpu())
    else:
        x = torch.cat([prepare.sized(_decoded(path, member)[None]) for path in batch])
    return prepare.normalised(x.to(member.device))


def _decoded(path: Path, member: Trained) -> Tensor:
    channels = len(member.prepare.mean)
    found = read_header(path).channels
    if found != channels and {found, channels} != {1, 3}:
        raise TrainError(
            f"{path} has {found} channels, but `{member.network.name}` was trained on images "
            f"of {channels}",
            "convert it",
        )
    return read_image(path, channels)
