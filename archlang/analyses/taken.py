"""Which shapes of inputs the module of a network takes, and what is wrong with one it does not.

This is ``legal`` asked about tensors as they arrive. It knows no PyTorch, and is plain data: a
module carries it along wherever it is copied or saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

from archlang.analyses.sizes import Legal, Near, legal
from archlang.graph import Graph
from archlang.sizes.forms import Form
from archlang.sizes.functions import INPUT
from archlang.sizes.regions import EVERYWHERE
from archlang.sizes.sets import EVERY
from archlang.types import Dim, Shape, SymbolicDim, form_of

REACH = 256
"""How far a legal size is looked for where more is asked than boxes can say."""
Size: TypeAlias = "int | str | Form"
"""What an axis of an input must be: a number, a size with a name, or one made from such."""


@dataclass(frozen=True)
class Taken:
    """The inputs of a network by name, the batch left out, and the legal sizes among them."""

    network: str
    inputs: Mapping[str, tuple[Size, ...]]
    legal: Legal
    training: bool

    def refusal(self, shapes: Sequence[Shape]) -> str | None:
        """Why inputs of these shapes, each with its batch, are not taken; None if they are."""
        why = self._why(shapes)
        if why is None:
            return None
        came = _listed(f"`{n}` is {list(s)}" for n, s in zip(self.inputs, shapes, strict=True))
        return f"{came}, but {self.network} takes {self.words()}: {why}"

    def words(self) -> str:
        """What is taken: ``[batch, 3, H, W] with H % 4 == 0 and W >= 8``."""
        several = len(self.inputs) > 1
        shapes = (
            f"`{name}` as {_written(sizes)}" if several else _written(sizes)
            for name, sizes in self.inputs.items()
        )
        sizes = f" with {_listed(self._asked())}" if self.legal.names else ""
        return f"{_listed(shapes)}{sizes}{' in training' if self.training else ''}"

    def _asked(self) -> Iterator[str]:
        """What legal sizes meet; what is no union of boxes as it is written."""
        further = [f"`{u.span.text}`" for u in self.legal.unstated if u.claim is not None]
        if not further or self.legal.region != EVERYWHERE:
            yield self.legal.words()
        yield from dict.fromkeys(further)

    def _why(self, shapes: Sequence[Shape]) -> str | None:
        pairs = list(zip(self.inputs.items(), shapes, strict=True))
        for (name, wanted), shape in pairs:
            if len(shape) != len(wanted) + 1:
                return _axes(name, len(wanted) + 1, len(shape))
        for (name, wanted), shape in pairs:
            for axis, (size, n) in enumerate(zip(wanted, shape[1:], strict=True), 1):
                if isinstance(size, int) and size != n:
                    return _number(name, axis, size, n)
        sizes: dict[str, int] = {}
        for (_, wanted), shape in pairs:
            for size, n in zip(wanted, shape[1:], strict=True):
                if isinstance(size, str) and sizes.setdefault(size, n) != n:
                    return f"{size} is both {sizes[size]} and {n}, and has to be the same"
        return self._sizes(sizes) or _made(pairs, sizes) or _batches(pairs)

    def _sizes(self, sizes: Mapping[str, int]) -> str | None:
        """What is wrong with the sizes themselves, and the nearest that are legal."""
        empty = any(size < 1 for size in sizes.values())
        if self.legal.holds(sizes) and not empty:
            return None
        near = nearest(self.legal, sizes)
        wrong = [n for n in near if not n.legal]
        if sizes in self.legal.region and not empty:  # only what is no union of boxes refuses it
            said = (u for u in self.legal.unstated if u.claim and u.claim.holds(sizes) is False)
            texts = _listed(f"`{u.span.text}`" for u in said)
            return f"{texts} does not hold at {_given(sizes)}{_offer(near)}"
        alone = len(self.legal.region.boxes) == 1
        given = {n.names[0]: n.size for n in wrong} if alone else sizes
        verb = "is" if len(given) == 1 else "are"
        return f"{_given(given)} {verb} not legal{_offer(wrong if alone else near)}"


def taken(graph: Graph, *, training: bool = False) -> Taken:
    """What the module of a network takes in evaluation; with ``training``, in training."""
    found = replace(legal(graph, training=training), fixed_by=None)  # which would keep the graph
    inputs = {n: tuple(map(_size, node.output.shape)) for n, node in graph.inputs.items()}
    return Taken(graph.name, inputs, found, training)


def nearest(legal: Legal, sizes: Mapping[str, int]) -> list[Near]:
    """The legal sizes next to those of an input, for each name.

    They are those of the box that is least far away. Where more is asked than boxes can say, it
    is one input near by that is legal; nothing where none is found.
    """
    rows = [
        [Near((n,), s, *box.get(n, EVERY).around(s)) for n, s in sizes.items()]
        for box in legal.region.boxes
    ]
    row = min(rows, key=lambda row: sum(map(_distance, row)), default=[])
    if legal.exact:
        return row
    steps = [(n, d) for d in range(1, REACH) for n in sizes]
    moved = [{**sizes, n: sizes[n] + d} for n, e in steps for d in (-e, e)]
    corners = product(*([e for e in (n.below, n.above) if e is not None] for n in row))
    near = [dict(zip(sizes, corner, strict=True)) for corner in corners] if row else []
    near = [p for p in (*near, *moved) if min(p.values()) > 0 and legal.holds(p)]
    near.sort(key=lambda p: sum(abs(p[n] - s) for n, s in sizes.items()))
    return [_moved(n, s, near[0][n]) for n, s in sizes.items()] if near else []


def _distance(near: Near) -> int:
    return min(abs(n - near.size) for n in (near.below, near.above) if n is not None)


def _moved(name: str, size: int, to: int) -> Near:
    """A size, and the one that is legal."""
    return Near((name,), size, to if to <= size else None, to if to >= size else None)


def _size(dim: Dim) -> Size:
    if not isinstance(dim, SymbolicDim):
        return int(dim)
    if dim.atom is not None and dim.atom[1] == INPUT:
        return dim.atom[0]
    return form_of(dim) or int(dim)


def _axes(name: str, wanted: int, found: int) -> str:
    hint = "; a single sample needs a batch of 1 (`unsqueeze(0)`)" if found == wanted - 1 else ""
    return f"`{name}` has {found} axes, not {wanted}{hint}"


def _number(name: str, axis: int, wanted: int, found: int) -> str:
    hint = f"; it may vary if the spec gives it a name, as in `H={wanted}`" if axis > 1 else ""
    return f"axis {axis} of `{name}` is {found}, and {wanted} is the only size taken{hint}"


def _made(
    pairs: Sequence[tuple[tuple[str, tuple[Size, ...]], Shape]], sizes: Mapping[str, int]
) -> str | None:
    """Sizes that are made from others must be what these make."""
    for (name, wanted), shape in pairs:
        for axis, (size, n) in enumerate(zip(wanted, shape[1:], strict=True), 1):
            if isinstance(size, Form) and (made := size.at(sizes)) != n:
                return f"axis {axis} of `{name}` is {n}, and {size} is {made} at {_given(sizes)}"
    return None


def _batches(pairs: Sequence[tuple[tuple[str, tuple[Size, ...]], Shape]]) -> str | None:
    batches = {shape[0]: name for (name, _), shape in pairs}
    if len(batches) == 1:
        return None
    return f"the batch is {_listed((f'{n} in `{name}`' for n, name in batches.items()))}"


def _given(sizes: Mapping[str, int]) -> str:
    return _listed(f"{name} = {size}" for name, size in sizes.items())


def _offer(near: Sequence[Near]) -> str:
    """The nearest legal sizes, and what to pad to reach them."""
    parts = []
    for found in near:
        (name,), size, below, above = found.names, found.size, found.below, found.above
        pad = f"{above} (pad it by {above - size})" if above is not None and above != size else ""
        if found.legal:
            parts.append(f"{name} = {size}")
        elif said := " or ".join(filter(None, (str(below) if below is not None else "", pad))):
            parts.append(f"{name} = {said}")
    return f"; the nearest that is legal: {_listed(parts)}" if parts else ""


def _written(sizes: Sequence[Size]) -> str:
    return f"[{', '.join(map(str, ('batch', *sizes)))}]"


def _listed(parts: Iterator[str] | Sequence[str]) -> str:
    return " and ".join(parts)
