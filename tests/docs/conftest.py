"""A folder that looks like the repository's root, for commands that write beside the specs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

Shell = Callable[[str], str]
SHIMS = {"archlang": "-m archlang", "python": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The repository's root as a user sees it, but one that may be written to."""
    folder = tmp_path / "root"
    folder.mkdir()
    for name in ("specs", "examples", "docs"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def shell(root: Path, tmp_path: Path) -> Shell:
    """Runs a line in ``root`` with ``archlang`` and ``python`` at hand; what it printed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in SHIMS.items():
        shim = programs / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        shim.chmod(0o755)
    environment = {
        **os.environ,
        "COLUMNS": "100",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "OMP_NUM_THREADS": "1",
    }
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)

    def run(line: str) -> str:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.stdout.decode()

    return run
