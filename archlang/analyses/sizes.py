"""For which input sizes a network is legal, exactly, and what its figures are there.

Legal is what PyTorch runs in evaluation with the weights that the network is made with: every
layer takes its input, every tensor has all sizes at least 1, branches agree without being
stretched, and what the spec requires holds. A weight whose shape depends on the input's size is
made for the size that the network is checked with, and so fixes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from archlang.graph import Graph, Node, Why
from archlang.sizes.claims import Claim, Compared
from archlang.sizes.forms import Form, number, total
from archlang.sizes.functions import Function
from archlang.sizes.regions import EVERYWHERE, Region, union
from archlang.sizes.sets import EVERY, Set, TooLongError
from archlang.source import Span
from archlang.types import Dim, Shape, SymbolicDim, form_of

Source: TypeAlias = Literal["merge", "layer", "weight"] | Why


class Asked(NamedTuple):
    """Something that a legal size must meet, and where it comes from."""

    claim: Compared | Claim
    span: Span
    why: Source
    node: Node | None = None
    sides: tuple[Dim, Dim] | None = None
    said: str = ""
    """What a ``require`` says for those who do not meet it."""


class Unstated(NamedTuple):
    """What could not be said of every input size, and why."""

    span: Span
    why: str
    claim: Claim | None = None
    limit: bool = False
    """Whether it is because more would have to be worked through than is."""
    names: frozenset[str] = frozenset()
    """The input sizes that it is about, where there is no claim."""

    @property
    def concerns(self) -> frozenset[str]:
        """The input sizes that it is about; none where that is not known."""
        return self.names if self.claim is None else self.claim.names


@dataclass(frozen=True)
class Near:
    """The legal sizes next to one: the largest up to it, and the least from it on."""

    names: tuple[str, ...]
    size: int
    below: int | None
    above: int | None

    @property
    def legal(self) -> bool:
        return self.above == self.size

    def to_json(self) -> dict[str, Any]:
        """As plain data; ``pad`` is what has to be added to reach ``above``."""
        pad = None if self.above is None else self.above - self.size
        return {
            "names": list(self.names),
            "size": self.size,
            "legal": self.legal,
            "below": self.below,
            "above": self.above,
            "pad": pad,
        }


@dataclass(frozen=True)
class Legal:
    """The legal sizes of a network's inputs.

    ``names`` are the sizes that the spec leaves open, ``defaults`` the ones it is checked with.
    ``region`` is where the network is legal; it is exact unless something is ``unstated``.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, int]
    region: Region
    unstated: tuple[Unstated, ...]
    domain: Region
    """Where every layer by itself takes its input."""
    fixed_by: Node | None = None
    """The first layer whose weights are made for one size."""

    @property
    def exact(self) -> bool:
        return not self.unstated

    @property
    def fully_convolutional(self) -> bool:
        """Whether images may be as large as one likes."""
        return bool(self.names) and any(
            not any(box.get(n, EVERY).bounded for n in self.names) for box in self.region.boxes
        )

    def along(self, name: str) -> Set:
        """The legal sizes of one name, all others at their defaults."""
        return self.region.along(name, self.defaults)

    @property
    def square(self) -> Set:
        """The sizes that all names may have at once."""
        return self.region.square(self.names)

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether the network takes inputs of these sizes."""
        further = (u.claim.holds(sizes) for u in self.unstated if u.claim is not None)
        return sizes in self.region and False not in further

    def near(self, size: int) -> list[Near]:
        """The legal sizes next to one.

        For each name where they do not depend on each other; else for all names at once.
        """
        sets: list[tuple[tuple[str, ...], Set]] = [(self.names, self.square)]
        if len(self.region.boxes) == 1:
            sets = [((n,), self.region.boxes[0].get(n, EVERY)) for n in self.names]
        joined: dict[tuple[int | None, int | None], tuple[str, ...]] = {}
        for names, found in sets:
            ends = found.around(size)
            joined[ends] = (*joined.get(ends, ()), *names)
        return [Near(names, size, *ends) for ends, names in joined.items()]

    def words(self, most: int = 3) -> str:
        """The legal sizes as a user would write them."""
        if not self.names:
            return "those that the spec gives"
        return self.describe(self.region, most, whole=True)

    def describe(self, region: Region, most: int = 3, *, whole: bool = False) -> str:
        """A region as a user would write it; the box of the defaults first.

        With ``whole`` the names that may have any size are said too.
        """
        boxes = [self._box(box, whole) for box in region.boxes]
        if len(boxes) == 1:
            return boxes[0]
        if not boxes:
            return "no size"
        mine = [i for i, b in enumerate(region.boxes) if self.defaults in Region((b,))]
        order = [*mine, *(i for i in range(len(boxes)) if i not in mine)]
        said = " or ".join(f"({boxes[i]})" for i in order[:most])
        left = len(boxes) - most
        return f"{said} or {left} more such box{'es' if left > 1 else ''}" if left > 0 else said

    def _box(self, box: Mapping[str, Set], whole: bool) -> str:
        said = []
        if not box:
            return f"every {' and '.join(self.names)}"
        for name in self.names if whole else sorted(box):
            words = box.get(name, EVERY).words(name)
            said.append(words)
        return " and ".join(f"({w})" if " or " in w and len(said) > 1 else w for w in said)

    def to_json(self) -> dict[str, Any]:
        """As plain data: a union of boxes, each with a set for every name."""
        boxes = [{n: b.get(n, EVERY).to_json(n) for n in self.names} for b in self.region.boxes]
        return {
            "words": self.words(len(boxes)),
            "names": list(self.names),
            "defaults": dict(self.defaults),
            "exact": self.exact,
            "boxes": boxes,
            "fully_convolutional": self.fully_convolutional,
            "least": self.square.least,
            "unstated": [f"{u.span}: {u.why}" for u in self.unstated],
        }


def condition(region: Region) -> str | None:
    """A region as an expression of the language, where it is one that a user would write."""
    if len(region.boxes) != 1:
        return None
    parts = [s.condition(n) for n, s in sorted(region.boxes[0].items())]
    texts = [t for t in parts if t is not None]
    if len(texts) < len(parts) or not texts:
        return None
    return " and ".join(f"({t})" if " or " in t and len(texts) > 1 else t for t in texts)


def legal(graph: Graph, *, training: bool = False) -> Legal:
    """The legal sizes of a network; with ``training``, for the layers that only run there too."""
    key = f"legal {training}"
    if key not in graph.worked_out:
        nodes = running(graph, training)
        defaults = input_sizes(graph)
        domain, unstated = _domain(nodes)
        region = domain
        fixed_by = None
        for asked in conditions(graph, training=training):
            where, why = stated(asked)
            unstated.extend(why)
            try:
                region = region & where
            except TooLongError as error:
                unstated.append(Unstated(asked.span, str(error), asked.claim, limit=True))
            if asked.why == "weight" and fixed_by is None:
                fixed_by = asked.node
        names = tuple(defaults)
        graph.worked_out[key] = Legal(names, defaults, region, tuple(unstated), domain, fixed_by)
    found: Legal = graph.worked_out[key]
    return found


def domain(nodes: list[Node]) -> Region:
    """Where every layer of some takes what arrives, as far as that can be said."""
    return _domain(nodes)[0]


def input_sizes(graph: Graph) -> dict[str, int]:
    """The sizes that the spec leaves open, by name, and what they are by default."""
    found: dict[str, int] = {}
    for node in graph.inputs.values():
        for dim in node.output.shape:
            if isinstance(dim, SymbolicDim) and len(dim.symbols) == 1:
                found.setdefault(next(iter(dim.symbols)), int(dim))
    return found


def running(graph: Graph, training: bool = False) -> list[Node]:
    """The nodes that run in evaluation; with ``training``, those of auxiliary outputs too."""
    live = graph.live()
    if training:
        live = live | graph.reaching([aux.node for aux in graph.aux.values()])
    return [n for n in graph.nodes if n.index in live]


def _domain(nodes: list[Node]) -> tuple[Region, list[Unstated]]:
    """Where each size of each tensor is defined, one by one."""
    seen: set[tuple[str, Function]] = set()
    tensors: set[int] = set()  # most layers pass on the very tensor that they take
    box: dict[str, Set] = {}
    unstated: list[Unstated] = []
    for node in nodes:
        if id(node.output) in tensors:
            continue
        tensors.add(id(node.output))
        for dim in node.output.shape:
            if not isinstance(dim, SymbolicDim):
                continue
            if dim.atom is None:
                if dim.form is None and _first_unknown(node):
                    why = dim.unknown or _together(node, dim)
                    limit = bool(dim.unknown)
                    unstated.append(Unstated(node.span, why, limit=limit, names=dim.symbols))
            elif dim.atom not in seen:
                seen.add(dim.atom)
                name, function = dim.atom
                try:
                    box[name] = box.get(name, EVERY) & function.domain
                except TooLongError as error:
                    why, names = str(error), frozenset((name,))
                    unstated.append(Unstated(node.span, why, limit=True, names=names))
    return union(iter([box])), unstated


def _first_unknown(node: Node) -> bool:
    return all(form_of(d) is not None for x in node.tensors for d in x.shape)


def _together(node: Node, dim: SymbolicDim) -> str:
    names = " and ".join(sorted(dim.symbols))
    return f"`{node.op.name}` works on a size that {names} make together"


def conditions(graph: Graph, *, training: bool = False) -> list[Asked]:
    """All that a legal size must meet beside every layer taking its input."""
    key = f"conditions {training}"
    if key not in graph.worked_out:
        graph.worked_out[key] = list(_conditions(graph, running(graph, training)))
    found: list[Asked] = graph.worked_out[key]
    return found


def _conditions(graph: Graph, nodes: Iterable[Node]) -> Iterator[Asked]:
    seen: set[Compared] = set()
    for node in nodes:
        for left, right, relation in node.conditions:
            claim = Compared(form_of(left), relation, form_of(right))
            if claim not in seen:
                seen.add(claim)
                why: Source = "merge" if node.op.merges else "layer"
                if _meets_weight(node, left, right):
                    why = "weight"
                yield Asked(claim, node.span, why, node, (left, right))
        for shape in (*node.params.values(), *node.buffers.values()):
            for dim in shape:
                if isinstance(dim, SymbolicDim):
                    claim = Compared(dim.form, "==", number(int(dim)))
                    if claim not in seen:
                        seen.add(claim)
                        yield Asked(claim, node.span, "weight", node, (dim, int(dim)))
    for assumed in graph.assumed:
        yield Asked(assumed.claim, assumed.span, assumed.why, said=assumed.said)


def _meets_weight(node: Node, *sides: Dim) -> bool:
    """Whether one of two sizes is a learned tensor's, and so fixes the other."""
    plain = [d for d in sides if not isinstance(d, SymbolicDim)]
    weights = [n.output.shape for n in node.inputs if n.output.shape in _endings(n)]
    return bool(plain) and any(plain[0] in shape for shape in weights)


