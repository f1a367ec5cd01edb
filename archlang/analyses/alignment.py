"""Which layers of two networks are the same ones: their structures, aligned.

Two scopes are aligned part by part, in order, at the least cost: what stands on one side alone
costs by its layers, a layer that is there on both sides by what of it differs. Only layers of
one kind are aligned, or those that make the same module. Of equally good alignments, the one
under which more parts keep their branches and names is taken, then the one that matches
earliest. Scopes that hold the same are told apart
once, so that deep networks of equal blocks take little time. (Edit distances of general graphs
take exponential time, and of unordered trees too; the order of a spec is what makes this quick.)

Where layers stand alone on both sides between two aligned parts, and some are in a scope there,
the scopes are opened: what has been wrapped in a block, or taken out of one, is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, TypeAlias

from archlang.graph import Graph, Node, Part, Region
from archlang.op import module_text

UNIT = 1 << 24
"""What a difference costs at least."""
CELLS = 1 << 20
"""How large a table of two rows may be: longer rows are cut where they are equal."""
NAME, BRANCH = 1, 4
"""What another name costs, or another branch or merge to stand in: these only break ties."""
ALONE, ALONE_WITH_TENSORS = 10 * UNIT, 15 * UNIT
RESHAPED, ARGUMENTS, ARGUMENT, MOST = 1 * UNIT, 8 * UNIT, 2 * UNIT, 18 * UNIT

Move: TypeAlias = tuple[int | None, int | None]


@dataclass(slots=True, eq=False)
class Pair:
    """A layer or scope of two networks; None where one has no such part.

    ``inside`` are the parts of a scope. It is empty for one that stands wholly on one side.
    """

    a: Part | None
    b: Part | None
    inside: list[Pair] = field(default_factory=list)

    @property
    def part(self) -> Part:
        """The second network's part, or else the first's."""
        part = self.b if self.b is not None else self.a
        assert part is not None
        return part

    @property
    def name(self) -> str:
        """The last name of its path."""
        return _name(self.part)

    def layers(self) -> Iterator[Pair]:
        """All pairs of layers in it, those of scopes on one side included."""
        if self.inside:
            for pair in self.inside:
                yield from pair.layers()
        elif isinstance(self.part, Node):
            yield self
        else:
            for node in self.part.nodes():
                yield Pair(node, None) if self.b is None else Pair(None, node)

    def mirrored(self) -> Pair:
        """The same with its sides exchanged."""
        return Pair(self.b, self.a, [pair.mirrored() for pair in self.inside])


def align(a: Graph, b: Graph) -> Pair:
    """The alignment of two networks; exchanging them exchanges its sides, and nothing else."""
    aligner = _Aligner()
    first, second = aligner.tree(a.root), aligner.tree(b.root)
    if _canonical(second) < _canonical(first):
        return aligner.pair(second, first).mirrored()
    return aligner.pair(first, second)


@dataclass(slots=True, eq=False)
class _Tree:
    """A part with what it takes to compare it; trees of one ``number`` hold the same."""

    part: Part
    name: str
    number: int
    place: tuple[str, ...]
    """The merges and branches that it stands in, inside its scope."""
    alone: int
    """What it costs where it stands on one side alone."""
    inside: list[_Tree]

    def leaves(self) -> Iterator[_Tree]:
        if isinstance(self.part, Node):
            yield self
        for tree in self.inside:
            yield from tree.leaves()


def _canonical(tree: _Tree) -> tuple[Any, ...]:
    """An order of networks that does not depend on which comes first."""
    leaves = [t.part for t in tree.leaves()]
    texts = [(n.path, str(n.op), str(n.output)) for n in leaves if isinstance(n, Node)]
    wires = [[i.index for i in n.inputs] for n in leaves if isinstance(n, Node)]
    return len(leaves), texts, wires


def _name(part: Part) -> str:
    return (part.path or "").rpartition(".")[2]


def _members(region: Region, place: tuple[str, ...] = ()) -> Iterator[tuple[Part, tuple[str, ...]]]:
    """The parts right below a scope, and the merges and branches that each stands in there."""
    for part in region.parts:
        if isinstance(part, Region) and part.path is None:
            told = (part.name,) if part.kind in ("merge", "branch") else ()
            yield from _members(part, place + told)
        else:
            yield part, place


def _tensors(node: Node) -> tuple[Any, ...]:
    return tuple(
        (key, tuple(map(int, s))) for key, s in (*node.params.items(), *node.buffers.items())
    )


class _Aligner:
    """Aligns trees; what two trees cost is worked out once for all that hold the same."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.costs: dict[tuple[int, int], int | None] = {}

    def tree(self, part: Part, place: tuple[str, ...] = ()) -> _Tree:
        name = _name(part)
        if isinstance(part, Node):
            tensors = _tensors(part)
            made = module_text(part.op, part.tensors)
            key: Any = (made, tuple(map(int, part.output.shape)), tensors)
            alone = ALONE_WITH_TENSORS if tensors else ALONE
            return _Tree(part, name, self.number(key), place, alone, [])
        inside = [self.tree(p, where) for p, where in _members(part)]
        block = part.name if part.kind == "block" else ""
        key = (block, *((t.name, t.place, t.number) for t in inside))
        return _Tree(part, name, self.number(key), place, sum(t.alone for t in inside), inside)

    def number(self, key: Any) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def cost(self, a: _Tree, b: _Tree) -> int | None:
        """What aligning two parts costs, their own names left out; None where nothing is gained."""
        if a.number == b.number:
            return 0
        key = (a.number, b.number)
        if key not in self.costs:
            self.costs[key] = self._cost(a, b)
        return self.costs[key]

    def _cost(self, a: _Tree, b: _Tree) -> int | None:
        if isinstance(a.part, Node) and isinstance(b.part, Node):
            return _layer_cost(a.part, b.part)
        if isinstance(a.part, Node) or isinstance(b.part, Node):
            return None
        found = self.least(a.inside, b.inside) + NAME * (a.part.name != b.part.name)
        return found if found < a.alone + b.alone - UNIT else None

    def least(self, a: Sequence[_Tree], b: Sequence[_Tree]) -> int:
        """The cost of the best alignment of two rows of parts."""
        if len(a) * len(b) <= CELLS:
            return _Table(a, b, self.cost).least
        alone = sum(t.alone for t in (*a, *b))
        both = [(a[i], b[j]) for i, j in self.moves(a, b) if i is not None and j is not None]
        return alone + sum((self.cost(x, y) or 0) - x.alone - y.alone for x, y in both)

    def moves(self, a: Sequence[_Tree], b: Sequence[_Tree]) -> Iterator[Move]:
        """The best alignment of two rows; of very long ones, a good one around what is equal."""
        blocks = [(len(a), len(b), 0)]
        if len(a) * len(b) > CELLS:
            rows = [[(t.number, t.name, t.place) for t in row] for row in (a, b)]
            matcher = SequenceMatcher(None, rows[0], rows[1], autojunk=False)
            blocks = [(x, y, size) for x, y, size in matcher.get_matching_blocks()]
        i = j = 0
        for x, y, size in blocks:
            mine, theirs = a[i:x], b[j:y]
            if len(mine) * len(theirs) <= CELLS:
                for m, n in _Table(mine, theirs, self.cost).moves():
                    yield (None if m is None else i + m, None if n is None else j + n)
            else:
                yield from ((n, None) for n in range(i, x))
                yield from ((None, n) for n in range(j, y))
            yield from ((x + n, y + n) for n in range(size))
            i, j = x + size, y + size

    def pair(self, a: _Tree, b: _Tree) -> Pair:
        """Two parts that are aligned, and what is in them."""
        if isinstance(a.part, Node):
            return Pair(a.part, b.part)
        if a.number == b.number:
            inside = [self.pair(x, y) for x, y in zip(a.inside, b.inside, strict=True)]
            return Pair(a.part, b.part, inside)
        return Pair(a.part, b.part, list(self._inside(a.inside, b.inside)))

    def _inside(self, a: Sequence[_Tree], b: Sequence[_Tree]) -> Iterator[Pair]:
        mine: list[_Tree] = []
        theirs: list[_Tree] = []
        for i, j in self.moves(a, b):
            if i is not None and j is not None:
                yield from self._apart(mine, theirs)
                mine, theirs = [], []
                yield self.pair(a[i], b[j])
            elif i is not None:
                mine.append(a[i])
            elif j is not None:
                theirs.append(b[j])
        yield from self._apart(mine, theirs)

    def _apart(self, mine: list[_Tree], theirs: list[_Tree]) -> Iterator[Pair]:
        """What stands alone on both sides of one place, its scopes opened where that helps."""
        found: dict[int, Part] = {}
        if mine and theirs and any(t.inside for t in (*mine, *theirs)):
            a = [leaf for tree in mine for leaf in tree.leaves()]
            b = [leaf for tree in theirs for leaf in tree.leaves()]
            moves = self.moves(a, b)
            found = {id(b[j].part): a[i].part for i, j in moves if i is not None and j is not None}
        taken = {id(part) for part in found.values()}
        for tree in mine:
            yield from _left(tree, taken)
        for tree in theirs:
            yield _opened(tree, found)


