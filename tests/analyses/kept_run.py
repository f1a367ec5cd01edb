"""Bytes kept by many random networks: ``python -m tests.analyses.kept_run 1000 [first seed]``."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator

import torch

import archlang
from tests.analyses.saved_tensors import MODES, mismatch
from tests.properties.comparison import at_its_size
from tests.properties.eager import steady
from tests.properties.generator import network
from tests.properties.text import spec

ALONE = re.compile("Expected more than 1 (value per channel|spatial element)")
"""What PyTorch refuses in training alone."""


def accepted(count: int, first: int = 0) -> Iterator[tuple[int, str, archlang.Network]]:
    """Seed, text and network of as many random networks that archlang accepts."""
    seed = first
    while count:
        with steady():
            text = spec(network(seed), seed)
        try:
            yield seed, text, at_its_size(text)
            count -= 1
        except archlang.ArchError:
            pass
        seed += 1


def wrong(built: archlang.Network) -> str | None:
    """Where the figures of a network differ; None where it cannot be trained."""
    try:
        return mismatch(built)
    except ValueError as error:
        if ALONE.match(str(error)):
            return None
        raise


def main(count: int, first: int = 0) -> int:
    """Print what came of comparing ``count`` networks; the number of mismatches."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started = time.monotonic()
    compared = found = untrained = 0
    for seed, text, built in accepted(sys.maxsize, first):
        if compared == count:
            break
        said = wrong(built)
        untrained += said is None
        compared += said is not None
        if said:
            found += 1
            print(f"seed {seed}:\n{said}\n{text}", flush=True)
    print(
        f"{compared} networks compared in {len(MODES)} modes, {untrained} that PyTorch cannot "
        f"train at a batch of 2; {found} with a mismatch, {time.monotonic() - started:.0f} s"
    )
    return found


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:])), 1))
