"""A CSV file of images with their labels, their masks, or both."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from archlang.train.data.columns import Beside
from archlang.train.data.dataset import Data
from archlang.train.data.files import Listed
from archlang.train.data.folder import assembled
from archlang.train.data.heading import LABEL, SPLIT, Heading
from archlang.train.data.images import ARRAY, EXTENSIONS, is_image, shown
from archlang.train.data.registry import Asked, reader
from archlang.train.data.samples import MaskFiles
from archlang.train.errors import TrainError, UsageError

_SPLITS = {
    "": "train",
    "train": "train",
    "test": "test",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
}


Cells = Mapping[str, str | None]
"""A line of a table, by column."""


class Row(NamedTuple):
    """A line of the table: an image for each input, the labels and masks, what it is for."""

    line: int
    images: tuple[Path, ...]
    targets: tuple[str, ...]
    split: str


@reader("csv", path="FILE")
def table(asked: Asked) -> Data:
    """Images listed with columns path, label (or mask) and, if wanted, split."""
    file = asked.path
    if file is None:
        raise UsageError("no CSV file is given", "write `--data csv:FILE`")
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows, heading = _rows(file, text, asked)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from None
    return _data(file, _by_split(file, rows), heading, asked)


def _data(file: Path, parts: Mapping[str, list[Row]], heading: Heading, asked: Asked) -> Data:
    """What the rows list, with all their columns."""
    first, *others = heading.inputs
    images = {
        part: [[row.images[k] for row in rows] for k in range(1 + len(others))]
        for part, rows in parts.items()
    }
    own = len(heading.targets) > 1
    classes = _classes(file, parts, heading)
    labels = {
        part: {name: _numbers(rows, heading, name, classes[name]) for name in classes}
        for part, rows in parts.items()
    }
    listed = {
        part: Listed(
            images[part][0],
            tuple(_masks(file, rows, heading, name) for name in heading.masks)
            or next(iter(labels[part].values())),
        )
        for part, rows in parts.items()
    }
    beside = Beside(
        first,
        {n: {part: images[part][k] for part in parts} for k, n in enumerate(others, start=1)},
        labels if own else {},
        classes if own else {},
        heading.masks if own else (),
        heading.targets if own else (),
    )
    names = () if heading.masks else next(iter(classes.values()))
    made = assembled(
        shown(file.stem), names, listed, asked, beside if others or first or own else None
    )
    return made.with_notes(heading.notes(file))


def paths_in(file: Path, inputs: tuple[str, ...]) -> dict[str, list[Path]]:
    """The images that a table lists for each input, by its name; of other columns nothing is read.

    Those of an only input may also stand in a column `path`. Raises ``UsageError``.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            columns, lines = _lines(text)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from None
    heading = Heading.of_inputs(file, columns, inputs)
    rows = [_row(file, line, cells, heading) for line, cells in lines]
    if not rows:
        raise UsageError(f"{file} has no rows below its head", "each row is an image")
    return {name: [row.images[k] for row in rows] for k, name in enumerate(inputs)}


def _masks(file: Path, rows: list[Row], heading: Heading, name: str) -> MaskFiles:
    """The masks of a column."""
    k = heading.targets.index(name)
    return MaskFiles([file.parent / row.targets[k] for row in rows])


def _numbers(rows: list[Row], heading: Heading, name: str, classes: tuple[str, ...]) -> Tensor:
    """The labels of a column, int64 [N]."""
    k, numbers = heading.targets.index(name), {label: i for i, label in enumerate(classes)}
    return torch.tensor([numbers[row.targets[k]] for row in rows])


def _unreadable(file: Path, error: Exception) -> UsageError:
    if not file.exists():
        return UsageError(f"{file} does not exist", "write `--data csv:FILE`")
    if file.is_dir():
        return UsageError(f"{file} is a folder", f"write `--data folder:{file}`")
    if isinstance(error, UnicodeDecodeError):
        good = file.read_bytes().decode("utf-8", "surrogateescape")
        first = next(i for i, char in enumerate(good) if "\udc80" <= char <= "\udcff")
        line = good.count("\n", 0, first) + 1
        return UsageError(f"{file}, line {line} is not UTF-8", "save the file in UTF-8")
    why = error.strerror if isinstance(error, OSError) else str(error)
    return UsageError(f"{file} cannot be read: {why}", "it is to be a CSV file in UTF-8")


