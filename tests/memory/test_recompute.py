"""Blocks that are computed again: what is kept and the peak, held against PyTorch's allocator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import archlang
from archlang import Network
from archlang.analyses.memory import recompute as module_under_test
from archlang.analyses.memory.account import Setting
from archlang.analyses.memory.recompute import RANDOM_STATE
from tests.memory.networks import SPECS, batch_of, load, random_blocks
from tests.memory.tracker import Measured, loss_of, measure_step

BATCH = 4
CASES = [
    ("resnet20", ("basic_block",)),
    ("resnet20", ("basic_block", "zero_pad")),
    ("mobilenet_v3_small", ("mbconv",)),
    ("mobilenet_v3_small", ("conv_bn", "mbconv", "squeeze_excite")),
    ("shufflenet_v2_x0_5", ("unit",)),
    ("squeezenet1_1", ("fire",)),
    ("small densenet", ("dense_bottleneck",)),
    ("small densenet", ("dense_block", "dense_bottleneck")),
    ("small vit", ("encoder_block",)),
    ("small vit", ("encoder", "encoder_block")),
]
"""A network, and the blocks of it that are computed again."""
LONG = [
    ("unet_same", ("double_conv",)),
    ("unet_same", ("double_conv", "down")),
    ("densenet121", ("dense_bottleneck",)),
    ("densenet121", ("dense_block",)),
    ("densenet121", ("dense_block", "dense_bottleneck", "transition")),
    ("resnet50", ("bottleneck",)),
    ("resnet50", ("bottleneck", "project")),
    ("mobilenet_v2", ("inverted_residual",)),
    ("convnextv2_atto", ("convnext_v2_block",)),
    ("googlenet", ("conv_unit", "inception", "side_head")),
    ("vit_b_16", ("encoder_block",)),
]
VIT = {"patch": 8, "n": 3, "d": 64, "mlp": 128, "heads": 4, "drop": 0.1, "classes": 10}
SMALL: dict[str, tuple[str, str, dict[str, Any], tuple[int, int, int]]] = {
    "small densenet": (
        "densenet", "densenet121", {"depths": "[2, 1, 1, 1]", "layers": 15}, (3, 64, 64),
    ),
    "small vit": ("vit", "vit", VIT, (3, 32, 32)),
}  # fmt: skip


def network_of(name: str) -> Network:
    if name not in SMALL:
        return load(name)
    file, model, settings, shape = SMALL[name]
    return archlang.load(SPECS / f"{file}.arch", model, settings, {"image": shape})


def after_forward(measured: Measured) -> int:
    """What is alive when the loss is there."""
    return [live for live, change in measured.curve() if change.phase == "forward"][-1]


def check(
    network: Network, blocks: tuple[str, ...], dtype: Any = "float32", near: float = 0.002
) -> None:
    """What is kept to the byte, beside what is kept without; and the peak."""
    setting = Setting(BATCH, "momentum", dtype)
    again = replace(setting, recompute=blocks)
    inputs, labels = batch_of(network, BATCH)
    plain, lean = (
        measure_step(network.to_torch(recompute=b), inputs, labels, "momentum", dtype, network.aux)
        for b in ((), blocks)
    )
    ours = network.memory(again)
    saved = network.memory(setting).kept - ours.kept
    assert saved == after_forward(plain) - after_forward(lean)
    assert abs(ours.step.total / lean.peak() - 1) < near, (ours.step, lean.peak(), lean.where)


@pytest.mark.parametrize(("name", "blocks"), CASES)
def test_a_step(name: str, blocks: tuple[str, ...]) -> None:
    check(network_of(name), blocks)


@pytest.mark.parametrize("name", ["resnet20", "small vit", "mobilenet_v3_small"])
def test_under_autocast(name: str) -> None:
    network = network_of(name)
    check(network, tuple(network.blocks), "bfloat16", near=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "blocks"), LONG)
def test_the_larger_ones(name: str, blocks: tuple[str, ...]) -> None:
    network = load(name)
    check(network, blocks)
    if name not in ("vit_b_16", "resnet50"):
        check(network, blocks, "bfloat16", near=0.005)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(seed: int) -> None:
    network = archlang.loads(random_blocks(seed))
    for blocks in (("inner",), ("outer",), ("inner", "outer")):
        check(network, blocks, near=0.01)


@pytest.mark.parametrize(
    ("name", "blocks"), [c for c in CASES if c[0] in ("resnet20", "small densenet")]
)
def test_macs_done_again(name: str, blocks: tuple[str, ...]) -> None:
    network = network_of(name)
    inputs, labels = batch_of(network, BATCH)

    def flops(chosen: tuple[str, ...]) -> int:
        module = network.to_torch(recompute=chosen)
        with FlopCounterMode(display=False) as counter:
            loss_of(module(*inputs), labels, {}).backward()
        return counter.get_total_flops()

    found = network.memory(Setting(recompute=blocks)).recomputed
    assert 2 * BATCH * found == flops(blocks) - flops(())


def test_by_hand() -> None:
    text = (
        "block b { conv(1x1, 8, bias=false) -> relu -> conv(1x1, 8, bias=false) }\n"
        "model m { input x: [8, 4, 4]\n conv(1x1, 8, bias=false) -> b -> flatten -> linear(2) }"
    )
    network = archlang.loads(text)
    plain, again = network.memory(), network.memory(Setting(recompute=("b",)))
    one = 8 * 4 * 4 * 4
    # without: what enters the block, the relu's output, what enters the last layer
    assert plain.kept == 3 * one + (2 + 1) * 4 + 8
    # with: the first and the last, and the state of random numbers
    assert again.kept == 2 * one + (2 + 1) * 4 + 8 + RANDOM_STATE["cpu"]
    # the second convolution's output is not needed, so that only the first is done again
    assert again.recomputed == 8 * 8 * 4 * 4
    assert plain.recomputed == 0
    assert [m.path for m in again.timeline if m.phase == "recompute"] == ["1.0", "1.1", "1.2"]


def test_the_state_of_random_numbers() -> None:
    assert RANDOM_STATE["cpu"] == torch.get_rng_state().nbytes


def test_nothing_computed_again_is_as_before() -> None:
    network = load("resnet20")
    assert network.memory(Setting(recompute=())).to_json() == network.memory().to_json()


def test_a_block_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="uses no block `basic_blok`; did you mean `basic_block`"):
        load("resnet20").memory(Setting(recompute=("basic_blok",)))


def test_computing_on_past_the_last_kept_tensor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "block b { relu -> conv(3x3, 64) }\n"
        "model m { input x: [8, 32, 32]; conv(1x1, 8) -> b -> global_avgpool -> linear(2) }"
    )
    check(archlang.loads(text), ("b",))
    monkeypatch.setattr(module_under_test, "until_kept", lambda run: run.made)
    with pytest.raises(AssertionError):
        check(archlang.loads(text), ("b",))
