"""A network as a table: rows nested by scope, equal copies folded, and as plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from archlang.analyses.cost import NodeCost, costs
from archlang.analyses.sizes import legal
from archlang.analyses.work import total_work, works
from archlang.graph import Graph, Node, Region
from archlang.network import Network
from archlang.types import Shape, SymbolicDim, Tensor, size_text


class Column(NamedTuple):
    """A number of layers: what a table calls it, and the number of each node of a graph.

    ``short`` ones are shown to three figures, ``118 M``.
    """

    header: str
    of: Callable[[Graph], Sequence[int]]
    short: bool = True


def _running(graph: Graph, of: Callable[[NodeCost], int]) -> list[int]:
    live = graph.live()
    return [of(cost) if i in live else 0 for i, cost in enumerate(costs(graph))]


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
}
"""The numbers that a summary may show of each layer, by the names that choose them."""
DEFAULT_COLUMNS = ("params", "macs")


@dataclass
class Row:
    """A line of a summary: a layer, or a scope with the sum of what is in it.

    ``values`` are the numbers of the columns that were asked for.
    """

    name: str
    what: str
    output: Shape | None
    params: int
    macs: int
    neurons: int
    children: list[Row] = field(default_factory=list)
    copies: int = 1
    values: dict[str, int] = field(default_factory=dict)
    results: list[Node] = field(default_factory=list)
    """The tensors that it comes to, one for each copy, where it comes to any."""

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What makes two rows equal copies: all but their own name and number."""
        inside = tuple((c.name, c.copies, c.key) for c in self.children)
        values = tuple(self.values.items())
        return (self.what, self.output, self.size, self.params, self.macs, values, inside)

    @cached_property
    def size(self) -> str:
        """The sizes of its output that depend on the input's: see ``sizes_text``."""
        return "" if self.output is None else sizes_text(self.output)


def rows(graph: Graph, *, fold: bool = True, columns: Sequence[str] = DEFAULT_COLUMNS) -> list[Row]:
    """The rows of a graph; equal neighbours become one row of several ``copies``."""
    numbers = {name: COLUMNS[name].of(graph) for name in columns}
    return _rows(graph.root, "", graph, numbers, fold)


Numbers: TypeAlias = Mapping[str, Sequence[int]]
"""For each column the numbers of all nodes."""


def _rows(region: Region, scope: str, graph: Graph, numbers: Numbers, fold: bool) -> list[Row]:
    found: list[Row] = []
    for part in region.members():
        if isinstance(part, Node):
            if part.inputs:
                found.append(_layer(part, scope, graph, numbers))
        else:
            assert part.path is not None
            children = _rows(part, part.path, graph, numbers, fold)
            found.append(_scope(part, scope, children))
    return _folded(found) if fold else found


def _local(path: str, scope: str) -> str:
    return path[len(scope) + 1 :] if scope and path.startswith(f"{scope}.") else path


def _layer(node: Node, scope: str, graph: Graph, numbers: Numbers) -> Row:
    cost, runs = costs(graph)[node.index], node.index in graph.live()
    shared = "" if node.first else " (shared)"
    return Row(
        _local(node.path, scope),
        f"{node.op}{shared}",
        node.output.shape,
        cost.params,
        cost.macs if runs else 0,
        cost.neurons if runs else 0,
        values={name: of[node.index] for name, of in numbers.items()},
        results=[node],
    )


def _scope(region: Region, scope: str, children: list[Row]) -> Row:
    what = f"{region.name}({region.args})" if region.args else region.name
    return Row(
        _local(region.path or "", scope),
        what if region.kind == "block" else "",
        region.result.output.shape if region.result else None,
        sum(c.params * c.copies for c in children),
        sum(c.macs * c.copies for c in children),
        sum(c.neurons * c.copies for c in children),
        children,
        values={n: sum(c.values[n] * c.copies for c in children) for n in children[0].values}
        if children
        else {},
        results=[region.result] if region.result else [],
    )


