"""``require`` statements about numbers of the whole network or of a block."""

from __future__ import annotations

from archlang.analyses.cost import total
from archlang.diagnostic import Diagnostic
from archlang.elaborate.elaborator import broken, free_names
from archlang.elaborate.expressions import METRICS, Evaluator
from archlang.elaborate.problem import Problem
from archlang.graph import Graph, Requirement


def check_requirements(graph: Graph) -> list[Diagnostic]:
    """The requirements that ``graph`` does not meet."""
    found: list[Diagnostic] = []
    evaluator = Evaluator()
    for requirement in graph.requirements:
        try:
            if diagnostic := _check(graph, requirement, evaluator):
                found.append(diagnostic)
        except Problem as problem:
            found.append(problem.diagnostic)
    return found


def _check(graph: Graph, requirement: Requirement, evaluator: Evaluator) -> Diagnostic | None:
    statement, env, region = requirement
    totals = total(graph, None if region is graph.root else region.nodes()).to_json()
    names = [n for n in METRICS if n not in env.values]
    inner = env.body()
    inner.values.update({n: totals[n] for n in names})
    if evaluator.truth(statement.condition, inner):
        return None
    span = env.span(statement.condition)
    asked = set(free_names(statement.condition))
    notes = tuple(f"{n} is {totals[n]:,}" for n in names if n in asked)
    return Diagnostic("A205", broken(statement, span.text), span, notes=notes)
