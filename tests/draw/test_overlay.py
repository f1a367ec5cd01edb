"""Pictures coloured by a quantity: figures as the commands have them, sums, scale, contrast."""

from __future__ import annotations

import re
from itertools import pairwise
from math import dist
from typing import get_args

import pytest

from archlang import loads
from archlang.analyses.kept import forward
from archlang.analyses.memory.account import Setting
from archlang.draw.levels import Level, opened
from archlang.draw.overlay import Overlay, overlay
from archlang.draw.paint import cards, groups
from archlang.draw.parts import Structure
from archlang.draw.picture import picture
from archlang.draw.quantities import Quantity, QuantityName, Sight, Sum, quantity
from archlang.draw.scale import READABLE, colour, contrast, readable
from archlang.draw.scene import Box, Scene
from archlang.draw.svg import svg
from archlang.draw.theme import THEMES
from archlang.network import Network
from archlang.report import rows, walk
from archlang.wording import memory_text, si
from tests.draw.geometry import problems
from tests.draw.networks import FILES, few, spec

LEVELS = get_args(Level)
QUANTITIES = get_args(QuantityName)


def drawn(network: Network, name: QuantityName, **options: str) -> Scene:
    return overlay(network, figures(network, name), **options)


def figures(network: Network, name: QuantityName, *how: object) -> Quantity:
    return quantity(name, Structure(network.graph), *how)


def box(scene: Scene, path: str) -> Box:
    return next(b for b in scene.boxes if b.path == path)


def words(box: Box) -> list[str]:
    return [text.text for text in box.texts]


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_nothing_overlaps(file, name):
    for network in few(file)[:1]:
        for level, direction in (("overview", "TB"), ("overview", "LR"), ("layer", "TB")):
            scene = drawn(network, name, level=level, direction=direction)
            assert not list(problems(scene)), (network.name, level, direction)
            assert not list(legend_problems(scene)), (network.name, level, direction)


def legend_problems(scene: Scene) -> list[str]:
    """What of the legend or of the head lies on something else, or outside."""
    found = []
    top = min(b.rect.y for b in scene.boxes)
    lines = [(t.x, t.x + t.width, t.y) for t in scene.texts]
    found += [f"{x} leaves" for x in lines if x[0] < 0 or x[1] > scene.width]
    patches = [s.rect for s in scene.legend]
    if any(r.y + r.height > top or r.x + r.width > scene.width for r in patches):
        found.append("the scale lies on a box")
    for n, (start, end, y) in enumerate(lines):
        if y > top and len(lines) < 6:
            found.append("a text lies on a box")
        for other, until, at in lines[n + 1 :]:
            if at == y and start < until and other < end:
                found.append("texts overlap")
    return found


# Figures


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_all_boxes_have_the_network_s_total(file, level):
    for network in few(file):
        leaves = cards(opened(Structure(network.graph), level))
        memory = network.memory(Setting(2, dtype="bfloat16"))
        of_loss = forward(network.graph, 2, "bfloat16").of_loss
        totals = {
            "params": network.totals.params,
            "macs": network.totals.macs,
            "memory": memory.kept - of_loss,
        }
        for name, total in totals.items():
            found = figures(network, name, 2, "bfloat16")
            assert found.sums
            assert sum(found.amount(card) for card in leaves) == total, (network.name, name)
            assert found.total == total
            shares = sum(found.share(card) for card in leaves)
            assert shares == pytest.approx(1 if total else 0)


@pytest.mark.parametrize("model", ["resnet50", "resnext50_32x4d"])
def test_open_parts_have_what_summary_says(model):
    network = spec("resnet", model)
    said = {row.name: row for level, row in walk(rows(network.graph), 1)}
    found = {name: figures(network, name) for name in QUANTITIES}
    parts = {p.path: p for p in groups(opened(Structure(network.graph), "layer")) if p.framed}
    memory = network.memory()
    for path in ("layer1", "layer2", "layer3", "layer4"):
        row, part = said[path], parts[path]
        assert found["params"].amount(part) == row.values["params"]
        assert found["macs"].amount(part) == row.values["macs"]
        kept = sum(x.kept for x in memory.layers if x.path.startswith(f"{path}."))
        assert found["memory"].amount(part) == kept


def test_figures_in_words():
    network = spec("resnet", "resnet50")
    found = {name: words(box(drawn(network, name), "layer4"))[-1] for name in QUANTITIES}
    memory = sum(x.kept for x in network.memory().layers if x.path.startswith("layer4."))
    assert found == {
        "params": "15.0 M · 58.6 %",
        "macs": "809 M MACs",
        "memory": f"{memory_text(memory)} kept",
        "receptive": "receptive field 427×427",
    }


def test_copies_are_one_sum_or_the_last_one_s_field():
    network = spec("resnet", "resnet50")
    structure = Structure(network.graph)
    card = next(c for c in cards(opened(structure, "stage")) if c.copies == 5)
    params, sight = figures(network, "params"), figures(network, "receptive")
    assert params.amount(card) == 5 * 1_117_184
    assert sight.text(card) == "receptive field 267×267"
    inner = cards(opened(Structure(network.graph), "layer"))
    (conv,) = (c for c in inner if c.path == "layer3.1.conv2")
    assert params.text(conv) == "2.95 M · 11.5 % (×5)"
    assert sight.text(conv) == "receptive field 267×267"


