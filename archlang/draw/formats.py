"""What pictures are written as. A format, a style or a way of laying out is a line of a table.

What draws is imported where it is used: a command that writes text needs no font.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from archlang.draw.errors import DrawError

if TYPE_CHECKING:
    from archlang.draw.layout import Direction
    from archlang.draw.levels import Level
    from archlang.draw.theme import ThemeName
    from archlang.draw.views import Colouring
    from archlang.network import Network

Style: TypeAlias = Literal["graph", "volume"]
LayoutName: TypeAlias = Literal["own", "dot"]


class Look(NamedTuple):
    """How a network is to look, whatever it is written as.

    ``theme`` "auto" is for an SVG or a page that follows its reader's; elsewhere it is "light".
    Boxes may be coloured by a quantity, or a second network may be ``beside``.
    """

    level: Level = "overview"
    expand: tuple[str, ...] = ()
    direction: Direction = "TB"
    theme: ThemeName | Literal["auto"] = "light"
    style: Style = "graph"
    layout: LayoutName = "own"
    colouring: Colouring | None = None
    beside: Network | None = None

    @property
    def colours(self) -> ThemeName:
        """The theme of what cannot follow its reader's."""
        return "light" if self.theme == "auto" else self.theme


# Pictures: what a style is drawn by, as the text of an SVG in the colours of one theme.


def _graph(network: Network, look: Look) -> str:
    from archlang.draw.svg import svg
    from archlang.draw.views import view

    scene = view(
        network,
        level=look.level,
        expand=look.expand,
        direction=look.direction,
        colouring=look.colouring,
        beside=look.beside,
    )
    return svg(scene, look.colours)


def _volume(network: Network, look: Look) -> str:
    from archlang.draw.svg import svg
    from archlang.draw.volume import volume

    return svg(volume(network, level=look.level, expand=look.expand), look.colours)


def _dot_layout(network: Network, look: Look) -> str:
    from archlang.draw.graphviz import laid_out

    return laid_out(_dot_text(network, look))


THEMES: tuple[ThemeName, ThemeName] = ("light", "dark")
STYLES: dict[Style, Callable[[Network, Look], str]] = {"graph": _graph, "volume": _volume}

LAYOUTS: dict[LayoutName, Callable[[Network, Look], str]] = {"own": _graph, "dot": _dot_layout}
"""Who says where the boxes of a graph lie."""


def drawn(network: Network, look: Look) -> str:
    """A picture as the text of an SVG; for the theme "auto", one that follows its reader's."""
    if look.theme != "auto":
        draw = STYLES[look.style] if look.layout == "own" else LAYOUTS[look.layout]
        return draw(network, look)
    from archlang.draw.auto import following

    light, dark = (drawn(network, look._replace(theme=theme)) for theme in THEMES)
    return following(light, dark)


# Formats: what a file holds.


def _svg(network: Network, look: Look) -> bytes:
    return drawn(network, look).encode()


def _png(network: Network, look: Look) -> bytes:
    from archlang.draw.convert import png

    return png(drawn(network, look._replace(theme=look.colours)))


def _pdf(network: Network, look: Look) -> bytes:
    from archlang.draw.convert import pdf

    return pdf(drawn(network, look._replace(theme=look.colours)))


def _txt(network: Network, look: Look) -> bytes:
    from archlang.draw.text import text

    return text(network, level=look.level, expand=look.expand).encode()


def _dot_text(network: Network, look: Look) -> str:
    from archlang.draw.outline import dot

    level, expand, direction = look.level, look.expand, look.direction
    return dot(network, level=level, expand=expand, direction=direction, theme=look.colours)


def _dot(network: Network, look: Look) -> bytes:
    return _dot_text(network, look).encode()


def _mermaid(network: Network, look: Look) -> bytes:
    from archlang.draw.outline import mermaid

    level, expand, direction = look.level, look.expand, look.direction
    return mermaid(
        network, level=level, expand=expand, direction=direction, theme=look.colours
    ).encode()


