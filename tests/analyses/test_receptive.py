"""Receptive fields by hand, as published, and as PyTorch's outputs depend on their input."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import archlang
from archlang.analyses.receptive import field_of, find, places_seen, sight
from archlang.analyses.receptive.places import joined, missing, union
from archlang.network import Network
from tests.analyses import run
from tests.analyses.receptive import (
    AGREE,
    AGREE_LONG,
    Counts,
    compare_drawn,
    compare_made,
    difference,
    hulls_differ,
)

SPECS = Path(__file__).parents[2] / "specs"


def net(body: str, shape: str = "1, H=64, W=64") -> Network:
    return archlang.loads(f"model m {{\n input x: [{shape}]\n {body}\n}}")


def figures(body: str, shape: str = "1, H=64, W=64") -> tuple[object, ...]:
    """Size, stride, centre and padding along the last axis."""
    axis = net(body, shape).receptive_field().axes[-1]
    return axis.size, axis.stride, axis.centre, axis.padding


# By hand


def test_three_3x3_see_7x7() -> None:
    assert net("conv(3x3, 8) x 3").receptive_field().sizes == [7, 7]
    assert figures("conv(3x3, 8) x 3") == figures("conv(7x7, 8)") == (7, 1, 0, 3)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("conv(3x3, 8, pad=0)", (3, 1, 1, 0)),
        ("conv(3x3, 8, dilation=2)", (5, 1, 0, 2)),
        # 1 + 2, then 2 more in steps of 2
        ("conv(3x3, 8, stride=2) -> conv(3x3, 8)", (7, 2, 0, 3)),
        ("conv(3x3, 8, pad=0) -> maxpool(2x2) -> conv(3x3, 8, pad=0)", (8, 2, 3.5, 0)),
        ("conv(3x3, 8, pad=[[0, 1], [2, 0]])", (3, 1, -1, 2)),
        ("pixel_unshuffle(4)", (4, 4, 1.5, 0)),
        ("crop(5)", (1, 1, 5, -5)),
        ("slice(8, 32, axis=2) -> conv(1x1, 2)", (1, 1, 8, -8)),
        ("residual { conv(3x3, 1) -> conv(3x3, 1) }", (5, 1, 0, 2)),
        ("avgpool(4x4) -> upsample(4)", (4, 1, 0, 0)),
        ("conv_transpose(2x2, 1, stride=2)", (1, 0.5, -0.25, 0)),
    ],
)
def test_by_hand(body: str, expected: tuple[float, ...]) -> None:
    assert figures(body) == expected


def test_axes_are_told_apart() -> None:
    network = net("conv(3x5, 2, stride=1x2) -> conv(1x7, 2)")
    assert network.receptive_field().sizes == [3, 5 + 6 * 2]
    turned = net("conv(3x5, 2, stride=1x2) -> permute(0, 2, 1) -> conv(1x7, 2)")
    assert turned.receptive_field().sizes == [3 + 6, 5]


def test_phases() -> None:
    # the two places of a stride see 3 and 3, or 2 and 3: (i + 1) // 2 and the one before
    axis = net("upsample(2) -> conv(3x3, 1)").receptive_field().axes[0]
    assert [(p.first, p.size) for p in axis.phases] == [(-1, 2), (0, 2)]
    axis = net("conv_transpose(3x3, 1, stride=2, pad=1)").receptive_field().axes[0]
    assert [(p.first, p.size) for p in axis.phases] == [(0, 1), (0, 2)]
    assert (axis.size, axis.stride, axis.narrowest, axis.widest) == (2, 0.5, 1.5, 1.5)
    axis = net("upsample(3, mode=bilinear)").receptive_field().axes[0]
    assert [(p.first, p.size) for p in axis.phases] == [(-1, 2), (0, 1), (0, 2)]


def test_paths() -> None:
    axis = net("concat { conv(1x1, 1) | conv(5x5, 1) | conv(3x3, 1) }").receptive_field().axes[0]
    assert (axis.narrowest, axis.widest, axis.size, axis.aligned) == (1, 5, 5, True)
    # centres at 0 and 1: together they see from -1 to 2
    shifted = "concat { conv(3x3, 1) | pad([[0, 1], [0, 1]]) -> conv(2x2, 1, pad=0) }"
    axis = net(shifted).receptive_field().axes[0]
    assert (axis.narrowest, axis.widest, axis.size, axis.aligned) == (2, 3, 3, False)
    apart = "concat { crop([[0, 2], [0, 2]]) | crop([[2, 0], [2, 0]]) }"
    axis = net(apart).receptive_field().axes[0]
    assert (axis.narrowest, axis.widest, axis.size, axis.aligned) == (1, 1, 3, False)


def test_what_sees_the_whole_axis_is_left_out() -> None:
    gated = net("conv(3x3, 4) -> gate { global_avgpool -> linear(4) -> sigmoid } -> conv(3x3, 4)")
    field = gated.receptive_field()
    assert field.sizes == [5, 5]
    assert all(axis.whole for axis in field.axes)
    assert sight(gated.graph).sees_all
    assert not any(axis.whole for axis in net("conv(3x3, 4) -> bn").receptive_field().axes)
    norms = net("conv(3x3, 4) -> groupnorm(2)").receptive_field()
    assert norms.sizes == [3, 3]
    assert all(axis.whole for axis in norms.axes)


def test_what_is_no_map() -> None:
    network = net("conv(3x3, 4) -> global_avgpool -> linear(2)")
    end = field_of(network.graph, network.graph.outputs["output"])
    assert end.sizes == [None, None]
    assert all(axis.whole for axis in end.axes)
    assert network.receptive_field().path == "0"
    with pytest.raises(ValueError, match="no tensor of m is a map"):
        net("linear(2)", "8").receptive_field()


def test_either_axis_of_two_may_be_positions() -> None:
    signal = net("conv(5, 4) -> conv(5, 4)", "2, 90").receptive_field()
    assert [(a.axis, a.size) for a in signal.axes] == [(1, 9)]
    tokens = net("linear(8) -> relu", "12, 8").receptive_field()
    assert [(a.axis, a.size) for a in tokens.axes] == [(0, 1)]


def test_several_inputs() -> None:
    network = archlang.loads(
        "model m {\n input a: [1, 40, 40]\n input b: [1, 40, 40]\n"
        " concat { a -> conv(3x3, 1) | b -> conv(5x7, 1) }\n}"
    )
    sizes = {(x.input, x.axis): x.size for x in network.receptive_field().axes}
    assert sizes == {("a", 1): 3, ("a", 2): 3, ("b", 1): 5, ("b", 2): 7}


# What no output sees, and what each sees


def test_unseen() -> None:
    # 64 = 2 * 31 + 2: the stride passes over the odd ones; of 65 the last is left over
    odd = tuple((i, i) for i in range(1, 64, 2))
    assert sight(net("conv(1x1, 2, stride=2)").graph).unseen["x"] == ((), odd, odd)
    left = sight(net("maxpool(2x2)", "1, 65, 64").graph)
    assert left.unseen["x"] == ((), ((64, 64),), ())
    assert not left.sees_all
    assert sight(net("maxpool(2x2, ceil=true)", "1, 65, 64").graph).unseen["x"] == ((), (), ())


def test_sees_all() -> None:
    assert sight(net("conv(3x3, 4) -> global_avgpool").graph).sees_all
    assert not sight(net("conv(3x3, 4)").graph).sees_all
    assert not sight(net("conv(3x3, 4, stride=4, pad=0) -> global_avgpool").graph).sees_all
    # a corner sees no more than half of the kernel: 16 of 16 places from 15 on both sides
    assert sight(net("conv(31x31, 1)", "1, 16, 16").graph).sees_all
    assert not sight(net("conv(29x29, 1)", "1, 16, 16").graph).sees_all


def test_a_position_is_exact_at_the_border() -> None:
    network = net("conv(3x3, 2, dilation=2)")
    node = network.graph.nodes[-1]
    assert places_seen(network.graph, node, (0, 30))["x"][1:] == (
        ((0, 0), (2, 2)),
        ((28, 28), (30, 30), (32, 32)),
    )
    with pytest.raises(ValueError, match="no place 64"):
        places_seen(network.graph, node, (0, 64))
    with pytest.raises(ValueError, match="2 indices"):
        places_seen(network.graph, node, (1,))


def test_sets_of_places() -> None:
    assert joined([(4, 5), (0, 1), (2, 2), (1, 1)]) == ((0, 2), (4, 5))
    assert union(((0, 3),), ((2, 6), (8, 8))) == ((0, 6), (8, 8))
    assert missing(((0, 2), (4, 5)), 7) == ((3, 3), (6, 6))
    assert missing((), 3) == ((0, 2),)


def test_names() -> None:
    network = archlang.load(SPECS / "resnet.arch", "resnet50")
    assert network.receptive_field("layer2").sizes == [91, 91]
    assert network.receptive_field("layer4.2.conv2").sizes == [427, 427]
    assert network.receptive_field("image").sizes == [1, 1]
    assert find(network.graph, "output") is network.graph.outputs["output"]
    with pytest.raises(ValueError, match="did you mean `layer2`"):
        network.receptive_field("Layer2")


# Published

TORCHVISION = {
    "alexnet/alexnet": 195,
    "vgg/vgg16": 212,
    "googlenet/googlenet": 379,
    "resnet/resnet18": 435,
    "resnet/resnet34": 899,
    "resnet/resnet50": 427,
    "resnet/resnet101": 971,
    "resnet/resnet152": 1451,
    "resnet/resnext50_32x4d": 427,
    "densenet/densenet121": 2071,
    "densenet/densenet201": 3863,
    "mobilenet/mobilenet_v2": 491,
    "squeezenet/squeezenet1_1": 207,
    "convnext/convnext_tiny": 1688,
    "inception/inception_v3": 1311,
    "efficientnet/efficientnet_b0": 851,
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    file, model = name.split("/")
    field = archlang.load(SPECS / f"{file}.arch", model).receptive_field()
    assert field.sizes == [TORCHVISION[name]] * 2


ARAUJO = {
    "resnet_v1_50": (483, 32, 239),
    "inception_v2": (699, 32, 318),
    "inception_v3": (1311, 32, 618),
    "vgg_16": (212, 32, 90),
    "alexnet_v2": (195, 32, 64),
    "mobilenet_v1": (315, 32, 126),
}
"""Field, stride and padding: Araujo et al. 2019, Computing receptive fields of convolutional
neural networks, Table 1. Its networks are those of TensorFlow, whose `same` padding puts the odd
one of a stride of 2 behind, and whose ResNet has the strides in the last unit of a stage."""


@pytest.mark.parametrize("model", ARAUJO)
def test_araujo(model: str) -> None:
    (axis, _) = archlang.load(Path(__file__).parent / "araujo.arch", model).receptive_field().axes
    assert (axis.size, axis.stride, axis.padding) == ARAUJO[model]


# As PyTorch has it


@pytest.mark.parametrize("chunk", range(6))
def test_made_networks(chunk: int) -> None:
    counts = Counts()
    for seed in range(25 * chunk, 25 * (chunk + 1)):
        compare_made(seed, counts)
    assert not counts.wrong, "\n".join(counts.wrong)
    assert counts.exact >= 20


@pytest.mark.parametrize("chunk", range(3))
def test_drawn_networks(chunk: int) -> None:
    counts = Counts()
    for seed in range(30 * chunk, 30 * (chunk + 1)):
        compare_drawn(seed, counts)
    assert not counts.wrong, "\n".join(counts.wrong)
    assert counts.exact >= 5


@pytest.mark.parametrize(
    ("file", "model", "shape"),
    [*AGREE, *(pytest.param(*row, marks=pytest.mark.slow) for row in AGREE_LONG)],
)
def test_specs(file: str, model: str, shape: tuple[int, ...] | None) -> None:
    network = archlang.load(SPECS / f"{file}.arch", model)
    if shape is not None:
        network = network.at({next(iter(network.inputs)): shape})
    assert not difference(network, random.Random(model), network.receptive_field().path)
    assert not hulls_differ(network)


def test_the_long_run_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(3) == 0
    assert "; 0 differ" in capsys.readouterr().out


def test_a_wrong_field_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network, other = net("conv(3x3, 2) -> conv(3x3, 2)"), net("conv(3x3, 2) -> conv(5x5, 2)")
    monkeypatch.setattr(network, "to_torch", other.to_torch)
    assert difference(network, random.Random(0))
