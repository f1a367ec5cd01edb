"""Room for the frames of calls that go deep.

CPython keeps them in chunks of 16 KiB: with the last frame in it a chunk goes back to the system,
and the next call past its start maps it anew. Where a loop stands near the end of one, each turn
pays for that, as much as for all else that it does. A frame of half a mebibyte has a chunk to fit
it, with as much room behind it; of the memory in it only what is used is ever there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
SLOTS = 70_000
"""Values that the frame is said to need place for: 8 bytes each, so more than half a mebibyte."""


def roomy(work: Callable[P, T]) -> Callable[P, T]:
    """The same function, with room for all that it calls."""

    def run(*args: P.args, **options: P.kwargs) -> T:
        return work(*args, **options)

    if sys.implementation.name == "cpython":
        run.__code__ = run.__code__.replace(co_stacksize=SLOTS)
    return wraps(work)(run)
