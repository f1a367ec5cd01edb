"""Where a name is declared: what a suggestion points at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from archlang.source import Span
from archlang.syntax import ast

_DECLARES = (ast.Param, ast.Let, ast.Shared, ast.Block, ast.Model, ast.Alias, ast.Input, ast.Label)


def declared(file: ast.File, name: str, before: int) -> Span | None:
    """The last place before an offset of the file that gives a name its meaning."""
    places = [p for p in _places(file.items, file.source.text) if p[0] == name and p[1] <= before]
    if not places:
        return None
    _, start = max(places, key=lambda p: p[1])
    return Span(file.source, start, start + len(name))


_LATER = (ast.Let, ast.Shared, ast.Input, ast.Label)


def named_below(file: ast.File, name: str, after: int) -> Span | None:
    """The first place behind an offset where the same body, or a `let` of the file, has a name."""
    places: list[tuple[str, int]] = []
    for item in file.items:
        if isinstance(item, ast.Block | ast.Model) and item.body.start <= after < item.end:
            places += _places(item.body, file.source.text, _LATER)
        elif isinstance(item, ast.Let):
            places.append((item.name, file.source.text.find(item.name, item.start)))
    starts = [start for known, start in places if known == name and start > after]
    return Span(file.source, min(starts), min(starts) + len(name)) if starts else None


def _places(item: Any, text: str, kinds: tuple[type, ...] = _DECLARES) -> Iterator[tuple[str, int]]:
    """Every name that is declared, and where; of some kinds, or those of loops and sizes too."""
    if isinstance(item, list):
        for one in item:
            yield from _places(one, text, kinds)
    elif isinstance(item, ast.Node):
        numbered = kinds is _LATER and getattr(item, "indices", None)  # `a[1]` does not name `a`
        sized = isinstance(item, ast.DimSpec) and item.name
        if (isinstance(item, kinds) and not numbered) or sized:
            name = str(getattr(item, "name"))  # noqa: B009 - all of these kinds have one
            at = text.find(name, item.start)
            yield name, at
        elif isinstance(item, ast.For) and kinds is _DECLARES:
            yield from ((name, text.find(name, item.start)) for name in item.targets)
        elif isinstance(item, ast.Signature):
            dims = (d.value for d in item.takes.dims)
            yield from ((d.name, d.start) for d in dims if isinstance(d, ast.Name))
        for part in fields(item):
            if part.name not in ("start", "end"):
                yield from _places(getattr(item, part.name), text, kinds)
