"""Random networks whose receptive fields are held against PyTorch: ``python -m … [how many]``."""

from __future__ import annotations

import sys

from tests.analyses.receptive import Counts, compare_drawn, compare_made
from tests.properties.eager import steady


def main(count: int, first: int = 0) -> int:
    """Compare so many networks of each kind, print what differs, and give how many did."""
    counts = Counts()
    with steady():
        for seed in range(first, first + count):
            compare_made(seed, counts)
            compare_drawn(seed, counts)
    for wrong in counts.wrong:
        print(wrong)
    ran = counts.exact + counts.blurred
    print(f"{ran} networks, {counts.exact} of them to the channel; {len(counts.wrong)} differ")
    return len(counts.wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500) > 0)
