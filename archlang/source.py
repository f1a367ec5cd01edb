"""The text of a spec and places in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Source:
    """A spec's text and the name people know it by (a path, or ``<stdin>``)."""

    name: str
    text: str = field(repr=False)

    @property
    def standard(self) -> bool:
        """Whether it is of the standard library, which is not the user's to change."""
        return self.name.startswith("std/")

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in re.finditer("\n", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1; a column is one character."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def editor_position(self, offset: int) -> tuple[int, int]:
        """Line and column as editors count: both from 0, a column is one UTF-16 unit."""
        line, column = self.position(offset)
        before = self.text[offset - column + 1 : offset]
        return line - 1, column - 1 + sum(c > "\uffff" for c in before)

    def byte_offset(self, offset: int) -> int:
        """The same place in the text as UTF-8."""
        return len(self.text[:offset].encode("utf-8", "surrogatepass"))

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1), without its line break."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")

    @property
    def lines(self) -> int:
        """How many lines there are; behind the last line break there is none."""
        return len(self._line_starts) - (self.text.endswith("\n"))

    def stretch(self, first: int, last: int) -> tuple[int, int]:
        """Where lines ``first`` to ``last`` (from 1; those that there are) start and end."""
        starts = [*self._line_starts, len(self.text)]
        return starts[first - 1], starts[min(last, self.lines)]


class Span(NamedTuple):
    """A stretch of a source: offsets ``start`` (in) to ``end`` (out).

    A tuple, not a dataclass: one is made for every step of working out a network.
    """

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The line it starts on, from 1."""
        return self.source.position(self.start)[0]

    def within(self, outer: Span) -> bool:
        """Whether all of it is in ``outer``, or is that."""
        there = outer.start <= self.start <= self.end <= outer.end
        return there and self.source == outer.source

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"


def shown_path(name: str) -> str:
    """A file's name seen from the folder that the program was started in, where it is below it."""
    path = Path(name)
    if not path.is_absolute():
        return name
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return name


class Edit(NamedTuple):
    """A stretch of a source, and the text to put in its place."""

    span: Span
    text: str


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """The source with edits made, none of which overlap; those of other sources are left out."""
    own = [edit for edit in edits if edit.span.source == source]
    own.sort(key=lambda e: (e.span.start, e.span.end), reverse=True)
    parts, end = [], len(source.text)
    for edit in own:
        parts += [source.text[edit.span.end : end], edit.text]
        end = edit.span.start
    return Source(source.name, "".join([source.text[:end], *reversed(parts)]))
