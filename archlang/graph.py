"""A network, elaborated: typed nodes in topological order, and the structure they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from archlang.diagnostic import Turn
from archlang.op import Op
from archlang.source import Source, Span
from archlang.types import Condition, Dim, Shape, Tensor

if TYPE_CHECKING:
    from archlang.diagnostic import Diagnostic
    from archlang.elaborate.scope import Env
    from archlang.sizes.claims import Claim
    from archlang.syntax import ast


@dataclass(slots=True, eq=False)
class Node:
    """One use of a layer.

    ``path`` is the module's, as PyTorch will have it; two nodes with one path are two uses
    of one module (``shared``). ``params`` and ``buffers`` are its tensors by key.
    """

    index: int
    op: Op
    inputs: tuple[Node, ...]
    output: Tensor
    path: str
    span: Span
    params: dict[str, Shape]
    buffers: dict[str, Shape]
    first: bool = True
    """Whether it is the first use of its module: shared weights are counted here."""
    conditions: tuple[Condition, ...] = ()
    """Sizes that it needs to be equal, which some sizes of the input may make so."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What arrives, in the order of ``inputs``."""
        return tuple(n.output for n in self.inputs)

    def key(self, name: str) -> str:
        """What a ``state_dict`` calls its tensor ``name``; one that is a layer has no name."""
        return f"{self.path}.{name}" if name else self.path


Part: TypeAlias = "Node | Region"


@dataclass(slots=True, eq=False)
class Region:
    """A stretch of the network that the spec names or brackets, and its parts in order.

    ``kind`` says what it was written as. ``path`` is the module scope it opens, or None
    where its parts belong to the scope around it. ``args`` is what a block was given, as
    a user would write it.
    """

    kind: Literal["model", "block", "group", "repeat", "merge", "branch", "shared"]
    name: str
    path: str | None
    span: Span
    args: str = ""
    parts: list[Part] = field(default_factory=list)
    result: Node | None = None
    """The tensor it comes to, for a block or a labelled group."""
    definition: ast.Block | ast.Model | None = None
    """The block or model whose body it is."""
    env: Env | None = None
    """The names that this body sees, for a block or model: its arguments are among them."""

    def members(self, opened: Callable[[Region], bool] | None = None) -> Iterator[Part]:
        """The nodes and scopes right below its module: regions without a path are looked into.

        So are those that ``opened`` holds for.
        """
        for part in self.parts:
            if isinstance(part, Region) and (part.path is None or (opened and opened(part))):
                yield from part.members(opened)
            else:
                yield part

    def regions(self) -> Iterator[Region]:
        """All regions inside, each before those inside it."""
        for part in self.parts:
            if isinstance(part, Region):
                yield part
                yield from part.regions()

    def nodes(self) -> Iterator[Node]:
        """All nodes inside, in execution order."""
        for part in self.parts:
            if isinstance(part, Node):
                yield part
            else:
                yield from part.nodes()


class Aux(NamedTuple):
    """An output that exists in training only, and the weight of its loss."""

    node: Node
    weight: float


class Requirement(NamedTuple):
    """A ``require`` about numbers that are known only when the network is whole."""

    statement: ast.Require
    env: Env
    region: Region


Why: TypeAlias = Literal["required", "decided", "compared", "built in"]


class Assumed(NamedTuple):
    """What the network takes to hold of the input's sizes, and where that is written.

    ``why`` says what makes it so: a ``require``, a condition that another size would decide
    otherwise, or a number that is built in.
    """

    claim: Claim
    span: Span
    why: Why
    said: str = ""
    """What a ``require`` says for those who do not meet it."""


class Stated(NamedTuple):
    """What a spec says of one size of a tensor, beside what it is: an assertion or a signature."""

    said: Dim | Fraction
    node: Node
    axis: int
    span: Span
    code: Literal["A201", "A209"]


class Written(NamedTuple):
    """A shape in the text, and a tensor that it is said of.

    ``signature`` holds for those of a block's signature, not for assertions.
    """

    shape: ast.ShapeSpec
    source: Source
    node: Node
    signature: bool


class Solved(NamedTuple):
    """The value of a ``?``, as the rest of the spec determines it.

    ``parameter`` is the layer's that it is for, or "" where an expression has it; ``span`` is
    that of the mark.
    """

    span: Span
    parameter: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        """As plain data: line and column from 1, in characters."""
        line, column = self.span.source.position(self.span.start)
        return {
            "file": self.span.source.name,
            "line": line,
            "column": column,
            "parameter": self.parameter,
            "value": self.value,
        }


