"""What two networks differ in, layer by layer, and which weights of one load in the other.

Layers are told to be the same ones by the networks' structures (``alignment``), not by their
paths. Two networks are equal when they compute the same and a checkpoint of one is one of the
other: how a spec is written, and what it calls layers without weights, makes no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal, TypeAlias

from archlang.analyses.alignment import Pair, align
from archlang.analyses.cost import costs
from archlang.graph import Graph, Node, Region
from archlang.op import LayerError, format_value, module_text
from archlang.types import Shape

Kind: TypeAlias = Literal["added", "removed", "changed", "resized", "moved", "equal"]
Sides: TypeAlias = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a layer: ``a`` is the first network's, ``b`` the second's.

    Of a ``changed`` one, ``arguments`` are those that differ, by name, as a user would write
    them, ``tensors`` the shapes of its weights and buffers that do (None where it has none),
    ``takes`` the paths that it takes its input from, where other layers feed it now, and
    ``other`` what else differs. One is ``resized`` where only the sizes that it works on differ,
    ``moved`` where only the path does that its weights' keys begin with.
    """

    kind: Kind
    a: Node | None
    b: Node | None
    arguments: dict[str, tuple[str, str]] = field(default_factory=dict)
    tensors: dict[str, tuple[Shape | None, Shape | None]] = field(default_factory=dict)
    takes: tuple[list[str], list[str]] | None = None
    other: dict[str, Sides] = field(default_factory=dict)


@dataclass(frozen=True)
class Weights:
    """Which tensors of a checkpoint of the first network load in the second, by their keys.

    ``loads`` have one key and one shape in both. ``missing`` are keys of the second network
    alone, ``unexpected`` of the first alone, and ``differing`` have another shape in each.
    ``astray`` load as well, but into another layer than the one that they belong to by the
    networks' structures. ``aligned`` has for each key of the second network the key of the
    layer that is its own in the first, where the shapes are equal.

    ``params`` are scalars of parameters in the second network: all of them, those that load by
    their keys, and those that would by ``aligned``.
    """

    loads: list[str]
    missing: list[str]
    unexpected: list[str]
    differing: dict[str, tuple[Shape, Shape]]
    astray: list[str]
    aligned: dict[str, str]
    params: dict[str, int]

    @property
    def moved(self) -> dict[str, str]:
        """The keys of ``aligned`` that differ: of the second network, and of the first."""
        return {b: a for b, a in self.aligned.items() if a != b}

    @property
    def strict(self) -> bool:
        """Whether ``load_state_dict(…, strict=True)`` takes it."""
        return not (self.missing or self.unexpected or self.differing)


