"""The account: published figures, figures by hand, and what depends on what."""

from __future__ import annotations

from dataclasses import replace

import pytest

import archlang
from archlang.analyses.memory.account import Memory, Setting
from archlang.analyses.memory.allocator import MiB, reserved
from archlang.analyses.memory.frames import held
from archlang.analyses.plan import Plan
from tests.memory.networks import SPECS

STEPS = {
    "resnet50": ("resnet", 2987.6),
    "vgg16": ("vgg", 3986.8),
    "densenet121": ("densenet", 4252.9),
    "mobilenet_v2": ("mobilenet", 2551.9),
    "convnext_tiny": ("convnext", 3758.1),
}
"""Peaks of a step in 10^6 bytes, measured: batch 32, 224x224, float32, SGD with momentum."""
SMALL = "model m { input x: [64]; linear(512) -> relu -> linear(10) }"


def memory(text: str, **setting: object) -> Memory:
    return archlang.loads(text).memory(replace(Setting(), **setting))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STEPS)
def test_measured_peaks(name: str) -> None:
    file, megabytes = STEPS[name]
    found = archlang.load(SPECS / f"{file}.arch", name).memory(Setting(32, "momentum"))
    assert abs(found.step.total / 1e6 / megabytes - 1) < 0.001


def test_the_account_of_the_slides() -> None:
    # Li, Karpathy, Johnson, CS231n: 15 M neurons, 60 MB and 553 MB; 1.1 GB with the backward pass
    found = archlang.load(SPECS / "vgg.arch", "vgg16").memory()
    assert round(found.neurons / 1e6) == 15
    assert round(found.activations / 1e6) == 60
    assert round(found.parameters / 1e6) == 553
    assert round(found.plain_sum / 1e6) == 614
    assert found.inference.total == 4 * (138357544 + 3 * 224**2 + 2 * 64 * 224**2)
    assert int(found.inference.total / 1e6) == 579
    assert found.parameters + found.gradients > 1.1e9


def test_a_step_by_hand() -> None:
    found = memory(SMALL, batch=8, optimizer="sgd")
    weights = 4 * (64 * 512 + 512 + 512 * 10 + 10)
    assert found.parameters == found.gradients == weights
    assert (found.state, found.buffers, found.ema) == (0, 0, 0)
    assert (found.inputs, found.labels) == (8 * 64 * 4, 8 * 8)
    # the relu's output (kept by it and by the next layer); log-softmax, its labels, two numbers
    assert found.kept == 8 * 512 * 4 + 8 * 10 * 4 + 8 * 8 + 4
    # the worst moment: the first layer's weights get their gradients
    alive = {"parameters": weights, "batch": 8 * 64 * 4 + 8 * 8, "gradients": 4 * (512 * 10 + 10)}
    assert found.step.path == "0"
    assert {k: found.step.live[k] for k in alive} == alive  # type: ignore[index]
    logits_loss_gradient = 8 * 10 * 4 + 8 * 512 * 4
    assert found.step.live["working"] == logits_loss_gradient + 4 * (64 * 512 + 512)


@pytest.mark.parametrize(
    ("optimizer", "tensors"),
    [("sgd", 0), ("momentum", 1), ("rmsprop", 1), ("adam", 2), ("adamw", 2)],
)
def test_state(optimizer: str, tensors: int) -> None:
    found = memory(SMALL, optimizer=optimizer)
    counters = 16 if optimizer in ("rmsprop", "adam", "adamw") else 0
    assert found.state == tensors * found.parameters + counters
    assert memory(SMALL, optimizer=optimizer, device="cuda").state == tensors * found.parameters


def test_a_mean_of_the_weights() -> None:
    text = "model m { input x: [3, 8, 8]; conv(3x3, 8) -> bn -> relu -> flatten -> linear(2) }"
    plain, found = memory(text), memory(text, ema=True)
    assert plain.buffers == 2 * 8 * 4 + 8
    assert found.ema == plain.parameters + plain.buffers
    assert found.step.total == plain.step.total + found.ema
    assert found.inference.total == plain.inference.total


