"""Worker processes: work handed out by number, and its results in order."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from archlang.train.errors import TrainError
from archlang.wording import count as count_text

Tell = Callable[[int, int], None]
"""Is told how many are done, of how many."""


def deaf(_: int) -> None:
    """A worker leaves Ctrl-C and SIGTERM to its parent, which writes a checkpoint first.

    A second SIGTERM ends it: what its parent sends when a worker does not end by itself.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


@dataclass
class _Work(Dataset[Any]):
    """A piece of work for each number."""

    work: Callable[[int], Any]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        try:
            return self.work(index)
        except TrainError as error:
            # Handed over, not raised: a worker's exceptions reach its parent as a long text.
            return error


def done(work: Callable[[int], Any], count: int, workers: int = 0) -> Iterator[Any]:
    """``work(0)`` to ``work(count - 1)``, by so many processes, or here for 0.

    Raises the ``TrainError`` of a piece in its turn. ``work`` can be pickled.
    """
    pieces = _Work(work, count)
    if not workers or count < 2:
        for number in range(count):
            yield _whole(pieces[number])
        return
    for result in loaded(pieces, min(workers, count), batch_size=None):
        yield _whole(result)


def loaded(samples: Dataset[Any], workers: int, **options: Any) -> Iterator[Any]:
    """What PyTorch's loader yields from ``workers`` processes, which end when this does."""
    with warnings.catch_warnings():
        # More workers than cores is a user's choice, of which ``crowded`` has told already.
        warnings.filterwarnings("ignore", "This DataLoader will create")
        made: Any = iter(
            DataLoader(
                samples,
                num_workers=workers,
                worker_init_fn=deaf,
                # Its own, or starting it would draw from what weights and dropout are drawn from.
                generator=torch.Generator(),
                **options,
            )
        )
    try:
        yield from made
    finally:
        # Not left to the collector: an exception may hold it until the program ends, which then
        # would wait for its workers.
        made._shutdown_workers()


def crowded(workers: int) -> str:
    """What to say of more processes than this one may use cores; "" where there are not more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores is None or workers <= cores:
        return ""
    here = count_text(cores, "core")
    return f"{workers} workers for {here}: more than {cores} help only where they wait for a disk"


def _whole(result: Any) -> Any:
    if isinstance(result, TrainError):
        raise result
    return result
