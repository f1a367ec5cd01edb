"""A run killed with SIGKILL at any moment, and run again, ends with the very same bits."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archlang import loads
from archlang.train import TrainError, checkpoint, train
from tests.docs.blocks import ROOT
from tests.train.networks import stripes
from tests.train.victim import SPEC, digest

HARD = {
    "epochs": 6,
    "batch_size": 8,
    "accumulate": 2,
    "ema": {"decay": 0.98},
    "augment": {"shift": 0.1, "mixing": {"mixup": 0.2, "cutmix": 1.0}},
    "split": {"valid": 0.1},
    "schedule": {"name": "plateau", "patience": 0},
    "save": {"steps": 2},
    "clip_norm": 1.0,
}
WORKERS = {**HARD, "augment": {"rotation": 10, "mixing": {"mixup": 0.2}}}
"""What is done image by image, so that workers have something to do."""


def check(out: Path, recipe: dict[str, Any], kills: int, workers: list[int]) -> None:
    given = [json.dumps(value) for value in (recipe, 0, kills, workers)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.train.victim", str(out), *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    for count in workers:
        run, folder = found[str(count)], out / str(count)
        assert len(run["deaths"]) == kills
        assert run["digest"] == found["whole"], "\n".join(run["deaths"])
        assert len((folder / "history.jsonl").read_text().splitlines()) == recipe["epochs"]
        assert not [p.name for p in folder.iterdir() if p.name.startswith(".")]


def test_killed_and_run_again(tmp_path: Path) -> None:
    check(tmp_path, HARD, 5, [0])


def test_killed_with_workers(tmp_path: Path) -> None:
    check(tmp_path, WORKERS, 3, [2])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [HARD, WORKERS], ids=["held", "read"])
def test_killed_twenty_times(tmp_path: Path, recipe: dict[str, Any]) -> None:
    check(tmp_path, {**recipe, "epochs": 30}, 20, [0, 2])


@pytest.mark.parametrize("room", [5_000, 20_000, 40_000, 60_000])
def test_a_disk_that_is_full_keeps_the_last_checkpoint(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many bytes nothing can be written; with room again, the run ends as it would."""
    recipe = {**HARD, "epochs": 2}
    train(loads(SPEC), stripes(), recipe, tmp_path / "whole", progress=False)
    write, left = checkpoint._Writer.write, [room]

    def until_full(self: Any, data: Any) -> int:
        left[0] -= len(bytes(data))
        if left[0] < 0:
            self.error = OSError(errno.ENOSPC, "No space left on device")
            raise self.error
        return write(self, data)

    folder = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint._Writer, "write", until_full)
        with pytest.raises(TrainError) as caught:
            train(loads(SPEC), stripes(), recipe, folder, progress=False)
    assert caught.value.message.endswith("cannot be written: No space left on device")
    assert caught.value.hint.startswith("make room and run the same command again")
    assert caught.value.exit_code == 2
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".")]
    for file in ("last.pt", "best.pt"):
        if (folder / file).exists():
            assert checkpoint.load(folder / file)["step"] > 0
    train(loads(SPEC), stripes(), recipe, folder, progress=False)
    assert digest(folder) == digest(tmp_path / "whole")
