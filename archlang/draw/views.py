"""The scene that is asked for: a network, one coloured by a quantity, or two side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archlang.draw.layout import Direction
from archlang.draw.levels import Level
from archlang.draw.scene import Scene
from archlang.network import Network

if TYPE_CHECKING:
    from archlang.draw.quantities import QuantityName


class Colouring(NamedTuple):
    """What boxes are coloured by; ``batch`` and ``dtype`` are those of a step's memory."""

    by: QuantityName
    batch: int = 1
    dtype: str = "float32"


def view(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
    colouring: Colouring | None = None,
    beside: Network | None = None,
) -> Scene:
    """The scene of a network; coloured, or beside a second one, if that is said.

    Raises ``ValueError`` for a pattern of ``expand`` that no part matches.
    """
    if beside is not None:
        from archlang.draw import beside as sides

        return sides.beside(network, beside, level=level, expand=expand, direction=direction)
    if colouring is not None:
        from archlang.analyses.memory.account import PRECISIONS
        from archlang.draw.overlay import overlay
        from archlang.draw.parts import Structure
        from archlang.draw.quantities import quantity

        dtype = PRECISIONS[colouring.dtype]
        low = None if dtype == "float32" else dtype
        figures = quantity(colouring.by, Structure(network.graph), colouring.batch, low)
        return overlay(network, figures, level=level, expand=expand, direction=direction)
    from archlang.draw.picture import picture

    return picture(network, level=level, expand=expand, direction=direction)
