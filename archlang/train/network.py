"""What training asks of a network: so little that anything with these members trains."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from torch import nn

from archlang.source import shown_path


class HasParams(Protocol):
    """The count of learned scalars."""

    @property
    def params(self) -> int: ...


class Network(Protocol):
    """An elaborated network; shapes leave the batch out.

    ``files`` has the texts of the spec and of all files that it uses, by their names.
    ``aux`` maps each output that exists in training only to its weight in the loss. The
    module returns one tensor, or, in training with such outputs, all of them by name.
    """

    @property
    def name(self) -> str: ...
    @property
    def files(self) -> Mapping[str, str]: ...
    @property
    def inputs(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def outputs(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def aux(self) -> Mapping[str, float]: ...
    @property
    def totals(self) -> HasParams: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    def to_torch(self, *, recompute: Collection[str] = ()) -> nn.Module: ...


def output_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """The shape of every output, and of each auxiliary one that the network tells of."""
    graph: Any = getattr(network, "graph", None)
    aux = {} if graph is None else graph.aux
    shapes = {name: tuple(map(int, one.node.output.shape)) for name, one in aux.items()}
    return {**network.outputs, **shapes}


def unreached(network: Network) -> list[str]:
    """The parameters of layers that no output needs: their gradients never come.

    By the names that the module has for them; none where the network tells nothing of its graph.
    """
    graph: Any = getattr(network, "graph", None)
    if graph is None:
        return []
    needed = graph.reaching([*graph.outputs.values(), *(a.node for a in graph.aux.values())])
    used = {node.path for node in graph.nodes if node.index in needed}
    nodes = (node for node in graph.nodes if node.path not in used)
    return [node.key(key) for node in nodes for key in node.params]


def layer_at(network: Network | None, path: str) -> str:
    """The layer of the module ``path`` for people, as `` `linear(84)` at lenet5.arch:7 ``.

    The path stands behind it where it has a name in it, or where the line alone does not tell
    which of several layers is meant. "" where the spec has no such layer.
    """
    graph: Any = getattr(network, "graph", None)
    node = next((n for n in graph.nodes if n.path == path), None) if graph is not None else None
    if node is None:
        return ""
    alone = {n.path for n in graph.nodes if n.span == node.span} == {path}
    told = "" if alone and path.isdecimal() else f" (`{path}`)"
    return f"`{node.op}` at {shown_path(node.span.source.name)}:{node.span.line}{told}"