def _left(tree: _Tree, taken: set[int]) -> Iterator[Pair]:
    """What is left of the first network's part when the layers in ``taken`` are elsewhere."""
    if not any(id(leaf.part) in taken for leaf in tree.leaves()):
        yield Pair(tree.part, None)
    for inner in tree.inside if any(id(t.part) in taken for t in tree.leaves()) else ():
        yield from _left(inner, taken)


def _opened(tree: _Tree, found: dict[int, Part]) -> Pair:
    """The second network's part, with the first's layers that were found again in it."""
    if not any(id(leaf.part) in found for leaf in tree.leaves()):
        return Pair(None, tree.part)
    return Pair(found.get(id(tree.part)), tree.part, [_opened(t, found) for t in tree.inside])


def _layer_cost(a: Node, b: Node) -> int | None:
    """What two layers differ in; None where they are not of one kind."""
    if type(a.op) is not type(b.op):
        return None
    differing: int = sum(getattr(a.op, p.name) != getattr(b.op, p.name) for p in a.op.parameters())
    if differing:
        return min(ARGUMENTS + ARGUMENT * differing, MOST)
    return RESHAPED


class _Table:
    """The least cost of aligning what is left of two rows of parts, for each place in both."""

    def __init__(
        self,
        a: Sequence[_Tree],
        b: Sequence[_Tree],
        cost: Callable[[_Tree, _Tree], int | None],
    ) -> None:
        self.a, self.b, self.cost = a, b, cost
        self.start = 0  # what both begin with, and what both end with, needs no table
        while self.start < min(len(a), len(b)) and self._same(self.start, self.start):
            self.start += 1
        self.end = 0
        room = min(len(a), len(b)) - self.start
        while self.end < room and self._same(len(a) - 1 - self.end, len(b) - 1 - self.end):
            self.end += 1

    def _same(self, i: int, j: int) -> bool:
        a, b = self.a[i], self.b[j]
        return (a.number, a.name, a.place) == (b.number, b.name, b.place)

    def _match(self, i: int, j: int) -> int | None:
        a, b = self.a[i], self.b[j]
        cost = self.cost(a, b)
        if cost is None:
            return None
        return cost + NAME * (a.name != b.name) + BRANCH * (a.place != b.place)

    @property
    def least(self) -> int:
        """The cost of the best alignment."""
        return self.rows[0][0]

    @cached_property
    def rows(self) -> list[list[int]]:
        """For each pair of places, the cost of all behind them."""
        rows_of, columns_of = len(self.a) - self.end, len(self.b) - self.end
        width = columns_of - self.start
        below = [0] * (width + 1)
        for j in reversed(range(width)):
            below[j] = below[j + 1] + self.b[self.start + j].alone
        rows = [below]
        for i in reversed(range(self.start, rows_of)):
            row = [0] * (width + 1)
            row[width] = below[width] + self.a[i].alone
            for j in reversed(range(width)):
                at = self.start + j
                least = min(below[j] + self.a[i].alone, row[j + 1] + self.b[at].alone)
                match = self._match(i, at)
                row[j] = least if match is None else min(least, below[j + 1] + match)
            rows.append(row)
            below = row
        return rows[::-1]

    def moves(self) -> Iterator[Move]:
        """The best alignment: indices of parts that go together, or of one that is alone."""
        rows = self.rows
        i = j = self.start
        yield from ((n, n) for n in range(self.start))
        rows_of, columns_of = len(self.a) - self.end, len(self.b) - self.end
        while i < rows_of or j < columns_of:
            here = rows[i - self.start][j - self.start]
            if i < rows_of and j < columns_of:
                match = self._match(i, j)
                after = rows[i - self.start + 1][j - self.start + 1]
                if match is not None and here == after + match:
                    yield i, j
                    i, j = i + 1, j + 1
                    continue
            if i < rows_of and here == rows[i - self.start + 1][j - self.start] + self.a[i].alone:
                yield i, None
                i += 1
            else:
                yield None, j
                j += 1
        yield from ((rows_of + n, columns_of + n) for n in range(self.end))
