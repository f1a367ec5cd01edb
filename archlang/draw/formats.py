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
    from archlang.network import Network

Style: TypeAlias = Literal["graph", "volume"]
LayoutName: TypeAlias = Literal["own", "dot"]


class Look(NamedTuple):
    """How a network is to look, whatever it is written as.

    ``theme`` "auto" is for an SVG that follows its reader's; elsewhere it is "light".
    """

    level: Level = "overview"
    expand: tuple[str, ...] = ()
    direction: Direction = "TB"
    theme: ThemeName | Literal["auto"] = "light"
    style: Style = "graph"
    layout: LayoutName = "own"

    @property
    def colours(self) -> ThemeName:
        """The theme of what cannot follow its reader's."""
        return "light" if self.theme == "auto" else self.theme


# Pictures: what a style is drawn by, as the text of an SVG in the colours of one theme.


def _graph(network: Network, look: Look) -> str:
    from archlang.draw.picture import picture
    from archlang.draw.svg import svg

    scene = picture(network, level=look.level, expand=look.expand, direction=look.direction)
    return svg(scene, look.colours)


def _volume(network: Network, look: Look) -> str:
    from archlang.draw.svg import svg
    from archlang.draw.volume import volume

    return svg(volume(network, level=look.level, expand=look.expand), look.colours)


STYLES: dict[Style, Callable[[Network, Look], str]] = {"graph": _graph, "volume": _volume}


def drawn(network: Network, look: Look) -> str:
    """A picture as the text of an SVG; for the theme "auto", one that follows its reader's."""
    return STYLES[look.style](network, look)


# Formats: what a file holds.


def _svg(network: Network, look: Look) -> bytes:
    return drawn(network, look).encode()


def _png(network: Network, look: Look) -> bytes:
    from archlang.draw.convert import png

    return png(drawn(network, look))


def _pdf(network: Network, look: Look) -> bytes:
    from archlang.draw.convert import pdf

    return pdf(drawn(network, look))


def _txt(network: Network, look: Look) -> bytes:
    from archlang.draw.text import text

    return text(network, level=look.level, expand=look.expand).encode()


class Format(NamedTuple):
    """``endings`` are those of its files; ``styles`` and ``layouts`` what it can show."""

    endings: tuple[str, ...]
    write: Callable[[Network, Look], bytes]
    styles: tuple[Style, ...] = ("graph",)
    layouts: tuple[LayoutName, ...] = ("own",)


PICTURE: tuple[tuple[Style, ...], tuple[LayoutName, ...]] = (("graph", "volume"), ("own", "dot"))
"""What the formats that are pictures can show."""

FORMATS: dict[str, Format] = {
    "svg": Format((".svg",), _svg, *PICTURE),
    "png": Format((".png",), _png, *PICTURE),
    "pdf": Format((".pdf",), _pdf, *PICTURE),
    "txt": Format((".txt",), _txt),
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

    Raises ``DrawError`` where that cannot be: the format cannot show it, or a library or program
    is missing. Raises ``ValueError`` for a pattern in ``expand`` that no part matches.
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
    try:
        return kind.write(network, look)
    except ImportError as error:
        what = (error.name or "a library").replace("_", "-")
        raise DrawError(
            f"a {name} needs {what}, which is not installed",
            "pip install 'archlang[draw]', or write .svg",
        ) from None


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
