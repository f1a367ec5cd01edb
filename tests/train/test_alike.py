"""Whatever a recipe asks for, two processes come to what one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from archlang.train import checkpoint
from tests.docs.blocks import ROOT
from tests.train.alike import RECIPES
from tests.train.networks import unexplained

NEAR = {"bfloat16": 5e-3}
"""Where a batch's gradient is added up in 16 bits, each half of it is rounded on its own."""
QUICK = ("freeze", "side", "float16")
SLOW = tuple(name for name in RECIPES if name not in QUICK)


def made(out: Path, names: tuple[str, ...]) -> Path:
    command = [sys.executable, "-m", "tests.train.alike", str(out), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout)
    assert all(end in ([0], [0, 0]) for end in ends.values()), done.stderr
    return out


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("quick"), QUICK)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("slow"), SLOW)


def assert_alike(one: dict[str, Any], two: dict[str, Any], near: float = 1e-5) -> None:
    assert one["step"] == two["step"] == 20
    for part in ("model", "ema"):
        assert one[part].keys() == two[part].keys()
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, rtol=0, atol=near)
    assert kept(one).keys() == kept(two).keys()
    assert [e["count"] for e in one["history"]] == [e["count"] for e in two["history"]] == [20] * 4


def kept(state: dict[str, Any]) -> dict[tuple[int, str], Tensor]:
    """What the optimizer keeps, by weight and name."""
    return {(n, k): v for n, held in state["optimizer"]["state"].items() for k, v in held.items()}


def check(out: Path, name: str, parallel: str) -> None:
    one, two = (checkpoint.load(out / f"{name}-{p}" / "last.pt") for p in ("one", parallel))
    assert_alike(one, two, NEAR.get(name, 1e-5))


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize("name", ["freeze", "side"])
def test_as_one_process(quick: Path, name: str, parallel: str) -> None:
    check(quick, name, parallel)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize("name", [name for name in SLOW if name != "mixup"])
def test_the_others_as_one_process(slow: Path, name: str, parallel: str) -> None:
    check(slow, name, parallel)


@pytest.mark.slow
def test_mixup_is_the_same_however_weights_are_shared(slow: Path) -> None:
    """It pairs the images of one process, so their number counts."""
    check_pair(slow, "mixup")


def test_float16_skips_in_all_processes_alike(quick: Path) -> None:
    """One process alone sees gradients half as large, and skips fewer steps at first."""
    check_pair(quick, "float16")
    ddp, fsdp = (checkpoint.load(quick / f"float16-{p}" / "last.pt") for p in ("ddp", "fsdp"))
    assert ddp["scaler"] == fsdp["scaler"]
    assert ddp["scaler"]["scale"] < 65536, "no step was skipped, and the test shows nothing"


def check_pair(out: Path, name: str) -> None:
    assert_alike(*(checkpoint.load(out / f"{name}-{p}" / "last.pt") for p in ("ddp", "fsdp")))


def test_frozen_weights_stay(quick: Path) -> None:
    names = [f"freeze-{p}" for p in ("one", "ddp", "fsdp")]
    states = [checkpoint.load(quick / name / "last.pt")["model"] for name in names]
    for name in ("0.weight", "0.bias"):
        assert all(torch.equal(states[0][name], state[name]) for state in states)


def test_each_process_writes_its_part(quick: Path) -> None:
    folder = quick / "side-fsdp"
    parts = checkpoint.read(folder / "last.pt")["parts"]["folder"]
    assert len(list((folder / parts).glob("shard-*.safetensors"))) == 2
    assert len(list(folder.glob("last-parts-*"))) == len(list(folder.glob("best-parts-*"))) == 1
    assert not list((quick / "side-ddp").glob("*-parts-*"))
    assert not unexplained(folder)
