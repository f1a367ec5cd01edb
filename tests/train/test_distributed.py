"""Two processes train what one does, and one that is lost costs no more than a few steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from archlang.train import InterruptedRunError, TrainError, checkpoint
from archlang.train.launch import launch
from tests.docs.blocks import ROOT


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("team")
    command = [sys.executable, "-m", "tests.train.team", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {"out": out, "ends": json.loads(done.stdout), "said": done.stderr}


def state(runs: dict[str, Any], name: str) -> dict[str, Any]:
    return checkpoint.load(runs["out"] / name / "last.pt")


def assert_close(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one["step"] == two["step"] == 20
    for part in ("model", "ema"):
        assert one[part].keys() == two[part].keys()
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ddp", "fsdp", "ddp-lost", "fsdp-lost", "moved"])
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


def test_a_process_that_fails_is_not_started_again(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'lives')!r}, 'a').write('x'); raise SystemExit(5)"
    with pytest.raises(TrainError, match="of 1 ended with 5"):
        launch(["-c", code], 1)
    assert (tmp_path / "lives").read_text() == "x"
