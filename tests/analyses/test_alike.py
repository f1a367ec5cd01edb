"""Of layers that are alike one is asked, and the answer is what each would give."""

from pathlib import Path

import pytest

from archlang import load, loads
from archlang.analyses.alike import alike, each
from archlang.analyses.cost import costs

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize(
    ("spec", "model"),
    [("resnet", "resnet50"), ("densenet", "densenet121"), ("efficientnet", "efficientnet_b0")],
)
def test_one_answers_for_all(spec, model):
    graph = load(SPECS / f"{spec}.arch", model=model).graph
    asked = []

    def work(node):
        asked.append(node)
        return node.op.work(node.output, *node.tensors)

    assert each(graph, work) == [n.op.work(n.output, *n.tensors) for n in graph.nodes]
    assert len(asked) == len(set(alike(graph))) < len(graph.nodes)
    for node, cost in zip(graph.nodes, costs(graph), strict=True):
        assert cost.macs == int(node.op.macs(node.output, *node.tensors))
        assert cost.neurons == int(node.op.neurons(node.output, *node.tensors))


def test_a_network_of_one_layer_asks_for_few():
    body = "\n".join(["conv(3x3, 4)"] * 30)
    graph = loads(f"model m {{\ninput x: [4, 8, 8]\n{body}\n}}\n").graph
    assert set(alike(graph)) == {0, 1, 2}  # the input, what takes that, and what takes a layer's


def test_another_shape_or_another_layer_is_another():
    text = "model m {\ninput x: [4, 9, 9]\nconv(3x3, 4)\nconv(3x3, 4, stride=2)\nconv(3x3, 4)\n}\n"
    graph = loads(text).graph
    assert alike(graph) == [0, 1, 2, 3]


def test_shared_weights_are_counted_once_though_alike():
    shared = "shared s = conv(3x3, 4)\ns\ns"
    network = loads(f"model m {{\ninput x: [4, 8, 8]\n{shared}\n}}\n")
    assert [c.params for c in costs(network.graph)] == [0, 148, 0]
    assert [c.macs for c in costs(network.graph)] == [0, 9216, 9216]
