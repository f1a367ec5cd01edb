"""``archlang data``: what can be learned from, what it holds, how it looks when augmented."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import stop
from archlang.cli.output import check_folder, write_files
from archlang.cli.table import Cells, text_table

if TYPE_CHECKING:
    from archlang.train import Data
    from archlang.train.augment import Augment
    from archlang.train.describe import Description, Learned

Spec = Annotated[
    str | None,
    typer.Argument(metavar="[NAME[:PATH]]", help="The data; without it, what can be read."),
]
Sheet = Annotated[
    Path | None, typer.Option(help="Write a sheet of augmented training images as a PNG file.")
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A recipe whose [augment] the sheet shows.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--augment", help="A field of it, such as rotation=15. Repeatable."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the samples and the draws.")]
Rows = Annotated[int, typer.Option(min=1, help="Samples on the sheet.")]
Columns = Annotated[int, typer.Option(min=1, help="Draws of each sample.")]
Size = Annotated[
    str | None, typer.Option(metavar="HxW", help="The network's input, such as 224x224.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read images.")]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch the data into the path first, where it can be.")
]

PACKAGES = ("torch", "numpy", "torchvision", "PIL")


def data(
    spec: Spec = None,
    sheet: Sheet = None,
    recipe: RecipeFile = None,
    augment: Fields = None,
    seed: Seed = 0,
    rows: Rows = 8,
    columns: Columns = 8,
    size: Size = None,
    workers: Workers = 0,
    download: Download = False,
) -> None:
    """List the data sets that can be read, describe one, or show how it is augmented."""
    if [name for name in PACKAGES if find_spec(name) is None]:
        stop("reading data needs PyTorch", hint="pip install 'archlang[torch]'")
    if spec is None:
        if sheet or download:
            stop("say which data, as in `archlang data digits`")
        _print_list()
        return
    if sheet is not None:
        _check_sheet(sheet)
    elif recipe or augment:
        stop("--recipe and --augment are for a sheet", hint="--sheet out.png writes one")
    fields = {**_augment_of(recipe), **_fields(augment or [])}
    shape = _size(size)

    from archlang.train.augment import Augment
    from archlang.train.data import load
    from archlang.train.errors import TrainError
    from archlang.train.sheet import Layout, png, sheet as drawn

    try:
        chosen = Augment.of(fields, at="augment")
        found = load(spec, download=download)
        for line in _lines(_described(found, workers)):
            typer.echo(line)
        if sheet is None:
            return
        content = png(drawn(found, chosen, seed=seed, layout=Layout(rows, columns, shape)))
    except TrainError as error:
        stop(error.message, error.exit_code, error.hint)
    write_files(sheet, lambda path: [path] if path.write_bytes(content) else [])
    typer.echo(f"sheet:   {sheet}, {_shown(chosen)}")


def _check_sheet(sheet: Path) -> None:
    """End the program where a sheet cannot be written."""
    if sheet.suffix.lower() != ".png":
        stop(f"cannot tell what to draw from the name {sheet}", hint="it ends in .png")
    check_folder(sheet)


def _described(found: Data, workers: int) -> Description:
    """The figures of the data; on a terminal with a bar while files are read."""
    from archlang.train.describe import describe
    from archlang.train.progress import Terminal

    terminal = Terminal()
    try:
        return describe(found, workers, terminal.reading)
    finally:
        terminal.stop()


def _print_list() -> None:
    from archlang.train.data import READERS

    body = [
        Cells((f"{name}{_path(r.path)}", _here(r.here(), r.path), r.about))
        for name, r in sorted(READERS.items())
    ]
    head = ("data", "here", "what it is")
    for line, _ in text_table(head, body, right=(), shrink=2, width=None):
        typer.echo(line)


def _path(path: str) -> str:
    """What may follow a name: ``:PATH``, or ``[:PATH]`` where it is there without."""
    if path.startswith("["):
        return f"[:{path[1:]}"
    return f":{path}" if path else ""


def _here(there: bool, path: str) -> str:
    return "yes" if there else "no" if path.startswith("[") or not path else "by path"


def _augment_of(recipe: Path | None) -> dict[str, Any]:
    """The table ``augment`` of a recipe."""
    if recipe is None:
        return {}
    try:
        found = tomllib.loads(recipe.read_text("utf-8")).get("augment", {})
    except OSError as error:
        stop(f"cannot read {recipe}: {(error.strerror or str(error)).lower()}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        stop(f"{recipe} is not TOML: {error}")
    if not isinstance(found, dict):
        stop(f"`augment` in {recipe} is no table", hint="write it as [augment]")
    return found


def _fields(given: list[str]) -> dict[str, Any]:
    """``rand_augment.magnitude=9`` and the like, nested."""
    fields: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        try:
            value = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            equals = ""
        if not equals or not name:
            stop(f"--augment takes NAME=VALUE, not {item}", hint="for example rotation=15")
        *parts, last = name.strip().split(".")
        at = fields
        for part in parts:
            inner = at.get(part)
            at[part] = at = inner if isinstance(inner, dict) else {}
        at[last] = value
    return fields


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, by, width = text.partition("x")
    if not by or not height.isdecimal() or not width.isdecimal() or "0" in (height, width):
        stop(f"--size takes a height and a width such as 224x224, not {text}")
    return int(height), int(width)


def _lines(found: Description) -> Iterator[str]:
    from archlang.train.describe import Learned

    images = ", ".join(f"{count:,} for {part}" for part, count in found.images.items())
    own = found.outputs or {"": Learned(found.task, found.classes, found.counts)}
    yield f"{found.name}: {', '.join(_tasks(own))}"
    yield f"images:  {images}"
    for name, one in (found.inputs or {"": found}).items():
        if name:
            yield f"`{name}`"
        yield from _pixels(one)
    for name, (task, classes, counts) in own.items():
        pixels = " pixels" if task == "segmentation" else ""
        yield ""
        head = (name or "class", *(f"{part}{pixels}" for part in found.images))
        body = [
            Cells((label, *(f"{count[i]:,}" for count in counts.values())))
            for i, label in enumerate(classes)
        ]
        right = range(1, len(head))
        for line, _ in text_table(head, body, right=right, shrink=0, width=None):
            yield line


def _tasks(own: Mapping[str, Learned]) -> Iterator[str]:
    """What the outputs learn; a task that goes on is named once."""
    before = ""
    for name, (task, classes, _) in own.items():
        told = f"{len(classes)} classes" + (f" of `{name}`" if name else "")
        yield told if task == before else f"{task} with {told}"
        before = task


def _pixels(found: Description) -> Iterator[str]:
    """What the images of an input are."""
    channels = f"{found.channels} channel{'s' if found.channels > 1 else ''}"
    if found.smallest and found.largest:
        small, large = ("x".join(map(str, size)) for size in (found.smallest, found.largest))
        channels += f" of {small}" if small == large else f" of {small} to {large}"
    yield f"pixels:  {channels}"
    yield f"mean:    {', '.join(f'{m:.4f}' for m in found.mean)}"
    yield f"std:     {', '.join(f'{s:.4f}' for s in found.std)}"


def _shown(augment: Augment) -> str:
    """What a sheet shows, in the recipe's words."""
    return ", ".join(augment.model_dump(exclude_defaults=True)) or "images as they are"
