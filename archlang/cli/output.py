"""Writing files, so that what is there is either the old or the new, never half of one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from archlang.cli.common import stop

PLOTS = (".svg", ".png", ".pdf")
"""What the name of a picture may end in."""


def check_folder(path: Path) -> None:
    """End the program where ``path`` cannot be written, before long work is done for it."""
    if not path.parent.is_dir():
        stop(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        stop(f"cannot write {path}: it is a folder")


def check_plot(path: Path) -> None:
    """The same for a picture: where its kind is not known, or what draws it is not there."""
    if path.suffix not in PLOTS:
        stop(
            f"cannot tell what to draw from the name {path}",
            hint=f"it can end in {', '.join(PLOTS)}",
        )
    check_folder(path)
    if find_spec("matplotlib") is None:
        stop("--plot needs matplotlib, which is not installed", hint="pip install 'archlang[plot]'")


def write_files(path: Path, write: Callable[[Path], list[Path]]) -> list[Path]:
    """Put the files that ``write`` makes, given one's name, where ``path`` says.

    They are written beside it first, and moved when all are whole. Ends the program where that
    fails; then what was there stays. Gives where the files are.
    """
    check_folder(path)
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            return [
                made.replace(path.with_name(made.name)) for made in write(Path(folder) / path.name)
            ]
    except OSError as error:
        stop(f"cannot write {path}: {(error.strerror or str(error)).lower()}")
