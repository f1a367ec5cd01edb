"""Where a value was written: by names, arguments and items of lists, back to the text it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archlang.elaborate.problem import Problem
from archlang.source import Span
from archlang.syntax import ast

if TYPE_CHECKING:
    from archlang.elaborate.expressions import Evaluator
    from archlang.elaborate.scope import Env

DEEP = 40
"""How many steps back a value is followed."""


class Origin(NamedTuple):
    """What a name got its value from: an expression with the names it sees, and which item."""

    expr: ast.Expr
    env: Env
    path: tuple[int, ...] = ()


def source(origin: Origin, run: Evaluator) -> Origin:
    """The expression that a value was first written as, followed as far as it is handed on whole.

    It is asked for while the names that it sees still have the values that made it.
    """
    for _ in range(DEEP):
        further = _further(origin, run)
        if further is None:
            break
        origin = further
    return origin


def _further(origin: Origin, run: Evaluator) -> Origin | None:
    """One step back, if the value comes from somewhere else as it is."""
    expr, env, path = origin
    try:
        match expr:
            case ast.Name():
                known = env.origins.get(expr.name)
                return known and known._replace(path=known.path + path)
            case ast.Conditional():
                chosen = expr.then if run.truth(expr.test, env) else expr.otherwise
                return Origin(chosen, env, path)
            case ast.Index():
                return Origin(expr.base, env, (run.integer(expr.index, env), *path))
            case ast.ListLiteral() if path:
                return Origin(expr.items[path[0]], env, path[1:])
            case ast.Slice() if path and (expr.low is None or path[0] >= 0):
                low = 0 if expr.low is None else run.integer(expr.low, env)
                return Origin(expr.base, env, (path[0] + low, *path[1:])) if low >= 0 else None
            case ast.Comprehension() if path:
                inner = env.body()
                item = run.list_of(expr.iterable, env)[path[0]]
                inner.values.update(run.unpack(expr.targets, item, env.span(expr)))
                inner.origins.update(targets(expr.targets, expr.iterable, env, path[0]))
                return Origin(expr.body, inner, path[1:])
    except (Problem, IndexError):
        pass
    return None


def targets(names: list[str], iterable: ast.Expr, env: Env, number: int) -> dict[str, Origin]:
    """Where the variables of a loop get their values in one of its turns."""
    if len(names) == 1:
        return {names[0]: Origin(iterable, env, (number,))}
    return {name: Origin(iterable, env, (number, i)) for i, name in enumerate(names)}


def written_at(origin: Origin, run: Evaluator) -> Span:
    """Where a value was first written."""
    found = source(origin, run)
    return found.env.span(found.expr)
