"""Networks whose legal sizes are known from their papers, or by counting."""

from __future__ import annotations

from typing import NamedTuple

import pytest

import archlang
from archlang.analyses.sizes import legal
from archlang.sizes.sets import Set
from tests.specs.covered import SPECS


def unet(levels: int, require: str = "") -> str:
    """A U-Net: each pooling is undone, and joined with what was there before it."""
    inner = "double_conv(8)"
    for level in reversed(range(levels)):
        below = f"maxpool(2x2) -> {inner} -> conv_transpose(2x2, 4, stride=2)"
        inner = f"double_conv(4) -> concat {{ {below} | identity }} -> double_conv({4 + level})"
    return (
        "block double_conv(c) { { conv(3x3, c) -> relu } x 2 }\n"
        "model unet {\n    input image: [3, H=256, W=256]\n"
        f"    {require}\n    {inner}\n}}\n"
    )


RESNET_D = """
block project(c, stride) : [C, H, W] {
    if stride > 1 { avgpool(2x2) }
    conv(1x1, c)
}
block unit(c, stride) { residual { conv(3x3, c, stride=stride) | project(c, stride) } }
model m {
    input image: [3, H=224, W=224]
    conv(3x3, 4, stride=2) -> maxpool(3x3, stride=2, pad=1)
    unit(4, 1) -> unit(4, 2) -> unit(4, 2) -> unit(4, 2)
}
"""

ALEXNET = """
model torchvision {
    input image: [3, H=224, W=224]
    conv(11x11, 64, stride=4, pad=2) -> maxpool(3x3, stride=2)
    conv(5x5, 192, pad=2) -> maxpool(3x3, stride=2)
    conv(3x3, 384) -> conv(3x3, 256) -> conv(3x3, 256) -> maxpool(3x3, stride=2)
    flatten -> linear(4096)
}
model slides {
    input image: [3, H=227, W=227]
    conv(11x11, 96, stride=4, pad=0) -> maxpool(3x3, stride=2)
    conv(5x5, 256, pad=2) -> maxpool(3x3, stride=2)
    conv(3x3, 384) -> conv(3x3, 384) -> conv(3x3, 256) -> maxpool(3x3, stride=2)
    flatten -> linear(4096)
}
"""


def along(text: str, name: str = "H", model: str | None = None) -> Set:
    found = legal(archlang.loads(text, model).graph)
    assert found.exact
    return found.along(name)


class Known(NamedTuple):
    text: str
    model: str | None
    words: str


@pytest.mark.parametrize(
    "known",
    [
        Known(ALEXNET, "torchvision", "223 <= H <= 254"),
        Known(ALEXNET, "slides", "227 <= H <= 258"),
        Known((SPECS / "lenet5.arch").read_text().replace("[1, 28, 28]", "[1, H=28, W=28]"),
              "lenet5", "28 <= H <= 31"),
    ],
    ids=lambda k: k.model,
)  # fmt: skip
def test_fixed_heads(known: Known) -> None:
    assert along(known.text, model=known.model).words() == known.words
    assert not legal(archlang.loads(known.text, known.model).graph).fully_convolutional


@pytest.mark.parametrize(("patch", "side"), [(16, 224), (14, 518), (32, 224)])
def test_vision_transformers(patch: int, side: int) -> None:
    text = f"""model vit {{
        input image: [3, H={side}, W={side}]
        conv({patch}, 8, stride={patch}, pad=0) -> flatten(start=1) -> permute(1, 0)
        concat {{ parameter([1, 8], batch=true) | identity }}
        add {{ identity | parameter([{(side // patch) ** 2 + 1}, 8], batch=true) }}
        attention(2) -> slice(0, 1) -> flatten -> linear(10)
    }}"""
    tokens = (side // patch) ** 2
    sides = {n for n in range(1, tokens + 1) if tokens % n == 0}
    found = legal(archlang.loads(text).graph)
    assert found.exact
    for h in range(1, 80):
        for w in (1, 2, 4, 7, 14, 16, 37, 74, 196):
            sizes = {"H": h * patch + 3, "W": w * patch}
            assert found.holds(sizes) == (h in sides and h * w == tokens)
    low, high = side, side + patch - 1
    assert found.along("H").words() == f"{low} <= H <= {high}"
