"""Print where the parameters of a network are, part by part. Needs no PyTorch.

python examples/count.py SPEC [MODEL]
"""

from __future__ import annotations

import sys
from collections import Counter
from math import prod

import archlang


def parameters_by_part(network: archlang.Network) -> Counter[str]:
    """Learned scalars below each name at the top of the module tree, the first parts first."""
    counts: Counter[str] = Counter()
    for node in network.graph.nodes:
        if node.first:  # a later use of shared weights has none of its own
            counts[node.path.split(".")[0]] += sum(prod(shape) for shape in node.params.values())
    return +counts  # the parts that learn something


def main(spec: str, model: str | None = None) -> int:
    """Print the table; the exit code."""
    try:
        network = archlang.load(spec, model)
    except archlang.ArchError as error:
        print(error)
        return 1
    except (archlang.ModelChoiceError, OSError) as error:
        print(error)
        return 2
    total = network.totals.params
    for part, count in parameters_by_part(network).items():
        print(f"{part:<12} {count:>12,} {count / total:>7.1%}")
    print(f"{network.name:<12} {total:>12,}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
