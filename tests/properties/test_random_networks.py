"""Random networks: accepted exactly where PyTorch runs them, with PyTorch's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import torch

import archlang
from archlang.op import Op
from tests.properties import comparison, run
from tests.properties.draws import DRAWS
from tests.properties.eager import judge
from tests.properties.generator import network
from tests.properties.layers import LAYERS, MERGES
from tests.properties.text import ORDER, spec
from tests.properties.tree import Layer, Line, Net

CHUNK = 100


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("chunk", range(10))
def test_pytorch_agrees(chunk: int) -> None:
    refused = 0
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        result = comparison.compare(seed)
        assert not result.mismatch, f"seed {seed}: {result.mismatch}\n{result.text}"
        refused += bool(result.refusal)
    assert 0.2 * CHUNK < refused < 0.8 * CHUNK


def test_every_layer_is_drawn() -> None:
    names = set(Op.registry)
    assert names == set(DRAWS) | set(MERGES) == set(LAYERS) | set(MERGES)
    for name, order in ORDER.items():
        assert order == tuple(p.name for p in Op.registry[name].parameters())


def test_a_seed_makes_one_network() -> None:
    assert spec(network(7), 7) == spec(network(7), 7) != spec(network(8), 8)


def test_networks_are_varied() -> None:
    words: Counter[str] = Counter()
    for seed in range(200):
        words.update(set(spec(network(seed), seed).replace("(", " ").split()))
    rare = ("shared", "output", "aux", "for", "if", "x", "block", "parameter", "attention")
    assert {word: words[word] for word in rare if words[word] < 3} == {}


# The comparison compares


def _net(*layers: Layer) -> tuple[Net, dict[str, torch.Tensor]]:
    return Net({"image": (3, 8, 8)}, [Line([*layers])]), {"image": torch.randn(2, 3, 8, 8)}


SPEC = "model m {\n input image: [3, 8, 8]\n conv(3x3, 8) -> relu -> bn\n}"
LAYERS_OF_SPEC = [Layer("conv", {"kernel": 3, "channels": 8}), Layer("relu"), Layer("bn")]


def test_equal_networks_agree() -> None:
    net, inputs = _net(*LAYERS_OF_SPEC)
    assert comparison.difference(net, SPEC, judge(net, inputs), inputs) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SPEC.replace("8)", "9)"), "outputs"),
        (SPEC.replace("8)", "8, bias=false)"), "params"),
        (SPEC.replace("3x3", "1x1"), "macs"),
        (SPEC.replace("-> bn", "-> bn(affine=false)"), "params"),
        (SPEC.replace("conv", "c = conv"), "state dict"),
        (SPEC.replace("-> relu", "-> tanh"), "other values"),
        (SPEC.replace("8)", "8, groups=2)"), "is refused"),
    ],
)
def test_a_wrong_network_is_found(text: str, says: str) -> None:
    net, inputs = _net(*LAYERS_OF_SPEC)
    assert says in comparison.difference(net, text, judge(net, inputs), inputs)


@pytest.mark.parametrize("figure", ["params", "buffers", "macs"])
def test_a_wrong_figure_is_found(figure: str) -> None:
    net, inputs = _net(*LAYERS_OF_SPEC)
    verdict = judge(net, inputs)
    setattr(verdict, figure, getattr(verdict, figure) + 1)
    assert figure in comparison.difference(net, SPEC, verdict, inputs)


def test_what_pytorch_rejects_must_be_refused() -> None:
    net, inputs = _net(Layer("conv", {"kernel": 9, "channels": 8, "pad": 0}))
    verdict = judge(net, inputs)
    assert verdict.refusal == "pytorch"
    assert "accepted" in comparison.difference(net, SPEC, verdict, inputs)


def test_the_witness_counts_by_hand() -> None:
    net, inputs = _net(*LAYERS_OF_SPEC)
    verdict = judge(net, inputs)
    assert (verdict.params, verdict.buffers) == (3 * 8 * 9 + 8 + 16, 17)
    assert verdict.macs == 8 * 8 * 8 * 27


def test_the_long_run_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(5) == 0
    assert "5 networks" in capsys.readouterr().out


def test_a_mismatch_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> None:
        raise archlang.ArchError([])

    monkeypatch.setattr(archlang, "loads", refuse)
    assert run.main(3) > 0
    assert "seed" in capsys.readouterr().out