def _html(network: Network, look: Look) -> bytes:
    from archlang.draw.web import page

    level, expand, direction, theme = look.level, look.expand, look.direction, look.theme
    return page(network, level=level, expand=expand, direction=direction, theme=theme).encode()


class Format(NamedTuple):
    """``endings`` are those of its files; ``styles`` and ``layouts`` what it can show.

    ``theme`` is the one that it has where none is asked for.
    """

    endings: tuple[str, ...]
    write: Callable[[Network, Look], bytes]
    styles: tuple[Style, ...] = ("graph",)
    layouts: tuple[LayoutName, ...] = ("own",)
    theme: ThemeName | Literal["auto"] = "light"


PICTURE: tuple[tuple[Style, ...], tuple[LayoutName, ...]] = (("graph", "volume"), ("own", "dot"))
"""What the formats that are pictures can show."""

FORMATS: dict[str, Format] = {
    "svg": Format((".svg",), _svg, *PICTURE),
    "png": Format((".png",), _png, *PICTURE),
    "pdf": Format((".pdf",), _pdf, *PICTURE),
    "dot": Format((".dot", ".gv"), _dot, layouts=("own", "dot")),
    "mermaid": Format((".mmd", ".mermaid"), _mermaid),
    "txt": Format((".txt",), _txt),
    "html": Format((".html", ".htm"), _html, theme="auto"),
}


def named(path: Path) -> str:
    """The format that a file's name asks for. Raises ``DrawError`` where it says none."""
    found = {ending: name for name, f in FORMATS.items() for ending in f.endings}
    try:
        return found[path.suffix.lower()]
    except KeyError:
        raise DrawError(
            f"cannot tell what to write from the name {path}",
            f"it can end in {_either(list(found))}; or say --format",
        ) from None


def written(network: Network, name: str, look: Look) -> bytes:
    """A network's picture in a format.

    Raises ``DrawError`` where that cannot be: the format cannot show it, no part matches a pattern
    in ``expand``, or a library or program is missing.
    """
    kind = FORMATS[name]
    for option, value, possible in (
        ("style", look.style, kind.styles),
        ("layout", look.layout, kind.layouts),
    ):
        if value not in possible:
            able = [n for n, f in FORMATS.items() if value in (*f.styles, *f.layouts)]
            hint = f"write it as {_either(able)}"
            raise DrawError(f"--{option} {value} cannot be shown as {name}", hint)
    if look.style == "volume" and look.layout != "own":
        raise DrawError(
            f"--layout {look.layout} cannot lay out --style volume", "leave one of them out"
        )
    option = "color" if look.colouring else "diff" if look.beside else ""
    boxes = look.style == "graph" and look.layout == "own" and "volume" in kind.styles
    if option and not boxes:
        formats = _either([n for n, f in FORMATS.items() if "volume" in f.styles])
        shown = f"shown in {formats} alone, without another --style or --layout"
        raise DrawError(f"--{option} is {shown}", "leave one of them out")
    if look.expand:
        _check(network, look)
    try:
        return kind.write(network, look)
    except ImportError as error:
        what = (error.name or "a library").replace("_", "-")
        raise DrawError(
            f"a {name} needs {what}, which is not installed",
            "pip install 'archlang[draw]', or write .svg",
        ) from None


def _check(network: Network, look: Look) -> None:
    from archlang.draw.levels import opened
    from archlang.draw.parts import Structure

    hint = "paths are those of `archlang summary`; quote a `*`"
    for pattern in look.expand:
        errors = []
        networks = (network, look.beside) if look.beside else (network,)
        for each in networks:
            try:
                opened(Structure(each.graph), look.level, (pattern,))
            except ValueError as error:
                errors.append(error)
        if len(errors) == len(networks):
            raise DrawError(f"--expand: {errors[0]}", hint)


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
