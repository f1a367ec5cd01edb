"""Two processes train what one does, and one that is lost costs no more than a few steps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from archlang import loads
from archlang.backends.torch.state import StateError, read
from archlang.train import InterruptedRunError, TrainError, checkpoint
from archlang.train.launch import LAUNCHED, launch
from archlang.train.saved import trained
from archlang.train.transfer import load_into
from tests.docs.blocks import ROOT
from tests.train.networks import unexplained
from tests.train.team import SPEC


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("team")
    command = [sys.executable, "-m", "tests.train.team", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {"out": out, "ends": json.loads(done.stdout), "said": done.stderr}


AS_ONE = ["ddp", "fsdp", "ddp-lost", "fsdp-lost", "moved", "spread", "parts", "name"]


def state(runs: dict[str, Any], name: str) -> dict[str, Any]:
    return checkpoint.load(runs["out"] / name / "last.pt")


def assert_close(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one["step"] == two["step"] == 20
    for part in ("model", "ema"):
        assert one[part].keys() == two[part].keys()
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", AS_ONE)
def test_as_one_process(runs: dict[str, Any], name: str) -> None:
    assert runs["ends"][name.replace("-lost", "-again")] in ([0], [0, 0]), runs["said"]
    assert_close(state(runs, "one"), state(runs, name))


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_evaluation_counts_every_sample_once(runs: dict[str, Any], name: str) -> None:
    for one, two in zip(state(runs, "one")["history"], state(runs, name)["history"], strict=True):
        assert (one["count"], one["correct"]) == (two["count"], two["correct"])
        assert one["eval_loss"] == pytest.approx(two["eval_loss"], abs=1e-5)
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_a_lost_process_changes_nothing(runs: dict[str, Any], name: str) -> None:
    assert runs["ends"][f"{name}-lost"][0] == -9
    assert runs["ends"][f"{name}-lost"][1] != 0
    whole, again = state(runs, name), state(runs, f"{name}-lost")
    for key, value in whole["model"].items():
        assert torch.equal(value, again["model"][key])
    a, b = (load_file(runs["out"] / n / "weights.safetensors") for n in (name, f"{name}-lost"))
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("cut", ["parts", "name"])
def test_cut_short_while_parts_are_written(runs: dict[str, Any], cut: str) -> None:
    assert -9 in runs["ends"][f"{cut}-lost"]
    folder = runs["out"] / f"{cut}-lost"
    assert len(list(folder.glob("last-parts-*"))) == 2
    assert not unexplained(folder)
    left = checkpoint.load(folder / "last.pt")
    assert left["step"] == 3
    assert all(value.isfinite().all() for value in left["model"].values())
    assert len(list((runs["out"] / cut).glob("last-parts-*"))) == 1


def test_what_is_made_of_parts(runs: dict[str, Any]) -> None:
    """Whatever reads a checkpoint reads one in parts."""
    folder = runs["out"] / "fsdp"
    assert checkpoint.read(folder / "best.pt")["model"]["0.weight"].is_meta
    one = trained(folder)
    alone = trained(folder / "weights.safetensors").weights
    assert all(torch.equal(value, alone[name]) for name, value in one.weights.items())
    module = loads(SPEC).to_torch()
    taken = load_into(module, folder)
    assert len(taken.loaded) == len(module.state_dict())
    assert all(torch.equal(value, alone[name]) for name, value in module.state_dict().items())
    with pytest.raises(StateError, match="keeps its tensors in parts"):
        read(folder / "best.pt")


def test_parts_that_are_gone_or_damaged(runs: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs["out"] / "fsdp", folder)
    parts = folder / checkpoint.read(folder / "last.pt")["parts"]["folder"]
    first, second = sorted(parts.iterdir())
    whole = second.read_bytes()
    second.write_bytes(b"\0" * len(whole))
    with pytest.raises(TrainError, match="cannot be read: it is damaged"):
        checkpoint.load(folder / "last.pt")
    second.write_bytes(whole[:100])
    with pytest.raises(TrainError, match=f"{second.name} is damaged, or not there"):
        checkpoint.load(folder / "last.pt")
    first.unlink()
    with pytest.raises(TrainError, match=f"{first.name} is damaged, or not there"):
        checkpoint.load(folder / "last.pt")
    shutil.rmtree(parts)
    with pytest.raises(TrainError, match="are not there"):
        checkpoint.load(folder / "last.pt")


FIRST_LIFE = """
import os, signal, sys, pathlib
rank, folder = os.environ["RANK"], pathlib.Path(sys.argv[1])
lives = folder / f"{rank}"
with lives.open("a") as file:
    file.write("x")
if rank == "1" and len(lives.read_text()) < 3:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_lost_processes_start_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launch(["-c", FIRST_LIFE, str(tmp_path)], 2)
    assert (tmp_path / "1").read_text() == "xxx"
    assert capsys.readouterr().err.count("process 1 of 2 was lost; all 2 start again") == 2


def test_lost_too_often(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="process 1 of 2 was lost once too often"):
        launch(["-c", FIRST_LIFE, str(tmp_path)], 2, restarts=1)


@pytest.mark.parametrize("kind", ["TrainError", "InterruptedRunError"])
def test_what_a_process_ends_with_is_told(kind: str) -> None:
    code = (
        "import sys\n"
        "from archlang.train.errors import *\n"
        "from archlang.train.launch import tell\n"
        f"tell({kind}('went wrong', 'do this', exit_code=7))\n"
        "sys.exit(7)\n"
    )
    with pytest.raises(TrainError) as caught:
        launch(["-c", code], 2)
    assert (caught.value.message, caught.value.hint) == ("went wrong", "do this")
    assert caught.value.exit_code == 7
    assert isinstance(caught.value, InterruptedRunError) is (kind == "InterruptedRunError")
    assert LAUNCHED not in os.environ


def test_a_process_that_fails_is_not_started_again(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'lives')!r}, 'a').write('x'); raise SystemExit(5)"
    with pytest.raises(TrainError, match="of 1 ended with 5"):
        launch(["-c", code], 1)
    assert (tmp_path / "lives").read_text() == "x"
