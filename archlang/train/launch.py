"""Several processes on this computer that train together, started again when one is lost."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from archlang.train.errors import InterruptedRunError, LostProcessError, TrainError

RESTARTS = 3
"""How often lost processes are started anew; each time the run goes on from ``last.pt``."""
LAUNCHED = "ARCHLANG_LAUNCHED"
"""Set in processes whose parent says what they ended with."""


def launch(command: Sequence[str], count: int, restarts: int = RESTARTS) -> None:
    """Run ``python COMMAND`` in ``count`` processes that know of one another, as torchrun does.

    Where one is killed, all are started again. Raises the ``TrainError`` that one of them
    ended with (see ``tell``), or says which was lost once too often.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # What it logs of processes that end is said here.
    for name in ("torch.distributed", "torch.distributed.elastic.agent.server.api"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or it warns where a process is lost
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    for left in range(restarts, -1, -1):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.2,
        )
        try:
            with _launching():
                elastic_launch(config, sys.executable)(*command)
            return
        except ChildFailedError as failed:
            lost = _lost(failed, count)
        except SignalException as stopped:
            raise InterruptedRunError(
                f"stopped by {stopped.sigval.name}; the last step is saved",
                "run the same command again to go on",
                exit_code=128 + stopped.sigval,
            ) from None
        if not left:
            raise TrainError(
                f"{lost} once too often", "the same command goes on from the last save"
            )
        print(f"{lost}; all {count} start again", file=sys.stderr)


@contextmanager
def _launching() -> Iterator[None]:
    """Processes that are started inside know it; afterwards this one is as it was."""
    before = os.environ.get(LAUNCHED)
    os.environ[LAUNCHED] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[LAUNCHED]
        else:
            os.environ[LAUNCHED] = before


def _lost(failed: Any, count: int) -> str:
    """Which process was lost; raises the ``TrainError`` that one ended with by itself."""
    ends = failed.failures.values()
    for failure in ends:
        if told := _told(failure.message):
            raise told from None
    signalled = [f for f in ends if f.exitcode < 0]
    rank, first = failed.get_first_failure()
    if not signalled and first.exitcode != LostProcessError().exit_code:
        raise TrainError(
            f"process {rank} of {count} ended with {first.exitcode}",
            "its own words stand above; the same command goes on from the last save",
        ) from None
    gone = signalled[0].local_rank if signalled else rank
    return f"process {gone} of {count} was lost"


def tell(error: TrainError) -> None:
    """Leave ``error`` for the process that started this one."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path and not isinstance(error, LostProcessError):
        with open(path, "w", encoding="utf-8") as file:
            # torchrun shows it as it is.
            json.dump({"message": error.to_text() if LAUNCHED in os.environ else str(error)}, file)


def _told(message: Any) -> TrainError | None:
    try:
        return TrainError.from_text(message)
    except (ValueError, TypeError, KeyError):
        return None
