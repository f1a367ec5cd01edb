"""Folders of images: a folder for each class, or images beside their masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archlang.train.data.columns import Beside
from archlang.train.data.dataset import Data
from archlang.train.data.files import (
    Listed,
    Masks,
    images_in,
    look_at_masks,
    need_folder,
    samples_of,
    visible,
)
from archlang.train.data.images import read_palette, shown
from archlang.train.data.registry import Asked, reader
from archlang.train.data.samples import FileSamples, MaskFiles, Samples
from archlang.train.data.split import split
from archlang.train.errors import TrainError, UsageError
from archlang.train.palette import Colour

_TRAIN, _VALID, _TEST = "train", ("val", "valid", "validation"), "test"
_IMAGES, _NAMES = "images", "classes.txt"


@reader("folder", path="FOLDER")
def folder(asked: Asked) -> Data:
    """Images in a folder for each class, or in images/ beside masks/."""
    root = need_folder(asked.path, "folder:FOLDER")
    parts = _parts(root)
    inputs = _inputs(parts, asked)
    first = inputs[0] if inputs else _IMAGES
    masked = [name for name, part in parts.items() if _has_masks(part, first)]
    if masked and len(masked) < len(parts):
        other = next(part for name, part in parts.items() if name not in masked)
        raise UsageError(f"{other} has no {first}/ and masks/, which {parts[masked[0]]} has")
    if masked:
        return _segmentation(root, parts, asked, inputs)
    return _classification(root, parts, asked, inputs)


def _inputs(parts: Mapping[str, Path], asked: Asked) -> tuple[str, ...]:
    """The network's several inputs, where each has a folder; () where images are of one."""
    if len(asked.inputs) < 2:
        return ()
    train = parts["train"]
    there = [name for name in asked.inputs if (train / name).is_dir()]
    for part in parts.values() if there else ():
        if missing := [name for name in asked.inputs if not (part / name).is_dir()]:
            raise UsageError(
                f"{part} has no folder {missing[0]}",
                f"the network's inputs are {', '.join(asked.inputs)}: each wants a folder of its "
                "name",
            )
    return asked.inputs if there else ()


def _others(
    parts: Mapping[str, Path], listed: Mapping[str, Listed], inputs: tuple[str, ...]
) -> Beside | None:
    """The images of the inputs after the first, under the same names in their own folders."""
    if not inputs:
        return None
    first, *others = inputs
    images: dict[str, dict[str, list[Path]]] = {name: {} for name in others}
    for name in others:
        for part, home in parts.items():
            here = {_stem(path, home / first): path for path in listed[part].paths}
            there = _by_stem(home / name)
            _check_pairs(here, there, home / first, home / name)
            images[name][part] = [there[stem] for stem in here]
    return Beside(first, images)


def _parts(root: Path) -> dict[str, Path]:
    """The folders to train, choose and test with; a lone one where it is to be split.

    Where one stands beside train/, it is the test, whatever its name.
    """
    train = root / _TRAIN
    if not train.is_dir():
        return {"train": root}
    valid = next((root / name for name in _VALID if (root / name).is_dir()), None)
    test = root / _TEST if (root / _TEST).is_dir() else None
    found = {"train": train, "valid": valid if test else None, "test": test or valid}
    return {name: path for name, path in found.items() if path}


def _has_masks(part: Path, first: str) -> bool:
    return (part / first).is_dir() and (part / "masks").is_dir()


def _classification(
    root: Path, parts: Mapping[str, Path], asked: Asked, inputs: tuple[str, ...]
) -> Data:
    homes = {name: part / inputs[0] if inputs else part for name, part in parts.items()}
    classes = _class_folders(homes["train"])
    for part in homes.values():
        _check_same(homes["train"], classes, part)
    if len(classes) == 1:
        raise TrainError(
            f"{homes['train']} has one class, {classes[0]}", "a classifier tells at least two apart"
        )
    listed = {name: _labelled(part, classes) for name, part in homes.items()}
    names = tuple(shown(name) for name in classes)
    beside = _others(parts, listed, inputs)
    return assembled(shown(root.resolve().name), names, listed, asked, beside)


def _class_folders(part: Path) -> list[str]:
    if strays := [p for p in visible(part) if not p.is_dir()]:
        raise UsageError(
            f"{strays[0]} lies beside the folders of the classes",
            "each class is a folder of images; take other files out",
        )
    names = [p.name for p in visible(part)]
    if not names:
        raise UsageError(
            f"{part} is empty", "it wants a folder of images for each class, or images/ and masks/"
        )
    lower = [name.lower() for name in names]
    for i, name in enumerate(lower):
        if name in lower[:i]:
            twin = names[lower.index(name)]
            raise TrainError(
                f"{part} has the classes {twin} and {names[i]}: the same name twice",
                "put their images into one folder, or rename one",
            )
    return names


