"""Compare many random networks at all heights: ``python -m tests.sizes.run 5000 [first seed]``."""

from __future__ import annotations

import sys
import time
from collections import Counter

import torch

from tests.sizes.witness import compare


def main(count: int, first: int = 0, dense: bool = True) -> int:
    """Print what came of ``count`` networks; the number of mismatches."""
    torch.set_num_threads(1)
    started = time.monotonic()
    counts: Counter[str] = Counter()
    mismatches = 0
    for seed in range(first, first + count):
        result = compare(seed, dense)
        counts += result.counts
        if result.mismatches:
            mismatches += len(result.mismatches)
            print(f"seed {seed}: {'; '.join(result.mismatches[:5])}\n{result.spec}", flush=True)
    print(f"{count} networks: " + ", ".join(f"{n:,} {what}" for what, n in counts.items()))
    print(f"{mismatches} mismatches, {time.monotonic() - started:.0f} s")
    return mismatches


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:])), 1))
