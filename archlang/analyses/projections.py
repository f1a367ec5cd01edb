"""What a merge is often written without: a projection beside a branch, a pool that keeps sizes.

The first is the shortcut of a residual that changes the shape (He et al. 2016, Deep residual
learning for image recognition): a convolution of one position with the channels and the stride of
the branch, written in its words, so that in a block it holds for every use. The second stands in a
branch beside convolutions that keep their sizes (Szegedy et al. 2015, Going deeper with
convolutions), where a pool moves by its kernel unless its stride is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archlang.analyses.changes import argument, between, merges_at
from archlang.diagnostic import ArchError, Diagnostic, Fix
from archlang.graph import Clash, Graph, Node
from archlang.source import Edit, Source, Span, edited
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression


def projections(graph: Graph, finding: Diagnostic, source: Source) -> Iterator[Fix]:
    """The edit that adds a projection beside the only branch of a merge, where one is told."""
    for merge in merges_at(graph, finding.span)[:1]:
        branch, *others = merge.region.parts
        last = others[-1].span if others else branch.span
        if last.text != "}" or last.source != source:
            continue
        if text := _projection(graph, merge, branch.span):
            edit = Edit(Span(source, last.start, last.start), f"| {text} ")
            yield Fix(f"project what arrives: `| {text}`", (edit,))


def _projection(graph: Graph, merge: Clash, branch: Span) -> str:
    reached = graph.reaching([merge.inputs[0]])
    own = [n for n in graph.nodes if n.index in reached and n.span.within(branch)]
    convs = [n for n in own if {"channels", "kernel", "stride"} <= set(type(n.op).model_fields)]
    said = {n.span: _arguments(n) for n in convs}
    if not convs or not all(said.values()):
        return ""
    last = said[convs[-1].span]
    strides = {a["stride"] for a in said.values() if a.get("stride", "1") != "1"}
    if "channels" not in last or len(strides) > 1:
        return ""
    text = f"{'x'.join('1' for _ in convs[-1].output.spatial)}, {last['channels']}"
    text += "".join(f", stride={stride}" for stride in strides)
    text += f", bias={last['bias']}" if "bias" in last else ""
    norm = next((n.span.text for n in own if n.op.centres), "")
    return f"{convs[-1].op.name}({text})" + (f" -> {norm}" if norm else "")


def _arguments(node: Node) -> dict[str, str]:
    """What is written for each parameter of a layer; nothing where that is not plain."""
    try:
        call = parse_expression(Source("", node.span.text))
    except ArchError:
        return {}
    if not isinstance(call, ast.Call) or call.name != node.op.name:
        return {}
    names = [p.name for p in node.op.parameters()]
    found = {a.name: a for a in call.args if a.name}
    free = (n for n in names if n not in found)
    return {a.name or next(free): node.span.text[a.value.start : a.value.end] for a in call.args}


def steady(graph: Graph, finding: Diagnostic, source: Source) -> Iterator[Fix]:
    """The edit that lets a layer keep sizes which moves by its kernel, where no stride is said."""
    nodes = {n.span: n for m in merges_at(graph, finding.span) for n in between(graph, m)}
    for span, node in nodes.items():
        kernel: Any = getattr(node.op, "kernel", 0)
        unsaid = getattr(node.op, "stride", 1) is None and getattr(node.op, "pad", 1) == 0
        sides: set[int] = set(kernel) if isinstance(kernel, tuple) else {kernel}
        if span.source != source or not unsaid or len(sides) > 1:
            continue
        size, text = sides.pop(), span.text
        for field, value in (("stride", 1), ("pad", size // 2)):
            own = Source("", text)
            edit = argument(node.op, Span(own, 0, len(text)), field, value)
            text = edited(own, [edit]).text if edit else ""
        if size % 2 and text:
            yield Fix(f"`{text}` keeps the sizes", (Edit(span, text),))
