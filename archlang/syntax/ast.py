"""The syntax tree. Nodes compare by meaning: where they stood in the text does not count."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from archlang.source import Source, Span


@dataclass(slots=True)
class Node:
    """Anything with a place in the text: offsets ``start`` (in) to ``end`` (out)."""

    start: int = field(compare=False, repr=False)
    end: int = field(compare=False, repr=False)


# Expressions


@dataclass(slots=True)
class Number(Node):
    """A number: an integer, or an exact decimal. ``text`` keeps how it was written."""

    value: int | Fraction
    text: str


@dataclass(slots=True)
class Truth(Node):
    """``true`` or ``false``."""

    value: bool


@dataclass(slots=True)
class SizeLiteral(Node):
    """``3x3``."""

    values: tuple[int, ...]


@dataclass(slots=True)
class String(Node):
    """A string, without its quotes."""

    value: str


@dataclass(slots=True)
class Name(Node):
    """A name in an expression."""

    name: str


@dataclass(slots=True)
class ListLiteral(Node):
    """``[a, b]``."""

    items: list[Expr]


@dataclass(slots=True)
class Comprehension(Node):
    """``[body for targets in iterable]``."""

    body: Expr
    targets: list[str]
    iterable: Expr


@dataclass(slots=True)
class Unary(Node):
    """``-x`` or ``not x``."""

    operator: str
    operand: Expr


@dataclass(slots=True)
class Binary(Node):
    """``left operator right``."""

    operator: str
    left: Expr
    right: Expr


@dataclass(slots=True)
class Conditional(Node):
    """``then if test else otherwise``."""

    then: Expr
    test: Expr
    otherwise: Expr


@dataclass(slots=True)
class Argument(Node):
    """``value`` or ``name=value``."""

    name: str | None
    value: Expr


@dataclass(slots=True)
class Call(Node):
    """``name(arguments)`` as a value: a function's result, or a layer or block with arguments."""

    name: str
    args: list[Argument]


@dataclass(slots=True)
class Index(Node):
    """``base[index]``."""

    base: Expr
    index: Expr


@dataclass(slots=True)
class Slice(Node):
    """``base[low:high]``."""

    base: Expr
    low: Expr | None
    high: Expr | None


Expr: TypeAlias = (
    Number | Truth | SizeLiteral | String | Name | ListLiteral | Comprehension
    | Unary | Binary | Conditional | Call | Index | Slice
)  # fmt: skip


# Stages: what stands between arrows


@dataclass(slots=True)
class Use(Node):
    """A layer, a block, a shared sub-network or a named tensor: ``name`` or ``name(…)``."""

    name: str
    args: list[Argument] | None


@dataclass(slots=True)
class Reference(Node):
    """``name[i]``: the tensor that a numbered label named."""

    name: str
    indices: list[Expr]


@dataclass(slots=True)
class Group(Node):
    """``{ … }``."""

    body: Body


@dataclass(slots=True)
class Merge(Node):
    """``add { … | … }``: branches, and the layer that merges them."""

    name: str
    args: list[Argument] | None
    body: Body


@dataclass(slots=True)
class Repeat(Node):
    """``stage x count``."""

    stage: Stage
    count: Expr


Stage: TypeAlias = Use | Reference | Group | Merge | Repeat


@dataclass(slots=True)
class Chain(Node):
    """Stages one after the other."""

    stages: list[Stage]


# Statements


@dataclass(slots=True)
class DimSpec(Node):
    """One size of a shape: ``64``, ``4*w``, ``_``, or ``H=224`` in an input."""

    name: str | None
    value: Expr


@dataclass(slots=True)
class ShapeSpec(Node):
    """``[C, H, W]``."""

    dims: list[DimSpec]


@dataclass(slots=True)
class Label(Node):
    """``name =`` or ``name[i] =``."""

    name: str
    indices: list[Expr]


@dataclass(slots=True)
class Pipe(Node):
    """``label = chain : shape``."""

    label: Label | None
    chain: Chain
    shape: ShapeSpec | None


@dataclass(slots=True)
class Shared(Node):
    """``shared name = chain``."""

    name: str
    chain: Chain


@dataclass(slots=True)
class Aux(Node):
    """``aux name weight=0.3``."""

    name: str
    args: list[Argument]


@dataclass(slots=True)
class Input(Node):
    """``input name: shape``."""

    name: str
    shape: ShapeSpec


@dataclass(slots=True)
class Output(Node):
    """``output a, b``."""

    names: list[Name]


@dataclass(slots=True)
class Require(Node):
    """``require condition : "message"``."""

    condition: Expr
    message: str | None


@dataclass(slots=True)
class Let(Node):
    """``let name = value`` or ``let name(parameters) = value``."""

    name: str
    params: list[Param] | None
    value: Expr


@dataclass(slots=True)
class If(Node):
    """``if test { … } else { … }``."""

    test: Expr
    then: Body
    otherwise: Body | If | None


@dataclass(slots=True)
class For(Node):
    """``for a, b in iterable { … }``."""

    targets: list[str]
    iterable: Expr
    body: Body


Stmt: TypeAlias = Pipe | Shared | Aux | Input | Output | Require | Let | If | For


@dataclass(slots=True)
class Branch(Node):
    """The statements of one branch."""

    stmts: list[Stmt]


@dataclass(slots=True)
class Body(Node):
    """``{ … }``: one branch, or several between bars."""

    branches: list[Branch]


# Items: what stands at the top of a file


@dataclass(slots=True)
class Param(Node):
    """``name`` or ``name = default``."""

    name: str
    default: Expr | None


@dataclass(slots=True)
class Signature(Node):
    """``: [C, H, W] -> [2*C, H, W]``."""

    takes: ShapeSpec
    gives: ShapeSpec | None


@dataclass(slots=True)
class Block(Node):
    """``block name(params) : signature { … }``."""

    name: str
    params: list[Param]
    signature: Signature | None
    body: Body


@dataclass(slots=True)
class Model(Node):
    """``model name(params) { … }``."""

    name: str
    params: list[Param]
    body: Body


@dataclass(slots=True)
class Alias(Node):
    """``model name = target(arguments)``."""

    name: str
    target: str
    args: list[Argument]


@dataclass(slots=True)
class UseFile(Node):
    """``use "file.arch"``."""

    path: str


Item: TypeAlias = Block | Model | Alias | Let | UseFile


@dataclass(slots=True)
class Comment(Node):
    """``# text``, the mark left out."""

    text: str


@dataclass(slots=True)
class File(Node):
    """A whole spec. ``version`` is that of the language, where the file pins it."""

    source: Source = field(compare=False, repr=False)
    version: int | None
    items: list[Item]
    comments: list[Comment] = field(compare=False)

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
