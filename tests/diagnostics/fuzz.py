"""Fuzzing guided by coverage, for as long as is asked for.

    python -m tests.diagnostics.fuzz --minutes 10

With atheris, libFuzzer keeps what reaches code that nothing before it did. What it keeps goes to
the folder ``--keep``; what is worth it, into ``corpus/``. Needs ``pip install 'archlang[fuzz]'``.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    """Run libFuzzer; it ends the process by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["archlang"]):
        from tests.diagnostics.fuzzing import changed, holds

    def one(data: bytes) -> None:
        holds(data.decode("utf-8", errors="replace"))

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        r = random.Random(seed)
        if r.random() < 0.2:
            return bytes(atheris.Mutate(data, most))
        return changed(data.decode("utf-8", errors="replace"), r).encode("utf-8", "replace")[:most]

    options.keep.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0], str(options.keep), str(CORPUS),
        f"-max_total_time={int(60 * options.minutes)}", "-max_len=4000", "-timeout=30",
        "-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={options.keep}/",
    ]  # fmt: skip
    atheris.Setup(arguments, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
