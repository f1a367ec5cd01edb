"""A CSV file of images with their labels or their masks."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from archlang.spelling import nearest
from archlang.train.data.dataset import Data
from archlang.train.data.files import Listed
from archlang.train.data.folder import assembled
from archlang.train.data.images import ARRAY, EXTENSIONS, is_image, shown
from archlang.train.data.registry import Asked, reader
from archlang.train.errors import TrainError, UsageError

_SPLITS = {
    "": "train",
    "train": "train",
    "test": "test",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
}
_COLUMNS = "path and label, or path and mask; split is optional: train, test or valid"


class Row(NamedTuple):
    """A line of the table: the image, its label or its mask's path, and what it is for."""

    line: int
    image: Path
    target: str
    split: str


@reader("csv", path="FILE")
def table(asked: Asked) -> Data:
    """Images listed with columns path, label (or mask) and, if wanted, split."""
    file = asked.path
    if file is None:
        raise UsageError("no CSV file is given", "write `--data csv:FILE`")
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows, kind = _rows(file, text)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from None
    parts = _by_split(file, rows)
    name = shown(file.stem)
    if kind == "mask":
        listed = {
            name: Listed([r.image for r in part], [file.parent / r.target for r in part])
            for name, part in parts.items()
        }
        return assembled(name, (), listed, asked)
    classes = _classes(file, parts)
    numbers = {name: i for i, name in enumerate(classes)}
    listed = {
        name: Listed([r.image for r in part], torch.tensor([numbers[r.target] for r in part]))
        for name, part in parts.items()
    }
    return assembled(name, classes, listed, asked)


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


def _rows(file: Path, text: Iterator[str]) -> tuple[list[Row], str]:
    """The rows, and which column has the target; raises ``UsageError`` with file and line."""
    table = csv.DictReader(text, skipinitialspace=True)
    columns = [name.strip() for name in table.fieldnames or ()]
    table.fieldnames = columns
    kinds = [name for name in ("label", "mask") if name in columns]
    if "path" not in columns or len(kinds) != 1:
        raise _no_columns(file, columns)
    return [_row(file, table.line_num, cells, kinds[0]) for cells in table], kinds[0]


def _no_columns(file: Path, columns: list[str]) -> UsageError:
    """What is wrong with the first line of a table, which is to name its columns."""
    if not columns:
        return UsageError(f"{file} is empty", f"its first line names the columns: {_COLUMNS}")
    lacks = "path" if "path" not in columns else "label or mask"
    if {"label", "mask"} <= set(columns):
        return UsageError(f"{file} has both columns, label and mask", f"it wants {_COLUMNS}")
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        return UsageError(f"{file} is not separated by commas: `{columns[0]}`", "use commas")
    hint = f"its first line names the columns: {_COLUMNS}"
    taken = {"path", "label", "mask", "split"}
    wanted = ["path"] if lacks == "path" else ["label", "mask"]
    near = ((name, nearest(name, wanted)) for name in columns if name not in taken)
    for name, guess in near:
        if guess:
            hint = f"is `{name}` the column {guess}? {hint}"
            break
    return UsageError(f"{file} has no column {lacks}, but {', '.join(columns)}", hint)


def _row(file: Path, line: int, cells: Mapping[str, str | None], kind: str) -> Row:
    path, target, use = ((cells.get(name) or "").strip() for name in ("path", kind, "split"))
    where = f"{file}, line {line}"
    if None in cells:
        raise UsageError(
            f"{where} has more cells than the head has columns",
            'a name with a comma in it stands in quotes: "a, b.png"',
        )
    if not path or not target:
        raise UsageError(
            f"{where} has no {'path' if not path else kind}", "fill it in, or take the line out"
        )
    if use.lower() not in _SPLITS:
        raise UsageError(f"{where} has the split {use}", "it can be train, test or valid")
    image = file.parent / path
    for found in (image, *([file.parent / target] if kind == "mask" else [])):
        if not found.is_file():
            raise UsageError(
                f"{where} names {found}, which does not exist",
                "paths are relative to the folder of the CSV file",
            )
        if not is_image(found):
            raise UsageError(
                f"{where} names {found}, which is not an image",
                f"images end in {', '.join((*EXTENSIONS, ARRAY))}",
            )
    return Row(line, image, target, _SPLITS[use.lower()])


def _by_split(file: Path, rows: list[Row]) -> dict[str, list[Row]]:
    if not rows:
        raise UsageError(f"{file} has no rows below its head", "each row is an image")
    seen: dict[Path, int] = {}
    parts: dict[str, list[Row]] = {}
    for row in rows:
        image = row.image.resolve()
        if image in seen:
            raise TrainError(
                f"{file}, line {row.line} names {row.image} again: it is in line {seen[image]}",
                "an image stands once, in training or in the test",
            )
        seen[image] = row.line
        parts.setdefault(row.split, []).append(row)
    if "train" not in parts:
        raise UsageError(f"{file} has no rows to train with", "put `train` into the column split")
    if "test" not in parts and "valid" in parts:
        parts["test"] = parts.pop("valid")
    return parts


def _classes(file: Path, parts: Mapping[str, list[Row]]) -> tuple[str, ...]:
    """The labels of the training rows, numbers in their order; raises ``TrainError``."""
    labels = {row.target for row in parts["train"]}
    for name, part in parts.items():
        for row in part:
            if row.target not in labels:
                raise TrainError(
                    f"{file}, line {row.line} has the label {row.target}, "
                    f"which is in {name} and not in train",
                    "a class is learned from images to train with",
                )
    if len(labels) == 1:
        raise TrainError(f"{file} has one class, {min(labels)}", "a classifier tells two apart")
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda text: (int(text), text)))
    return tuple(sorted(labels))
