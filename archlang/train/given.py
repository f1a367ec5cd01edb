"""Images that a trained network is given: found, paired where it takes several, and prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from archlang.spelling import nearest
from archlang.train.batch import Many
from archlang.train.data.files import visible
from archlang.train.data.images import ARRAY, EXTENSIONS, is_image, read_header, read_image, shown
from archlang.train.data.table import paths_in
from archlang.train.errors import TrainError, UsageError
from archlang.train.prepare import Preparation
from archlang.train.saved import Trained

OfOne: TypeAlias = Tensor | str | Path | Sequence[str | Path]
Images: TypeAlias = OfOne | Mapping[str, OfOne]
"""Uint8 [N, C, h, w], or files and folders of images, or a table of them (.csv).

Of several inputs by their names: files go together in their order, what is in folders by name.
"""
Some: TypeAlias = Tensor | list[Path]
Batch: TypeAlias = Mapping[str, Some]
"""Images of each input, by its name."""


def read(images: Images, size: int, network: Trained) -> tuple[tuple[str, ...], Iterator[Batch]]:
    """The names of all samples, and their images in batches; raises ``UsageError``."""
    inputs = tuple(network.prepares)
    whole = _whole(images, inputs, network.network.name)
    counts = {name: len(some) for name, some in whole.items()}
    if len(set(counts.values())) > 1:
        (one, a), (two, b) = sorted(counts.items(), key=lambda pair: pair[1])[:: len(counts) - 1]
        raise UsageError(
            f"`{one}` is given {a:,} image{'s' if a > 1 else ''}, and `{two}` {b:,}",
            "each sample has one for every input",
        )
    for some in whole.values():
        if not isinstance(some, Tensor):
            for path in some:
                read_header(path)
    count = next(iter(counts.values()))
    names = tuple(" + ".join(_name(some, i) for some in whole.values()) for i in range(count))
    if all(isinstance(some, Tensor) for some in whole.values()):
        names = tuple(map(str, range(count)))
    cut = (
        {name: some[at : at + size] for name, some in whole.items()} for at in range(0, count, size)
    )
    return names, cut


def _name(some: Some, index: int) -> str:
    return str(index) if isinstance(some, Tensor) else shown(some[index])


def files_of(images: Images, network: Trained) -> list[tuple[Path, Path]]:
    """The files of the first input, each behind the folder in which it was found."""
    first = next(iter(network.prepares))
    if isinstance(images, Mapping):
        images = images[first]
    if isinstance(images, str | Path) and Path(images).suffix.lower() == ".csv":
        file = Path(images).expanduser()
        return [(path.parent, path) for path in paths_in(file, tuple(network.prepares))[first]]
    return [] if isinstance(images, Tensor) else listed(images)


def first_of(batch: Batch) -> Some:
    """The images of the first input."""
    return next(iter(batch.values()))


def _whole(images: Images, inputs: tuple[str, ...], network: str) -> dict[str, Some]:
    """All images of each input."""
    if isinstance(images, str | Path) and Path(images).suffix.lower() == ".csv":
        return {**paths_in(Path(images).expanduser(), inputs)}
    if not isinstance(images, Mapping):
        if len(inputs) > 1:
            raise _wants(network, inputs)
        return {inputs[0]: _of_one(images)}
    for name in images:
        if name not in inputs:
            guess = nearest(name, list(inputs))
            raise UsageError(
                f"`{network}` has no input `{name}`",
                f"did you mean `{guess}`?" if guess else f"it has {', '.join(inputs)}",
            )
    if missing := [name for name in inputs if name not in images]:
        raise UsageError(f"there is no image for `{missing[0]}`", _how(inputs))
    given = {name: images[name] for name in inputs}
    if any(_has_folder(one) for one in given.values()):
        return {**_paired(given)}
    return {name: _of_one(one) for name, one in given.items()}


def _wants(network: str, inputs: tuple[str, ...]) -> UsageError:
    return UsageError(
        f"`{network}` takes {len(inputs)} images for each sample: {', '.join(inputs)}",
        _how(inputs),
    )


def _how(inputs: tuple[str, ...]) -> str:
    each = " ".join(f"{name}=FILE" for name in inputs)
    return f"write {each}, or folders, or a table (.csv) with these columns"


def named(arguments: Sequence[str | Path], inputs: tuple[str, ...], network: str) -> Images:
    """Images as a command line has them: of several inputs as NAME=PATH, or a table."""
    texts = [str(argument) for argument in arguments]
    if len(texts) == 1 and texts[0].lower().endswith(".csv"):
        return texts[0]
    if len(inputs) == 1:
        return texts
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals:
            raise _wants(network, inputs)
        found.setdefault(name, []).append(path)
    return found


def _of_one(images: OfOne) -> Some:
    """All images of one input."""
    if isinstance(images, Tensor):
        if images.dtype != torch.uint8 or images.ndim != 4 or not len(images):
            raise UsageError(
                f"images are uint8 [N, C, H, W], not {images.dtype} {list(images.shape)}"
            )
        return images
    paths = [path for _, path in listed(images)]
    if not paths:
        raise UsageError("no image is given")
    return paths


def _has_folder(images: OfOne) -> bool:
    if isinstance(images, Tensor):
        return False
    given = [images] if isinstance(images, str | Path) else images
    return any(Path(path).expanduser().is_dir() for path in given)


def _paired(images: Mapping[str, OfOne]) -> dict[str, list[Path]]:
    """What lies in the folders of several inputs under the same name, but for its end."""
    found: dict[str, dict[Path, Path]] = {}
    for name, one in images.items():
        if isinstance(one, Tensor):
            raise UsageError(f"the images of `{name}` are no files", "the others lie in folders")
        found[name] = {}
        for root, path in listed(one):
            stem = path.relative_to(root).with_suffix("")
            if stem in found[name]:
                raise UsageError(
                    f"{found[name][stem]} and {path} have the same name",
                    "images that go together are told by it: rename one",
                )
            found[name][stem] = path
    stems = list(next(iter(found.values())))
    for name, there in found.items():
        for other, here in found.items():
            if missing := [stem for stem in here if stem not in there]:
                raise UsageError(
                    f"{here[missing[0]]} for `{other}` has no counterpart for `{name}`",
                    "images that go together have the same name in the folder of each input",
                )
    return {name: [there[stem] for stem in stems] for name, there in found.items()}


def listed(images: str | Path | Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """All image files that are meant, each behind the folder in which it was found."""
    given = [images] if isinstance(images, str | Path) else images
    roots = [Path(path).expanduser() for path in given]
    return [
        (root if root.is_dir() else root.parent, found) for root in roots for found in _files(root)
    ]


def _files(path: Path) -> list[Path]:
    """The images that a path means: a file, or all in a folder and those in it."""
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        guess = nearest(path.name, beside)
        hint = (
            f"did you mean {path.parent / guess}?" if guess else "give images, or folders of them"
        )
        raise UsageError(f"there is no file {path}", hint)
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


def prepared(member: Trained, batch: Batch) -> Many:
    """Float32 [n, *shape] on the member's device, prepared as it was trained; or several."""
    images = {
        name: _prepared(member, prepare, batch[name] if name in batch else first_of(batch))
        for name, prepare in member.prepares.items()
    }
    return next(iter(images.values())) if len(images) == 1 else images


def _prepared(member: Trained, prepare: Preparation, some: Some) -> Tensor:
    """The images of one input."""
    channels = len(prepare.mean)
    if isinstance(some, Tensor):
        x = some
        if x.shape[1] == 1 and channels == 3:
            x = x.expand(-1, 3, -1, -1)
        if x.shape[1] != channels:
            raise UsageError(
                f"the images have {x.shape[1]} channels, but `{member.network.name}` was trained "
                f"on images of {channels}"
            )
        x = prepare.sized(x.cpu())
    else:
        x = torch.cat([prepare.sized(decoded(path, member, prepare)[None]) for path in some])
    return prepare.normalised(x.to(member.device))


def decoded(path: Path, member: Trained, prepare: Preparation) -> Tensor:
    """An image in the channels that the member was trained on, uint8 [c, h, w]."""
    channels = len(prepare.mean)
    found = read_header(path).channels
    if found != channels and {found, channels} != {1, 3}:
        raise TrainError(
            f"{path} has {found} channels, but `{member.network.name}` was trained on images "
            f"of {channels}",
            "convert it",
        )
    return read_image(path, channels)