class Clash(NamedTuple):
    """A merge whose branches cannot come together, and the stretch that it was written as."""

    op: Op
    inputs: tuple[Node, ...]
    span: Span
    region: Region


class Refused(NamedTuple):
    """A layer that cannot take what arrives, and the parameter that this is about, if one."""

    op: Op
    inputs: tuple[Node, ...]
    span: Span
    field: str


class Unmet(NamedTuple):
    """A shape that the spec states of a tensor, which has another; None for sizes left open."""

    span: Span
    sizes: tuple[Dim | Fraction | None, ...]
    node: Node


@dataclass(slots=True, eq=False)
class Missing:
    """A stretch of the text that an error keeps out of the network, or that would follow it.

    ``finding`` says what is wrong with it; None where nothing is known to be, but what it takes
    is missing too. ``takes`` are the tensors that arrive, as far as they are known. It would be
    the part ``place`` of ``region``; ``op`` is the layer, where that much is known.
    """

    path: str
    span: Span
    region: Region
    takes: tuple[Node | Missing, ...]
    finding: Diagnostic | None = None
    op: Op | None = None
    place: int = field(init=False)

    def __post_init__(self) -> None:
        self.place = len(self.region.parts)


class Disputed(NamedTuple):
    """A tensor that is there, but not as the spec says."""

    node: Node
    finding: Diagnostic


Way: TypeAlias = tuple[Turn, ...]
"""A way into a network: the uses of blocks and turns of loops on it, the outermost first."""


class RunAgain(NamedTuple):
    """Where a use of a block holds that was made from one alike: the first ``depth`` turns of
    each way are other ones."""

    ran: Sequence[tuple[Span, Way] | RunAgain]
    depth: int
    way: Way

    def each(self) -> Iterator[tuple[Span, Way]]:
        """All places in it, each with the way to it."""
        for one in self.ran:
            places = one.each() if isinstance(one, RunAgain) else (one,)
            yield from ((span, (*self.way, *way[self.depth :])) for span, way in places)


@dataclass(slots=True, eq=False)
class Graph:
    """A network: ``nodes`` in execution order, inputs included."""

    name: str
    root: Region
    nodes: list[Node] = field(default_factory=list)
    inputs: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, Node] = field(default_factory=dict)
    aux: dict[str, Aux] = field(default_factory=dict)
    requirements: list[Requirement] = field(default_factory=list)
    assumed: list[Assumed] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    solved: tuple[Solved, ...] = ()
    """The values of what the spec leaves open by a ``?``, in the order of their first use."""
    clashes: list[Clash] = field(default_factory=list)
    """Merges that failed: there are none in a network that is whole."""
    refused: list[Refused] = field(default_factory=list)
    unmet: list[Unmet] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    """What errors have kept out of it."""
    disputed: list[Disputed] = field(default_factory=list)
    """Tensors that a statement of the spec contradicts."""
    restored: dict[Node, Node | Missing | None] = field(default_factory=dict)
    """Nodes that stand for tensors which an error made unknown, of the shape that the spec states,
    and what each stands for, where that is known. Of all these a network that is whole has none."""
    ran: list[tuple[Span, Way] | RunAgain] = field(default_factory=list)
    """Where the spec holds, and on which ways into it: stages, and what it states."""
    failed: dict[tuple[Any, ...], list[Way]] = field(default_factory=dict)
    """The ways into the network on which each mistake is met."""
    stated_right: bool = False
    """Whether less is wrong where what is stated is taken to be right, not what is inferred."""
    whole: bool = True
    """Whether all of the spec's model is in it."""
    worked_out: dict[str, Any] = field(default_factory=dict)
    """What analyses have found already, by their names: a graph does not change once made."""

    def reaching(self, ends: list[Node]) -> set[int]:
        """The indices of all nodes that any of ``ends`` depends on, themselves included."""
        seen = {n.index for n in ends}
        for node in reversed(self.nodes):
            if node.index in seen:
                seen.update(n.index for n in node.inputs)
        return seen

    def live(self) -> set[int]:
        """The indices of the nodes that run in evaluation: those that an output needs."""
        if "live" not in self.worked_out:
            self.worked_out["live"] = self.reaching(list(self.outputs.values()))
        live: set[int] = self.worked_out["live"]
        return live
