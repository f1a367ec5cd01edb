"""What `check` prints of a bad spec, below the spec."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from archlang.cli.check import CheckFormat, check
from archlang.elaborate.files import decode

FOLDER = Path(__file__).parent
NAMES = sorted(p.stem for p in FOLDER.glob("*.arch"))
LINE = "~" * 100
LONGEST = 400
"""How much of a line of a spec is shown."""


def snapshot(name: str) -> str:
    """The spec, and what is printed when it is checked."""
    file = FOLDER / f"{name}.arch"
    lines = decode(file.read_bytes(), name).text.encode("utf-8", "replace").decode().splitlines()
    shown = [f"{line[:LONGEST]} …" if len(line) > LONGEST else line for line in lines]
    return "\n".join([*shown, LINE, printed(name)]).replace("\0", "\N{REPLACEMENT CHARACTER}")


def findings(name: str) -> list[dict[str, Any]]:
    """The same findings as data."""
    found = json.loads(printed(name, CheckFormat.json))["diagnostics"]
    assert isinstance(found, list)
    return found


def printed(name: str, format_: CheckFormat = CheckFormat.full) -> str:
    """What is printed: the spec is named from its own folder."""
    out = io.StringIO()
    with _inside(FOLDER), contextlib.redirect_stdout(out), contextlib.suppress(typer.Exit):
        check([f"{name}.arch"], format_=format_)
    return out.getvalue()


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
