"""A network as a table: rows nested by scope, equal copies folded, and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archlang.analyses.cost import NodeCost, costs
from archlang.analyses.sizes import legal
from archlang.graph import Graph, Node, Region
from archlang.network import Network
from archlang.types import Shape, Tensor


@dataclass
class Row:
    """A line of a summary: a layer, or a scope with the sum of what is in it."""

    name: str
    what: str
    output: Shape | None
    params: int
    macs: int
    neurons: int
    children: list[Row] = field(default_factory=list)
    copies: int = 1
    results: list[Node] = field(default_factory=list)
    """The tensors that it comes to, one for each copy, where it comes to any."""

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What makes two rows equal copies: all but their own name and number."""
        inside = tuple((c.name, c.copies, c.key) for c in self.children)
        return (self.what, self.output, self.params, self.macs, inside)


def rows(graph: Graph, *, fold: bool = True) -> list[Row]:
    """The rows of a graph; equal neighbours become one row of several ``copies``."""
    each = costs(graph)
    live = graph.live()
    return _rows(graph.root, "", each, live, fold)


def _rows(
    region: Region, scope: str, each: list[NodeCost], live: set[int], fold: bool
) -> list[Row]:
    found: list[Row] = []
    for part in region.members():
        if isinstance(part, Node):
            if part.inputs:
                found.append(_layer(part, scope, each, live))
        else:
            assert part.path is not None
            children = _rows(part, part.path, each, live, fold)
            found.append(_scope(part, scope, children))
    return _folded(found) if fold else found


def _local(path: str, scope: str) -> str:
    return path[len(scope) + 1 :] if scope and path.startswith(f"{scope}.") else path


def _layer(node: Node, scope: str, each: list[NodeCost], live: set[int]) -> Row:
    cost, runs = each[node.index], node.index in live
    shared = "" if node.first else " (shared)"
    return Row(
        _local(node.path, scope),
        f"{node.op}{shared}",
        node.output.shape,
        cost.params,
        cost.macs if runs else 0,
        cost.neurons if runs else 0,
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


def shape_text(shape: Shape | None) -> str:
    """``[64, 56, 56]``."""
    return "" if shape is None else str(Tensor(shape))
