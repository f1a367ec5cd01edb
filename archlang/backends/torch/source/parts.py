"""What a network's modules are made of: each scope's parts, and how each is constructed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from torch import nn

from archlang.analyses.plan import TAKEN, Plan, Scope, Step, below
from archlang.backends.torch import modules
from archlang.graph import Graph, Node, Region
from archlang.syntax import ast

Key: TypeAlias = tuple[str, int, int]
"""Where a part was written: the file, and the characters from and to."""


@dataclass(slots=True, eq=False)
class Call:
    """A constructor and what it is given, by the names of its parameters.

    The first ``positional`` of them are given by position.
    """

    func: str
    args: dict[str, Any]
    positional: int

    def __repr__(self) -> str:
        given = [
            repr(v) if i < self.positional else f"{k}={v!r}"
            for i, (k, v) in enumerate(self.args.items())
        ]
        return f"{self.func}({', '.join(given)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


@dataclass(slots=True, eq=False)
class Member:
    """A part of a module, under ``name`` in it."""

    name: str
    path: str
    kind: Literal["layer", "function", "parameter", "unit", "container"]
    key: Key
    place: int
    """Where in the text it takes its turn: branches come before the merge they are in."""
    node: Node | None = None
    call: Call | None = None
    unit: Unit | None = None
    parts: list[Member] = field(default_factory=list)

    @property
    def stateless(self) -> bool:
        """Whether it is a layer that keeps no tensor."""
        if self.node is None or self.kind == "parameter":
            return False
        return not (self.node.params or self.node.buffers)


@dataclass(slots=True, eq=False)
class Unit:
    """A scope, and the body of the spec that it was written in."""

    scope: Scope
    owner: Region
    """The block or model whose names its text sees."""
    members: list[Member] = field(default_factory=list)
    chain: bool = False
    """Whether each part takes what the one before it gave."""

    @property
    def key(self) -> tuple[object, ...]:
        """What all units written at one place have in common."""
        region = self.scope.region
        if region.env is not None:
            return (id(region.definition),)
        return (id(self.owner.definition), *span_key(region))


class Description:
    """All units of a network; ``units`` has those inside before those around them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.maker = _Maker()
        self.units: list[Unit] = []
        self.root = self.unit(plan.root, plan.graph.root)

    @property
    def graph(self) -> Graph:
        return self.plan.graph

    def unit(self, scope: Scope, owner: Region) -> Unit:
        if scope.region.env is not None:
            owner = scope.region
        scopes = {s.part.path: s.part for s in scope.steps if isinstance(s.part, Scope) and s.gives}
        unit = Unit(scope, owner)
        unit.members = self.members(scope.path, scope.nodes, scopes, owner)
        unit.chain = self.chain(unit)
        self.units.append(unit)
        return unit

    def members(
        self, path: str, nodes: list[Node], scopes: dict[str, Scope], owner: Region
    ) -> list[Member]:
        """The parts right below ``path``, in order."""
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            if node.path.startswith(f"{path}." if path else "") and not node.op.merges:
                groups.setdefault(below(node.path, path).partition(".")[0], []).append(node)
        found = []
        for name, group in groups.items():
            full = f"{path}.{name}" if path else name
            first = group[0]
            if first.path == full:
                member = self.layer(name, first)
            elif full in scopes:
                region = scopes[full].region
                unit = self.unit(scopes[full], owner)
                key = span_key(region)
                member = Member(name, full, "unit", key, key[1], unit=unit)
            else:
                parts = self.members(full, group, scopes, owner)
                key = span_key(first)
                member = Member(name, full, "container", key, key[1], parts=parts)
            if member is not None and (member.kind != "container" or member.parts):
                found.append(member)
        return found

    def layer(self, name: str, node: Node) -> Member | None:
        call = self.call(node)
        key = span_key(node)
        if call is None:
            return None
        kind: Literal["layer", "parameter"] = "layer"
        if call.func[:1].islower() and "." not in call.func:
            kind = "parameter"
        return Member(name, node.path, kind, key, key[1], node, call)

    def call(self, node: Node) -> Call | None:
        """How the module of a layer is made; None where it has none."""
        made: Call | None = self.plan.layer(node).lower(self.maker, *node.tensors)
        return made

    def chain(self, unit: Unit) -> bool:
        """Whether a scope is a chain; what has no module in it then becomes a member."""
        scope = unit.scope
        if len(scope.takes) != 1 or len(scope.gives) != 1 or not scope.steps:
            return False
        if scope is self.plan.root and len(self.plan.ends) != 1:
            return False
        by_path = {m.path: m for m in unit.members}
        current = scope.takes[0]
        members: list[Member] = []
        for step in scope.steps:
            if step.takes != [current] or len(step.gives) != 1 or step.training_only:
                return False
            member = by_path.pop(step.part.path, None) or _function(step)
            if member is None or not _plain(member):
                return False
            name = below(step.part.path, scope.path)
            if "." in name or name in TAKEN:
                return False
            current = step.gives[0]
            members.append(member)
        if by_path or current is not scope.gives[0]:
            return False
        unit.members = members
        return True


