"""Which of a spec's items a model is made with: what an edit of one of them can have to do with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from archlang.elaborate import Program
from archlang.source import Span
from archlang.syntax import ast


class Written(NamedTuple):
    """An item, and the file that it is written in."""

    item: ast.Item
    file: ast.File


def reached(program: Program, model: str) -> list[Written]:
    """The items that a model is made with, itself too, in the order of the text.

    Those of the standard library are left out: they are not the user's to change. Names are not
    told apart by what they stand for, so an item too many may be among them.
    """
    key, known = (_Items, model), program.looks
    if key not in known:
        if _Items not in known:
            known[_Items] = _Items(program)
        known[key] = known[_Items].of(model)
    found: list[Written] = known[key]
    return found


class _Items:
    """The items of a program, and what each of them names."""

    def __init__(self, program: Program) -> None:
        files = [f for f in program.files if not f.source.standard]
        self.every = [
            Written(i, f) for f in files for i in f.items if not isinstance(i, ast.UseFile)
        ]
        self.order = {id(w.item): number for number, w in enumerate(self.every)}
        self.named: dict[str, list[ast.Item]] = {}
        self.targets: dict[str, ast.Model | ast.Alias] = {}
        self.names: dict[int, set[str]] = {}
        for item, file in self.every:
            if isinstance(item, ast.Block | ast.Let):
                self.named.setdefault(item.name, []).append(item)
            elif isinstance(item, ast.Model | ast.Alias) and file is files[-1]:
                self.targets[item.name] = item

    def of(self, model: str) -> list[Written]:
        """Those that a model is made with."""
        found: set[int] = set()
        wanted: list[ast.Item] = [self.targets[model]] if model in self.targets else []
        while wanted:
            made = wanted.pop()
            if id(made) in found:
                continue
            found.add(id(made))
            if isinstance(made, ast.Alias) and made.target in self.targets:
                wanted.append(self.targets[made.target])
            for name in self.names_in(made):
                wanted += self.named.get(name, ())
        return [self.every[number] for number in sorted(self.order[i] for i in found)]

    def names_in(self, item: ast.Item) -> set[str]:
        """The names that stand in an item."""
        if id(item) not in self.names:
            self.names[id(item)] = {n.name for n in nodes(item) if hasattr(n, "name")}
        return self.names[id(item)]


def nodes(node: Any) -> Iterator[Any]:
    """A node of the tree and all in it."""
    if isinstance(node, list):
        for part in node:
            yield from nodes(part)
    elif isinstance(node, ast.Node):
        yield node
        for field in node.__dataclass_fields__:
            yield from nodes(getattr(node, field))


def having(program: Program, span: Span) -> Iterator[str]:
    """The models that are made with the item that a place is in."""
    for name in program.complete:
        if any(
            w.file.source == span.source and w.item.start <= span.start and span.end <= w.item.end
            for w in reached(program, name)
        ):
            yield name