class Differences:
    """Two networks, aligned: ``root`` is the pair of both, with all others in it."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        self.root = align(a, b)
        self._found: dict[int, Change] = {}
        both = [(p.a, p.b) for p in self.root.layers() if p.a is not None and p.b is not None]
        theirs = {id(y): i for i, (_, y) in enumerate(both)}
        mine = {id(x): i for i, (x, _) in enumerate(both)}
        self._origins = _origins(a, mine) | _origins(b, theirs)

    def of(self, pair: Pair) -> Change:
        """What has become of a layer."""
        key = id(pair.part)
        if key not in self._found:
            self._found[key] = self._change(pair)
        return self._found[key]

    @cached_property
    def changes(self) -> list[Change]:
        """All layers, in the order of the alignment."""
        return [self.of(pair) for pair in self.root.layers()]

    @cached_property
    def outputs(self) -> dict[str, Sides]:
        """The outputs that differ, and those for training: what each network has, or None."""
        mine, theirs = _ends(self.a), _ends(self.b)
        names = dict.fromkeys((*mine, *theirs))
        if list(mine) != list(theirs) and set(mine) == set(theirs):
            return {"order": (", ".join(mine), ", ".join(theirs))}
        differing = {}
        for name in names:
            x, y = mine.get(name), theirs.get(name)
            if x is None or y is None or x[1] != y[1] or not self._meet(x[0], y[0]):
                differing[name] = (_end(x), _end(y))
        return differing

    @property
    def equal(self) -> bool:
        """Whether both compute the same, on weights of the same keys."""
        return not self.outputs and all(c.kind == "equal" for c in self.changes)

    @cached_property
    def weights(self) -> Weights:
        """Which weights of the first network load in the second."""
        mine, theirs = tensors(self.a), tensors(self.b)
        aligned: dict[str, str] = {}
        for change in self.changes:
            if change.a and change.b and change.a.first and change.b.first:
                here, there = own(change.a), own(change.b)
                aligned |= {
                    change.b.key(k): change.a.key(k) for k in there if here.get(k) == there[k]
                }
        loads = [k for k in theirs if mine.get(k) == theirs[k]]
        learned = {n.key(k): prod(s) for n in self.b.nodes if n.first for k, s in n.params.items()}

        def scalars(keys: Iterable[str]) -> int:
            return sum(int(learned.get(k, 0)) for k in keys)

        return Weights(
            loads=loads,
            missing=[k for k in theirs if k not in mine],
            unexpected=[k for k in mine if k not in theirs],
            differing={k: (mine[k], s) for k, s in theirs.items() if k in mine and mine[k] != s},
            astray=[k for k in loads if aligned.get(k) != k],
            aligned={k: aligned[k] for k in theirs if k in aligned},
            params={"all": scalars(learned), "loads": scalars(loads), "aligned": scalars(aligned)},
        )

    def _change(self, pair: Pair) -> Change:
        a, b = pair.a, pair.b
        assert not isinstance(a, Region)
        assert not isinstance(b, Region)
        if a is None or b is None:
            return Change("added" if a is None else "removed", a, b)
        arguments = _arguments(a, b)
        here, there = own(a), own(b)
        differing = {
            k: (here.get(k), there.get(k)) for k in (here | there) if here.get(k) != there.get(k)
        }
        takes = (
            None
            if self._fed_alike(a, b)
            else ([n.path for n in a.inputs], [n.path for n in b.inputs])
        )
        other = self._other(a, b)
        kind: Kind = "equal"
        if arguments or differing or takes or other:
            kind = "changed"
        elif a.output.shape != b.output.shape or costs(self.a)[a.index] != costs(self.b)[b.index]:
            kind = "resized"
        elif here and a.path != b.path:
            kind = "moved"
        return Change(kind, a, b, arguments, differing, takes, other)

    def _other(self, a: Node, b: Node) -> dict[str, Sides]:
        found: dict[str, Sides] = {}
        if a.first != b.first:
            found["weights"] = ("its own", "shared") if a.first else ("shared", "its own")
        runs = a.index in self.a.live()
        if runs != (b.index in self.b.live()):
            words = ("in evaluation too", "in training only")
            found["runs"] = words if runs else words[::-1]
        if not a.inputs and a.path != b.path:
            found["name"] = (a.path, b.path)
        return found

    def _fed_alike(self, a: Node, b: Node) -> bool:
        """Whether the same layers feed both, what stands on one side alone looked through."""
        return len(a.inputs) == len(b.inputs) and all(map(self._meet, a.inputs, b.inputs))

    def _meet(self, a: Node, b: Node) -> bool:
        mine, theirs = self._origins[id(a)], self._origins[id(b)]
        return bool(mine & theirs) or not (mine or theirs)


def _arguments(a: Node, b: Node) -> dict[str, tuple[str, str]]:
    """The arguments that differ, not only in how they are written, as `3` and `3x3` are."""
    if type(a.op) is not type(b.op) or not a.inputs:
        return {}
    found = {}
    for name in (p.name for p in a.op.parameters()):
        x, y = getattr(a.op, name), getattr(b.op, name)
        if x != y and not (_same_module(a, name, y) and _same_module(b, name, x)):
            found[name] = (format_value(x), format_value(y))
    return found


def _same_module(node: Node, name: str, value: object) -> bool:
    """Whether a layer with another argument would make the same module."""
    op = node.op.model_copy(update={name: value})
    try:
        op.infer(*node.tensors)
    except LayerError:
        return False
    return module_text(op, node.tensors) == module_text(node.op, node.tensors)


def tensors(graph: Graph) -> dict[str, Shape]:
    """The shapes of a network's tensors by key, as its ``state_dict`` has them."""
    return {n.key(k): shape for n in graph.nodes if n.first for k, shape in own(n).items()}


def own(node: Node) -> dict[str, Shape]:
    """The shapes of a layer's weights and buffers by their names in it."""
    every = (*node.params.items(), *node.buffers.items())
    return {key: tuple(map(int, shape)) for key, shape in every}


def scopes(keys: Collection[str], every: Iterable[str]) -> dict[str, int]:
    """``keys`` of all that there are, shortened to the scopes that lie in them whole.

    For each scope or key how many keys it stands for, in the order of ``every``.
    """
    chosen, order = set(keys), list(every)
    whole: dict[str, bool] = {}
    for key in order:
        parts = key.split(".")
        for n in range(len(parts) + 1):
            scope = ".".join(parts[:n])
            whole[scope] = whole.get(scope, True) and key in chosen
    found: Counter[str] = Counter()
    for key in order:
        if key in chosen:
            parts = key.split(".")
            heads = (".".join(parts[:n]) for n in range(len(parts) + 1))
            found[next(head for head in heads if whole[head])] += 1
    return dict(found)


def _origins(graph: Graph, place: dict[int, int]) -> dict[int, frozenset[int]]:
    """The aligned layers that each tensor comes from; a layer alone passes on what it takes."""
    found: dict[int, frozenset[int]] = {}
    for node in graph.nodes:
        above = (found[id(n)] for n in node.inputs)
        at = place.get(id(node))
        found[id(node)] = frozenset().union(*above) if at is None else frozenset((at,))
    return found


def _ends(graph: Graph) -> dict[str, tuple[Node, float | None]]:
    """The outputs, then those for training with the weights of their losses."""
    ends: dict[str, tuple[Node, float | None]] = {n: (x, None) for n, x in graph.outputs.items()}
    return ends | {n: (aux.node, aux.weight) for n, aux in graph.aux.items()}


def _end(end: tuple[Node, float | None] | None) -> str | None:
    if end is None:
        return None
    node, weight = end
    return node.path if weight is None else f"{node.path}, in training, weight {weight:g}"