def _rows(file: Path, text: Iterator[str], asked: Asked) -> tuple[list[Row], Heading]:
    """The rows, and which columns are what; raises ``UsageError`` with file and line."""
    columns, lines = _lines(text)
    cells = {
        name: [(line.get(name) or "").strip() for _, line in lines]
        for name in dict.fromkeys(columns)
    }
    heading = Heading.of(file, columns, cells, asked)
    return [_row(file, line, cells, heading) for line, cells in lines], heading


def _lines(text: Iterator[str]) -> tuple[list[str], list[tuple[int, Cells]]]:
    """The columns of a table, and its lines with their numbers."""
    table = csv.DictReader(text, skipinitialspace=True)
    columns = [name.strip() for name in table.fieldnames or ()]
    table.fieldnames = columns
    return columns, [(table.line_num, cells) for cells in table]


def _row(file: Path, line: int, cells: Cells, heading: Heading) -> Row:
    where = f"{file}, line {line}"
    if None in cells:
        raise UsageError(
            f"{where} has more cells than the head has columns",
            'a name with a comma in it stands in quotes: "a, b.png"',
        )

    def cell(name: str) -> str:
        found = (cells.get(name) or "").strip()
        if not found:
            raise UsageError(f"{where} has no {name}", "fill it in, or take the line out")
        return found

    paths = [cell(name) for name in heading.images]
    targets = tuple(cell(name) for name in heading.targets)
    use = (cells.get(SPLIT) or "").strip()
    if use.lower() not in _SPLITS:
        raise UsageError(f"{where} has the split {use}", "it can be train, test or valid")
    masks = (
        path for name, path in zip(heading.targets, targets, strict=True) if name in heading.masks
    )
    for path in (*paths, *masks):
        _check_file(where, file.parent / path)
    return Row(line, tuple(file.parent / path for path in paths), targets, _SPLITS[use.lower()])


def _check_file(where: str, path: Path) -> None:
    if not path.is_file():
        raise UsageError(
            f"{where} names {path}, which does not exist",
            "paths are relative to the folder of the CSV file",
        )
    if not is_image(path):
        raise UsageError(
            f"{where} names {path}, which is not an image",
            f"images end in {', '.join((*EXTENSIONS, ARRAY))}",
        )


def _by_split(file: Path, rows: list[Row]) -> dict[str, list[Row]]:
    if not rows:
        raise UsageError(f"{file} has no rows below its head", "each row is an image")
    seen: dict[tuple[Path, ...], int] = {}
    parts: dict[str, list[Row]] = {}
    for row in rows:
        images = tuple(image.resolve() for image in row.images)
        if images in seen:
            named = " with ".join(map(str, row.images))
            raise TrainError(
                f"{file}, line {row.line} names {named} again: it is in line {seen[images]}",
                "an image stands once, in training or in the test"
                if len(images) == 1
                else "the same images together stand once, in training or in the test",
            )
        seen[images] = row.line
        parts.setdefault(row.split, []).append(row)
    if "train" not in parts:
        raise UsageError(f"{file} has no rows to train with", "put `train` into the column split")
    if "test" not in parts and "valid" in parts:
        parts["test"] = parts.pop("valid")
    return parts


def _classes(
    file: Path, parts: Mapping[str, list[Row]], heading: Heading
) -> dict[str, tuple[str, ...]]:
    """The classes of each column of labels; raises ``TrainError``."""
    return {
        name: _classes_of(file, parts, name, k)
        for k, name in enumerate(heading.targets)
        if name not in heading.masks
    }


def _classes_of(file: Path, parts: Mapping[str, list[Row]], name: str, k: int) -> tuple[str, ...]:
    """The labels of the training rows, numbers in their order."""
    labels = {row.targets[k] for row in parts["train"]}
    for part, rows in parts.items():
        for row in rows:
            if row.targets[k] not in labels:
                raise TrainError(
                    f"{file}, line {row.line} has the {name} {row.targets[k]}, "
                    f"which is in {part} and not in train",
                    "a class is learned from images to train with",
                )
    if len(labels) == 1:
        of = "" if name == LABEL else f" of {name}"
        raise TrainError(f"{file} has one class{of}, {min(labels)}", "a classifier tells two apart")
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda text: (int(text), text)))
    return tuple(sorted(labels))
