"""What a class is made of, as it is written: its parts and its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any, Literal

from archlang.backends.torch.source.align import Slot
from archlang.backends.torch.source.calls import Expr
from archlang.backends.torch.source.expressions import literal, type_text
from archlang.backends.torch.source.holes import MISSING
from archlang.backends.torch.source.parts import Member


@dataclass(slots=True, eq=False)
class Entry:
    """A part as it is written: its name, when it is there, and how it is made."""

    kind: Literal["part", "parameter", "chain", "container", "loop"]
    name: str
    """The attribute's name; between quotes and after an ``f`` where it differs by turn."""
    slot: Slot[Member]
    cond: str = ""
    make: Expr = ""
    body: list[Entry] = field(default_factory=list)
    header: str = ""
    attribute: str = ""
    """What it is called in Python, where that is not ``name``."""
    reached: bool = False
    """Whether the forward uses it."""


@dataclass(slots=True)
class Parameter:
    """A parameter of a class, with its value in each instance."""

    name: str
    values: list[Any]
    default: Any = MISSING

    @property
    def text(self) -> str:
        """It in the signature."""
        kind = type_text([*self.values, *([] if self.default is MISSING else [self.default])])
        said = f"{self.name}: {kind}"
        return said if self.default is MISSING else f"{said} = {literal(self.default)}"


def every(entries: list[Entry]) -> Iterator[Entry]:
    """Entries, each before those inside it."""
    for entry in entries:
        yield entry
        yield from every(entry.body)


def plain_attribute(name: str) -> bool:
    """Whether a part can be set and got by ``self.name``."""
    return name.isidentifier() and not iskeyword(name)
