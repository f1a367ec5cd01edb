"""A program that follows files, run as a process: what it says is waited for, not slept for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
T = TypeVar("T")


def soon(found: Callable[[], T]) -> T:
    """What is found once it is found."""
    end = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < end, "that was awaited in vain"
        time.sleep(0.02)
    return value


class Following:
    """A running program, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process, self.folder = process, folder

    @property
    def out(self) -> str:
        return (self.folder / "said.out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "said.err").read_text()

    def times(self, count: int) -> None:
        """Wait until it has done its work so many times."""
        soon(lambda: self.err.count("; watching ") >= count)
        assert self.err.count("; watching ") == count

    def interrupt(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@contextmanager
def following(folder: Path, *arguments: str) -> Iterator[Following]:
    """Run a command of the program in a folder, meanwhile."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [sys.executable, "-c", RUN, *arguments]
    with (folder / "said.out").open("wb") as out, (folder / "said.err").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=environment)
    try:
        yield Following(process, folder)
    finally:
        process.kill()
        process.wait()


RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from archlang.cli import main
main()
"""
"""The program; where tests run in the background, an interrupt is ignored unless it says so."""
