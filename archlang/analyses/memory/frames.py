"""How long the Python of a compiled module holds on to each tensor.

A variable holds its value until another takes it over, or its function returns; and whoever
calls a module holds what it gave it until the module is done.
"""

from __future__ import annotations

from archlang.analyses.plan import Plan, Scope, Step, Variables, parameter_names
from archlang.graph import Node


def held(plan: Plan) -> list[int]:
    """For each node the index of the last node during whose work its tensor is held.

    What the network gives is held past the end.
    """
    until = [node.index for node in plan.graph.nodes]
    _hold(plan, plan.root, until)
    for end in (*plan.ends, *plan.graph.inputs.values()):
        until[end.index] = len(plan.graph.nodes)
    return until


def _hold(plan: Plan, scope: Scope, until: list[int]) -> None:
    last = scope.nodes[-1].index if scope.nodes else -1
    dropped = _dropped(plan, scope)
    for value in (*scope.takes, *(n for step in scope.steps for n in step.gives)):
        end = last if value not in dropped or value in scope.takes else dropped[value]
        until[value.index] = max(until[value.index], end)
    for step in scope.steps:
        if isinstance(step.part, Scope):
            _hold(plan, step.part, until)


def _dropped(plan: Plan, scope: Scope) -> dict[Node, int]:
    """For each value that another one takes its variable from, the index of the last node before.

    The variables are those of ``forward_text``.
    """
    names = parameter_names(scope, list(plan.graph.inputs) if scope is plan.root else ())
    variables = Variables(names, scope.takes)
    holds = dict(zip(names, scope.takes, strict=True))
    dropped: dict[Node, int] = {}
    for step, done in plan.calls(scope):
        for node in done:
            variables.release(node)
        for node in step.gives:
            name = variables.names[node] = variables.fresh()
            if name in holds:
                dropped[holds[name]] = _end(step)
            holds[name] = node
    return dropped


def _end(step: Step) -> int:
    """The index of the last node that a call runs."""
    return step.part.nodes[-1].index if isinstance(step.part, Scope) else step.part.index
