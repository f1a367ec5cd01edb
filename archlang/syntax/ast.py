"""The syntax tree. Nodes compare by meaning: where they stood in the text does not count."""

from __future__ import annotations

from dataclasses import field
from fractions import Fraction
from typing import TypeAlias

from archlang.source import Source, Span
from archlang.syntax.node import Node as Node, node

# Expressions


@node
class Number(Node):
    """A number: an integer, or an exact decimal. ``text`` keeps how it was written."""

    value: int | Fraction
    text: str


@node
class Truth(Node):
    """``true`` or ``false``."""

    value: bool


@node
class SizeLiteral(Node):
    """``3x3``."""

    values: tuple[int, ...]


@node
class String(Node):
    """A string, without its quotes."""

    value: str


@node
class Name(Node):
    """A name in an expression."""

    name: str


@node
class ListLiteral(Node):
    """``[a, b]``."""

    items: list[Expr]


@node
class Comprehension(Node):
    """``[body for targets in iterable]``."""

    body: Expr
    targets: list[str]
    iterable: Expr


@node
class Unary(Node):
    """``-x`` or ``not x``."""

    operator: str
    operand: Expr


@node
class Binary(Node):
    """``left operator right``."""

    operator: str
    left: Expr
    right: Expr


@node
class Conditional(Node):
    """``then if test else otherwise``."""

    then: Expr
    test: Expr
    otherwise: Expr


@node
class Unknown(Node):
    """``?``: the value of an argument that the rest of the spec determines."""


@node
class Argument(Node):
    """``value`` or ``name=value``."""

    name: str | None
    value: Expr


@node
class Call(Node):
    """``name(arguments)`` as a value: a function's result, or a layer or block with arguments."""

    name: str
    args: list[Argument]


@node
class Index(Node):
    """``base[index]``."""

    base: Expr
    index: Expr


@node
class Slice(Node):
    """``base[low:high]``."""

    base: Expr
    low: Expr | None
    high: Expr | None


Expr: TypeAlias = (
    Number | Truth | SizeLiteral | String | Name | ListLiteral | Comprehension
    | Unary | Binary | Conditional | Call | Index | Slice | Unknown
)  # fmt: skip


# Stages: what stands between arrows


@node
class Use(Node):
    """A layer, a block, a shared sub-network or a named tensor: ``name`` or ``name(…)``."""

    name: str
    args: list[Argument] | None


@node
class Reference(Node):
    """``name[i]``: the tensor that a numbered label named."""

    name: str
    indices: list[Expr]


@node
class Group(Node):
    """``{ … }``."""

    body: Body


@node
class Merge(Node):
    """``add { … | … }``: branches, and the layer that merges them."""

    name: str
    args: list[Argument] | None
    body: Body


@node
class Repeat(Node):
    """``stage x count``."""

    stage: Stage
    count: Expr


Stage: TypeAlias = Use | Reference | Group | Merge | Repeat


@node
class Chain(Node):
    """Stages one after the other."""

    stages: list[Stage]


# Statements


@node
class DimSpec(Node):
    """One size of a shape: ``64``, ``4*w``, ``_``, or ``H=224`` in an input."""

    name: str | None
    value: Expr


@node
class ShapeSpec(Node):
    """``[C, H, W]``; ``[C, ...]`` leaves further axes open."""

    dims: list[DimSpec]
    rest: bool

    def fits(self, rank: int) -> bool:
        """Whether a tensor of so many axes can have this shape."""
        return len(self.dims) <= rank if self.rest else len(self.dims) == rank


@node
class Label(Node):
    """``name =`` or ``name[i] =``."""

    name: str
    indices: list[Expr]


@node
class Pipe(Node):
    """``label = chain : shape``."""

    label: Label | None
    chain: Chain
    shape: ShapeSpec | None


@node
class Shared(Node):
    """``shared name = chain``."""

    name: str
    chain: Chain


@node
class Aux(Node):
    """``aux name weight=0.3``."""

    name: str
    args: list[Argument]


@node
class Input(Node):
    """``input name: shape``."""

    name: str
    shape: ShapeSpec


@node
class Output(Node):
    """``output a, b``."""

    names: list[Name]


@node
class Require(Node):
    """``require condition : "message"``."""

    condition: Expr
    message: str | None


@node
class Let(Node):
    """``let name = value`` or ``let name(parameters) = value``."""

    name: str
    params: list[Param] | None
    value: Expr


@node
class If(Node):
    """``if test { … } else { … }``."""

    test: Expr
    then: Body
    otherwise: Body | If | None


@node
class For(Node):
    """``for a, b in iterable { … }``."""

    targets: list[str]
    iterable: Expr
    body: Body


Stmt: TypeAlias = Pipe | Shared | Aux | Input | Output | Require | Let | If | For


@node
class Branch(Node):
    """The statements of one branch."""

    stmts: list[Stmt]


@node
class Body(Node):
    """``{ … }``: one branch, or several between bars."""

    branches: list[Branch]


# Items: what stands at the top of a file


@node
class Param(Node):
    """``name`` or ``name = default``."""

    name: str
    default: Expr | None


@node
class Signature(Node):
    """``: [C, H, W] -> [2*C, H, W]``."""

    takes: ShapeSpec
    gives: ShapeSpec | None


@node
class Block(Node):
    """``block name(params) : signature { … }``."""

    name: str
    params: list[Param]
    signature: Signature | None
    body: Body


@node
class Model(Node):
    """``model name(params) { … }``."""

    name: str
    params: list[Param]
    body: Body


@node
class Alias(Node):
    """``model name = target(arguments)``."""

    name: str
    target: str
    args: list[Argument]


@node
class UseFile(Node):
    """``use "file.arch"``."""

    path: str


Item: TypeAlias = Block | Model | Alias | Let | UseFile


@node
class Comment(Node):
    """``# text``, the mark left out."""

    text: str


@node
class File(Node):
    """A whole spec. ``version`` is that of the language, where the file pins it."""

    source: Source = field(compare=False)
    version: int | None
    items: list[Item]
    comments: list[Comment] = field(compare=False)
    damaged: frozenset[str] = field(default=frozenset(), compare=False)
    """The words of what cannot be read: what they name is not known."""

    def span(self, node: Node) -> Span:
        """Where ``node`` stands."""
        return Span(self.source, node.start, node.end)

    def doc(self, item: Item) -> str:
        """The comment lines right above ``item``."""
        above: list[str] = []
        line = self.source.position(item.start)[0] - 1
        by_line = {self.source.position(c.start)[0]: c for c in self.comments}
        while (comment := by_line.get(line)) and self.source.line(line).lstrip().startswith("#"):
            above.append(comment.text.strip())
            line -= 1
        return "\n".join(reversed(above))
