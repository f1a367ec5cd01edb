"""What is kept as a function of the input's sizes, against the walk at other sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

import archlang
from archlang.analyses.kept import forward
from archlang.analyses.memory import growth
from archlang.analyses.memory.growth import kept_form
from archlang.analyses.sizes import input_sizes, legal
from archlang.types import symbols

SPECS = Path(__file__).parents[2] / "specs"
MODELS = {
    "alexnet": "alexnet", "convnext": "convnext_tiny", "googlenet": "googlenet",
    "densenet": "densenet121", "mobilenet": "mobilenet_v3_small", "resnet": "resnet18",
    "senet": "se_resnet50", "shufflenet": "shufflenet_v2_x0_5", "unet": "unet_same",
    "vit": "vit_b_32", "inception": "inception_v3", "xception": "xception",
}  # fmt: skip
SMALL = "model m {{ input x: [3, H=8, W=8]; {} }}"


def at(network: archlang.Network, size: int) -> archlang.Network:
    """The network at an input of another size along each open axis."""
    return network.at({
        name: tuple(size if symbols(d) else int(d) for d in node.output.shape)
        for name, node in network.graph.inputs.items()
    })  # fmt: skip


def held(network: archlang.Network, sizes: list[int]) -> int:
    """How many sizes the form was held against, those that are legal."""
    form = kept_form(network.graph)
    assert form is not None
    legal_ = legal(network.graph, training=True).square
    count = 0
    for size in sizes:
        if size in legal_:
            other = at(network, size).graph
            assert form.at(input_sizes(other)) == forward(other).kept
            count += 1
    return count


@pytest.mark.parametrize("file", MODELS)
def test_specs(file: str) -> None:
    network = archlang.load(SPECS / f"{file}.arch", MODELS[file])
    assert held(network, [64, 75, 96, 224, 225, 227, 250, 299, 352, 384]) >= 1


def test_by_hand() -> None:
    # a conv keeps nothing of the image; the relu its output, which is the pool's input; the
    # pool where the largest stood, in int64; the linear what it is given
    body = "conv(3x3, 4) -> relu -> maxpool(2x2) -> flatten -> linear(2)"
    form = kept_form(archlang.loads(SMALL.format(body)).graph)
    assert str(form) == "16*H*W + 48*(H//2)*(W//2)"


@pytest.mark.parametrize("body", [
    "conv(3x3, 4, stride=2) -> add { bn -> gelu | conv(1x1, 4) }",
    "conv(4x4, 8, stride=4, pad=0) -> flatten(1, 2) -> permute(1, 0) -> layernorm",
    "conv(3x3, 8) -> concat { identity | upsample(2) -> avgpool(2x2) }\n"
    "gate { global_avgpool -> linear(16) -> sigmoid }",
    "pad(1, mode=reflect) -> conv(3x3, 8, pad=0) -> groupnorm(2) -> silu\n"
    "conv_transpose(2x2, 4, stride=2)",
])  # fmt: skip
def test_small_networks(body: str) -> None:
    assert held(archlang.loads(SMALL.format(body)), list(range(1, 40))) >= 9


def test_what_does_not_hold_elsewhere_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    network = archlang.loads(SMALL.format("conv(3x3, 4) -> relu -> maxpool(2x2)"))
    other = at(network, 13).graph
    assert kept_form(network.graph, [other]) is not None
    monkeypatch.setattr(growth, "_tracked", int)  # as if every size were a plain number
    assert kept_form(network.graph, [other]) is None
