"""A picture of a training run: losses, accuracies and the learning rate, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

LEARNED, JUDGED, OTHER = "#4477aa", "#ee6677", "#777777"


def draw(history: Sequence[Mapping[str, Any]], title: str, paths: Sequence[Path]) -> list[Path]:
    """The entries of a history, one an epoch, as one picture in each of ``paths``.

    The best epoch is marked: the one with the highest accuracy, or intersection over union where
    there is one.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, shares = figure.subplots(1, 2)
    epochs = [entry["epoch"] for entry in history]
    on = history[0]["on"]
    mark = "." if len(epochs) < 40 else ""
    losses.plot(epochs, [e["loss"] for e in history], mark + "-", color=LEARNED, label="training")
    losses.plot(epochs, [e["eval_loss"] for e in history], mark + "-", color=JUDGED, label=on)
    losses.set_ylabel("loss (nats)")
    shares.plot(epochs, [e["accuracy"] for e in history], mark + "-", color=JUDGED, label=on)
    merit = "iou" if "iou" in history[0] else "accuracy"
    if merit == "iou":
        shares.plot(epochs, [e["iou"] for e in history], mark + "--", color=JUDGED, label="IoU")
    best = max(history, key=lambda e: (e[merit], -e["epoch"]))
    shares.plot(best["epoch"], best[merit], "o", color=JUDGED, fillstyle="none", markersize=9)
    shares.annotate(
        f"{best[merit]:.2%}",
        (best["epoch"], best[merit]),
        textcoords="offset points",
        xytext=(0, 9),
        # Away from the axis of the learning rate.
        ha="right" if best["epoch"] > (epochs[0] + 9 * epochs[-1]) / 10 else "center",
    )
    shares.margins(y=0.15)
    shares.set_ylabel("accuracy")
    shares.yaxis.set_major_formatter(PercentFormatter(1))
    _rates(shares, history, epochs)
    for axes in (losses, shares):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    losses.spines[["right"]].set_visible(False)
    losses.legend(frameon=False)
    figure.suptitle(title)
    for path in paths:
        figure.savefig(path)
    return list(paths)


def _rates(beside: Axes, history: Sequence[Mapping[str, Any]], epochs: Sequence[int]) -> None:
    """The learning rate, on an axis of its own."""
    axes = beside.twinx()
    axes.plot(epochs, [e["lr"] for e in history], ":", color=OTHER, linewidth=1)
    axes.set_ylabel("learning rate (dotted)", color=OTHER)
    axes.tick_params(axis="y", colors=OTHER)
    axes.spines[["top"]].set_visible(False)
    axes.set_ylim(bottom=0)
