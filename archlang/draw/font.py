"""How wide text is, in the font that comes with the package: DejaVu Sans.

`fonts/` holds the letters that pictures need, its licence, and their widths in 2048ths of an em.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path

FAMILY = "DejaVu Sans"
FOLDER = Path(__file__).parent / "fonts"
FILES = (FOLDER / "DejaVuSans.ttf", FOLDER / "DejaVuSans-Bold.ttf")
EM = 2048
UNKNOWN = EM
"""The width that a letter gets which the font does not have."""


@cache
def _widths() -> dict[bool, dict[str, int]]:
    found = json.loads((FOLDER / "widths.json").read_text(encoding="utf-8"))
    return {
        bold: {letter: int(width) for width, letters in found[name].items() for letter in letters}
        for bold, name in ((False, "regular"), (True, "bold"))
    }


@lru_cache(4096)
def width(text: str, size: float, bold: bool = False) -> float:
    """The length of a line of text, in the unit of ``size``."""
    return units(text, bold) * size / EM


def units(text: str, bold: bool = False) -> int:
    """The length of a line of text, in 2048ths of an em."""
    widths = _widths()[bold]
    return sum(widths.get(letter, UNKNOWN) for letter in text)


def fitted(text: str, size: float, room: float, bold: bool = False) -> str:
    """The text, cut short with an ellipsis where it is longer than ``room``."""
    if width(text, size, bold) <= room:
        return text
    while text and width(f"{text}…", size, bold) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"
