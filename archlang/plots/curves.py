"""A picture of a training run: losses, accuracies and the learning rate, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

LEARNED, OTHER = "#4477aa", "#777777"
COLOURS = ("#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Of the outputs, in their order."""


def draw(history: Sequence[Mapping[str, Any]], title: str, paths: Sequence[Path]) -> list[Path]:
    """The entries of a history, one an epoch, as one picture in each of ``paths``.

    The best epoch is marked: the one with the highest accuracy, or intersection over union where
    there is one. Several outputs have a colour each, and their sum says which epoch is the best.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, shares = figure.subplots(1, 2)
    epochs = [entry["epoch"] for entry in history]
    on = history[0]["on"]
    mark = "." if len(epochs) < 40 else ""
    losses.plot(epochs, [e["loss"] for e in history], mark + "-", color=LEARNED, label="training")
    losses.set_ylabel("loss (nats)")
    best = max(history, key=lambda e: (sum(map(_merit, _scores(e).values())), -e["epoch"]))
    for number, output in enumerate(_scores(history[0])):
        colour, label = COLOURS[number % len(COLOURS)], " ".join(filter(None, (on, output)))
        scores = [_scores(e)[output] for e in history]
        losses.plot(epochs, [s["eval_loss"] for s in scores], mark + "-", color=colour, label=label)
        shares.plot(epochs, [s["accuracy"] for s in scores], mark + "-", color=colour)
        if "iou" in scores[0]:
            named = " ".join(filter(None, (output, "IoU")))
            shares.plot(epochs, [s["iou"] for s in scores], mark + "--", color=colour, label=named)
        _mark(shares, epochs, best["epoch"], _merit(_scores(best)[output]), colour)
    if shares.get_legend_handles_labels()[0]:
        shares.legend(frameon=False)
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


def _scores(entry: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Those of each output, by its name; of an only one, which has none here."""
    found: Mapping[str, Mapping[str, Any]] = entry.get("outputs", {"": entry})
    return found


def _merit(score: Mapping[str, Any]) -> float:
    return float(score["iou"] if "iou" in score else score["accuracy"])


def _mark(axes: Axes, epochs: Sequence[int], epoch: int, value: float, colour: str) -> None:
    """A ring around the best epoch, and its value."""
    axes.plot(epoch, value, "o", color=colour, fillstyle="none", markersize=9)
    axes.annotate(
        f"{value:.2%}",
        (epoch, value),
        textcoords="offset points",
        xytext=(0, 9),
        # Away from the axis of the learning rate.
        ha="right" if epoch > (epochs[0] + 9 * epochs[-1]) / 10 else "center",
    )


def _rates(beside: Axes, history: Sequence[Mapping[str, Any]], epochs: Sequence[int]) -> None:
    """The learning rate, on an axis of its own."""
    axes = beside.twinx()
    axes.plot(epochs, [e["lr"] for e in history], ":", color=OTHER, linewidth=1)
    axes.set_ylabel("learning rate (dotted)", color=OTHER)
    axes.tick_params(axis="y", colors=OTHER)
    axes.spines[["top"]].set_visible(False)
    axes.set_ylim(bottom=0)
