"""The networks that pictures are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.network import Network, from_program, load

SPECS = Path(__file__).parents[2] / "specs"
FILES = sorted(SPECS.glob("*.arch"))
LONG = 400
"""Layers of networks that are left to the long run."""


def networks(file: Path) -> Iterator[Network]:
    """The complete models of a spec."""
    program = Program(read_source(file), str(file))
    for name in program.complete:
        yield from_program(program, name, {}, {})


@cache
def few(file: Path) -> list[Network]:
    """Some of them: the first that are not long."""
    return list(islice((n for n in networks(file) if len(n.graph.nodes) < LONG), 4))


@cache
def spec(file: str, model: str) -> Network:
    return load(SPECS / f"{file}.arch", model)
