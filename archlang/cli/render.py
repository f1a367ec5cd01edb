"""``archlang render``: a picture of a network."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import typer

from archlang.cli.common import (
    CLEAN,
    FINDINGS,
    File,
    InputShapes,
    ModelName,
    Settings,
    chosen,
    parse_inputs,
    parse_settings,
    print_diagnostics,
    read,
    stop,
)
from archlang.cli.output import check_folder, write_files
from archlang.cli.overlay import Batch, Color, Diff, Dtype, colouring, networks_of
from archlang.diagnostic import Diagnostic
from archlang.draw.errors import DrawError
from archlang.draw.formats import FORMATS, Look, named, written
from archlang.elaborate import Program
from archlang.inspection import definitions
from archlang.network import input_names

if TYPE_CHECKING:
    from archlang.network import Network


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
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Show it in a browser, or write OUT, anew on every save."),
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where --watch serves its page.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="With --watch, show its page in a browser.")
    ] = False,
) -> None:
    """Draw the network: as stages, as blocks or layer by layer. Nothing is run.

    Equal copies are drawn once, with their number. With --diff, what has become of it in a
    second network, side by side. A spec with an error is drawn up to the error. With --watch and
    no OUT, a page on this machine shows the picture; it follows what you save.
    """
    given = {**locals(), "watch": False}
    path = None if out in (None, "-") else Path(str(out))
    plain = style is RenderStyle.graph and layout is RenderLayout.own and not (color or diff)
    usual = "html" if watch and plain else "svg"
    kind = format_.value if format_ else usual if path is None else _named(path)
    look = Look(
        level=level.value,
        expand=tuple(expand or ()),
        direction=direction.value,
        theme=theme.value if theme else FORMATS[kind].theme,
        style=style.value,
        layout=layout.value,
        colouring=colouring(color, batch, dtype),
    )
    if color and diff:
        stop("--color and --diff cannot be drawn in one picture", hint="draw one for each")
    if path is not None:
        check_folder(path)

    def drawn() -> Drawn:
        if diff:
            network, other = networks_of(file, model, diff, set_, input_)
            return Drawn(_written(network, kind, look._replace(beside=other)), [])
        return draw(Program(*read(file)), model, set_, input_, kind, look)

    if (port or open_) and (not watch or out is not None):
        stop("--port and --open are of the page that --watch serves where there is no OUT")
    if watch and path is None:
        from archlang.cli.live import PAGES, serve

        if out is not None or kind not in PAGES:
            stop(f"--watch writes a file, or serves a page with {' or '.join(PAGES)}")
        serve(file, drawn, kind, port or 0, open_)
    if watch:
        from archlang.cli.watch import again

        again([file], lambda: render(**given))
    _end(drawn(), path)


def _end(drawn: Drawn, path: Path | None) -> NoReturn:
    """Write a picture, say what is found, and end."""
    if drawn.data is not None:
        _put(drawn.data, path)
    print_diagnostics(drawn.found, sys.stderr)
    raise typer.Exit(FINDINGS if drawn.wrong else CLEAN)


def _put(data: bytes, path: Path | None) -> None:
    """Write a picture to its file, or to standard output."""
    if path is None:
        typer.get_binary_stream("stdout").write(data)
        return

    def write(target: Path) -> list[Path]:
        target.write_bytes(data)
        return [target]

    write_files(path, write)
    print(f"written to {path}")


class Drawn(NamedTuple):
    """A picture, if there is one, and what is found about the spec."""

    data: bytes | None
    found: list[Diagnostic]

    @property
    def wrong(self) -> bool:
        return any(d.severity == "error" for d in self.found)


def draw(
    program: Program,
    model: str | None,
    settings: list[str] | None,
    inputs: list[str] | None,
    kind: str,
    look: Look,
) -> Drawn:
    """A model as a picture, up to what is wrong with it; ends the program for wrong options."""
    from archlang.draw.broken import sketched

    if program.diagnostics:
        return Drawn(None, definitions(program))
    name = chosen(program, model)
    shapes = parse_inputs(inputs, input_names(program, name))
    network, found = sketched(program, name, parse_settings(settings), shapes)
    drawn = Drawn(None, found)
    if network is None:
        return drawn
    if drawn.wrong:  # what stands for what is missing has no figures
        look = look._replace(style="graph", colouring=None)
    return Drawn(_written(network, kind, look), found)


def _written(network: Network, kind: str, look: Look) -> bytes:
    try:
        return written(network, kind, look)
    except DrawError as error:
        stop(error.message, hint=error.hint)


def _named(path: Path) -> str:
    """The format that a file's name ends in."""
    try:
        return named(path)
    except DrawError as error:
        stop(error.message, hint=error.hint)
