"""Building ResNet-50: a module with weights, from its graph and from its file."""

from __future__ import annotations

import archlang
from benchmarks.paired import RESNET, Goal, Row, main, time_row, timed

THREADS = 2
ROUNDS = 15


def run() -> list[Row]:
    import torch
    from torchvision.models import resnet50

    torch.set_num_threads(THREADS)
    network = archlang.load(RESNET, model="resnet50")

    def from_file() -> object:
        return archlang.load(RESNET, model="resnet50").to_torch()

    rows = []
    for start, build in (("its graph", network.to_torch), ("its file", from_file)):
        what, pairs = f"building ResNet-50 from {start}", timed(build, resnet50, ROUNDS)
        rows.append(time_row(what, "torchvision", pairs, Goal("at most", 1.2)))
    return rows


if __name__ == "__main__":
    main(run)
