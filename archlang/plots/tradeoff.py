"""A picture of what networks reach against what they cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot, inf, log10
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)
from matplotlib.transforms import Bbox

FRONT, OTHER, GRID, WRITTEN, LEADER = "#ee6677", "#4477aa", "#dddddd", "#333333", "#999999"
NAMED = 24
"""Up to how many points each bears its name; of more, those of the front do."""
LOGARITHMIC = 8
"""From which ratio of the largest cost to the least the axis is logarithmic."""
SIDE = 10.0
"""How far points of one cost stand side by side, where they would cover each other."""
RADIUS = 4.0
FAR = 12.0
"""From which distance a line joins a name to its point."""
_WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8))
_APART = (9.0, 16.0, 26.0, 38.0, 52.0, 70.0)
"""How far a name may be from its point. Like all distances here in points, 1/72 inch."""


@dataclass(frozen=True)
class Mark:
    """A network: its cost, the share it reaches, with a deviation where one is known; its name."""

    cost: float
    value: float
    deviation: float | None
    name: str
    front: bool


@dataclass(frozen=True)
class Words:
    """What is written: the title, at the axes, the unit of costs, and what the names are of."""

    title: str
    cost: str
    value: str
    unit: str = ""
    names: str = ""


@dataclass
class _Placed:
    """A mark, where its point is drawn in pixels, and what it takes with its bar."""

    mark: Mark
    x: float
    y: float
    boxes: list[Bbox] = field(default_factory=list)


def draw(marks: Sequence[Mark], words: Words, paths: Sequence[Path]) -> list[Path]:
    """Draw ``marks`` as one picture in each of ``paths``."""
    figure = picture(marks, words)
    for path in paths:
        figure.savefig(path, dpi=200)
    return list(paths)


def picture(marks: Sequence[Mark], words: Words) -> Figure:
    """Values against costs, those of the front joined by steps.

    Points of one cost that would cover each other stand side by side, the best where it belongs.
    """
    figure = Figure(figsize=(7, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _lay_out(axes, marks, words)
    figure.draw_without_rendering()  # now every number has its place
    placed = _beside(axes, marks)
    front = sorted((p for p in placed if p.mark.front), key=lambda p: p.mark.cost)
    axes.step(
        [p.mark.cost for p in front],
        [p.mark.value for p in front],
        where="post",
        color=FRONT,
        linewidth=1.2,
        zorder=2,
    )
    for one in placed:
        _point(axes, one)
    _name(axes, placed, front, many=len(placed) > NAMED)
    return figure


def _lay_out(axes: Axes, marks: Sequence[Mark], words: Words) -> None:
    """All but the marks: the limits, so that these have their places, words and legend."""
    low = min(m.value - (m.deviation or 0) for m in marks)
    high = max(m.value + (m.deviation or 0) for m in marks)
    room = 0.14 * (high - low) or 0.02
    axes.set_ylim(low - room, high + room)
    shares = [share for share in axes.get_yticks() if low - room <= share <= min(high + room, 1.0)]
    axes.set_yticks(shares)
    axes.set_ylabel(words.value)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _costs(axes, [m.cost for m in marks], words)
    axes.set_title(words.title, fontsize="medium")
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    look: dict[str, Any] = {"marker": "o", "markersize": 2 * RADIUS - 1, "markeredgecolor": "white"}
    shown = [Line2D([], [], color=FRONT, linewidth=1.2, label="Pareto front", **look)]
    if not all(m.front for m in marks):
        shown.append(Line2D([], [], color=OTHER, linewidth=0, label="others", **look))
    axes.legend(
        handles=shown,
        frameon=False,
        fontsize="small",
        title=f"labels: {words.names}" if words.names else None,
        title_fontsize="small",
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=2,
        borderaxespad=0,
        columnspacing=1.2,
    )
    axes.title.set_horizontalalignment("left")
    axes.title.set_position((0.0, 1.0))


def _costs(axes: Axes, costs: Sequence[float], words: Words) -> None:
    """The axis of costs: logarithmic where they span much."""
    low, high = min(costs), max(costs)
    axes.set_xlabel(words.cost)
    if low > 0 and high >= LOGARITHMIC * low:
        axes.set_xscale("log")
        room = (high / low) ** 0.13
        axes.set_xlim(low / room, high * room)
        wide = log10(high / low) > 2.5
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        room = 0.17 * (high - low) or 0.2 * high or 1.0
        axes.set_xlim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: _short(cost, words.unit)))


def _short(cost: float, unit: str) -> str:
    """A cost at the axis: ``20 K``, ``1.5 MB``."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if abs(cost) >= size:
            return f"{cost / size:g} {letter}{unit}"
    return f"{cost:g} {unit}".rstrip()


def _beside(axes: Axes, marks: Sequence[Mark]) -> list[_Placed]:
    """The marks with their places: the best of one cost where it belongs, the others to its right.

    They stay below each other where there is room for that.
    """
    ranked = sorted(marks, key=lambda m: (m.cost, -m.value))
    found: list[_Placed] = []
    for cost in dict.fromkeys(m.cost for m in ranked):
        group = [m for m in ranked if m.cost == cost]
        places = [axes.transData.transform((m.cost, m.value)) for m in group]
        near = any(a[1] - b[1] < 2.5 * RADIUS * _scale(axes) for a, b in pairwise(places))
        apart = min(SIDE, 60 / len(group)) if near or any(m.deviation for m in group) else 0.0
        for number, (mark, (x, y)) in enumerate(zip(group, places, strict=True)):
            one = _Placed(mark, x + number * apart * _scale(axes), y)
            one.boxes = list(_boxes(axes, one))
            found.append(one)
    return found


