"""Where a value was written: by names, arguments and items of lists, back to its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from archlang.elaborate.binding import unpack
from archlang.elaborate.problem import Problem, fail
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


def origin_of(expr: ast.Expr, env: Env) -> Origin:
    """That of an argument. One is made for each, and the class itself takes twice as long."""
    return tuple.__new__(Origin, (expr, env, ()))


def source(origin: Origin) -> Origin:
    """The expression that a value was first written as, followed as far as it is handed on whole.

    It is asked for while the names that it sees still have the values that made it.
    """
    from archlang.elaborate.expressions import Evaluator  # it makes origins itself

    run = Evaluator()
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
                inner.values.update(unpack(expr.targets, item, env.span(expr)))
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


def written_at(origin: Origin) -> Span:
    """Where a value was first written."""
    found = source(origin)
    return found.env.span(found.expr)


def made_of(expr: ast.Expr, env: Env) -> Span | None:
    """Where the value of a name was worked out; None where it is a number as it is written."""
    place = written_at(Origin(expr, env)) if isinstance(expr, ast.Name) else None
    return None if place is None or place.text.isdigit() else place


def unfit(says: str, expr: ast.Expr, env: Env) -> NoReturn:
    """Raise for a value of another kind than what is needed, and tell where it was worked out."""
    fail("A105", says, env.span(expr), written=made_of(expr, env))


def made_at(origin: Origin) -> Span:
    """Where a value was written, or the one number that makes it what it is beside sizes."""
    found = source(origin)
    leaves = set(_leaves(found, DEEP))
    return leaves.pop() if len(leaves) == 1 else found.env.span(found.expr)


def _leaves(origin: Origin, deep: int) -> Iterator[Span]:
    """Where the numbers are written that a value is made of."""
    expr, env, _ = origin = source(origin)
    match expr:
        case ast.Number() | ast.SizeLiteral() | ast.Truth() | ast.String():
            yield env.span(expr)
            return
        case ast.Binary():
            inner: list[ast.Expr] = [expr.left, expr.right]
        case ast.Unary():
            inner = [expr.operand]
        case ast.Call():
            inner = [a.value for a in expr.args]
        case ast.ListLiteral():
            inner = expr.items
        case _:
            inner = []
    for one in inner if deep else ():
        yield from _leaves(Origin(one, env), deep - 1)


def unwhole_at(origin: Origin) -> Span:
    """Where a number first came to be no whole one."""
    from archlang.elaborate.expressions import Evaluator

    origin = source(origin)
    for _ in range(DEEP):
        expr, env, _ = origin
        sides = [expr.left, expr.right] if isinstance(expr, ast.Binary) else []
        try:
            odd = [s for s in sides if isinstance(Evaluator().evaluate(s, env), Fraction)]
        except Problem:
            break
        further = source(Origin(odd[0], env)) if len(odd) == 1 else None
        if further is None or further.expr is odd[0]:
            break
        origin = further
    return origin.env.span(origin.expr)


def divided(problem: Problem, by: Origin) -> Problem:
    """What is wrong with a number: where it is a division by zero, with where that is written."""
    if problem.diagnostic.code == "A108":
        problem.diagnostic = replace(problem.diagnostic, written=made_at(by))
    return problem