def _function(step: Step) -> Member | None:
    """A step that calls no module, as a part."""
    node = step.part
    if not isinstance(node, Node) or node.op.merges:
        return None
    if "\0" in node.op.call("\0", ("x",), node.tensors):
        return None
    key = span_key(node)
    return Member(node.path.rpartition(".")[2], node.path, "function", key, key[1], node)


def _plain(member: Member) -> bool:
    """Whether a part is called with the one tensor that it takes."""
    if member.kind == "layer":
        assert member.node is not None
        return member.node.op.call("m", ("x",), member.node.tensors) == "m(x)"
    return member.kind in ("unit", "function")


def span_key(part: Node | Region) -> Key:
    """Where a part was written."""
    return (part.span.source.name, part.span.start, part.span.end)


class _Maker:
    """Stands in for ``torch.nn``: what layers build through it comes out as calls."""

    def __getattr__(self, name: str) -> Callable[..., Call]:
        names = list(parameters(name))
        func = f"nn.{name}" if hasattr(nn, name) else name

        def make(*args: Any, **options: Any) -> Call:
            given = {names[i] if i < len(names) else f"*{i}": a for i, a in enumerate(args)}
            real = reals(name)
            every = {
                k: float(v) if k in real and isinstance(v, int) else _plain_value(v)
                for k, v in (given | options).items()
            }
            return Call(func, every, len(args))

        return make


def _plain_value(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_plain_value(v) for v in value)
    return value


@cache
def parameters(name: str) -> dict[str, Any]:
    """The parameters of a module or function by name, and their defaults."""
    found = getattr(nn, name.removeprefix("nn."), None) or getattr(modules, name)
    classes = found.__mro__ if isinstance(found, type) else (found,)
    out: dict[str, Any] = {}
    for cls in classes:
        if isinstance(cls, type) and (cls is object or "__init__" not in vars(cls)):
            continue
        for parameter in inspect.signature(cls).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                out.setdefault(parameter.name, parameter.default)
    return out


@cache
def reals(name: str) -> frozenset[str]:
    """The parameters of a module or function that take a real number."""
    found = getattr(nn, name, None) or getattr(modules, name)
    return frozenset(
        p.name
        for p in inspect.signature(found).parameters.values()
        if p.annotation in (float, "float")
    )


def walk(node: Any) -> list[ast.Node]:
    """All nodes of a syntax tree, each before those inside it."""
    if isinstance(node, list):
        return [n for item in node for n in walk(item)]
    if not isinstance(node, ast.Node):
        return []
    inner = [n for name in node.__dataclass_fields__ for n in walk(getattr(node, name))]
    return [node, *inner]
