"""The peak of every layer's own network, held against what PyTorch's allocator gives out."""

from __future__ import annotations

import re

import pytest

import archlang
from archlang.analyses.memory.account import Setting
from archlang.op import Op
from tests.memory.layers import BATCH, ONCE, REST, spec
from tests.memory.networks import batch_of
from tests.memory.tracker import measure_inference, measure_step

NEAR = 0.001
"""How far off a peak may be."""


def check(place: str, layer: str, inference: bool) -> None:
    text, batch = spec(place, layer), BATCH.get(place, 32)
    network = archlang.loads(text)
    inputs, labels = batch_of(network, batch)
    module, ours = network.to_torch(), network.memory(Setting(batch, "momentum"))
    theirs = measure_step(module, inputs, labels)
    assert ours.step.total == pytest.approx(theirs.peak(), rel=NEAR), (text, theirs.where)
    if inference:
        theirs = measure_inference(module, inputs)
        assert ours.inference.total == pytest.approx(theirs.peak(), rel=NEAR), (text, theirs.where)


@pytest.mark.parametrize(("place", "layer"), ONCE)
def test_what_takes_memory_of_its_own(place: str, layer: str) -> None:
    check(place, layer, inference=False)


@pytest.mark.slow
def test_every_layer() -> None:
    for place, layer in (*ONCE, *REST):
        check(place, layer, inference=True)


def test_none_is_left_out() -> None:
    written = " ".join(layer for _, layer in (*ONCE, *REST))
    assert set(Op.registry) <= set(re.findall(r"[a-z_0-9]+", written))


def test_a_wrong_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Op.registry["prelu"], "workspace", Op.workspace)
    with pytest.raises(AssertionError):
        check("image", "prelu(16)", inference=False)
