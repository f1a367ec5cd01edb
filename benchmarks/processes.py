"""Whole processes: from a shell's prompt to what ResNet-152 costs.

The peer is torchinfo on torchvision's model, both on the meta device, so that no tensor is
made. Other forms of the same (`input_size`, no initialisation) took as long: it is imports.
"""

from __future__ import annotations

import sys
from functools import partial
from tempfile import TemporaryDirectory

from benchmarks.paired import RESNET, ROOT, Goal, Row, in_turn, main, peak_row, process, time_row

ROUNDS = 9
PEER = """
import torch
from torchinfo import summary
from torchvision.models import resnet152

with torch.device("meta"):
    model = resnet152()
    image = torch.empty(1, 3, 224, 224)
with torch.inference_mode():
    summary(model, input_data=image, device="meta", mode="eval")
"""


def rows(command: str, bytecode: str) -> list[Row]:
    """Time and memory of one of archlang's commands."""
    spec = str(RESNET.relative_to(ROOT))
    ours = [sys.executable, "-m", "archlang", command, spec, "--model", "resnet152"]
    theirs = [sys.executable, "-c", PEER]
    run_ours, run_theirs = partial(process, ours, bytecode), partial(process, theirs, bytecode)
    pairs = in_turn(run_ours, run_theirs, ROUNDS)
    what, peer = f"archlang {command}, ResNet-152", "torchinfo on meta"
    return [
        time_row(what, peer, pairs, Goal("at least", 10)),
        peak_row(what, peer, pairs, Goal("at least", 8)),
    ]


def run() -> list[Row]:
    with TemporaryDirectory() as bytecode:
        return [*rows("check", bytecode), *rows("summary", bytecode)]


if __name__ == "__main__":
    main(run)
