"""What of the text a model is made from: an edit of anything else leaves the model as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.files import Module

Footprint: TypeAlias = tuple[tuple[str, str], ...]
"""The files and texts of definitions, in the order of the text: equal ones make equal models."""
_Item: TypeAlias = tuple[str, int, str]

_WORD = re.compile(r"[A-Za-z_]\w*")


class Footprints:
    """Those of the models of ``modules``, which are by their keys; the spec itself is ``key``.

    A definition is made from those whose names stand in its text. That may be one too many, as
    where a label has the name of a block, and never one too few.
    """

    def __init__(self, modules: Mapping[str, Module], key: str) -> None:
        self._modules, self._key = modules, key
        self._defined = {k: _definitions(k, m) for k, m in modules.items()}
        self._known: dict[str, Footprint] = {}

    def of(self, model: str) -> Footprint:
        """That of a model."""
        if model not in self._known:
            seen = set(self._named(self._key, model))
            todo = list(seen)
            while todo:
                key, _, text = todo.pop()
                new = {i for word in _words(text) for i in self._named(key, word)} - seen
                seen |= new
                todo += new
            self._known[model] = tuple((key, text) for key, _, text in sorted(seen))
        return self._known[model]

    def _named(self, key: str, name: str) -> Iterator[_Item]:
        """What a name may stand for in a file: of its own, or of those that it uses."""
        for file in (key, *self._modules[key].uses):
            yield from self._defined.get(file, {}).get(name, ())


def _definitions(key: str, module: Module) -> dict[str, list[_Item]]:
    found: dict[str, list[_Item]] = {}
    text = module.env.file.source.text
    for item in module.env.file.items:
        if not isinstance(item, ast.UseFile):
            found.setdefault(item.name, []).append((key, item.start, text[item.start : item.end]))
    return found


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
