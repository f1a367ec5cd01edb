"""What errors keep out of a network: recorded, so that the rest of it can be shown."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.elaborate.problem import Problem
from archlang.elaborate.scope import Lost, Place, Wire
from archlang.graph import Graph, Missing
from archlang.op import Op
from archlang.source import Span
from archlang.syntax import ast


def lose(
    graph: Graph,
    problem: Problem,
    name: str,
    at: Place,
    takes: Sequence[Wire],
    span: Span,
    op: Op | None = None,
) -> Lost:
    """What a stretch comes to that a problem ends; only the innermost one is recorded."""
    if problem.missing is None:
        problem.missing = _missing(graph, at.scope.child(name), at, takes, span, op)
        problem.missing.finding = problem.diagnostic
    return Lost(problem.missing)


def unreached(
    graph: Graph, path: str, at: Place, takes: Sequence[Wire], span: Span, op: Op | None = None
) -> Lost:
    """What a stretch comes to where something that it takes is lost."""
    return Lost(_missing(graph, path, at, takes, span, op))


def _missing(
    graph: Graph, path: str, at: Place, takes: Sequence[Wire], span: Span, op: Op | None
) -> Missing:
    ends = (wire.origin if isinstance(wire, Lost) else wire for wire in takes)
    arrive = tuple(end for end in ends if end is not None)
    missing = Missing(path, span, at.region, arrive, op=op)
    graph.missing.append(missing)
    return missing


def called(part: ast.Stage | ast.Stmt) -> str:
    """What a stage or statement is called by."""
    match part:
        case ast.Pipe():
            return part.label.name if part.label else called(part.chain.stages[0])
        case ast.Repeat():
            return called(part.stage)
        case ast.Use() | ast.Reference() | ast.Merge() | ast.Input():
            return part.name
        case ast.Group():
            return "{ … }"
    return type(part).__name__.lower()
