"""The figures that ``require`` may ask of a network or a block, and what adds most to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from archlang.analyses.cost import NodeCost, Totals, costs, total
from archlang.graph import Graph, Node, Part, Region

SHOWN = 3
"""How many of the parts that add most to a figure are told."""
_EACH = frozenset(f.name for f in fields(NodeCost))
_IN_TRAINING_TOO = frozenset({"params", "buffers"})


@dataclass(frozen=True)
class Figures:
    """The figures of a region of a network, worked out when they are asked for."""

    graph: Graph
    region: Region

    def value(self, name: str) -> Any:
        """What a name of ``METRICS`` stands for."""
        return getattr(self.totals, name)

    @cached_property
    def totals(self) -> Totals:
        """What the region costs."""
        whole = self.region is self.graph.root
        return total(self.graph, None if whole else self.region.nodes())

    def largest(self, name: str) -> list[tuple[str, int]]:
        """The parts of the region that add most to a figure, the largest first."""
        counted = "macs" if name == "flops" else name
        if counted not in _EACH:
            return []
        shares = [(self._label(p), sum(self._each(p, counted))) for p in self.region.members()]
        factor = 2 if name == "flops" else 1
        known = [(label, factor * share) for label, share in shares if share]
        return sorted(known, key=lambda row: -row[1])[:SHOWN]

    def _each(self, part: Part, counted: str) -> Iterator[int]:
        each, live = costs(self.graph), self.graph.live()
        for node in [part] if isinstance(part, Node) else part.nodes():
            if counted in _IN_TRAINING_TOO or node.index in live:
                yield getattr(each[node.index], counted)

    def _label(self, part: Part) -> str:
        path, scope = part.path or "", self.region.path
        local = path.removeprefix(f"{scope}.") if scope else path
        what = part.op.name if isinstance(part, Node) else part.name
        return local if local in ("", what) or not local.isdecimal() else f"{what} at {local}"
