"""Edits that may be what was meant, where a layer refuses a tensor or a shape is not as stated.

A layer that refuses is asked with other values of the argument that it is about, and behind a
layer that flattens. For a stated shape the layers before it are given other arguments, those next
to what they have first, and what would come out is worked out on the graph alone; last, the
statement itself could say what comes out. No more than that is known of these edits yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import Any

from pydantic import ValidationError

from archlang.analyses.changes import argument, with_argument
from archlang.diagnostic import Diagnostic, Fix
from archlang.graph import Graph, Node, Refused, Unmet
from archlang.op import LayerError, Op, format_value
from archlang.source import Edit, Source, Span
from archlang.types import Dim, Tensor

FAR = 512
"""How far from what is written the value of an argument is looked for."""
FEW = 2
"""How many values of an argument that a layer accepts are proposed."""
PLACES = 8
"""In how many places before a statement arguments are changed."""
LAYERS = 20_000
"""How many layers are worked out again for one statement."""


def accepted(graph: Graph, finding: Diagnostic, source: Source) -> Iterator[Iterator[Fix]]:
    """What a layer that refuses would take: of each kind of edit, the likeliest first."""
    for refused in graph.refused:
        if refused.span.source == source and finding.span.within(refused.span):
            yield _flattened(refused)
            yield _accepted(refused)


def before(graph: Graph, finding: Diagnostic, source: Source) -> Iterator[Iterator[Fix]]:
    """Other arguments of layers, with which a shape would be as it is stated."""
    for unmet in islice(_unmet(graph, finding), 1):
        yield _before(graph, unmet, source)


def stated(graph: Graph, finding: Diagnostic, source: Source) -> Iterator[Iterator[Fix]]:
    """The statement, saying what comes out, where that is the same each time it is met."""
    found = [u for u in _unmet(graph, finding) if u.span.source == source]
    if finding.code == "A201" and len({u.node.output.shape for u in found}) == 1:
        yield _stated(finding, found[0])


def _unmet(graph: Graph, finding: Diagnostic) -> Iterator[Unmet]:
    """What a finding is about, each time that its place is run."""
    return (u for u in graph.unmet if finding.span.within(u.span))


# A layer that refuses what arrives


def _accepted(refused: Refused) -> Iterator[Fix]:
    """Other values of the argument that a layer complains about, the nearest first."""
    tensors = tuple(n.output for n in refused.inputs)
    if not refused.field:
        return
    now = getattr(refused.op, refused.field)
    good = (v for v in _near(now, FAR) if _infers(refused.op, refused.field, v, tensors))
    for value in islice(good, FEW):
        yield from _fix(refused.op, refused.span, refused.field, value)


def _infers(op: Op, field: str, value: Any, tensors: tuple[Tensor, ...]) -> bool:
    try:
        with_argument(op, field, value).infer(*tensors)
    except (LayerError, ValidationError):
        return False
    return True


def _near(now: Any, far: int) -> Iterator[Any]:
    """Values next to one, smaller ones first; sizes change along all axes, then along one."""
    if isinstance(now, bool):
        yield not now
    elif isinstance(now, int):
        yield from (
            now + sign * by for by in range(1, far) for sign in (-1, 1) if now + sign * by >= 0
        )
    elif isinstance(now, tuple) and now and all(isinstance(n, int) for n in now):
        for by in range(1, far if len(set(now)) == 1 else FEW):
            for sign in (-by, by):
                if min(now) + sign >= 0:
                    yield tuple(n + sign for n in now)
        for axis, n in enumerate(now if len(now) > 1 else ()):
            yield from ((*now[:axis], n + by, *now[axis + 1 :]) for by in (-1, 1) if n + by >= 0)


def _fix(op: Op, span: Span, field: str, value: Any) -> Iterator[Fix]:
    edit = argument(op, span, field, value)
    if edit is not None:
        shown = " ".join(span.text.split())
        yield Fix(f"`{field}={format_value(value)}` in `{shown}`", (edit,))


def _flattened(refused: Refused) -> Iterator[Fix]:
    """A layer that lays out what arrives as a vector, where the layer takes that."""
    if len(refused.inputs) != 1:
        return
    x, span = refused.inputs[0].output, refused.span
    for layer in Op.registry.values():
        if any(p.required for p in layer.parameters()) or layer.merges:
            continue
        op = layer()
        if op.flattens(x) and _takes(refused.op, op.infer(x)):
            yield Fix(
                f"`{op.name}` before `{' '.join(span.text.split())}`", (_in_front(span, op.name),)
            )
            return


def _takes(op: Op, x: Tensor) -> bool:
    try:
        op.infer(x)
    except LayerError:
        return False
    return True


def _in_front(span: Span, name: str) -> Edit:
    """A layer put in front of another: of its label too, which goes on naming the one alone."""
    line = span.source.text.rfind("\n", 0, span.start) + 1
    label = re.search(r"\w+(\[[^\]]*\])?\s*=\s*$", span.source.text[line : span.start])
    at = line + label.start() if label else span.start
    return Edit(Span(span.source, at, at), f"{name}; " if label else f"{name} -> ")


# A shape that is not as stated


def _before(graph: Graph, unmet: Unmet, source: Source) -> Iterator[Fix]:
    """Other arguments of the layers before a statement, with which it would hold."""
    reached = graph.reaching([unmet.node])
    places: dict[Span, Node] = {}
    for node in reversed(graph.nodes[: unmet.node.index + 1]):
        if node.index in reached and node.inputs and node.span.source == source:
            places.setdefault(node.span, node)
    spent, nodes = 0, list(islice(places.values(), PLACES))
    likely = ((n, way) for n in nodes for way in _alternatives(n, unmet.sizes))
    left = ((n, way) for n in nodes for way in _unwritten(n))
    for ways in (likely, left):
        for node, (field, value) in ways:
            spent += unmet.node.index + 1
            if spent > LAYERS:
                return
            if _holds(graph, unmet, node.span, field, value):
                yield from _fix(node.op, node.span, field, value)


def _alternatives(
    node: Node, stated: tuple[Dim | Fraction | None, ...]
) -> Iterator[tuple[str, Any]]:
    """What else a layer's arguments could be: one away, what it proposes, the channels stated."""
    written = node.op.model_fields_set
    for parameter in node.op.parameters():
        now = getattr(node.op, parameter.name)
        if parameter.name in written:
            yield from _one_away(node, parameter.name)
        if stated and stated[0] is not None and now == int(node.output.shape[0]) != stated[0]:
            yield parameter.name, int(stated[0])
    yield from node.op.repairs(*node.tensors)


