"""Uses of a layer that are alike, and what may be asked of one of them for all.

Most layers of a network are uses of a few: the same layer, on tensors of the same shapes. What
a layer answers depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from archlang.graph import Graph, Node

T = TypeVar("T")


def alike(graph: Graph) -> list[int]:
    """For each node the index of the first one that is the same layer on the same shapes.

    The same objects, that is: they are made once where layers are written alike, and to compare
    them by what they are would take longer than most of what is asked of them.
    """
    if "alike" not in graph.worked_out:
        first: dict[tuple[int, ...], int] = {}
        graph.worked_out["alike"] = [
            first.setdefault(
                (id(node.op), id(node.output), *[id(x.output) for x in node.inputs]), node.index
            )
            for node in graph.nodes
        ]
    found: list[int] = graph.worked_out["alike"]
    return found


def each(graph: Graph, ask: Callable[[Node], T]) -> list[T]:
    """What each node answers, in their order; of those that are alike one is asked."""
    answers: list[T] = []
    for node, first in zip(graph.nodes, alike(graph), strict=True):
        answers.append(ask(node) if first == node.index else answers[first])
    return answers
