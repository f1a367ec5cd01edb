"""The shortcut that a residual lacks: a projection of what arrives to what its branch comes to.

He et al. 2016, Deep residual learning for image recognition, call it so: a convolution of one
position with the channels and the stride of the branch. It is written in the words of the branch,
so that in a block it holds for every use.
"""

from __future__ import annotations

from collections.abc import Iterator

from archlang.analyses.changes import merges_at
from archlang.diagnostic import ArchError, Diagnostic, Fix
from archlang.graph import Clash, Graph, Node
from archlang.source import Edit, Source, Span
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
