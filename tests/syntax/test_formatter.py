"""The formatter: one style, the same tree, and every comment where it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archlang.diagnostic import ArchError
from archlang.source import Source, edited
from archlang.syntax.formatter import format_range, format_source
from archlang.syntax.parser import parse
from tests.properties.generator import network
from tests.properties.text import spec
from tests.syntax.mangled import mangled, order, places
from tests.syntax.sketches import SKETCHES

ROOT = Path(__file__).parents[2]
SPECS = sorted(
    [*ROOT.glob("specs/*.arch"), *ROOT.glob("archlang/std/*.arch"), *ROOT.glob("examples/*.arch")]
)


def formatted(text: str) -> str:
    return format_source(Source("net.arch", text))


def holds(text: str) -> None:
    """What must be so of any spec without a syntax error."""
    made = formatted(text)
    assert parse(Source("", made)) == parse(Source("", text))
    assert order(made) == order(text)
    assert places(made) == places(text)
    assert formatted(made) == made
    lines = made.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in made
    assert not made or (made[0] != "\n" and made.endswith("\n") and not made.endswith("\n\n"))


def generated(count: int, first: int = 0) -> None:
    for seed in range(first, first + count):
        r = random.Random(seed)
        text = spec(network(seed), seed)
        holds(text)
        holds(mangled(text, r))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_specs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text
    for seed in range(3):
        holds(mangled(text, random.Random(seed)))


@pytest.mark.parametrize("name", SKETCHES)
def test_sketches(name: str) -> None:
    holds(SKETCHES[name].read_text(encoding="utf-8"))
