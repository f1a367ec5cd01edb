"""``require`` statements about numbers of the whole network or of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from archlang.diagnostic import Diagnostic
from archlang.elaborate.elaborator import broken, free_names
from archlang.elaborate.expressions import METRICS, Evaluator
from archlang.elaborate.problem import Problem
from archlang.elaborate.scope import Env
from archlang.elaborate.values import whole, written
from archlang.graph import Graph, Requirement
from archlang.sizes.functions import RELATIONS
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression
from archlang.wording import bytes_text

if TYPE_CHECKING:
    from archlang.analyses.memory.account import Setting


def required(graph: Graph, text: str) -> Requirement:
    """A requirement of the whole network that its spec does not state; raises ``ArchError``."""
    source = Source("<require>", text)
    return stated(graph, source, parse_expression(source))


def stated(graph: Graph, source: Source, condition: ast.Expr) -> Requirement:
    """The same of one that is read already."""
    outer = graph.root.env
    assert outer is not None
    env = Env(ast.File(0, 0, source, None, [], []), dict(outer.values), outer.blocks)
    return Requirement(ast.Require(0, len(source.text), condition, None), env, graph.root)


def check_requirements(
    graph: Graph,
    requirements: Sequence[Requirement] | None = None,
    setting: Setting | None = None,
) -> list[Diagnostic]:
    """Which requirements ``graph`` does not meet: of those given, or of its spec's.

    Where a ``setting`` says how it will be run, `memory` takes from it what it is not told.
    """
    found: list[Diagnostic] = []
    for requirement in graph.requirements if requirements is None else requirements:
        try:
            checked = _Checked(graph, requirement, setting)
            if diagnostic := checked.diagnostic():
                found.append(diagnostic)
            elif checked.tested(requirement.statement.condition):
                graph.ran.append((requirement.env.span(requirement.statement.condition), ()))
        except Problem as problem:
            found.append(problem.diagnostic)
    return found


class Compared(NamedTuple):
    """A comparison of a figure that a requirement fails by, and what its two sides come to."""

    span: Span
    operator: str
    left: int | Fraction
    right: int | Fraction


def compared_at(graph: Graph, place: Span) -> list[Compared]:
    """The comparisons that the requirement with its condition at a place fails by."""
    for requirement in graph.requirements:
        if requirement.env.span(requirement.statement.condition) == place:
            return compared(graph, requirement)
    return []


def compared(graph: Graph, requirement: Requirement) -> list[Compared]:
    """The comparisons that a requirement of a network fails by; none where it has no value."""
    try:
        return list(_Checked(graph, requirement).compared())
    except Problem:
        return []


class _Checked:
    """A requirement with the figures that it asks for."""

    def __init__(
        self, graph: Graph, requirement: Requirement, setting: Setting | None = None
    ) -> None:
        from archlang.analyses.figures import Figures  # which most specs do without

        self.statement, env, self.region = requirement
        self.evaluator = Evaluator()
        self.figures = Figures(graph, self.region, setting)
        asked = set(free_names(self.statement.condition))
        self.names = [n for n in METRICS if n in asked and n not in env.values]
        self.env = env.body()
        for name in self.names:
            for word in self.figures.words(name):
                self.env.values.setdefault(word, word)
            self.env.values[name] = self.figures.value(name)

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

    def compared(self) -> Iterator[Compared]:
        """The comparisons of figures that it fails by."""
        for node in self._unmet(self.statement.condition):
            if self._asks(node) and not self.evaluator.truth(node, self.env):
                sides = (self.evaluator.number(side, self.env) for side in (node.left, node.right))
                yield Compared(self.env.span(node), node.operator, *sides)

    def tested(self, condition: ast.Expr) -> bool:
        """Whether a condition holds by what the network comes to, and not whatever that is."""
        match condition:
            case ast.Binary(operator="and" | "or"):
                return self.tested(condition.left) or self.tested(condition.right)
        return bool(self._asks(condition)) and self.evaluator.side(condition, self.env)

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
            yield self._distance(left, right, _TEXTS.get(asked[0], _number))
            for name in asked:
                yield from self.figures.made_of(name)

    def _asks(self, node: ast.Expr) -> list[str]:
        free = set(free_names(node))
        return [n for n in self.names if n in free]

    def _distance(
        self, figure: ast.Expr, bound: ast.Expr, text: Callable[[int | Fraction], str]
    ) -> str:
        value = self.evaluator.number(figure, self.env)
        limit = self.evaluator.number(bound, self.env)
        said = f"{self.env.span(figure).text} is {text(value)}"
        if value == limit or self._asks(bound):
            return said
        more = "more" if value > limit else "less"
        times = (
            f" ({_times(Fraction(value) / Fraction(limit))} times)"
            if limit > 0 and value > 2 * limit
            else ""
        )
        apart = whole(abs(Fraction(value) - limit))
        return f"{said}, {text(apart)} {more} than {text(limit)}{times}"


def _number(value: int | Fraction) -> str:
    return f"{value:,}" if isinstance(value, int) else written(value)


_TEXTS: dict[str, Callable[[int | Fraction], str]] = {"memory": lambda n: bytes_text(float(n))}
"""How a figure is written, where it is no count."""


def _times(ratio: Fraction) -> str:
    """How many times, in three figures."""
    return f"{float(ratio):.3g}" if ratio < 1000 else f"{float(f'{float(ratio):.3g}'):,.0f}"
