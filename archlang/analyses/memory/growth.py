"""What is kept for the backward pass, as a function of the input's sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from archlang.analyses.kept import forward
from archlang.analyses.sizes import input_sizes
from archlang.graph import Graph
from archlang.sizes.forms import Form
from archlang.types import Dim, SymbolicDim, derived, form_of, total


class _Tracked(SymbolicDim):
    """A size that stays a function of the input's through sums and products."""

    def __mul__(self, other: Any) -> Any:
        return _worked_out(int.__mul__(self, other), self, other, Form.__mul__)

    def __add__(self, other: Any) -> Any:
        return _worked_out(int.__add__(self, other), self, other, Form.__add__)

    def __sub__(self, other: Any) -> Any:
        return _worked_out(int.__sub__(self, other), self, other, Form.__sub__)

    __rmul__, __radd__ = __mul__, __add__


def _tracked(dim: Dim) -> Dim:
    if not isinstance(dim, SymbolicDim):
        return int(dim)
    return _Tracked(int(dim), dim.symbols, dim.atom, dim.made, dim.unknown)


def _worked_out(value: int, a: int, b: int, rule: Callable[[Form, Form], Form]) -> Dim:
    return _tracked(derived(value, a, b, made=lambda forms: rule(*forms)))


def kept_form(graph: Graph, others: Iterable[Graph] = ()) -> Form | None:
    """The bytes that one sample keeps in float32, the loss's own left out; None if not closed.

    ``others`` are the network at other sizes. What a layout decides, such as a copy or a view,
    is decided at the default size; where that gives another number there, nothing is said.
    """
    runs = forward(graph, size=_tracked).runs
    made = {s for run in runs for s in run.kept if s.kind == "made"}
    form = form_of(total(s.bytes for s in made))
    for other in others:
        if form is None or form.at(input_sizes(other)) != forward(other).kept:
            return None
    return form
