"""What all nodes of the syntax tree are."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TypeVar, dataclass_transform

T = TypeVar("T")
HOLE = "__hole__"
"""The name of what stands in place of text that cannot be read: nothing is known of it."""
ANY = "*"
"""Among the words of what cannot be read: any name may be one of them."""


@dataclass_transform(field_specifiers=(field,))
def node(cls: type[T]) -> type[T]:
    """A class of nodes: a dataclass whose equality and printed form are ``Node``'s.

    Written anew for each of forty classes, these would be half the time of an import.
    """
    return dataclass(slots=True, eq=False, repr=False)(cls)


@node
class Node:
    """Anything with a place in the text: offsets ``start`` (in) to ``end`` (out).

    Nodes are equal where they mean the same: where they stand does not count.
    """

    start: int = field(compare=False)
    end: int = field(compare=False)

    def meaning(self) -> list[tuple[str, object]]:
        """The fields by name, but for those about the place."""
        return [(f.name, getattr(self, f.name)) for f in fields(self) if f.compare]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return type(self) is type(other) and self.meaning() == other.meaning()

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value!r}" for name, value in self.meaning())
        return f"{type(self).__name__}({parts})"
