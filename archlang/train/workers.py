"""Worker processes: work handed out by number, and its results in order."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from archlang.train.errors import TrainError

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
    with warnings.catch_warnings():
        # More workers than cores is a user's choice: disks may be what they wait for.
        warnings.simplefilter("ignore")
        made: Any = iter(
            DataLoader(
                pieces,
                batch_size=None,
                num_workers=min(workers, count),
                worker_init_fn=deaf,
                # Its own, or starting it would draw from what weights are drawn from.
                generator=torch.Generator(),
            )
        )
    try:
        for result in made:
            yield _whole(result)
    finally:
        made._shutdown_workers()


def _whole(result: Any) -> Any:
    if isinstance(result, TrainError):
        raise result
    return result
