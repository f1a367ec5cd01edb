"""The effective field: where the gradient is, and that it is there alone."""

import pytest
import torch

import archlang
from archlang.analyses.receptive import find, places_seen, start_at
from archlang.backends.torch.effective import effective_field

SPEC = """model m {
    input image: [2, H=31, W=29]
    a = conv(3x3, 8, dilation=2) -> relu -> maxpool(3x3, stride=2) -> conv(3x3, 8)
    global_avgpool -> linear(3)
}"""


@pytest.mark.parametrize(("name", "position"), [("a", (7, 6)), ("a", (0, 13)), ("output", ())])
def test_it_lies_in_the_field(name: str, position: tuple[int, ...]) -> None:
    graph = archlang.loads(SPEC).graph
    node = find(graph, name)
    energy = effective_field(graph, node, start_at(graph, node, position), seeds=40)["image"]
    assert energy.shape == (2, 31, 29)
    for axis, runs in enumerate(places_seen(graph, node, position)["image"]):
        along = energy.sum([a for a in range(3) if a != axis])
        seen = {i for first, last in runs for i in range(first, last + 1)}
        assert set(along.nonzero().flatten().tolist()) == seen


def test_it_is_a_bell_in_a_deep_network() -> None:
    graph = archlang.loads("model m {\n input x: [1, H=61, W=61]\n conv(3x3, 8) x 12\n}").graph
    node = graph.outputs["output"]
    energy = effective_field(graph, node, start_at(graph, node))["x"].sum((0, 1))
    places = torch.arange(61.0)
    mean = (places * energy).sum() / energy.sum()
    deviation = ((places - mean).square() * energy).sum() / energy.sum()
    # the field is 25 wide; energies of 12 steps to one of three places each add their variances
    assert abs(mean - 30) < 1
    assert 1 < deviation.sqrt() < 25 / 6


def test_it_leaves_the_generator_as_it_was() -> None:
    graph = archlang.loads(SPEC).graph
    node = graph.outputs["output"]
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = effective_field(graph, node, start_at(graph, node), seeds=2)["image"]
    assert torch.equal(torch.rand(1), expected)
    again = effective_field(graph, node, start_at(graph, node), seeds=2)["image"]
    assert torch.equal(first, again)
