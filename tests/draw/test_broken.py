"""A spec with an error is drawn as far as it is known, and what is wrong is marked."""

from __future__ import annotations

import random
import re
from typing import get_args

import pytest

from archlang.draw.broken import sketched
from archlang.draw.levels import Level
from archlang.draw.picture import picture
from archlang.draw.scene import Box, Scene
from archlang.draw.svg import svg
from archlang.draw.text import text
from archlang.elaborate import Program
from archlang.inspection import examine
from archlang.source import Source
from tests.draw.geometry import problems
from tests.draw.networks import FILES

LEVELS = get_args(Level)

MERGE = """model net {
    input image: [3, 32, 32]
    conv(3x3, 16) -> relu
    add { conv(3x3, 32, stride=2) | conv(1x1, 8) }
    head = { conv(3x3, 64) -> relu }
    global_avgpool -> linear(10)
}
"""


def drawn(spec: str, level: Level = "layer", model: str | None = None) -> Scene:
    program = Program(Source("net.arch", spec))
    network, found = sketched(program, model or program.complete[0])
    assert network is not None
    assert any(d.severity == "error" for d in found)
    scene = picture(network, level=level)
    assert not list(problems(scene))
    return scene


def said(box: Box) -> str:
    return " ".join(t.text for t in box.texts)


def wrong(scene: Scene) -> list[Box]:
    return [box for box in scene.boxes if box.tint == "wrong"]


def test_a_merge_that_cannot_be():
    scene = drawn(MERGE)
    (box,) = wrong(scene)
    assert said(box).startswith("⊕ add branches of add are")
    assert said(box).endswith("given 32×16×16 and 8×32×32")
    place = scene.boxes.index(box)
    branches = [scene.boxes[w.source] for w in scene.wires if w.target == place]
    assert [said(b) for b in branches] == ["3×3 conv, 32 /2 32×16×16", "1×1 conv, 8 8×32×32"]
    assert scene.texts[1].text == "1 error, drawn as far as it is known"


def test_what_follows_is_named_but_faint():
    scene = drawn(MERGE)
    ghosts = [said(b) for b in scene.boxes if b.tint == "absent"]
    assert ghosts == ["head not reached", "global_avgpool → linear(10) not reached"]
    assert "stroke-dasharray" in svg(scene)
    assert "head; conv(3x3, 64), relu; not reached" in svg(scene)


def test_a_layer_that_cannot_take_its_tensor():
    box = wrong(drawn(MERGE.replace("(1x1, 8)", "(3x3, 32, stride=2) -> conv(99x99, 9, pad=0)")))
    assert said(box[0]).startswith("conv(99x99, 9, pad=0) the kernel, 99, is larger")
    assert said(box[0]).endswith("given 32×16×16")


def test_an_assertion_marks_the_tensor_and_all_goes_on():
    spec = MERGE.replace("conv(1x1, 8)", "conv(1x1, 32, stride=2)").replace(
        "relu\n    add", "relu : [16, 9, 9]\n    add"
    )
    scene = drawn(spec)
    (box,) = wrong(scene)
    assert "shape assertion failed" in said(box)
    assert said(box).endswith("16×32×32")
    assert not [b for b in scene.boxes if b.tint == "absent"]
    assert "10" in said(scene.boxes[-1])


def test_a_block_that_is_closed_otherwise_is_open_at_its_error():
    blocks = "block bad : [C, H, W] -> [C, H, W] { conv(3x3, C) -> bn -> flatten }\n"
    spec = blocks + MERGE.replace("conv(3x3, 16) -> relu", "inner = bad")
    scene = drawn(spec, "overview")
    (box,) = wrong(scene)
    assert "does not give what it says" in said(box)


def test_errors_beside_each_other():
    spec = MERGE.replace("conv(1x1, 8)", "linear(3)").replace("conv(3x3, 32", "conv(0x3, 32")
    assert len(wrong(drawn(spec))) == 2


def test_an_open_value_is_where_it_ends():
    spec = MERGE.replace("conv(1x1, 8)", "conv(1x1, 32, stride=2)").replace(
        "linear(10)", "linear(?)"
    )
    (box,) = wrong(drawn(spec))
    assert said(box).startswith("linear(?)")


def test_what_is_whole_but_not_as_required_is_drawn_whole():
    spec = MERGE.replace("conv(1x1, 8)", "conv(1x1, 32, stride=2)")
    scene = drawn(spec.replace("linear(10)", "linear(10)\n    require params < 5"))
    assert not wrong(scene)
    assert scene.texts[1].text == "not as it requires"


def test_nothing_to_draw():
    network, found = sketched(Program(Source("n", "model net {\n    relu\n}\n")), "net")
    assert network is None
    assert found


def test_a_network_that_is_right_is_left_alone():
    program = Program(Source("n", MERGE.replace("conv(1x1, 8)", "conv(1x1, 32, stride=2)")))
    network, found = sketched(program, "net")
    assert not found
    assert network is not None
    assert not network.graph.missing
    assert not network.graph.disputed
    assert network.graph.whole


def test_the_graph_that_is_asked_for_is_not_changed():
    graph, found = examine(program := Program(Source("n", MERGE)), "net")
    assert graph is not None
    before = len(graph.nodes), len(list(graph.root.nodes()))
    sketched(program, "net")
    assert (len(graph.nodes), len(list(graph.root.nodes()))) == before
    assert found


@pytest.mark.parametrize("chunk", range(4))
def test_specs_with_slips_of_the_pen(chunk):
    """Numbers changed at random: whatever is wrong, it is drawn, and something is marked."""
    marked = 0
    for seed in range(40 * chunk, 40 * chunk + 40):
        r = random.Random(seed)
        file = r.choice(FILES)
        program = Program(Source("<slip>", slip(r, file.read_text())))
        if program.diagnostics or not program.complete:
            continue
        name = r.choice(program.complete)
        network, found = sketched(program, name)
        if network is None or network.graph.whole or len(network.graph.nodes) > 400:
            continue
        for level in LEVELS:
            scene = picture(network, level=level)
            assert not list(problems(scene)), (file.stem, seed, level)
            assert svg(scene)
            assert text(network, level=level)
            if any(d.code != "A205" for d in found):
                marked += bool(wrong(scene))
                assert wrong(scene), (file.stem, seed, level, found[0].render())
    assert marked


def slip(r: random.Random, spec: str) -> str:
    """A spec with one number in its code a little off."""
    places = [m.span() for m in re.finditer(r"(?m)(?<=[(, =])\d+(?=[,)x])(?!.*#)", spec)]
    start, end = r.choice(places)
    other = max(0, int(spec[start:end]) + r.choice((-1, 1, 2, 7)))
    return f"{spec[:start]}{other}{spec[end:]}"
