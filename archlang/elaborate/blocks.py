"""Uses of blocks: arguments, the signature, and the stretch of the network that they are."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Literal

from archlang.elaborate.arguments import bind, missing
from archlang.elaborate.findings import InUse
from archlang.elaborate.merges import Merges
from archlang.elaborate.missing import unreached
from archlang.elaborate.problem import Problem, Stop, fail
from archlang.elaborate.repeats import Use, asked
from archlang.elaborate.scope import LOST, Lost, Place, Scope, Wire, claim
from archlang.elaborate.signature import (
    bind_signature,
    check_result,
    check_takes,
    forget_signature,
    sizes,
)
from archlang.elaborate.unknown import Unknown
from archlang.elaborate.values import BlockDef, Given, written
from archlang.graph import Disputed, Node, Region, Unmet, Written
from archlang.source import Span
from archlang.syntax import ast


class Blocks(Merges, ABC):
    """The rules of blocks."""

    def block(
        self,
        block: BlockDef,
        given: Sequence[Given],
        at: Place,
        wire: Wire,
        label: str | None,
        span: Span,
        direct: bool,
    ) -> Wire:
        node = block.node
        if Unknown in [type(g.value) for g in given]:
            given = [self.evaluator.settled_argument(g) for g in given]
        if direct and block in self.active:
            names = [b.node.name for b in self.active[self.active.index(block) :]]
            fail("A109", f"`{node.name}` uses itself: {' → '.join([*names, node.name])}", span)
        path = claim(at.scope, label, at.labelled or span)
        if isinstance(wire, Lost) and self.trial.tracing:
            takes = block.parameters
            missing(node.name, takes, bind(node.name, takes, given, span), span)
            return unreached(self.graph, path, at, [wire], span)
        if isinstance(wire, Lost):
            return self.run_block(block, given, wire, at, path, span)[1]
        return self.known(block, given, self.needed(wire, span), at, path, span)

    def known(
        self,
        block: BlockDef,
        given: Sequence[Given],
        arrives: Node,
        at: Place,
        path: str,
        span: Span,
    ) -> Wire:
        """Make a use of a block from one that was alike, or work it out and keep it."""
        if self.known_uses is None or (key := asked(self, block, given, arrives.output)) is None:
            return self.run_block(block, given, arrives, at, path, span)[1]
        known, changed = self.known_uses.get(key), self.trial.changed
        if known is not None and not known.made_with(changed) and known.possible(self):
            self.part_of_use(block, known)
            return known.again(self, arrives, at.region, path, span)
        self.recorded.append(use := Use(self, block, arrives))
        try:
            region, result = self.run_block(block, given, arrives, at, path, span)
        finally:
            self.recorded.pop()
            self.part_of_use(block, use)
        if not use.made_with(changed) and use.ended(self, region, result):
            self.known_uses[key] = use
        return result

    def part_of_use(self, block: BlockDef, inner: Use) -> None:
        """A use of a block is over: the one that it is in is made of it too."""
        if self.recorded:
            outer = self.recorded[-1]
            outer.blocks |= {block, *inner.blocks}
            outer.deepest = max(outer.deepest, self.depth + inner.deepest - inner.depth)

    def run_block(
        self,
        block: BlockDef,
        given: Sequence[Given],
        wire: Node | Lost,
        at: Place,
        path: str,
        span: Span,
    ) -> tuple[Region, Wire]:
        """Work out a use of a block: the stretch of the network that it is, and its end."""
        node, inner = block.node, block.env.body()
        if isinstance(wire, Lost):
            forget_signature(node, inner)
        else:
            bind_signature(node, inner, wire.output, span)
        self.evaluator.parameters(node.name, node.params, block.parameters, given, inner, span)
        if isinstance(wire, Node):
            stated = check_takes(node, inner, wire, span, self.evaluator)
            self.graph.stated.extend(stated)
            self.states(block, wire, "takes")
        args = ", ".join([(f"{g.name}=" if g.name else "") + written(g.value) for g in given])
        region = Region("block", node.name, path, span, args, definition=node, env=inner)
        place = Place(inner, Scope(path, at.scope.claims), region)
        at.region.parts.append(region)
        self.active.append(block)
        result: Wire = LOST
        with InUse(self, f"{node.name}({args})" if args else node.name, span):
            result = self.body(node.body, place, wire)
            result = self.gives(block, place, result)
        self.active.pop()
        return region, result

    def gives(self, block: BlockDef, at: Place, end: Wire) -> Wire:
        """What a block comes to: checked against its signature, or known from it alone."""
        node, env = block.node, at.env
        if isinstance(end, Node):
            at.region.result = end
            self.states(block, end, "gives")
            try:
                self.graph.stated.extend(check_result(node, env, end, self.evaluator))
                if node.signature and node.signature.gives:
                    self.holds(env.span(node.signature.gives))
                return end
            except Stop:
                raise
            except Problem as problem:
                self.graph.disputed.append(Disputed(end, problem.diagnostic))
                self.report(problem.diagnostic)
                self.disputed = True
        elif end is None:
            return end
        stated = node.signature.gives if node.signature else None
        return end if stated is None else self.stated_shape(stated, at, end)

    def stated_shape(self, spec: ast.ShapeSpec, at: Place, wire: Node | Lost) -> Wire:
        """The tensor to go on with where what a spec states is not what there is."""
        if spec.rest:
            return wire
        shape = [size for _, size in sizes(spec, at.env, self.evaluator)]
        if isinstance(wire, Node):
            self.graph.unmet.append(Unmet(at.env.span(spec), tuple(shape), wire))
            if self.believes == "inferred":
                return wire
        like = wire if isinstance(wire, Node) else None
        found = self.settled_by(shape, like, at.region, at.env.span(spec))
        if found is not None:
            self.graph.restored[found] = wire.origin if isinstance(wire, Lost) else wire
        return found or wire

    def states(self, block: BlockDef, node: Node, side: Literal["takes", "gives"]) -> None:
        """Record what a block's signature says of a tensor."""
        shape = getattr(block.node.signature, side, None)
        if shape is not None:
            self.graph.written.append(Written(shape, block.env.file.source, node, signature=True))
