"""Receptive fields as they are told: of one tensor, and of a network."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from archlang.analyses.receptive.moving import Moving
from archlang.analyses.receptive.paths import Field, Number, Track, fields, last_map, tracks
from archlang.analyses.receptive.places import Runs, missing, whole
from archlang.analyses.receptive.trace import Trace, everything, trace
from archlang.graph import Graph, Node
from archlang.spelling import nearest


class Phase(NamedTuple):
    """What one place of a period sees: from ``first`` on, so many."""

    first: int
    size: int


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive field of a tensor along one axis of an input, borders left out.

    ``size`` is in the input's places, the largest where it varies; ``stride`` how far it moves
    from one place of the tensor to the next; ``centre`` where that of place 0 is, the centre of
    the input's place 0 being 0; ``padding`` how far place 0 looks beyond the input's edge. These
    are None where no place sees a part of its own, or where places do not see alike.

    ``narrowest`` and ``widest`` are the sizes that single paths have (means, where there are
    phases), and ``aligned`` says whether all paths have one centre. ``phases`` are what places
    0, 1, … see, where that repeats only after several. ``whole``: on some path, each place sees
    the whole axis; the other figures leave such paths out.
    """

    input: str
    axis: int
    extent: int
    whole: bool
    size: int | None = None
    stride: Number | None = None
    centre: Number | None = None
    padding: int | None = None
    narrowest: Number | None = None
    widest: Number | None = None
    aligned: bool | None = None
    phases: tuple[Phase, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data; what is not whole is a float."""
        return {
            "input": self.input,
            "axis": self.axis,
            "extent": self.extent,
            "size": self.size,
            "stride": plain(self.stride),
            "centre": plain(self.centre),
            "padding": self.padding,
            "narrowest_path": plain(self.narrowest),
            "widest_path": plain(self.widest),
            "aligned": self.aligned,
            "phases": [p._asdict() for p in self.phases],
            "whole": self.whole,
        }


@dataclass(frozen=True, slots=True)
class TensorField:
    """The receptive field of one tensor, axis by axis of each input that it depends on."""

    path: str
    shape: tuple[int, ...]
    axes: tuple[AxisField, ...]

    @property
    def sizes(self) -> list[int | None]:
        """The size along each axis."""
        return [axis.size for axis in self.axes]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        axes = [axis.to_json() for axis in self.axes]
        return {"path": self.path, "shape": list(self.shape), "axes": axes}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a network sees. ``map`` is the field of its last tensor that still is a map.

    ``sees_all`` says whether every output depends on the whole of every input; ``unseen`` are the
    places of each input, axis by axis, that no output depends on.
    """

    map: TensorField | None
    sees_all: bool
    unseen: dict[str, tuple[Runs, ...]]

    def to_json(self) -> dict[str, Any]:
        """As plain data; places are in pairs of first and last."""
        return {
            "receptive_field": self.map.sizes if self.map else None,
            "map": self.map.to_json() if self.map else None,
            "sees_all": self.sees_all,
            "unseen": {n: [list(map(list, runs)) for runs in u] for n, u in self.unseen.items()},
        }


def plain(value: Number | None) -> int | float | None:
    """A number as JSON has it."""
    return (
        float(value)
        if isinstance(value, Fraction) and value.denominator > 1
        else (None if value is None else int(value))
    )


def field_of(graph: Graph, node: Node) -> TensorField:
    """The receptive field of a node's tensor."""
    shown = _shown(graph)
    axes = (
        _axis(track, int(graph.inputs[track.input].output.shape[track.axis]), field)
        for track, field in zip(tracks(graph), fields(graph)[node.index], strict=True)
        if field is not None and track in shown
    )
    return TensorField(node.path, tuple(map(int, node.output.shape)), tuple(axes))


def _shown(graph: Graph) -> set[Track]:
    """The axes to tell of: of an input with two axes the one along which there is a map."""
    if "receptive shown" not in graph.worked_out:
        followed, node = tracks(graph), last_map(graph)
        found = fields(graph)[node.index] if node else (None,) * len(followed)
        maps = {t for t, f in zip(followed, found, strict=True) if f is not None and f.first}
        flat = {n for n, x in graph.inputs.items() if x.output.rank == 2}
        first = {n for n in flat if Track(n, 0) in maps and Track(n, 1) not in maps}
        graph.worked_out["receptive shown"] = {
            t for t in followed if t.input not in flat or t.axis == (0 if t.input in first else 1)
        }
    shown: set[Track] = graph.worked_out["receptive shown"]
    return shown


def _axis(track: Track, extent: int, field: Field) -> AxisField:
    first, last = field.first, field.last
    if first is None or last is None:
        return AxisField(*track, extent, field.whole)
    count = max(len(first.values), len(last.values))
    phases = tuple(Phase(first(i), last(i) - first(i) + 1) for i in range(count))
    aligned = field.low == field.high
    return AxisField(
        *track,
        extent,
        field.whole,
        size=max(p.size for p in phases),
        stride=first.rate,
        centre=Fraction(field.low) / 2 if aligned else _middle(first, last, count),
        padding=-first(0),
        narrowest=field.narrow + 1,
        widest=field.wide + 1,
        aligned=aligned,
        phases=phases if count > 1 else (),
    )


def _middle(first: Moving, last: Moving, count: int) -> Fraction:
    """The centre that place 0 has, on average over the phases."""
    moved = sum(Fraction(first(i) + last(i), 2) - first.rate * i for i in range(count))
    return Fraction(moved) / count


def places_seen(
    graph: Graph, node: Node, position: tuple[int, ...] | None = None
) -> dict[str, tuple[Runs, ...]]:
    """The places of each input, axis by axis, that one position of a tensor depends on.

    It is exact, holes and borders included; all channels count. ``position`` has an index for each
    axis along which places see other parts of an input; without it, it is the middle. Raises
    ``ValueError`` where it does not fit.
    """
    return _inputs(graph, trace(graph, {node.index: start_at(graph, node, position)}))


def start_at(graph: Graph, node: Node, position: tuple[int, ...] | None = None) -> tuple[Runs, ...]:
    """The places of a tensor at a position, with all that stands there."""
    axes = positions(graph, node)
    shape = [int(size) for size in node.output.shape]
    if position is None:
        position = tuple(shape[axis] // 2 for axis in axes)
    if len(position) != len(axes):
        raise ValueError(f"{len(axes)} indices make a position, not {len(position)}")
    for axis, i in zip(axes, position, strict=True):
        if not 0 <= i < shape[axis]:
            raise ValueError(f"there is no place {i} along an axis of {shape[axis]}")
    at = dict(zip(axes, position, strict=True))
    return tuple(((at[a], at[a]),) if a in at else whole(n) for a, n in enumerate(shape))


def positions(graph: Graph, node: Node) -> list[int]:
    """The axes of a tensor along which its places see other parts of an input."""
    shown = _shown(graph)
    pairs = zip(tracks(graph), fields(graph)[node.index], strict=True)
    return sorted({a for t, f in pairs if f is not None and t in shown for a in f.carried})


def _inputs(graph: Graph, found: Trace) -> dict[str, tuple[Runs, ...]]:
    return {name: found.of(node) for name, node in graph.inputs.items()}


def sight(graph: Graph) -> Sight:
    """What the network sees."""
    if "sight" not in graph.worked_out:
        graph.worked_out["sight"] = _sight(graph)
    found: Sight = graph.worked_out["sight"]
    return found


def unseen(graph: Graph) -> dict[str, tuple[Runs, ...]]:
    """The places of each input, axis by axis, that no output depends on."""
    ends = graph.outputs.values()
    seen = _inputs(graph, trace(graph, {node.index: everything(node) for node in ends}))
    return {
        name: tuple(
            missing(runs, int(n)) for runs, n in zip(seen[name], x.output.shape, strict=True)
        )
        for name, x in graph.inputs.items()
    }


def _sight(graph: Graph) -> Sight:
    hidden = unseen(graph)
    node = last_map(graph)
    whole_ = not any(map(any, hidden.values()))
    sees_all = whole_ and all(_from_ends(graph, n) for n in graph.outputs.values())
    return Sight(field_of(graph, node) if node else None, sees_all, hidden)


def _from_ends(graph: Graph, node: Node) -> bool:
    """Whether the first and the last position of an output each see the whole input."""
    axes = positions(graph, node)
    if not axes and len(graph.outputs) == 1:
        return True  # it has one position, and what that does not see is unseen
    shape = node.output.shape
    for position in {(0,) * len(axes), tuple(int(shape[a]) - 1 for a in axes)}:
        seen = places_seen(graph, node, position)
        for name, x in graph.inputs.items():
            if seen[name] != everything(x):
                return False
    return True


def find(graph: Graph, name: str) -> Node:
    """The tensor that a module path, a label, an input or an output names.

    Raises ``ValueError`` where there is none.
    """
    named = {**graph.inputs, **graph.outputs}
    for region in graph.root.regions():
        if region.path is not None and region.result is not None:
            named[region.path] = region.result
    named.update((node.path, node) for node in graph.nodes if node.inputs)
    if name not in named:
        guess = nearest(name, list(named))
        meant = f"; did you mean `{guess}`?" if guess else ""
        raise ValueError(f"{graph.name} has no tensor `{name}`{meant}")
    return named[name]