def test_a_step_grows_with_the_batch() -> None:
    one, two, three = (memory(SMALL, batch=n * 1000).step.total for n in (1, 2, 3))
    assert two - one == three - two > 0


def test_autocast() -> None:
    full, half = (memory(SMALL, batch=4096, dtype=d) for d in ("float32", "bfloat16"))
    assert half.parameters == full.parameters
    assert half.gradients == full.gradients
    assert half.kept < full.kept
    assert memory(SMALL, batch=4096, dtype="float16").kept == half.kept


def test_shared_weights_have_one_gradient() -> None:
    found = archlang.load(SPECS / "siamese.arch", "siamese").memory()
    assert found.gradients == found.parameters


def test_values_that_a_variable_still_holds() -> None:
    text = (
        "model m { input x: [4, 8, 8]\n a = conv(1x1, 4)\n"
        " residual { conv(1x1, 4) -> relu }\n tanh -> conv(1x1, 4) -> tanh }"
    )
    graph = archlang.loads(text).graph
    until = {n.path: held(Plan(graph))[n.index] for n in graph.nodes}
    last = len(graph.nodes)
    named = {n.path: n.index for n in graph.nodes}
    assert until["a"] >= max(n.index for n in graph.nodes if n.op.merges)
    assert until[graph.nodes[-1].path] == last
    assert until["x"] == last
    assert until["0"] == named["1"]


def test_every_layer_is_on_the_timeline() -> None:
    network = archlang.load(SPECS / "lenet5.arch", "lenet5")
    found = network.memory()
    layers = [n.path for n in network.graph.nodes if n.inputs]
    phases = [[m.path for m in found.timeline if m.phase == p] for p in ("forward", "backward")]
    assert [p for p in phases[0] if p] == layers
    assert [p for p in phases[1] if p] == layers[::-1]
    assert [layer.path for layer in found.layers] == layers
    assert sum(layer.parameters for layer in found.layers) == found.parameters
    assert all(sum(m.live.values()) == m.total for m in found.timeline)
    data = found.to_json()
    assert data["step"]["total"] == found.step.total
    assert data["setting"]["batch"] == 1


# CUDA's allocator, by its rules


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(1, 1)], 2 * MiB),
        ([(1, MiB)], 2 * MiB),
        ([(1, MiB), (2, MiB)], 2 * MiB),
        ([(1, MiB), (2, MiB), (3, 512)], 4 * MiB),
        ([(1, MiB + 1)], 20 * MiB),
        ([(1, 9 * MiB), (2, 9 * MiB)], 20 * MiB),
        ([(1, 9 * MiB), (2, 9 * MiB), (3, 9 * MiB)], 40 * MiB),
        ([(1, 10 * MiB)], 10 * MiB),
        ([(1, 11 * MiB)], 12 * MiB),
        ([(1, 11 * MiB), (1, 0), (2, 10 * MiB)], 12 * MiB),
        ([(1, 11 * MiB), (1, 0), (2, 10 * MiB), (3, 3 * MiB)], 32 * MiB),
        ([(1, 8 * MiB), (2, 8 * MiB), (1, 0), (2, 0), (3, 20 * MiB)], 20 * MiB),
        ([(1, 8 * MiB), (2, 8 * MiB), (1, 0), (3, 9 * MiB)], 40 * MiB),
    ],
)
def test_segments(events: list[tuple[int, int]], expected: int) -> None:
    assert reserved(events) == expected


def test_on_cuda_blocks_are_rounded_up() -> None:
    found = memory(SMALL, batch=8, device="cuda")
    assert found.step.total % 512 == 0
    assert found.reserved is not None
    assert found.reserved >= found.step.total
    assert memory(SMALL).reserved is None


def test_on_cuda_an_update_takes_all_at_once() -> None:
    updates = {
        device: max(
            m.live["working"]
            for m in memory(SMALL, optimizer="adamw", device=device).timeline
            if m.phase == "update"
        )
        for device in ("cpu", "cuda")
    }
    largest = 4 * 64 * 512
    assert 2 * largest <= updates["cpu"] < 3 * largest
    assert updates["cuda"] >= memory(SMALL).parameters
