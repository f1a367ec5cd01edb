"""The figures of layers that tables may show, by the names that choose them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from archlang.analyses.cost import NodeCost, costs
from archlang.analyses.work import works
from archlang.graph import Graph

Value: TypeAlias = "int | str"


class Column(NamedTuple):
    """A figure of layers: what a table calls it, and that of each node of a graph.

    ``short`` ones are shown to three figures, ``118 M``. A scope has the sum of what is in it, or
    that of its result where nothing ``sums``; a network has the sum, or what ``whole`` says.
    """

    header: str
    of: Callable[[Graph], Sequence[Value]]
    short: bool = True
    sums: bool = True
    whole: Callable[[Graph], Value] | None = None

    def total(self, graph: Graph) -> Value:
        """The figure of a network."""
        return sum(map(int, self.of(graph))) if self.whole is None else self.whole(graph)


def _running(graph: Graph, of: Callable[[NodeCost], int]) -> list[int]:
    live = graph.live()
    return [of(cost) if i in live else 0 for i, cost in enumerate(costs(graph))]


def _saved(graph: Graph) -> list[int]:
    """Bytes that a training step of one sample keeps for the backward pass, in float32."""
    from archlang.analyses.kept import forward  # other columns need none of it

    found, each = forward(graph), [0] * len(graph.nodes)
    for run, kept in zip(found.runs, found.by_run(), strict=True):
        each[run.node.index] = kept
    return each


def _kept(graph: Graph) -> int:
    """The same of the network, with what the loss keeps."""
    from archlang.analyses.kept import forward

    found = forward(graph)
    return found.kept + found.of_loss


def _fields(graph: Graph) -> list[str]:
    """The size of the receptive field: ``7``, or ``7x5`` where the axes differ."""
    from archlang.analyses.receptive import field_of

    return [_field(field_of(graph, node).sizes) for node in graph.nodes]


def _field(sizes: Sequence[int | None]) -> str:
    known = ["all" if size is None else str(size) for size in sizes]
    return known[0] if len(set(known)) == 1 else "x".join(known)


def _last_field(graph: Graph) -> str:
    from archlang.analyses.receptive import sight

    seen = sight(graph).map
    return "all" if seen is None else _field(seen.sizes)


COLUMNS: dict[str, Column] = {
    "params": Column("parameters", lambda g: [c.params for c in costs(g)], short=False),
    "buffers": Column("buffers", lambda g: [c.buffers for c in costs(g)], short=False),
    "macs": Column("MACs", lambda g: _running(g, lambda c: c.macs)),
    "flops": Column("FLOPs", lambda g: _running(g, lambda c: 2 * c.macs)),
    "neurons": Column("neurons", lambda g: _running(g, lambda c: c.neurons)),
    "bias": Column("biases", lambda g: [w.bias for w in works(g)]),
    "norm": Column("norms", lambda g: [w.norm for w in works(g)]),
    "activation": Column("activations", lambda g: [w.activation for w in works(g)]),
    "pool": Column("pools", lambda g: [w.pool for w in works(g)]),
    "elementwise": Column("elementwise", lambda g: [w.elementwise for w in works(g)]),
    "saved_bytes": Column("saved bytes", _saved, short=False, whole=_kept),
    "receptive_field": Column("field", _fields, sums=False, whole=_last_field),
}
"""The last two: bytes kept for the backward pass, for one sample in float32; what is seen."""
DEFAULT_COLUMNS = ("params", "macs")
