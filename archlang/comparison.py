"""Two networks beside each other: what changed as rows, their numbers, and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from archlang.analyses.alignment import Pair
from archlang.analyses.cost import costs
from archlang.analyses.differences import Change, Differences, Weights
from archlang.analyses.sizes import Legal, legal
from archlang.columns import COLUMNS
from archlang.graph import Graph, Node, Part, Region
from archlang.network import Network
from archlang.op import format_value
from archlang.report import layer_records, totals
from archlang.types import Shape
from archlang.wording import shape_text

MARKS = {"added": "+", "removed": "-", "changed": "~"}
ALIKE = ("equal", "moved", "resized")
"""What becomes of a layer that is still the same one: such are counted, not listed."""


@dataclass
class Line:
    """A line of a comparison: a layer or scope that differs, or a run of those that do not.

    ``params`` and ``macs`` are differences, the second network's less the first's. ``notes``
    say more of a layer, ``alike`` how many layers of a run are equal, moved or resized.
    """

    mark: str
    name: str
    what: str = ""
    output: str = ""
    params: int = 0
    macs: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    alike: dict[str, int] = field(default_factory=dict)
    children: list[Line] = field(default_factory=list)
    copies: int = 1

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two lines copies: all but their own name and number."""
        inside = tuple((c.name, c.copies, c.key) for c in self.children)
        own = (self.mark, self.what, self.output, self.params, self.macs, self.notes, self.alike)
        return (*own, inside)


@dataclass(frozen=True)
class Figure:
    """One of the networks' numbers, or something they say in words: before and after."""

    a: Any
    b: Any

    @property
    def difference(self) -> int | float | None:
        """After less before, of numbers."""
        numbers = all(isinstance(x, (int, float)) for x in (self.a, self.b))
        return self.b - self.a if numbers else None

    @property
    def percent(self) -> float | None:
        """The difference in percent of what was before; None where that was nothing."""
        return None if self.difference is None or not self.a else 100 * self.difference / self.a


class Comparison:
    """What two networks differ in."""

    def __init__(self, a: Network, b: Network) -> None:
        self.a, self.b = a, b
        self.differences = Differences(a.graph, b.graph)

    @cached_property
    def equal(self) -> bool:
        """Whether both compute the same at the same sizes, on weights of the same keys."""
        return self.differences.equal and all(f.a == f.b for f in self.figures.values())

    @property
    def weights(self) -> Weights:
        """Which weights of the first network load in the second."""
        return self.differences.weights

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Every total of the networks, the shapes of their outputs, and their legal sizes."""
        found: dict[str, Figure] = {}
        totals = [_totals(n) for n in (self.a, self.b)]
        outputs = [{n: shape_text(s) for n, s in x.outputs.items()} for x in (self.a, self.b)]
        for a, b in (totals, outputs):
            found |= {k: Figure(a.get(k), b.get(k)) for k in dict.fromkeys((*a, *b))}
        sizes = [legal(n.graph) for n in (self.a, self.b)]
        if any(s.names for s in sizes):
            found["sizes"] = Figure(*(_words(s) for s in sizes))
        return found

    def lines(self) -> list[Line]:
        """What changed, scope by scope; equal neighbours become one line of several copies."""
        return _Lines(self.differences).inside(self.differences.root)

    def to_json(self, version: str) -> dict[str, Any]:
        """The whole comparison as plain data."""
        return {
            "version": version,
            "equal": self.equal,
            **{side: _side(n) for side, n in (("a", self.a), ("b", self.b))},
            "totals": {name: _figure(f) for name, f in self.figures.items()},
            "outputs": {n: list(ends) for n, ends in self.differences.outputs.items()},
            "layers": list(self._records()),
            "weights": _weights(self.weights),
        }

    def _records(self) -> Iterator[dict[str, Any]]:
        mine, theirs = _by_index(self.a.graph), _by_index(self.b.graph)
        for change in self.differences.changes:
            a = mine[change.a.index] if change.a else None
            b = theirs[change.b.index] if change.b else None
            record: dict[str, Any] = {
                "change": change.kind,
                "a": a,
                "b": b,
                "differences": _numbers(a, b),
            }
            if change.kind == "changed":
                record |= {
                    "arguments": {k: list(v) for k, v in change.arguments.items()},
                    "tensors": {k: list(map(_plain, v)) for k, v in change.tensors.items()},
                    "takes": change.takes and list(change.takes),
                    "other": {k: list(v) for k, v in change.other.items()},
                }
            yield record


def compare(a: Network, b: Network) -> Comparison:
    """What has become of ``a`` in ``b``, the layers aligned by the networks' structures."""
    return Comparison(a, b)


