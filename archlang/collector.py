"""Python's garbage collector, kept from looking for garbage where there is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collections while a tree or graph grows: nothing of it is garbage before the end.

    Looking for it would take half of the time of parsing a long spec.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def keep() -> None:
    """What there is now stays to the end, as what was imported does: it is not looked through."""
    gc.freeze()
