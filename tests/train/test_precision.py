"""Whole runs in 16 bits, and with channels innermost."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from archlang import loads
from archlang.train import InterruptedRunError, Result, checkpoint, evaluate, train, trained
from tests.train.networks import stripes
from tests.train.test_run import Listener, assert_same_run

TEXT = """
model a {
    input image: [1, 8, 8]
    conv(3x3, 4) -> bn -> relu -> conv(3x3, 4) -> bn -> relu -> dropout(0.2) -> flatten -> linear(3)
}
"""
KINDS: dict[str, dict[str, Any]] = {
    "bf16": {"dtype": "bfloat16", "channels_last": True, "ema": {"decay": 0.9}},
    "fp16": {"dtype": "float16", "optimizer": "sgd", "clip_norm": 1.0, "accumulate": 2},
    "float32": {"channels_last": True, "optimizer": "sgd"},
}


def run(out: Path, fields: dict[str, Any], listener: Any = False) -> Result:
    recipe = {"epochs": 4, "batch_size": 8, **fields}
    return train(loads(TEXT), stripes(), recipe, out, progress=listener)


@pytest.mark.parametrize("kind", KINDS)
def test_low_precision_goes_on_bit_for_bit(tmp_path: Path, kind: str) -> None:
    fields = KINDS[kind]
    result = run(tmp_path / "whole", fields)
    assert result.accuracy >= 0.9

    def ask(done: int) -> None:
        if done == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptedRunError):
        run(tmp_path / "cut", fields, Listener(ask))
    run(tmp_path / "cut", fields)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
    one, two = ((tmp_path / d / "weights.safetensors").read_bytes() for d in ("whole", "cut"))
    assert one == two


def test_weights_lie_in_the_file_as_they_always_do(tmp_path: Path) -> None:
    """What computes with channels innermost is saved like any other network."""
    result = run(tmp_path, KINDS["bf16"])
    saved = load_file(result.weights)
    assert all(value.is_contiguous() for value in saved.values())
    assert saved["3.weight"].dtype == torch.float32
    assert evaluate(trained(tmp_path), stripes()).accuracy == result.test_accuracy
    module = loads(TEXT).to_torch()
    module.load_state_dict(saved)


def test_the_scale_of_the_loss_is_kept(tmp_path: Path) -> None:
    run(tmp_path, KINDS["fp16"])
    scaler = checkpoint.load(tmp_path / "last.pt")["scaler"]
    assert scaler["scale"] == 65536.0
    assert scaler["_growth_tracker"] > 0


def test_weights_of_volumes_stay_as_they_are(tmp_path: Path) -> None:
    """`channels_last` is of images: what a network makes a volume of has another layout."""
    spec = loads(
        "model v {\n    input image: [1, 8, 8]\n    conv(3x3, 4)\n"
        "    reshape(2, 2, 8, 8) -> conv(3x3x3, 4) -> flatten -> linear(3)\n}\n"
    )
    recipe = {"epochs": 1, "batch_size": 8, "channels_last": True}
    result = train(spec, stripes(), recipe, tmp_path, progress=False)
    assert (tmp_path / "README.md").read_text().count("1 epochs") == 0
    assert evaluate(tmp_path, stripes()).accuracy == pytest.approx(result.accuracy)
