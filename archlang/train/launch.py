"""Several processes on this computer that train together, started again when one is lost."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from archlang.train.errors import InterruptedRunError, TrainError

RESTARTS = 3
"""How often lost processes are started anew; each time the run goes on from ``last.pt``."""
LAUNCHED = "ARCHLANG_LAUNCHED"
"""Set in processes whose parent says what they ended with."""
_TOLD = "archlang"


def launch(command: Sequence[str], count: int, restarts: int = RESTARTS) -> None:
    """Run ``python COMMAND`` in ``count`` processes that know of one another, as torchrun does.

    Where one is killed, all are started again. Raises the ``TrainError`` that one of them
    ended with (see ``tell``), or says which was lost once too often.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ[LAUNCHED] = "1"
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
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as failed:
            for failure in failed.failures.values():
                if told := _told(failure.message):
                    raise told from None
            rank, first = failed.get_first_failure()
            if first.exitcode > 0 or not left:
                how = f"ended with {first.exitcode}" if first.exitcode > 0 else "was lost"
                raise TrainError(
                    f"process {rank} of {count} {how}",
                    "its own words stand above; the same command goes on from the last checkpoint",
                ) from None
            print(f"process {rank} was lost; all {count} start again", file=sys.stderr)
        else:
            return


def tell(error: TrainError) -> None:
    """Leave ``error`` for the process that started this one."""
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        interrupted = isinstance(error, InterruptedRunError)
        told = {_TOLD: [error.message, error.hint, error.exit_code, interrupted]}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"message": json.dumps(told)}, file)


def _told(message: Any) -> TrainError | None:
    try:
        text, hint, code, interrupted = json.loads(message)[_TOLD]
    except (ValueError, TypeError, KeyError):
        return None
    return (InterruptedRunError if interrupted else TrainError)(text, hint, exit_code=code)
