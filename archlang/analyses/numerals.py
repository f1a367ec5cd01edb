"""The numbers that a model is written with, and what else may have been meant by each.

A number is where it stands in the text, so one that several models share is one. Those next to a
finding, and those that the tensors on the way to it are made with, come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

from archlang.analyses.reached import reached
from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import parse_expression

Pair: TypeAlias = tuple[Fraction, Fraction]
DECIMALS = frozenset(2**a * 5**b for a in range(4) for b in range(4))
"""What a number of at most three decimals can be divided by."""
LONGEST = 12
"""Digits of a number that is proposed."""
ODDER = 3
"""How much less round a number next to one must be for no slip of it to be taken from it."""


@dataclass(frozen=True, slots=True, eq=False)
class Numeral:
    """A number of the text, and what it is in: layer, list or argument, item.

    ``stated`` is the shape or requirement that it is in: it says what comes out, and makes nothing.
    """

    node: ast.Number | ast.SizeLiteral
    span: Span
    item: ast.Item
    within: tuple[Span, ...] = ()
    """The arguments, lists and layers that it is in, the outermost first."""
    stated: Span | None = None
    default: bool = False
    """Whether it is in a parameter's default."""
    arrives: bool = False
    """Whether it is a size of the input."""

    @property
    def value(self) -> int | Fraction | None:
        """Its value; None of a size."""
        return self.node.value if isinstance(self.node, ast.Number) else None

    @contextmanager
    def as_text(self, text: str) -> Iterator[bool]:
        """Inside, the tree has it as ``text`` says; False where that is no number of its kind."""
        node, was = self.node, _content(self.node)
        try:
            value = parse_expression(Source("", text))
        except ArchError:
            value = None
        fits = type(value) is type(node)
        if fits:
            _put(node, _content(value))
        try:
            yield fits
        finally:
            _put(node, was)


def _content(node: Any) -> Any:
    return node.values if isinstance(node, ast.SizeLiteral) else node.value


def _put(node: ast.Number | ast.SizeLiteral, content: Any) -> None:
    if isinstance(node, ast.SizeLiteral):
        node.values = content
    else:
        node.value = content


def numerals(program: Program, model: str) -> list[Numeral]:
    """The numbers of all items that a model is made with, in the order of the text."""
    blank = ast.Number(0, 0, 0, "")
    return [
        numeral
        for item, file in reached(program, model)
        for numeral in _of(item, file, Numeral(blank, file.span(item), item))
    ]


def _of(node: Any, file: ast.File, inside: Numeral) -> Iterator[Numeral]:
    """The numbers in a node, each with all that ``inside`` says of the node."""
    if isinstance(node, ast.Number | ast.SizeLiteral):
        yield replace(inside, node=node, span=file.span(node))
    elif isinstance(node, list):
        for part in node:
            yield from _of(part, file, inside)
    elif isinstance(node, ast.Node):
        span = file.span(node)
        match node:
            case ast.Input():
                inside = replace(inside, arrives=True)
            case ast.Require() | ast.ShapeSpec() if inside.stated is None:
                inside = replace(inside, stated=None if inside.arrives else span)
            case ast.Param():
                inside = replace(inside, default=True, within=(*inside.within, span))
            case ast.Use() | ast.Call() | ast.Argument() | ast.ListLiteral() | ast.Repeat():
                inside = replace(inside, within=(*inside.within, span))
        for field in node.__dataclass_fields__:
            yield from _of(getattr(node, field), file, inside)


def by_distance(found: Sequence[Numeral], anchors: Sequence[Span]) -> list[Numeral]:
    """Numbers in the order in which one of them is likely to be wrong.

    ``anchors`` are places that have to do with what is wrong, the nearest first. Numbers in an
    anchor come before those on the lines of anchors, and these before what a model is made with by
    its name, defaults, and all else.
    """
    lines: dict[tuple[str, int], int] = {}
    for place, anchor in enumerate(anchors):
        lines.setdefault((anchor.source.name, anchor.line), place)

    def rank(numeral: Numeral) -> tuple[int, int]:
        span = numeral.span
        for place, a in enumerate(() if numeral.arrives else anchors):
            if span.within(a):
                return 0, place
        if numeral.arrives:
            return 5, 0
        near = lines.get((span.source.name, span.line))
        if near is not None:
            return 1, near
        if isinstance(numeral.item, ast.Alias):
            return 2, 0
        return (3 if isinstance(numeral.item, ast.Let) or numeral.default else 4), 0

    return sorted(found, key=rank)


def solved(numeral: Numeral, pairs: Sequence[Pair]) -> Iterator[str]:
    """What a number could be for sizes to come out as wanted.

    Each of ``pairs`` is a size that is wanted, and the one there is: the number may be that size
    itself, a part of it, a factor, or a stride that divides it.
    """
    now, out = numeral.value, dict[str, None]()
    if now is None:
        return
    for want, have in pairs:
        if numeral.stated:
            want, have = have, want
        made = [now + (want - have)]
        if have and want:
            made += [now * want / have, Fraction(round(now * have / want))]
        out.update((_shown(value, "." in numeral.span.text), None) for value in made)
    yield from (text for text in out if text not in ("", numeral.span.text))


def next_to(numeral: Numeral) -> Iterator[str]:
    """Numbers next to one, the rounder first; of a size those first that are alike on all axes."""
    text, made = numeral.span.text, dict[str, None]()
    for match in re.finditer(r"\d+", text):
        now = int(match.group())
        least = 1 if numeral.span.source.text[: numeral.span.start].endswith("-") else 0
        near = sorted((n for n in (now - 1, now + 1) if n >= least), key=lambda n: -roundness(n))
        for n in near:
            if numeral.stated or roundness(n) > roundness(now) - ODDER:
                made[text[: match.start()] + str(n) + text[match.end() :]] = None
    made.pop(text, None)
    yield from sorted(made, key=lambda m: "x" in m and len(set(m.split("x"))) > 1)


def _shown(value: Fraction, decimal: bool) -> str:
    """A number as it is written; nothing where it is none that would be written so."""
    if not 0 <= value < 10**LONGEST:
        return ""
    if value.denominator == 1:
        return str(value.numerator)
    return str(float(value)) if decimal and value.denominator in DECIMALS else ""


def roundness(number: int) -> int:
    """How often 2 divides a number, at most 6 times; of a small one that says nothing: 0."""
    if number < 12:
        return 0
    return min(6, (number & -number).bit_length() - 1)