def _check_same(train: Path, classes: list[str], part: Path) -> None:
    found = _class_folders(part)
    for here, missing in ((part, set(classes) - set(found)), (train, set(found) - set(classes))):
        if missing:
            other = train if here is part else part
            raise TrainError(
                f"{here} has no folder {min(missing)}, which {other} has",
                "the classes of both are the same",
            )


def _labelled(part: Path, classes: list[str]) -> Listed:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = images_in(part / name)
        if not found:
            raise UsageError(f"{part / name} holds no images", "fill it, or take it out everywhere")
        paths += found
        labels += [label] * len(found)
    return Listed(paths, torch.tensor(labels))


def _segmentation(
    root: Path, parts: Mapping[str, Path], asked: Asked, inputs: tuple[str, ...]
) -> Data:
    named = root / _NAMES
    classes: tuple[str, ...] = ()
    if named.is_file():
        classes = tuple(line.strip() for line in named.read_text("utf-8").splitlines() if line)
        if len(set(classes)) != len(classes):
            raise TrainError(f"{named} names a class twice", "name each class once, one a line")
    listed = {name: _paired(part, inputs[0] if inputs else _IMAGES) for name, part in parts.items()}
    beside = _others(parts, listed, inputs)
    return assembled(shown(root.resolve().name), classes, listed, asked, beside)


def _paired(part: Path, first: str) -> Listed:
    """Images and masks that have the same name, but for its end."""
    images, masks = (_by_stem(part / name) for name in (first, "masks"))
    if not images:
        raise UsageError(f"{part / first} holds no images")
    _check_pairs(images, masks, part / first, part / "masks")
    return Listed([images[stem] for stem in images], (MaskFiles([masks[stem] for stem in images]),))


def _check_pairs(
    images: Mapping[str, Path], others: Mapping[str, Path], home: Path, beside: Path
) -> None:
    """Raise ``TrainError`` unless two folders hold the same names, but for their end."""
    what = "an image and its mask have" if beside.name == "masks" else "images of one sample have"
    for here, there, folder in ((images, others, beside), (others, images, home)):
        if missing := sorted(set(here) - set(there)):
            raise TrainError(
                f"{here[missing[0]]} has no counterpart in {folder}", f"{what} the same name"
            )


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in images_in(folder):
        stem = _stem(path, folder)
        if stem in found:
            raise TrainError(
                f"{found[stem]} and {path} have the same name",
                "what belongs together is told by it: rename one, or take it out",
            )
        found[stem] = path
    return found


def _stem(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder).with_suffix(""))


def assembled(
    name: str,
    classes: tuple[str, ...],
    listed: Mapping[str, Listed],
    asked: Asked,
    beside: Beside | None = None,
) -> Data:
    """The data of lists named train, test and valid; a test is split off where there is none.

    ``beside`` has the other columns of what is listed.

    ``classes`` of masks may be (), to be counted. Raises ``TrainError`` naming the file.
    """
    made = samples_of(list(listed.values()), verify=asked.verify)
    files: dict[str, FileSamples] = dict(zip(listed, made, strict=True))
    held = _held(files, classes)
    files = {name: _told(samples, held) for name, samples in files.items()}
    about: dict[str, Any] = {"palette": _palette(files["train"], held)}
    own = beside.own_classes([masks.classes for masks in held]) if beside else {}
    if held:
        classes = held[0].classes
    if own:
        about["own"], classes = own, next(iter(own.values()))
    parts: Mapping[str, Samples] = files
    if beside is not None:
        parts = beside.around(files, verify=asked.verify)
    if "test" in parts:
        return Data(name, classes, parts["train"], parts["test"], parts.get("valid"), **about)
    learn, test = split(parts["train"], asked.split.test, asked.split.seed)
    return Data(name, classes, learn, test, parts.get("valid"), **about)


def _held(files: Mapping[str, FileSamples], classes: tuple[str, ...]) -> list[Masks]:
    """What the masks hold, those of each output; none where samples have labels alone."""
    targets = files["train"].targets
    if isinstance(targets, Tensor):
        return []
    train_first = [files[part] for part in sorted(files, key=lambda part: part != "train")]
    return [look_at_masks(train_first, classes, number) for number in range(len(targets))]


def _told(samples: FileSamples, held: Sequence[Masks]) -> FileSamples:
    """The samples with masks that are read as what they are."""
    if isinstance(samples.targets, Tensor):
        return samples
    pairs = zip(samples.targets, held, strict=True)
    told = tuple(replace(files, binary=masks.binary) for files, masks in pairs)
    return replace(samples, targets=told)


def _palette(samples: FileSamples, held: Sequence[Masks]) -> tuple[Colour, ...]:
    """The colours of the first masks that have some."""
    if isinstance(samples.targets, Tensor):
        return ()
    for files, masks in zip(samples.targets, held, strict=True):
        if not masks.binary and (found := read_palette(files.paths[0])):
            return found
    return ()
