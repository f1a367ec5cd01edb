"""Findings that come of one mistake: what the statements that fail have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archlang.analyses.reached import nodes
from archlang.diagnostic import Diagnostic, Note
from archlang.elaborate import Program
from archlang.op import Op
from archlang.source import Span
from archlang.syntax import ast

SEVERAL = 3
"""Of so many statements that fail alike it is what all of them use that is wrong."""


def of_one_use(program: Program, found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings about a model, with one for all stated shapes that fail behind uses of a block.

    So it is where no shape that the same body states behind one holds, and no way out is known.
    """
    failed = {d.span: d for d in found if d.code == "A201" and not (d.fixes or d.shows)}
    if len(failed) < SEVERAL:
        return found
    told: dict[Span, Diagnostic] = {}
    gone: set[Span] = set()
    for name, shapes in _stated(program):
        of = [[s for s in failed if s.within(shape)] for shape in shapes]
        same = [span for spans in of for span in spans if span not in gone]
        if len(same) >= SEVERAL and all(of):
            first, others = failed[same[0]], [failed[s] for s in same[1:]]
            related = (*first.related, *(Note(d.span, d.label) for d in others))
            notes = (*first.notes, f"nothing that is stated behind `{name}` holds here")
            told[same[0]] = replace(first, related=related, notes=notes, shows=tuple(same))
            gone.update(same)
    return [told.get(d.span, d) for d in found if d.span in told or d.span not in gone]


def _stated(program: Program) -> Iterator[tuple[str, list[Span]]]:
    """The shapes that an item of the user states behind uses of a block, and its name."""
    for file in program.files:
        for item in () if file.source.standard else file.items:
            behind: dict[str, list[Span]] = {}
            for stmt in nodes(item):
                if isinstance(stmt, ast.Pipe) and stmt.shape is not None:
                    for name in dict.fromkeys(_used(stmt.chain)):
                        behind.setdefault(name, []).append(file.span(stmt.shape))
            yield from behind.items()


def _used(chain: ast.Chain) -> Iterator[str]:
    """What a chain uses that is no layer."""
    for stage in chain.stages:
        used = stage.stage if isinstance(stage, ast.Repeat) else stage
        if isinstance(used, ast.Use) and used.name not in Op.registry:
            yield used.name
