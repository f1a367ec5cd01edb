"""Instances of one block, laid beside each other: which parts are the same, and which repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from archlang.backends.torch.source.holes import MISSING, Point, UnmergeableError
from archlang.backends.torch.source.names import Names
from archlang.backends.torch.source.parts import Key, walk
from archlang.syntax import ast


class Placed(Protocol):
    """What has a place in the text."""

    key: Key
    place: int


E = TypeVar("E", bound=Placed)
LoopNode: TypeAlias = "ast.For | ast.Repeat"


@dataclass(slots=True)
class Turns(Generic[E]):
    """A stretch of an instance that a loop of the spec made: what each turn made."""

    loop: LoopNode
    key: Key
    place: int
    turns: list[list[E | Turns[E]]]


@dataclass(slots=True, eq=False)
class Slot(Generic[E]):
    """What stands at one place in all instances: at each point a part, or None.

    A loop has ``body`` instead, whose points are ``points`` turn by turn.
    """

    points: list[Point]
    found: list[E | None]
    body: list[Slot[E]] = field(default_factory=list)
    header: str = ""
    """A loop's ``for`` line, without its colon."""
    turns: list[list[Point]] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    @property
    def there(self) -> list[bool]:
        return [f is not None for f in self.found] if not self.header else [True] * len(self.points)

    @property
    def first(self) -> E:
        """The part of the first instance that has it."""
        return next(f for f in self.found if f is not None)

    def given(self) -> tuple[list[Point], list[E]]:
        """The points where it is there, and what is there."""
        pairs = [(p, f) for p, f in zip(self.points, self.found, strict=True) if f is not None]
        return [p for p, _ in pairs], [f for _, f in pairs]


def align(
    rows: Sequence[Sequence[E]], points: list[Point], names: Names, within: Key, roll: bool
) -> list[Slot[E]]:
    """The slots of instances, which were written ``within`` a stretch of the text.

    With ``roll``, what the loops there made is brought together. Raises
    ``UnmergeableError`` where instances differ too much.
    """
    file, start, end = within
    loops = [n for n in walk(names.definition) if isinstance(n, _LOOPS)] if roll else []
    loops = [n for n in loops if start <= n.start and n.end <= end]
    segments = [_segments(list(row), loops, file, 0) for row in rows]
    return _slots(segments, points, names)


_LOOPS = (ast.For, ast.Repeat)


def _inside(key: Key, loop: LoopNode) -> bool:
    return loop.start <= key[1] and key[2] <= loop.end


def _segments(row: Sequence[E], loops: list[LoopNode], file: str, depth: int) -> list[E | Turns[E]]:
    """A row with what each loop made brought together; loops further out come first."""
    out: list[E | Turns[E]] = []
    start = 0
    while start < len(row):
        loop = _loop_of(row[start], loops, file, depth)
        end = start + 1
        while loop is not None and end < len(row):
            if _loop_of(row[end], loops, file, depth) is not loop:
                break
            end += 1
        if loop is None:
            out.append(row[start])
        else:
            inner = _segments(row[start:end], loops, file, depth + 1)
            key = (file, loop.start, loop.end)
            out.append(Turns(loop, key, loop.start, _split(inner)))
        start = end
    return out


def _loop_of(part: Placed, loops: list[LoopNode], file: str, depth: int) -> LoopNode | None:
    around = [n for n in loops if part.key[0] == file and _inside(part.key, n)]
    return around[depth] if depth < len(around) else None


def _split(row: list[E | Turns[E]]) -> list[list[E | Turns[E]]]:
    """The turns of a loop: one begins where the text is read from further up again."""
    turns: list[list[E | Turns[E]]] = []
    place = -1
    for part in row:
        if not turns or part.place <= place:
            turns.append([])
        turns[-1].append(part)
        place = part.place
    return turns


def _slots(
    rows: Sequence[Sequence[E | Turns[E]]], points: list[Point], names: Names
) -> list[Slot[E]]:
    keyed = [dict(_keyed(row)) for row in rows]
    out = []
    for key in _merged(keyed):
        found = [k.get(key) for k in keyed]
        if key[0] == "loop":
            out.append(_loop([f for f in found if isinstance(f, Turns)], found, points, names))
        else:
            out.append(Slot(points, found))
    return out


def _keyed(row: Sequence[Any]) -> Iterator[tuple[tuple[str, Key, int], Any]]:
    seen: dict[tuple[str, Key], int] = {}
    for part in row:
        key = ("loop" if isinstance(part, Turns) else "part", part.key)
        seen[key] = seen.get(key, -1) + 1
        yield (*key, seen[key]), part


def _merged(rows: list[dict[Any, Any]]) -> list[Any]:
    """All keys in an order that every row agrees with; raises where there is none."""
    if all(list(row) == list(rows[0]) for row in rows):
        return list(rows[0])
    merged: list[Any] = []
    places = {key: part.place for row in rows for key, part in row.items()}
    for row in rows:
        at = 0
        for key in row:
            if key in merged:
                at = merged.index(key) + 1
                continue
            while at < len(merged) and places[merged[at]] <= places[key]:
                at += 1
            merged.insert(at, key)
            at += 1
    for row in rows:
        found = [merged.index(k) for k in row]
        if found != sorted(found):
            raise UnmergeableError("order")
    return merged


def _loop(there: list[Turns[E]], found: list[Any], points: list[Point], names: Names) -> Slot[E]:
    """A loop that runs as often as the spec says in every instance."""
    loop = there[0].loop
    counts = [len(f.turns) if f is not None else 0 for f in found]
    variables, header, items = _header(loop, counts, points, names)
    turns: list[Point] = []
    rows: list[list[E | Turns[E]]] = []
    all_turns: list[list[Point]] = []
    for point, part, values in zip(points, found, items, strict=True):
        own = [point.turn(v) for v in values]
        all_turns.append(own)
        turns.extend(own)
        rows.extend(part.turns if part is not None else [])
    body = _slots(rows, turns, names)
    nothing: list[E | None] = [None] * len(points)
    return Slot(points, nothing, body, header, all_turns, variables)


def _header(
    loop: LoopNode, counts: list[int], points: list[Point], names: Names
) -> tuple[list[str], str, list[list[dict[str, Any]]]]:
    """A loop's variables, its ``for`` line, and what the variables are in each turn."""
    if isinstance(loop, ast.Repeat):
        for text in names.texts(loop.count):
            if names.prove(text, points, counts):
                name = names.fresh("i")
                rounds = [[{name: i} for i in range(n)] for n in counts]
                return [name], f"for {name} in range({text})", rounds
        raise UnmergeableError("count")
    variables = [names.spoken[t] if t in names.spoken else _fresh(t, names) for t in loop.targets]
    for text in names.texts(loop.iterable):
        items = [names.value(text, p) for p in points]
        if any(i is MISSING for i in items) or [len(list(i)) for i in items] != counts:
            continue
        rounds = [[_bound(variables, v) for v in item] for item in items]
        return variables, f"for {', '.join(variables)} in {text}", rounds
    raise UnmergeableError("iterable")


def _fresh(target: str, names: Names) -> str:
    python = target.lower()
    if not python.isidentifier() or python in {*names.spoken.values(), *names.takes}:
        raise UnmergeableError(target)
    names.spoken[target] = python
    return python


def _bound(variables: list[str], item: Any) -> dict[str, Any]:
    return dict(zip(variables, [item] if len(variables) == 1 else item, strict=True))
