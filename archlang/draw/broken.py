"""A network that errors keep from being whole, made one that can be drawn.

What is missing gets a box of its own, in its place, and what it takes leads to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.graph import Disputed, Graph, Missing, Node, Part, Region
from archlang.inspection import examine
from archlang.network import Network
from archlang.op import Weightless, Work
from archlang.step import Step, Value
from archlang.types import Dim, Shape, Tensor
from archlang.window import Window


class Absent(Weightless):
    """What stands for a layer that is missing: it has no shape, and counts nothing."""

    text: str

    def infer(self, *xs: Tensor) -> Tensor:
        return Tensor(())

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return tuple(tuple(None for _ in x.shape) for x in xs)  # type: ignore[misc]

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def neurons(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        return step.given(y)

    def lower(self, nn: Any, *xs: Tensor) -> Any:
        return None

    def caption(self, y: Tensor, *xs: Tensor) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def absent(node: Node) -> bool:
    """Whether a node stands for one that is missing."""
    return isinstance(node.op, Absent)


def sketched(
    program: Program,
    name: str,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
) -> tuple[Network | None, list[Diagnostic]]:
    """A model as far as it is known, for a picture, and all that is found about it.

    Where nothing is wrong, it is the network that ``from_program`` gives. None where there is
    nothing to draw.
    """
    graph, found = examine(program, name, settings, inputs)
    if graph is None:
        graph, _ = program.work_out(name, settings, inputs)
    shown: Graph | None = graph
    if any(d.severity == "error" for d in found):
        shown = completed(graph, [d for d in found if d.severity == "error"])
    return (Network(program, shown, settings or {}) if shown else None), found


def completed(graph: Graph, found: Sequence[Diagnostic]) -> Graph | None:
    """A graph with a node for all that is missing, and all that is wrong in ``disputed``.

    The graph itself is left as it is. None where there is nothing to draw.
    """
    nodes = list(graph.nodes)
    stand_ins: dict[int, Node] = {}
    for missing in graph.missing:
        stand_ins[id(missing)] = node = _stand_in(missing, len(nodes), stand_ins)
        nodes.append(node)
    for node, origin in graph.restored.items():
        took = stand_ins[id(origin)] if isinstance(origin, Missing) else origin
        op = Absent(text="as stated")
        takes = (took,) if took else ()
        stand_ins[id(node)] = nodes[node.index] = replace(node, op=op, inputs=takes, path="stated")
    if not any(node.inputs for node in nodes):
        return None
    root = _with(graph.root, _by_region(graph, stand_ins), stand_ins)
    taken = {i.index for node in nodes for i in node.inputs}
    ends = {f"{n.path} {n.index}": n for n in nodes if n.index not in taken and n.inputs}
    made = Graph(graph.name, root, nodes, graph.inputs, {**graph.outputs, **ends}, graph.aux)
    made.whole, made.missing = False, graph.missing
    marks = list(_disputed(graph, stand_ins, found))
    told = {finding.place for finding in found}
    made.disputed = [mark for mark in marks if mark.finding.place in told] or marks
    return made


def _disputed(
    graph: Graph, stand_ins: Mapping[int, Node], found: Sequence[Diagnostic]
) -> Iterator[Disputed]:
    """What is wrong with which node, in the words that it is told in."""
    told = {finding.place: finding for finding in found}
    for node, finding in graph.disputed:
        yield Disputed(node, told.pop(finding.place, finding))
    for missing in graph.missing:
        if missing.finding:
            finding = told.pop(missing.finding.place, missing.finding)
            yield Disputed(stand_ins[id(missing)], finding)
    stated = ((s.node, s.span) for s in graph.stated)
    for node, span in (*((n, n.span) for n in graph.nodes), *stated):
        if span in told:
            yield Disputed(node, told[span])


def _stand_in(missing: Missing, index: int, known: Mapping[int, Node]) -> Node:
    takes = tuple(known[id(m)] if isinstance(m, Missing) else m for m in missing.takes)
    sign = f"{missing.op.sign} " if missing.op and missing.op.sign else ""
    op = Absent(text=sign + " ".join(missing.span.text.split()))
    return Node(index, op, takes, Tensor(()), missing.path, missing.span, {}, {})


def _by_region(graph: Graph, stand_ins: Mapping[int, Node]) -> dict[int, list[tuple[int, Node]]]:
    """What is missing from each region, and in which place, the last first."""
    found: dict[int, list[tuple[int, Node]]] = {}
    for missing in reversed(graph.missing):
        here = found.setdefault(id(missing.region), [])
        here.append((missing.place, stand_ins[id(missing)]))
    return found


def _with(
    region: Region,
    missing: Mapping[int, list[tuple[int, Node]]],
    stand_ins: Mapping[int, Node],
) -> Region:
    """A region with what is missing from it and from those inside."""
    parts: list[Part] = [
        _with(part, missing, stand_ins)
        if isinstance(part, Region)
        else stand_ins.get(id(part), part)
        for part in region.parts
    ]
    for place, node in missing.get(id(region), ()):
        parts.insert(place, node)
    return replace(region, parts=parts)
