"""The models of ``specs/``, each at the smallest of some input sizes that it takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import archlang
from archlang.elaborate import Program
from archlang.source import Source

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.arch"))
SIDES = (16, 32, 48, 64, 96, 128, 192, 256)


@cache
def program(path: Path) -> Program:
    """The program of a spec's file."""
    return Program(Source(path.name, path.read_text()), str(path))


def models() -> list[tuple[Path, str]]:
    """Every model of every spec that needs no argument."""
    return [(path, name) for path in SPECS for name in program(path).complete]


def smallest(path: Path, model: str) -> archlang.Network:
    """A model with each axis of its inputs but the first cut to a small side.

    What it requires of its own numbers is at its own size, and left aside.
    """
    whole = program(path)
    graph, _ = whole.elaborate(model)
    assert graph is not None
    shapes = {name: tuple(map(int, n.output.shape)) for name, n in graph.inputs.items()}
    for side in SIDES:
        cut = {n: (s[0], *(min(side, size) for size in s[1:])) for n, s in shapes.items()}
        small, found = whole.elaborate(model, None, cut)
        if small is not None and not any(d.severity == "error" for d in found):
            return archlang.Network(whole, small, {})
    return archlang.Network(whole, graph, {})
