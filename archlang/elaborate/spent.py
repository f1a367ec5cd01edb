"""What is spent on the values of a spec, so that every spec ends soon."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from archlang.elaborate.problem import fail, too_much
from archlang.elaborate.scope import Env
from archlang.elaborate.values import Value
from archlang.limits import advice, current
from archlang.source import Span
from archlang.syntax import ast


class Worked(NamedTuple):
    """A value that was worked out, and what that took: steps, items of lists, calls in calls."""

    value: Value
    took: tuple[int, int, int]


class Spent:
    """Counts the steps of working a spec out, and what its lists and calls come to."""

    def __init__(self) -> None:
        self.limits = current()
        self.values_within = self.limits.bits, self.limits.list
        """The limits of single values: what was worked out within others may not be one."""
        self.steps = self.items = self.calls = self.deepest = 0
        self.known = 0
        """How many of the steps were not taken: what they led to was known."""

    def step(self, node: ast.Node, env: Env) -> None:
        """Count one step of work; raises when a spec asks for too many."""
        self.steps += 1
        if self.steps > (most := self.limits.steps):
            message = f"the spec takes more than {most:,} steps to work out"
            too_much("steps", message, env.span(node))

    def listed(self, count: int, span: Span) -> None:
        """Count the items of a list that is to be made; raises where that is too long."""
        if count > (most := self.limits.list):
            message = f"a list of more than {most:,} values"
            fail("A001", message, span, help=advice("list", count))
        self.items += count
        if self.items > (most := self.limits.items):
            too_much("items", f"the lists of the spec have more than {most:,} values", span)

    def called(self, span: Span) -> None:
        """Count a call inside those that go on; raises where there are too many."""
        self.calls += 1
        self.deepest = max(self.deepest, self.calls)
        if self.calls > (most := self.limits.calls):
            message = f"functions call each other more than {most} deep"
            fail("A001", message, span, help=advice("calls"))

    def counted(self, work: Callable[[], Value]) -> Worked:
        """Work something out, and count what it takes."""
        steps, items, deepest = self.steps, self.items, self.deepest
        self.deepest = self.calls
        value = work()
        took = self.steps - steps, self.items - items, self.deepest - self.calls
        self.deepest = max(deepest, self.deepest)
        return Worked(value, took)

    def has_room(self, steps: int, items: int, calls: int = 0) -> bool:
        """Whether so much more reaches no limit."""
        most = self.limits
        return (
            self.steps + steps <= most.steps
            and self.items + items <= most.items
            and self.calls + calls <= most.calls
        )

    def again(self, steps: int, items: int, calls: int = 0) -> None:
        """Count what is taken from what was worked out before, as if it were worked out."""
        self.steps += steps
        self.known += steps
        self.items += items
        self.deepest = max(self.deepest, self.calls + calls)
