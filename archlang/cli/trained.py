"""What the commands on trained networks share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from archlang.cli.common import stop
from archlang.train.errors import TrainError

RunPath = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run's folder, or a checkpoint in it, such as last.pt."),
]
PACKAGES = ("torch", "numpy", "safetensors", "PIL")


def need_torch(what: str) -> None:
    """End the program where what computes is not installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        lacks = "PyTorch" if "torch" in missing else " and ".join(missing)
        stop(f"{what} needs {lacks}", hint="pip install 'archlang[torch]'")


@contextmanager
def explained() -> Iterator[None]:
    """What cannot be done ends the command with its message."""
    try:
        yield
    except TrainError as error:
        stop(error.message, error.exit_code, error.hint)
