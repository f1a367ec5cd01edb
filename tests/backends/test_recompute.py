"""Activation checkpointing: the same gradients and statistics, with less kept."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import archlang
from archlang.backends.torch.recompute import Recomputed
from tests.syntax.sketches import SKETCHES

PRE_ACTIVATION = """
block unit(k) : [C, H, W] -> [C, H, W] {
    leaky_relu(0.5, inplace=true) -> conv(3x3, k) -> bn -> dropout(0.5) -> relu(inplace=true)
    conv(3x3, C)
}
model pre { input image: [3, 8, 8]; conv(3x3, 4); unit(6); unit(6); global_avgpool -> linear(2) }
"""


def densenet() -> archlang.Network:
    return archlang.load(
        SKETCHES["densenet"], "densenet121", {"depths": "[2, 3]", "k": 8}, {"image": (3, 64, 64)}
    )


def pre() -> archlang.Network:
    return archlang.loads(PRE_ACTIVATION)


class Kept:
    """Bytes of the distinct storages that autograd keeps, weights left out."""

    def __init__(self, module: nn.Module) -> None:
        self.weights = {p.untyped_storage().data_ptr() for p in module.state_dict().values()}
        self.storages: dict[int, int] = {}

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.weights:
            self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    @property
    def total(self) -> int:
        return sum(self.storages.values())


def step(module: nn.Module, images: torch.Tensor) -> int:
    """One training step, with gradients left behind; what was kept for its backward pass."""
    torch.manual_seed(7)
    kept = Kept(module)
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda t: t):
        loss = module(images).square().sum()
    loss.backward()
    return kept.total


@pytest.mark.parametrize(
    ("network", "blocks"),
    [
        (densenet(), ["dense_layer"]),
        (densenet(), ["dense_block"]),
        (densenet(), ["dense_block", "dense_layer"]),
        (pre(), ["unit"]),
    ],
    ids=["layers", "blocks", "both", "in place and random"],
)
def test_a_step_is_the_same(network: archlang.Network, blocks: list[str]) -> None:
    plain = network.to_torch()
    leaner = network.to_torch(recompute=blocks)
    leaner.load_state_dict(copy.deepcopy(plain.state_dict()), strict=True)
    (shape,) = network.inputs.values()
    images = torch.randn(4, *shape, generator=torch.Generator().manual_seed(3))
    kept, less = step(plain, images), step(leaner, images)
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter.grad, leaner.get_parameter(name).grad), name
    for name, buffer in plain.named_buffers():
        assert torch.equal(buffer, leaner.get_buffer(name)), name
    assert less < kept


def test_a_larger_block_keeps_less() -> None:
    network = densenet()
    images = torch.randn(4, 3, 64, 64)
    by_layer, by_block = (
        step(network.to_torch(recompute=[name]), images) for name in ("dense_layer", "dense_block")
    )
    assert by_block < by_layer


def test_only_the_blocks_named_are_recomputed() -> None:
    module = densenet().to_torch("meta", recompute=["transition"])
    assert [n for n, m in module.named_modules() if isinstance(m, Recomputed)] == [
        "features.transition1"
    ]


def test_nothing_is_recomputed_without_gradients() -> None:
    module = densenet().to_torch(recompute=["dense_layer"]).eval()
    with torch.no_grad():
        program = torch.export.export(module, (torch.randn(2, 3, 64, 64),))
    assert "checkpoint" not in str(program.graph)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dense_layr", "uses no block `dense_layr`; did you mean `dense_layer`?"),
        ("conv", "its blocks are dense_block, dense_layer, transition"),
    ],
)
def test_a_block_that_is_not_there(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"uses no block") as caught:
        densenet().to_torch(recompute=[name])
    assert says in str(caught.value)
