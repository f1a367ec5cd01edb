"""Two processes, of which the second meets with trouble.

``python -m tests.train.faulty OUT`` prints how they end, for each of ``KINDS``. Started as one of
several, with ``KIND PARALLEL OUT``, it behaves as ``archlang train`` does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import torch
import typer

from archlang import loads
from archlang.cli.train import _explained
from archlang.train import TrainError, loop, train
from tests.train.networks import stripes
from tests.train.team import RECIPE, SPEC, fork, free_port

KINDS = ("image", "nan", "memory", "trial", "evaluation", "disk", "mistake")


def at(count: int, then: Callable[..., Any], what: Callable[..., Any]) -> Callable[..., Any]:
    """``then``, but the ``count``-th call is ``what``."""
    left = [count]

    def call(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        return (what if left[0] == 0 else then)(*args, **kwargs)

    return call


def fail(error: BaseException) -> Callable[..., Any]:
    def raised(*_: Any, **__: Any) -> Any:
        raise error

    return raised


def arm(kind: str, trainer: Any) -> None:
    """Arrange for the trouble, in this process."""
    if kind == "image":
        # Once for the trial run and the first step.
        fetch = trainer.fetch
        trainer.fetch = at(4, fetch, fail(TrainError("cat.png cannot be decoded", exit_code=2)))
    elif kind == "nan":
        gradients = trainer._gradients

        def broken(self: Any, images: torch.Tensor, targets: torch.Tensor) -> Any:
            return gradients(self, images * torch.nan, targets)

        trainer._gradients = at(3, gradients, broken)
    elif kind == "memory":
        trainer._gradients = at(3, trainer._gradients, fail(torch.OutOfMemoryError("no more")))
    elif kind == "trial":
        trainer.check = fail(TrainError("the trial failed"))
    elif kind == "evaluation":
        trainer.finish_epoch = fail(torch.OutOfMemoryError("no more"))
    elif kind == "mistake":
        trainer._update = at(3, trainer._update, fail(ZeroDivisionError("a mistake")))
    elif kind == "disk":
        from torch.distributed.checkpoint.filesystem import FileSystem

        full: Any = FileSystem
        full.create_stream = fail(OSError(28, "No space left on device"))


def member(kind: str, parallel: str, out: Path) -> None:
    """What one process does, and ends with."""
    torch.set_num_threads(1)
    if os.environ["RANK"] == "1":
        arm(kind, loop.Trainer)
    recipe = {**RECIPE, "parallel": parallel}
    try:
        with _explained():
            train(loads(SPEC), stripes(), recipe, out, progress=False)
    except typer.Exit as end:
        sys.exit(end.exit_code)


def both(kind: str, parallel: str, out: Path) -> dict[str, Any]:
    """The exit status of two processes, what they say, and the seconds that it took."""
    said = [out.with_suffix(f".{rank}") for rank in range(2)]
    port, started = free_port(), monotonic()

    def work(rank: int) -> None:
        os.environ.update(RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank))
        os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port))
        sys.stderr = said[rank].open("w")
        try:
            member(kind, parallel, out)
        except ZeroDivisionError:
            print("error: its own traceback", file=sys.stderr)
            sys.exit(1)
        finally:
            sys.stderr.flush()

    children = [fork(lambda rank=rank: work(rank)) for rank in range(2)]  # type: ignore[misc]
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    texts = [path.read_text() for path in said]
    return {"ends": ends, "said": texts, "seconds": monotonic() - started}


def main(out: Path) -> None:
    """Every trouble, as JSON."""
    found = {
        f"{kind}-{parallel}": both(kind, parallel, out / f"{kind}-{parallel}")
        for parallel in ("ddp", "fsdp")
        for kind in KINDS
        if (kind, parallel) != ("disk", "ddp")
    }
    print(json.dumps(found))


if __name__ == "__main__":
    if "RANK" in os.environ:
        member(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]))
