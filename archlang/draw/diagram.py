"""A network's picture for notebooks and scripts: shown by itself, or saved to a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from archlang.draw.formats import Look, drawn, named, written
from archlang.draw.layout import Direction
from archlang.draw.levels import Level
from archlang.draw.text import text
from archlang.draw.theme import ThemeName

if TYPE_CHECKING:
    from archlang.network import Network


class Diagram:
    """A picture of a network. A notebook shows it; where it cannot, the same as plain text.

    ``svg`` is its text as an SVG file.
    """

    def __init__(self, network: Network, look: Look) -> None:
        self._network, self._look = network, look
        self.svg: str = drawn(network, look)

    @cached_property
    def text(self) -> str:
        """The same as plain text."""
        return text(self._network, level=self._look.level, expand=self._look.expand)

    def save(self, path: str | Path) -> Path:
        """Write it to a file, as what its name ends in: .svg, .png, .pdf and so on.

        Raises ``DrawError`` where the name does not say a format or a library is missing,
        ``OSError`` where the file cannot be written.
        """
        path = Path(path)
        path.write_bytes(written(self._network, named(path), self._look))
        return path

    def __repr__(self) -> str:
        return f"<Diagram of {self._network.name}: {self._look.level}>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """What a notebook shows it as."""
        return {"image/svg+xml": self.svg, "text/plain": self.text.rstrip()}


def diagram(
    network: Network, level: str, expand: str | Sequence[str], direction: str, theme: str
) -> Diagram:
    """The picture of a network. Raises ``ValueError`` for what none of these can be."""
    patterns = (expand,) if isinstance(expand, str) else tuple(expand)
    for name, value, possible in (
        ("level", level, get_args(Level)),
        ("direction", direction, get_args(Direction)),
        ("theme", theme, (*get_args(ThemeName), "auto")),
    ):
        if value not in possible:
            raise ValueError(f"{name} is one of {', '.join(possible)}, not {value}")
    look = Look(level, patterns, direction, theme)  # type: ignore[arg-type] # as just checked
    return Diagram(network, look)
