"""A stated size that is not whole: rounded to what comes out, where it is worked out.

``/`` divides exactly, and a layer rounds: what is missing is ``ceil`` or ``floor``, around the
size itself or in the function that gives it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from archlang.analyses.reached import Written, nodes, reached
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.graph import Graph, Unmet
from archlang.source import Edit, Source, Span
from archlang.syntax import ast

ROUNDINGS = {"ceil": math.ceil, "floor": math.floor}
CODES = frozenset({"A201", "A209"})


class _Size(NamedTuple):
    """A size of a shape in the text, what it comes to, and what comes out."""

    text: ast.Expr
    said: Fraction
    came: int


def rounded(program: Program, model: str, graph: Graph, finding: Diagnostic) -> Iterator[Fix]:
    """Ways to round what a finding is about, so that it would be as it comes out."""
    if finding.code not in CODES:
        return
    for unmet in graph.unmet:
        if finding.span.within(unmet.span) and (sizes := _not_whole(graph, unmet)):
            source = unmet.span.source
            for name, function in ROUNDINGS.items():
                if all(function(size.said) == size.came for size in sizes):
                    yield from _in_function(name, sizes, reached(program, model))
                    yield _in_place(name, sizes, source)
            return


def _not_whole(graph: Graph, unmet: Unmet) -> list[_Size]:
    """The sizes of a stated shape that are not whole; none where others are wrong as well."""
    source, start = unmet.span.source, unmet.span.start
    shapes = (w.shape for w in graph.written if w.source == source and w.shape.start == start)
    shape, came = next(shapes, None), unmet.node.output.shape
    if shape is None or not len(shape.dims) == len(unmet.sizes) == len(came):
        return []
    odd = []
    for dim, said, size in zip(shape.dims, unmet.sizes, came, strict=True):
        if isinstance(said, Fraction) and said.denominator > 1:
            odd.append(_Size(dim.value, said, int(size)))
        elif said is not None and said != int(size):
            return []
    return odd


def _in_place(name: str, sizes: list[_Size], source: Source) -> Fix:
    spans = [Span(source, s.text.start, s.text.end) for s in sizes]
    edits = tuple(Edit(span, f"{name}({span.text})") for span in spans)
    return Fix(f"state {', '.join(f'`{e.text}`' for e in edits)}", edits)


def _in_function(name: str, sizes: list[_Size], items: list[Written]) -> Iterator[Fix]:
    """The same in the function that gives all of the sizes, where there is one."""
    called = {s.text.name if isinstance(s.text, ast.Call) else None for s in sizes}
    for item, file in items:
        for let in nodes(item):
            if isinstance(let, ast.Let) and let.params and called == {let.name}:
                span = file.span(let.value)
                made = f"{name}({span.text})"
                yield Fix(f"`{made}` in `{let.name}`", (Edit(span, made),))
