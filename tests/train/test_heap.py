"""Memory freed by one step is there for the next; what is set by hand is left alone."""

import resource
import subprocess
import sys
from textwrap import dedent

import pytest

from archlang.train.heap import _OWN, _glibc

pytestmark = pytest.mark.skipif(_glibc() is None, reason="the C library is not glibc, or is told")

STEPS = """
    from resource import RUSAGE_SELF, getrusage
    from archlang.train.heap import heap_kept

    def faults():
        before = getrusage(RUSAGE_SELF).ru_minflt
        for _ in range(20):
            kept = [bytearray(b'1') * (4 << 20) for _ in range(24)]
            del kept
        return (getrusage(RUSAGE_SELF).ru_minflt - before) / 20

    faults()
    plain = faults()
    with heap_kept():
        faults()
        inside = faults()
    held = int(open("/proc/self/statm").read().split()[1])
    faults()
    print(plain, inside, faults(), held)
"""


def steps(**environment: str) -> list[float]:
    """Pages that a step takes from the system before, inside and after; pages held then."""
    run = subprocess.run(
        [sys.executable, "-c", dedent(STEPS)],
        env={"PATH": "", "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in run.stdout.split()]


def test_a_step_takes_no_new_pages() -> None:
    page = resource.getpagesize()
    whole = 24 * (4 << 20) / page
    before, inside, after, held = steps()
    assert before > whole / 4, "glibc gives pages back by itself, or there is nothing to mend"
    assert inside < whole / 100
    assert after > whole / 4, "afterwards it does so again"
    assert held * page < 1 << 30


@pytest.mark.parametrize("name", _OWN)
def test_thresholds_of_the_environment_are_left(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _glibc() is not None
    monkeypatch.setenv(name, "131072")
    assert _glibc() is None


def test_tunables_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=131072")
    assert _glibc() is None
