"""Two networks side by side: what is marked, what is told, what lies on one line."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import get_args

import pytest

from archlang import loads
from archlang.analyses.differences import Differences
from archlang.comparison import compare
from archlang.draw.beside import beside
from archlang.draw.compare import STATES, Compared
from archlang.draw.levels import Level, opened
from archlang.draw.marks import MARKS, SidePaint
from archlang.draw.paint import Copies, cards
from archlang.draw.parts import Card, Structure
from archlang.draw.scene import Box, Scene
from archlang.draw.svg import svg
from archlang.draw.theme import THEMES
from archlang.network import Network
from archlang.wording import si
from tests.draw.geometry import problems, shared
from tests.draw.networks import random_networks, spec
from tests.draw.test_overlay import legend_problems

LEVELS = get_args(Level)
PAIRS = [
    ("resnet:resnet50", "resnet:wide_resnet50_2"),
    ("resnet:resnet50", "resnet:resnext50_32x4d"),
    ("resnet:resnet50", "senet:se_resnet50"),
    ("resnet:resnet18", "resnet:resnet34"),
    ("resnet:resnet34", "resnet:resnet18"),
    ("resnet:resnet50", "resnet_d:resnet50d"),
    ("vgg:vgg16", "vgg:vgg19"),
    ("vgg:vgg16", "vgg:vgg16_bn"),
    ("unet:unet", "unet:unet_same"),
    ("googlenet:googlenet", "inception:inception_v3"),
    ("densenet:densenet121", "densenet:densenet169"),
    ("resnet:resnet50", "vgg:vgg16"),
    ("lenet5:lenet5", "lenet5:lenet5"),
]
BODY = "model m {\n input x: [3, 16, 16]\n %s\n}\n"


def pair(names: tuple[str, str]) -> list[Network]:
    return [spec(*name.split(":")) for name in names]


@cache
def drawn(names: tuple[str, str], level: Level = "overview", direction: str = "TB") -> Scene:
    return beside(*pair(names), level=level, direction=direction)


def of(a: str, b: str, level: Level = "layer") -> Scene:
    return beside(loads(BODY % a), loads(BODY % b), level=level)


def words(box: Box) -> list[str]:
    return [text.text for text in box.texts]


def halves(scene: Scene) -> list[list[Box]]:
    """The boxes of both pictures."""
    return [[b for b in scene.boxes if b.about.startswith(f"{side}: ")] for side in "AB"]


def titles(scene: Scene) -> list[list[str]]:
    return [[words(b)[0] for b in half] for half in halves(scene)]


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_nothing_overlaps(names):
    for level, direction in [
        *((level, "TB") for level in LEVELS),
        ("overview", "LR"),
        ("stage", "LR"),
    ]:
        scene = drawn(names, level, direction)
        assert not list(problems(scene)), (level, direction)
        found = legend_problems(scene)
        assert not [f for f in found if "lies on" not in f], (level, direction)
    for level in ("overview", "stage"):
        assert not list(shared(drawn(names, level))), level


def built(a: Network, b: Network, level: Level) -> tuple[Compared, dict[str, list[Card]]]:
    """What is compared at a level, and the boxes of both."""
    compared = Compared(a.graph, b.graph)
    structures = {
        side: Structure(n.graph, SidePaint(compared, side).apart)
        for side, n in (("a", a), ("b", b))
    }
    items = {side: opened(s, level) for side, s in structures.items()}
    compared.match({side: Copies(s) for side, s in structures.items()}, items)
    return compared, {side: cards(found) for side, found in items.items()}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_what_boxes_tell_is_what_diff_tells(names, level):
    """All changes are in marked boxes, and parameters come to the difference of the totals."""
    a, b = pair(names)
    compared, found = built(a, b, level)
    params = sum(compared.params(s, card) for s in found for card in found[s])
    assert params == b.totals.params - a.totals.params
    for side, boxes in found.items():
        marked, unmarked = set(), set()
        for card in boxes:
            same = compared.state(side, card) == "same"
            into = unmarked if same else marked
            into |= {node.index for node in compared.copies[side].of(card)}
        for change in Differences(a.graph, b.graph).changes:
            node = getattr(change, side)
            if node is None:
                continue
            if change.kind in STATES:
                assert node.index not in unmarked, (node.path, change.kind)
            else:
                assert node.index in marked | unmarked or not node.op.depth


@pytest.mark.parametrize("chunk", range(2))
def test_random_networks(chunk):
    for (_, a), (seed, b) in pairwise(random_networks(5000 + 1000 * chunk, 8)):
        for level in LEVELS:
            scene = beside(a, b, level=level)
            assert not list(problems(scene)), (seed, level)
            compared, found = built(a, b, level)
            params = sum(compared.params(s, card) for s in found for card in found[s])
            assert params == b.totals.params - a.totals.params


def test_counts_are_those_of_diff():
    names = ("resnet:resnet18", "resnet:resnet34")
    lines = {line.name: line for line in compare(*pair(names)).lines()}
    for half in halves(drawn(names)):
        box = next(b for b in half if b.path == "layer3")
        assert words(box)[0] == "~ layer3"
        assert words(box)[3] == "28 added"
    assert words(box)[-1] == f"+{si(lines['layer3'].params)} parameters"


def test_equal_networks_have_no_mark():
    scene = drawn(("lenet5:lenet5", "lenet5:lenet5"))
    assert not [t for half in titles(scene) for t in half if t[0] in "+−~"]
    assert titles(scene)[0] == titles(scene)[1]
    tints = {b.tint for b in scene.boxes if b.kind == "card"}
    assert tints == {"same", "input"}
    assert any("61.7 K parameters, as before" in t.text for t in scene.texts)


def test_the_totals_and_their_difference():
    said = [t.text for t in drawn(("resnet:resnet18", "resnet:resnet34")).texts]
    assert said[0] == "resnet18 → resnet34"
    assert said[1].startswith("11.7 M → 21.8 M parameters (+10.1 M, +86.47 %) · 1.81 G → ")
    assert "− only in resnet18" in said
    assert "+ only in resnet34" in said
    back = [t.text for t in drawn(("resnet:resnet34", "resnet:resnet18")).texts]
    assert back[1].startswith("21.8 M → 11.7 M parameters (−10.1 M, −46.37 %)")


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        (
            "conv(3x3, 4)",
            "conv(5x5, 4, pad=1)",
            ["~ 5×5 conv, 4", "4×16×16 → 4×14×14", "kernel 3×3 → 5×5", "+192 parameters"],
        ),
        ("conv(3x3, 4)", "conv(3x3, 4, stride=2)", ["~ 3×3 conv, 4 /2", "4×16×16 → 4×8×8"]),
        ("conv(3x3, 4)", "conv(3x3, 6)", ["~ 3×3 conv, 6", "4×16×16 → 6×16×16"]),
    ],
)
def test_the_text_of_a_change(a, b, found):
    first, second = halves(of(a, b))
    assert words(first[-1])[0].startswith("~ ")
    assert words(second[-1])[: len(found)] == found


def test_a_change_that_comes_from_before():
    _, second = halves(of("conv(1x1, 4) -> conv(3x3, 8)", "conv(1x1, 6) -> conv(3x3, 8)"))
    assert words(second[-1])[2:] == ["input channels 4 → 6", "+144 parameters"]


def test_what_one_has_alone():
    first, second = halves(of("conv(3x3, 3) -> maxpool(2)", "conv(3x3, 3) -> conv(1x1, 3)"))
    assert words(first[-1])[0] == "− 2×2 maxpool /2"
    assert first[-1].tint == "removed"
    assert words(second[-1])[0] == "+ 1×1 conv, 3"
    assert words(second[-1])[-1] == "+12 parameters"
    assert second[-1].tint == "added"


def test_layers_that_came_into_a_box():
    first, second = halves(of("conv(3x3, 3) -> relu", "conv(3x3, 3) -> bn -> relu"))
    assert words(first[-1])[-1] == "+ bn"
    assert words(second[-1])[-2:] == ["+ bn", "+6 parameters"]


def test_open_parts_have_marks_and_numbers():
    scene = drawn(("unet:unet", "unet:unet_same"), "stage")
    frame = next(b for b in halves(scene)[1] if b.path == "down1")
    assert words(frame) == ["down1", "down · ~2 +2"]
    scene = drawn(("vgg:vgg16", "vgg:vgg19"), "stage")
    frames = [words(b) for b in scene.boxes if b.kind == "frame"]
    assert [f[-1] for f in frames].count("~ +2") == 6


def test_what_only_has_another_size_is_the_same():
    a, b = (loads(f"model m {{\n input x: [3, {n}, {n}]\n conv(3x3, 4)\n}}\n") for n in (16, 20))
    _, second = halves(beside(a, b, level="layer"))
    assert words(second[-1]) == ["3×3 conv, 4", "4×16×16 → 4×20×20"]
    assert second[-1].tint == "same"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (
            "conv(3x3, 3) ; conv(3x3, 3) ; conv(3x3, 3)",
            "conv(3x3, 3) ; conv(3x3, 3, bias=false) ; conv(3x3, 3)",
        ),
        (
            "residual { conv(3x3, 3) } ; residual { conv(3x3, 3) } ; residual { conv(3x3, 3) }",
            "residual { conv(3x3, 3) } ; residual { conv(3x3, 3) -> softplus } ; "
            "residual { conv(3x3, 3) }",
        ),
    ],
)
def test_copies_hide_no_difference(a, b):
    a, b = a.replace(" ; ", "\n "), b.replace(" ; ", "\n ")
    for one, other in ((a, b), (b, a)):
        scene = of(one, other)
        assert not any(t.endswith((" ×2", " ×3")) for half in titles(scene) for t in half)
        marked = [t for half in titles(scene) for t in half if t[0] in "+−~"]
        assert marked


def test_copies_that_changed_alike_stay_copies():
    a = "conv(3x3, 3) ; conv(3x3, 3)".replace(" ; ", "\n ")
    first, second = titles(of(a, a.replace(")", ", bias=false)")))
    assert first[-1] == "~ 3×3 conv, 3 ×2"
    assert second[-1] == "~ 3×3 conv, 3 ×2"


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_the_same_boxes_are_on_one_line(direction):
    scene = drawn(("resnet:resnet18", "resnet:resnet34"), "stage", direction)
    axis = 1 if direction == "TB" else 0
    first, second = ({b.path: b.rect[axis] for b in half} for half in halves(scene))
    head = scene.boxes[0].rect[axis] - halves(scene)[1][0].rect[axis]
    for path, place in first.items():
        assert place - head == pytest.approx(second[path]), path


def test_every_mark_has_a_colour_in_each_theme():
    for theme in THEMES.values():
        fills = [theme.tints[state] for state in MARKS]
        assert len(set(fills)) == len(fills)
    text = svg(drawn(("resnet:resnet18", "resnet:resnet34"), "layer"), "dark")
    assert THEMES["dark"].tints["added"][0] in text


def test_parts_that_one_has_are_opened():
    a, b = pair(("resnet:resnet50", "senet:se_resnet50"))
    scene = beside(a, b, expand=["layer0"])
    assert [b.path for b in scene.boxes if b.kind == "frame"] == ["layer0"]
    with pytest.raises(ValueError, match="no part of the network has a path like `layer9`"):
        beside(a, b, expand=["layer9"])


def test_labels_tell_which_network():
    scene = drawn(("resnet:resnet18", "resnet:resnet34"))
    labels = [b.about for b in scene.boxes]
    assert len(labels) == len(set(labels))
    assert any(label.startswith("B: layer4; ") and label.endswith("; changed") for label in labels)