def _totals(network: Network) -> dict[str, Any]:
    """A network's totals, and those of the columns that a summary may show beside them."""
    every = totals(network)
    del every["bytes_for"]  # the same for both
    return every | {n: c.total(network.graph) for n, c in COLUMNS.items() if n not in every}


def _words(sizes: Legal) -> str:
    return sizes.words(len(sizes.region.boxes)) if sizes.names else "as given"


def _side(network: Network) -> dict[str, Any]:
    return {
        "model": network.name,
        "file": network.source.name,
        "settings": {k: str(v) for k, v in network.settings.items()},
        "inputs": {n: list(s) for n, s in network.inputs.items()},
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "a": figure.a, "b": figure.b, "difference": figure.difference, "percent": figure.percent
    }  # fmt: skip


def _by_index(graph: Graph) -> dict[int, dict[str, Any]]:
    """Each layer as plain data, by its place in the network; inputs too."""
    layers = iter(layer_records(graph))
    return {
        n.index: next(layers)
        if n.inputs
        else {"path": n.path, "op": "input", "output": [int(d) for d in n.output.shape]}
        for n in graph.nodes
    }


def _numbers(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> dict[str, int | float]:
    """For each number of a layer that differs, the second less the first; 0 for no layer."""
    found = {}
    for name in dict.fromkeys((*(a or {}), *(b or {}))):
        x, y = ((r or {}).get(name, 0) for r in (a, b))
        numbers = all(type(v) in (int, float) for v in (x, y))
        if numbers and x != y and name not in ("line", "column"):
            found[name] = y - x
    return found


def _plain(shape: Shape | None) -> list[int] | None:
    return None if shape is None else list(shape)


def _weights(weights: Weights) -> dict[str, Any]:
    return {
        "strict": weights.strict,
        "loads": weights.loads,
        "missing": weights.missing,
        "unexpected": weights.unexpected,
        "differing": {k: [list(a), list(b)] for k, (a, b) in weights.differing.items()},
        "astray": weights.astray,
        "moved": weights.moved,
        "params": weights.params,
    }


class _Lines:
    """Makes the lines of a comparison."""

    def __init__(self, differences: Differences) -> None:
        self.differences = differences
        self.live = (differences.a.live(), differences.b.live())

    def inside(self, scope: Pair) -> list[Line]:
        """The lines of what is in a scope."""
        lines: list[Line] = []
        run: list[Pair] = []
        for pair in scope.inside:
            if all(c.kind in ALIKE for c in self.changes(pair)):
                run.append(pair)
                continue
            lines += [*self.run(run), self.line(pair)]
            run = []
        return _folded([*lines, *self.run(run)])

    def changes(self, pair: Pair) -> list[Change]:
        return [self.differences.of(p) for p in pair.layers()]

    def run(self, run: list[Pair]) -> list[Line]:
        """One line for neighbours that are the same layers, inputs not counted."""
        pairs = [pair for pair in run if any(_is_layer(p.part) for p in pair.layers())]
        if not pairs:
            return []
        changes = [c for pair in pairs for c in self.changes(pair)]
        sides = ([x for p in pairs for x in _parts(p, side)] for side in ("a", "b"))
        name = _sided(filter(None, (_range([_local(x) for x in side]) for side in sides)))
        counts = Counter[str](c.kind for c in changes)
        alike = {kind: counts[kind] for kind in ALIKE if counts[kind]}
        return [Line("", name, alike=alike, macs=self.macs(changes))]

    def line(self, pair: Pair) -> Line:
        changes = self.changes(pair)
        kinds = {c.kind for c in changes}
        mark = MARKS[kinds.pop()] if len(kinds) == 1 else MARKS["changed"]
        sides = [part for part in (pair.a, pair.b) if part is not None]
        name = _sided(_local(part) for part in sides)
        line = Line(mark, name, params=self.params(changes), macs=self.macs(changes))
        line.what = _whats(pair.a, pair.b)
        line.output = _sided(_output(part) for part in sides)
        if isinstance(pair.part, Node):
            line.notes = list(_notes(changes[0]))
        elif pair.inside and mark == MARKS["changed"]:
            line.children = self.inside(pair)
        return line

    def params(self, changes: list[Change]) -> int:
        a, b = costs(self.differences.a), costs(self.differences.b)
        before = sum(a[c.a.index].params for c in changes if c.a)
        return sum(b[c.b.index].params for c in changes if c.b) - before

    def macs(self, changes: list[Change]) -> int:
        a, b = costs(self.differences.a), costs(self.differences.b)
        before = sum(a[c.a.index].macs for c in changes if c.a and c.a.index in self.live[0])
        after = sum(b[c.b.index].macs for c in changes if c.b and c.b.index in self.live[1])
        return after - before


def _is_layer(part: Part) -> bool:
    return isinstance(part, Node) and bool(part.inputs)


def _parts(pair: Pair, side: Literal["a", "b"]) -> Iterator[Part]:
    """What one network has of a pair: its layers, where a scope is the other's alone."""
    part = getattr(pair, side)
    if part is not None:
        yield part
    else:
        yield from (x for layer in pair.layers() if (x := getattr(layer, side)) is not None)


def _range(names: list[str]) -> str:
    return " – ".join(dict.fromkeys((names[0], names[-1]))) if names else ""


def _local(part: Part) -> str:
    return (part.path or "").rpartition(".")[2]


def _sided(texts: Iterable[str]) -> str:
    """What both sides are, once where they agree."""
    return " → ".join(dict.fromkeys(texts))


def _what(part: Part) -> str:
    if isinstance(part, Node):
        return str(part.op) if part.inputs else "input"
    if part.kind != "block":
        return ""
    return f"{part.name}({part.args})" if part.args else part.name


def _whats(a: Part | None, b: Part | None) -> str:
    """What a layer or scope is written as, and what has become of its arguments."""
    if not isinstance(a, Node) or not isinstance(b, Node) or a.op.variadic or not a.inputs:
        return _sided(_what(part) for part in (a, b) if part is not None)
    parts = []
    for p in a.op.parameters():
        values = [getattr(n.op, p.name) for n in (a, b)]
        if p.required or any(v != p.default for v in values):
            label = "" if p.required else f"{p.name}="
            parts.append(label + _sided(map(format_value, values)))
    return f"{b.op.name}({', '.join(parts)})" if parts else b.op.name


def _output(part: Part) -> str:
    node = part.result if isinstance(part, Region) else part
    return str(node.output) if node else ""


def _notes(change: Change) -> Iterator[tuple[str, str]]:
    alike: dict[str, list[str]] = {}
    for name, sides in change.tensors.items():
        text = _sided("none" if shape is None else shape_text(shape) for shape in sides)
        alike.setdefault(text, []).append(name)
    yield from ((", ".join(names), text) for text, names in alike.items())
    if change.takes:
        yield "takes", " → ".join(", ".join(side) for side in change.takes)
    for name, (a, b) in change.other.items():
        yield name, f"{a} → {b}"


def _folded(found: list[Line]) -> list[Line]:
    out: list[Line] = []
    last: list[str] = []
    for line in found:
        if out and line.mark and out[-1].key == line.key:
            out[-1].copies += 1
            last[-1] = line.name
        else:
            out.append(line)
            last.append(line.name)
    for line, name in zip(out, last, strict=True):
        if line.copies > 1:
            line.name = f"{line.name} – {name}"
    return out