def _folded(found: list[Row]) -> list[Row]:
    out: list[Row] = []
    last: list[str] = []
    for row in found:
        if out and out[-1].key == row.key:
            out[-1].copies += 1
            out[-1].results += row.results
            last[-1] = row.name
        else:
            out.append(row)
            last.append(row.name)
    for row, name in zip(out, last, strict=True):
        if row.copies > 1:
            row.name = f"{row.name} – {name}"
    return out


def walk(found: list[Row], depth: int | None = None, level: int = 0) -> Iterator[tuple[int, Row]]:
    """All rows with their level, down to ``depth`` levels."""
    for row in found:
        yield level, row
        if depth is None or level + 1 < depth:
            yield from walk(row.children, depth, level + 1)


def layer_records(graph: Graph) -> list[dict[str, Any]]:
    """Each use of a layer in execution order, as plain data."""
    live = graph.live()
    records = []
    for node, cost in zip(graph.nodes, costs(graph), strict=True):
        if not node.inputs:
            continue
        line, column = node.span.source.position(node.span.start)
        records.append(
            {
                "path": node.path,
                "op": node.op.name,
                "layer": str(node.op),
                "inputs": [n.path for n in node.inputs],
                "output": [int(d) for d in node.output.shape],
                "symbolic": node.output.symbolic,
                "params": cost.params,
                "buffers": cost.buffers,
                "macs": cost.macs,
                "neurons": cost.neurons,
                "shared": not node.first,
                "runs_in_evaluation": node.index in live,
                "file": node.span.source.name,
                "line": line,
                "column": column,
            }
        )
    return records


def training_only(graph: Graph) -> int:
    """Parameters of the layers that no output needs."""
    live = graph.live()
    nodes = zip(graph.nodes, costs(graph), strict=True)
    return sum(cost.params for node, cost in nodes if node.index not in live)


def to_json(network: Network, version: str) -> dict[str, Any]:
    """A network's summary as plain data."""
    from archlang.analyses.receptive import sight  # other forms need none of it

    seen = sight(network.graph)
    return {
        "version": version,
        "model": network.name,
        "inputs": {n: list(s) for n, s in network.inputs.items()},
        "outputs": {n: list(s) for n, s in network.outputs.items()},
        "aux": network.aux,
        "totals": network.totals.to_json(),
        "work": total_work(network.graph)._asdict(),
        "sizes": legal(network.graph).to_json(),
        "receptive_field": seen.map.sizes if seen.map else None,
        "sees_all": seen.sees_all,
        "layers": layer_records(network.graph),
    }


def si(value: int) -> str:
    """A count for people: three figures and K, M or G, powers of 1000."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if value >= size:
            scaled = value / size
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{scaled:.{digits}f} {unit}"
    return str(value)


def sizes_text(shape: Shape) -> str:
    """The sizes of a shape that depend on the input's: ``ceil(H/4), W//4``.

    Those that are alike but for the name, as ``ceil(H/4), ceil(W/4)``, are said once.
    """
    open_ = [d for d in shape if isinstance(d, SymbolicDim)]
    texts = [size_text(d) for d in open_]
    names = [n for d in open_ for n in d.symbols]
    if len(names) == len(open_) > 1:
        same = {re.sub(rf"\b{n}\b", names[0], t) for n, t in zip(names, texts, strict=True)}
        texts = texts[:1] if len(same) == 1 and "?" not in texts else texts
    return ", ".join(texts)


def input_text(node: Node) -> str:
    """An input's shape as the spec has it: ``[3, H=224, W=224]``."""
    sizes = (
        f"{size_text(d)}={int(d)}" if isinstance(d, SymbolicDim) else str(int(d))
        for d in node.output.shape
    )
    return f"[{', '.join(sizes)}]"


def shape_text(shape: Shape | None) -> str:
    """``[64, 56, 56]``."""
    return "" if shape is None else str(Tensor(shape))
