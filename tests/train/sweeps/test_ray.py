"""Runs on Ray, with the processors that there are."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from archlang.train import UsageError, sweep
from archlang.train.sweeps.on_ray import Cluster
from tests.train.sweeps.specs import NET

pytest.importorskip("ray")

pytestmark = pytest.mark.slow


def test_runs_end_as_they_do_here(tmp_path: Path) -> None:
    spec = tmp_path / "net.arch"
    spec.write_text(NET)
    settings = {"width": "2,3", "epochs": 1, "classes": 10, "optimizer.lr": "0.01,1e38"}
    found = {
        on: sweep(spec, settings, model="net", out=tmp_path / on, on=on, progress=False)
        for on in ("here", "ray")
    }
    here, ray = found["here"], found["ray"]
    assert [o.mean for o in ray.outcomes] == [o.mean for o in here.outcomes]
    assert [bool(o.failed) for o in ray.outcomes] == [False, True, False, True]
    digests = [
        {f.parent.name: sha256(f.read_bytes()).hexdigest() for f in folder.glob("*/weights*")}
        for folder in (tmp_path / "here", tmp_path / "ray")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 2


def test_stopped_all_runs_save(tmp_path: Path) -> None:
    spec = tmp_path / "net.arch"
    spec.write_text(NET)
    out = tmp_path / "out"
    line = ["sweep", spec, "-m", "net", "--set", "width=2,3", "--set", "classes=10"]
    command = [sys.executable, "-m", "archlang", *line, "--epochs", "400", "--on", "ray"]
    running = subprocess.Popen([*map(str, command), "--out", str(out)], stderr=subprocess.PIPE)
    until = time.monotonic() + 400
    while not list(out.glob("*/last.pt")):
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.2)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=90)
    assert running.returncode == 143
    assert "stopped by SIGTERM after 0 of 2 runs" in said.decode()
    import torch

    for file in out.glob("*/last.pt"):
        state = torch.load(file, weights_only=True)
        assert state["step"] > 0


def test_more_processors_than_there_are() -> None:
    with pytest.raises(UsageError, match="a run asks for 1000000 processors"), Cluster(1_000_000):
        pass
