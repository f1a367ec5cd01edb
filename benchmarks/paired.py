"""The measuring: two things run in turn, the ratio taken pair by pair.

A machine's speed drifts, so nothing is compared that did not run right after one another;
which of the two goes first alternates. Of the ratios the median is what counts. Processor
time is taken beside wall time: it stands still while others have the machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from time import perf_counter, process_time, thread_time
from typing import Any, Literal, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
RESNET = ROOT / "specs" / "resnet.arch"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median ratio has to reach: ``at least`` a limit, or ``at most``."""

    sense: Literal["at least", "at most"]
    limit: float

    def met(self, ratio: float) -> bool:
        return ratio >= self.limit if self.sense == "at least" else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.sense == 'at least' else '<='} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: wall and processor seconds; peak resident MiB of a whole process."""

    wall: float
    cpu: float
    peak: float = 0.0


Pairs: TypeAlias = list[tuple[Cost, Cost]]
"""Ours and theirs, round by round."""
Turn: TypeAlias = Callable[[int], Cost]
"""Takes so many steps, and says what they cost."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: ratios of pairs, and the goal for their median.

    ``cpu`` are the ratios of processor time, where ``ratios`` are of wall time.
    """

    what: str
    peer: str
    ratios: list[float]
    goal: Goal
    cpu: list[float] | None = None

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """``met`` or ``not met``."""
        return "met" if self.goal.met(self.median) else "not met"

    def to_json(self) -> dict[str, Any]:
        """Plain data, the numbers that follow from the ratios included."""
        data = asdict(self)
        low, high = min(self.ratios), max(self.ratios)
        return {**data, "median": self.median, "min": low, "max": high, "verdict": self.verdict}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """The row that ``to_json`` wrote."""
        goal = Goal(**data["goal"])
        return cls(data["what"], data["peer"], data["ratios"], goal, data["cpu"])


def time_row(what: str, peer: str, pairs: Pairs, goal: Goal) -> Row:
    """How many times faster ours is, where the goal is ``at least``; else times as long."""
    wall = [ratio(goal, a.wall, b.wall) for a, b in pairs]
    cpu = [ratio(goal, a.cpu, b.cpu) for a, b in pairs]
    words = "times faster" if goal.sense == "at least" else "times as long"
    return Row(f"{what}: {words}", peer, wall, goal, cpu)


def peak_row(what: str, peer: str, pairs: Pairs, goal: Goal) -> Row:
    """How many times leaner ours is, where the goal is ``at least``; else times as large."""
    words = "times leaner" if goal.sense == "at least" else "times as large"
    return Row(f"{what}: {words}", peer, [ratio(goal, a.peak, b.peak) for a, b in pairs], goal)


def ratio(goal: Goal, ours: float, theirs: float) -> float:
    """Theirs to ours if more is better, else ours to theirs."""
    return theirs / ours if goal.sense == "at least" else ours / theirs


def in_turn(
    ours: Callable[[], Cost], theirs: Callable[[], Cost], rounds: int, warm_up: int = 1
) -> Pairs:
    """What both take in each round, after rounds that do not count."""
    pairs: Pairs = []
    for number in range(rounds + warm_up):
        if number % 2:
            b, a = theirs(), ours()
        else:
            a, b = ours(), theirs()
        if number >= warm_up:
            pairs.append((a, b))
    return pairs


def timed(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Pairs:
    """What two calls take in each round."""
    return in_turn(partial(call, ours), partial(call, theirs), rounds)


def call(run: Callable[[], object]) -> Cost:
    """What a call takes; what lies about is collected first, the result dropped after."""
    gc.collect()
    wall, cpu = perf_counter(), process_time()
    result = run()
    cost = Cost(perf_counter() - wall, process_time() - cpu)
    del result
    return cost


def now() -> Cost:
    """Wall time, and the processor time of this thread.

    Not that of a thread which draws a progress bar: it draws by the clock, so on a busy machine
    it would count for more than the steps that are held against one another.
    """
    return Cost(perf_counter(), thread_time())


def since(began: Cost) -> Cost:
    there = now()
    return Cost(there.wall - began.wall, there.cpu - began.cpu)


def turn_of(steps: Iterator[object]) -> Turn:
    """Steps that are taken here, as many at once as are asked for."""

    def take(count: int) -> Cost:
        began = now()
        for _ in range(count):
            next(steps)
        return since(began)

    return take


def process(argv: Sequence[str], bytecode: str) -> Cost:
    """What a whole process takes; what it prints goes to a file that is dropped.

    Compiled Python is kept in the folder ``bytecode`` from the first run on, as it is where
    packages are installed; else a checkout could be compiled anew in each run.

    The system starts a child's peak at what its parent holds: call this from a process that
    has imported nothing large.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    with TemporaryFile("w+") as told:
        wall = perf_counter()
        child = subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=told, stderr=told
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = perf_counter() - wall
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            told.seek(0)
            raise RuntimeError(f"{' '.join(argv)} failed:\n{told.read()}")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


HEADER = ("what", "against", "median", "min", "max", "CPU time", "goal", "")


def table(rows: Sequence[Row]) -> str:
    """The rows as text, in columns."""
    lines: list[tuple[str, ...]] = [HEADER]
    for row in rows:
        numbers = (times(n) for n in (row.median, min(row.ratios), max(row.ratios)))
        cpu = times(median(row.cpu)) if row.cpu else "-"
        lines.append((row.what, row.peer, *numbers, cpu, str(row.goal), row.verdict))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def times(ratio: float) -> str:
    """A ratio with as many digits as tell it from a goal near one."""
    return f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.3f}x"


def report(rows: Sequence[Row], file: str | None = None) -> None:
    """Print the rows, and write them to a file as JSON if one is named."""
    print(table(rows))
    if file is not None:
        Path(file).write_text(json.dumps([r.to_json() for r in rows], indent=2) + "\n")


def main(run: Callable[[], list[Row]]) -> None:
    """The command line of one benchmark."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the ratios there too")
    options = parser.parse_args()
    report(run(), options.json)
