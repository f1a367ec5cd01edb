"""A picture of a training step: what is alive, layer by layer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from matplotlib.figure import Figure

from archlang.analyses.memory.account import Memory
from archlang.analyses.memory.ledger import KINDS, Moment, said

COLOURS = (
    "#4477aa", "#66ccee", "#bbbbbb", "#aa3377", "#dddddd", "#ee6677", "#228833", "#ccbb44"
)  # fmt: skip
MiB = 1 << 20


def draw(memory: Memory, path: Path) -> list[Path]:
    """A training step from its first layer to its update, what is alive stacked by kind.

    The highest point of each layer is drawn, one after another; the peak is marked.
    """
    moments = memory.timeline
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(moments))
    kinds = [k for k in KINDS if any(m.live[k] for m in moments)]
    layers = [[m.live[kind] / MiB for m in moments] for kind in kinds]
    colours = [COLOURS[KINDS.index(kind)] for kind in kinds]
    labels = [said(kind) for kind in kinds]
    axes.stackplot(places, layers, labels=labels, colors=colours, step="mid")
    peak = moments.index(memory.step)
    axes.axvline(peak, color="black", linewidth=0.8, linestyle=":")
    axes.annotate(
        f"{memory.step.total / MiB:,.1f} MiB\n{memory.step.path}",
        (peak, memory.step.total / MiB),
        textcoords="offset points",
        xytext=(6, 4),
        fontsize="small",
    )
    for place, (before, after) in enumerate(pairwise(moments)):
        if _turn(before) != _turn(after):
            axes.axvline(place + 0.5, color="black", linewidth=0.8)
    axes.set_xlim(0, len(moments) - 1)
    axes.set_ylim(0, 1.15 * memory.step.total / MiB)
    axes.set_xlabel("forward | backward | update, layer by layer")
    axes.set_ylabel("MiB")
    figure.legend(loc="outside upper center", fontsize="small", ncols=len(kinds))
    figure.savefig(path)
    return [path]


def _turn(moment: Moment) -> str:
    """The pass that a moment is in: blocks are computed again in the backward pass."""
    return "backward" if moment.phase == "recompute" else moment.phase
