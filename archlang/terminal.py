"""How text comes out on a terminal: how wide it is, and what it is in ASCII."""

from __future__ import annotations

_ASCII = {"…": "...", "×": "x", "→": "->", "–": "-", "≥": ">=", "≤": "<=", "⊕": "+", "\ufffd": "?"}
FIRST_COMBINING = "\u0300"
"""The first character that does not take one column of a terminal."""


def cells(text: str) -> int:
    """How many columns of a terminal ``text`` takes; a tab is four.

    What cannot be printed is shown as a mark of one column, so nothing joins two characters.
    """
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if not character.isprintable():
        return 4 if character == "\t" else 1
    if character < FIRST_COMBINING or character in _ASCII:
        return 1
    from rich.cells import get_character_cell_size  # few specs need it

    return get_character_cell_size(character)


def in_ascii(text: str) -> str:
    """A text in ASCII alone: what has no other form is written as in Python."""
    for mark, other in _ASCII.items():
        text = text.replace(mark, other)
    return text.encode("ascii", "backslashreplace").decode("ascii")
