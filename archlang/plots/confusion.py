"""A picture of a confusion matrix: what each class was taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

SHADES = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#4477aa", "#1c3a5e"])
WRITTEN, NAMED = 20, 60
"""Up to how many classes each count is written, and each class is named."""


def draw(table: Sequence[Sequence[int]], classes: Sequence[str], title: str, path: Path) -> None:
    """Draw ``table``, whose rows are what samples are and columns what they were taken for.

    A cell's shade is its share of the row, so that rare classes show as well as frequent ones.
    """
    shares = [[count / max(sum(row), 1) for count in row] for row in table]
    side = min(4.0 + 0.38 * len(classes), 14.0)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    if len(classes) <= WRITTEN:
        for i, row in enumerate(table):
            for j, count in enumerate(row):
                if count:
                    dark = shares[i][j] > 0.3
                    axes.text(
                        j,
                        i,
                        f"{count:,}",
                        ha="center",
                        va="center",
                        fontsize=8 if count < 10_000 else 6,
                        color="white" if dark else "#333333",
                    )
    if len(classes) <= NAMED:
        places = range(len(classes))
        long = max(map(len, classes)) > 3
        axes.set_xticks(
            places, classes, rotation=45 if long else 0, ha="right" if long else "center"
        )
        axes.set_yticks(places, classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks([n - 0.5 for n in range(1, len(classes))], minor=True)
    axes.set_yticks([n - 0.5 for n in range(1, len(classes))], minor=True)
    if len(classes) <= NAMED:
        axes.grid(which="minor", color="#eeeeee", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    bar = figure.colorbar(image, shrink=0.7, format=lambda share, _: f"{share:.0%}")
    bar.outline.set_visible(False)
    bar.set_label("share of the row")
    axes.set_title(title)
    figure.savefig(path, dpi=150)
