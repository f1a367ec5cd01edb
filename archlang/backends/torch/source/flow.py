"""Which variable of a ``forward`` holds which value, in all instances of a class at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archlang.analyses.plan import Step
from archlang.backends.torch.source.align import Slot
from archlang.backends.torch.source.holes import UnmergeableError
from archlang.backends.torch.source.parts import Key, Unit
from archlang.graph import Node


@dataclass(slots=True, eq=False)
class Act:
    """A step of one instance, and where it was written."""

    step: Step
    key: Key
    place: int


Slots: TypeAlias = "list[Slot[Act]]"
Value: TypeAlias = tuple[int, int]
"""A slot's number, -1 for what arrives, and which of the tensors it gives."""


@dataclass(slots=True)
class Web:
    """Values that one variable must hold, and where it is in use."""

    values: set[Value]
    begin: int
    end: int
    inside: tuple[tuple[int, int], ...] = ()
    name: str = ""


@dataclass(slots=True)
class Flow:
    """The values of a class's ``forward``: what makes each, what takes it."""

    units: list[Unit]
    slots: Slots
    order: list[Slot[Act]] = field(default_factory=list)
    number: dict[Slot[Act], int] = field(default_factory=dict)
    loops: list[tuple[int, int]] = field(default_factory=list)
    made: list[dict[Node, Value]] = field(default_factory=list)
    parent: dict[Value, Value] = field(default_factory=dict)
    takers: dict[Value, set[tuple[int, int]]] = field(default_factory=dict)
    sharing: Counter[Value] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._count(self.slots)
        self.made = [
            {node: (-1, i) for i, node in enumerate(unit.scope.takes)} for unit in self.units
        ]
        for number, slot in enumerate(self.order):
            for act, unit in acts(slot):
                for i, node in enumerate(act.step.gives):
                    self.made[unit][node] = (number, i)
        for number, slot in enumerate(self.order):
            for position in range(max((len(a.step.takes) for a, _ in acts(slot)), default=0)):
                found = [self.made[u][a.step.takes[position]] for a, u in acts(slot)]
                self._join(found, (number, position))

    def _count(self, slots: Slots) -> None:
        for slot in slots:
            begin = len(self.order)
            if slot.header:
                self._count(slot.body)
                self.loops.append((begin, len(self.order)))
            else:
                self.number[slot] = begin
                self.order.append(slot)

    def _join(self, values: list[Value], taker: tuple[int, int]) -> None:
        for value in values:
            self.takers.setdefault(value, set()).add(taker)
            self.parent[self.root(value)] = self.root(values[0])

    def root(self, value: Value) -> Value:
        """The value that stands for all that share a variable with this one."""
        self.parent.setdefault(value, value)
        while self.parent[value] != value:
            value = self.parent[value]
        return value

    def returned(self, nodes: list[list[Node]]) -> list[Value]:
        """The values that instances give, joined: ``nodes`` are each instance's."""
        end = len(self.order)
        out = []
        for position in range(len(nodes[0])):
            found = [self.made[u][row[position]] for u, row in enumerate(nodes)]
            self._join(found, (end, position))
            out.append(found[0])
        return out

    def alone(self, value: Value) -> bool:
        """Whether a variable would hold this value and no other; once all is joined."""
        if not self.sharing:
            self.sharing = Counter(self.root(v) for v in list(self.parent))
        return self.sharing[self.root(value)] == 1

    def webs(self) -> list[Web]:
        """What variables must hold, in the order in which they begin."""
        every = {(-1, i) for i in range(len(self.units[0].scope.takes))}
        every |= {v for made in self.made for v in made.values()}
        groups: dict[Value, set[Value]] = {}
        for value in every:
            groups.setdefault(self.root(value), set()).add(value)
        webs = [self._web(values) for values in groups.values()]
        return sorted(webs, key=lambda w: (w.begin, min(w.values)))

    def _web(self, values: set[Value]) -> Web:
        defs = [n for n, _ in values]
        uses = [n for v in values for n, _ in self.takers.get(v, ())]
        begin, end = min(defs + uses), max(defs + uses)
        for first, last in self.loops:
            inner = [n for n in defs + uses if first <= n < last]
            outer = len(inner) < len(defs + uses)
            turns = any(
                d >= u for d in defs for u in uses if first <= d < last and first <= u < last
            )
            if inner and (outer or turns):
                begin, end = min(begin, first), max(end, last)
        return Web(values, begin, end)


def acts(slot: Slot[Act]) -> Iterator[tuple[Act, int]]:
    """What stands at a slot, with the number of its instance."""
    for point, act in zip(slot.points, slot.found, strict=True):
        if act is not None:
            yield act, point.unit


def overlap(one: Web, other: Web) -> bool:
    """Whether two variables are in use at one time."""
    return one.begin < max(other.end, other.begin + 1) and other.begin < max(one.end, one.begin + 1)


def prove(flow: Flow, names: dict[Value, str], returned: list[list[Node]]) -> None:
    """Run each instance by its variables alone; raises where one would hold another value."""
    for unit, ends in enumerate(returned):
        held = {names[-1, i]: node for i, node in enumerate(flow.units[unit].scope.takes)}
        for act, number in _run(flow, flow.slots, unit):
            for node in act.step.takes:
                if held.get(names[flow.made[unit][node]]) is not node:
                    raise UnmergeableError("variables")
            for i, node in enumerate(act.step.gives):
                held[names[number, i]] = node
        for node in ends:
            if held.get(names[flow.made[unit][node]]) is not node:
                raise UnmergeableError("variables")


def _run(flow: Flow, slots: Slots, unit: int) -> Iterator[tuple[Act, int]]:
    """The steps of one instance, in the order of the slots."""
    for slot in slots:
        if not slot.header:
            number = flow.number[slot]
            yield from ((a, number) for a, u in acts(slot) if u == unit)
            continue
        turn_points = [p for turns in slot.turns for p in turns]
        mine = [i for i, p in enumerate(turn_points) if p.unit == unit]
        for turn in mine:
            yield from _turn(flow, slot.body, turn)


def _turn(flow: Flow, slots: Slots, at: int) -> Iterator[tuple[Act, int]]:
    for slot in slots:
        if slot.header:
            before = sum(len(t) for t in slot.turns[:at])
            for inner in range(before, before + len(slot.turns[at])):
                yield from _turn(flow, slot.body, inner)
        elif (act := slot.found[at]) is not None:
            yield act, flow.number[slot]
