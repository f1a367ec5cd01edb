"""What training asks of a network: so little that anything with these members trains."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from torch import nn


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
    return [f"{node.path}.{key}" for node in nodes for key in node.params]
