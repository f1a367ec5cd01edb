"""Training with ``torch.compile``: the same run, and words for where it cannot be."""

from __future__ import annotations

import os
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from archlang import Network, loads
from archlang.train import InterruptedRunError, TrainError, checkpoint, evaluate, train, trained
from tests.train.networks import stripes
from tests.train.test_run import Listener, assert_same_run

COMPILE = torch.compile
TEXT = "model a { input image: [1, 8, 8]; conv(3x3, 4) -> bn -> relu -> DROP flatten -> linear(3) }"
# Not AdamW: it takes a full step where a gradient is nothing but rounding.
FIELDS = {"epochs": 4, "batch_size": 8, "ema": {"decay": 0.9}, "optimizer": "sgd"}


def network(drop: str = "") -> Network:
    return loads(TEXT.replace("DROP", drop))


def run(out: Path, drop: str = "", listener: Any = False, **fields: Any) -> Any:
    return train(network(drop), stripes(), {**FIELDS, **fields}, out, progress=listener)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is captured, forward and backward, and run by PyTorch's own operators."""
    monkeypatch.setattr(torch, "compile", partial(COMPILE, backend="aot_eager"))


def assert_learns_the_same(home: Path) -> None:
    plain, compiled = run(home / "plain"), run(home / "compiled", compile=True)
    for one, two in zip(plain.history, compiled.history, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
        assert two["eval_loss"] == pytest.approx(one["eval_loss"], abs=1e-4)
    keys = [checkpoint.load(r.checkpoint)["model"].keys() for r in (plain, compiled)]
    assert keys[0] == keys[1]
    found = evaluate(trained(compiled.checkpoint.parent), stripes())
    assert found.accuracy == compiled.test_accuracy


def assert_goes_on(home: Path) -> None:
    """Stopped in the middle of an epoch, with dropout, a mean of the weights and batch norm."""
    run(home / "whole", "dropout(0.3) ->", compile=True)

    def ask(done: int) -> None:
        if done == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptedRunError):
        run(home / "cut", "dropout(0.3) ->", Listener(ask), compile=True)
    run(home / "cut", "dropout(0.3) ->", compile=True)
    assert_same_run(home / "whole", home / "cut")


@pytest.mark.slow
@pytest.mark.usefixtures("traced")
def test_a_compiled_network_learns_the_same(tmp_path: Path) -> None:
    assert_learns_the_same(tmp_path)


@pytest.mark.usefixtures("traced")
def test_a_compiled_run_goes_on(tmp_path: Path) -> None:
    assert_goes_on(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no compiler")
def test_with_the_compiler_of_every_day(tmp_path: Path) -> None:
    assert_learns_the_same(tmp_path / "same")
    assert_goes_on(tmp_path / "on")


@pytest.mark.parametrize(
    ("raised", "says", "hint"),
    [
        (
            "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx",
            "`compile` needs a C++ compiler, and PyTorch finds none that works",
            "install g++",
        ),
        (
            "something of its own\nand a trace",
            "`torch.compile` fails on this network: something of its own",
            "--set compile=false",
        ),
    ],
)
def test_what_cannot_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, says: str, hint: str
) -> None:
    def backend(*_: Any) -> Any:
        raise RuntimeError(raised)

    monkeypatch.setattr(torch, "compile", partial(COMPILE, backend=backend))
    with pytest.raises(TrainError) as caught:
        run(tmp_path, compile=True)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_where_there_is_no_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: Any, dynamic: bool) -> Any:
        raise RuntimeError("torch.compile is not supported on this system")

    monkeypatch.setattr(torch, "compile", refuses)
    with pytest.raises(TrainError, match="not supported on this system"):
        run(tmp_path, compile=True)
