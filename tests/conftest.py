"""What holds for all tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _settled_heap() -> Iterator[None]:
    """What a module leaves behind is not looked at again: measuring memory collects garbage first.

    Over thousands of tests each collection would otherwise take seconds.
    """
    yield
    gc.collect()
    gc.freeze()
