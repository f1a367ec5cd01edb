"""Runs of one process and of two by each recipe that what they share could make differ.

``python -m tests.train.alike OUT NAME …`` leaves a folder ``NAME-one``, ``NAME-ddp`` and
``NAME-fsdp`` for each, and prints how their processes ended.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.train import mixed, several
from tests.train.networks import stripes
from tests.train.team import SPEC, team

SIDE = """
model side {
    input image: [1, 8, 8]
    body = conv(3x3, 4) -> groupnorm(2) -> relu
    dead = body -> conv(1x1, 5)
    early = body -> flatten -> linear(3)
    aux early weight=0.3
    body -> flatten -> linear(16) -> relu -> linear(3)
}
"""
"""With a head that only training has, and a layer that nothing needs."""
RECIPES: dict[str, dict[str, Any]] = {
    "freeze": {"freeze": ["0*"], "layer_decay": 0.7, "clip_norm": 0.5},
    "layer_decay": {"layer_decay": 0.7},
    "mixup": {"augment": {"mixing": {"mixup": 0.4}}},
    "clip": {"clip_norm": 0.05},
    "adamw": {"optimizer": {"name": "adamw", "lr": 0.001}},
    "rmsprop": {"optimizer": {"name": "rmsprop", "lr": 0.001, "momentum": 0.9}},
    "bfloat16": {"dtype": "bfloat16"},
    "float16": {"dtype": "float16"},
    "channels_last": {"channels_last": True},
    "whole": {"save": {"steps": 3, "sharded": False}},
    "side": {},
    "both": {"output_weights": {"column": 0.5}},
    "mixed": {"output_weights": {"where": 2}, "augment": {"shift": 0.1, "rotation": 10}},
}


def main(out: Path, *names: str) -> None:
    ends = {}
    for name in names or RECIPES:
        spec = {"side": SIDE, "both": several.SPEC, "mixed": mixed.SPEC}.get(name, SPEC)
        data = {"both": several.both, "mixed": mixed.mixed}.get(name, stripes)
        for kind, size in (("one", 1), ("ddp", 2), ("fsdp", 2)):
            place = f"{name}-{kind}"
            parallel = "fsdp" if kind == "fsdp" else "ddp"
            ends[place] = team(out / place, size, parallel, spec=spec, data=data, **RECIPES[name])
    print(json.dumps(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
