"""Runs that begin with what another has learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import archlang
from archlang.cli.app import program as made
from archlang.train import Data, Recipe, UsageError, checkpoint, load
from archlang.train.data import READERS, Reader
from archlang.train.transfer import SCALE, optimizer_of
from tests.train.networks import stripes
from tests.train.trained import SMALL, run, small


def half(data: Data, second: bool) -> Data:
    """Five of the ten classes."""
    classes = data.classes[5:] if second else data.classes[:5]

    def part(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        mine = (labels >= 5) == second
        return images[mine], labels[mine] - 5 * second

    return Data.held(
        f"half{int(second)}",
        classes,
        part(data.train_images, data.train_labels),
        part(data.test_images, data.test_labels),
    )


SPEC = """\
model net { input image: [1, 8, 8]
    body = { conv(3x3, 16) -> bn -> relu -> maxpool(2x2) -> conv(3x3, 32) -> bn -> relu }
    flatten; head = linear(5)
}
"""


def test_one_half_of_the_classes_helps_with_the_other(tmp_path: Path) -> None:
    network, digits = archlang.loads(SPEC), load("digits")
    first, second = half(digits, False), half(digits, True)
    run(tmp_path / "first", network, first, epochs=8, optimizer="adamw")
    few = {"epochs": 1, "batch_size": 64, "optimizer": {"name": "adamw", "lr": 1e-3}}
    scratch = run(tmp_path / "scratch", network, second, **few)
    init = {"weights": str(tmp_path / "first"), "fresh": ["head"]}
    tuned = run(tmp_path / "tuned", network, second, **few, init=init)
    assert tuned.accuracy > scratch.accuracy
    assert tuned.loss < scratch.loss - 0.1


def test_frozen_in_a_run(tmp_path: Path) -> None:
    run(tmp_path / "first")
    init = {"weights": str(tmp_path / "first" / "last.pt")}
    result = run(tmp_path / "second", small(classes=3), init=init, freeze=["hidden", "norm"])
    before = checkpoint.load(tmp_path / "first" / "last.pt")["model"]
    after = checkpoint.load(result.checkpoint)["model"]
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"head.weight", "head.bias"}


def test_it_goes_on_without_the_weights(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"epochs": 2, "init": {"weights": str(tmp_path / "first")}}
    run(tmp_path / "first", epochs=1)
    run(tmp_path / "second", **fields)
    (tmp_path / "first" / "best.pt").unlink()
    (tmp_path / "first" / "last.pt").unlink()
    assert len(run(tmp_path / "second", **fields).history) == 2
    # And what is there is not cleared for weights that cannot be had.
    from archlang.train import train

    with pytest.raises(UsageError, match="there is no run in"):
        train(small(), stripes(), fields, tmp_path / "second", progress=False, force=True)
    assert (tmp_path / "second" / "last.pt").exists()


def test_a_rate_for_each_layer() -> None:
    model = small().to_torch()
    fields = {"optimizer": {"name": "sgd", "lr": 1, "weight_decay": 0.1}, "layer_decay": 0.5}
    optimizer = optimizer_of(model, Recipe.of(fields))
    assert [(g[SCALE], g["weight_decay"]) for g in optimizer.param_groups] == [
        *((0.5, 0.1), (1.0, 0.1), (0.5, 0.0), (1.0, 0.0)),
    ]
    plain = optimizer_of(model, Recipe())
    assert all(SCALE not in group for group in plain.param_groups)


def test_the_rate_of_a_step_is_scaled(tmp_path: Path) -> None:
    sgd = {"name": "sgd", "lr": 0.1, "momentum": 0, "nesterov": False, "weight_decay": 0}
    fields = {"epochs": 1, "batch_size": 49, "optimizer": sgd, "schedule": "constant"}
    network = archlang.loads(
        "model m { input x: [1, 8, 8]; flatten; a = linear(4); b = linear(3) }"
    )
    torch.manual_seed(0)
    start = network.to_torch().state_dict()
    steps = []
    for name, decay in (("whole", 1.0), ("half", 0.5)):
        result = run(tmp_path / name, network, layer_decay=decay, **fields)
        end = checkpoint.load(result.checkpoint)["model"]
        steps.append({key: end[key] - start[key] for key in end})
    whole, half = steps
    torch.testing.assert_close(half["b.weight"], whole["b.weight"])
    torch.testing.assert_close(2 * half["a.weight"], whole["a.weight"], rtol=1e-4, atol=1e-6)
    assert whole["a.weight"].abs().max() > 1e-4


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))
    run(
        tmp_path / "first",
        small(classes=5),
        Data.held("five", tuple("abcde"), *(2 * [(stripes().test_images, stripes().test_labels)])),
    )
    (tmp_path / "small.arch").write_text(SMALL)
    fixed = [str(tmp_path / "small.arch"), "--data", "stripes", "--epochs", "1"]
    more = ["--weights", str(tmp_path / "first"), "--freeze", "hidden", "--freeze", "norm"]
    out = ["--out", str(tmp_path / "second")]
    result = CliRunner().invoke(made(["train", "fmt"]), ["train", *fixed, *more, *out])
    assert result.exit_code == 0, result.stderr
    assert f"7 of 9 tensors are from {tmp_path / 'first' / 'best.pt'}" in result.stderr
    assert "of another shape, left fresh: head.weight [5, 16] → [3, 16]" in result.stderr
    assert "frozen: 4 tensors, 1,072 parameters" in result.stderr
    wrong = CliRunner().invoke(made(["train", "fmt"]), ["train", *fixed, "--freeze", "hiden", *out])
    assert wrong.exit_code == 2
    assert "error: `hiden` names nothing of the network to freeze" in wrong.stderr