def _unwritten(node: Node) -> Iterator[tuple[str, Any]]:
    """What the arguments could be that are left at their defaults: these are seldom meant."""
    for parameter in node.op.parameters():
        if parameter.name not in node.op.model_fields_set:
            yield from _one_away(node, parameter.name)


def _one_away(node: Node, field: str) -> Iterator[tuple[str, Any]]:
    now = getattr(node.op, field)
    return iter(() if isinstance(now, bool) else [(field, value) for value in _near(now, FEW)])


def _holds(graph: Graph, unmet: Unmet, place: Span, field: str, value: Any) -> bool:
    """Whether a statement would hold with another argument at a place, at the default size."""
    made: dict[int, Tensor] = {}
    try:
        for node in graph.nodes[: unmet.node.index + 1]:
            if node.span == place:
                op = with_argument(node.op, field, value)
            elif any(n.index in made for n in node.inputs):
                op = node.op
            else:
                continue
            made[node.index] = op.infer(*(made.get(n.index, n.output) for n in node.inputs))
    except (LayerError, ValidationError):
        return False
    shape = made.get(unmet.node.index, unmet.node.output).shape
    return len(shape) == len(unmet.sizes) and all(
        said is None or said == int(size) for said, size in zip(unmet.sizes, shape, strict=True)
    )


def _stated(finding: Diagnostic, unmet: Unmet) -> Iterator[Fix]:
    """The statement, saying what comes out."""
    shape = unmet.node.output.shape
    if len(shape) != len(unmet.sizes):
        text, span = f"[{', '.join(str(int(size)) for size in shape)}]", unmet.span
    else:
        odd = [
            axis
            for axis, (said, size) in enumerate(zip(unmet.sizes, shape, strict=True))
            if said is not None and said != int(size)
        ]
        if not odd:
            return
        text, span = ", ".join(str(int(s)) for s in shape[odd[0] : odd[-1] + 1]), finding.span
    yield Fix(f"state what comes out: `{text}`", (Edit(span, text),))
