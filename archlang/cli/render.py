"""``archlang render``: a picture of a network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop
from archlang.cli.output import check_folder, write_files
from archlang.draw.errors import DrawError
from archlang.draw.formats import FORMATS, Look, named, written


class RenderLevel(StrEnum):
    """How far the network is opened."""

    overview = "overview"
    stage = "stage"
    layer = "layer"


class RenderDirection(StrEnum):
    """Where the network leads: down or to the right."""

    TB = "TB"
    LR = "LR"


class RenderTheme(StrEnum):
    """Dark on light, or light on dark."""

    light = "light"
    dark = "dark"


class RenderFormat(StrEnum):
    """What is written: each is a line of ``FORMATS``."""

    svg = "svg"
    png = "png"
    pdf = "pdf"
    txt = "txt"


ENDINGS = ", ".join(ending for f in FORMATS.values() for ending in f.endings)


def render(
    file: File,
    out: Annotated[
        str | None,
        typer.Argument(help=f"A file, by its ending: {ENDINGS}; - or nothing for standard output."),
    ] = None,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    level: Annotated[
        RenderLevel, typer.Option("--level", "-l", help="Stages, the blocks in them, or layers.")
    ] = RenderLevel.overview,
    expand: Annotated[
        list[str] | None,
        typer.Option(help="Parts to open, by path, such as layer3 or 'layer*'. Repeatable."),
    ] = None,
    direction: Annotated[
        RenderDirection, typer.Option(help="Down (TB) or to the right (LR).")
    ] = RenderDirection.TB,
    theme: Annotated[RenderTheme, typer.Option(help="Its colours.")] = RenderTheme.light,
    format_: Annotated[
        RenderFormat | None,
        typer.Option("--format", "-f", help="Where the name does not say it; svg, if neither."),
    ] = None,
) -> None:
    """Draw the network: as stages, as blocks or layer by layer. Nothing is run.

    Equal copies are drawn once, with their number.
    """
    path = None if out in (None, "-") else Path(str(out))
    look = Look(
        level=level.value,
        expand=tuple(expand or ()),
        direction=direction.value,
        theme=theme.value,
    )
    kind = format_.value if format_ else _named(path)
    if path is not None:
        check_folder(path)
    network = load_network(file, model, set_, input_)
    try:
        data = written(network, kind, look)
    except DrawError as error:
        stop(error.message, hint=error.hint)
    except ValueError as error:
        hint = "paths are those of `archlang summary`; quote a `*`"
        stop(f"--expand: {error}", hint=hint)
    if path is None:
        typer.get_binary_stream("stdout").write(data)
        return

    def write(target: Path) -> list[Path]:
        target.write_bytes(data)
        return [target]

    write_files(path, write)
    print(f"written to {path}")


def _named(path: Path | None) -> str:
    """The format that a file's name ends in."""
    if path is None:
        return RenderFormat.svg.value
    try:
        return named(path)
    except DrawError as error:
        stop(error.message, hint=error.hint)
