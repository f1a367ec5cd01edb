"""Compare many random networks: ``python -m tests.properties.run 20000 [first seed]``."""

from __future__ import annotations

import sys
import time
from collections import Counter

import torch

from tests.properties.comparison import compare


def main(count: int, first: int = 0) -> int:
    """Print what came of ``count`` networks; the number of mismatches."""
    torch.set_num_threads(1)
    started = time.monotonic()
    counts: Counter[str] = Counter()
    mismatches = 0
    for seed in range(first, first + count):
        result = compare(seed)
        counts[result.refusal or "accepted"] += 1
        if result.mismatch:
            mismatches += 1
            print(f"seed {seed}: {result.mismatch}\n{result.text}", flush=True)
    accepted = counts.pop("accepted", 0)
    print(f"{count} networks: {accepted} accepted, {count - accepted} rejected")
    print(", ".join(f"{reason} {n}" for reason, n in counts.most_common()))
    print(f"{mismatches} mismatches, {time.monotonic() - started:.0f} s")
    return mismatches


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:])), 1))
