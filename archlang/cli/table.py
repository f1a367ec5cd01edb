"""Tables for terminals: columns as wide as what is in them. (A library's take 90 ms to start.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archlang.terminal import cells

GAP = "   "
LEAST = 12


class Cells(NamedTuple):
    """A row; a ``plain`` one is of less interest, and may be shown fainter."""

    texts: tuple[str, ...]
    plain: bool = False


def text_table(
    head: tuple[str, ...],
    body: Sequence[Cells],
    *,
    right: Sequence[int],
    shrink: int,
    width: int | None,
) -> Iterator[tuple[str, bool]]:
    """The lines of a table, and whether each is of a plain row.

    Columns in ``right`` are aligned to the right. Where the table is wider than ``width``,
    the column ``shrink`` is cut.
    """
    rows = [head, *(row.texts for row in body)]
    widths = [max(cells(row[i]) for row in rows) for i in range(len(head))]
    whole = sum(widths) + len(GAP) * (len(head) - 1)
    if width is not None and whole > width:
        widths[shrink] = max(LEAST, widths[shrink] - (whole - width))

    def line(texts: tuple[str, ...]) -> str:
        parts = []
        for i, text in enumerate(texts):
            shown = _cut(text, widths[i])
            space = " " * (widths[i] - cells(shown))
            parts.append(space + shown if i in right else shown + space)
        return GAP.join(parts).rstrip()

    yield line(head), False
    yield "─" * (sum(widths) + len(GAP) * (len(head) - 1)), False
    for row in body:
        yield line(row.texts), row.plain


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"
