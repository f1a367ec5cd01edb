"""What holds for all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

# As many tests run at a time as there are processors: threads of PyTorch would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How wide lines are is no matter of what the tests are run in.
os.environ.pop("COLUMNS", None)


@pytest.fixture(autouse=True, scope="module")
def _settled_heap() -> Iterator[None]:
    """What a module leaves behind is not looked at again: measuring memory collects garbage first.

    Over thousands of tests each collection would otherwise take seconds.
    """
    yield
    gc.collect()
    gc.freeze()
