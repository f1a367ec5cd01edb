"""Legal sizes and shapes held against PyTorch, a network and a size at a time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from archlang.analyses.proofs import prove
from archlang.analyses.sizes import Legal, legal
from archlang.diagnostic import Fix
from archlang.elaborate import Program
from archlang.graph import Graph
from archlang.source import Source
from archlang.types import form_of
from tests.sizes.networks import Maker, Net


@dataclass
class Result:
    """What came of one network: how many points were asked, and where the answers differ."""

    seed: int
    spec: str
    counts: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)


def compare(seed: int, dense: bool) -> Result:
    """Make the network of a seed, and ask both about many sizes: all heights, where ``dense``."""
    net = Maker(seed).net()
    result = Result(seed, net.spec)
    graph = worked_out(net.spec)
    found = legal(graph)
    result.counts["exact" if found.exact else "not stated"] += 1
    for height, width in points(net, found, random.Random(seed), dense):
        result.counts["points"] += 1
        if why := differ(net, graph, found, height, width, result.counts):
            result.mismatches.append(f"H={height} W={width}: {why}")
    if why := repaired(net, graph, result.counts):
        result.mismatches.append(why)
    return result


def worked_out(spec: str) -> Graph:
    """The graph of a spec's only model, its merges agreeing at the default size at least."""
    graph, found = Program(Source("<text>", spec)).elaborate("m")
    assert graph is not None, found
    return graph


def repaired(net: Net, graph: Graph, counts: Counter[str]) -> str:
    """What is wrong with the findings, or with the spec that has what they offer; else empty."""
    found = prove(graph)
    fixes = [d.fixes for d in found if d.code == "A211"]
    counts["not always legal"] += bool(fixes)
    if not all(fixes):
        return ""
    counts["repaired"] += bool(fixes)
    each = [_condition(offered[-1]) for offered in fixes]
    joint = [_condition(fixes[0][0])] if fixes and len(fixes[0]) > 1 else each
    lines = net.spec.split("\n")
    for required in (each, joint):
        again = worked_out("\n".join([*lines[:2], *required, *lines[2:]]))
        if left := prove(again):
            return f"{required} is not enough: {left[0].message}"
        if legal(again).region != legal(graph).region:
            return f"{required} makes {legal(graph).words()} into {legal(again).words()}"
    return ""


def _condition(fix: Fix) -> str:
    return fix.text.partition("`")[2].rpartition("`")[0]


def points(net: Net, found: Legal, r: random.Random, dense: bool) -> Iterable[tuple[int, int]]:
    """Sizes to ask about: small ones, the default's, and those at the edges of what is legal."""
    _, h, w = net.shape
    widths = [w, w, w + r.randint(1, 9), r.randint(1, 40), r.randint(1, 512)]
    if dense:
        for height in range(1, 513):
            yield height, r.choice(widths)
        for width in range(1, 129):
            yield h, width
        return
    heights = {*range(1, 26), h - 1, h, h + 1, 512, *(r.randint(26, 511) for _ in range(8))}
    for box in found.region.boxes[:4]:
        for name, other in (("H", w), ("W", h)):
            if name in box:
                edges = {box[name].least or 1, (box[name].below(511) or 1), box[name].start}
                for edge in {e + d for e in edges for d in (-1, 0, 1)} & set(range(1, 513)):
                    yield (edge, other) if name == "H" else (other, edge)
    for height in sorted(heights & set(range(1, 513))):
        yield height, r.choice(widths)
    for width in sorted({*range(1, 20), *(r.randint(20, 512) for _ in range(5))}):
        yield h, width


def differ(
    net: Net, graph: Graph, found: Legal, height: int, width: int, counts: Counter[str]
) -> str:
    """What archlang says of a size that PyTorch does not; empty where they agree."""
    sizes = {"H": height, "W": width}
    expected = net.run(height, width)
    ours = found.holds(sizes)
    if ours != (expected is not None) or ("conv_transpose" in net.spec and height * width < 900):
        real = net.run(height, width, device="cpu")  # where the two differ, real tensors decide
        counts["meta differs"] += (real is None) != (expected is None)
        expected = real
    counts["legal" if expected is not None else "illegal"] += 1
    if not found.exact and (ours or expected is None):
        return ""
    if ours != (expected is not None):
        return f"legal {ours}, PyTorch {expected is not None}"
    if expected is None:
        return ""
    for node, shape in zip(graph.nodes, expected, strict=True):
        forms = [form_of(d) for d in node.output.shape]
        said = tuple(None if f is None else f.at(sizes) for f in forms)
        if any(a is not None and a != b for a, b in zip(said, shape, strict=True)):
            return f"`{node.op}` gives {said}, PyTorch {shape}"
        counts["sizes"] += len(shape)
    return ""
