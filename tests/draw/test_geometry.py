"""Nothing overlaps, nothing is clipped, no way leads through a box, whatever the network."""

from __future__ import annotations

from typing import get_args

import pytest

from archlang import loads
from archlang.draw.levels import Level
from archlang.draw.picture import picture
from archlang.draw.scene import Rect, Scene
from archlang.network import Network
from tests.draw.geometry import crossings, problems, shared
from tests.draw.networks import FILES, few, networks, random_networks, spec, u_text

LEVELS = get_args(Level)


VIEWS = [(level, direction) for level in LEVELS for direction in ("TB", "LR")]


def holds(network: Network, views: list[tuple[Level, str]] = VIEWS) -> None:
    for level, direction in views:
        scene = picture(network, level=level, direction=direction)
        where = f"{network.name}, {level}, {direction}"
        assert scene.boxes, where
        assert not list(problems(scene)), where
        assert not list(shared(scene)), where


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file):
    for network in few(file):
        holds(network)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_model(file):
    for network in networks(file):
        holds(network)


@pytest.mark.parametrize("chunk", range(5))
def test_random_networks(chunk):
    for seed, made in random_networks(1000 * chunk, 100):
        try:
            holds(made, [("layer", "TB"), VIEWS[seed % len(VIEWS)]])
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("chunk", range(2))
def test_networks_like_unet_are_a_u(chunk):
    """At every level, with what they may hold: each skip is one straight line from arm to arm."""
    for seed in range(20 * chunk, 20 * chunk + 20):
        made = loads(u_text(seed))
        holds(made)
        for level in LEVELS:
            assert straight_skips(picture(made, level=level)) == depth(made), f"{seed}, {level}"


@pytest.mark.parametrize("model", ["unet", "unet_same", "unet3d"])
def test_unets_are_a_u_at_every_level(model):
    network = spec("unet", model)
    for level in LEVELS:
        assert straight_skips(picture(network, level=level)) == depth(network), level


def straight_skips(scene: Scene) -> int:
    """The level lines from a box on one side of the picture to one on the other."""
    found = 0
    for wire in scene.wires:
        (x, y), (to, height) = wire.points[0], wire.points[-1]
        if len(wire.points) == 2 and y == height and x < to:
            one, other = (scene.boxes[place].path for place in (wire.source, wire.target))
            found += one.partition(".")[0] != other.partition(".")[0]
    return found


def depth(network: Network) -> int:
    names = {node.path.partition(".")[0] for node in network.graph.nodes}
    return sum(name.startswith("up") for name in names)


def test_dense_layers_cross_nothing():
    scene = picture(spec("densenet", "densenet121"), level="layer")
    assert not crossings(scene)
    assert scene.height < 10_000
    wire = scene.wires[1]
    ((_, top), (_, bottom)) = wire.points
    middle = (top + bottom) / 2
    over = wire._replace(points=((0.0, middle), (scene.width, middle)), source=0)
    assert crossings(scene._replace(wires=(*scene.wires, over)))


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
