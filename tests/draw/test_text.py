"""Plain text: a line a box, each on a rail from what it takes, no line too long."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from archlang import loads
from archlang.draw.levels import Level
from archlang.draw.text import WIDTH, text
from archlang.network import Network
from tests.draw.networks import FILES, few, random_networks, spec
from tests.draw.test_parts import BODY

UP, DOWN = set("│├┤┼┬┐●⊕⊖⊗⧺"), set("│├┤┼┴┘●⊕⊖⊗⧺")
"""Signs that go on below, and above."""


def problems(said: str) -> list[str]:
    """Rails that begin or end where nothing is."""
    lines = said.splitlines()[3:]
    found = []
    for above, below in pairwise(lines):
        for column, sign in enumerate(below.partition("▾")[0]):
            over = above[column] if column < len(above) else " "
            if sign in set("│├┤┼┴┘") and over not in UP:
                found.append(f"{below!r} has a rail from nowhere")
    return found


def rails(body: str, level: Level = "layer") -> list[str]:
    lines = text(loads(BODY % body), level=level).splitlines()[3:]
    width = max(len(line) - len(line.lstrip("│├┤┼┬┐┴┘─ ●⊕⊖⊗⧺")) for line in lines)
    return [line[:width].rstrip() for line in lines]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("conv(3x3, 3) -> maxpool(2)", ["●", "●", "●"]),
        ("residual { conv(3x3, 3) }", ["●", "├─┐", "│ ●", "⊕─┘"]),
        ("dense { conv(3x3, 2) }", ["●", "├─┐", "│ ●", "⧺─┘"]),
        ("gate { global_avgpool -> sigmoid }", ["●", "├─┐", "│ ●", "⊗─┘"]),
        (
            "concat { conv(1x1, 1) | conv(3x3, 2) -> conv(3x3, 2) | conv(5x5, 3) }",
            ["●", "├─┬─┐", "● │ │", "│ ● │", "│ ● │", "│ │ ●", "⧺─┴─┘"],
        ),
    ],
)
def test_rails(body, found):
    assert rails(body) == found


def test_a_unet_is_a_valley():
    lines = text(spec("unet", "unet")).splitlines()[3:]
    depth = [line.index("●") for line in lines if "●" in line]
    assert depth == [0, 0, 2, 4, 6, 8, 6, 4, 2, 0, 0]


def test_it_says_shapes_and_parameters():
    said = text(spec("vgg", "vgg16"), level="layer")
    (line,) = (line for line in said.splitlines() if "25088" in line and "linear" not in line)
    assert "maxpool" in line or "flatten" in line or "adaptive" in line
    assert any(line.split()[-2:] == ["4096", "102,764,544"] for line in said.splitlines())
    assert "138 M parameters" in said.splitlines()[0]


def holds(network: Network) -> None:
    for level in get_args(Level):
        said = text(network, level=level)
        assert max(map(len, said.splitlines())) <= WIDTH, (network.name, level)
        assert not problems(said), (network.name, level)
        assert all(line == line.rstrip() for line in said.splitlines())


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file):
    for network in few(file):
        holds(network)


@pytest.mark.parametrize("chunk", range(2))
def test_random_networks(chunk):
    for _, made in random_networks(5000 * (chunk + 1), 25):
        holds(made)


def test_narrow():
    said = text(spec("googlenet", "googlenet"), level="layer", width=60)
    assert max(map(len, said.splitlines())) <= 60
    assert "…" in said


def test_these_tests_can_fail():
    assert problems("m\n\n\n●\n│ │\n")
