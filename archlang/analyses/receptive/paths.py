"""How far each place of each tensor sees over the input, borders left out: from front to back.

Along one axis of an input, a place i of a tensor sees from first(i) to last(i). Behind a layer that
looks from a(i) to b(i), these are first(a(i)) and last(b(i)); where paths meet, the lesser first
and the greater last. Without upsampling both move by the stride from one place to the next; with
it they are periodic.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, TypeAlias

from archlang.analyses.alike import each
from archlang.analyses.receptive.moving import PLACE, Moving, after, outermost
from archlang.collector import paused
from archlang.graph import Graph, Node
from archlang.window import Laid, Reach, Slide, Window, unmoved

Number: TypeAlias = "int | Fraction"


class Track(NamedTuple):
    """An axis of an input."""

    input: str
    axis: int


class Field(NamedTuple):
    """How a tensor's places see one axis of an input.

    ``carried`` are the tensor's axes along which they see other parts of it. Where it is one, and
    all places see alike, ``first`` and ``last`` say what. Over all paths, ``narrow`` and ``wide``
    are the least and the greatest size less 1 (the mean over the phases), ``low`` and ``high``
    twice the centre that place 0 has. ``whole``: on some path every place sees the whole axis.
    """

    carried: frozenset[int]
    first: Moving | None
    last: Moving | None
    narrow: Number = 0
    wide: Number = 0
    low: Number = 0
    high: Number = 0
    whole: bool = False

    @property
    def axis(self) -> int:
        """The one axis that carries it."""
        (axis,) = self.carried
        return axis


Fields: TypeAlias = "tuple[Field | None, ...]"


def tracks(graph: Graph) -> list[Track]:
    """The axes of the inputs that are followed: those of positions, not of channels.

    Of two axes either may be the positions, as in [C, L] and in [T, F].
    """
    return [
        Track(name, axis)
        for name, node in graph.inputs.items()
        for axis in range(1 if node.output.rank > 2 else 0, node.output.rank)
        if node.output.rank > 1
    ]


def windows_of(graph: Graph) -> list[tuple[Window, ...]]:
    """For each node where it looks in each of its inputs."""
    if "windows" not in graph.worked_out:
        graph.worked_out["windows"] = each(graph, lambda n: n.op.window(n.output, *n.tensors))
    found: list[tuple[Window, ...]] = graph.worked_out["windows"]
    return found


def fields(graph: Graph) -> list[Fields]:
    """For each node how it sees each of ``tracks``; None where it does not depend on it."""
    if "receptive" not in graph.worked_out:
        graph.worked_out["receptive"] = _fields(graph)
    found: list[Fields] = graph.worked_out["receptive"]
    return found


@paused()
def _fields(graph: Graph) -> list[Fields]:
    followed = tracks(graph)
    given = {id(node): name for name, node in graph.inputs.items()}
    windows = windows_of(graph)
    found: list[Fields] = []
    for node in graph.nodes:
        if (name := given.get(id(node))) is not None:
            found.append(tuple(_start(t.axis) if t.input == name else None for t in followed))
            continue
        arriving = [found[x.index] for x in node.inputs]
        found.append(_behind_all(arriving, windows[node.index], len(followed)))
    return found


def _start(axis: int) -> Field:
    return Field(frozenset((axis,)), PLACE, PLACE)


def _behind_all(arriving: list[Fields], windows: tuple[Window, ...], count: int) -> Fields:
    if len(arriving) == 1:
        (window,) = windows
        if window is None:
            return (None,) * count
        return _behind(arriving[0], window)
    merged: list[Field | None] = [None] * count
    for fields_, window in zip(arriving, windows, strict=True):
        if window is None:
            continue
        for i, other in enumerate(_behind(fields_, window)):
            ours = merged[i]
            if other is not None:
                merged[i] = other if ours is None else both(ours, other)
    return tuple(merged)


def _behind(fields_: Fields, window: tuple[Reach, ...]) -> Fields:
    """How the places behind a layer see each track.

    Where some of them see nothing, places do not see alike along any axis.
    """
    if window is unmoved(len(window)):
        return fields_
    gaps = [a for a, reach in enumerate(window) if type(reach) is Slide and reach.gapped]
    if gaps and any(f is not None and not f.carried.isdisjoint(gaps) for f in fields_):
        return tuple(None if f is None else _scattered(f, window) for f in fields_)
    return tuple(None if f is None else behind(f, window) for f in fields_)


def behind(field: Field, window: tuple[Reach, ...]) -> Field:
    """How the places behind a layer see."""
    if field.first is None or field.last is None:
        return _scattered(field, window)
    reach = window[field.axis]
    if not isinstance(reach, Slide) or not reach.regular:
        return _scattered(field, window)
    axis, rise, run, first, last, *_ = reach
    carried = field.carried if axis in field.carried else frozenset((axis,))
    whole = field.whole or reach.whole
    if rise == run == 1 and first == last == 0:
        if carried is field.carried and whole == field.whole:
            return field
        return field._replace(carried=carried, whole=whole)
    ours = after(field.first, rise, first, run)
    other = after(field.last, rise, last, run)
    if ours is None or other is None:
        return Field(carried, None, None, whole=whole)
    stride = field.first.rate
    wider: Number = stride * (last - first)
    moved: Number = stride * (first + last + 1 - run)
    if run > 1:
        wider, moved = Fraction(wider) / run, Fraction(moved) / run
    _, _, _, narrow, wide, low, high, _ = field
    return Field(
        carried, ours, other, narrow + wider, wide + wider, low + moved, high + moved, whole
    )


def _scattered(field: Field, window: tuple[Reach, ...]) -> Field:
    """The same where places do not all see alike, or not along one axis."""
    carried: set[int] = set()
    whole = field.whole
    for axis in field.carried:
        reach = window[axis]
        if isinstance(reach, Slide):
            carried.add(reach.axis)
            whole = whole or reach.whole
        elif isinstance(reach, Laid) and reach.axes:
            carried.update(reach.axes)
        else:
            whole = True
    return Field(frozenset(carried), None, None, whole=whole)


def both(a: Field, b: Field) -> Field:
    """Two paths to one tensor. What sees the whole axis alike from all places is left out."""
    if a is b:
        return a
    whole = a.whole or b.whole
    if not a.carried or not b.carried:
        kept = a if a.carried else b
        return kept if kept.whole == whole else kept._replace(whole=whole)
    first = last = None
    if a.carried == b.carried and a.first and b.first and a.last and b.last:
        first = outermost(a.first, b.first, low=True)
        last = outermost(a.last, b.last, low=False)
    if first is None or last is None:
        return Field(a.carried | b.carried, None, None, whole=whole)
    return Field(
        a.carried,
        first,
        last,
        min(a.narrow, b.narrow),
        max(a.wide, b.wide),
        min(a.low, b.low),
        max(a.high, b.high),
        whole,
    )


def is_map(fields_: Fields) -> bool:
    """Whether a tensor's places still see parts of an input each, and all alike."""
    return any(f is not None and f.first is not None for f in fields_)


def last_map(graph: Graph) -> Node | None:
    """The last tensor on the way to an output that is a map; None where none is."""
    live, found = graph.live(), fields(graph)
    return next(
        (n for n in reversed(graph.nodes) if n.index in live and is_map(found[n.index])), None
    )
