"""What could be written otherwise where branches do not come together, and what it would make.

A change is one edit of the text, and what it comes to in the graph: another argument for all
layers of a place, or a layer more at the end of a branch. Which arguments a layer could have had,
and which layer brings one size to another, the layers say themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from archlang.diagnostic import ArchError
from archlang.graph import Clash, Graph, Node, Part
from archlang.op import Op, format_value
from archlang.source import Edit, Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression
from archlang.types import SymbolicDim, Tensor, input_dim

LABEL = 40
"""The longest branch that is named by its text."""


@dataclass(frozen=True)
class Change:
    """What to write, and what it comes to: layers of a place with another argument, or one more."""

    edit: Edit
    said: str
    place: Span | None = None
    field: str = ""
    value: Any = None
    bridge: tuple[int, Op] | None = None

    def of(self, node: Node) -> Op:
        """The layer that a node has after it."""
        if node.span != self.place:
            return node.op
        return with_argument(node.op, self.field, self.value)


def with_argument(op: Op, field: str, value: Any) -> Op:
    """A layer with another argument; raises ``ValidationError`` where it cannot have that."""
    said = {p.name: (getattr(op, p.name), p.default) for p in op.parameters()}
    values = {name: value for name, (value, default) in said.items() if value != default}
    return type(op)(**{**values, field: value})


def merges_at(graph: Graph, span: Span) -> list[Clash]:
    """The merges that stand at a place, one for each time that it is run."""
    clashes = [c for c in graph.clashes if c.span == span]
    if clashes:
        return clashes
    regions = {part: r for r in graph.root.regions() if r.kind == "merge" for part in r.parts}
    nodes = (n for n in graph.nodes if n.op.merges and n.span == span)
    return [Clash(n.op, n.inputs, n.span, regions[n]) for n in nodes]


def changes(graph: Graph, merges: list[Clash], source: Source) -> Iterator[Change]:
    """What could be written otherwise: arguments by how likely they are meant, then layers."""
    nodes = {n.span: n for merge in merges for n in between(graph, merge) if n.inputs}
    rows = []
    for near, node in enumerate(sorted(nodes.values(), key=lambda n: -n.index)):
        if node.span.source == source:
            for order, (field, value) in enumerate(node.op.repairs(*node.tensors)):
                rows.append((order, near, node, field, value))
    for _, _, node, field, value in sorted(rows, key=lambda row: row[:2]):
        edit = argument(node.op, node.span, field, value)
        if edit is not None:
            said = f"`{field}={format_value(value)}` in `{' '.join(node.span.text.split())}`"
            yield Change(edit, said, node.span, field, value)
    if merges and merges[0].span.source == source:
        yield from _bridges(merges[0])


def between(graph: Graph, merge: Clash) -> Iterator[Node]:
    """The layers that only some branches of a merge pass, and that change a size."""
    reached = [graph.reaching([end]) for end in merge.inputs]
    own = set[int]().union(*reached) - reached[0].intersection(*reached)
    for node in graph.nodes:
        if node.index in own and any(_sizes(x) != _sizes(node.output) for x in node.tensors):
            yield node


def _sizes(x: Tensor) -> tuple[int, ...]:
    return tuple(map(int, x.spatial))


def _bridges(merge: Clash) -> Iterator[Change]:
    """Layers at the end of one branch that bring it to the sizes of another: to smaller ones first.

    What makes sizes larger is none where it would be for an implicit identity's sake.
    """
    ends = [n.output for n in merge.inputs]
    found: list[tuple[int, int, Op]] = []
    for number, x in enumerate(ends):
        for y, branch in zip(ends, merge.region.parts, strict=False):
            for layer in Op.registry.values():
                op = layer.bridge(x, y)
                if op is not None and (y.numel < x.numel or not _implicit(branch)):
                    found.append((int(op.infer(x).numel), number, op))
    for _, number, op in sorted(found, key=lambda row: row[0]):
        said = f"`{op}` {_behind(merge.region.parts[number], number)}"
        yield Change(_appended(merge.region.parts[number], str(op)), said, bridge=(number, op))


def _behind(branch: Part, number: int) -> str:
    """Where a layer at the end of a branch stands, in words."""
    if _implicit(branch):
        return "as a second branch"
    short = len(branch.span.text) <= LABEL and "\n" not in branch.span.text
    return f"behind `{branch.span.text}`" if short else f"at the end of branch {number + 1}"


def _implicit(branch: Part) -> bool:
    """Whether a branch is not written, but an identity beside the only one that is."""
    return branch.span.text == "}"


def _appended(branch: Part, text: str) -> Edit:
    """A layer behind the last of a branch, which is left as it is labelled and asserted."""
    span = branch.span
    if _implicit(branch):
        return Edit(Span(span.source, span.start, span.start), f"| {text} ")
    at, last = Span(span.source, span.end, span.end), re.split(r"[;\n]", span.text)[-1]
    plain = not re.match(r"\s*\w+(\[[^\]]*\])?\s*=", last) and not last.endswith("]")
    return Edit(at, f" -> {text}" if plain else f"; {text}")


def argument(op: Op, span: Span, field: str, value: Any) -> Edit | None:
    """The edit that gives a layer another argument; None where it is not plain how."""
    try:
        call = parse_expression(Source("", span.text))
    except ArchError:
        return None
    text, start, end = f"{field}={format_value(value)}", span.end, span.end
    match call:
        case ast.Name():
            text = f"({text})"
        case ast.Call():
            fields = [p.name for p in op.parameters()]
            own = fields.index(field) if call.name == op.name else len(fields)
            place = [i for i, a in enumerate(call.args) if a.name == field]
            if not place and own < len(call.args) and call.args[own].name is None:
                place, text = [own], format_value(value)
            if place:
                argument = call.args[place[0]]
                start, end = span.start + argument.start, span.start + argument.end
            else:
                start = end = span.end - 1
                text = f", {text}" if call.args else text
        case _:
            return None
    return Edit(Span(span.source, start, end), text)


def again(nodes: list[Node], change: Change) -> list[Node]:
    """The nodes with a change made, for inputs of any size; raises ``LayerError``."""
    opened = not any(isinstance(d, SymbolicDim) for n in nodes for d in n.output.shape)
    made: list[Node] = []
    for node in nodes:
        op, inputs = change.of(node), tuple(made[n.index] for n in node.inputs)
        if not inputs:
            made.append(replace(node, output=_open(node.output)) if opened else node)
        elif op is node.op and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
            made.append(node)
        else:
            output = op.infer(*(n.output for n in inputs))
            made.append(replace(node, op=op, inputs=inputs, output=output))
    return made


def _open(x: Tensor) -> Tensor:
    """A tensor whose sizes have names; equal sizes of one axis have one, whosever they are."""
    named = (input_dim(d, f"{d} of axis {i}") for i, d in enumerate(x.spatial))
    return Tensor((x.channels, *named))
