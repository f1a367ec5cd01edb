"""What ``archlang render`` shows beside a network: a quantity as colour, or a second network."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from archlang.cli.common import stop
from archlang.cli.dtypes import DtypeName

if TYPE_CHECKING:
    from archlang.draw.views import Colouring
    from archlang.network import Network


class RenderColor(StrEnum):
    """What boxes are coloured by."""

    params = "params"
    macs = "macs"
    memory = "memory"
    receptive = "receptive"


Color = Annotated[
    RenderColor | None, typer.Option(help="Colour the boxes by it, with its figures in them.")
]
Batch = Annotated[
    int | None,
    typer.Option("--batch", "-b", min=1, help="Samples, for --color memory; 1 if unsaid."),
]
Dtype = Annotated[
    DtypeName | None,
    typer.Option(help="As of archlang memory, for --color memory; float32 if unsaid."),
]
Diff = Annotated[
    str | None,
    typer.Option(
        metavar="B", help="Beside a second network: FILE, FILE:MODEL, or :MODEL of the same file."
    ),
]


def colouring(
    color: RenderColor | None, batch: int | None, dtype: DtypeName | None
) -> Colouring | None:
    """What to colour boxes by; ends the program where options do not go together."""
    if color is not RenderColor.memory and (batch or dtype):
        stop(
            f"{'--batch' if batch else '--dtype'} is for --color memory",
            hint="say --color memory, or leave it out",
        )
    if color is None:
        return None
    from archlang.draw.views import Colouring

    return Colouring(color.value, batch or 1, (dtype or DtypeName.float32).value)


def networks_of(
    file: str,
    model: str | None,
    diff: str,
    settings: list[str] | None,
    inputs: list[str] | None,
) -> tuple[Network, Network]:
    """The network that is drawn, and the one beside it, named as in ``archlang diff``."""
    from archlang.cli.diff import networks

    one = f"{file}:{model}" if model else file
    return networks(one, diff, [settings or []] * 2, [inputs or []] * 2)
