"""All benchmarks, one after another, in one table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.paired import ROOT, Row, main

NAMES = (
    "processes",
    "totals",
    "growth",
    "analyses",
    "drawing",
    "building",
    "compiled",
    "families",
    "training",
)


def run_alone(name: str) -> list[Row]:
    """The rows of one benchmark, run in a process of its own, as on its own command line."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "rows.json")
        argv = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(file)]
        subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        return [Row.from_json(data) for data in json.loads(file.read_text())]


def run() -> list[Row]:
    rows: list[Row] = []
    for name in NAMES:
        print(f"{name} ...", file=sys.stderr)
        rows.extend(run_alone(name))
    return rows


if __name__ == "__main__":
    main(run)
