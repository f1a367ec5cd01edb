"""How other tools count: by hand, and by the tools themselves."""

from __future__ import annotations

import pytest

import archlang
from archlang.analyses.compat import TOOLS, addends
from benchmarks import counts

QUICK = ["squeezenet1_1", "mobilenet_v3_small", "resnet18"]
HEAD = "model m {\n input image: [3, 8, 8]\n %s\n}\n"
N = 3 * 8 * 8


def told(body: str, tool: str) -> dict[str, int]:
    return addends(archlang.loads(HEAD % body).graph, TOOLS[tool])


def test_one_network_has_as_many_totals_as_tools() -> None:
    graph = archlang.load(counts.SPECS / "resnet.arch", "resnet50").graph
    totals = {name: sum(addends(graph, tool).values()) for name, tool in TOOLS.items()}
    assert {name: round(total / 1e9, 2) for name, total in totals.items()} == {
        "torchinfo": 4.09, "fvcore": 4.11, "ptflops": 4.13, "thop": 4.13
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "tool", "expected"),
    [
        ("conv(3x3, 4)", "torchinfo", {"convolutions": 64 * 108, "biases": 64 * 4}),
        ("conv(3x3, 4)", "fvcore", {"products": 64 * 108}),
        ("conv(3x3, 4)", "ptflops", {"products": 64 * 108, "biases": 64 * 4}),
        ("conv(3x3, 4)", "thop", {"products": 64 * 108}),
        ("bn", "torchinfo", {"norms and others": 6}),
        ("bn", "fvcore", {"batch norms": 2 * N}),
        ("bn(affine=false)", "fvcore", {"batch norms": N}),
        ("bn", "ptflops", {"norms": 2 * N}),
        ("bn", "thop", {"norms": 4 * N}),
        ("bn(affine=false)", "thop", {"norms": 2 * N}),
        ("groupnorm(3)", "fvcore", {"other norms": 5 * N}),
        ("groupnorm(3)", "thop", {}),
        ("layernorm", "ptflops", {"norms": N}),
        ("relu", "ptflops", {"activations": 2 * N}),
        ("relu6", "ptflops", {"activations": N}),
        ("tanh", "ptflops", {}),
        ("maxpool(2x2)", "ptflops", {"pools": 2 * N}),
        ("avgpool(2x2)", "thop", {"average pools": 3 * 4 * 4}),
        ("global_avgpool", "thop", {"average pools": N + 3}),
        ("global_avgpool", "fvcore", {"adaptive average pools": N}),
        ("upsample(2, mode=bilinear)", "fvcore", {"resampling": 4 * 4 * N}),
        # a transposed convolution's windows are counted at its outputs, which is 4 times too many
        ("conv_transpose(2x2, 4, stride=2)", "thop", {"products": 4 * 256 * 3 * 4}),
        ("residual { identity }", "thop", {}),
    ],
)
def test_by_hand(body: str, tool: str, expected: dict[str, int]) -> None:
    assert told(body, tool) == expected


def test_a_linear_over_positions_is_counted_once_by_torchinfo() -> None:
    graph = archlang.loads("model m {\n input x: [5, 8]\n linear(4)\n}\n").graph
    assert addends(graph, TOOLS["torchinfo"]) == {"linears": 32, "biases": 4}
    assert addends(graph, TOOLS["fvcore"]) == {"products": 5 * 32}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", QUICK)
def test_the_tools_own_totals(name: str, tool: str) -> None:
    pytest.importorskip("torchvision")
    pytest.importorskip(tool)
    assert counts.said(tool, name) == counts.counted(tool, name)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", [n for n in counts.MODELS if n not in QUICK])
def test_the_tools_own_totals_of_the_others(name: str, tool: str) -> None:
    pytest.importorskip(tool)
    assert counts.said(tool, name) == counts.counted(tool, name)
