"""What stands between arrows: layers, blocks, shared networks, tensors, repetition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NoReturn

from archlang.diagnostic import Fix, Note
from archlang.elaborate.arguments import layer_failed
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.findings import NOT_A_LAYER, Findings, InUse
from archlang.elaborate.layers import Layers
from archlang.elaborate.missing import called, lose, unreached
from archlang.elaborate.problem import SAID, Problem, Stop, fail, too_much, unknown
from archlang.elaborate.repeats import Use
from archlang.elaborate.scope import LOST, Claims, Env, Lost, Place, Scope, Wire, claim
from archlang.elaborate.strange import as_in_python, in_square, no_stage
from archlang.elaborate.symbolic import PLAIN
from archlang.elaborate.unknown import Trial, Unknown
from archlang.elaborate.values import (
    BlockDef,
    Failed,
    Given,
    Key,
    Partial,
    SharedNetwork,
    describe,
)
from archlang.graph import Graph, Node, Refused, Region
from archlang.limits import advice
from archlang.op import LayerError, Op, module_text
from archlang.source import Edit, Span
from archlang.syntax import ast
from archlang.syntax.node import HOLE
from archlang.types import symbols

STEPS, REPEATED, TOLD = 20, 3, 3
"""How many steps of expressions, and layers made from others, take the time of one layer; and
how many layers take that of one finding."""
MAX_SCALARS = 2**60
"""Scalars of one tensor: PyTorch cannot address more."""


class Stages(Findings, ABC):
    """The rules of stages. Statements are in ``Elaborator``."""

    def __init__(
        self,
        graph: Graph,
        trial: Trial,
        believes: str = "inferred",
        uses: dict[Key, Use] | None = None,
        layers: Layers | None = None,
    ) -> None:
        super().__init__(graph, trial, believes)
        self.layers = Layers() if layers is None else layers
        self.known_uses = uses
        """Uses of blocks by what they come of; None where each is worked out: to trace them."""
        self.recorded: list[Use] = []
        self.evaluator = Evaluator(graph.assumed, trial)
        self.active: list[BlockDef] = []
        self.modules: dict[str, Node] = {}
        self.depth = 0
        self.shares = 0
        """How often a shared network was declared or run."""
        self.repeated = 0
        """How many layers were made from others: see ``Use``."""

    @property
    def work(self) -> int:
        """What was done so far, counted in layers."""
        run, made = self.evaluator, len(self.graph.nodes) - self.repeated
        values = (run.steps - run.known) // STEPS
        return made + self.repeated // REPEATED + values + TOLD * self.told

    @abstractmethod
    def branch(self, stmts: list[ast.Stmt], at: Place, wire: Wire) -> tuple[Wire, bool]:
        """Run statements; the last tensor, and whether any of them contributed anything."""

    @abstractmethod
    def chain(self, chain: ast.Chain, label: str | None, at: Place, wire: Wire) -> Wire:
        """Run stages one after the other."""

    @abstractmethod
    def merge(self, stage: ast.Merge, at: Place, wire: Wire) -> Wire:
        """Run branches, and bring them together."""

    @abstractmethod
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
        """Run a block."""

    def stage(self, stage: ast.Stage, at: Place, wire: Wire, label: str | None = None) -> Wire:
        """Run one stage; after an error its result is lost, and the error recorded."""
        span = at.env.span(stage)
        try:
            self.evaluator.step(stage, at.env)
            match stage:
                case ast.Use():
                    result = self.use(stage, at, wire, label)
                    if isinstance(result, Node):
                        self.holds(span)
                    return result
                case ast.Reference():
                    return self.reference(stage, at)
                case ast.Group():
                    region = Region("group", "", None, span)
                    return self.body(stage.body, at.within(region), wire)
                case ast.Merge():
                    return self.merge(stage, at, wire)
                case ast.Repeat():
                    return self.repeat(stage, at, wire)
        except Problem as problem:
            lost = lose(self.graph, problem, label or called(stage), at, [wire], span)
            if isinstance(problem, Stop):
                raise
            self.report(problem.diagnostic)
            if label and called(stage) == label and problem.diagnostic.code == "A104":
                # Without all arguments it may be meant for a `let`: what follows is not known.
                at.env.values.setdefault(label, Failed(SAID))
            return lost

    def body(self, body: ast.Body, at: Place, wire: Wire) -> Wire:
        """Run a body that is one flow."""
        if len(body.branches) > 1:
            _unmerged(body, at)
        for branch in body.branches:
            wire, _ = self.inside(body, branch, at, wire)
        return wire

    def inside(
        self, node: ast.Node, branch: ast.Branch, at: Place, wire: Wire
    ) -> tuple[Wire, bool]:
        """Run a branch, one level further into blocks and braces; raises where that is too deep."""
        if self.depth >= (most := self.evaluator.limits.depth):
            too_much("depth", f"blocks and braces nest deeper than {most}", at.env.span(node))
        self.depth += 1
        if self.recorded:
            self.recorded[-1].deepest = max(self.recorded[-1].deepest, self.depth)
        try:
            return self.branch(branch.stmts, at, wire)
        finally:
            self.depth -= 1

    # Names

    def is_reference(self, stage: ast.Stage, env: Env) -> bool:
        """Whether a stage yields a tensor or runs a shared network, and so is no part."""
        if isinstance(stage, ast.Use):
            value = env.find(stage.name)
            return isinstance(value, SharedNetwork) or (value is None and stage.name in env.tensors)
        return isinstance(stage, ast.Reference)

    def use(self, stage: ast.Use, at: Place, wire: Wire, label: str | None) -> Wire:
        env, span = at.env, at.env.span(stage)
        if stage.name == HOLE:
            return LOST
        value = env.find(stage.name)
        if value is None and stage.name in env.tensors:
            if stage.args is not None:
                fail("A105", f"`{stage.name}` {NOT_A_LAYER}", span)
            return env.tensors[stage.name]
        if value is None:
            no_stage(stage, env)
        if isinstance(value, Partial) and isinstance(value.target, type):
            as_in_python(stage, value.target, env)
        given = self.evaluator.given(stage.args or [], env)
        match value:
            case Partial(target=BlockDef() as block):
                direct = stage.name in env.blocks and stage.name not in env.values
                return self.block(block, (*value.given, *given), at, wire, label, span, direct)
            case Partial(target=type() as layer):
                return self.layer(layer, (*value.given, *given), at, wire, label, span)
            case SharedNetwork():
                if given:
                    fail("A105", f"`{stage.name}` is a shared network: it takes no arguments", span)
                return self.shared(value, at, wire, span)
        return fail("A105", f"`{stage.name}` is {describe(value)}, not a layer or block", span)

    def reference(self, stage: ast.Reference, at: Place) -> Wire:
        in_square(stage, at.env)
        name = self.label(stage, at.env)
        if name not in at.env.tensors:
            unknown("tensor", name, at.env.tensors, at.env.span(stage), file=at.env.file)
        return at.env.tensors[name]

    def label(self, label: ast.Label | ast.Reference, env: Env) -> str:
        """A label with its indices appended: ``block[s, "-", j]`` is ``block1-0``."""
        name = label.name
        for index in label.indices:
            value = self.evaluator.evaluate(index, env)
            if isinstance(value, bool) or not isinstance(value, (int, str)):
                shown = describe(value)
                fail("A105", f"a label takes numbers and strings, not {shown}", env.span(index))
            name += str(value)
        return name

    # Layers

    def layer(
        self,
        cls: type[Op],
        given: Sequence[Given],
        at: Place,
        wire: Wire,
        label: str | None,
        span: Span,
    ) -> Wire:
        op, bound = self.layers.make(cls, given, span, self.trial)
        for argument in given:
            if type(argument.value) not in PLAIN:
                self.evaluator.fixed(argument.value, argument.span)
        path = claim(at.scope, label, at.labelled or span)
        if isinstance(wire, Lost):
            return unreached(self.graph, path, at, [wire], span, op)
        return self.node(op, (self.needed(wire, span),), at, path, span, bound)

    def needed(self, wire: Wire, span: Span) -> Node:
        """The tensor that a layer works on; raises where there is none yet."""
        if wire is None:
            inputs = ", ".join(f"`{name}`" for name in self.graph.inputs)
            start = f"start from one of {inputs}" if inputs else "declare one with `input`"
            fail("A112", "there is no tensor to work on here", span, notes=[start])
        assert isinstance(wire, Node)
        return wire

    def node(
        self,
        op: Op,
        inputs: tuple[Node, ...],
        at: Place,
        path: str,
        span: Span,
        bound: dict[str, Given],
        written: Span | None = None,
    ) -> Node:
        """Add a layer to the network, its output inferred.

        ``written`` is all that is written of it, where ``span`` is its name alone.
        """
        tensors = tuple([n.output for n in inputs])
        if self.trial.tracing:
            self.trial.layers += 1
            for name, argument in bound.items():
                if isinstance(argument.value, Unknown):
                    self.trial.took.setdefault(argument.value.span, (op, name, tensors))
        try:
            output, params, buffers, conditions, scalars = self.layers.ask(op, tensors)
        except LayerError as error:
            if not op.merges:
                self.graph.refused.append(Refused(op, inputs, span, error.field or ""))
            layer_failed(op, error, bound, span, () if op.merges else inputs, written or span)
        if min(output.shape, default=1) < 1:
            fail("A208", f"`{op.name}` gives {output}, which has a size below 1", span)
        if scalars > MAX_SCALARS:
            fail("A001", f"`{op.name}` makes a tensor of more scalars than can be addressed", span)
        if self.trial.tracing:
            built_in = any(symbols(d) for shape in params.values() for d in shape)
            plain = any(not symbols(a) or not symbols(b) for a, b, _ in conditions)
            self.trial.fixed = self.trial.fixed or built_in or plain
        node = Node(len(self.graph.nodes), op, inputs, output, path, span, params, buffers)
        node.conditions = conditions
        if not op.merges:  # a merge has no module, so its path is only what it is called by
            first = self.modules.setdefault(path, node)
            node.first = first is node
            if first is not node:
                self.same_module(first, node)
        if len(self.graph.nodes) >= (most := self.evaluator.limits.layers):
            too_much("layers", f"the network has more than {most:,} layers", span)
        self.graph.nodes.append(node)
        at.region.parts.append(node)
        return node

    def same_module(self, first: Node, node: Node) -> None:
        """Raise where a second use of a shared layer would need another module."""
        if module_text(first.op, first.tensors) == module_text(node.op, node.tensors):
            return
        fail(
            "A210",
            f"`{node.path}` is shared, but its uses differ",
            node.span,
            notes=[
                f"first {first.op} on {', '.join(map(str, first.tensors))}",
                f"here {node.op} on {', '.join(map(str, node.tensors))}",
            ],
        )

    # Shared networks and repetition

    def shared(self, network: SharedNetwork, at: Place, wire: Wire, span: Span) -> Wire:
        """Run a shared network once more, on the weights of its first use."""
        claims = Claims()
        head, _, name = network.path.rpartition(".")
        region = Region("shared", network.node.name, None, span)
        scope = Scope(head, claims)
        at.region.parts.append(region)
        place = Place(network.env, scope, region)
        result: Wire = LOST
        restored = len(self.graph.restored)
        self.shares += 1
        uses, self.known_uses = self.known_uses, None  # each run goes into the same modules
        with InUse(self, network.node.name, span):
            result = self.chain(network.node.chain, name, place, wire)
        self.known_uses = uses
        if not isinstance(result, Node) or len(self.graph.restored) > restored:
            return result  # what was lost on the way is in no list of what ran
        runs = [(n.path, str(n.op)) for n in region.nodes()]
        if network.runs not in (None, runs):
            fail(
                "A210", f"`{network.node.name}` is shared, but its uses run different layers", span
            )
        network.runs = runs
        return result

    def repeat(self, stage: ast.Repeat, at: Place, wire: Wire) -> Wire:
        span = at.env.span(stage.count)
        count = self.evaluator.integer(stage.count, at.env, "`x` takes a whole number of copies")
        if count < 0:
            fail("A105", f"`x` takes a whole number of copies, not {int(count)}", span)
        if count > (most := self.evaluator.limits.layers):
            message = f"{int(count):,} copies; a network has at most {most:,} layers"
            fail("A001", message, span, help=advice("layers", 2 * int(count)))
        self.evaluator.fixed(count, span)
        self.holds(span)
        place = at.within(Region("repeat", str(int(count)), None, at.env.span(stage)))
        for _ in range(count):
            wire = self.stage(stage.stage, place, wire)
            if isinstance(wire, Lost):
                break
        return wire


def _unmerged(body: ast.Body, at: Place) -> NoReturn:
    """Raise for branches of which it is not said how they come together."""
    second, region = at.env.span(body.branches[1]), at.region
    brace = second._replace(start=body.start, end=body.start + 1)
    lone = region.kind == "group" and region.span == at.env.span(body)
    before = brace._replace(end=brace.start)
    merges = ("add", "concat") if lone else ()
    fail(
        "A110",
        "branches need a merge that says how they come together",
        brace if lone else second,
        "a merge is missing before this" if lone else "a second branch",
        related=[Note(second, "a second branch")] if lone else [],
        notes=[
            "write `add { … | … }`, `mul { … | … }` or `concat { … | … }`",
            "layers that follow each other are joined by `->`",
        ],
        fixes=tuple(Fix(f"write `{m} {{`", (Edit(before, f"{m} "),)) for m in merges),
    )
