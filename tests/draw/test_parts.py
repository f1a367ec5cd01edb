"""What is drawn: copies folded, layers put together, levels opened, every tensor's way."""

from __future__ import annotations

from typing import get_args

import pytest

from archlang import loads
from archlang.draw.levels import MOST, Level
from archlang.draw.parts import starts
from archlang.draw.picture import picture
from archlang.draw.scene import Box, Scene
from archlang.draw.words import caption
from archlang.network import Network
from tests.draw.networks import FILES, few, spec

BODY = "model m {\n input image: [3, H=32, W=32]\n %s\n}\n"


def words(box: Box) -> list[str]:
    return [text.text for text in box.texts]


def titles(scene: Scene) -> list[str]:
    return [words(box)[0] for box in scene.boxes]


def drawn(body: str, level: str = "layer") -> Scene:
    return picture(loads(BODY % body), level=level)


def test_an_overview_of_a_residual_network():
    scene = picture(spec("resnet", "resnet50"))
    assert [words(b) for b in scene.boxes[3:5]] == [
        ["layer1", "bottleneck ×3", "256×56×56"],
        ["layer2", "bottleneck ×4", "512×28×28"],
    ]
    assert sum(b.share for b in scene.boxes) == pytest.approx(1)


def test_copies_that_differ_stay_apart():
    scene = picture(spec("resnet", "resnet50"), level="stage")
    assert titles(scene).count("bottleneck") == 4
    assert [t for t in titles(scene) if "×" in t and "conv" not in t and "pool" not in t] == [
        "bottleneck ×2",
        "bottleneck ×3",
        "bottleneck ×5",
        "bottleneck ×2",
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("conv(3x3, 3) -> conv(3x3, 3)", ["3×3 conv, 3 ×2"]),
        ("conv(3x3, 4) -> conv(3x3, 4)", ["3×3 conv, 4", "3×3 conv, 4"]),
        ("conv(3x3, 3) -> conv(3x3, 3, bias=false)", ["3×3 conv, 3", "3×3 conv, 3"]),
        ("conv(3x3, 3, stride=2) -> bn -> relu", ["3×3 conv, 3 /2"]),
        ("identity -> bn -> relu -> conv(1x1, 4)", ["bn · relu"]),
        ("bn -> conv(1x1, 4) -> bn -> relu -> conv(1x1, 4) -> relu", ["bn", "bn · relu"]),
        ("bn -> conv(1x1, 4) -> relu -> flatten", ["bn", "flatten"]),
        ("residual { bn -> conv(1x1, 3) | bn }", ["bn", "bn", "⊕"]),
        ("residual { conv(3x3, 3) }", ["3×3 conv, 3", "⊕"]),
        ("gate { global_avgpool -> sigmoid }", ["global_avgpool", "⊗"]),
        ("dense { conv(3x3, 2) }", ["3×3 conv, 2", "⧺ 3+2 = 5"]),
        (
            "a = conv(3x3, 3)\n b = conv(3x3, 3)\n add { a | b }",
            ["3×3 conv, 3", "3×3 conv, 3", "⊕"],
        ),
        ("residual { conv(3x3, 3) } ; residual { conv(3x3, 3) }", ["3×3 conv, 3", "⊕"]),
    ],
)
def test_boxes(body, found):
    assert titles(drawn(body))[1:] == found


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("conv(3x3, 4)", "3×3 conv, 4"),
        ("conv(3, 4, stride=2)", "3×3 conv, 4 /2"),
        ("conv(3x1, 4, stride=1x2)", "3×1 conv, 4 /1×2"),
        ("conv(3x3, 3, groups=3)", "3×3 conv, 3, depthwise"),
        ("conv(3x3, 4, dilation=2)", "3×3 conv, 4, dilation 2"),
        ("conv(1x1, 4) -> conv(3x3, 6, groups=2)", "3×3 conv, 6, 2 groups"),
        ("maxpool(2)", "2×2 maxpool /2"),
        ("avgpool(3x3, stride=1)", "3×3 avgpool"),
        ("adaptive_avgpool(4x4)", "adaptive_avgpool, 4×4"),
        ("flatten -> linear(10)", "linear, 10"),
        ("permute(1, 2, 0)", "permute, 1, 2, 0"),
    ],
)
def test_captions(layer, said):
    assert caption(loads(BODY % layer).graph.nodes[-1]) == said


def test_unet_is_a_u():
    scene = picture(spec("unet", "unet_same"))
    paths = [b.path for b in scene.boxes]
    rect = {b.path: b.rect for b in scene.boxes}
    for low, high in (("inc", "up4"), ("down1", "up3"), ("down2", "up2"), ("down3", "up1")):
        (wire,) = (
            w for w in scene.wires if (w.source, w.target) == (paths.index(low), paths.index(high))
        )
        assert len(wire.points) == 2
        assert wire.points[0][1] == wire.points[1][1]
        assert rect[low].x + rect[low].width < rect[high].x
    assert rect["down4"].y > rect["up1"].y > rect["up4"].y


def test_dense_layers_lie_beside_one_line():
    scene = picture(spec("densenet", "densenet121"), level="layer")
    joins = [b.rect for b in scene.boxes if b.kind == "join" and "denseblock1" in b.path]
    assert len(joins) == 6
    assert len({round(r.x + r.width / 2, 6) for r in joins}) == 1


def test_parts_are_opened_by_their_paths():
    scene = picture(spec("googlenet", "googlenet"), expand=["inception4*", "aux1"])
    frames = {b.path for b in scene.boxes if b.kind == "frame"}
    assert {"inception4a", "inception4a.branch2", "inception4e", "aux1"} <= frames
    assert "inception3a" not in frames


def joined(network: Network, scene: Scene) -> list[str]:
    """Boxes that a tensor should come to or leave, and none does."""
    into = {w.target for w in scene.wires}
    out = {w.source for w in scene.wires}
    boxes = [(n, b.path) for n, b in enumerate(scene.boxes) if b.kind != "frame"]
    taken = {i.index for n in network.graph.nodes for i in n.inputs}
    ends = len(network.graph.nodes) - len(taken)
    first = {*network.inputs, *(n.path for n in network.graph.nodes if starts(n))}
    unreached = [p for n, p in boxes if n not in into and p not in first]
    unused = [p for n, p in boxes if n not in out]
    return unreached + unused[ends:]


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_box_is_joined_and_overviews_are_short(file):
    for network in few(file):
        for level in get_args(Level):
            assert not joined(network, picture(network, level=level)), network.name
        assert sum(box.kind != "join" for box in picture(network).boxes) <= MOST, network.name
