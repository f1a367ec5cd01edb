"""Where a name is declared: what a suggestion points at."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cached_property
from typing import Any, TypeAlias

from archlang.source import Source, Span
from archlang.syntax import ast

_DECLARES = (ast.Param, ast.Let, ast.Shared, ast.Block, ast.Model, ast.Alias, ast.Input, ast.Label)


def declared(file: ast.File, name: str, before: int) -> Span | None:
    """The last place before an offset of the file that gives a name its meaning."""
    starts = _names(file).places.get(name, [])
    number = bisect_right(starts, before)
    start = starts[number - 1] if number else None
    return None if start is None else Span(file.source, start, start + len(name))


def names(file: ast.File) -> int:
    """How many names a file declares."""
    return len(_names(file).places)


_LATER = (ast.Let, ast.Shared, ast.Input, ast.Label)


def named_below(file: ast.File, name: str, after: int) -> Span | None:
    """The first place behind an offset where the same body, or a `let` of the file, has a name."""
    index = _names(file)
    bodies = [i for i in index.bodies if i.body.start <= after < i.end]
    known = [index.lets, *map(index.later, bodies)]
    every = (places.get(name, []) for places in known)
    starts = [s[bisect_right(s, after)] for s in every if s and s[-1] > after]
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
    places = _names(file).places.items()
    alike = (n for n, s in places if s[0] <= before and abs(len(n) - len(name)) <= 1)
    near = sorted(n for n in alike if max(len(name), len(n)) > 1 and _one_off(name, n))
    for other in [guess, *near] if guess else near:
        place = declared(file, other, before)
        if place and misnamed(file, name, other, place):
            return place
    return _lone(file, name, before) if len(name) == 1 else None


def _lone(file: ast.File, name: str, before: int) -> Span | None:
    """The one `let` or size of a letter that nothing uses, where another letter has no meaning."""
    index = _names(file)
    item = next((i for i in index.bodies if i.start <= before < i.end), None)
    if item is None:
        return None
    letters = [n for n, at in index.later(item).items() if len(n) == 1 and at[0] <= before]
    places = [Span(file.source, at, at + 1) for n in letters for at in index.later(item)[n]]
    unused = [place for place in places if misnamed(file, name, place.text, place)]
    lets = [p for p in unused if index.text[: p.start].rstrip().endswith("let")]
    unused = lets or unused  # a size may have its letter for whoever reads it
    return unused[0] if len(unused) == 1 else None


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
    index = _names(file)
    item = next((i for i in file.items if i.start <= place.start < i.end), None)
    words = index.words(None if item is None or getattr(item, "name", "") == guess else item)
    if words[guess] != 1:
        return False
    if words[name] > 1:
        return True

    def known(word: str) -> bool:
        return bool(_parts(word)) and all(index.parts[part] > 1 for part in _parts(word))

    return known(name) and not known(guess)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"\n]*"|#[^\n]*', "", text))


def _parts(word: str) -> list[str]:
    return [part for part in re.split(r"[\d_]+", word) if len(part) > 2]


_Places: TypeAlias = dict[str, list[int]]


class _Names:
    """Every name that a file declares, and where; and its words, with how often each is there."""

    def __init__(self, file: ast.File) -> None:
        self.text = file.source.text
        self.places = _by_name(_places(file.items, self.text))
        self.bodies = [i for i in file.items if isinstance(i, ast.Block | ast.Model)]
        lets = (i for i in file.items if isinstance(i, ast.Let))
        self.lets = _by_name((i.name, _at(self.text, i.name, i.start)) for i in lets)
        self._later: dict[int, _Places] = {}
        self._words: dict[int, Counter[str]] = {}

    def later(self, item: ast.Block | ast.Model) -> _Places:
        """What statements of a body name."""
        if item.start not in self._later:
            self._later[item.start] = _by_name(_places(item.body, self.text, _LATER))
        return self._later[item.start]

    def words(self, item: ast.Item | None) -> Counter[str]:
        """The words of an item, or of the file."""
        start, end = (item.start, item.end) if item is not None else (-1, len(self.text))
        if start not in self._words:
            self._words[start] = Counter(_words(self.text[max(start, 0) : end]))
        return self._words[start]

    @cached_property
    def parts(self) -> Counter[str]:
        """The parts of the words of the file."""
        counted: Counter[str] = Counter()
        for word, times in self.words(None).items():
            counted.update({part: times * n for part, n in Counter(_parts(word)).items()})
        return counted


def _by_name(places: Iterable[tuple[str, int]]) -> _Places:
    found: _Places = {}
    for name, start in places:
        found.setdefault(name, []).append(start)
    return {name: sorted(starts) for name, starts in found.items()}


_LAST: dict[Source, _Names] = {}
"""The names of the file that was asked about last."""


def _names(file: ast.File) -> _Names:
    if file.source not in _LAST:
        _LAST.clear()
        _LAST[file.source] = _Names(file)
    return _LAST[file.source]


def _at(text: str, name: str, start: int) -> int:
    """Where a word stands, from a place on: `e` is not in `let`."""
    found = re.compile(rf"(?<!\w){name}(?!\w)").search(text, start)
    return found.start() if found else start


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
            yield name, _at(text, name, item.start)
        elif isinstance(item, ast.For) and kinds is _DECLARES:
            yield from ((name, _at(text, name, item.start)) for name in item.targets)
        elif isinstance(item, ast.Signature):
            dims = (d.value for d in item.takes.dims)
            yield from ((d.name, d.start) for d in dims if isinstance(d, ast.Name))
        for part in fields(item):
            if part.name not in ("start", "end"):
                yield from _places(getattr(item, part.name), text, kinds)
