"""``archlang render``: a picture of a network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archlang.cli.common import File, InputShapes, ModelName, Settings, stop
from archlang.cli.output import check_folder, write_files
from archlang.cli.overlay import Batch, Color, Diff, Dtype, colouring, networks_of
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
    """Dark on light, light on dark, or as the reader of an SVG prefers."""

    light = "light"
    dark = "dark"
    auto = "auto"


class RenderStyle(StrEnum):
    """What a picture is of: each is a line of ``STYLES``."""

    graph = "graph"
    volume = "volume"


class RenderLayout(StrEnum):
    """Who says where boxes lie: each is a line of ``LAYOUTS``."""

    own = "own"
    dot = "dot"


class RenderFormat(StrEnum):
    """What is written: each is a line of ``FORMATS``."""

    svg = "svg"
    png = "png"
    pdf = "pdf"
    dot = "dot"
    mermaid = "mermaid"
    txt = "txt"
    html = "html"


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
    style: Annotated[
        RenderStyle, typer.Option(help="Boxes and ways, or the volumes of tensors as slabs.")
    ] = RenderStyle.graph,
    layout: Annotated[
        RenderLayout, typer.Option(help="Our own, or that of Graphviz's program dot.")
    ] = RenderLayout.own,
    theme: Annotated[
        RenderTheme | None,
        typer.Option(
            help="Its colours; auto: an SVG or a page follows its reader's, else light. "
            "Unsaid: light; a page follows."
        ),
    ] = None,
    color: Color = None,
    batch: Batch = None,
    dtype: Dtype = None,
    diff: Diff = None,
    format_: Annotated[
        RenderFormat | None,
        typer.Option("--format", "-f", help="Where the name does not say it; svg, if neither."),
    ] = None,
) -> None:
    """Draw the network: as stages, as blocks or layer by layer. Nothing is run.

    Equal copies are drawn once, with their number. With `--diff`, what has become of it in a
    second network, side by side.
    """
    path = None if out in (None, "-") else Path(str(out))
    kind = format_.value if format_ else _named(path)
    look = Look(
        level=level.value,
        expand=tuple(expand or ()),
        direction=direction.value,
        theme=theme.value if theme else FORMATS[kind].theme,
        style=style.value,
        layout=layout.value,
    )
    if path is not None:
        check_folder(path)
    if color and diff:
        stop("--color and --diff cannot be drawn in one picture", hint="draw one for each")
    colours = colouring(color, batch, dtype)
    network, other = networks_of(file, model, diff, set_, input_)
    look = look._replace(colouring=colours, beside=other)
    try:
        data = written(network, kind, look)
    except DrawError as error:
        stop(error.message, hint=error.hint)
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
