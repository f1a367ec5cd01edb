"""What a module is made of and runs, as the witness of which sizes it takes.

Two graphs of one spec at two input sizes are one module where all that runs in evaluation was
written the same.
"""

from __future__ import annotations

from archlang.graph import Graph, Node
from archlang.op import module_text


def layers(graph: Graph) -> list[tuple[object, ...]]:
    """For each layer what it takes, its path, how it is built and its weights; then the outputs."""
    live = graph.live()
    given = set(graph.inputs.values())
    ends = [(tuple(graph.outputs), tuple(n.index for n in graph.outputs.values()))]
    return [*map(_layer, (n for n in graph.nodes if n.index in live and n not in given)), *ends]


def _layer(node: Node) -> tuple[object, ...]:
    takes = tuple(n.index for n in node.inputs)
    return takes, node.path, module_text(node.op, node.tensors), node.params
