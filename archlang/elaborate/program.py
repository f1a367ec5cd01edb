"""A spec as a whole: its models, and how one of them becomes a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NoReturn

from archlang import ops  # noqa: F401 - the layers register themselves
from archlang.diagnostic import ArchError, Diagnostic, Note
from archlang.elaborate.arguments import named
from archlang.elaborate.elaborator import Elaborator
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.files import Loader, Module
from archlang.elaborate.findings import in_both, may_follow
from archlang.elaborate.footprint import Footprint, Footprints
from archlang.elaborate.layers import Layers
from archlang.elaborate.problem import Asked, Problem, asking, at_name, fail, unknown
from archlang.elaborate.repeats import Use
from archlang.elaborate.scope import Claims, Env, Place, Scope
from archlang.elaborate.unknown import Trial, bounded
from archlang.elaborate.values import Given, Key, Value, parameters
from archlang.frames import roomy
from archlang.graph import Graph, Region
from archlang.source import Edit, Source, Span, edited
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

    What their ``fixes`` propose is not tried yet: ``inspection.definitions`` keeps what holds.
    ``given`` are texts of files that it uses, by their keys, in place of those that can be read;
    where ``closed``, it may use no other. What is ``like`` it has been read already, but for a few
    texts: its trees are taken, and what is known of the standard library.
    """

    def __init__(
        self,
        source: Source,
        key: str | None = None,
        given: Mapping[str, Source] | None = None,
        *,
        closed: bool = False,
        like: Program | None = None,
    ) -> None:
        self.source = source
        self.given, self.closed = dict(given or {}), closed
        self.key = key or source.name
        """What ``use`` finds its neighbours by: the path of its file, where it has one."""
        self.looks: dict[Any, Any] = {}
        """What is known of its models as they are written: see ``inspection`` and ``reached``."""
        self.rechecked = 0
        """What was worked out of edited forms of it, in layers."""
        self.spent: Counter[str] = Counter()
        """The work on its models, in layers, and on ways out: see ``repairs`` and ``slips``."""
        self.verdicts: dict[str, Any] = {}
        """Where its models hold and where they do not, by name: see ``blame``."""
        self.mended: dict[tuple[Edit, ...], dict[str, list[Diagnostic]]] = {}
        """By the edits of each fix that holds: what is then found about models."""
        self._uses: dict[Key, Use] = {} if like is None else like._uses
        """Uses of blocks in the models as they are written, by what they come of. What is edited
        shares them: of a file that is read again, a block is another one."""
        self._layers: Layers = Layers() if like is None else like._layers
        self._evaluator, self._asked = Evaluator(), asking(Asked())
        trees, library = ({}, {}) if like is None else (like.trees, like.library)
        loader = Loader(self._evaluator, self.given, closed, trees, library)
        self.diagnostics: list[Diagnostic] = loader.diagnostics
        self.damaged = loader.damaged
        self.module: Module | None = None
        try:
            self.module = loader.load(source, self.key)
        except ArchError as error:
            self.diagnostics.extend(error.diagnostics)
        except Problem as problem:
            self.diagnostics.append(problem.diagnostic)
        self.trees: dict[Source, ast.File] = loader.trees
        """The trees of the texts that are free of errors: of what is read again."""
        self.used = list(loader.asked)
        """The keys of the files that it uses, those that cannot be read too."""
        self.files = [m.env.file for m in loader.loaded.values()]
        """The spec, behind all files that it uses."""
        # by a file's source its key: its path, or `std/…` of the standard library
        self.keys = {m.env.file.source: key for key, m in loader.loaded.items()}
        self._loaded = loader.loaded

    def edited(self, edits: Iterable[Edit]) -> Program | None:
        """The program with its text edited, and that of its files; None where none may be."""
        edits = list(edits)
        given = dict(self.given)
        for source in dict.fromkeys(edit.span.source for edit in edits):
            key = self.key if source == self.source else self.keys.get(source, "std/")
            if key.startswith("std/"):
                return None
            given[key] = edited(source, edits)
        source = given.pop(self.key, self.source)
        return Program(source, self.key, given, closed=self.closed, like=self)

    @property
    def library(self) -> dict[str, Module]:
        """The files of the standard library that it uses, by their keys."""
        return {key: m for key, m in self._loaded.items() if key.startswith("std/")}

    def again(self) -> Program:
        """The same program, its definitions worked out again from the same trees."""
        return Program(self.source, self.key, self.given, closed=self.closed, like=self)

    def footprint(self, model: str) -> Footprint | None:
        """What of the text a model is made from; None where some of it cannot be read.

        In another program a model with an equal one is the same, but for where it stands.
        """
        if self.module is None or self.damaged:
            return None
        return self._footprints.of(model)

    @cached_property
    def _footprints(self) -> Footprints:
        return Footprints(self._loaded, self.key)

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
                _stands_for_itself(aliases[aliases.index(node) :], env)
            aliases.append(node)
            if node.target not in self.module.models:
                span = env.span(node)
                head = span.text.index("=")  # the name may be that of the alias itself
                at = at_name(span._replace(start=span.start + head), node.target)
                unknown("model", node.target, self.module.models, at, file=env.file)
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

    @roomy
    def work_out(
        self,
        name: str,
        settings: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Shape] | None = None,
        trial: Trial | None = None,
    ) -> tuple[Graph, list[Diagnostic]]:
        """As ``elaborate``, but with what there is of the graph where it is not whole."""
        trial = Trial() if trial is None else trial
        elaborator = self._run(name, settings, inputs, trial, "inferred")
        graph, found = elaborator.graph, elaborator.found()
        if trial.tracing and not trial.fixed:
            trial.fixed = bounded([a.claim for a in graph.assumed])
        if elaborator.disputed and len(graph.failed) + elaborator.again > 1 and not trial.tracing:
            one_side = len(found) + elaborator.again
            other = self._run(name, settings, inputs, Trial(trial.values), "stated")
            found = in_both(found, other.diagnostics)
            graph.ran, graph.failed = other.graph.ran, other.graph.failed
            graph.stated_right = len(other.diagnostics) + other.again < one_side
        found = [d for d in found if not (self.damaged and may_follow(d, self.damaged))]
        unread = bool(self.damaged or graph.restored)
        wrong = any(d.severity == "error" for d in found)
        graph.whole = bool(graph.outputs) and not wrong and not unread
        return graph, found

    def placed(self, name: str, found: list[Diagnostic]) -> list[Diagnostic]:
        """Findings about sizes and values, with the model where that stands somewhere else."""
        assert self.module is not None
        model = self.module.models[name]
        if isinstance(model, ast.Model):
            return found
        note = Note(self.module.env.span(model), "in this model")
        plain = ("A103", "A104", "A106", "A109")
        return [d if d.code in plain else replace(d, related=(*d.related, note)) for d in found]

    def _run(
        self,
        name: str,
        settings: Mapping[str, Any] | None,
        inputs: Mapping[str, Shape] | None,
        trial: Trial,
        believes: str,
    ) -> Elaborator:
        """Work out a model, believing this or that side of what is disputed."""
        assert self.module is not None
        env = self.module.env
        model = self.module.models[name]
        graph = Graph(name, Region("model", name, "", env.span(model)))
        as_written = not inputs and not trial.values and believes == "inferred"
        uses = None if trial.tracing else self._uses if as_written else {}
        elaborator = Elaborator(graph, inputs or {}, trial, believes, uses, self._layers)
        asking(self._asked)
        try:
            body, given = self._resolve(model)
            every = self._with_settings(body, given, settings or {}, env)
            given = tuple(map(elaborator.evaluator.settled_argument, every))
            inner = env.body()
            graph.root.definition, graph.root.env = body, inner
            span = env.span(model)
            head = Span(span.source, span.start, body.body.start if model is body else span.end)
            takes = parameters(body.params)
            elaborator.evaluator.parameters(name, body.params, takes, given, inner, head)
            place = Place(inner, Scope("", Claims()), graph.root, in_model=True)
            elaborator.model(body, place)
        except Problem as problem:
            elaborator.report(problem.diagnostic)
        except ArchError as error:
            elaborator.diagnostics.extend(error.diagnostics)
        finally:
            self.spent["work"] += elaborator.work
        return elaborator

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


def _stands_for_itself(aliases: Sequence[ast.Alias], env: Env) -> NoReturn:
    """Raise for aliases that stand for each other: at the first of them, whichever was met."""
    first = min(range(len(aliases)), key=lambda i: aliases[i].start)
    turned = [*aliases[first:], *aliases[:first], aliases[first]]
    chain = f": {' → '.join(a.name for a in turned)}" if len(aliases) > 1 else ""
    head = aliases[first]
    fail("A109", f"model `{head.name}` stands for itself{chain}", env.span(head))
