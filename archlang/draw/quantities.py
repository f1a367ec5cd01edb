"""What the boxes of a picture can be coloured by: parameters, MACs, memory, receptive field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from archlang.columns import COLUMNS
from archlang.draw.paint import Copies
from archlang.draw.parts import Part, Structure
from archlang.graph import Graph
from archlang.step import Low
from archlang.wording import memory_text, si

QuantityName: TypeAlias = Literal["params", "macs", "memory", "receptive"]


class Quantity(Protocol):
    """A figure of boxes."""

    @property
    def sums(self) -> bool:
        """Whether all parts have the network's total, together."""

    @property
    def title(self) -> str:
        """What it is, for the scale."""

    def amount(self, part: Part) -> float | None:
        """How much of it a part has; None where that cannot be said."""

    def share(self, part: Part) -> float:
        """Of all that there is in the network."""

    def text(self, part: Part) -> str:
        """The figure in words; "" where there is none."""

    def most(self, parts: Sequence[Part]) -> float:
        """What the strongest colour stands for, in a picture of these."""

    def tick(self, amount: float) -> str:
        """A place on the scale."""


class Sum(NamedTuple):
    """A quantity that adds up: what each node has of it, and how so much is told."""

    copies: Copies
    name: str
    each: Sequence[int]
    total: int
    tell: Callable[[int], str]
    said: Callable[[int, float], str]
    sums: bool = True

    @property
    def title(self) -> str:
        """``parameters, 25.6 M in all``."""
        return f"{self.name}, {self.tell(self.total)} in all"

    def amount(self, part: Part) -> int:
        """How much a part has, all of its copies together."""
        return sum(self.each[n.index] for n in self.copies.of(part))

    def share(self, part: Part) -> float:
        """The part of the network's total."""
        return self.amount(part) / self.total if self.total else 0.0

    def text(self, part: Part) -> str:
        """``2.36 M · 9.2 %``; nothing for none. ``×5`` where a part around it has five copies."""
        amount, around = self.amount(part), self.copies.around(part)
        copies = f" (×{around})" if around > 1 else ""
        return f"{self.said(amount, self.share(part))}{copies}" if amount else ""

    def most(self, parts: Sequence[Part]) -> float:
        """The largest amount that a box has."""
        return max((self.amount(part) for part in parts), default=0.0)

    def tick(self, amount: float) -> str:
        """``4.72 M``."""
        return self.tell(round(amount)) if amount else "0"


class Sight:
    """The receptive field of what leaves a box, in its last copy."""

    sums = False
    title = "receptive field, of the input's side"

    def __init__(self, graph: Graph, copies: Copies) -> None:
        self.graph, self.copies = graph, copies

    def amount(self, part: Part) -> float | None:
        """How much of the input a place sees, along the axis of which it sees least."""
        from archlang.analyses.receptive import field_of

        found = []
        for axis in field_of(self.graph, self.copies.last(part)).axes:
            if axis.size is None and not axis.whole:
                return None
            found.append(1.0 if axis.size is None else min(1.0, axis.size / axis.extent))
        return min(found, default=None)

    def share(self, part: Part) -> float:
        """The same."""
        return self.amount(part) or 0.0

    def text(self, part: Part) -> str:
        """``receptive field 427×427``."""
        from archlang.analyses.receptive import field_of

        inputs: dict[str, list[str]] = {}
        for axis in field_of(self.graph, self.copies.last(part)).axes:
            size = axis.size if axis.size is not None else "whole" if axis.whole else "varies"
            inputs.setdefault(axis.input, []).append(str(size))
        sides = [
            t[0] if set(t) in ({"whole"}, {"varies"}) else "×".join(t) for t in inputs.values()
        ]
        found = list(dict.fromkeys(sides))
        if found == ["whole"]:
            return "sees the whole input"
        return f"receptive field {', '.join(found)}" if found else ""

    def most(self, parts: Sequence[Part]) -> float:
        """The whole input."""
        return 1.0

    def tick(self, amount: float) -> str:
        """``50 %``."""
        return f"{amount:.0%}".replace("%", " %")


def quantity(
    name: QuantityName, structure: Structure, batch: int = 1, low: Low | None = None
) -> Quantity:
    """A quantity by its name. ``batch`` and ``low``, autocast's precision, are for memory."""
    graph, copies = structure.graph, Copies(structure)
    if name == "receptive":
        return Sight(graph, copies)
    if name == "memory":
        return _memory(graph, copies, batch, low)
    each = [int(value) for value in COLUMNS[name].of(graph)]
    if name == "params":
        return Sum(copies, "parameters", each, sum(each), si, _with_percent)
    return Sum(copies, "MACs", each, sum(each), si, lambda n, _: f"{si(n)} MACs")


def _memory(graph: Graph, copies: Copies, batch: int, low: Low | None) -> Sum:
    """Bytes kept for the backward pass, those of the loss left out: they are no box's."""
    from archlang.analyses.kept import forward

    found, each = forward(graph, batch, low), [0] * len(graph.nodes)
    for run, kept in zip(found.runs, found.by_run(), strict=True):
        each[run.node.index] = kept
    name = f"kept for the backward pass, batch {batch}, {low or 'float32'}"
    return Sum(copies, name, each, sum(each), memory_text, lambda n, _: f"{memory_text(n)} kept")


def _with_percent(amount: int, share: float) -> str:
    return f"{si(amount)} · {100 * share:.1f} %"
