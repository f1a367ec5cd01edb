"""Memory that one step frees and the next takes again stays with the process in between.

glibc gives the top of its heap back to the system as soon as some of it is free, and the system
clears every page before it hands it out again. Steps on the CPU spend a tenth of their time so.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# From malloc.h; mallopt(3) says what they do.
_TRIM, _MMAP = -1, -3
_LARGEST = 32 << 20
"""Bytes of the smallest block that has pages of its own: what glibc itself comes to on 64 bits."""
_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")


def _glibc() -> Any:
    """The C library, if it is glibc and the user has not told it how to keep memory."""
    if sys.platform != "linux" or any(name in os.environ for name in _OWN):
        return None
    if "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


@contextmanager
def heap_kept() -> Iterator[None]:
    """Inside, freed memory stays with this process; afterwards what is free is given back.

    The most that is held at once is the same. Nothing changes where the C library is not glibc,
    nor where the environment sets its thresholds.
    """
    library = _glibc()
    if library is None:
        yield
        return
    # Setting one threshold ends glibc's own adjustment of both, so both are set, and left
    # where it would have brought them.
    library.mallopt(_MMAP, _LARGEST)
    library.mallopt(_TRIM, 2**31 - 1)
    try:
        yield
    finally:
        library.mallopt(_TRIM, 2 * _LARGEST)
        library.malloc_trim(ctypes.c_size_t(0))
