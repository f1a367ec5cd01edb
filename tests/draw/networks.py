"""The networks that pictures are tried on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from archlang import ArchError, loads
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


def random_networks(after: int, count: int) -> Iterator[tuple[int, Network]]:
    """The first random networks that are right, by their seeds, behind one; as torch runs them."""
    pytest.importorskip("torch")
    from tests.properties.generator import network
    from tests.properties.text import spec as written

    def right() -> Iterator[tuple[int, Network]]:
        for seed in itertools.count(after + 1):
            with suppress(ArchError):
                yield seed, loads(written(network(seed), seed))

    return islice(right(), count)


BODIES = (
    "conv(3x3, 4) -> bn -> relu",
    "conv(3x3, 4) -> relu -> conv(3x3, 4)",
    "conv(3x3, 4) -> residual { conv(3x3, 4) -> bn }",
    "add { conv(3x3, 3) | conv(1x1, 3) } -> dropout(0.1)",
    "dense { bn -> relu -> conv(3x3, 2) } -> dense { conv(1x1, 2) -> conv(3x3, 2) }",
    "concat { conv(1x1, 2) | conv(3x3, 2) -> relu -> conv(3x3, 2) }",
    "conv(3x3, 4) -> gate { global_avgpool -> linear(4) -> sigmoid }",
)
KEPT = ("identity", "conv(1x1, 5) -> relu", "conv(1x1, 4) -> residual { conv(1x1, 4) }")


def u_text(seed: int) -> str:
    """A random network of U-Net's pattern: parts that halve, parts that double, skips between."""
    draw = Random(seed)
    depth = draw.randint(2, 4)

    def body(name: str) -> str:
        inside = f"conv(1x1, 4) -> {draw.choice(BODIES)}"
        return f"{{ {name} = {{ {inside} }} }}" if draw.random() < 0.5 else f"{{ {inside} }}"

    lines = ["input image: [3, 64, 64]", f"down0 = {body('deep')}"]
    lines += [f"down{n} = {{ maxpool(2) -> {body('deep')} }}" for n in range(1, depth + 1)]
    lines += ["dropout(0.5)"] * draw.randint(0, 1)
    for n in reversed(range(depth)):
        kept = f"down{n} -> {draw.choice(KEPT)}" if draw.random() < 0.5 else f"down{n}"
        raised = "conv_transpose(2x2, 4, stride=2)"
        join = f"concat {{ {kept} | identity }}"
        lines.append(f"up{n} = {{ {raised} -> {join} -> {body('flat')} }}")
    lines += ["out = conv(1x1, 2)"] * draw.randint(0, 1)
    return "model m {\n " + "\n ".join(lines) + "\n}\n"
