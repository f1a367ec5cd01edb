"""Samples in files: what they have in common, found out before anything is learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from archlang.train.data.images import (
    ARRAY,
    EXTENSIONS,
    Header,
    is_image,
    read_header,
    read_mask,
)
from archlang.train.data.samples import IGNORE, FileSamples, MaskFiles
from archlang.train.errors import TrainError, UsageError

_JUNK = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Listed:
    """A list of image files with their labels int64 [N], or with the files of their masks.

    Several lists of masks are those of several outputs.
    """

    paths: Sequence[Path]
    targets: Tensor | tuple[MaskFiles, ...]


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, by name, but for hidden files and what file managers leave."""
    return sorted(
        p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in _JUNK
    )


def images_in(folder: Path) -> list[Path]:
    """All images in a folder and those in it, by name; raises ``TrainError`` for other files."""
    found: list[Path] = []
    for path in visible(folder):
        if path.is_dir():
            found += images_in(path)
        elif is_image(path):
            found.append(path)
        else:
            raise TrainError(
                f"{path} is not an image",
                f"take it out; images end in {', '.join((*EXTENSIONS, ARRAY))}",
                exit_code=2,
            )
    return found


def samples_of(parts: Sequence[Listed], *, verify: bool) -> list[FileSamples]:
    """Samples that share their number of channels: colour, where any image has it.

    With ``verify``, every header is read; without, one size is not relied on and the first
    image stands for all. Raises ``TrainError`` naming the file.
    """
    headers = [_headers(part.paths, verify) for part in parts]
    channels = _channels(
        (path, header)
        for part, known in zip(parts, headers, strict=True)
        for path, header in zip(part.paths, known, strict=False)
    )
    made: list[FileSamples] = []
    for part, known in zip(parts, headers, strict=True):
        sizes = [header.size for header in known] if verify else []
        made.append(FileSamples(part.paths, part.targets, channels, sizes))
    return made


def _headers(paths: Sequence[Path], verify: bool) -> list[Header]:
    return [read_header(path) for path in islice(paths, None if verify else 1)]


def _channels(found: Iterable[tuple[Path, Header]]) -> int:
    """One number for all: 3 where some are grey and some in colour."""
    first: dict[int, Path] = {}
    for path, header in found:
        first.setdefault(header.channels, path)
    if set(first) == {1, 3}:
        return 3
    if len(first) > 1:
        (one, a), (two, b) = list(first.items())[:2]
        raise TrainError(
            f"{a} has {one} channels, and {b} has {two}",
            "images of one data set have as many channels each",
        )
    return next(iter(first))


@dataclass(frozen=True)
class Masks:
    """What masks hold: the names of their classes, and whether 255 stands for class 1."""

    classes: tuple[str, ...]
    binary: bool


def look_at_masks(parts: Sequence[FileSamples], classes: tuple[str, ...], number: int = 0) -> Masks:
    """What the masks of ``parts``, training first, hold at every pixel; raises ``TrainError``.

    Where images have several, these are those of one ``number``.

    ``classes`` may be () where nothing names them: then they are counted, and named by number.
    Training masks of nothing but 0 and 255 are binary: there 255 is no ``IGNORE``.
    """
    held = [
        [(path, _values(path, samples, i)) for i, path in enumerate(_masks(samples, number))]
        for samples in parts
    ]
    learned = set().union(*(values for _, values in held[0]))
    binary = learned == {0, IGNORE} and len(classes) in (0, 2)
    for path, values in (pair for part in held for pair in part):
        if binary and not values <= {0, IGNORE}:
            raise TrainError(
                f"{path} has the value {max(values - {0, IGNORE})}, "
                "but the masks to train with have 0 and 255 alone",
                "write the classes of all masks in one way: 0 and 255, or 0, 1, 2, …",
            )
        highest = max(values - {IGNORE}, default=0)
        if classes and not binary and highest >= len(classes):
            raise TrainError(
                f"{path} has class {highest}, but there are {len(classes)} classes",
                f"they count from 0 to {len(classes) - 1}; {IGNORE} is for none of them",
            )
    count = (
        2
        if binary
        else 1
        + max((v for part in held for _, values in part for v in values if v != IGNORE), default=0)
    )
    return Masks(classes or tuple(map(str, range(count))), binary)


def _values(path: Path, samples: FileSamples, index: int) -> set[int]:
    """The values in a mask, which has the size of its image."""
    mask = read_mask(path)
    if samples.sizes and tuple(mask.shape) != samples.sizes[index]:
        raise TrainError(
            f"{path} has {_by(tuple(mask.shape))} pixels, but its image "
            f"{samples.name(index)} has {_by(samples.sizes[index])}",
            "a mask has the class of each pixel of its image: make both of one size",
        )
    return set(torch.nonzero(torch.bincount(mask.flatten())).flatten().tolist())


def _masks(samples: FileSamples, number: int) -> Sequence[Path]:
    return [] if isinstance(samples.targets, Tensor) else samples.targets[number].paths


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def need_folder(path: Path | None, spec: str) -> Path:
    """The folder of a spec; raises ``UsageError`` where there is none."""
    if path is None:
        raise UsageError("no folder is given", f"write `--data {spec}`")
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise UsageError(f"{path} {what}", f"write `--data {spec}`")
    return path
