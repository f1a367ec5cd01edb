"""Growth: ten times the layers may take little more than ten times as long.

The specs are written out line by line, with residuals, and no repetition helps.
"""

from __future__ import annotations

from collections.abc import Callable

import archlang
from benchmarks.paired import Goal, Row, main, time_row, timed

SMALL, LARGE = 1_000, 10_000
ROUNDS = 15

PLAIN = ("conv(3x3, 16, bias=false)", "bn", "relu")
RESIDUAL = """    residual {
        conv(3x3, 16, bias=false)
        bn
        relu
        conv(3x3, 16, bias=false)
        bn
      | identity
    }
    relu
"""
"""Eight layers, the identity and the merge counted; all its lines but one."""


def spec(layers: int) -> str:
    """A network of just so many layers: two plain triples and a residual, again and again."""
    plain = "".join(f"    {line}\n" for line in PLAIN)
    whole, rest = divmod(layers, 2 * len(PLAIN) + RESIDUAL.count("\n") - 1)
    body = (plain * 2 + RESIDUAL) * whole + "    relu\n" * rest
    return f"model tall {{\n    input image: [16, 32, 32]\n{body}}}\n"


def totals(text: str) -> Callable[[], int]:
    return lambda: archlang.loads(text).totals.params


def run() -> list[Row]:
    texts = {layers: spec(layers) for layers in (SMALL, LARGE)}
    for layers, text in texts.items():
        nodes = len(archlang.loads(text).graph.nodes) - 1
        assert nodes == layers, f"{nodes} layers, not {layers}"
    pairs = timed(totals(texts[LARGE]), totals(texts[SMALL]), ROUNDS)
    what, peer = f"text to totals, {LARGE:,} layers", f"{SMALL:,} layers"
    return [time_row(what, peer, pairs, Goal("at most", 12))]


if __name__ == "__main__":
    main(run)
