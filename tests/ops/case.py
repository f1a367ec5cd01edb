"""A line of the tables of layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


def sizes(shape: str) -> tuple[int, ...]:
    """The sizes of "3x32x32"."""
    return tuple(int(size) for size in shape.split("x"))


@dataclass(frozen=True)
class Case:
    """A layer, what arrives, what comes out, and its figures for one sample."""

    spec: str
    takes: str
    gives: str
    params: int = 0
    macs: int = 0
    buffers: int = 0
    neurons: int | None = None

    @property
    def new(self) -> int:
        return prod(sizes(self.gives)) if self.neurons is None else self.neurons


@dataclass(frozen=True)
class Refused:
    """A layer that cannot take what arrives: the code, and words of the message."""

    spec: str
    takes: str
    code: str
    says: str
