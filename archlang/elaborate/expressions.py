"""Expressions to values, exactly: integers and fractions, never floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from archlang.arguments import all_words
from archlang.diagnostic import Fix
from archlang.elaborate import elsewhere, origins, symbolic
from archlang.elaborate.arguments import bind, missing, named
from archlang.elaborate.arithmetic import NUMERIC, arithmetic
from archlang.elaborate.binding import distinct_targets, unpack
from archlang.elaborate.builtins import BUILTINS, numbers, numbers_from, of_numbers
from archlang.elaborate.origins import Origin, origin_of
from archlang.elaborate.problem import SAID, Problem, fail, unknown
from archlang.elaborate.scope import Env, Lost
from archlang.elaborate.spent import Spent
from archlang.elaborate.unknown import Settles, Trial, Unknown
from archlang.elaborate.values import (
    Builtin,
    Failed,
    Function,
    Given,
    Measure,
    Partial,
    UnlikeError,
    Value,
    describe,
    plain,
    written,
)
from archlang.graph import Assumed, Why
from archlang.op import Op, Parameter
from archlang.sizes.claims import Claim, Every, Known, Not, either
from archlang.sizes.functions import RELATIONS
from archlang.source import Edit, Span
from archlang.syntax import ast
from archlang.syntax.node import HOLE

METRICS = (
    "params", "buffers", "macs", "flops", "neurons", "depth", "receptive_field", "memory",
)  # fmt: skip
"""What `require` knows of the network once it is whole."""


class Evaluator(Settles, Spent):
    """Evaluates expressions, and counts what that takes."""

    def __init__(self, assumed: list[Assumed] | None = None, trial: Trial | None = None) -> None:
        super().__init__()
        self.assumed, self.trial = [] if assumed is None else assumed, trial

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that layers take: asked of all layers, and seldom needed."""
        return all_words()

    def evaluate(self, node: ast.Expr, env: Env) -> Value:
        """The value of an expression; raises ``Problem``."""
        if type(node) is ast.Name:
            return self.name(node, env)
        if isinstance(node, (ast.Number, ast.Truth, ast.String)):
            return node.value
        if isinstance(node, ast.SizeLiteral):
            return node.values
        self.step(node, env)
        return _RULES[type(node)](self, node, env)

    # Values of one kind

    def number(self, node: ast.Expr, env: Env) -> int | Fraction:
        """The value of an expression that must be a number."""
        if type(node) is ast.Number:
            return node.value
        value = self.evaluate(node, env)
        return value if type(value) is int else self.a_number(value, node, env)

    def a_number(self, value: Value, node: ast.Expr, env: Env) -> int | Fraction:
        """The same of a value that is known."""
        if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
            origins.unfit(f"a number is needed here, not {describe(value)}", node, env)
        return value

    def integer(self, node: ast.Expr, env: Env, what: str = "a whole number is needed here") -> int:
        """The value of an expression that must be a whole number."""
        value = self.evaluate(node, env)
        if isinstance(value, bool) or not isinstance(value, int):
            shown = written(value) if isinstance(value, Fraction) else describe(value)
            place = origins.unwhole_at(Origin(node, env)) if isinstance(value, Fraction) else None
            fail("A105", f"{what}, not {shown}", env.span(node), written=place)
        return value

    def truth(
        self, node: ast.Expr, env: Env, why: Why = "decided", said: str | None = None
    ) -> bool:
        """The value of an expression that must be true or false.

        Where it depends on the input's sizes, the network assumes that it stays so; ``said`` is
        what a requirement says for those who do not meet it.
        """
        before = len(self.assumed)
        value = self.side(node, env)
        if len(self.assumed) > before:
            others = [a for a in self.assumed[before:] if a.why != "compared"]
            claim = self.claim(node, env)
            whole = Assumed(claim if value else Not(claim), env.span(node), why, said or "")
            self.assumed[before:] = [*others, whole]
        return value

    def side(self, node: ast.Expr, env: Env) -> bool:
        """The same for a part of a condition."""
        value = self.evaluate(node, env)
        if not isinstance(value, bool):
            origins.unfit(f"a condition is true or false, not {describe(value)}", node, env)
        return value

    def named(self, stmt: ast.Let, env: Env) -> Value:
        """The value of a ``let``. What it assumes is assumed where it is used."""
        before = len(self.assumed)
        value = self.evaluate(stmt.value, env)
        if len(self.assumed) > before:
            if isinstance(value, bool):
                del self.assumed[before:]
                self.truth(stmt.value, env, "compared")
            env.assumed[stmt.name] = self.assumed[before:]
            del self.assumed[before:]
        return value

    def claim(self, node: ast.Expr, env: Env) -> Claim:
        """What a condition says of the input's sizes."""
        match node:
            case ast.Name() if node.name in env.assumed:
                found = Every(tuple(a.claim for a in env.assumed[node.name]))
                return found if env.values[node.name] else Not(found)
            case ast.Binary(operator="and" | "or"):
                sides = (self.claim(node.left, env), self.claim(node.right, env))
                return Every(sides) if node.operator == "and" else either(sides)
            case ast.Unary(operator="not"):
                return Not(self.claim(node.operand, env))
            case ast.Binary() if node.operator in RELATIONS:
                left, right = self.evaluate(node.left, env), self.evaluate(node.right, env)
                if symbolic.are_numbers(left, right):
                    return symbolic.claim(left, node.operator, right)
        return Known(self.side(node, env))

    def compared(self, node: ast.Binary, left: Value, right: Value, env: Env) -> bool:
        """Whether two values stand so to each other."""
        truth = RELATIONS[node.operator](left, right)
        simple = type(left) in symbolic.PLAIN and type(right) in symbolic.PLAIN
        if simple or not (symbolic.is_symbolic(left) or symbolic.is_symbolic(right)):
            return truth
        span = env.span(node)
        if symbolic.are_numbers(left, right):
            claim = symbolic.claim(left, node.operator, right)
            self.assumed.append(Assumed(claim if truth else Not(claim), span, "compared"))
        else:
            self.fixed([left, right], span)
        return truth

    def fixed(self, value: Value, span: Span) -> None:
        """Take a value as the plain number it is: input sizes that change it are not taken."""
        if not symbolic.is_symbolic(value):
            return
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, (list, tuple)):
                self.fixed(item, span)
            elif symbolic.is_symbolic(item):
                plain = int(item) if isinstance(item, int) else Fraction(item)
                claim = symbolic.claim(item, "==", plain)
                self.assumed.append(Assumed(claim, span, "built in"))

    def list_of(self, node: ast.Expr, env: Env) -> Sequence[Value]:
        """The value of an expression that must be a list (or a size, which is one of numbers)."""
        value = self.evaluate(node, env)
        if not isinstance(value, (list, tuple)):
            says = f"a list is needed here, not {describe(value)}"
            if isinstance(value, bool) or not isinstance(value, int):
                origins.unfit(says, node, env)
            at = (place := origins.made_of(node, env)) or env.span(node)
            fix = Fix(f"write `range({at.text})`", (Edit(at, f"range({at.text})"),))  # `for i in 3`
            fail("A105", says, env.span(node), written=place, fixes=(fix,))
        return value

    # Rules

    def name(self, node: ast.Name | ast.Call, env: Env) -> Value:
        """What a name stands for: a value, a block, a layer, a function, a word."""
        name = node.name
        value = env.values.get(name)
        if value is None or type(value) is Failed:
            value = env.find(name)
        if value is not None:
            if name in env.assumed:
                self.assumed.extend(env.assumed[name])
            return self.solved(value) if type(value) is Unknown else value
        if name == HOLE or isinstance(env.tensors.get(name), Lost):
            raise Problem(SAID)
        if name in BUILTINS:
            return Builtin(name)
        if name in self.words:
            return name
        span = Span(env.file.source, node.start, node.start + len(name))
        if name in METRICS:
            message = f"`{name}` is known only once the network is whole: inside `require`"
            fail("A103", message, span)
        if name in env.tensors:
            message = f"`{name}` is a tensor: what is in it is known only as the model runs"
            fail("A105", message, span)
        own, words = env.names(), [*METRICS, *self.words, "true", "false"]
        figures = self.inside == "require" or env.find("params") is not None
        known = [*own, *BUILTINS, *words] if figures else [*own, *BUILTINS, *Op.registry, *words]
        what = f"figures of a network are {', '.join(METRICS)}" if figures else ""
        return unknown("name", name, known, span, file=env.file, own=own,
                       **elsewhere.told(span, own, what, self.inside))  # fmt: skip

    def binary(self, node: ast.Binary, env: Env) -> Value:
        symbol = node.operator
        if symbol in NUMERIC:
            return self.reckoned(node, self.number(node.left, env), env)
        if symbol in ("and", "or"):
            first = self.side(node.left, env)
            return self.side(node.right, env) if first == (symbol == "and") else first
        if symbol in ("==", "!="):
            left, right = self.evaluate(node.left, env), self.evaluate(node.right, env)
            return self.compared(node, left, right, env)
        if symbol == "+":
            left = self.evaluate(node.left, env)
            if isinstance(left, list):
                right = self.list_of(node.right, env)
                self.listed(len(left) + len(right), env.span(node))
                return [*left, *right]
            return self.reckoned(node, self.a_number(left, node.left, env), env)
        return self.compared(node, self.number(node.left, env), self.number(node.right, env), env)

    def reckoned(self, node: ast.Binary, left: int | Fraction, env: Env) -> int | Fraction:
        """What an operator makes of two numbers, of which the first is known."""
        right = self.number(node.right, env)
        try:
            return arithmetic(node, left, right, env, self.limits.bits)
        except Problem as problem:
            raise origins.divided(problem, Origin(node.right, env)) from None

    def unary(self, node: ast.Unary, env: Env) -> Value:
        if node.operator == "not":
            return not self.side(node.operand, env)
        value = self.number(node.operand, env)
        return symbolic.negative(value) if symbolic.is_symbolic(value) else -value

    def conditional(self, node: ast.Conditional, env: Env) -> Value:
        chosen = node.then if self.truth(node.test, env) else node.otherwise
        return self.evaluate(chosen, env)

    def listing(self, node: ast.ListLiteral, env: Env) -> Value:
        return [self.evaluate(item, env) for item in node.items]

    def slice(self, node: ast.Slice, env: Env) -> Value:
        base = self.list_of(node.base, env)
        low, high = (
            None if end is None else self.integer(end, env) for end in (node.low, node.high)
        )
        self.fixed([low, high], env.span(node))
        return base[low:high]

    def index(self, node: ast.Index, env: Env) -> Value:
        base, index = self.list_of(node.base, env), self.integer(node.index, env)
        self.fixed(index, env.span(node.index))
        if not -len(base) <= index < len(base):
            fail("A108", f"there is no item {index} in a list of {len(base)}", env.span(node))
        return base[index]

    def comprehension(self, node: ast.Comprehension, env: Env) -> Value:
        inner, span = env.body(), env.span(node)
        distinct_targets(node.targets, span)
        out = []
        for number, item in enumerate(self.list_of(node.iterable, env)):
            self.step(node, env)
            inner.values.update(unpack(node.targets, item, span))
            inner.origins.update(origins.targets(node.targets, node.iterable, env, number))
            out.append(self.evaluate(node.body, inner))
        return out

    def call(self, node: ast.Call, env: Env) -> Value:
        given = self.given(node.args, env)
        target = self.name(node, env)
        span = env.span(node)
        match target:
            case Partial():
                every = (*target.given, *given)
                return Partial(target.target, named(target.name, target.parameters, every, span))
            case Function():
                return self.function(target, given, span)
            case Builtin():
                return self.builtin(target.name, given, span)
            case Measure():
                bound = bind(target.name, target.parameters, given, span)
                missing(target.name, target.parameters, bound, span)
                return target.of(bound)
        return fail("A105", f"`{node.name}` is {describe(target)}, and takes no arguments", span)

    def given(self, args: list[ast.Argument], env: Env) -> tuple[Given, ...]:
        """The arguments of a use, evaluated."""
        if not args:
            return ()
        return tuple([
            Given(a.name, self.argument(a.value, env), env.span(a), origin_of(a.value, env))
            for a in args
        ])  # fmt: skip

    def argument(self, node: ast.Expr, env: Env) -> Value:
        """The value of an argument. A ``?`` stays one, also by the name of a parameter."""
        if isinstance(node, ast.Unknown):
            return self.settled(Unknown(env.span(node)))
        if isinstance(node, ast.Name) and type(env.values.get(node.name)) is Unknown:
            return self.settled(env.values[node.name])
        return self.evaluate(node, env)

    def function(self, function: Function, given: Sequence[Given], span: Span) -> Value:
        """The value of a function: of plain values the same as before, where it is known."""
        try:
            key = self.values_within, plain(given)
        except UnlikeError:
            return self.result(function, given, span)
        known = function.known.get(key)
        if known is not None and self.has_room(*known.took):
            self.again(*known.took)
            return known.value
        assumed = len(self.assumed)
        made = self.counted(lambda: self.result(function, given, span))
        if len(self.assumed) == assumed:
            function.known[key] = made
        return made.value

    def result(self, function: Function, given: Sequence[Given], span: Span) -> Value:
        """The value of a function, worked out."""
        node = function.node
        try:
            self.called(span)
            inner = function.env.body()
            self.parameters(node.name, node.params or [], function.parameters, given, inner, span)
            return self.evaluate(node.value, inner)
        finally:
            self.calls -= 1

    def parameters(
        self,
        what: str,
        params: list[ast.Param],
        takes: list[Parameter],
        given: Sequence[Given],
        inner: Env,
        span: Span,
    ) -> dict[str, Given]:
        """Bind arguments to parameters in ``inner``; a default sees the parameters before it."""
        bound = bind(what, takes, given, span)
        missing(what, takes, bound, span)
        for param in params:
            inner.origins.pop(param.name, None)
            origin: Origin | None = None
            if param.name in bound:
                inner.values[param.name] = bound[param.name].value
                origin = bound[param.name].origin
            elif param.default is not None:
                inner.values[param.name] = self.evaluate(param.default, inner)
                origin = Origin(param.default, inner)
            if origin is not None:
                inner.origins[param.name] = origin
        return bound

    def builtin(self, name: str, given: Sequence[Given], span: Span) -> Value:
        if named := next((g for g in given if g.name), None):
            fail("A104", f"`{name}` takes its arguments by position", named.span)
        values = [self.solved(g.value) if type(g.value) is Unknown else g.value for g in given]
        if name == "len":
            if len(values) != 1 or not isinstance(values[0], (list, tuple)):
                fail("A104", "`len` takes a list", span)
            return len(values[0])
        values = numbers(name, values, span)
        if name == "range":
            found = numbers_from(values, given, span, self.listed)
            self.fixed(values, span)
            return found
        value = of_numbers(name, values, span)
        if symbolic.is_symbolic(values):
            return symbolic.function(name, values, value)
        return value


_RULES: dict[type[ast.Expr], Callable[[Evaluator, Any, Env], Value]] = {
    ast.Binary: Evaluator.binary,
    ast.Unary: Evaluator.unary,
    ast.Conditional: Evaluator.conditional,
    ast.Call: Evaluator.call,
    ast.ListLiteral: Evaluator.listing,
    ast.Comprehension: Evaluator.comprehension,
    ast.Index: Evaluator.index,
    ast.Slice: Evaluator.slice,
}
