"""A network as a table: rows nested by scope, equal copies folded, and as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from archlang.analyses.cost import costs
from archlang.analyses.sizes import legal
from archlang.analyses.work import total_work
from archlang.columns import COLUMNS, DEFAULT_COLUMNS, Value
from archlang.graph import Graph, Node, Region
from archlang.network import Network
from archlang.types import Shape, SymbolicDim, size_text


@dataclass
class Row:
    """A line of a summary: a layer, or a scope with the sum of what is in it.

    ``values`` are the figures of the columns that were asked for.
    """

    name: str
    what: str
    output: Shape | None
    params: int
    macs: int
    neurons: int
    children: list[Row] = field(default_factory=list)
    copies: int = 1
    values: dict[str, Value] = field(default_factory=dict)
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
    figures = {name: COLUMNS[name].of(graph) for name in columns}
    return _rows(graph.root, "", graph, figures, fold)


Figures: TypeAlias = Mapping[str, Sequence[Value]]
"""For each column the figures of all nodes."""


def _rows(region: Region, scope: str, graph: Graph, figures: Figures, fold: bool) -> list[Row]:
    found: list[Row] = []
    for part in region.members():
        if isinstance(part, Node):
            if part.inputs:
                found.append(_layer(part, scope, graph, figures))
        else:
            assert part.path is not None
            children = _rows(part, part.path, graph, figures, fold)
            found.append(_scope(part, scope, children, figures))
    return _folded(found) if fold else found


def _local(path: str, scope: str) -> str:
    return path[len(scope) + 1 :] if scope and path.startswith(f"{scope}.") else path


def _layer(node: Node, scope: str, graph: Graph, figures: Figures) -> Row:
    cost, runs = costs(graph)[node.index], node.index in graph.live()
    shared = "" if node.first else " (shared)"
    return Row(
        _local(node.path, scope),
        f"{node.op}{shared}",
        node.output.shape,
        cost.params,
        cost.macs if runs else 0,
        cost.neurons if runs else 0,
        values={name: of[node.index] for name, of in figures.items()},
        results=[node],
    )


def _scope(region: Region, scope: str, children: list[Row], figures: Figures) -> Row:
    what = f"{region.name}({region.args})" if region.args else region.name
    return Row(
        _local(region.path or "", scope),
        what if region.kind == "block" else "",
        region.result.output.shape if region.result else None,
        sum(c.params * c.copies for c in children),
        sum(c.macs * c.copies for c in children),
        sum(c.neurons * c.copies for c in children),
        children,
        values={name: _of_all(name, of, region.result, children) for name, of in figures.items()},
        results=[region.result] if region.result else [],
    )


def _of_all(name: str, of: Sequence[Value], result: Node | None, children: list[Row]) -> Value:
    """The figure of a scope: the sum of what is in it, or that of what it comes to."""
    if COLUMNS[name].sums:
        return sum(int(c.values[name]) * c.copies for c in children)
    return of[result.index] if result is not None else ""


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


def totals(network: Network) -> dict[str, Any]:
    """Every figure of a network as plain data; ``bytes_for`` says what those of memory hold for.

    ``saved_bytes`` are kept for the backward pass; ``forward_bytes`` and ``training_bytes`` are
    the worst moments of an inference and of a training step. ``receptive_field`` is that of the
    last tensor that still is a map, along each axis.
    """
    from archlang.analyses.memory.account import Setting  # other forms need none of these
    from archlang.analyses.receptive import sight

    seen, memory = sight(network.graph), network.memory(setting := Setting())
    return {
        **network.totals.to_json(),
        "receptive_field": seen.map.sizes if seen.map else None,
        "sees_all": seen.sees_all,
        "saved_bytes": memory.kept,
        "forward_bytes": memory.inference.total,
        "training_bytes": memory.step.total,
        "bytes_for": asdict(setting),
    }


def to_json(network: Network, version: str) -> dict[str, Any]:
    """A network's summary as plain data."""
    return {
        "version": version,
        "model": network.name,
        "inputs": {n: list(s) for n, s in network.inputs.items()},
        "outputs": {n: list(s) for n, s in network.outputs.items()},
        "aux": network.aux,
        "totals": totals(network),
        "work": total_work(network.graph)._asdict(),
        "sizes": legal(network.graph).to_json(),
        "layers": layer_records(network.graph),
    }


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
