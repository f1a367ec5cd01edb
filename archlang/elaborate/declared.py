"""Where a name is declared: what a suggestion points at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from archlang.source import Source, Span
from archlang.syntax import ast

_DECLARES = (ast.Param, ast.Let, ast.Shared, ast.Block, ast.Model, ast.Alias, ast.Input, ast.Label)


def declared(file: ast.File, name: str, before: int) -> Span | None:
    """The last place before an offset of the file that gives a name its meaning."""
    places = [p for p in _declarations(file) if p[0] == name and p[1] <= before]
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


_SLIPS: dict[tuple[Source, str, str | None, int], Span | None] = {}
"""What was answered last: one mistake is met each time that its place is run."""
_MOST = 64


def slip(file: ast.File, name: str, guess: str | None, before: int) -> Span | None:
    """The declaration that a name which means nothing is likely the right name of."""
    key = (file.source, name, guess, before)
    if key not in _SLIPS:
        if len(_SLIPS) >= _MOST:
            _SLIPS.clear()
        _SLIPS[key] = _slip(file, name, guess, before)
    return _SLIPS[key]


def _slip(file: ast.File, name: str, guess: str | None, before: int) -> Span | None:
    known = {n for n, at in _declarations(file) if at <= before}
    near = sorted(n for n in known if max(len(name), len(n)) > 1 and _one_off(name, n))
    for other in [guess, *near] if guess else near:
        place = declared(file, other, before)
        if place and misnamed(file, name, other, place):
            return place
    return None


def _one_off(a: str, b: str) -> bool:
    """Whether one letter is changed, left out or put in between two names."""
    short, long = sorted((a, b), key=len)
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(short))
    return short[same:] == long[same + 1 :] or short[same + 1 :] == long[same + 1 :]


def misnamed(file: ast.File, name: str, guess: str, place: Span) -> bool:
    """Whether a declaration that says ``guess`` is the slip, and not what uses ``name``.

    So it is where nothing uses the one, and several places the other; or where the words in the
    one stand nowhere else in the file, and those in the other do.
    """
    items = [i for i in file.items if i.start <= place.start < i.end]
    own = not items or getattr(items[0], "name", "") == guess
    scope = file.source.text if own else file.source.text[items[0].start : items[0].end]
    words = _words(scope)
    if words.count(guess) != 1:
        return False
    if words.count(name) > 1:
        return True
    parts = [part for word in _words(file.source.text) for part in _parts(word)]

    def known(word: str) -> bool:
        return bool(_parts(word)) and all(parts.count(part) > 1 for part in _parts(word))

    return known(name) and not known(guess)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"\n]*"|#[^\n]*', "", text))


def _parts(word: str) -> list[str]:
    return [part for part in re.split(r"[\d_]+", word) if len(part) > 2]


_LAST: dict[Source, list[tuple[str, int]]] = {}
"""The names of the file that was asked about last."""


def _declarations(file: ast.File) -> list[tuple[str, int]]:
    """Every name that a file declares, and where."""
    if file.source not in _LAST:
        _LAST.clear()
        _LAST[file.source] = list(_places(file.items, file.source.text))
    return _LAST[file.source]


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
