"""Runs of real networks, so small that they are trained in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import archlang
from archlang.network import Network
from archlang.train import Result, train
from tests.train.networks import stripes

SMALL = """\
model small(width = 16, classes = 3, p = 0.5) {
    input image: [1, 8, 8]
    flatten
    hidden = linear(width); norm = bn; dropout(p)
    head = linear(classes)
}
"""


def small(**settings: Any) -> Network:
    return archlang.loads(SMALL, settings=settings)


def run(out: Path, network: Network | None = None, data: Any = None, **recipe: Any) -> Result:
    fields = {"epochs": 2, "batch_size": 16, "device": "cpu", **recipe}
    return train(network or small(), data or stripes(), fields, out, progress=False)