def test_fields_are_those_of_the_command():
    network = spec("unet", "unet_same")
    scene = drawn(network, "receptive")
    for path in ("down1", "down4", "up1", "outc"):
        size = network.receptive_field(path).sizes[0]
        assert words(box(scene, path))[-1] == f"receptive field {size}×{size}"
        assert box(scene, path).shade == pytest.approx(min(1, size / 256))


def test_what_sees_all_is_saturated():
    scene = drawn(spec("resnet", "resnet50"), "receptive")
    assert [box(scene, p).shade for p in ("layer4", "fc")] == [1, 1]
    assert words(box(scene, "fc"))[-1] == "sees the whole input"
    assert box(scene, "layer1").shade == pytest.approx(35 / 224)


def test_a_field_that_varies_has_no_colour():
    network = loads("model m {\n input x: [3, 8, 8]\n conv(3x3, 4) -> flatten\n}\n")
    flat = drawn(network, "receptive", level="layer").boxes[-1]
    assert words(flat)[-1] == "receptive field varies"
    assert flat.shade is None


def test_a_join_says_what_it_keeps():
    scene = drawn(spec("senet", "se_resnet50"), "memory", level="layer")
    joins = [words(b) for b in scene.boxes if b.kind == "join"]
    assert [f"⊗  {memory_text(4 * 256 * 56 * 56)} kept"] in joins
    assert ["⊕"] in joins


def test_bars_show_the_quantity():
    network = spec("vgg", "vgg16")
    scene = drawn(network, "macs")
    assert sum(b.share for b in scene.boxes) == pytest.approx(1)
    first = next(b for b in scene.boxes if b.bar)
    assert first.share == pytest.approx(
        next(b.share for b in scene.boxes if b.path == first.path), abs=1e-9
    )
    plain = picture(network)
    assert [b.share for b in scene.boxes if b.bar] != [b.share for b in plain.boxes if b.bar]


def test_without_anything_to_count():
    network = loads("model m {\n input x: [3, 8, 8]\n relu\n}\n")
    for name in ("params", "macs"):
        scene = drawn(network, name)
        assert scene.boxes[-1].shade == 0
        assert not list(problems(scene))


# Colours


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_the_scale_is_even(theme):
    """Equal steps of a share are equal steps in OKLab, as far as bytes can tell them."""
    steps = [lab(colour(n / 16, theme)) for n in range(17)]
    sizes = [dist(a, b) for a, b in pairwise(steps)]
    assert max(sizes) / min(sizes) < 1.25
    lightness = [s[0] for s in steps]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert colour(-1, theme) == colour(0, theme)
    assert colour(2, theme) == colour(1, theme) != colour(0, theme)


def lab(text: str) -> tuple[float, float, float]:
    """A colour in OKLab, by Ottosson's forward matrices."""
    parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def test_contrast_is_wcag_s():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_is_readable_on_every_colour(theme):
    fills = [colour(n / 100, theme) for n in range(101)]
    fills += [fill for tint, (fill, _) in theme.tints.items() if tint != "bracket"]
    for fill in fills:
        for ink in theme.inks.values():
            assert contrast(readable(ink, fill, theme), fill) >= READABLE, fill


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable_as_drawn(theme):
    network = spec("resnet", "resnet50")
    for name in QUANTITIES:
        text = svg(drawn(network, name), theme)
        for group in re.findall(r"<g role.*?</g>", text, re.S):
            fill = re.search(r'<rect [^>]*fill="(#\w+)"', group)[1]
            inks = re.findall(r'<text [^>]*fill="(#\w+)"', group)
            assert inks
            assert all(contrast(ink, fill) >= READABLE for ink in inks)


# The scale


def test_the_scale_has_numbers_and_units():
    network = spec("resnet", "resnet50")
    most = figures(network, "params")
    said = {name: [t.text for t in drawn(network, name).texts[2:]] for name in QUANTITIES}
    assert said["params"] == ["parameters, 25.6 M in all", "0", "7.48 M", "15.0 M"]
    assert said["macs"] == ["MACs, 4.09 G in all", "0", "732 M", "1.46 G"]
    assert said["receptive"][1:] == ["0 %", "50 %", "100 %"]
    assert said["memory"][0].startswith("kept for the backward pass, batch 1, float32, ")
    assert "MiB" in said["memory"][-1]
    assert isinstance(most, Sum)
    assert isinstance(figures(network, "receptive"), Sight)
    paint = Overlay(most)
    paint.prepare(opened(Structure(network.graph), "overview"))
    assert si(round(paint.most)) == "15.0 M"
    swatches, _ = paint.legend()
    assert [swatches[0].shade, swatches[-1].shade] == [0, 1]


def test_colour_is_told_to_those_who_do_not_see_it():
    scene = drawn(spec("resnet", "resnet50"), "params")
    assert "coloured by parameters" in scene.about
    assert box(scene, "layer4").about.endswith("; 15.0 M · 58.6 %")
