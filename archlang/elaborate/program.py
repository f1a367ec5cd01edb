"""A spec as a whole: its models, and how one of them becomes a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from archlang import ops  # noqa: F401 - the layers register themselves
from archlang.diagnostic import ArchError, Diagnostic
from archlang.elaborate.arguments import named
from archlang.elaborate.elaborator import Elaborator, collected
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.files import Loader, Module
from archlang.elaborate.problem import Problem, fail, unknown
from archlang.elaborate.scope import Claims, Env, Place, Scope
from archlang.elaborate.unknown import Trial, bounded
from archlang.elaborate.values import Given, Value, parameters
from archlang.graph import Graph, Region
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression
from archlang.types import Shape


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a spec. ``needs`` are the parameters that have no value yet."""

    name: str
    body: ast.Model | None
    needs: tuple[str, ...]


class Program:
    """A spec with everything it uses. ``diagnostics`` are the findings about its definitions.

    ``texts`` are the files that it may use, by their keys, in place of those on the disk.
    """

    def __init__(
        self, source: Source, key: str | None = None, texts: Mapping[str, str] | None = None
    ) -> None:
        self.source = source
        self.key = key or source.name
        """What ``use`` finds its neighbours by: the path of its file, where it has one."""
        self.looked_at: dict[tuple[str, str], set[tuple[str, str, str]]] = {}
        """What was found about its models, by name, were its text another: see ``repairs``."""
        self._evaluator = Evaluator()
        loader = Loader(self._evaluator, texts)
        self.diagnostics: list[Diagnostic] = loader.diagnostics
        self.module: Module | None = None
        try:
            self.module = loader.load(source, self.key)
        except ArchError as error:
            self.diagnostics.extend(error.diagnostics)
        except Problem as problem:
            self.diagnostics.append(problem.diagnostic)
        # by a file's source its key: its path, or `std/…` of the standard library
        self.keys = {m.env.file.source: key for key, m in loader.loaded.items()}

    @cached_property
    def models(self) -> dict[str, Model]:
        """The models, in the order of the text."""
        if self.module is None:
            return {}
        return {name: self._describe(name, node) for name, node in self.module.models.items()}

    @property
    def complete(self) -> list[str]:
        """The models that can be worked out as they stand."""
        return [m.name for m in self.models.values() if not m.needs]

    def lone_findings(self) -> list[Diagnostic]:
        """What is wrong with a spec that has no model to check: that it defines nothing."""
        if self.module is None or self.module.env.file.items:
            return []
        span = Span(self.source, 0, 0)
        return [Diagnostic("A114", f"{self.source.name} defines nothing", span)]

    def inventory(self) -> str:
        """What a spec that has no model to check defines."""
        if self.module is None:
            return "nothing"
        blocks = [n for n in self.module.gives if n in self.module.env.blocks]
        if self.models:
            lacking = {n: f"`{'`, `'.join(m.needs)}`" for n, m in self.models.items()}
            return "; ".join(f"{name} needs {needs}" for name, needs in lacking.items())
        return f"no model; blocks: {', '.join(blocks)}" if blocks else "no model"

    def _describe(self, name: str, node: ast.Model | ast.Alias) -> Model:
        try:
            body, given = self._resolve(node)
        except Problem:
            return Model(name, None, ())
        have = {g.name for g in given}
        needs = [p.name for p in body.params if p.name not in have and p.default is None]
        return Model(name, body, tuple(needs))

    def _resolve(self, node: ast.Model | ast.Alias) -> tuple[ast.Model, tuple[Given, ...]]:
        """The model that an alias stands for in the end, and all arguments it is given."""
        assert self.module is not None
        env = self.module.env
        aliases: list[ast.Alias] = []
        while isinstance(node, ast.Alias):
            if node in aliases:
                fail("A109", f"model `{node.name}` stands for itself", env.span(node))
            aliases.append(node)
            if node.target not in self.module.models:
                unknown("model", node.target, self.module.models, env.span(node))
            node = self.module.models[node.target]
        given: tuple[Given, ...] = ()
        for alias in reversed(aliases):
            more = self._evaluator.given(alias.args, env)
            given = named(node.name, parameters(node.params), (*given, *more), env.span(alias))
        return node, given

    def elaborate(
        self,
        name: str,
        settings: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Shape] | None = None,
        trial: Trial | None = None,
    ) -> tuple[Graph | None, list[Diagnostic]]:
        """The graph of a model, and every finding about it; no graph where it is not whole.

        ``settings`` give values to the model's parameters, as Python values or as the
        text of an expression. ``inputs`` are shapes to use instead of those in the spec.
        ``trial`` has the values of what is left open by a ``?``.
        """
        graph, found = self.work_out(name, settings, inputs, trial)
        return (graph if graph.whole else None), found

    def work_out(
        self,
        name: str,
        settings: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Shape] | None = None,
        trial: Trial | None = None,
    ) -> tuple[Graph, list[Diagnostic]]:
        """As ``elaborate``, but with what there is of the graph where it is not whole."""
        assert self.module is not None
        env = self.module.env
        model = self.module.models[name]
        graph = Graph(name, Region("model", name, "", env.span(model)))
        trial = Trial() if trial is None else trial
        elaborator = Elaborator(graph, inputs or {}, trial)
        try:
            body, given = self._resolve(model)
            every = self._with_settings(body, given, settings or {}, env)
            given = tuple(map(elaborator.evaluator.settled_argument, every))
            inner = env.body()
            graph.root.definition, graph.root.env = body, inner
            span = env.span(model)
            head = Span(span.source, span.start, body.body.start if model is body else span.end)
            elaborator.evaluator.parameters(name, body.params, given, inner, head)
            place = Place(inner, Scope("", Claims()), graph.root, in_model=True)
            elaborator.model(body, place)
        except Problem as problem:
            elaborator.report(problem.diagnostic)
        except ArchError as error:
            elaborator.diagnostics.extend(error.diagnostics)
        if trial.tracing and not trial.fixed:
            trial.fixed = bounded([a.claim for a in graph.assumed])
        found = collected(elaborator.diagnostics)
        graph.whole = bool(graph.outputs) and not any(d.severity == "error" for d in found)
        return graph, found

    def _with_settings(
        self, body: ast.Model, given: Sequence[Given], settings: Mapping[str, Any], env: Env
    ) -> list[Given]:
        """The arguments, those overridden by ``settings`` replaced."""
        names = [p.name for p in body.params]
        kept = [g for g in given if g.name not in settings]
        for name, value in settings.items():
            source = Source(f"<setting {name}>", str(value))
            span = Span(source, 0, len(source.text))
            if name not in names:
                unknown("parameter", name, names, span, "A104", body.name)
            kept.append(Given(name, self._setting(value, source, env), span))
        return kept

    def _setting(self, value: Any, source: Source, env: Env) -> Value:
        if isinstance(value, str):
            expression = parse_expression(source)
            scope = Env(ast.File(0, 0, source, None, [], []), env.values, env.blocks)
            return self._evaluator.evaluate(expression, scope)
        if isinstance(value, float):
            return Fraction(str(value))
        if isinstance(value, list):
            return [self._setting(v, source, env) for v in value]
        return value