def _endings(node: Node) -> list[Shape]:
    """The shapes of a layer's weights, a leading 1 for the batch left out."""
    return [shape[-node.output.rank :] for shape in node.params.values()]


def stated(asked: Asked) -> tuple[Region, list[Unstated]]:
    """Where a condition holds; everywhere, and why, where that cannot be said."""
    try:
        where = asked.claim.region()
    except TooLongError as error:
        return EVERYWHERE, [Unstated(asked.span, str(error), asked.claim, limit=True)]
    if where is not None:
        return where, []
    why = "sizes along several axes meet in a way that is no union of boxes"
    return EVERYWHERE, [Unstated(asked.span, why, asked.claim)]


@dataclass(frozen=True)
class Growth:
    """A network's figures as functions of the input's sizes; None where one is not known."""

    macs: Form | None
    neurons: Form | None
    saved_bytes: Form | None = None
    """What one sample keeps for the backward pass in float32, the loss's own left out."""

    def at(self, sizes: Mapping[str, int]) -> dict[str, int | None]:
        """The figures at these sizes, None where one is not known or the size is not legal."""
        values = {k: None if f is None else f.at(sizes) for k, f in vars(self).items()}
        return {k: None if v is None else int(v) for k, v in values.items()}

    def to_json(self) -> dict[str, str | None]:
        """As plain data: expressions in the names of the input's sizes."""
        return {k: None if f is None else str(f) for k, f in vars(self).items()}


def growth(graph: Graph) -> Growth:
    """Multiply-accumulates and neurons of one sample in evaluation, for every legal size."""
    if "growth" not in graph.worked_out:
        nodes = running(graph, training=False)
        graph.worked_out["growth"] = Growth(
            _sum(n.op.macs(n.output, *n.tensors) for n in nodes),
            _sum(n.op.neurons(n.output, *n.tensors) for n in nodes),
        )
    found: Growth = graph.worked_out["growth"]
    return found


def _sum(dims: Iterable[Dim]) -> Form | None:
    known = [form_of(d) for d in dims]
    forms = [f for f in known if f is not None]
    return total(forms) if len(forms) == len(known) else None