def _scale(axes: Axes) -> float:
    """Pixels a point."""
    return float(axes.get_figure(root=True).dpi) / 72  # type: ignore[union-attr]


def _boxes(axes: Axes, one: _Placed) -> Iterator[Bbox]:
    """What a point and its bar take."""
    r = (RADIUS + 0.5) * _scale(axes)
    yield Bbox.from_extents(one.x - r, one.y - r, one.x + r, one.y + r)
    if spread := one.mark.deviation:
        ends = [one.mark.value - spread, one.mark.value + spread]
        low, high = (axes.transData.transform((one.mark.cost, end))[1] for end in ends)
        yield Bbox.from_extents(one.x - r / 2, low - 2, one.x + r / 2, high + 2)


def _point(axes: Axes, one: _Placed) -> None:
    colour = FRONT if one.mark.front else OTHER
    cost, value = _at(axes, one)
    axes.errorbar(
        [cost],
        [value],
        yerr=one.mark.deviation or None,
        fmt="o",
        color=colour,
        elinewidth=0.9,
        capsize=2,
        markersize=2 * RADIUS - 1,
        markeredgecolor="white",
        markeredgewidth=0.8,
        zorder=4 if one.mark.front else 3,
    )


def _at(axes: Axes, one: _Placed) -> tuple[float, float]:
    """Where a mark is drawn, as a cost and a share."""
    cost, value = axes.transData.inverted().transform((one.x, one.y))
    return float(cost), float(value)


def _name(axes: Axes, placed: Sequence[_Placed], front: Sequence[_Placed], many: bool) -> None:
    """Write each name where it covers least, and near its own point; of ``many``, the front's."""
    scale = _scale(axes)
    taken = [box for one in placed for box in one.boxes] + list(_steps(front, scale))
    named = front if many else sorted(placed, key=lambda p: (not p.mark.front, p.mark.cost))
    style: dict[str, Any] = {"color": WRITTEN, "ha": "center", "va": "center", "fontsize": "small"}
    for one in named:
        points = [other.boxes[0] for other in placed if other is not one]
        text = axes.annotate(
            one.mark.name, _at(axes, one), (0, 0), textcoords="offset points", zorder=5, **style
        )
        text.set_in_layout(False)
        box = text.get_window_extent()

        def astray(place: Bbox, one: _Placed = one, points: Sequence[Bbox] = points) -> float:
            nearest = min((_gap(place, point) for point in points), default=inf)
            return max(0.0, min(_gap(place, own) for own in one.boxes) + 2 * scale - nearest)

        def bad(way: tuple[float, float, Bbox], astray: Any = astray) -> float:
            return _covered(way[2], taken, axes.bbox) + hypot(*way[:2]) + 4 * float(astray(way[2]))

        x, y, place = min(_places(box, scale), key=bad)
        text.set_position((x, y))
        taken.append(place)
        if astray(place) or min(_gap(place, own) for own in one.boxes) > FAR * scale:
            _lead(axes, one, (x, y))


def _lead(axes: Axes, one: _Placed, name: tuple[float, float]) -> None:
    """A line from a name that stands elsewhere to its point."""
    line = {"arrowstyle": "-", "color": LEADER, "linewidth": 0.6, "shrinkA": 8}
    axes.annotate(
        "", _at(axes, one), name, textcoords="offset points", arrowprops=line, zorder=1
    ).set_in_layout(False)


def _places(box: Bbox, scale: float) -> Iterator[tuple[float, float, Bbox]]:
    """Where a name may stand: how far from its point, in points, and the box it then takes."""
    for apart in _APART:
        for across, up in _WAYS:
            x = across * (apart + box.width / scale / 2)
            y = up * (apart + box.height / scale / 4)
            yield x, y, box.translated(x * scale, y * scale)


def _covered(place: Bbox, taken: Sequence[Bbox], inside: Bbox) -> float:
    """How bad a place is: mostly the area that it covers of what is there, or lies outside."""
    wide = Bbox.from_extents(place.x0 - 3, place.y0 - 1, place.x1 + 3, place.y1 + 1)
    bad = sum(_area(Bbox.intersection(wide, box)) for box in taken)
    return 4 * (bad + _area(place) - _area(Bbox.intersection(place, inside)))


def _gap(a: Bbox, b: Bbox) -> float:
    """How far two boxes are from each other."""
    return hypot(max(a.x0 - b.x1, b.x0 - a.x1, 0), max(a.y0 - b.y1, b.y0 - a.y1, 0))


def _area(box: Bbox | None) -> float:
    return 0.0 if box is None else float(box.width * box.height)


def _steps(front: Sequence[_Placed], scale: float) -> Iterator[Bbox]:
    """What the line of the front takes."""
    for a, b in pairwise(front):
        yield Bbox.from_extents(a.x, a.y - scale, b.x, a.y + scale)
        yield Bbox.from_extents(b.x - scale, min(a.y, b.y), b.x + scale, max(a.y, b.y))
