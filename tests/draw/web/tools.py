"""What the tests of the page need that a machine may lack."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

MUST = os.environ.get("ARCHLANG_BROWSER_TESTS") == "1"
"""Whether a missing tool fails a test, as in CI."""


def missing(reason: str) -> NoReturn:
    """Skip a test for want of a tool; fail where all tools have to be there."""
    if MUST:
        pytest.fail(f"{reason}, and ARCHLANG_BROWSER_TESTS is 1")
    pytest.skip(reason)
