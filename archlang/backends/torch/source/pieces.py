"""What each step of a ``forward`` is written as, before its variables have names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archlang.analyses.plan import Plan, Scope, below
from archlang.backends.torch.source.access import Access
from archlang.backends.torch.source.align import Slot
from archlang.backends.torch.source.flow import Act, Flow, Value, acts
from archlang.backends.torch.source.functions import bare, filled, label, skeleton
from archlang.backends.torch.source.holes import Hole, UnmergeableError
from archlang.graph import Node

WIDTH = 100
GLANCE = 68
"""The longest call inside calls that is written on one line."""
_MODULE = "\ue000"
_ARGUMENT = 0xE100
_VARIABLE = re.compile("\ue001(-?\\d+),(\\d+)\ue002")


def variable(value: Value) -> str:
    """A mark for the variable that holds a value."""
    return f"\ue001{value[0]},{value[1]}\ue002"


def named(text: str, name: Callable[[Value], str]) -> str:
    """A text with its variables' names in place of their marks."""
    return _VARIABLE.sub(lambda m: name((int(m[1]), int(m[2]))), text)


@dataclass(slots=True)
class Piece:
    """An expression. ``typed`` says whether its type is known to be a tensor's.

    Where that hangs on variables, these are the values that they hold.
    """

    text: str
    typed: bool | list[Value]
    heavy: int = 0
    depth: int = 0
    led: bool = False
    """Whether a layer with weights of its own comes before the first convolution or the like."""
    sum_of: str = ""
    """The operator that joins its parts, where one does."""


@dataclass(slots=True)
class Statement:
    """``targets = piece``, under a condition; a loop has ``body``."""

    targets: list[Value]
    piece: Piece
    cond: str = ""
    header: str = ""
    body: list[Statement] = field(default_factory=list)
    word: str = ""


Pending: TypeAlias = "list[tuple[Value, Piece, str]]"


