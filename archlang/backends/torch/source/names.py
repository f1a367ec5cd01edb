"""What a class may say: the names that its block gives to numbers, and the choice among them.

A number of a constructor is written as an expression where one is found that comes to the
right value in every instance of the class; where none is, it becomes a parameter of its own.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from typing import Any

from archlang.backends.torch.source.expressions import (
    UnsayableError,
    Writer,
    agrees,
    evaluate,
    is_literal,
    literal,
    names_in,
    opposite,
    python_value,
)
from archlang.backends.torch.source.helpers import Helpers, functions
from archlang.backends.torch.source.holes import MISSING, Hole, Point, UnmergeableError
from archlang.backends.torch.source.parts import Call, Key, Unit, walk
from archlang.syntax import ast

_RESERVED = {"self", "nn", "torch", "math", "x", "layers", *dir(builtins)}


class Names:
    """The names of the class that ``units`` are instances of."""

    def __init__(self, units: Sequence[Unit], model: bool, helpers: Helpers) -> None:
        self.units, self.model, self.helpers = units, model, helpers
        owner = units[0].owner
        assert owner.definition is not None
        self.definition = owner.definition
        envs = [u.owner.env for u in units]
        assert envs[0] is not None
        self.env = envs[0]
        self.spoken: dict[str, str] = {}
        self.takes: list[str] = []
        self.lets: dict[str, ast.Let] = {}
        self.extra: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.open: dict[str, set[int]] = {}
        self.floats: set[str] = set()
        self.loops: list[str] = []
        self.said: dict[str, str | None] = {}
        self.values: list[dict[str, Any]] = [{} for _ in units]
        self._arriving()
        self._spoken()
        self._valued()
        self.points = [Point(i, v) for i, v in enumerate(self.values)]
        turning = {t for n in walk(self.definition) if isinstance(n, _LOOPING) for t in n.targets}
        self.constants = {n: v for n, v in self.env.values.items() if n not in turning}
        self.functions = functions(self.constants, helpers)
        self.turning = {
            let.name: let.value
            for loop in walk(self.definition)
            if isinstance(loop, ast.For)
            for let in walk(loop.body)
            if isinstance(let, ast.Let) and let.params is None
        }
        self.tests = _tests(self.definition)
        self.expressions = [
            n for n in walk(self.definition) if isinstance(n, _COMPUTED) and not is_literal(n)
        ]

    def _valued(self) -> None:
        """What the names stand for in each instance."""
        for unit, values in zip(self.units, self.values, strict=True):
            assert unit.owner.env is not None
            for name, python in self.spoken.items():
                try:
                    values[python] = python_value(unit.owner.env.values[name])
                except (UnsayableError, KeyError):
                    continue

    def _arriving(self) -> None:
        """Channels of the tensor that arrives."""
        if self.model or any(len(u.scope.takes) != 1 for u in self.units):
            return
        for unit, values in zip(self.units, self.values, strict=True):
            taken = unit.scope.takes[0].output
            name = "in_channels" if taken.rank > 1 else "in_features"
            values[name] = int(taken.shape[0])
            if name not in self.takes:
                self.takes.append(name)

    def _spoken(self) -> None:
        for param in self.definition.params:
            self.speak(param.name)
        signature = getattr(self.definition, "signature", None)
        own = self.units[0].scope.region.env is not None
        dims: list[ast.DimSpec] = signature.takes.dims if signature is not None else []
        for axis, dim in enumerate(dims):
            if isinstance(dim.value, ast.Name) and dim.value.name not in ("_", *self.spoken):
                first = axis == 0 and len(dims) != 2
                python = self.speak(dim.value.name, self._channels(own) if first else None)
                if python not in self.takes:
                    self.takes.append(python)
        for let in walk(self.definition):
            if isinstance(let, ast.Let) and let.params is None and let.name not in self.spoken:
                self.lets[self.speak(let.name)] = let

    def _channels(self, own: bool) -> str:
        return (self.takes or ["in_channels"])[0] if own else "channels"

    def speak(self, name: str, wanted: str | None = None) -> str:
        """Give a name of the spec one in Python."""
        python = safe(wanted or name.lower())
        while python in self.spoken.values() or (python in self.takes and not wanted):
            python += "_"
        self.spoken[name] = python
        return python

    # Expressions

    def texts(self, node: ast.Expr) -> Iterator[str]:
        """What an expression of the block may be written as."""
        for exact in (True, False):
            try:
                writer = Writer(self.spoken, self.constants, exact, self.functions)
                writer.inlined = self.turning if self.loops else {}
                yield writer.text(node)
            except UnsayableError:
                return

    def idle(self, text: str) -> bool:
        """Whether an expression uses a parameter that no instance gives another value."""
        for param in self.definition.params:
            python = self.spoken[param.name]
            if param.default is None or python not in self.used(text):
                continue
            found = [v.get(python, MISSING) for v in self.values]
            defaults = [self.value(t, self.points[0]) for t in self.texts(param.default)]
            if all(f == defaults[0] for f in found if defaults):
                return True
        return False

    def partial(self, name: str) -> list[ast.Argument]:
        """The arguments that a ``let`` gives a layer or block for all its uses."""
        let = next((n for n in self.lets.values() if n.name == name), None)
        return let.value.args if let is not None and isinstance(let.value, ast.Call) else []

    def used(self, text: str) -> set[str]:
        """The names in an expression, and those in the lets that it uses."""
        found = set(names_in(text))
        for name in list(found):
            inner = self.let_text(name) if name in self.lets else None
            if inner is not None:
                found |= self.used(inner)
        return found

    def let_text(self, name: str) -> str | None:
        """What a ``let`` is written as; None where only its values are known."""
        if name not in self.said:
            values = [v.get(name, MISSING) for v in self.values]
            texts = (
                t
                for t in self.texts(self.lets[name].value)
                if name not in names_in(t) and self.prove(t, self.points, values)
            )
            self.said[name] = next(texts, None)
        return self.said[name]

    def value(self, text: str, point: Point) -> Any:
        try:
            return evaluate(text, self.helpers.callables | point.values)
        except UnsayableError:
            return MISSING

    def matches(self, text: str, hole: Hole) -> bool:
        """Whether an expression is right at every point."""
        return all(
            agrees(self.value(text, p), v) for p, v in zip(hole.points, hole.values, strict=True)
        )

    # Choice

    def choose(self, hole: Hole) -> str:
        """The text of a number; it becomes a parameter where no other is right."""
        if isinstance(hole.values[0], Call):
            return self.parameter(hole)
        if hole.same and self.model:
            return literal(hole.values[0])
        found = next((t for t in self.candidates(hole) if self.matches(t, hole)), None)
        text = self.parameter(hole) if found is None else found
        if isinstance(hole.values[0], float):
            self.floats.add(text)
        return text

    def candidates(self, hole: Hole) -> Iterator[str]:
        nearest = next((t for t in hole.derived if self.matches(t, hole)), "0")
        if not nearest[0].isdigit():
            yield nearest
        written = [t for e in hole.written if not is_literal(e) for t in self.texts(e)]
        yield from (t for t in written if not self.idle(t))
        if hole.same:
            if not any(self.matches(t, hole) for e in hole.written for t in self.texts(e)):
                yield from hole.derived
            yield literal(hole.values[0])
        yield from hole.derived
        for text in hole.siblings:
            yield f"{text} // 2" if text.isidentifier() else f"({text}) // 2"
        names = [*self.loops, *self.spoken.values(), *self.takes, *self.extra]
        yield from (n for n in names if not self.idle(n))
        for node in self.expressions:
            yield from (t for t in self.texts(node) if not self.idle(t))
        if self.loops:
            yield from self.in_turn(hole, [*hole.derived, *names])
        yield from self.by_case(hole, [*hole.derived, *names])
        if len(set(map(repr, hole.values))) > 1 and isinstance(hole.values[0], int):
            for name in (*self.takes, *self.spoken.values()):
                yield from (f"{name} // {n}" for n in (2, 3, 4, 6, 8, 12, 16, 24, 32))
                yield from (f"{n} * {name}" for n in (2, 3, 4, 6, 8, 12, 16, 24, 32))
        yield from written

    def in_turn(self, hole: Hole, names: list[str]) -> Iterator[str]:
        """What changes from turn to turn: first one, then another; or by equal steps."""
        loop = self.loops[-1]
        turns = [p.values.get(loop) for p in hole.points]
        if not all(isinstance(t, int) for t in turns):
            return
        lowest = min(t for t in turns if t is not None)
        written = [*hole.derived, *(t for n in self.expressions for t in self.texts(n))]
        before = [n.replace(f"[{loop}]", f"[{loop} - 1]") for n in written if f"[{loop}]" in n]
        choices = [n for n in dict.fromkeys([*before, *names]) if n != loop]
        starts = [n for n in choices if self._right(n, hole, [t == lowest for t in turns])]
        rests = [n for n in choices if self._right(n, hole, [t != lowest for t in turns])]
        counted = loop if lowest == 0 else f"({loop} - {lowest})"
        for start in starts:
            yield from (f"{start} + {counted} * {step}" for step in choices)
            yield from (f"{start} if {loop} == {lowest} else {rest}" for rest in rests)

    def by_case(self, hole: Hole, names: list[str]) -> Iterator[str]:
        """One expression where a condition of the block holds, another where it does not."""
        more = [t for n in self.expressions for t in self.texts(n) if not self.idle(t)]
        for test in self.tests:
            for text in (*self.texts(test),):
                where = [self.value(text, p) for p in hole.points]
                if not all(isinstance(w, bool) for w in where) or len(set(where)) < 2:
                    continue
                other = [not w for w in where]
                then = next((n for n in [*names, *more] if self._right(n, hole, where)), None)
                rest = next((n for n in [*names, *more] if self._right(n, hole, other)), None)
                if then is not None and rest is not None:
                    yield f"{then} if {text} else {rest}"

    def _right(self, text: str, hole: Hole, where: list[bool]) -> bool:
        rows = zip(hole.points, hole.values, where, strict=True)
        return all(agrees(self.value(text, p), v) for p, v, there in rows if there)

    def parameter(self, hole: Hole) -> str:
        """A parameter of its own for a number; raises where it changes within an instance."""
        by_unit: dict[int, Any] = {}
        for point, value in zip(hole.points, hole.values, strict=True):
            if by_unit.setdefault(point.unit, value) != value:
                raise UnmergeableError(hole.label)
        values = [by_unit.get(i, MISSING) for i in range(len(self.units))]
        for name in self.extra:
            if self.joins(name, hole.label, values):
                return name
        name = self.fresh(hole.label)
        self.extra[name] = hole.default
        self.labels[name] = hole.label
        known = [v for v in values if v is not MISSING]
        if len(known) < len(values) and hole.default is MISSING:
            self.extra[name] = self.absent(known)
        self.open[name] = {i for i, v in enumerate(values) if v is MISSING}
        for given, value in zip(self.values, values, strict=True):
            given[name] = self.filler(name, known) if value is MISSING else value
        return name

    def joins(self, name: str, label: str, values: list[Any]) -> bool:
        """Whether a parameter made before has these values, or room for them."""
        open_ = self.open[name] if self.labels[name] == label else set()
        pairs = list(zip(self.values, values, strict=True))
        if not all(
            v is MISSING or i in open_ or (type(g[name]) is type(v) and g[name] == v)
            for i, (g, v) in enumerate(pairs)
        ):
            return False
        for i, (given, value) in enumerate(pairs):
            if i in open_ and value is not MISSING:
                given[name] = value
                open_.discard(i)
        return True

    def filler(self, name: str, known: list[Any]) -> Any:
        """What an instance is given for a parameter that it has no use for."""
        default = self.extra[name]
        return known[0] if default is MISSING else default

    def absent(self, known: list[Any]) -> Any:
        """The default of a parameter that some instances have no use for."""
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
            return 0.0 if isinstance(known[0], float) else 0
        return MISSING if isinstance(known[0], Call) else known[0]

    def fresh(self, label: str) -> str:
        """A name that nothing has yet."""
        name, count = safe(label), 2
        valued = {n for v in self.values for n in v}
        taken = {*self.takes, *self.extra, *self.lets, *(valued & set(self.spoken.values()))}
        while name in taken:
            name, count = f"{safe(label)}{count}", count + 1
        return name

    # Conditions

    def condition(
        self, there: list[bool], points: list[Point], label: str, key: Key | None = None
    ) -> str:
        """What is true at just those points where ``there`` is, for a part written at ``key``."""
        hole = Hole(label, there, points)
        for test in [*self.nearest(key), *self.tests]:
            for text in (*self.texts(test), *self.texts(opposite(test))):
                if self.matches(text, hole):
                    return text
        for name in (*self.spoken.values(), *self.extra):
            for text in (name, f"not {name}"):
                if self.matches(text, hole):
                    return text
        return self.parameter(Hole(f"with_{label}", there, points))

    def nearest(self, key: Key | None) -> Iterator[ast.Expr]:
        """The conditions that a part stands under; for a merge, those that its branches do."""
        if key is None or key[0] != self.env.file.source.name:
            return
        every: ast.Expr | None = None
        for node in reversed(walk(self.definition)):
            if isinstance(node, ast.If) and node.start <= key[1] and key[2] <= node.end:
                yield node.test
                here = node.test if key[2] <= node.then.end else opposite(node.test)
                every = here if every is None else ast.Binary(0, 0, "and", here, every)
            if isinstance(node, ast.Merge) and node.start == key[1]:
                for branch in node.body.branches:
                    if len(branch.stmts) == 1 and isinstance(branch.stmts[0], ast.If):
                        yield branch.stmts[0].test
        if every is not None:
            yield every

    def prove(self, text: str, points: list[Point], values: list[Any]) -> bool:
        """Whether ``text`` comes to ``values``."""
        return self.matches(text, Hole("", values, points))


_LOOPING = (ast.For, ast.Comprehension)
_COMPUTED = (ast.Binary, ast.Conditional, ast.Call, ast.Index)


def _tests(definition: ast.Block | ast.Model) -> list[ast.Expr]:
    """All conditions of a body, each also without what it is joined to."""
    found: list[ast.Expr] = []
    for node in walk(definition):
        if isinstance(node, (ast.If, ast.Conditional)):
            found.append(node.test)
            found.extend(n for n in walk(node.test) if isinstance(n, ast.Binary))
    return found


def safe(name: str) -> str:
    """A name that Python source can use for a parameter."""
    name = name if name.isidentifier() else "value"
    return f"{name}_" if iskeyword(name) or name in _RESERVED else name
