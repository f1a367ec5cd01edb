"""Uses of a block that come out alike: the second one is made from the first, not worked out.

A block sees its arguments and the tensor that arrives, and nothing else. Where both are as they
were before, in this model or another one of the spec, so is all that comes of it, but for the
paths of its modules and the nodes of what arrives. What has led to a finding is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from archlang.diagnostic import Turn
from archlang.elaborate.layers import shape_key
from archlang.elaborate.scope import Env
from archlang.elaborate.values import (
    BlockDef,
    Given,
    Key,
    UnlikeError,
    plain,
)
from archlang.graph import Node, Region, RunAgain, Stated, Written
from archlang.source import Span
from archlang.types import Tensor

if TYPE_CHECKING:
    from archlang.elaborate.stages import Stages
    from archlang.syntax import ast


def asked(at: Stages, block: BlockDef, given: Sequence[Given], x: Tensor) -> Key | None:
    """What a use of a block comes of; None where that cannot be compared."""
    try:
        return block, plain(given), shape_key(x), at.evaluator.values_within
    except UnlikeError:
        return None


class _Mark(NamedTuple):
    """How far a model had come: what is behind it was made since."""

    nodes: int
    requirements: int
    assumed: int
    stated: int
    written: int
    ran: int
    steps: int
    items: int
    shared: int
    trouble: int


def _mark(at: Stages) -> _Mark:
    graph, run = at.graph, at.evaluator
    lost = len(graph.clashes) + len(graph.refused) + len(graph.unmet)
    lost += len(graph.missing) + len(graph.disputed) + len(graph.restored)
    return _Mark(
        len(graph.nodes),
        len(graph.requirements),
        len(graph.assumed),
        len(graph.stated),
        len(graph.written),
        len(graph.ran),
        run.steps,
        run.items,
        at.shares,
        at.told + lost,
    )


class Use:
    """A use of a block, as it came out."""

    def __init__(self, at: Stages, block: BlockDef, arrives: Node) -> None:
        self.before, self.block, self.arrives = _mark(at), block, arrives
        self.blocks: set[BlockDef] = set()
        """The blocks that it is made of: none of them may be inside itself."""
        self.deepest = self.depth = at.depth
        self.way = len(at.turns)

    def ended(self, at: Stages, region: Region, result: object) -> bool:
        """Note what has come of it; whether it can be made again."""
        since, graph = _mark(at), at.graph
        if since.trouble != self.before.trouble or not isinstance(result, Node):
            return False
        before = self.before
        if since.shared != before.shared:
            return False
        self.region, self.result = region, result
        self.nodes = graph.nodes[before.nodes :]
        self.firsts = [i for i, n in enumerate(self.nodes) if n.first and not n.op.merges]
        """Which of them are the first uses of modules."""
        self.requirements = graph.requirements[before.requirements :]
        self.assumed = graph.assumed[before.assumed :]
        self.stated, self.written = graph.stated[before.stated :], graph.written[before.written :]
        self.ran = graph.ran[before.ran :]
        self.steps, self.items = since.steps - before.steps, since.items - before.items
        return True

    def made_with(self, item: ast.Item | None) -> bool:
        """Whether an item of a spec is one of the blocks that it is made of, or its own."""
        if item is None:
            return False
        return self.block.node is item or any(block.node is item for block in self.blocks)

    def possible(self, at: Stages) -> bool:
        """Whether to make it again reaches no limit."""
        limits = at.evaluator.limits
        return (
            len(at.graph.nodes) + len(self.nodes) <= limits.layers
            and at.evaluator.has_room(self.steps, self.items)
            and at.depth + self.deepest - self.depth <= limits.depth
            and self.blocks.isdisjoint(at.active)
        )

    def again(self, at: Stages, arrives: Node, outer: Region, path: str, span: Span) -> Node:
        """The same once more, on another tensor alike, as a part of ``outer`` at another path."""
        graph = at.graph
        again = _Again(self, arrives, path, len(graph.nodes))
        graph.nodes += again.made
        at.repeated += len(again.made)
        at.modules.update([(made.path, made) for made in map(again.made.__getitem__, self.firsts)])
        region = again.region(self.region)
        region.span = span
        outer.parts.append(region)
        graph.requirements += [
            r._replace(env=again.env(r.env), region=again.regions[r.region])
            for r in self.requirements
        ]
        graph.assumed += self.assumed
        graph.stated += [Stated(a, again.node(n), b, c, d) for a, n, b, c, d in self.stated]
        graph.written += [Written(a, b, again.node(n), c) for a, b, n, c in self.written]
        graph.ran.append(RunAgain(self.ran, self.way + 1, (*at.turns, Turn(span, None, span))))
        at.evaluator.again(self.steps, self.items)
        return again.node(self.result)


class _Again:
    """One more of a use: its nodes are made at once, regions and names as they are met."""

    def __init__(self, use: Use, arrives: Node, path: str, first: int) -> None:
        self.use, self.arrives = use, arrives
        self.base, self.path, self.known = use.before.nodes, path, len(use.region.path or "")
        self.regions: dict[Region, Region] = {}
        self.envs: dict[Env, Env] = {}
        self.made: list[Node] = []
        for place, n in enumerate(use.nodes, first):
            inputs = tuple(map(self.node, n.inputs))
            self.made.append(
                Node(place, n.op, inputs, n.output, path + n.path[self.known :], n.span,
                     n.params, n.buffers, n.first, n.conditions)
            )  # fmt: skip

    def node(self, node: Node) -> Node:
        return self.made[node.index - self.base] if node.index >= self.base else self.arrives

    def region(self, region: Region) -> Region:
        r = region
        path = None if r.path is None else self.path + r.path[self.known :]
        result = None if r.result is None else self.node(r.result)
        env = None if r.env is None else self.env(r.env)
        made = Region(r.kind, r.name, path, r.span, r.args, [], result, r.definition, env)
        self.regions[region] = made
        made.parts = [self.node(p) if isinstance(p, Node) else self.region(p) for p in r.parts]
        return made

    def env(self, env: Env) -> Env:
        """The names of a body, with the tensors that are its own."""
        if env not in self.envs:
            tensors = {
                k: self.node(n) if isinstance(n, Node) else n for k, n in env.tensors.items()
            }
            self.envs[env] = replace(env, tensors=tensors)
        return self.envs[env]
