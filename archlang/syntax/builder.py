"""From what the grammar recognises to the syntax tree: one method a rule."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from lark import Token, Transformer, v_args
from lark.tree import Meta

from archlang.syntax import ast

UNITS = {
    "K": 10**3, "M": 10**6, "G": 10**9,
    "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_NUMBER = re.compile(r"([0-9.]+(?:[eE][-+]?[0-9]+)?)([KMG]i?B?)?")
DIGITS_LIMIT = 400
"""The longest number, in digits before or after the point, that is read."""


class NumberTooLongError(ValueError):
    """A number with more digits than any size can have."""


def number_value(text: str) -> int | Fraction:
    """The exact value of a number as written, its unit applied; whole values are ``int``."""
    match = _NUMBER.fullmatch(text)
    assert match, text
    digits, unit = match.groups()
    mantissa, _, exponent = digits.lower().partition("e")
    if (
        len(mantissa) > DIGITS_LIMIT
        or len(exponent.lstrip("+-")) > 3
        or abs(int(exponent or 0)) > DIGITS_LIMIT
    ):
        raise NumberTooLongError(text)
    value = Fraction(digits) * UNITS.get(unit or "", 1)
    return value.numerator if value.denominator == 1 else value


@v_args(meta=True)
class Builder(Transformer[Token, Any]):
    """Callbacks run while the parser works, so that no intermediate tree is made."""

    def __default__(self, data: str, children: list[Any], meta: Meta) -> Any:
        raise AssertionError(f"the grammar's rule `{data}` has no method")

    def file(self, m: Meta, c: list[Any]) -> list[Any]:
        return c

    def version(self, m: Meta, c: list[Any]) -> ast.Number:
        return self.number(m, c)

    # Items

    def use_file(self, m: Meta, c: list[Any]) -> ast.UseFile:
        return ast.UseFile(m.start_pos, m.end_pos, c[0][1:-1])

    def block(self, m: Meta, c: list[Any]) -> ast.Block:
        return ast.Block(m.start_pos, m.end_pos, str(c[0]), c[1] or [], c[2], c[3])

    def model(self, m: Meta, c: list[Any]) -> ast.Model:
        return ast.Model(m.start_pos, m.end_pos, str(c[0]), c[1] or [], c[2])

    def alias(self, m: Meta, c: list[Any]) -> ast.Alias:
        return ast.Alias(m.start_pos, m.end_pos, str(c[0]), str(c[1]), c[2])

    def params(self, m: Meta, c: list[Any]) -> list[ast.Param]:
        return c

    def param(self, m: Meta, c: list[Any]) -> ast.Param:
        return ast.Param(m.start_pos, m.end_pos, str(c[0]), c[1])

    def signature(self, m: Meta, c: list[Any]) -> ast.Signature:
        return ast.Signature(c[0].start, (c[1] or c[0]).end, c[0], c[1])

    # Statements

    def body(self, m: Meta, c: list[Any]) -> ast.Body:
        return ast.Body(m.start_pos, m.end_pos, c)

    def empty_body(self, m: Meta, c: list[Any]) -> ast.Body:
        return ast.Body(m.start_pos, m.end_pos, [])

    def branch(self, m: Meta, c: list[Any]) -> ast.Branch:
        return ast.Branch(c[0].start, c[-1].end, c)

    def pipe(self, m: Meta, c: list[Any]) -> ast.Pipe:
        return ast.Pipe(m.start_pos, m.end_pos, *c)

    def label(self, m: Meta, c: list[Any]) -> ast.Label:
        return ast.Label(m.start_pos, m.end_pos, str(c[0]), c[1:])

    def label_name(self, m: Meta, c: list[Any]) -> str:
        return str(c[0])

    def shared(self, m: Meta, c: list[Any]) -> ast.Shared:
        return ast.Shared(m.start_pos, m.end_pos, str(c[1]), c[2])

    def aux(self, m: Meta, c: list[Any]) -> ast.Aux:
        pairs = zip(c[2::2], c[3::2], strict=True)
        args = [ast.Argument(n.start_pos, v.end, str(n), v) for n, v in pairs]
        return ast.Aux(m.start_pos, m.end_pos, str(c[1]), args)

    def input(self, m: Meta, c: list[Any]) -> ast.Input:
        return ast.Input(m.start_pos, m.end_pos, str(c[1]), c[2])

    def output(self, m: Meta, c: list[Any]) -> ast.Output:
        return ast.Output(m.start_pos, m.end_pos, c[1:])

    def require(self, m: Meta, c: list[Any]) -> ast.Require:
        return ast.Require(m.start_pos, m.end_pos, c[1], None if c[2] is None else c[2][1:-1])

    def let(self, m: Meta, c: list[Any]) -> ast.Let:
        return ast.Let(m.start_pos, m.end_pos, str(c[1]), c[2], c[3])

    def if_(self, m: Meta, c: list[Any]) -> ast.If:
        return ast.If(m.start_pos, m.end_pos, *c)

    def for_(self, m: Meta, c: list[Any]) -> ast.For:
        return ast.For(m.start_pos, m.end_pos, *c)

    def targets(self, m: Meta, c: list[Any]) -> list[str]:
        return [str(t) for t in c]

    def name(self, m: Meta, c: list[Any]) -> ast.Name:
        return ast.Name(m.start_pos, m.end_pos, str(c[0]))

    # Stages

    def chain(self, m: Meta, c: list[Any]) -> ast.Chain:
        return ast.Chain(c[0].start, c[-1].end, c)

    def times(self, m: Meta, c: list[Any]) -> ast.Repeat:
        return ast.Repeat(m.start_pos, m.end_pos, c[0], c[2])

    def use(self, m: Meta, c: list[Any]) -> ast.Use:
        return ast.Use(m.start_pos, m.end_pos, str(c[0]), c[1])

    def reference(self, m: Meta, c: list[Any]) -> ast.Reference:
        return ast.Reference(m.start_pos, m.end_pos, str(c[0]), c[1:])

    def merge(self, m: Meta, c: list[Any]) -> ast.Merge:
        return ast.Merge(m.start_pos, m.end_pos, str(c[0]), c[1], c[2])

    def group(self, m: Meta, c: list[Any]) -> ast.Group:
        return ast.Group(m.start_pos, m.end_pos, c[0])

    def args(self, m: Meta, c: list[Any]) -> list[ast.Argument]:
        return c

    def arg(self, m: Meta, c: list[Any]) -> ast.Argument:
        return ast.Argument(m.start_pos, m.end_pos, c[0] and str(c[0]), c[1])

    def unknown(self, m: Meta, c: list[Any]) -> ast.Unknown:
        return ast.Unknown(m.start_pos, m.end_pos)

    def shape(self, m: Meta, c: list[Any]) -> ast.ShapeSpec:
        dims = [dim for dim in c if isinstance(dim, ast.DimSpec)]
        return ast.ShapeSpec(m.start_pos, m.end_pos, dims, rest=len(dims) < len(c))

    def dim(self, m: Meta, c: list[Any]) -> ast.DimSpec:
        return ast.DimSpec(m.start_pos, m.end_pos, c[0] and str(c[0]), c[1])

    # Expressions

    def number(self, m: Meta, c: list[Any]) -> ast.Number:
        return ast.Number(m.start_pos, m.end_pos, number_value(c[0]), str(c[0]))

    def truth(self, m: Meta, c: list[Any]) -> ast.Truth:
        return ast.Truth(m.start_pos, m.end_pos, c[0] == "true")

    def size(self, m: Meta, c: list[Any]) -> ast.SizeLiteral:
        parts = c[0].split("x")
        if max(map(len, parts)) > DIGITS_LIMIT:
            raise NumberTooLongError(c[0])
        return ast.SizeLiteral(m.start_pos, m.end_pos, tuple(map(int, parts)))

    def string(self, m: Meta, c: list[Any]) -> ast.String:
        return ast.String(m.start_pos, m.end_pos, c[0][1:-1])

    def variable(self, m: Meta, c: list[Any]) -> ast.Name:
        return ast.Name(m.start_pos, m.end_pos, str(c[0]))

    def call(self, m: Meta, c: list[Any]) -> ast.Call:
        return ast.Call(m.start_pos, m.end_pos, str(c[0]), c[1])

    def index(self, m: Meta, c: list[Any]) -> ast.Index:
        return ast.Index(m.start_pos, m.end_pos, *c)

    def slice(self, m: Meta, c: list[Any]) -> ast.Slice:
        return ast.Slice(m.start_pos, m.end_pos, *c)

    def parenthesised(self, m: Meta, c: list[Any]) -> Any:
        return c[0]

    def list_literal(self, m: Meta, c: list[Any]) -> ast.ListLiteral:
        return ast.ListLiteral(m.start_pos, m.end_pos, c)

    def comprehension(self, m: Meta, c: list[Any]) -> ast.Comprehension:
        return ast.Comprehension(m.start_pos, m.end_pos, *c)

    def unary(self, m: Meta, c: list[Any]) -> ast.Unary:
        return ast.Unary(m.start_pos, m.end_pos, str(c[0]), c[1])

    def binary(self, m: Meta, c: list[Any]) -> ast.Binary:
        return ast.Binary(m.start_pos, m.end_pos, str(c[1]), c[0], c[2])

    def conditional(self, m: Meta, c: list[Any]) -> ast.Conditional:
        return ast.Conditional(m.start_pos, m.end_pos, *c)
