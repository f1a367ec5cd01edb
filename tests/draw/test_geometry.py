"""Nothing overlaps, nothing is clipped, no way leads through a box, whatever the network."""

from __future__ import annotations

from typing import get_args

import pytest

from archlang import ArchError, loads
from archlang.draw.levels import Level
from archlang.draw.picture import picture
from archlang.draw.scene import Rect
from archlang.network import Network
from tests.draw.geometry import problems, shared
from tests.draw.networks import FILES, few, networks, spec

LEVELS = get_args(Level)


def holds(network: Network) -> None:
    for level in LEVELS:
        for direction in ("TB", "LR"):
            scene = picture(network, level=level, direction=direction)
            where = f"{network.name}, {level}, {direction}"
            assert scene.boxes, where
            assert not list(problems(scene)), where


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file):
    for network in few(file):
        holds(network)
        for level in LEVELS:
            assert not list(shared(picture(network, level=level))), network.name


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_model(file):
    for network in networks(file):
        holds(network)


@pytest.mark.parametrize("chunk", range(5))
def test_random_networks(chunk):
    pytest.importorskip("torch")
    from tests.properties.generator import network
    from tests.properties.text import spec as text

    drawn = 0
    seed = 1000 * chunk
    while drawn < 20:
        seed += 1
        try:
            made = loads(text(network(seed), seed))
        except ArchError:
            continue
        try:
            holds(made)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        drawn += 1


def test_these_tests_can_fail():
    scene = picture(spec("resnet", "resnet18"), level="layer")
    assert not list(problems(scene))
    cards = [n for n, b in enumerate(scene.boxes) if b.kind == "card"]
    one, other = cards[3], cards[4]

    def with_box(place: int, **changes: object) -> list[str]:
        boxes = list(scene.boxes)
        boxes[place] = boxes[place]._replace(**changes)
        return list(problems(scene._replace(boxes=tuple(boxes))))

    rect = scene.boxes[other].rect
    assert any("overlaps" in p for p in with_box(one, rect=rect))
    assert any("leaves what" in p for p in with_box(one, rect=Rect(-5, 0, 9, 9)))
    text = scene.boxes[one].texts[0]
    assert any("leaves" in p for p in with_box(one, texts=(text._replace(x=0.0),)))
    assert any("overlap" in p for p in with_box(one, texts=(text, text)))
    wire = scene.wires[4]
    away = wire._replace(points=((0.0, 60.0), (scene.width, 60.0)))
    found = list(problems(scene._replace(wires=(*scene.wires, away))))
    assert any("crosses" in p for p in found)
    assert any("ends beside" in p for p in found)
    first, second = scene.wires[2], scene.wires[-1]._replace(points=scene.wires[2].points)
    assert list(shared(scene._replace(wires=(first, second))))
