"""``require`` statements about numbers of the whole network or of a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from archlang.analyses.figures import Figures
from archlang.diagnostic import Diagnostic
from archlang.elaborate.elaborator import broken, free_names
from archlang.elaborate.expressions import METRICS, Evaluator
from archlang.elaborate.problem import Problem
from archlang.elaborate.scope import Env
from archlang.elaborate.values import whole, written
from archlang.graph import Graph, Requirement
from archlang.sizes.functions import RELATIONS
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression


def required(graph: Graph, text: str) -> Requirement:
    """A requirement of the whole network that its spec does not state; raises ``ArchError``."""
    source = Source("<require>", text)
    condition = parse_expression(source)
    outer = graph.root.env
    assert outer is not None
    env = Env(ast.File(0, 0, source, None, [], []), dict(outer.values), outer.blocks)
    return Requirement(ast.Require(0, len(text), condition, None), env, graph.root)


def check_requirements(
    graph: Graph, requirements: Sequence[Requirement] | None = None
) -> list[Diagnostic]:
    """Which requirements ``graph`` does not meet: of those given, or of its spec's."""
    found: list[Diagnostic] = []
    for requirement in graph.requirements if requirements is None else requirements:
        try:
            if diagnostic := _Checked(graph, requirement).diagnostic():
                found.append(diagnostic)
        except Problem as problem:
            found.append(problem.diagnostic)
    return found


class _Checked:
    """A requirement with the figures that it asks for."""

    def __init__(self, graph: Graph, requirement: Requirement) -> None:
        self.statement, env, self.region = requirement
        self.evaluator = Evaluator()
        self.figures = Figures(graph, self.region)
        asked = set(free_names(self.statement.condition))
        self.names = [n for n in METRICS if n in asked and n not in env.values]
        self.env = env.body()
        self.env.values.update({n: self.figures.value(n) for n in self.names})

    def diagnostic(self) -> Diagnostic | None:
        condition = self.statement.condition
        if self.evaluator.truth(condition, self.env):
            return None
        span = self.env.span(condition)
        notes = [note for unmet in self._unmet(condition) for note in self._about(unmet)]
        if self.region.kind == "block":
            use = f"{self.region.name}({self.region.args})"
            notes.append(f"in {use}, used at {self.region.span}")
        message = broken(self.statement, span.text)
        return Diagnostic("A205", message, span, notes=tuple(dict.fromkeys(notes)))

    def _unmet(self, condition: ast.Expr) -> Iterator[ast.Binary]:
        """The comparisons that a condition fails by."""
        match condition:
            case ast.Binary(operator="and" | "or" as symbol):
                for side in (condition.left, condition.right):
                    if symbol == "or" or not self.evaluator.side(side, self.env):
                        yield from self._unmet(side)
            case ast.Binary() if condition.operator in RELATIONS:
                yield condition

    def _about(self, unmet: ast.Binary) -> Iterator[str]:
        """What a figure came to, how far that is from what is asked, and what adds most to it."""
        left, right = unmet.left, unmet.right
        if not self._asks(left):
            left, right = right, left
        if asked := self._asks(left):
            yield self._distance(left, right)
            yield from filter(None, map(self._most, asked))

    def _asks(self, node: ast.Expr) -> list[str]:
        free = set(free_names(node))
        return [n for n in self.names if n in free]

    def _distance(self, figure: ast.Expr, bound: ast.Expr) -> str:
        value = self.evaluator.number(figure, self.env)
        limit = self.evaluator.number(bound, self.env)
        said = f"{self.env.span(figure).text} is {_number(value)}"
        if value == limit or self._asks(bound):
            return said
        more = "more" if value > limit else "less"
        times = f" ({float(value / limit):.3g} times)" if limit > 0 and value > 2 * limit else ""
        apart = whole(abs(Fraction(value) - limit))
        return f"{said}, {_number(apart)} {more} than {_number(limit)}{times}"

    def _most(self, name: str) -> str:
        """The parts that add most to a figure."""
        rows = self.figures.largest(name)
        whole = self.figures.value(name)
        shares = [f"{label} {_number(n)} ({100 * n / whole:.0f} %)" for label, n in rows]
        return f"most {name}: {', '.join(shares)}" if len(rows) > 1 else ""


def _number(value: int | Fraction) -> str:
    return f"{value:,}" if isinstance(value, int) else written(value)
