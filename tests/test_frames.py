"""Calls that go deep map no memory again and again."""

from __future__ import annotations

import sys

import pytest

from archlang.frames import roomy

resource = pytest.importorskip("resource")
CALLS = 300


def leaf(value: int) -> int:
    return value + 1


def faults_at(depth: int) -> int:
    """The pages that a loop of calls asks for, so many calls deep."""
    if depth:
        return faults_at(depth - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for turn in range(CALLS):
        leaf(turn)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


def worst() -> int:
    """The most of them, over more depths than a chunk of frames has room for."""
    return max(map(faults_at, range(300)))


def test_no_depth_maps_memory_with_each_call() -> None:
    assert roomy(worst)() < CALLS // 10


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or not sys.platform.startswith("linux"),
    reason="other systems hand out memory in other ways",
)
@pytest.mark.skipif(sys.version_info[:2] > (3, 12), reason="measured on 3.11 and 3.12")
def test_without_room_some_depth_does() -> None:
    assert worst() > CALLS // 2


def test_a_function_stays_what_it_is() -> None:
    @roomy
    def share(part: int, *, of: int = 4) -> float:
        """What a part is of a whole."""
        return part / of

    assert share.__doc__ == "What a part is of a whole."
    assert share.__name__ == "share"
    assert share(1) == 0.25
    assert share(part=1, of=2) == 0.5
    with pytest.raises(ZeroDivisionError):
        share(1, of=0)
