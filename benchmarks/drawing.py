"""Pictures: a network that is loaded drawn as SVG, layer by layer, and ResNet-152 from its file.

The peer is torchview, which runs torchvision's model on the meta device and has Graphviz's `dot`
lay out what it met; both draw every layer. Beside the time: the pixels of both pictures at their
own size, and the boxes and marks in them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory

import archlang
from archlang.draw.picture import picture
from archlang.draw.svg import svg
from benchmarks.paired import RESNET, ROOT, Goal, Row, call, main, process, time_row, timed

NETWORKS = {"resnet50": "resnet", "googlenet": "googlenet", "densenet121": "densenet"}
ROUNDS = 5
IN_PROCESS, AS_PROCESS = 0.3, 1.0
"""Seconds that ResNet-152 may take."""
DEEP = 20
"""More levels of modules than any of the networks has."""
POINT = 96 / 72
"""A point, which Graphviz reckons in, in pixels."""


def ours(name: str) -> tuple[Callable[[], str], int]:
    """What draws one of our networks, and how many boxes it has."""
    network = archlang.load(ROOT / "specs" / f"{NETWORKS[name]}.arch", name)
    return lambda: svg(picture(network, level="layer")), len(picture(network, level="layer").boxes)


def theirs(name: str) -> Callable[[], str]:
    """What draws torchvision's model with torchview."""
    from torchview import draw_graph
    from torchvision.models import get_model

    options = {"init_weights": False} if name == "googlenet" else {}
    model = get_model(name, weights=None, **options)

    def run() -> str:
        drawn = draw_graph(
            model,
            input_size=(1, 3, 224, 224),
            device="meta",
            depth=DEEP,
            expand_nested=True,
            mode="train",
        )
        return str(drawn.visual_graph.pipe(format="svg", encoding="utf-8"))

    return run


def pixels(text: str) -> float:
    """The area of an SVG at its own size."""
    sides = re.findall(r'\b(?:width|height)="([\d.]+)(pt)?"', text)[:2]
    wide, high = (float(length) * (POINT if unit else 1) for length, unit in sides)
    return wide * high


def rows(name: str) -> list[Row]:
    """Time, pixels and boxes of one network."""
    draw, boxes = ours(name)
    peer = theirs(name)
    what = f"picture of {name}"
    pairs = timed(draw, peer, ROUNDS)
    text = peer()
    nodes = text.count('class="node"') + text.count('class="cluster"')
    fewer = Goal("at least", 1)
    return [
        time_row(what, "torchview", pairs, Goal("at least", 10)),
        Row(f"{what}: times fewer pixels", "torchview", [pixels(text) / pixels(draw())], fewer),
        Row(f"{what}: times fewer boxes", "torchview", [nodes / boxes], fewer),
    ]


def alone() -> list[Row]:
    """ResNet-152 to SVG, in this process and as one of its own, against what it may take."""
    found = []

    def draw() -> str:
        return svg(picture(archlang.load(RESNET, "resnet152"), level="layer"))

    with TemporaryDirectory() as folder:
        spec = str(RESNET.relative_to(ROOT))
        out = [f"{folder}/resnet152.svg", "--model", "resnet152", "--level", "layer"]
        argv = [sys.executable, "-m", "archlang", "render", spec, *out]
        runs = {
            "in process": (partial(call, draw), IN_PROCESS),
            "as a process": (partial(process, argv, f"{folder}/bytecode"), AS_PROCESS),
        }
        for where, (run, limit) in runs.items():
            costs = [run() for _ in range(ROUNDS + 1)][1:]
            wall, cpu = [c.wall / limit for c in costs], [c.cpu / limit for c in costs]
            what = f"ResNet-152 from file to SVG, {where}: times as long"
            found.append(Row(what, f"{limit:g} s", wall, Goal("at most", 1), cpu))
    return found


def run() -> list[Row]:
    return [*alone(), *(row for name in NETWORKS for row in rows(name))]


if __name__ == "__main__":
    main(run)
