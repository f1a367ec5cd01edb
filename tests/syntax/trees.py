"""Random syntax trees, of the shapes that text can be parsed to."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hypothesis import strategies as st

from archlang.source import Source
from archlang.syntax import ast

WORDS = ("a", "C", "conv", "x", "bn2", "_", "weight", "block", "model", "use", "same", "x3")
LABELS = (*WORDS, "shared", "aux", "input", "output", "require", "let", "true", "not", "in", "else")
NUMBERS = (
    "0", "7", "64", "007", "1.15", "0.5", ".5", "3.", "1e3", "1e-5", "2.5E+2", "5M", "300M", "8GB",
    "1.5KiB", "2K", "3G", "4MiB",
)  # fmt: skip
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}
AT = (0, 0)
OPERATORS = (
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**"
)  # fmt: skip

names = st.sampled_from(WORDS)
strings = st.text(
    st.characters(exclude_characters='"\n\r\0', exclude_categories=("Cs",)), max_size=8
)


def number(text: str) -> ast.Number:
    """A number as it is written."""
    digits = text.rstrip("KMGiB")
    unit = text[len(digits) :]
    scale = 2 ** {"K": 10, "M": 20, "G": 30}[unit[0]] if "i" in unit else UNITS.get(unit[:1], 1)
    value = Fraction(digits) * scale
    return ast.Number(*AT, int(value) if value.denominator == 1 else value, text)


numbers = st.sampled_from(NUMBERS).map(number)
atoms: st.SearchStrategy[ast.Expr] = st.one_of(
    numbers,
    names.map(lambda name: ast.Name(*AT, name)),
    st.booleans().map(lambda value: ast.Truth(*AT, value)),
    st.lists(st.integers(0, 99), min_size=2, max_size=4).map(
        lambda values: ast.SizeLiteral(*AT, tuple(values))
    ),
    strings.map(lambda value: ast.String(*AT, value)),
)


def arguments(values: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[list[ast.Argument]]:
    given = values | st.just(ast.Unknown(*AT))
    one = st.builds(ast.Argument, *map(st.just, AT), st.none() | names, given)
    return st.lists(one, max_size=3)


def larger(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    """Expressions made of others."""
    at = tuple(map(st.just, AT))
    operators = st.sampled_from(OPERATORS)
    return st.one_of(
        st.builds(ast.Binary, *at, operators, inner, inner),
        st.builds(ast.Unary, *at, st.sampled_from(("-", "not")), inner),
        st.builds(ast.Conditional, *at, inner, inner, inner),
        st.builds(ast.ListLiteral, *at, st.lists(inner, max_size=3)),
        st.builds(ast.Comprehension, *at, inner, st.lists(names, min_size=1, max_size=2), inner),
        st.builds(ast.Call, *at, names, arguments(inner)),
        st.builds(ast.Index, *at, inner, inner),
        st.builds(ast.Slice, *at, inner, st.none() | inner, st.none() | inner),
    )


expressions: st.SearchStrategy[ast.Expr] = st.recursive(atoms, larger, max_leaves=12)
small = st.recursive(atoms, larger, max_leaves=3)
at = tuple(map(st.just, AT))

dims = st.builds(ast.DimSpec, *at, st.none() | names, small)
shapes = st.builds(ast.ShapeSpec, *at, st.lists(dims, max_size=4), st.booleans())
params = st.lists(st.builds(ast.Param, *at, names, st.none() | small), max_size=3)
labels = st.one_of(
    st.builds(ast.Label, *at, st.sampled_from(LABELS), st.just([])),
    st.builds(ast.Label, *at, names, st.lists(small, min_size=1, max_size=2)),
)
lets = st.builds(ast.Let, *at, names, st.none() | params, small)


def bodies(statements: st.SearchStrategy[ast.Stmt]) -> st.SearchStrategy[ast.Body]:
    branch = st.builds(ast.Branch, *at, st.lists(statements, min_size=1, max_size=2))
    return st.builds(ast.Body, *at, st.lists(branch, max_size=2))


def chains(stages: st.SearchStrategy[ast.Stage]) -> st.SearchStrategy[ast.Chain]:
    repeated = st.builds(ast.Repeat, *at, stages, small)
    return st.builds(ast.Chain, *at, st.lists(stages | repeated, min_size=1, max_size=3))


uses = st.builds(ast.Use, *at, names, st.none() | arguments(small))
references = st.builds(ast.Reference, *at, names, st.lists(small, min_size=1, max_size=2))
flat = uses | references


def pipes(stages: st.SearchStrategy[ast.Stage]) -> st.SearchStrategy[ast.Pipe]:
    return st.builds(ast.Pipe, *at, st.none() | labels, chains(stages), st.none() | shapes)


def statements_of(inner: st.SearchStrategy[ast.Stmt]) -> st.SearchStrategy[ast.Stmt]:
    """Statements that hold other statements."""
    body = bodies(inner)
    stages = st.one_of(
        flat,
        st.builds(ast.Group, *at, body),
        st.builds(ast.Merge, *at, names, st.none() | arguments(small), body),
    )
    conditions = st.recursive(
        st.builds(ast.If, *at, small, body, st.none() | body),
        lambda more: st.builds(ast.If, *at, small, body, more),
        max_leaves=2,
    )
    return st.one_of(
        pipes(stages),
        conditions,
        st.builds(ast.For, *at, st.lists(names, min_size=1, max_size=2), small, body),
        st.builds(ast.Shared, *at, names, chains(stages)),
    )


named_arguments = st.lists(st.builds(ast.Argument, *at, st.just("weight"), small), max_size=2)
simple: st.SearchStrategy[ast.Stmt] = st.one_of(
    pipes(flat),
    lets,
    st.builds(ast.Aux, *at, names, named_arguments),
    st.builds(ast.Input, *at, names, shapes),
    st.builds(
        ast.Output,
        *at,
        st.lists(st.builds(ast.Name, *at, names), min_size=1, max_size=2),
    ),
    st.builds(ast.Require, *at, small, st.none() | strings),
)
statements: st.SearchStrategy[ast.Stmt] = st.recursive(simple, statements_of, max_leaves=6)
signatures = st.builds(ast.Signature, *at, shapes, st.none() | shapes)
items: st.SearchStrategy[ast.Item] = st.one_of(
    st.builds(ast.Block, *at, names, params, st.none() | signatures, bodies(statements)),
    st.builds(ast.Model, *at, names, params, bodies(statements)),
    st.builds(ast.Alias, *at, names, names, arguments(small)),
    st.builds(ast.UseFile, *at, strings),
    lets,
)
files = st.builds(
    ast.File,
    *at,
    st.just(Source("", "")),
    st.none() | st.just(1),
    st.lists(items, max_size=3),
    st.just([]),
)


def walk(node: object) -> Iterator[ast.Node]:
    """A node and all nodes inside it."""
    if isinstance(node, list):
        for item in node:
            yield from walk(item)
    elif isinstance(node, ast.Node):
        yield node
        for name in type(node).__dataclass_fields__:
            yield from walk(getattr(node, name))
