"""A picture of a receptive field over the input, and of the effective field beside it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from archlang.analyses.receptive import (
    AxisField,
    TensorField,
    field_of,
    places_seen,
    positions,
    start_at,
)
from archlang.analyses.receptive.places import Runs
from archlang.graph import Graph, Node

INPUT, FIELD, SEEN = "#dddddd", "#c0392b", "#f5b7b1"
SHARE = 0.95
"""The part of the energy whose extent is told."""


def draw(graph: Graph, node: Node, position: tuple[int, ...], path: Path) -> None:
    """Draw what a position of a tensor sees of the first input that it depends on.

    On the left the field over the input, what lies in the padding included, and filled in what of
    it is there; on the right, where PyTorch is installed, the energy of the position's gradient.
    Raises ``ValueError`` where there is nothing to draw, or for another kind of file.
    """
    field = field_of(graph, node)
    axes = [axis for axis in field.axes if axis.input == field.axes[0].input][-2:]
    if not axes:
        raise ValueError(f"`{node.path}` depends on no places of an input")
    energy = _energy(graph, node, position, axes)
    figure = Figure(figsize=(9.6 if energy is not None else 5, 4.8), layout="constrained")
    plots = figure.subplots(1, 1 if energy is None else 2, squeeze=False)[0]
    seen = places_seen(graph, node, position)[axes[0].input]
    _field(plots[0], axes, [seen[a.axis] for a in axes], _start(graph, node, axes, position))
    if energy is not None:
        _effective(plots[1], axes, energy)
        plots[1].set_xlim(plots[0].get_xlim())
        if energy.ndim == 2:
            plots[1].set_ylim(plots[0].get_ylim())
    figure.suptitle(_title(node, field, position))
    figure.savefig(path, dpi=150)


def _title(node: Node, field: TensorField, position: tuple[int, ...]) -> str:
    spot = f" at {'x'.join(map(str, position))}" if position else ""
    return f"{node.path or 'input'}  {list(field.shape)}{spot}"


def _start(
    graph: Graph, node: Node, axes: list[AxisField], position: tuple[int, ...]
) -> list[tuple[float, float] | None]:
    """Along each axis where the field begins, borders left out, and its size."""
    from archlang.analyses.receptive.paths import fields, tracks

    at = dict(zip(positions(graph, node), position, strict=True))
    found: list[tuple[float, float] | None] = []
    for axis in axes:
        index = next(
            i for i, t in enumerate(tracks(graph)) if (t.input, t.axis) == (axis.input, axis.axis)
        )
        field = fields(graph)[node.index][index]
        if field is None or field.first is None or field.last is None:
            found.append(None)
        else:
            i = at[field.axis]
            found.append((field.first(i), field.last(i) - field.first(i) + 1))
    return found


def _square(plot: Axes, axes: list[AxisField], title: str) -> None:
    plot.set_title(title, fontsize="medium")
    if len(axes) == 2:
        plot.set_aspect("equal")
        plot.invert_yaxis()
        plot.set_ylabel(f"axis {axes[0].axis} of {axes[0].input}")
    else:
        plot.set_yticks([])
    plot.set_xlabel(f"axis {axes[-1].axis} of {axes[-1].input}")


def _field(
    plot: Axes, axes: list[AxisField], seen: list[Runs], start: list[tuple[float, float] | None]
) -> None:
    """The input, the field, and filled in what of the input the position depends on."""
    rows: Runs = seen[0] if len(axes) == 2 else ((0, 0),)
    extents = (axes[0].extent if len(axes) == 2 else 1, axes[-1].extent)
    plot.add_patch(_box(0, 0, extents[0], extents[1], facecolor=INPUT, edgecolor="#888888"))
    for high, low in rows:
        for begin, end in seen[-1]:
            plot.add_patch(_box(high, begin, low - high + 1, end - begin + 1, facecolor=SEEN))
    outline = start if len(axes) == 2 else [(0, 1), *start]
    if all(part is not None for part in outline):
        (top, height), (left, width) = (part for part in outline if part is not None)
        plot.add_patch(
            _box(top, left, height, width, facecolor="none", edgecolor=FIELD, linewidth=1.8)
        )
        plot.plot(left + (width - 1) / 2, top + (height - 1) / 2, "+", color=FIELD)
    plot.autoscale_view()
    plot.margins(0.05)
    _square(plot, axes, _figures(axes))


def _box(top: float, left: float, height: float, width: float, **style: Any) -> Rectangle:
    """A rectangle of places: the centre of place 0 lies at 0."""
    return Rectangle((left - 0.5, top - 0.5), width, height, **style)


def _figures(axes: list[AxisField]) -> str:
    if any(axis.size is None for axis in axes):
        return "what it depends on"
    sizes = "x".join(str(axis.size) for axis in axes)
    strides = dict.fromkeys(str(axis.stride) for axis in axes)
    return f"field {sizes}, stride {'x'.join(strides)}"


def _energy(graph: Graph, node: Node, position: tuple[int, ...], axes: list[AxisField]) -> Any:
    """The energy of the gradient along the axes; None without PyTorch."""
    if find_spec("torch") is None:
        return None
    from archlang.backends.torch.effective import effective_field

    energy = effective_field(graph, node, start_at(graph, node, position))[axes[0].input]
    kept = {axis.axis for axis in axes}
    return energy.sum(dim=[a for a in range(energy.dim()) if a not in kept]).numpy()


def _effective(plot: Axes, axes: list[AxisField], energy: Any) -> None:
    """The root of the energy, as a part of its greatest, and the extent of most of it."""
    strength = (energy / (energy.max() or 1)) ** 0.5
    spans = [_span(energy.sum(1 - i) if energy.ndim == 2 else energy) for i in range(energy.ndim)]
    if energy.ndim == 2:
        plot.imshow(strength, cmap="magma", interpolation="nearest")
        (top, height), (left, width) = spans
        plot.add_patch(_box(top, left, height, width, facecolor="none", edgecolor="white"))
        plot.invert_yaxis()
    else:
        plot.plot(strength, color=FIELD)
    sizes = "x".join(str(size) for _, size in spans)
    _square(plot, axes, f"gradient at initialisation: {SHARE:.0%} in {sizes}")


def _span(energy: Any) -> tuple[int, int]:
    """Where the middle of the energy along one axis begins, and over how many places it lies."""
    share = energy.cumsum() / (energy.sum() or 1)
    first = int((share < (1 - SHARE) / 2).sum())
    last = int((share < (1 + SHARE) / 2).sum())
    return first, last - first + 1