class Pieces:
    """Writes the steps of a class as statements, calls inside calls where that reads well."""

    def __init__(self, plan: Plan, access: Access, flow: Flow) -> None:
        self.plan, self.access, self.flow = plan, access, flow
        self.template = access.template

    def statements(self, slots: list[Slot[Act]]) -> list[Statement]:
        """The statements of slots."""
        out: list[Statement] = []
        pending: Pending = []
        for slot in slots:
            if slot.header:
                out += self.flush(pending)
                pending = []
                header = self.access.loop_header(slot)
                out.append(Statement([], Piece("", False), "", header, self.statements(slot.body)))
                continue
            number = self.flow.number[slot]
            act = slot.first
            cond = self.condition(slot)
            taken, piece = self.piece(slot, pending, cond)
            kept = pending[: len(pending) - taken]
            values = [(number, i) for i in range(len(act.step.gives))]
            if len(values) == 1 and self.nests(values[0], slots, slot):
                pending = [*kept, (values[0], piece, cond)]
            else:
                out += self.flush(kept)
                pending = []
                out.append(Statement(values, piece, cond, word=self.word(act)))
        return out + self.flush(pending)

    def flush(self, pending: Pending) -> list[Statement]:
        out = []
        for value, piece, cond in pending:
            act = self.flow.order[value[0]].first
            out.append(Statement([value], piece, cond, word=self.word(act)))
        return out

    def word(self, act: Act) -> str:
        """What the spec calls a step's result: its label."""
        part = act.step.part
        named = not isinstance(part, Node) or not part.op.merges
        return part.path.rpartition(".")[2].lower() if named else ""

    def nests(self, value: Value, slots: list[Slot[Act]], slot: Slot[Act]) -> bool:
        """Whether a value may be written right where it is taken."""
        takers = self.flow.takers.get(value, set())
        if len(takers) != 1 or not self.flow.alone(value):
            return False
        ((number, _),) = takers
        if number >= len(self.flow.order):
            return False
        taker = self.flow.order[number]
        return taker in slots and not self.training(slot) and taker.there == slot.there

    def training(self, slot: Slot[Act]) -> bool:
        return any(a.step.training_only for a, _ in acts(slot))

    def condition(self, slot: Slot[Act]) -> str:
        if self.template.model and self.training(slot):
            return "self.training"
        if all(slot.there):
            return ""
        part = slot.first.step.part
        label = self.word(slot.first)
        if not label.isidentifier():
            label = part.op.name if isinstance(part, Node) else part.region.name or "part"
        word = f"with_{label}"
        if isinstance(part, Node) and (part.op.merges or self.same(slot)):
            word = "shortcut"
        return self.access.test(slot.there, slot.points, word, slot.first.key)

    def same(self, slot: Slot[Act]) -> bool:
        """Whether a step gives what it takes."""
        unit = slot.given()[0][0].unit
        path = slot.first.step.part.path
        return self.access.passes(unit, path)

    # One step

    def piece(self, slot: Slot[Act], pending: Pending, cond: str) -> tuple[int, Piece]:
        """A step's expression, and how many of those pending it has taken in."""
        count = len(slot.first.step.takes)
        values = [
            next(self.flow.made[u][a.step.takes[i]] for a, u in acts(slot)) for i in range(count)
        ]
        text, functional, operator, heavy = self.template_text(slot)
        marks = [chr(_ARGUMENT + i) for i in range(count)]
        inner: dict[int, Piece] = {}
        index = count - 1
        for value, piece, condition in reversed(pending):
            while index >= 0 and values[index] != value:
                index -= 1
            if index < 0 or condition != cond or text.count(marks[index]) != 1:
                break
            inner[index] = piece
            index -= 1
        weighty = self.weighty(slot)
        while True:
            out = self.joined(text, values, inner, functional, operator, heavy)
            if not inner or self.reads_well(out, inner, heavy, weighty, count):
                break
            del inner[min(inner)]
        out.led = (weighty and not heavy and not out.heavy) or any(p.led for p in inner.values())
        if self.training(slot) and not self.template.model:
            nothing = ["None"] * len(slot.first.step.gives)
            empty = "None" if len(nothing) == 1 else f"({', '.join(nothing)})"
            out = Piece(f"{out.text} if self.training else {empty}", False, out.heavy)
        return len(inner), out

    def reads_well(
        self, piece: Piece, inner: dict[int, Piece], heavy: bool, weighty: bool, count: int
    ) -> bool:
        """Whether an expression is one that a reader takes in at a glance."""
        if piece.text.startswith("torch.") and len(inner) > 1:
            return len(named(piece.text, lambda v: "x")) < WIDTH - 4 and piece.depth <= 3
        length = len(named(piece.text, lambda v: "out"))
        if count == 1:
            (before,) = inner.values()
            if before.heavy and (heavy or (weighty and before.led)):
                return False
        return length <= GLANCE and piece.depth <= 4

    def weighty(self, slot: Slot[Act]) -> bool:
        """Whether a step has weights."""
        part = slot.first.step.part
        return bool(part.params) if isinstance(part, Node) else True

    def joined(
        self,
        text: str,
        values: list[Value],
        inner: dict[int, Piece],
        functional: bool,
        operator: str,
        heavy: bool,
    ) -> Piece:
        bare_call = not functional or text.startswith("torch.")
        for i, value in enumerate(values):
            shown = variable(value)
            if i in inner:
                shown = inner[i].text
                plain = bare_call or (i == 0 and operator == inner[i].sum_of != "")
                if inner[i].sum_of and not plain and text != chr(_ARGUMENT):
                    shown = f"({shown})"
            text = text.replace(chr(_ARGUMENT + i), shown)
        typed: bool | list[Value] = functional and text.startswith("torch.")
        if functional and not typed:
            typed = self.typed(values if operator else values[:1], inner)
        depth = 1 + max((p.depth for p in inner.values()), default=0)
        alias = functional and not operator and text in (variable(v) for v in values)
        weight = int(heavy) + sum(p.heavy for p in inner.values())
        return Piece(text, typed, weight, 0 if alias else depth, sum_of=operator)

    def typed(self, values: list[Value], inner: dict[int, Piece]) -> bool | list[Value]:
        """The variables whose types must be known, so that a value's is; False if it never is."""
        out: list[Value] = []
        for i, value in enumerate(values):
            known = inner[i].typed if i in inner else [value]
            if known is False:
                return False
            out += known if isinstance(known, list) else []
        return out or True

    def template_text(self, slot: Slot[Act]) -> tuple[str, bool, str, bool]:
        """A step's text with marks for what it takes; whether it calls no module; its operator."""
        act = slot.first
        marks = tuple(chr(_ARGUMENT + i) for i in range(len(act.step.takes)))
        if isinstance(act.step.part, Scope):
            return f"{self.reached(slot)}({', '.join(marks)})", False, "", True
        node = act.step.part
        texts, rows = set(), []
        for other, _ in acts(slot):
            part = other.step.part
            assert isinstance(part, Node)
            text, numbers = skeleton(self.plan.call(part, _MODULE, marks))
            texts.add(text)
            rows.append(numbers)
        if len(texts) != 1:
            raise UnmergeableError(node.op.name)
        text = texts.pop()
        shown = [self.number(slot, node, column) for column in zip(*rows, strict=True)]
        text = filled(text, shown)
        access = self.reached(slot) if _MODULE in text else ""
        if access == "" and _MODULE in text:
            return marks[0], True, "", False
        functional = _MODULE not in text or text.startswith(f"{_MODULE}.")
        operator = next((o for o in (" + ", " - ", " * ") if o in text and node.op.merges), "")
        if text.startswith("torch."):
            operator = ""
        return text.replace(_MODULE, access), functional, operator, node.op.depth > 0

    def number(self, slot: Slot[Act], node: Node, column: tuple[object, ...]) -> str:
        """A number in a step's text: itself, or an attribute that holds it."""
        points, _ = slot.given()
        word = label(node, column[0])
        hole = Hole(word, list(column), points)
        hole.written = self.template.written(word, slot.first, points)
        if hole.same:
            return bare(column[0])
        text = self.template.use(self.template.names.choose(hole))
        attribute = self.access.flag(text, word)
        return f"*{attribute}" if isinstance(column[0], tuple) else attribute

    def reached(self, slot: Slot[Act]) -> str:
        """How a step's module is reached; nothing where it has none, or leaves all as it is."""
        found = {self.access.module(u, a.step.part) for a, u in acts(slot)}
        if len(found) == 1:
            return found.pop()
        points, parts = slot.given()
        paths = [below(a.step.part.path, self.template.units[p.unit].scope.path)
                 for p, a in zip(points, parts, strict=True)]  # fmt: skip
        return self.access.in_turn(paths, points)


def all_statements(statements: list[Statement]) -> Iterator[Statement]:
    """Statements, those in loops among them."""
    for statement in statements:
        yield statement
        yield from all_statements(statement.body)
