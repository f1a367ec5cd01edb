"""What the other models of a spec become when its text is edited for one of them."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from archlang.diagnostic import ArchError
from archlang.edit.text import Edit, applied
from archlang.graph import Graph, Node
from archlang.network import Network, from_program
from archlang.syntax import ast
from archlang.types import Shape, Tensor


def tensors(graph: Graph) -> dict[str, Shape]:
    """The shapes of a network's state dict, by key."""
    return {
        node.key(key): tuple(int(d) for d in shape)
        for node in graph.nodes
        if node.first
        for key, shape in (*node.params.items(), *node.buffers.items())
    }


def alike(before: Network, after: Network) -> bool:
    """Whether two networks hold the same values by key, and give as many of them.

    Axes of 1 may follow those that an output had.
    """
    old, new = tensors(before.graph), tensors(after.graph)
    ends, made = given(before.graph), given(after.graph)
    return (
        list(old) == list(new)
        and all(prod(shape) == prod(new[key]) for key, shape in old.items())
        and ends.keys() == made.keys()
        and all(lengthened(node.output, made[name].output) for name, node in ends.items())
        and before.totals.macs == after.totals.macs
    )


def given(graph: Graph) -> dict[str, Node]:
    """The outputs of a network by name, those of training among them."""
    return {**graph.outputs, **{name: aux.node for name, aux in graph.aux.items()}}


def lengthened(before: Tensor, after: Tensor) -> bool:
    """Whether a tensor has the sizes of another one, and axes of 1 behind them."""
    return after.shape == (*before.shape, *(1,) * (after.rank - before.rank))


def different(before: Network, after: Network) -> list[str]:
    """The other models of a spec that were right, and are not, or other networks, in the new one.

    Those that the network's own model stands for stay.
    """
    needed = _chain(before)
    return [
        name
        for name in before.program.complete
        if name not in needed and not _stays(name, before, after)
    ]


def _stays(name: str, before: Network, after: Network) -> bool:
    try:
        old = from_program(before.program, name)
    except ArchError:
        return True  # it was not right, and is left for its author
    try:
        return alike(old, from_program(after.program, name))
    except ArchError:
        return False


def _chain(network: Network) -> set[str]:
    """The models that a model stands for, itself among them."""
    assert network.program.module is not None
    models = network.program.module.models
    names = {network.name}
    node = models[network.name]
    while isinstance(node, ast.Alias):
        names.add(node.target)
        node = models[node.target]
    return names


def dropping(network: Network, names: Iterable[str]) -> str:
    """The text of a network's spec without other models, and the comments right above them."""
    assert network.program.module is not None
    file, text = network.program.module.env.file, network.source.text
    edits = []
    for name in names:
        item = network.program.module.models[name]
        line = (
            file.source.position(item.start)[0] - file.doc(item).count("\n") - bool(file.doc(item))
        )
        start = _offset(text, line)
        end = text.find("\n", item.end)
        end = len(text) if end < 0 else end + 1
        while text[end : end + 1] == "\n" and text[:start].endswith("\n\n"):
            end += 1
        edits.append(Edit(start, end, ""))
    return applied(text, edits).rstrip("\n") + "\n"


def _offset(text: str, line: int) -> int:
    """Where a line begins, counted from 1."""
    at = 0
    for _ in range(line - 1):
        at = text.index("\n", at) + 1
    return at
