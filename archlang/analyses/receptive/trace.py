"""From places of one tensor back to all that they depend on: exact, at the borders too."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.analyses.receptive.paths import windows_of
from archlang.analyses.receptive.places import Runs, seen, union, whole
from archlang.graph import Graph, Node
from archlang.window import unmoved


@dataclass(frozen=True, slots=True)
class Trace:
    """What places of some tensors depend on, axis by axis of each tensor before them.

    ``places`` is by the index of the node; a node that is not there is not depended on.
    ``cut`` says whether some of what they look at lies outside of a tensor.
    """

    places: dict[int, tuple[Runs, ...]]
    cut: bool

    def of(self, node: Node) -> tuple[Runs, ...]:
        """The places of a node's tensor; none where nothing depends on it."""
        return self.places.get(node.index, ((),) * node.output.rank)


def trace(graph: Graph, starts: dict[int, tuple[Runs, ...]]) -> Trace:
    """What the ``starts`` depend on: places of tensors, by the index of their node."""
    places, windows = dict(starts), windows_of(graph)
    cut = False
    for node in reversed(graph.nodes[: max(starts) + 1]):
        if node.index not in places or not node.inputs:
            continue
        looked = places[node.index]
        for x, window in zip(node.inputs, windows[node.index], strict=True):
            if window is None:
                continue
            if window is unmoved(len(window)):
                _add(places, x.index, looked)
                continue
            found: list[Runs] = []
            for reach, size in zip(window, x.output.shape, strict=True):
                runs, outside = seen(reach, looked, size)
                found.append(runs)
                cut = cut or outside
            if all(found):
                _add(places, x.index, tuple(found))
    return Trace(places, cut)


def _add(places: dict[int, tuple[Runs, ...]], index: int, runs: tuple[Runs, ...]) -> None:
    known = places.get(index)
    if known is None:
        places[index] = runs
    elif known != runs:
        places[index] = tuple(union(a, b) for a, b in zip(known, runs, strict=True))


def everything(node: Node) -> tuple[Runs, ...]:
    """All places of a node's tensor."""
    return tuple(whole(int(size)) for size in node.output.shape)
