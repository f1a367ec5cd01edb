"""Numbers to write, and the instances that they are written for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from archlang.syntax import ast

MISSING = object()
"""The value of what an instance does not have."""


class UnmergeableError(ValueError):
    """Instances are too different for one class."""


@dataclass(frozen=True, slots=True)
class Point:
    """One instance of a class, or one turn of a loop in one: what its names stand for."""

    unit: int
    values: dict[str, Any]

    def turn(self, values: dict[str, Any]) -> Point:
        """The same instance in one turn of a loop."""
        return replace(self, values=self.values | values)


@dataclass(slots=True)
class Hole:
    """A number to write: its value at each point, and where it may come from."""

    label: str
    values: list[Any]
    points: list[Point]
    written: list[ast.Expr] = field(default_factory=list)
    derived: list[str] = field(default_factory=list)
    siblings: list[str] = field(default_factory=list)
    default: Any = MISSING

    def __post_init__(self) -> None:
        if any(isinstance(v, float) for v in self.values):
            self.values = [v if isinstance(v, bool) else _real(v) for v in self.values]

    @property
    def same(self) -> bool:
        first = self.values[0]
        return all(type(v) is type(first) and v == first for v in self.values)


def _real(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value
