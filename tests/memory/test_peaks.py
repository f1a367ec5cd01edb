"""Peaks held against what PyTorch's allocator gives out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import archlang
from archlang import Network
from archlang.analyses.memory.account import Setting
from archlang.analyses.memory.ledger import Moment
from tests.memory.networks import BATCH, LONG, QUICK, SPECS, batch_of, load, random_spec
from tests.memory.tracker import Measured, measure_inference, measure_step

NEAR = {"float32": 0.001, "bfloat16": 0.005}
"""How far off a peak may be."""
RANDOM = 24


def off(ours: Moment, theirs: Measured) -> float:
    """By how much of it a peak is off."""
    return ours.total / theirs.peak() - 1


def check_step(network: Network, optimizer: Any, dtype: Any) -> None:
    inputs, labels = batch_of(network)
    theirs = measure_step(network.to_torch(), inputs, labels, optimizer, dtype, network.aux)
    ours = network.memory(Setting(BATCH, optimizer, dtype)).step
    assert abs(off(ours, theirs)) < NEAR[dtype], (ours, theirs.peak(), theirs.where)


def check_inference(network: Network, dtype: Any = "float32") -> None:
    inputs, _ = batch_of(network)
    theirs = measure_inference(network.to_torch(), inputs, dtype)
    ours = network.memory(Setting(BATCH, dtype=dtype)).inference
    assert abs(off(ours, theirs)) < NEAR[dtype], (ours, theirs.peak(), theirs.where)


@pytest.mark.parametrize(
    ("optimizer", "dtype"),
    [("momentum", "float32"), ("adamw", "float32"), ("momentum", "bfloat16")],
)
@pytest.mark.parametrize("name", QUICK)
def test_a_step(name: str, optimizer: str, dtype: str) -> None:
    check_step(load(name), optimizer, dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", QUICK)
def test_inference(name: str, dtype: str) -> None:
    check_inference(load(name), dtype)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_the_larger_ones(name: str) -> None:
    network = load(name)
    for optimizer, dtype in (("momentum", "float32"), ("adamw", "float32"), ("sgd", "bfloat16")):
        check_step(network, optimizer, dtype)
    for dtype in NEAR:
        check_inference(network, dtype)


def test_every_spec_is_measured() -> None:
    assert {file for file, _ in (QUICK | LONG).values()} == {p.stem for p in SPECS.glob("*.arch")}


def test_where_a_peak_is() -> None:
    network = load("resnet20")
    inputs, labels = batch_of(network)
    theirs = measure_step(network.to_torch(), inputs, labels)
    ours = network.memory(Setting(BATCH, "momentum"))
    assert (ours.step.phase, ours.step.path) == (theirs.where.phase, theirs.where.path)
    for phase in ("forward", "backward"):
        ours_peak = max(m.total for m in ours.timeline if m.phase == phase)
        assert abs(ours_peak / theirs.peak_of(phase) - 1) < 0.001
    assert ours.inference.total < ours.step.total


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adamw"])
def test_what_an_optimizer_takes(optimizer: str) -> None:
    text = "model m { input x: [64]; linear(512) -> relu -> linear(512) -> relu -> linear(10) }"
    network = archlang.loads(text)
    inputs, labels = batch_of(network)
    theirs = measure_step(network.to_torch(), inputs, labels, optimizer)
    ours = network.memory(Setting(BATCH, optimizer))
    assert ours.state == theirs.before["state"]
    assert abs(ours.step.total - theirs.peak()) <= 64  # numbers that PyTorch wraps up
    if optimizer != "sgd":  # which takes nothing
        updates = max(m.total for m in ours.timeline if m.phase == "update")
        assert abs(updates - theirs.peak_of("update")) <= 64


def test_what_is_there_before() -> None:
    network = load("mobilenet_v3_small")
    inputs, labels = batch_of(network)
    theirs = measure_step(network.to_torch(), inputs, labels).before
    ours = network.memory(Setting(BATCH, "momentum"))
    assert ours.parameters == theirs["parameters"] == ours.gradients
    assert ours.buffers == theirs["buffers"]
    assert (ours.inputs, ours.labels) == (theirs["batch"], theirs["labels"])


@pytest.mark.parametrize("seed", range(RANDOM))
def test_random_networks(seed: int) -> None:
    network = archlang.loads(random_spec(seed))
    inputs, labels = batch_of(network, 16)
    optimizer = ("momentum", "adamw", "rmsprop")[seed % 3]
    module = network.to_torch()
    ours = network.memory(Setting(16, optimizer))
    for found, theirs in (
        (ours.inference, measure_inference(module, inputs)),
        (ours.step, measure_step(module, inputs, labels, optimizer)),
    ):
        assert abs(off(found, theirs)) < 0.01, (random_spec(seed), found, theirs.where)


def test_the_witness_counts_by_hand() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 8, bias=False), torch.nn.ReLU())
    theirs = measure_inference(module, [torch.zeros(2, 4)])
    assert theirs.before == {"parameters": 128, "buffers": 0, "batch": 32}
    assert theirs.peak() == 128 + 32 + 2 * 2 * 8 * 4  # before and after the activation
    assert theirs.where.path == "1"


def test_a_wrong_peak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load("lenet5")
    tanh = archlang.op.Op.registry["tanh"]
    monkeypatch.setattr(tanh, "workspace", lambda self, step, y, *xs: y.bytes)
    with pytest.raises(AssertionError):
        check_step(network, "momentum", "float32")
