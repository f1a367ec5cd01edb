"""Volumes: slabs as large as their tensors, labels that can be read, whatever the network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from time import process_time
from typing import get_args
from xml.etree import ElementTree

import pytest

from archlang import loads
from archlang.draw.font import width
from archlang.draw.kinds import HUES
from archlang.draw.levels import Level
from archlang.draw.scene import Box, Rect, Scene, Text
from archlang.draw.svg import svg
from archlang.draw.theme import THEMES
from archlang.draw.volume import volume
from archlang.network import Network
from tests.draw.geometry import SLACK, crosses, inside, overlap
from tests.draw.networks import FILES, few, random_networks, spec
from tests.draw.test_parts import BODY

LEVELS = get_args(Level)


def slabs(scene: Scene) -> list[Box]:
    return [box for box in scene.boxes if box.kind == "slab"]


def said(scene: Scene) -> list[str]:
    return [text.text for text in scene.texts]


def extent(text: Text) -> Rect:
    return Rect(text.x, text.y - 0.76 * text.size, text.width, text.size)


def outline(box: Box) -> Rect:
    x, y, wide, high = box.rect
    dx, dy = box.recedes
    return Rect(x, y - dy, wide + dx, high + dy)


def problems(scene: Scene) -> Iterator[str]:
    """Everything that is wrong with where things lie."""
    canvas = Rect(0, 0, scene.width, scene.height)
    for box in scene.boxes:
        if not inside(outline(box), canvas):
            yield f"{box.path} leaves the picture"
    yield from labels(scene, canvas)
    for wire, way in ways(scene):
        if way.width and way.height:
            yield f"a way to {wire} is slanted"
        if not inside(way, canvas):
            yield f"a way to {wire} leaves the picture"


def labels(scene: Scene, canvas: Rect) -> Iterator[str]:
    texts = sorted(scene.texts, key=lambda t: t.x)
    for place, text in enumerate(texts):
        if abs(text.width - width(text.text, text.size, text.bold)) > SLACK:
            yield f"{text.text} is not as long as it says"
        if not inside(extent(text), canvas):
            yield f"{text.text} leaves the picture"
        for other in texts[place + 1 :]:
            if other.x > text.x + text.width:
                break
            if overlap(extent(text), extent(other)):
                yield f"{text.text} overlaps {other.text}"
        for box in scene.boxes:
            if overlap(extent(text), box.rect):
                yield f"{text.text} lies on {box.path}"


def ways(scene: Scene) -> Iterator[tuple[str, Rect]]:
    """Each stretch of each way, and where the way leads."""
    for wire in scene.wires:
        for one, other in pairwise(wire.points):
            x, y = min(one[0], other[0]), min(one[1], other[1])
            way = Rect(x, y, abs(one[0] - other[0]), abs(one[1] - other[1]))
            yield scene.boxes[wire.target].path, way


def struck(scene: Scene) -> Iterator[str]:
    """Labels that a way leads through."""
    for _, way in ways(scene):
        yield from (t.text for t in scene.texts if crosses(way, extent(t)))


def holds(network: Network) -> None:
    for level in LEVELS:
        scene = volume(network, level=level)
        assert slabs(scene), (network.name, level)
        assert not list(problems(scene)), (network.name, level)


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file):
    for network in few(file):
        holds(network)
        for level in LEVELS:
            assert not list(struck(volume(network, level=level))), (network.name, level)


@pytest.mark.parametrize("chunk", range(2))
def test_random_networks(chunk):
    for seed, made in random_networks(7000 * (chunk + 1), 25):
        try:
            holds(made)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def test_sizes_go_by_logarithms():
    scene = volume(spec("vgg", "vgg16"))
    image, *stages, _, _ = slabs(scene)
    steps = [a.rect.height - b.rect.height for a, b in pairwise(stages)]
    assert steps == pytest.approx([steps[0]] * 4), "each stage halves the map"
    assert all(box.recedes[0] == pytest.approx(0.3 * box.rect.height) for box in (image, *stages))
    thick = [box.rect.width for box in stages]
    assert thick[1] - thick[0] == pytest.approx(thick[2] - thick[1]) == pytest.approx(6)
    assert thick[3] == thick[4], "512 channels, both"


def test_the_figure_of_the_paper():
    scene = volume(spec("vgg", "vgg16"), level="layer")
    labels = ["3×224×224", "64×224×224", "112×112", "56×56", "28×28", "512×14×14"]
    labels.append("512×7×7")
    assert [s for s in said(scene) if "×" in s] == labels
    tints = [box.tint for box in slabs(scene)]
    assert tints.count("weights") == 13
    assert tints.count("vector") == 3
    assert {"conv + relu", "linear + relu + dropout", "input"} <= set(said(scene))


def test_it_is_quick():
    spec("resnet", "resnet152")
    start = process_time()
    svg(volume(spec("resnet", "resnet152"), level="layer"))
    assert process_time() - start < 0.3


def test_vectors_are_thin_bars():
    *_, bar = slabs(volume(spec("vgg", "vgg16")))
    assert bar.rect.width > 4 * bar.rect.height
    assert bar.recedes[0] < 4


def test_copies_are_so_many_slabs():
    scene = volume(spec("resnet", "resnet50"), level="stage")
    assert [sum(b.path.startswith(f"layer{n}") for b in slabs(scene)) for n in (1, 2, 3, 4)] == [
        3, 4, 6, 3,
    ]  # fmt: skip
    many = volume(loads(BODY % "conv(3x3, 3) x 20 -> conv(3x3, 8)"), level="layer")
    assert {"3 ×20", "8"} <= set(said(many)), "more than are drawn"
    assert "encoder_block ×12" in said(volume(spec("vit", "vit_b_16"), level="layer"))


def test_branches_that_come_together_are_one_slab_with_their_widths():
    for level in ("stage", "layer"):
        scene = volume(spec("googlenet", "googlenet"), level=level)
        inside_one = [b for b in slabs(scene) if b.path.startswith("inception4a")]
        assert len(inside_one) == 1
        assert "192+208+48+64" in said(scene)
    dense = volume(spec("densenet", "densenet121"), level="stage")
    assert not [s for s in said(dense) if s.endswith("+32")], "it grows: it is not two branches"


def test_skips_are_arcs_above():
    scene = volume(spec("unet", "unet"))
    paths = [box.path for box in scene.boxes]
    arcs = [w for w in scene.wires if len(w.points) == 4]
    assert [(paths[w.source], paths[w.target]) for w in arcs] == [
        ("down3", "up1"), ("down2", "up2"), ("down1", "up3"), ("inc", "up4"),
    ]  # fmt: skip
    heights = [w.points[1][1] for w in arcs]
    assert heights == sorted(heights, reverse=True), "the longer lie above the shorter"
    assert heights[-1] < min(outline(box).y for box in slabs(scene)[1:])


def test_towers_lie_beside_each_other():
    scene = volume(spec("siamese", "siamese"), level="layer")
    left, right = ([b for b in slabs(scene) if b.path.startswith(p)] for p in ("left", "right"))
    assert left[0].rect.x == right[0].rect.x
    assert left[0].rect.y + left[0].rect.height < right[0].rect.y


@pytest.mark.parametrize(("shape", "high"), [("3, 64", 1), ("3, 64, 64", 2), ("3, 8, 64, 64", 3)])
def test_signals_with_one_and_three_axes(shape, high):
    scene = volume(loads(f"model m {{\n input x: [{shape}]\n conv(3, 8)\n}}\n"), level="layer")
    one, _ = slabs(scene)
    assert one.rect.height == slabs(volume(loads(BODY % "relu")))[0].rect.height + 22
    assert (one.recedes[0] < 4) == (high == 1)


@pytest.mark.parametrize("theme", THEMES)
def test_its_svg(theme):
    scene = volume(spec("googlenet", "googlenet"), level="stage")
    text = svg(scene, theme)
    assert text == svg(volume(spec("googlenet", "googlenet"), level="stage"), theme)
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    groups = [g.get("aria-label") for g in root.iter("{http://www.w3.org/2000/svg}g")]
    assert any(g.startswith("inception4a; ") and g.endswith("512×14×14") for g in groups)
    assert {hue for hues in HUES.values() for hue in hues} <= set(THEMES[theme].tints)
    assert "NaN" not in text


def test_these_tests_can_fail():
    scene = volume(spec("lenet5", "lenet5"))
    text = scene.texts[0]
    assert any("overlaps" in p for p in problems(scene._replace(texts=(text, text))))
    away = text._replace(x=-9.0)
    assert any("leaves" in p for p in problems(scene._replace(texts=(away,))))
    x, y, _, _ = slabs(scene)[0].rect
    onto = text._replace(x=x - 2, y=y + 20)
    assert any("lies on" in p for p in problems(scene._replace(texts=(onto,))))
    wire = scene.wires[0]._replace(points=((0.0, text.y - 3), (99.0, text.y - 3)))
    assert list(struck(scene._replace(wires=(wire,))))
