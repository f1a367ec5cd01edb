"""A network as a small tree of its own, from which both the spec and PyTorch's run are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Shape: TypeAlias = tuple[int, ...]
Args: TypeAlias = dict[str, Any]


class Given:
    """Stands for the parameter of the block that a layer is in."""

    def __repr__(self) -> str:
        return "c"


PARAMETER = Given()
AXES = "ABCDE"
"""What signatures call the axes that arrive."""


@dataclass(eq=False)
class Layer:
    """``conv(3, 8)``: arguments by name, those left out at their default."""

    name: str
    args: Args = field(default_factory=dict)


@dataclass(eq=False)
class Merge:
    """``add { … | … }``."""

    name: str
    args: Args
    branches: list[Body]


@dataclass(eq=False)
class Group:
    """``{ … }``."""

    body: Body


@dataclass(eq=False)
class Repeat:
    """``part x count``."""

    part: Part
    count: int


@dataclass(eq=False)
class Block:
    """``block name(c) : [A, B] -> [A, 4] { … }``; a parameter ``c`` where ``parameter`` says so.

    The signature takes ``takes`` axes; what it gives is sizes, names of those taken, or None.
    """

    name: str
    body: Body
    parameter: bool = False
    takes: int = 0
    gives: tuple[int | str | None, ...] = ()


@dataclass(eq=False)
class Call:
    """A use of a block, as a part of its own."""

    block: Block
    value: int | None = None


@dataclass(eq=False)
class Shared:
    """``shared name = a -> b``."""

    name: str
    parts: list[Part]


@dataclass(eq=False)
class Use:
    """A run of a shared network."""

    shared: Shared


@dataclass(eq=False)
class Ref:
    """The tensor that a label named."""

    label: str


Part: TypeAlias = Layer | Merge | Group | Repeat | Call | Use | Ref


@dataclass(eq=False)
class Line:
    """``label = a -> b : shape``."""

    parts: list[Part]
    label: str | None = None
    shape: Shape | None = None


Body: TypeAlias = list[Line]


@dataclass(eq=False)
class Net:
    """A whole network. ``flaws`` names what was put in to make it wrong."""

    inputs: dict[str, Shape]
    body: Body
    shared: list[Shared] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    aux: list[str] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
