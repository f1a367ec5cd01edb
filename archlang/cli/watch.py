"""Doing something again whenever a spec is saved: what ``--watch`` is.

Files are looked at a few times a second, by name. So one that an editor replaces, deletes and
writes again, or that is not there yet, is followed as any other, on every kind of file system.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeAlias

import typer

from archlang.cli.common import CLEAN, USAGE, stop
from archlang.cli.settings import settings_file
from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.elaborate.files import read_source

EVERY = 0.1
"""Seconds between two looks."""
QUIET = 0.15
"""Seconds without a change after which a file is taken to be saved."""
PATIENCE = 2.0
"""Seconds after which a file that never rests is read all the same."""
CLEAR = "\033[2J\033[3J\033[H"

State: TypeAlias = tuple[int, int, int] | None
"""When a file was changed, its size and which one it is; None where there is none."""


class Files:
    """Files, and what they were when they were last looked at."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self.known: dict[Path, State] = {path: state(path) for path in paths}

    def follow(self, paths: Iterable[Path], since: int) -> bool:
        """Look at these from now on; whether a new one was changed after ``since``."""
        before = self.known
        self.known = {path: before[path] if path in before else state(path) for path in paths}
        new = [self.known[path] for path in self.known if path not in before]
        return any(found is not None and found[0] > since for found in new)

    def changed(self) -> bool:
        """Whether any is not what it was; it is then taken to be as it is now."""
        now = {path: state(path) for path in self.known}
        other = now != self.known
        self.known = now
        return other

    def wait(self) -> None:
        """Return when a change was made and nothing has changed for a moment."""
        while not self.changed():
            time.sleep(EVERY)
        start = last = time.monotonic()
        while time.monotonic() < min(last + QUIET, start + PATIENCE):
            time.sleep(EVERY / 4)
            if self.changed():
                last = time.monotonic()


def state(path: Path) -> State:
    """What tells one version of a file from another."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def again(files: Iterable[str], once: Callable[[], None], *, clear: bool = True) -> NoReturn:
    """Do something now, and again whenever one of ``files``, or one that they use, is saved.

    ``once`` may end the program, which ends it for that time. It ends for good where the first
    time shows that it was asked for wrongly; else only an interrupt ends it. ``clear`` empties a
    terminal each time.
    """
    paths = [Path(file) for file in files]
    if any(str(path) == "-" for path in paths):
        stop("--watch follows files, so it takes no standard input")
    first, found = True, Files(paths)
    while True:
        if clear and sys.stdout.isatty():
            print(CLEAR, end="")
        began = time.time_ns()
        code = _code(once)
        if first and code == USAGE:
            raise typer.Exit(USAGE)
        first = False
        missed = found.follow(dict.fromkeys(_with_used(paths)), began)
        _say(code, len(found.known))
        if not missed:
            found.wait()


def _with_used(paths: Iterable[Path]) -> Iterator[Path]:
    """Specs, the files that they use, as far as they can be read, and what their project says."""
    for path in paths:
        yield path
        if (project := settings_file(str(path))) is not None:
            yield project
        with suppress(OSError, ArchError):
            used = Program(read_source(path), str(path.resolve())).used
            yield from (Path(key) for key in used if not key.startswith("std/"))


def _code(once: Callable[[], None]) -> int:
    """How it ends once."""
    try:
        once()
    except typer.Exit as ended:
        return ended.exit_code
    return CLEAN


def _say(code: int, count: int) -> None:
    """When that was and how it went, on standard error."""
    sys.stdout.flush()
    went = "no errors" if code == CLEAN else "errors"
    what = "the file" if count == 1 else f"{count} files"
    print(f"{datetime.now():%H:%M:%S} {went}; watching {what}", file=sys.stderr, flush=True)
