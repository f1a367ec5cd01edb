"""Statements: a body is a pipeline, each statement taking the current tensor to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from archlang.arguments import LARGEST
from archlang.elaborate.binding import distinct_parameters, distinct_targets, unpack
from archlang.elaborate.blocks import Blocks
from archlang.elaborate.expressions import METRICS, Evaluator
from archlang.elaborate.findings import EXPLAINED, InTurn, labels, values
from archlang.elaborate.layers import Layers
from archlang.elaborate.missing import called, lose
from archlang.elaborate.origins import Origin, targets, written_at
from archlang.elaborate.problem import SAID, Problem, Stop, fail, unknown
from archlang.elaborate.repeats import Use
from archlang.elaborate.scope import Env, Lost, Place, Scope, Wire, claim
from archlang.elaborate.signature import compare, differ, sizes, states, wrong
from archlang.elaborate.traces import makers, trace_notes
from archlang.elaborate.unknown import Trial
from archlang.elaborate.values import Failed, Function, Key, SharedNetwork, written
from archlang.graph import Aux, Disputed, Graph, Node, Region, Requirement, Written
from archlang.ops.input import Input
from archlang.source import Span
from archlang.syntax import ast
from archlang.types import Shape, input_dim


class Elaborator(Blocks):
    """Works out one model. ``inputs`` are shapes to use instead of those in the spec."""

    def __init__(
        self,
        graph: Graph,
        inputs: Mapping[str, Shape],
        trial: Trial,
        believes: str = "inferred",
        uses: dict[Key, Use] | None = None,
        layers: Layers | None = None,
    ) -> None:
        super().__init__(graph, trial, believes, uses, layers)
        self.given_inputs = dict(inputs)
        self.defaults: dict[str, int] = {}
        self.actual: dict[str, int] = {}
        self.declared: list[ast.Input] = []
        self.output_names: list[tuple[str, Node]] = []

    def model(self, model: ast.Model, at: Place) -> None:
        """Run a model's body, and settle its outputs."""
        stmts = [s for branch in model.body.branches for s in branch.stmts]
        self.declared = declared = [s for s in stmts if isinstance(s, ast.Input)]
        span = at.env.span(model)
        head = span._replace(end=min(span.end, model.body.start))
        if not declared:
            fail("A112", f"model `{model.name}` has no input", head,
                 notes=["declare one first, as in `input image: [3, 224, 224]`"])  # fmt: skip
        for name in self.given_inputs:
            if name not in {s.name for s in declared}:
                unknown("input", name, [s.name for s in declared], head)
        wire = self.body(model.body, at, None)
        if isinstance(wire, Lost):
            return
        if self.output_names:
            self.graph.outputs = dict(self.output_names)
        else:
            self.graph.outputs = {"output": self.needed(wire, head)}

    def branch(self, stmts: list[ast.Stmt], at: Place, wire: Wire) -> tuple[Wire, bool]:
        contributed = False
        for stmt in stmts:
            try:
                wire, present = self.statement(stmt, at, wire)
            except Problem as problem:
                flows = isinstance(stmt, (ast.Pipe, ast.If, ast.For, ast.Input))
                if flows:
                    wire = lose(self.graph, problem, called(stmt), at, [wire], at.env.span(stmt))
                    self.forget(stmt, at, wire)
                if isinstance(problem, Stop):
                    raise
                self.report(problem.diagnostic)
                present = True
                if not flows:
                    self.forget(stmt, at, Lost())
            contributed = contributed or present
        return wire, contributed

    def forget(self, stmt: ast.Stmt, at: Place, lost: Lost) -> None:
        """After an error, what a statement would have named is lost too."""
        at.env.tensors.update((name, lost) for name in labels(stmt))
        for name in values(stmt):
            at.env.values.setdefault(name, Failed(SAID))

    def statement(self, stmt: ast.Stmt, at: Place, wire: Wire) -> tuple[Wire, bool]:
        """Run one statement: the tensor after it, and whether it contributed anything."""
        match stmt:
            case ast.Pipe():
                return self.pipe(stmt, at, wire), True
            case ast.If():
                return self.if_(stmt, at, wire)
            case ast.For():
                return self.for_(stmt, at, wire), True
            case ast.Let():
                self.let(stmt, at)
            case ast.Shared():
                self.declare_shared(stmt, at)
            case ast.Require():
                self.require(stmt, at)
            case ast.Input():
                return self.input(stmt, at, wire), True
            case ast.Aux():
                self.aux(stmt, at)
            case ast.Output():
                self.output(stmt, at)
        return wire, False

    # The flow

    def pipe(self, stmt: ast.Pipe, at: Place, wire: Wire) -> Wire:
        label = self.label(stmt.label, at.env) if stmt.label else None
        at = at.under(at.env.span(stmt.label) if stmt.label else None)
        wire = self.chain(stmt.chain, label, at, wire)
        if isinstance(wire, Lost):
            self.forget(stmt, at, wire)
        if label is not None:  # it stands even where what is stated of it fails
            at.env.tensors[label] = wire
        if stmt.shape is not None and isinstance(wire, Node):
            wire = self.check_shape(stmt.shape, at, wire)
        elif stmt.shape is not None and isinstance(wire, Lost):
            wire = self.stated_shape(stmt.shape, at, wire)
        if label is not None:
            at.env.tensors[label] = wire
        return wire

    def chain(self, chain: ast.Chain, label: str | None, at: Place, wire: Wire) -> Wire:
        named: ast.Stage | None = None
        outer = at
        if label is not None:
            parts = [s for s in chain.stages if not self.is_reference(s, at.env)]
            if len(parts) == 1 and isinstance(parts[0], ast.Use):
                named = parts[0]
            elif parts:
                span = at.env.span(chain)
                path = claim(at.scope, label, at.labelled or span)
                region = Region("group", label, path, span)
                at = at.within(region, Scope(path, at.scope.claims))
        for stage in chain.stages:
            wire = self.stage(stage, at, wire, label if stage is named else None)
        if at is not outer and isinstance(wire, Node):
            at.region.result = wire
        return wire

    def check_shape(self, spec: ast.ShapeSpec, at: Place, node: Node) -> Wire:
        """Check an assertion: the tensor to go on with."""
        try:
            self.assertion(spec, at, node)
            self.holds(at.env.span(spec))
            return node
        except Stop:
            raise
        except Problem as problem:
            self.graph.disputed.append(Disputed(node, problem.diagnostic))
            self.report(problem.diagnostic)
            if problem.diagnostic.code != "A201":
                return node
        self.disputed = True
        return self.stated_shape(spec, at, node)

    def stated_shape(self, spec: ast.ShapeSpec, at: Place, wire: Node | Lost) -> Wire:
        if self.defaults != self.actual:  # plain numbers state sizes at the default input
            return wire
        return super().stated_shape(spec, at, wire)

    def assertion(self, spec: ast.ShapeSpec, at: Place, node: Node) -> None:
        env, tensor = at.env, node.output
        self.graph.written.append(Written(spec, env.file.source, node, signature=False))
        stated = sizes(spec, env, self.evaluator)
        if not spec.fits(tensor.rank):
            least = "at least " if spec.rest else ""
            label = f"specified {least}{len(spec.dims)} axes; inferred {tensor.shown}"
            batch = ["shapes leave the batch out"] if len(spec.dims) == tensor.rank + 1 else []
            fail("A201", "shape assertion failed", env.span(spec), label, notes=batch)
        compare(stated, tensor, env, self.evaluator)
        axes = wrong(stated, tensor, self.defaults, self.actual)
        if not axes:
            self.graph.stated.extend(states(stated, node, env, "A201"))
            return
        span, label = differ(spec, stated, tensor, axes, env)
        explained = axes if self.told < EXPLAINED else ()
        notes = trace_notes(node, explained)
        for axis in axes:
            if isinstance(value := stated[axis][1], Fraction):
                dim = env.span(stated[axis][0]).text
                notes.append(f"`{dim}` is {value}, not a whole number: `ceil` or `floor` it")
        related = makers(node, explained, span.source)
        fail("A201", "shape assertion failed", span, label, related=related, notes=notes)

    def if_(self, stmt: ast.If, at: Place, wire: Wire) -> tuple[Wire, bool]:
        if self.evaluator.truth(stmt.test, at.env):
            return self.part(stmt.then, at, wire)
        match stmt.otherwise:
            case None:
                return wire, False
            case ast.If():
                return self.if_(stmt.otherwise, at, wire)
            case ast.Body():
                return self.part(stmt.otherwise, at, wire)

    def part(self, body: ast.Body, at: Place, wire: Wire) -> tuple[Wire, bool]:
        """The body of an ``if``: nothing at all where all in it is left out."""
        if len(body.branches) == 1:
            return self.branch(body.branches[0].stmts, at, wire)
        return self.body(body, at, wire), True

    def for_(self, stmt: ast.For, at: Place, wire: Wire) -> Wire:
        distinct_targets(stmt.targets, at.env.span(stmt))
        span = at.env.span(stmt.iterable)
        for number, item in enumerate(self.evaluator.list_of(stmt.iterable, at.env)):
            item_of = Origin(stmt.iterable, at.env, (number,))
            with InTurn(self, span, number, partial(written_at, item_of)):
                self.evaluator.step(stmt.iterable, at.env)
                at.env.values.update(unpack(stmt.targets, item, span))
                at.env.origins.update(targets(stmt.targets, stmt.iterable, at.env, number))
                self.holds(span)
                wire = self.body(stmt.body, at, wire)
        return wire

    # Names

    def let(self, stmt: ast.Let, at: Place) -> None:
        define(stmt, at.env, self.evaluator)
        self.holds(at.env.span(stmt.value))

    def declare_shared(self, stmt: ast.Shared, at: Place) -> None:
        path = claim(at.scope, stmt.name, at.env.span(stmt))
        env = at.env.body()
        env.tensors = dict(at.env.tensors)
        at.env.values[stmt.name] = SharedNetwork(stmt, env, path)
        self.shares += 1

    def require(self, stmt: ast.Require, at: Place) -> None:
        env = at.env
        asked = set(free_names(stmt.condition))
        if any(name in METRICS and name not in env.values for name in asked):
            self.graph.requirements.append(Requirement(stmt, env, at.region))
            return
        with self.evaluator.within("require"):
            met = self.evaluator.truth(stmt.condition, env, "required", stmt.message)
        if not met:
            known = {n: env.values[n] for n in sorted(asked) if n in env.values}
            fail("A205", broken(stmt, env.span(stmt.condition).text), env.span(stmt.condition),
                 notes=[f"{n} is {written(v)}" for n, v in known.items()])  # fmt: skip
        self.holds(env.span(stmt.condition))

    # What only models have

    def only_in_model(self, stmt: ast.Stmt, what: str, at: Place) -> None:
        if not at.in_model:
            said = f"`{what}` cannot stand in a block: it belongs in the model"
            fail("A110", said, at.env.span(stmt))

    def input(self, stmt: ast.Input, at: Place, wire: Wire) -> Wire:
        span = at.env.span(stmt)
        if not any(stmt is known for known in self.declared):
            said = "`input` cannot stand here: it belongs right inside a model"
            fail("A110", said, span)
        if stmt.name in self.graph.inputs:
            fail("A106", f"two inputs are named `{stmt.name}`", span)
        op = Input(shape=list(self.input_shape(stmt, at)))
        node = Node(len(self.graph.nodes), op, (), op.infer(), stmt.name, span, {}, {})
        self.graph.nodes.append(node)
        self.graph.inputs[stmt.name] = node
        at.env.tensors[stmt.name] = node
        at.region.parts.append(node)
        return node if len(self.declared) == 1 else wire

    def input_shape(self, stmt: ast.Input, at: Place) -> Shape:
        given = self.given_inputs.get(stmt.name)
        dims = stmt.shape.dims
        if stmt.shape.rest:
            fail("A105", "an input states all of its sizes", at.env.span(stmt.shape))
        if given is not None and len(given) != len(dims):
            text = "x".join(str(int(d)) for d in given)
            fail("A105", f"`{stmt.name}` has {len(dims)} axes; {text} has {len(given)}",
                 at.env.span(stmt.shape))  # fmt: skip
        shape = []
        for axis, dim in enumerate(dims):
            span = at.env.span(dim)
            with self.evaluator.within("shape"):
                size = self.evaluator.integer(dim.value, at.env, "a size is a whole number")
            known = self.actual.get(dim.name) if dim.name is not None else None
            if dim.name is not None:
                self.name_size(dim.name, int(size), span)
            if given is not None:
                tied = dim.name is None and not isinstance(dim.value, ast.Number)
                if known is not None and given[axis] != known:
                    fail("A105", f"`{dim.name}` is {known}, not {given[axis]}", span)
                if tied and given[axis] != size:
                    said = f"this is {int(size)} for the sizes given, not {given[axis]}"
                    fail("A105", said, span)
                size = size if tied else given[axis]
            if size < 1:
                fail("A208", f"a size is at least 1, not {int(size)}", span)
            if size > LARGEST:
                fail("A105", f"a size is at most {LARGEST:,}, not {int(size):,}", span)
            if dim.name is not None:
                self.actual[dim.name] = int(size)
                size = input_dim(size, dim.name)
                at.env.values[dim.name] = size
            shape.append(size)
        return tuple(shape)

    def name_size(self, name: str, size: int, span: Span) -> None:
        """Give a size of the input its name; the same name again is the same size."""
        if self.defaults.setdefault(name, size) != size:
            fail("A106", f"the size `{name}` is {self.defaults[name]} already, not {size}", span,
                 help=f"name it otherwise; `{name}` alone says that it is the same")  # fmt: skip

    def aux(self, stmt: ast.Aux, at: Place) -> None:
        self.only_in_model(stmt, "aux", at)
        env, span = at.env, at.env.span(stmt)
        weight: int | Fraction = 1
        for argument in stmt.args:
            if argument.name != "weight":
                unknown(
                    "parameter", str(argument.name), ["weight"], env.span(argument), owner="aux"
                )
            weight = self.evaluator.number(argument.value, env)
        node = self.tensor(stmt.name, at, stmt)
        if stmt.name in self.graph.aux:
            fail("A106", f"`{stmt.name}` is already an auxiliary output", span)
        if isinstance(node, Node):
            self.graph.aux[stmt.name] = Aux(node, float(weight))

    def output(self, stmt: ast.Output, at: Place) -> None:
        self.only_in_model(stmt, "output", at)
        for name in stmt.names:
            if name.name in dict(self.output_names):
                fail("A106", f"`{name.name}` is already an output", at.env.span(name))
            node = self.tensor(name.name, at, name)
            if isinstance(node, Node):
                self.output_names.append((name.name, node))

    def tensor(self, name: str, at: Place, where: ast.Node) -> Wire:
        """The tensor of a name; raises where no label has given it."""
        if name not in at.env.tensors:
            from archlang.elaborate.strange import no_tensor

            no_tensor(name, where, at.env)
        return at.env.tensors[name]


def define(stmt: ast.Let, env: Env, evaluator: Evaluator) -> None:
    """``let``: a value, or a function that sees what stands before it."""
    try:
        if stmt.params is None:
            env.values[stmt.name] = evaluator.named(stmt, env)
            env.origins[stmt.name] = Origin(stmt.value, env)
        else:
            distinct_parameters(stmt, env)
            env.values[stmt.name] = Function(stmt, env.body())
    except Problem as problem:
        env.values[stmt.name] = Failed(problem.diagnostic)
        raise


def broken(stmt: ast.Require, text: str) -> str:
    """What to say of a requirement that is not met."""
    said = f": {stmt.message}" if stmt.message else ""
    return f"the network requires `{text}`{said}"


def free_names(node: Any) -> Iterator[str]:
    """All names in an expression."""
    if isinstance(node, (ast.Name, ast.Call)):
        yield node.name
    if isinstance(node, list):
        for item in node:
            yield from free_names(item)
    elif isinstance(node, ast.Node):
        for field in node.__dataclass_fields__:
            yield from free_names(getattr(node, field))
