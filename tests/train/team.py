"""Runs of one process and of two, which are forks of this one: PyTorch is loaded once.

``python -m tests.train.team OUT`` leaves a folder for each and prints how their processes ended.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo
import torch.distributed.fsdp
import torch.distributed.tensor
import torch.profiler
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

from archlang import loads
from archlang.train import Data, train
from archlang.train.progress import Reporter
from tests.train.networks import stripes

SPEC = """
model team {
    input image: [1, 8, 8]
    conv(3x3, 4) -> groupnorm(2) -> relu -> flatten -> linear(16) -> relu -> linear(3)
}
"""
RECIPE: dict[str, Any] = {
    "optimizer": {"name": "sgd", "lr": 0.1},
    "batch_size": 10,
    "epochs": 4,
    "accumulate": 2,
    "clip_norm": 1.0,
    "ema": {"decay": 0.9},
    "augment": {"shift": 0.1},
    "save": {"steps": 3},
    "device": "cpu",
}
"""49 images: 20 steps in batches of 10, the last of each epoch being shared unevenly."""


class Killer(Reporter):
    """Kills its process after a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(cut: str, rank: int) -> None:
    """Arrange to be killed when the parts of ``last.pt`` at step 5 are written, or named.

    Its parts are the third that a process writes: after those of step 3, and of the best.
    """
    left = [3]

    def dying(then: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= counts(*args)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return then(*args, **kwargs)

        return call

    if cut == "parts" and rank == 1:
        writer: Any = HuggingFaceStorageWriter
        writer.write_data = dying(writer.write_data, lambda *_: True)
    elif cut == "name" and rank == 0:
        patched: Any = os
        patched.replace = dying(os.replace, lambda _, to: str(to).endswith(".pt"))


def fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        torch.set_num_threads(1)
        work()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    except BaseException as error:
        print(f"{type(error).__name__}: {error}"[:200], file=sys.stderr, flush=True)
        os._exit(3)
    os._exit(0)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def team(
    out: Path,
    size: int,
    parallel: str = "ddp",
    kill: int = 0,
    cut: str = "",
    spec: str = SPEC,
    data: Callable[[], Data] = stripes,
    **changes: Any,
) -> list[int]:
    """The exit status of every process; with ``kill``, the first is killed after that step.

    With ``cut`` one is killed as ``arm`` says. ``changes`` are other fields of the recipe.
    """
    port = free_port()

    def member(rank: int) -> None:
        if size > 1:
            os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank))
            os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port))
        recipe = {**RECIPE, "parallel": parallel, **changes}
        arm(cut, rank)
        progress = Killer(kill) if kill else False
        train(loads(spec), data(), recipe, out, progress=progress)

    children = [fork(lambda rank=rank: member(rank)) for rank in range(size)]  # type: ignore[misc]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main(out: Path) -> None:
    """Every run that the tests look at."""
    ends: dict[str, list[int]] = {"one": team(out / "one", 1)}
    for parallel in ("ddp", "fsdp"):
        ends[parallel] = team(out / parallel, 2, parallel)
        lost = out / f"{parallel}-lost"
        ends[f"{parallel}-lost"] = team(lost, 2, parallel, kill=8)
        ends[f"{parallel}-again"] = team(lost, 2, parallel)
    for cut in ("parts", "name"):
        ends[f"{cut}-lost"] = team(out / cut, 2, "fsdp", cut=cut)
        shutil.copytree(out / cut, out / f"{cut}-lost")
        ends[cut] = team(out / cut, 2, "fsdp")
    ends["spread-lost"] = team(out / "spread", 1, kill=8)
    ends["spread"] = team(out / "spread", 2, "fsdp")
    moved = out / "moved"
    ends["moved-lost"] = team(moved, 2, "fsdp", kill=8)
    ends["moved"] = team(moved, 1)
    print(json.dumps(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
