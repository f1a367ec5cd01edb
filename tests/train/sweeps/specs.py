"""A small spec to sweep over, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.elaborate import Program
from archlang.source import Source
from archlang.train.sweeps.api import ask_of
from archlang.train.sweeps.ask import Ask

NET = """\
model net(width = 4, repeats = 1, classes = 3) {
    input image: [1, 8, 8]
    { conv(3x3, width) -> bn -> relu } x repeats
    flatten -> dropout(0.5) -> linear(classes)
}

model plain(classes = 3, seed = 1) {
    input image: [1, 8, 8]
    flatten -> linear(classes)
}

# Its halves meet where `width` is 8.
model picky(width = 8) {
    input image: [1, 8, 8]
    conv(3x3, 8) -> relu
    residual { conv(3x3, width) }
    flatten -> linear(3)
}
"""


def asked(settings: Mapping[str, Any], *models: str, **options: Any) -> Ask:
    program = Program(Source("net.arch", NET))
    return ask_of(program, models or ("net",), settings, **options)
