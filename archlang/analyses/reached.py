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
    files = [f for f in program.files if not f.source.standard]
    every = [Written(i, f) for f in files for i in f.items if not isinstance(i, ast.UseFile)]
    named: dict[str, list[ast.Item]] = {}
    targets: dict[str, ast.Model | ast.Alias] = {}
    for item, file in every:
        if isinstance(item, ast.Block | ast.Let):
            named.setdefault(item.name, []).append(item)
        elif isinstance(item, ast.Model | ast.Alias) and file is files[-1]:
            targets[item.name] = item
    found: dict[int, None] = {}
    wanted: list[ast.Item] = [targets[model]] if model in targets else []
    while wanted:
        made = wanted.pop()
        if id(made) in found:
            continue
        found[id(made)] = None
        if isinstance(made, ast.Alias) and made.target in targets:
            wanted.append(targets[made.target])
        for name in {n.name for n in nodes(made) if hasattr(n, "name")}:
            wanted += named.get(name, ())
    return [w for w in every if id(w.item) in found]


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
