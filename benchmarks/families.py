"""Compiled networks of many families at work on the CPU: as fast as torchvision's own."""

from __future__ import annotations

from statistics import geometric_mean, median

from benchmarks.compiled import THREADS, WORK, models
from benchmarks.paired import Cost, Goal, Row, main, time_row, timed

FAMILIES = {
    "alexnet": "alexnet",
    "vgg11": "vgg",
    "googlenet": "googlenet",
    "squeezenet1_1": "squeezenet",
    "resnet50": "resnet",
    "densenet121": "densenet",
    "mobilenet_v2": "mobilenet",
    "shufflenet_v2_x1_0": "shufflenet",
    "mnasnet1_0": "mnasnet",
    "efficientnet_b0": "efficientnet",
    "regnet_y_400mf": "regnet",
    "convnext_tiny": "convnext",
    "vit_b_16": "vit",
}
"""Models that torchvision has too, and the spec that each is in."""
BATCH, SIZE, ROUNDS = 2, 128, 25


def run() -> list[Row]:
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    rows: dict[str, list[Row]] = {kind: [] for kind in WORK}
    for name, spec in FAMILIES.items():
        ours, theirs = models(name, spec, SIZE)
        for kind, work in WORK.items():
            pairs = timed(work(ours, BATCH, SIZE), work(theirs, BATCH, SIZE), ROUNDS)
            goal = Goal("at most", 1.03)
            rows[kind].append(time_row(f"{name}, {kind}", "torchvision", pairs, goal))
    return [row for kind, found in rows.items() for row in (*found, mean(kind, found))]


def mean(kind: str, rows: list[Row]) -> Row:
    """The geometric mean over the families, of their medians."""
    wall = geometric_mean(row.median for row in rows)
    cpu = geometric_mean(median(row.cpu or row.ratios) for row in rows)
    what = f"{len(rows)} families, {kind}, geometric mean"
    return time_row(what, "torchvision", [(Cost(wall, cpu), Cost(1, 1))], Goal("at most", 1.0))


if __name__ == "__main__":
    main(run)
