"""A part of a network as a network of its own, so that any question can be asked of it."""

from __future__ import annotations

from dataclasses import replace

from archlang.graph import Graph, Node, Part, Region
from archlang.ops.input import Input


def excerpt(graph: Graph, region: Region) -> Graph:
    """What is in ``region``; the tensors that arrive from outside are its inputs.

    Its outputs are the tensors that the rest of the network takes from it, or that are the
    network's own.
    """
    if region is graph.root:
        return graph
    inside = list(region.nodes())
    mine = set(inside)
    taken = dict.fromkeys(i for n in inside for i in n.inputs if i not in mine)
    root = Region("model", region.name, "", region.span, region.args)
    made = Graph(region.name, root)
    known: dict[Node, Node] = {}
    for number, node in enumerate(taken):
        name = f"input{number or ''}"
        op = Input(shape=list(node.output.shape))
        known[node] = _added(
            made, replace(node, op=op, inputs=(), path=name, params={}, buffers={})
        )
        made.inputs[name] = known[node]
    root.parts = [*made.nodes, *(_copy(part, made, known) for part in region.parts)]
    for number, node in enumerate(_given(graph, inside)):
        made.outputs[f"output{number or ''}"] = known[node]
    return made


def _copy(part: Part, made: Graph, known: dict[Node, Node]) -> Part:
    if isinstance(part, Node):
        inputs = tuple(known[n] for n in part.inputs)
        known[part] = _added(made, replace(part, inputs=inputs))
        return known[part]
    copy = replace(part, parts=[_copy(p, made, known) for p in part.parts])
    copy.result = None if part.result is None else known.get(part.result)
    return copy


def _added(made: Graph, node: Node) -> Node:
    node.index = len(made.nodes)
    made.nodes.append(node)
    return node


def _given(graph: Graph, inside: list[Node]) -> list[Node]:
    """The nodes whose tensors leave the part."""
    mine = set(inside)
    wanted = {i for n in graph.nodes if n not in mine for i in n.inputs}
    wanted.update(graph.outputs.values(), (aux.node for aux in graph.aux.values()))
    return [n for n in inside if n in wanted]
