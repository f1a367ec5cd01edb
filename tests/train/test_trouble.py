"""Where one of two processes cannot go on, both end soon, and one of them says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archlang.train import TrainError
from archlang.train.launch import LAUNCHED, launch
from tests.docs.blocks import ROOT
from tests.train.faulty import KINDS

FIRST = "first in `conv(3x3, 4)` at <text>:4"
SAID = {
    "image": (2, "error: cat.png cannot be decoded\n"),
    "nan": (1, "error: the loss is nan at step 3 of 20, epoch 1; " + FIRST + "\nhelp: "),
    "memory": (1, "error: out of memory with a batch of 10\nhelp: try --batch-size 5"),
    "trial": (1, "error: the trial failed\n"),
    "evaluation": (1, "error: out of memory with a batch of 10\nhelp: try --batch-size 5"),
    "disk": (2, "/last.pt cannot be written: No space left on device\nhelp: make room"),
    "mistake": (1, "error: its own traceback\n"),
}
CASES = [
    f"{kind}-{parallel}"
    for parallel in ("ddp", "fsdp")
    for kind in KINDS
    if (kind, parallel) != ("disk", "ddp")
]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("trouble")
    command = [sys.executable, "-m", "tests.train.faulty", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", CASES)
def test_all_end_with_one_message(ends: dict[str, Any], case: str) -> None:
    end, (code, text) = ends[case], SAID[case.partition("-")[0]]
    assert end["ends"] == [code, code]
    assert text in "".join(end["said"])
    assert "".join(end["said"]).count("error:") == 1, end["said"]
    assert end["seconds"] < 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "nan", "mistake"])
def test_launched(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainError) as caught:
        launch(["-m", "tests.train.faulty", kind, "ddp", str(tmp_path)], 2)
    said = capfd.readouterr().err
    if kind == "mistake":
        assert said.count("Traceback") == 1
        assert "process 1 failed: ZeroDivisionError: a mistake" in caught.value.message
    else:
        assert not said
        assert SAID[kind][1] in f"error: {caught.value}\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "nan"])
def test_under_torchrun(kind: str, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command = [*run, "-m", "tests.train.faulty", kind, "fsdp", str(tmp_path)]
    alone = {name: value for name, value in os.environ.items() if name != LAUNCHED}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=alone)
    assert done.returncode != 0
    assert done.stderr.count("error: ") == 1, done.stderr
    assert SAID[kind][1] in done.stderr
