"""The fifteen networks that the language was designed with."""

from __future__ import annotations

from pathlib import Path

from archlang.source import Source

FOLDER = Path(__file__).parent.parent / "sketches"
SKETCHES = {path.stem: path for path in sorted(FOLDER.glob("*.arch"))}


def sketch(name: str) -> Source:
    """The text of one."""
    return Source(name, SKETCHES[name].read_text(encoding="utf-8"))
