"""``archlang render``: a picture of a network."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archlang.cli.common import File, InputShapes, ModelName, Settings, stop
from archlang.cli.output import check_folder, write_files
from archlang.cli.overlay import Batch, Color, Diff, Dtype, colouring, networks_of

if TYPE_CHECKING:
    from archlang.draw.scene import Scene


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
    """What is written."""

    svg = "svg"
    png = "png"
    pdf = "pdf"


def render(
    file: File,
    out: Annotated[
        str | None, typer.Argument(help="A .svg, .png or .pdf; - or nothing for standard output.")
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
    color: Color = None,
    batch: Batch = None,
    dtype: Dtype = None,
    diff: Diff = None,
    format_: Annotated[
        RenderFormat | None, typer.Option("--format", "-f", help="Where the name does not say it.")
    ] = None,
) -> None:
    """Draw the network: as stages, as blocks or layer by layer. Nothing is run.

    Equal copies are drawn once, with their number. With `--diff`, what has become of it in a
    second network, side by side.
    """
    path = None if out in (None, "-") else Path(str(out))
    kind = _kind(path, format_)
    if path is not None:
        check_folder(path)
    if color and diff:
        stop("--color and --diff cannot be drawn in one picture", hint="draw one for each")
    colours = colouring(color, batch, dtype)
    network, other = networks_of(file, model, diff, set_, input_)
    from archlang.draw.views import view

    try:
        scene = view(
            network,
            level=level.value,
            expand=expand or (),
            direction=direction.value,
            colouring=colours,
            beside=other,
        )
    except ValueError as error:
        hint = "paths are those of `archlang summary`; quote a `*`"
        stop(f"--expand: {error}", hint=hint)
    data = _written(scene, theme, kind)
    if path is None:
        typer.get_binary_stream("stdout").write(data)
        return

    def write(target: Path) -> list[Path]:
        target.write_bytes(data)
        return [target]

    write_files(path, write)
    print(f"written to {path}")


def _kind(path: Path | None, given: RenderFormat | None) -> RenderFormat:
    """The format: what is asked for, or what the name ends in."""
    if given is not None:
        return given
    if path is None:
        return RenderFormat.svg
    try:
        return RenderFormat(path.suffix.removeprefix(".").lower())
    except ValueError:
        stop(
            f"cannot tell what to write from the name {path}",
            hint="it can end in .svg, .png or .pdf; or say --format",
        )


def _written(scene: Scene, theme: RenderTheme, kind: RenderFormat) -> bytes:
    from archlang.draw import convert
    from archlang.draw.svg import svg

    text = svg(scene, theme.value)
    try:
        if kind is RenderFormat.png:
            return convert.png(text)
        if kind is RenderFormat.pdf:
            return convert.pdf(text)
    except ImportError as error:
        what = (error.name or "a library").replace("_", "-")
        hint = "pip install 'archlang[draw]', or write .svg"
        stop(f"a {kind.value} needs {what}, which is not installed", hint=hint)
    return text.encode()
