"""The loop written by hand in a process of its own, which takes steps when it is told to.

How the C library keeps freed memory is a setting of a whole process: in archlang's, the loop
would have it from archlang.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from torch import nn

from benchmarks.paired import Cost, Turn, turn_of
from benchmarks.plain import Loop, Part, Plan


@contextmanager
def apart(by_hand: Callable[[], nn.Module], learn: Part, plan: Plan) -> Iterator[Turn]:
    """What takes so many steps there, and says what they cost; it ends with the context."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    arguments = (there, by_hand, learn, plan, torch.get_num_threads())
    child = context.Process(target=_serve, args=arguments, daemon=True)
    child.start()
    there.close()

    def take(steps: int) -> Cost:
        here.send(steps)
        cost: Cost = here.recv()
        return cost

    try:
        yield take
    finally:
        here.close()
        child.join()


def _serve(
    pipe: Connection, by_hand: Callable[[], nn.Module], learn: Part, plan: Plan, threads: int
) -> None:
    """Take steps until nobody asks any more."""
    torch.set_num_threads(threads)
    take = turn_of(Loop(by_hand(), learn, learn, plan).steps())
    while True:
        try:
            steps = pipe.recv()
        except EOFError:
            return
        pipe.send(take(steps))
