"""Names and paths: what a body sees, and where its parts live in the PyTorch module."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from archlang.diagnostic import Note
from archlang.elaborate.origins import Origin
from archlang.elaborate.problem import Problem, fail
from archlang.elaborate.reserved import RESERVED
from archlang.elaborate.values import BlockDef, Failed, Partial, Value
from archlang.graph import Assumed, Missing, Node, Region
from archlang.op import Op
from archlang.source import Span
from archlang.syntax import ast


@dataclass(frozen=True, slots=True)
class Lost:
    """A tensor that an error has made unknown: whatever follows from it is not reported.

    ``origin`` is what it would be of, as far as that is known.
    """

    origin: Node | Missing | None = None


LOST = Lost()
_span = tuple.__new__
"""Makes a place of its parts: one is made in every step, and the class takes thrice as long."""
Wire: TypeAlias = "Node | Lost | None"
"""The current tensor: a node's output, lost, or none yet (several inputs)."""


@dataclass(slots=True, eq=False, repr=False)
class Env:
    """The names of a body: values, and tensors that labels named. ``file`` is where it stands."""

    file: ast.File
    values: dict[str, Value] = field(default_factory=dict)
    blocks: dict[str, BlockDef] = field(default_factory=dict)
    tensors: dict[str, Wire] = field(default_factory=dict)
    assumed: dict[str, list[Assumed]] = field(default_factory=dict)
    """What a value of this name takes to hold of the input's sizes."""
    origins: dict[str, Origin] = field(default_factory=dict)
    """Where values get what they are from."""

    def span(self, node: ast.Node) -> Span:
        """Where ``node`` stands."""
        return _span(Span, (self.file.source, node.start, node.end))

    def body(self) -> Env:
        """A new body that sees the values of this one, and none of its tensors."""
        known = dict(self.assumed), dict(self.origins)
        return Env(self.file, dict(self.values), self.blocks, {}, *known)

    def find(self, name: str) -> Value | None:
        """The value, block or layer of a name; None where it has none of these.

        Raises again what was wrong with a value that could not be worked out: what is said
        already is not said twice.
        """
        value = self.values.get(name)
        if value is not None:
            if type(value) is Failed:
                raise Problem(value.diagnostic)
            return value
        block = self.blocks.get(name)
        if block is not None:
            return block.plain
        return _layer(name) if name in Op.registry else None

    def names(self) -> list[str]:
        """All names that a value can be asked for by."""
        return [*self.values, *self.blocks]


@cache
def _layer(name: str) -> Partial:
    """A layer without arguments."""
    return Partial(Op.registry[name])


class Claims:
    """Which paths are taken, and by which part of the spec."""

    def __init__(self) -> None:
        self.taken: dict[str, Span] = {}

    def claim(self, path: str, span: Span) -> Span | None:
        """Take ``path``; the place that already has it, if one has."""
        if path in self.taken:
            return self.taken[path]
        self.taken[path] = span
        return None


@dataclass(slots=True, eq=False)
class Scope:
    """A place in the module tree, where unlabelled parts are numbered as they come."""

    path: str
    claims: Claims
    count: int = 0
    merges: dict[str, int] = field(default_factory=dict)

    def child(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def number(self) -> str:
        """The path of the next unlabelled part."""
        self.count += 1
        return self.child(str(self.count - 1))

    def merge(self, name: str) -> str:
        """A path to call a merge by: it is no module, so it takes no number and no path."""
        count = self.merges.get(name, 0)
        self.merges[name] = count + 1
        return self.child(f"{name}_{count}" if count else name)


@dataclass(slots=True, eq=False)  # frozen, each of many would take three times as long
class Place:
    """Where a stage is worked out: the names it sees, its module scope, its region.

    It is not changed.
    """

    env: Env
    scope: Scope
    region: Region
    in_model: bool = False
    labelled: Span | None = None
    """Where the label stands of the statement that is worked out, if it has one."""

    def within(self, region: Region, scope: Scope | None = None) -> Place:
        """The same place, one region further in."""
        self.region.parts.append(region)
        return self.moved(region, scope)

    def moved(self, region: Region, scope: Scope | None = None) -> Place:
        """The same names seen from another region, or another scope too."""
        return Place(self.env, scope or self.scope, region, self.in_model, self.labelled)

    def under(self, label: Span | None) -> Place:
        """The same place in a statement with another label, or with none."""
        if label is self.labelled:
            return self
        return Place(self.env, self.scope, self.region, self.in_model, label)


def claim(scope: Scope, label: str | None, span: Span) -> str:
    """The path of a part: its label's, or the next number's; raises where it is taken."""
    if label is None:
        path = scope.number()
    elif not label or "." in label:
        fail("A111", f"`{label}` cannot be part of a path, whose parts are joined by dots", span)
    elif label in RESERVED or label.startswith("__"):
        fail("A111", f"no part can be labelled `{label}`: PyTorch's modules use that name", span)
    else:
        path = scope.child(label)
    first = scope.claims.claim(path, span)
    if first is not None:
        fail(
            "A111",
            f"two parts have the path `{path}`",
            span,
            related=[Note(first, "the first is here")],
            notes=[
                "give one of them another label"
                if first != span
                else f"it is run more than once: in a loop, write `{label}[i]`"
            ],
        )
    return path
